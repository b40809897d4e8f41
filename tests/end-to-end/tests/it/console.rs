//! The console in a real browser: `console.py` opens it in Chromium, by Playwright; axe-core looks at every view.
//!
//! The walk of `src/gateway/docs/console.md` is made with a gateway whose deliveries stopped. The answers of other bad
//! days are made up by `console_scenes.py`; the page, its scripts and its guards are always the gateway's.
//! A test whose tools are not installed says so and is skipped. `CLEARANCE_AXE` names axe-core's file.

use end_to_end::{TestGateway, to_employer};
use gateway::playground::{DOCTOR, DRIVER, WORKER};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::BINARY;
use crate::peers::{is_there, run};

#[tokio::test]
async fn why_deliveries_stopped_is_found_and_they_are_resumed_by_keyboard_alone() {
    if !has_browser().await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let transfers = paused_with_three(&gateway).await;

    let seen = console(&gateway, "walk", &[]).await;
    assert_eq!(seen["verdict"], "1 thing is wrong", "{seen:#}");
    assert_eq!(seen["title"], "(1) Now – Clearance");
    says(&seen["trouble"], &["employer: paused", "since", "Why", REASON, "What to do", "Resume… employer"]);
    assert_eq!(seen["address"], "#/transfers?destination=employer");
    assert_eq!(seen["focus"], "heading");
    says(&seen["detail"], &["accepted", "health-check-decision", "the disclosure is on record"]);
    says(&seen["dialog"], &[REASON, "Would affect 3 transfers."]);
    says(&seen["notice"], &["employer is resumed"]);
    assert_eq!(seen["end"], "Nothing is wrong");
    assert_eq!(seen["focus at the end"], "heading");
    assert_eq!(seen["complaints"], json!([]));

    for transfer in &transfers {
        assert_eq!(gateway.ehr().ended(transfer).await["state"], "delivered");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn no_page_names_anybody() {
    if !has_browser().await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let delivered = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!(delivered.status, 200, "{}", delivered.body);
    paused_with_three(&gateway).await;

    let seen = console(&gateway, "read", &[]).await;
    let pages = seen["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 5 + 4);
    for page in pages {
        assert!(page["text"].as_str().unwrap().len() > 50, "{page}");
        for value in [WORKER.code, WORKER.family, DRIVER.code, DOCTOR.0, DOCTOR.1, "HCERT-2026-0417"] {
            assert!(!page["content"].as_str().unwrap().contains(value), "{value} is on {}", page["view"]);
        }
    }
    assert_eq!((&seen["complaints"], &seen["elsewhere"]), (&json!([]), &json!([])));
    act(&gateway, "resume", json!({})).await;
    gateway.rests().await;
}

#[tokio::test]
async fn every_view_is_for_everyone_and_asks_nobody_else() {
    let Ok(axe) = std::env::var("CLEARANCE_AXE") else {
        eprintln!("skipped: CLEARANCE_AXE is not set");
        return;
    };
    if !has_browser().await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let seen = console(&gateway, "look", &[&axe]).await;
    assert_eq!(seen["seen"], 24);
    for what in ["violations", "complaints", "elsewhere", "wide", "small"] {
        assert_eq!(seen[what], json!([]), "{what}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn every_act_is_shown_before_it_is_done_and_needs_no_mouse() {
    if !has_browser().await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let seen = console(&gateway, "steer", &[]).await;
    assert_eq!(seen["focus after resuming"], "heading");
    says(&seen["pause"], &["Pause employer", "Would affect 12 transfers.", "Reason", "Cancel"]);
    assert_eq!(seen["after escape"], "Pause… employer");
    assert_eq!(seen["focus after filter"], "filter-state");
    assert_eq!(seen["states"], json!(["accepted"]));
    assert_eq!(seen["page 2"], 50);
    says(&seen["verified"], &["not whole", "leaf-altered"]);
    assert_eq!(seen["remembered"], json!(["et", "dark"]));
    assert_eq!(seen["complaints"], json!([]));
    let filter = json!({ "destination": "employer" });
    assert_eq!(
        seen["acts"],
        json!([
            ["destinations/image-bank/resume", { "preview": true }],
            ["destinations/image-bank/resume", {}],
            // Left by Escape.
            ["destinations/employer/pause", { "preview": true }],
            ["destinations/employer/pause", { "preview": true }],
            ["destinations/employer/pause", { "reason": "their certificate" }],
            ["transfers/retry", { "filter": filter, "preview": true }],
            ["transfers/retry", { "filter": filter }],
            ["transfers/discard", { "filter": filter, "preview": true }],
            ["transfers/discard", { "filter": filter, "perhaps_delivered": true, "preview": true }],
            ["transfers/discard", {
                "filter": filter, "perhaps_delivered": true, "reason": "sent again by the clinic",
            }],
            ["certificates/reload", {}],
            ["ledger/verify", {}],
            ["log-filter", { "filter": "info,gateway::delivery=debug" }],
        ])
    );
    gateway.rests().await;
}

#[tokio::test]
async fn who_may_only_look_is_told_which_role_is_missing() {
    if !has_browser().await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let seen = console(&gateway, "limits", &[]).await;
    assert_eq!((&seen["buttons"], &seen["enabled"]), (&json!(13), &json!(0)));
    assert_eq!(seen["note"], "This needs the role ops; you have: read");
    gateway.rests().await;
}

#[tokio::test]
async fn without_a_connection_nothing_is_called_well() {
    if !has_browser().await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let seen = console(&gateway, "loses", &[]).await;
    assert_eq!(seen["before"], "Nothing is wrong");
    assert_eq!(seen["well"], json!(vec!["delivering"; 4]));
    assert_eq!(seen["after"], "What is wrong now is not known");
    says(&seen["trouble"], &["since", "Why", "does not answer", "What to do", "systemctl status clearance"]);
    assert_eq!(seen["was"], json!(vec!["was: delivering"; 4]));
    assert_eq!((&seen["good"], &seen["enabled"]), (&json!(0), &json!(0)));
    says(&seen["title"], &["(!)"]);
    says(&seen["another view"], &["No connection to the gateway", "Certificates"]);
    assert_eq!(seen["lost at the end"], 0);
    gateway.rests().await;
}

const REASON: &str = "partner-maintenance";

/// A colleague has paused the employer, and three transfers wait there.
async fn paused_with_three(gateway: &TestGateway) -> Vec<String> {
    act(gateway, "pause", json!({ "reason": REASON })).await;
    let mut transfers = Vec::new();
    for number in 0..3 {
        let key = format!("key-{number}").into();
        let accepted = gateway.ehr().submit(&to_employer().declaring("/ordering_key", key)).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        transfers.push(accepted.transfer().to_owned());
    }
    transfers
}

async fn act(gateway: &TestGateway, act: &str, body: Value) {
    let address = format!("http://{}/admin/v1/destinations/employer/{act}", gateway.admin());
    let request = reqwest::Client::new().post(address).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    let status = answer.status();
    assert_eq!(status, StatusCode::OK, "{}", answer.text().await.unwrap());
}

/// What `console.py` saw.
async fn console(gateway: &TestGateway, step: &str, arguments: &[&str]) -> Value {
    let said = run(&mut command(gateway, step, arguments)).await;
    serde_json::from_slice(&said.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr)))
}

fn command(gateway: &TestGateway, step: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/console.py"), step]);
    command.arg(format!("http://{}", gateway.admin())).args(arguments);
    command
}

async fn has_browser() -> bool {
    is_there("chromium", &["--version"]).await && is_there("python3", &["-c", "import playwright"]).await
}

fn says(text: &Value, parts: &[&str]) {
    let text = text.as_str().unwrap();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}
