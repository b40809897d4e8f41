//! The command line, as its users type it: answers on standard output, reasons on standard error, exit codes as documented.

use std::path::Path;
use std::process::{Command, Output};

use end_to_end::{TestGateway, to_employer};
use gateway::playground::Choices;
use gateway::playground::employer_stand_in::{Fault, FaultPlan};
use identity::example::ExampleClient;
use serde_json::Value;

use crate::BINARY;

fn fixture(name: &str) -> String {
    format!("{}/../fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command of the gateway in `folder`.
pub(crate) async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder);
    // The stand-ins and the gateway have to go on meanwhile.
    let output: Output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn submit_sends_a_document_and_a_refusal_is_exit_code_3() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.playground.client(ExampleClient::Ehr);
    let (document, address) =
        (fixture("occupational-certificate.json"), format!("https://localhost:{}", gateway.intake().port()));
    let authorities = gateway.playground.authorities();
    let arguments = |declaration: &str| -> Vec<String> {
        [
            "--json",
            "submit",
            &document,
            "--declaration",
            declaration,
            "--gateway",
            &address,
            "--wait",
            "10",
            "--cert",
        ]
        .into_iter()
        .map(str::to_owned)
        .chain([
            ehr.chain.display().to_string(),
            "--key".into(),
            ehr.key.display().to_string(),
            "--ca".into(),
        ])
        .chain([authorities.display().to_string()])
        .collect()
    };
    let good = arguments(&fixture("occupational-declaration.json"));
    let (code, said, why) = run(gateway.folder(), &good.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(code, Some(0), "{said}{why}");
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["state"], "delivered");

    let bad = gateway.folder().join("declaration.json");
    let declaration = to_employer().declaring("/legal_basis/gdpr6", "6(1)(f)".into()).declaration;
    std::fs::write(&bad, declaration.to_string()).unwrap();
    let bad = arguments(&bad.display().to_string());
    let (code, said, _) = run(gateway.folder(), &bad.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["rule"], "health-check-decision");
    gateway.rests().await;
}

#[tokio::test]
async fn check_shows_what_would_leave_without_a_gateway() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.stop().await;
    let (document, declaration) =
        (fixture("occupational-certificate.json"), fixture("occupational-declaration.json"));
    let arguments = ["check", &document, "--declaration", &declaration, "--html", "check.html"];
    let (code, said, why) = run(gateway.folder(), &arguments).await;
    assert_eq!(code, Some(0), "{said}{why}");
    assert!(said.contains("permitted by health-check-decision"));
    assert!(said.contains("Composition.section[code=shortened-reason]"));
    assert!(
        !said.contains("Maasikas") && !said.contains("herniated"),
        "a check without --show names no value"
    );
    let page = std::fs::read_to_string(gateway.folder().join("check.html")).unwrap();
    assert!(page.contains("<h2>Leaves</h2>") && page.contains("the profile does not name it"), "{page}");
    assert!(!page.contains("60001017869") && !page.contains("Maasikas"), "a page of a check names no value");
    let other = fixture("driver-declaration.json");
    let (code, said, _) = run(gateway.folder(), &["check", &document, "--declaration", &other]).await;
    assert_eq!(code, Some(3), "{said}");
}

