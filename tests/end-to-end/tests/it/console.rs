//! The console in a real browser: `console.py` opens it in Chromium, by Playwright; axe-core looks at every view.
//!
//! A test whose tools are not installed says so and is skipped. `CLEARANCE_AXE` names axe-core's file.

use std::path::PathBuf;
use std::process::Stdio;

use end_to_end::{TestGateway, to_employer};
use gateway::playground::{Choices, DOCTOR, DRIVER, WORKER};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::BINARY;
use crate::peers::{is_there, run};

#[tokio::test]
async fn why_deliveries_stopped_is_found_and_they_are_resumed_by_keyboard_alone() {
    if !has_browser().await {
        return;
    }
    let gateway = gateway(ALL_ROLES).await;
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
    assert_eq!(seen["complaints"], json!([]));

    for transfer in &transfers {
        assert_eq!(gateway.ehr().ended(transfer).await["state"], "delivered");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn every_view_is_for_everyone_names_nobody_and_asks_nobody_else() {
    let Some(axe) = std::env::var_os("CLEARANCE_AXE").map(PathBuf::from) else {
        eprintln!("skipped: CLEARANCE_AXE is not set");
        return;
    };
    if !has_browser().await {
        return;
    }
    let gateway = gateway(ALL_ROLES).await;
    let delivered = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!(delivered.status, 200, "{}", delivered.body);
    paused_with_three(&gateway).await;

    let seen = console(&gateway, "look", &[axe.to_str().unwrap()]).await;
    for what in ["violations", "complaints", "elsewhere", "wide", "small"] {
        assert_eq!(seen[what], json!([]), "{what}");
    }
    let pages = seen["pages"].as_array().unwrap();
    assert!(pages.len() > 20);
    for page in pages {
        for value in [WORKER.code, WORKER.family, DRIVER.code, DOCTOR.0, DOCTOR.1, "HCERT-2026-0417"] {
            assert!(!page["content"].as_str().unwrap().contains(value), "{value} is on {}", page["view"]);
        }
    }
    resume(&gateway).await;
    gateway.rests().await;
}

#[tokio::test]
async fn who_may_only_look_is_told_which_role_is_missing() {
    if !has_browser().await {
        return;
    }
    let gateway = gateway(r#"["read"]"#).await;
    let seen = console(&gateway, "limits", &[]).await;
    assert!(seen["buttons"].as_u64().unwrap() >= 6, "{seen}");
    assert_eq!(seen["enabled"], 0);
    assert_eq!(seen["note"], "This needs the role ops; you have: read");
    gateway.rests().await;
}

#[tokio::test]
async fn without_a_connection_nothing_is_called_well() {
    if !has_browser().await {
        return;
    }
    let mut gateway = gateway(ALL_ROLES).await;
    let mut browser = command(&gateway, "loses", &[]);
    let mut browser = browser.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut said = BufReader::new(browser.stdout.take().unwrap()).lines();
    assert_eq!(said.next_line().await.unwrap().as_deref(), Some("open"));
    gateway.kill();
    browser.stdin.take().unwrap().write_all(b"gone\n").await.unwrap();
    let seen: Value = serde_json::from_str(&said.next_line().await.unwrap().unwrap()).unwrap();

    assert_eq!(seen["before"], "Nothing is wrong", "{seen:#}");
    says(&seen["pulse"], &["Live"]);
    assert_eq!(seen["after"], "What is wrong now is not known");
    says(&seen["trouble"], &["No connection to the gateway", "since", "What to do", "systemctl status clearance"]);
    let states = seen["states"].as_array().unwrap();
    assert!(states.len() >= 6);
    states.iter().for_each(|state| says(state, &["was: "]));
    assert_eq!((&seen["good"], &seen["enabled"]), (&json!(0), &json!(0)));
    says(&seen["title"], &["(!)"]);
}

const ALL_ROLES: &str = r#"["ops", "certs", "dpo", "read"]"#;
const REASON: &str = "partner-maintenance";

/// A gateway whose admin listener gives these roles to whoever calls.
async fn gateway(roles: &str) -> TestGateway {
    TestGateway::with(BINARY, Choices { admin_roles: Some(roles.to_owned()), ..Choices::default() }).await
}

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

async fn resume(gateway: &TestGateway) {
    act(gateway, "resume", json!({})).await;
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
