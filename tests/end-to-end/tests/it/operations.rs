//! What operators see and do, over the admin API.

use std::time::Duration;

use end_to_end::{Answer, TestGateway, answer, eventually, to_employer, to_patient_portal};
use gateway::playground::employer_stand_in::{Fault, FaultPlan};
use http::Method;
use serde_json::{Value, json};

use crate::BINARY;

/// Asks the admin API.
async fn ask(gateway: &TestGateway, method: Method, path: &str, body: Option<Value>) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("http://{}/admin/v1/{path}", gateway.admin()));
    answer(match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    })
    .await
}

async fn look(gateway: &TestGateway, path: &str) -> Value {
    let seen = ask(gateway, Method::GET, path, None).await;
    assert_eq!(seen.status, 200, "{path}: {}", seen.body);
    for value in ["49003120231", "Maasikas", "D01234", "47605090025", "HCERT-2026-0417"] {
        assert!(!seen.body.to_string().contains(value), "{path} shows {value}");
    }
    seen.body
}

async fn act(gateway: &TestGateway, path: &str, body: Value) -> Answer {
    ask(gateway, Method::POST, path, Some(body)).await
}

fn destination<'v>(destinations: &'v Value, name: &str) -> &'v Value {
    let all = destinations["destinations"].as_array().unwrap();
    all.iter().find(|destination| destination["name"] == name).unwrap()
}

fn troubles(overview: &Value) -> Vec<(&str, &str)> {
    let all = overview["troubles"].as_array().unwrap();
    all.iter().map(|of| (of["code"].as_str().unwrap(), of["object"].as_str().unwrap_or(""))).collect()
}

