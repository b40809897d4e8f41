//! Settings that change while the gateway runs: what a reload puts in force, and what it says of the rest.

use std::time::{Duration, Instant};

use end_to_end::{TestGateway, eventually, to_employer};
use gateway::playground::Choices;
use gateway::playground::employer_stand_in::{Fault, FaultPlan};
use serde_json::Value;

use crate::BINARY;

/// Changes the settings and waits until they have been read; the log line that says so.
async fn reloaded(gateway: &TestGateway, change: impl Fn(&str) -> String) -> Value {
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, change(&text)).unwrap();
    let said = |log: &str| -> Vec<Value> {
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event.action"] == "reloaded").collect()
    };
    let before = said(&gateway.log()).len();
    gateway.hangup();
    let line = eventually(|| async { said(&gateway.log()).into_iter().nth(before) }).await;
    line.unwrap_or_else(|| panic!("it was not reloaded: {}", gateway.log()))
}

#[tokio::test]
async fn rates_sizes_and_terms_take_effect_at_once_and_what_needs_a_restart_is_named() {
    let settings = "[limits]\nclient_burst = 400\ndocument_bytes_max = 1048576\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let ehr = gateway.ehr();
    assert_eq!(ehr.check(&to_employer(), "").await.status, 200);

    let line =
        reloaded(&gateway, |text| text.replace("document_bytes_max = 1048576", "json_body_bytes_max = 100"))
            .await;
    assert!(line.get("settings.at_restart").is_none(), "{line}");
    let listed = ehr.get("/v1/destinations").await;
    assert_eq!(listed.body["limits"]["json_body_bytes_max"], 100);
    assert_eq!(ehr.check(&to_employer(), "").await.status, 413);

    let line = reloaded(&gateway, |text| {
        text.replace("client_burst = 400", "client_burst = 1\nclient_per_second = 1\nconnections_max = 7")
    })
    .await;
    assert_eq!(line["settings.at_restart"], "limits.connections_max");
    let mut limited = 0;
    for _ in 0..3 {
        limited += u32::from(ehr.check(&to_employer(), "").await.status == 429);
    }
    assert!(limited > 0, "a new rate holds at once");
    gateway.rests().await;
}

#[tokio::test]
async fn a_transfer_whose_destination_was_removed_waits_in_the_store_until_it_is_back() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let ehr = gateway.ehr();
    let accepted = ehr.submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let settings = gateway.playground.settings();
    let with_employer = std::fs::read_to_string(&settings).unwrap();
    reloaded(&gateway, |text| {
        let tables = text.split("\n[").filter(|table| !table.starts_with("destinations.employer"));
        tables.collect::<Vec<_>>().join("\n[").replace("\"employer\", ", "")
    })
    .await;
    let waits = eventually(|| async {
        let state = ehr.state(accepted.transfer()).await;
        (state["code"] == "destination-not-configured").then_some(state)
    });
    let waits = waits.await.expect("it says why it waits");
    assert_eq!(waits["final"], false);
    // It is looked at again after its deadline, not every few seconds.
    let at = |name: &str| waits[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(at("next_attempt_at") > at("not_after"), "{waits}");
    let shown = eventually(|| async {
        let (_, metrics) = gateway.ask_admin("/metrics").await;
        metrics.contains(r#"clearance_outbox_pending{destination="employer"} 1"#).then_some(())
    });
    assert!(shown.await.is_some(), "what waits is shown");

    // Nothing holds up the end, and what waits outlives it.
    let since = Instant::now();
    assert_eq!(gateway.stop().await, Some(0));
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    gateway.restart();
    gateway.playground.employer.told(FaultPlan::none());
    reloaded(&gateway, |_| with_employer.clone()).await;
    let ended = gateway.ehr().ended(accepted.transfer()).await;
    assert_eq!(ended["state"], "delivered", "{ended}");
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
    gateway.rests().await;
}

#[tokio::test]
async fn a_transfer_whose_client_was_removed_waits_until_it_is_back() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let ehr = gateway.ehr();
    let accepted = ehr.submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let with_client = std::fs::read_to_string(gateway.playground.settings()).unwrap();
    reloaded(&gateway, |text| {
        let (before, clients) = text.split_once("\n[[clients]]").unwrap();
        let (_, others) = clients.split_once("\n[[clients]]").unwrap();
        format!("{before}\n[[clients]]{others}")
    })
    .await;
    let parked = eventually(|| async {
        let (_, metrics) = gateway.ask_admin("/metrics").await;
        metrics.contains(r#"reason="client-not-configured""#).then_some(())
    });
    assert!(parked.await.is_some(), "{}", gateway.log());
    gateway.playground.employer.told(FaultPlan::none());
    reloaded(&gateway, |_| with_client.clone()).await;
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    gateway.rests().await;
}

#[tokio::test]
async fn a_certificate_whose_chain_does_not_hold_is_not_put_in_force() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    // The destinations' authority has not issued the gateway's certificate.
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    let wrong =
        text.replacen("[intake]\n", "[intake]\ncertificate_ca = \"certs/authority/partners.crt\"\n", 1);
    assert_ne!(wrong, text);
    std::fs::write(&settings, wrong).unwrap();
    gateway.hangup();
    let said =
        eventually(|| async { gateway.log().contains("the chain does not hold against").then_some(()) });
    assert!(said.await.is_some(), "{}", gateway.log());
    assert!(gateway.ehr().connects().await, "the old stays");
    gateway.rests().await;
}
