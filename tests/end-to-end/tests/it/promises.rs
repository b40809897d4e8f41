//! What the listeners promise whoever knocks, one case a promise: TLS, certificates, HTTP/1.1 and HTTP/2 as no library of ours
//! would speak them, asked from outside by Python and OpenSSL. The cases are in `promises/*.py`, each with its own words.
//!
//! What a flood, a slow peer or a rotation does is tested elsewhere (`floods`, `connections`, `rotations`).

use std::path::{Path, PathBuf};

use end_to_end::TestGateway;
use gateway::playground::Choices;
use serde_json::Value;
use tokio::process::Command;

use crate::BINARY;
use crate::peers::{is_there, run};

#[tokio::test]
async fn tls_is_spoken_in_one_way_and_in_no_other() {
    if is_there("openssl", &["version"]).await && is_there("python3", &["--version"]).await {
        all_are_kept("tls.py", 50).await;
    }
}

#[tokio::test]
async fn a_certificate_is_let_in_or_stopped_for_its_own_reason() {
    if is_there("python3", &["-c", "import cryptography"]).await {
        all_are_kept("certificates.py", 55).await;
    }
}

#[tokio::test]
async fn requests_of_http_1_are_read_in_one_way_or_refused() {
    if is_there("python3", &["--version"]).await {
        all_are_kept("http1.py", 120).await;
    }
}

#[tokio::test]
async fn frames_of_http_2_are_read_in_one_way_or_refused() {
    if is_there("python3", &["-c", "import hyperframe, hpack"]).await {
        all_are_kept("http2.py", 50).await;
    }
}

/// Asks every case of a script at a gateway of its own; there are at least `count`.
async fn all_are_kept(script: &str, count: usize) {
    let gateway = generous().await;
    let cases = told_by(&mut asking(&gateway, script)).await;
    let broken: Vec<_> = cases.iter().filter(|case| case["kept"] != true).collect();
    assert!(broken.is_empty(), "{} of {} are not kept: {broken:#?}", broken.len(), cases.len());
    assert!(cases.len() >= count, "only {} were asked", cases.len());
    eprintln!("{} promises of `{script}` are kept", cases.len());
    assert_eq!(gateway.ehr().get("/v1/destinations").await.status, 200, "after all of them");
    gateway.rests().await;
}

/// A gateway that minds neither how many knock nor how often.
pub(crate) async fn generous() -> TestGateway {
    let settings = "[limits]\nclient_burst = 100000\nclient_per_second = 10000\n".to_owned();
    TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await
}

/// A script of `promises`, told where the doors are and where the example's certificates lie.
pub(crate) fn asking(gateway: &TestGateway, script: &str) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/promises");
    let mut command = Command::new("python3");
    command.arg("-B").arg(scripts.join(script)).arg(gateway.intake().port().to_string());
    command.arg(gateway.scanners().port().to_string()).arg(gateway.folder());
    command
}

/// What a script says, one JSON object a line.
pub(crate) async fn told_by(command: &mut Command) -> Vec<Value> {
    let said = run(command).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let lines = String::from_utf8(said.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The published requests that a front and the gateway could read differently, if they are there.
pub(crate) fn published() -> Option<Vec<PathBuf>> {
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES").map(PathBuf::from) else {
        eprintln!("skipped: CLEARANCE_SAMPLES is not set");
        return None;
    };
    let files = ["ambiguous.yaml", "acceptable.yaml", "rfc-compliant.yaml"];
    Some(files.iter().map(|file| samples.join("http").join(file)).collect())
}