#[tokio::test]
async fn config_check_finds_all_faults_at_once() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.stop().await;
    let folder = gateway.folder();
    assert_eq!(run(folder, &["config", "check"]).await.0, Some(0));
    std::fs::remove_file(folder.join("keys/ledger.key")).unwrap();
    std::fs::write(folder.join("certs/server/tls.crt"), "").unwrap();
    let (code, said, why) = run(folder, &["config", "check"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("ledger.key") && said.contains("tls.crt"), "{said}{why}");
    let (code, said, _) = run(folder, &["keys", "init", "keys"]).await;
    assert_eq!(code, Some(0));
    assert!(said.contains("made keys/ledger.key"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_and_what_is_left_out_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = "nowhere/at-all";
    let files = ["--cert", nowhere, "--key", nowhere, "--ca", nowhere];
    let commands: [&[&str]; 6] = [
        &[&["submit", nowhere, "--declaration", nowhere][..], &files].concat(),
        &["config", "check", nowhere],
        &["certs", "show", "--config", nowhere],
        &["certs", "check-chain", nowhere, "--ca", nowhere],
        &["ledger", "verify", "--config", nowhere],
        &["check", nowhere, "--declaration", nowhere, "--config", nowhere],
    ];
    for command in commands {
        let (code, said, why) = run(folder.path(), command).await;
        assert_eq!((code, said.as_str()), (Some(1), ""), "{command:?}");
        assert!(why.starts_with("error: ") && why.contains(nowhere), "{command:?}: {why}");
    }
    for command in [&["submit"][..], &["check"], &["keys", "init"], &["nonsense"]] {
        assert_eq!(run(folder.path(), command).await.0, Some(2), "{command:?}");
    }
}

#[tokio::test]
async fn config_check_names_what_takes_effect_at_a_restart() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.stop().await;
    let text = std::fs::read_to_string(gateway.playground.settings()).unwrap();
    let new = text.replace("check_digits = \"warn\"", "check_digits = \"reject\"")
        + "\n[limits]\nconnections_max = 7\nbody_ms = 7000\n";
    std::fs::write(gateway.folder().join("new.toml"), new).unwrap();
    let arguments = ["config", "check", "new.toml", "--against", "clearance.toml"];
    let (code, said, why) = run(gateway.folder(), &arguments).await;
    assert_eq!(code, Some(0), "{why}");
    assert_eq!(said, "new.toml: ok\n`limits.connections_max` takes effect at restart\n");
}

#[tokio::test]
async fn certs_check_chain_says_who_it_would_be_and_why_not() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.stop().await;
    let lists = ["--ca", "certs/authority/clients.crt", "--crl", "certs/authority/clients.crl"];
    let chain = |name: &str| format!("certs/{name}/tls.crt");
    let good = chain("clients/ehr");
    let (code, said, why) =
        run(gateway.folder(), &[&["certs", "check-chain", &good][..], &lists].concat()).await;
    assert_eq!(code, Some(0), "{why}");
    assert!(said.contains("NTREE-10990009"), "{said}");
    let revoked = chain("bad/revoked");
    let (code, _, why) =
        run(gateway.folder(), &[&["certs", "check-chain", &revoked][..], &lists].concat()).await;
    assert_eq!(code, Some(1));
    assert!(why.contains("revoked"), "{why}");
}

#[tokio::test]
async fn a_flipped_byte_of_the_ledger_is_reported_at_its_entry() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    for _ in 0..3 {
        assert_eq!(gateway.ehr().submit(&to_employer().waiting(10)).await.status, 200);
    }
    gateway.stop().await;
    let database = gateway.data().join("clearance.db");
    let third: Vec<u8> = rusqlite::Connection::open(&database)
        .unwrap()
        .query_row("SELECT leaf FROM entry WHERE idx = 3", [], |row| row.get(0))
        .unwrap();
    let mut bytes = std::fs::read(&database).unwrap();
    // The order of entries is not that of the file: the entry is found by its bytes, which no other has.
    let place = bytes.windows(third.len()).position(|at| at == third).unwrap();
    bytes[place + third.len() / 2] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let (code, answer) = gateway.verify_ledger().await;
    assert_eq!(
        (code, &answer["ok"], &answer["index"]),
        (Some(4), &Value::Bool(false), &3.into()),
        "{answer}"
    );
}

#[tokio::test]
async fn a_start_with_another_seal_key_says_so_and_takes_nothing() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    assert_eq!(gateway.ehr().submit(&to_employer()).await.status, 202);
    gateway.stop().await;
    let key = gateway.folder().join("keys/seal.key");
    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, "11".repeat(32)).unwrap();
    let settings = gateway.playground.settings().display().to_string();
    let (code, _, why) = run(gateway.folder(), &["serve", "--config", &settings]).await;
    assert_ne!(code, Some(0));
    assert!(why.contains("is `seal.key` the one that it was made with?"), "{why}");
    std::fs::write(&key, right).unwrap();
    gateway.playground.employer.told(FaultPlan::none());
    gateway.restart();
    gateway.rests().await;
}

#[tokio::test]
async fn daily_keys_lie_where_the_settings_say_and_outlast_a_restart() {
    let settings = "[paths]\nkeyring = \"ring\"\n".to_owned();
    let mut gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let accepted = gateway.ehr().submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    assert_eq!(std::fs::read_dir(gateway.folder().join("ring")).unwrap().count(), 1);
    assert!(!gateway.data().join("keyring").exists());
    gateway.kill();
    gateway.playground.employer.told(FaultPlan::none());
    gateway.restart();
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    gateway.rests().await;
}