#[tokio::test]
async fn a_paused_destination_is_sent_nothing_until_it_is_resumed_and_a_crash_changes_nothing() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let reason = json!({ "reason": "their certificate has expired" });
    let preview = json!({ "reason": "their certificate has expired", "preview": true });
    let shown = act(&gateway, "destinations/employer/pause", preview).await;
    assert_eq!((shown.status, &shown.body["acts"]), (200, &json!(true)), "{}", shown.body);
    assert_eq!(destination(&look(&gateway, "destinations").await, "employer")["state"], "idle");
    let paused = act(&gateway, "destinations/employer/pause", reason).await;
    assert_eq!((paused.status, &paused.body["acts"]), (200, &json!(true)), "{}", paused.body);

    let accepted = gateway.ehr().submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "it is accepted all the same");
    let elsewhere = gateway.ehr().submit(&to_patient_portal().waiting(10)).await;
    assert_eq!(elsewhere.text("/state"), "delivered", "{}", elsewhere.body);
    gateway.restart();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(gateway.playground.employer.received().is_empty());
    let seen = look(&gateway, "destinations").await;
    let employer = destination(&seen, "employer");
    assert_eq!((&employer["state"], &employer["pending"]), (&json!("paused"), &json!(1)));
    assert_eq!(employer["paused"]["reason"], "their certificate has expired");
    let overview = look(&gateway, "overview").await;
    assert_eq!(troubles(&overview), [("destination-paused", "employer")], "{overview}");
    let metrics = gateway.ask_admin("/metrics").await.1;
    assert!(metrics.contains("clearance_destination_paused{destination=\"employer\"} 1"), "{metrics}");

    let resumed = act(&gateway, "destinations/employer/resume", json!({})).await;
    assert_eq!((resumed.status, &resumed.body["affected"]), (200, &json!(1)), "{}", resumed.body);
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    assert_eq!(look(&gateway, "overview").await["troubles"], json!([]));
    gateway.rests().await;
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_is_retried_or_discarded_with_a_preview_first() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    // It stays so.
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let ehr = gateway.ehr();
    let first = ehr.submit(&to_employer()).await;
    let second =
        ehr.submit(&to_employer().documenting("/identifier/0/value", json!("HCERT-2026-0500"))).await;
    let failing = eventually(|| async {
        let seen = look(&gateway, "destinations").await;
        (destination(&seen, "employer")["state"] == "failing").then_some(seen)
    });
    let seen = failing.await.unwrap();
    assert!(destination(&seen, "employer")["last_failure"]["code"].is_string(), "{seen}");
    let overview = look(&gateway, "overview").await;
    assert_eq!(troubles(&overview), [("destination-failing", "employer")], "{overview}");
    assert!(overview["troubles"][0]["runbook"].is_string());
    let listed = look(&gateway, "transfers?destination=employer").await;
    assert_eq!(listed["transfers"].as_array().unwrap().len(), 2);

    let of_employer = json!({ "destination": "employer" });
    let preview = act(&gateway, "transfers/retry", json!({ "filter": of_employer, "preview": true })).await;
    assert_eq!(preview.status, 200, "{}", preview.body);
    let unknown = act(&gateway, "transfers/discard", json!({ "transfers": [first.transfer()] })).await;
    assert_eq!(unknown.status, 400, "it asks why");
    let why = json!({ "transfers": [first.transfer()], "reason": "sent by post meanwhile" });
    let discarded = eventually(|| async {
        let discarded = act(&gateway, "transfers/discard", why.clone()).await;
        // While an attempt is under way it cannot be.
        (discarded.body["affected"] == 1).then_some(discarded)
    });
    discarded.await.unwrap();
    let shown = look(&gateway, &format!("transfers/{}", first.transfer())).await;
    assert_eq!((&shown["state"], &shown["code"]), (&json!("withdrawn"), &json!("discarded")));
    let kinds: Vec<_> =
        shown["history"].as_array().unwrap().iter().map(|of| of["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["disclosure", "administration", "outcome"]);

    gateway.playground.employer.told(FaultPlan::none());
    let retried = act(&gateway, "transfers/retry", json!({ "filter": of_employer })).await;
    assert_eq!(retried.status, 200, "{}", retried.body);
    assert_eq!(ehr.ended(second.transfer()).await["state"], "delivered");
    gateway.rests().await;
}

#[tokio::test]
async fn nobody_acts_without_the_role_nor_from_another_page() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(
        &settings,
        text.replace(r#"plain_roles = ["read", "ops", "certs", "dpo"]"#, r#"plain_roles = ["read"]"#),
    )
    .unwrap();
    let foreign = reqwest::Client::new()
        .post(format!("http://{}/admin/v1/destinations/employer/pause", gateway.admin()))
        .header("content-type", "application/json")
        .header("origin", "http://evil.example")
        .body(r#"{"reason":"none"}"#);
    assert_eq!(answer(foreign).await.status, 403);
    let form = reqwest::Client::new()
        .post(format!("http://{}/admin/v1/destinations/employer/pause", gateway.admin()))
        .header("content-type", "text/plain")
        .body(r#"{"reason":"none"}"#);
    assert_eq!(answer(form).await.status, 415);
    let led_here = reqwest::Client::new()
        .get(format!("http://{}/admin/v1/overview", gateway.admin()))
        .header("host", "evil.example");
    assert_eq!(answer(led_here).await.status, 403);

    gateway.hangup();
    let taken = eventually(|| async {
        let roles = look(&gateway, "overview").await["roles"].clone();
        (roles == json!(["read"])).then_some(())
    });
    assert!(taken.await.is_some());
    for (path, body) in [
        ("destinations/employer/pause", json!({ "reason": "a try" })),
        ("destinations/employer/resume", json!({})),
        ("transfers/retry", json!({ "filter": { "destination": "employer" } })),
        ("transfers/discard", json!({ "filter": { "destination": "employer" }, "reason": "a try" })),
        ("certificates/reload", json!({})),
        ("ledger/verify", json!({})),
    ] {
        let refused = act(&gateway, path, body).await;
        assert_eq!((refused.status, refused.text("/title")), (403, "role-missing"), "{path}");
    }
    let named = json!({ "reason": "Mari, 49003120231, has asked" });
    let personal = act(&gateway, "destinations/employer/pause", named).await;
    assert!(!personal.body.to_string().contains("49003120231"));
    assert!(destination(&look(&gateway, "destinations").await, "employer")["paused"].is_null());
    gateway.rests().await;
}

#[tokio::test]
async fn certificates_are_taken_up_the_ledger_is_verified_and_the_log_changed_when_an_operator_says_so() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let delivered = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!(delivered.text("/state"), "delivered");
    let named = json!({ "transfers": [delivered.transfer()], "reason": "49003120231 has asked" });
    let personal = act(&gateway, "transfers/discard", named).await;
    assert_eq!((personal.status, personal.text("/title")), (400, "request-malformed"), "{}", personal.body);
    let reloaded = act(&gateway, "certificates/reload", json!({})).await;
    assert_eq!((reloaded.status, &reloaded.body["reloaded"]), (200, &json!([])), "nothing has changed");
    let listed = look(&gateway, "certificates").await;
    assert!(listed["certificates"].as_array().unwrap().len() > 5, "{listed}");
    let started = act(&gateway, "ledger/verify", json!({})).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let verified = eventually(|| async {
        let verified = look(&gateway, "overview").await["ledger"]["verified"].clone();
        verified.is_object().then_some(verified)
    });
    assert_eq!(verified.await.unwrap()["ok"], true);
    let changed =
        ask(&gateway, Method::PUT, "log-filter", Some(json!({ "filter": "info,gateway=debug" }))).await;
    assert_eq!((changed.status, changed.text("/was")), (200, "info"), "{}", changed.body);
    assert_eq!(look(&gateway, "overview").await["log_filter"], "info,gateway=debug");
    let (code, answer) = gateway.verify_ledger().await;
    assert_eq!((code, &answer["entries"]["administration"]), (Some(0), &json!(3)), "{answer}");
}

#[tokio::test]
async fn a_listener_hears_of_a_transfer_as_it_goes() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let mut events = reqwest::get(format!("http://{}/admin/v1/events", gateway.admin())).await.unwrap();
    let accepted = gateway.ehr().submit(&to_employer()).await;
    let mut heard = String::new();
    let hearing = async {
        while !heard.contains("\"state\":\"delivered\"") {
            heard.push_str(std::str::from_utf8(&events.chunk().await.unwrap().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(20), hearing).await.unwrap();
    assert!(heard.contains("event: transfer") && heard.contains(accepted.transfer()), "{heard}");
    gateway.rests().await;
}

#[tokio::test]
async fn the_outbox_is_steered_from_the_command_line() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let outbox = async |arguments: &[&str]| {
        let admin = format!("http://{}", gateway.admin());
        let command =
            tokio::process::Command::new(BINARY).args(["outbox", "--admin", &admin]).args(arguments).output();
        let output = command.await.unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = outbox(&["pause", "employer", "--reason", "their certificate has expired"]).await;
    assert_eq!((code, said.as_str()), (Some(0), "affects 0 transfers\n"));
    let accepted = gateway.ehr().submit(&to_employer()).await;
    let (code, said) = outbox(&["status"]).await;
    assert!(code == Some(0) && said.contains("employer"), "{said}");
    let line = said.lines().find(|line| line.starts_with("employer")).unwrap();
    assert!(line.contains("paused") && line.ends_with("(their certificate has expired)"), "{line}");
    let (_, said) = outbox(&["list", "--destination", "employer"]).await;
    assert!(said.contains(accepted.transfer()), "{said}");
    let (_, said) = outbox(&["resume", "employer", "--dry-run"]).await;
    assert_eq!(said, "would affect 1 transfers\n");
    let (_, said) = outbox(&["retry", "--destination", "employer"]).await;
    assert_eq!(said, "affects 1 transfers\n");
    let why = ["discard", accepted.transfer(), "--reason", "sent by post meanwhile"];
    assert_eq!(outbox(&why).await.1, "affects 1 transfers\n");
    let (_, said) = outbox(&["show", accepted.transfer()]).await;
    assert!(said.contains("withdrawn") && said.contains("discard loopback"), "{said}");
    let (code, said) = outbox(&["show", "none"]).await;
    assert_eq!((code, said.as_str()), (Some(1), "error: not-found: there is no such transfer\n"));
    assert_eq!(outbox(&["retry"]).await.0, Some(2), "it asks which");
    outbox(&["resume", "employer"]).await;
    gateway.rests().await;
}
