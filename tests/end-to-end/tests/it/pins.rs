//! Partners' servers whose keys are pinned.

use end_to_end::{Answer, TestGateway, eventually, to_employer};
use serde_json::Value;

use crate::BINARY;

/// Puts these settings in force.
async fn reload(gateway: &TestGateway, settings: &str) {
    std::fs::write(gateway.playground.settings(), settings).unwrap();
    let said = |log: &str| log.matches(r#""event.action":"reloaded""#).count();
    let before = said(&gateway.log());
    gateway.hangup();
    let reloaded = eventually(|| async { (said(&gateway.log()) > before).then_some(()) });
    assert!(reloaded.await.is_some(), "{}", gateway.log());
}

/// The state of a transfer that waits for this reason.
async fn waiting_for(gateway: &TestGateway, accepted: &Answer, code: &str) -> Value {
    let ehr = gateway.ehr();
    let state = eventually(|| async {
        let state = ehr.state(accepted.transfer()).await;
        (state["code"] == code).then_some(state)
    });
    state.await.unwrap_or_else(|| panic!("it does not wait for `{code}`: {}", gateway.log()))
}

/// Has the employer's server pinned to these keys from now on.
async fn pin(gateway: &TestGateway, keys: &[&str]) {
    let text = std::fs::read_to_string(gateway.playground.settings()).unwrap();
    let kept = text.lines().filter(|line| !line.ends_with(" # pinned"));
    let keys: Vec<_> = keys.iter().map(|key| format!("{{ sha256 = \"{key}\" }}")).collect();
    let pinned = format!("[peers.employer]\nspki_sha256 = [{}] # pinned", keys.join(", "));
    let text = kept.collect::<Vec<_>>().join("\n").replace("[peers.employer]", &pinned);
    reload(gateway, &text).await;
}

#[tokio::test]
async fn a_server_with_another_key_is_sent_nothing_until_its_key_is_pinned() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let old = "0".repeat(64);
    pin(&gateway, &[&old]).await;
    let ehr = gateway.ehr();
    let accepted = ehr.submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let waits = waiting_for(&gateway, &accepted, "key-not-pinned").await;
    assert_eq!((&waits["final"], &waits["state"]), (&Value::Bool(false), &"delivering".into()), "{waits}");
    assert!(gateway.playground.employer.received().is_empty(), "nothing was sent");
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    assert!(metrics.contains(r#"clearance_key_not_pinned_total{peer="employer"}"#));

    // What ops do: take the key from the log, have the partner confirm it, pin it beside the old one.
    let log = gateway.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = lines.into_iter().find(|line| line["event.action"] == "key-not-pinned").unwrap();
    assert_eq!(said["peer.service"], "employer");
    pin(&gateway, &[&old, said["tls.server.spki_sha256"].as_str().unwrap()]).await;
    assert_eq!(ehr.ended(accepted.transfer()).await["state"], "delivered");

    // Pinned to the old one alone, an open connection is no way around it.
    pin(&gateway, &[&old]).await;
    let refused = ehr.submit(&to_employer().waiting(1)).await;
    assert_eq!(refused.status, 202, "{}", refused.body);
    waiting_for(&gateway, &refused, "key-not-pinned").await;
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
    pin(&gateway, &[said["tls.server.spki_sha256"].as_str().unwrap()]).await;
    assert_eq!(ehr.ended(refused.transfer()).await["state"], "delivered");
    gateway.rests().await;
}

#[tokio::test]
async fn a_server_of_another_authority_is_told_apart_from_one_that_is_away() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let text = std::fs::read_to_string(gateway.playground.settings()).unwrap();
    let (before, employer) = text.split_once("[peers.employer]").unwrap();
    let other = employer.replacen("authority/partners.crt", "authority/clients.crt", 1);
    // What the gateway shows there has to come from the same authority as before.
    let other = other.replacen(
        "certificate = ",
        "certificate_ca = \"certs/authority/partners.crt\"\ncertificate = ",
        1,
    );
    reload(&gateway, &format!("{before}[peers.employer]{other}")).await;
    let accepted = gateway.ehr().submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    waiting_for(&gateway, &accepted, "tls-handshake").await;
    assert!(gateway.playground.employer.received().is_empty(), "nothing was sent");
    reload(&gateway, &text).await;
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    gateway.rests().await;
}
