//! The integrator's kit: what schemathesis finds, what generated clients and ready-made requests do.
//!
//! A test whose tool is not installed says so and is skipped. `CLEARANCE_SCHEMATHESIS_SECONDS` has schemathesis look for
//! longer; `CLEARANCE_NODE_TOOLS` is the folder in which `tests/run` has installed the tools of Node.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use end_to_end::{TestGateway, to_employer};
use gateway::playground::{Choices, DOCTOR, WORKER};
use identity::example::ExampleClient;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::BINARY;
use crate::disclosures::let_search;
use crate::peers::{base, is_there, run, written};

const SCHEMATHESIS_SECONDS: &str = "30";

/// Tools send faster than a client may.
const UNHURRIED: &str = "[limits]\nclient_per_second = 100000\nclient_burst = 100000\n\
                         destination_per_second = 100000\ndestination_burst = 100000\n";

/// A gateway that lets tools hurry, and its EHR search for disclosures.
async fn gateway() -> TestGateway {
    let choices = Choices { settings: UNHURRIED.to_owned(), ..Choices::default() };
    let mut gateway = TestGateway::with(BINARY, choices).await;
    let_search(&mut gateway, ExampleClient::Ehr);
    gateway
}

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/kit").join(name)
}

fn requests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/gateway/docs/requests")
}

#[tokio::test]
async fn schemathesis_finds_nothing() {
    if !is_there("schemathesis", &["--version"]).await {
        return;
    }
    let gateway = gateway().await;
    let seconds = std::env::var("CLEARANCE_SCHEMATHESIS_SECONDS");
    let seconds = seconds.unwrap_or_else(|_| SCHEMATHESIS_SECONDS.to_owned());
    let files = gateway.playground.client(ExampleClient::Ehr);
    let mut command = Command::new("schemathesis");
    command.current_dir(gateway.folder()).env("PYTHONPATH", beside("")).env("SCHEMATHESIS_HOOKS", "hooks");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg("--config-file").arg(beside("schemathesis.toml"));
    command.args(["run", "--checks", "all", "--seed", "1", "--max-time", &seconds]);
    command.arg("--tls-verify").arg(gateway.playground.authorities());
    command.arg("--request-cert").arg(files.chain).arg("--request-cert-key").arg(files.key);
    command.args(["--url", &base(&gateway), &format!("{}/openapi.json", base(&gateway))]);
    let said = run(&mut command).await;
    let findings = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{findings}\n{}", String::from_utf8_lossy(&said.stderr));
    assert!(findings.contains("Tested: 13"), "not every call was tried: {findings}");
    // What it makes up is not in the log, nor are the persons of the examples.
    let log = gateway.log();
    for value in [WORKER.code, WORKER.family, DOCTOR.1] {
        assert!(!log.contains(value), "{value} is in the log");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn a_generated_python_client_sends_a_document_and_reads_its_state() {
    if !is_there("openapi-python-client", &["--version"]).await {
        return;
    }
    let gateway = gateway().await;
    let document = description(&gateway).await;
    let package = gateway.folder().join("generated/clearance_client");
    let mut generate = Command::new("openapi-python-client");
    generate.current_dir(gateway.folder()).args(["generate", "--meta", "none", "--path"]).arg(document);
    let generated = run(generate.arg("--output-path").arg(&package)).await;
    assert!(generated.status.success(), "{generated:?}");
    let mut client = Command::new("python3");
    client.env("PYTHONPATH", package.parent().unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
    let said = run(client.arg(beside("client.py")).args(of_the_ehr(&gateway))).await;
    has_sent(&gateway, &said).await;
    gateway.rests().await;
}

#[tokio::test]
async fn a_generated_typescript_client_sends_a_document_and_reads_its_state() {
    let Some(tools) = node_tools() else { return };
    let gateway = gateway().await;
    let document = description(&gateway).await;
    let folder = gateway.folder();
    let types = folder.join("clearance.d.ts");
    let generated = run(tool(&tools, "openapi-typescript").arg(document).arg("-o").arg(&types)).await;
    assert!(generated.status.success(), "{generated:?}");
    std::fs::copy(beside("client.ts"), folder.join("client.ts")).unwrap();
    let mut compile = tool(&tools, "tsc");
    compile.current_dir(folder).args(["--strict", "--noUncheckedIndexedAccess", "--module", "commonjs"]);
    compile.args(["--target", "es2022", "--types", "node", "--typeRoots"]).arg(tools.join("@types"));
    let compiled = run(compile.arg("client.ts")).await;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stdout));
    let said = run(Command::new("node").arg(folder.join("client.js")).args(of_the_ehr(&gateway))).await;
    has_sent(&gateway, &said).await;
    gateway.rests().await;
}

#[tokio::test]
async fn the_requests_for_curl_run_as_they_stand_and_cover_every_call() {
    if is_there("curl", &["--version"]).await {
        script_covers_every_call("curl.sh").await;
    }
}

#[tokio::test]
async fn the_requests_for_httpie_run_as_they_stand_and_cover_every_call() {
    if is_there("http", &["--version"]).await {
        script_covers_every_call("httpie.sh").await;
    }
}

#[tokio::test]
async fn the_requests_for_postman_run_as_they_stand_and_cover_every_call() {
    let Some(tools) = node_tools() else { return };
    let gateway = gateway().await;
    let files = gateway.playground.client(ExampleClient::Ehr);
    let mut newman = tool(&tools, "newman");
    newman.arg("run").arg(requests().join("clearance.postman_collection.json"));
    newman.args(["--env-var", &format!("clearance={}", base(&gateway)), "--color", "off"]);
    newman.arg("--ssl-client-cert").arg(files.chain).arg("--ssl-client-key").arg(files.key);
    newman.arg("--ssl-extra-ca-certs").arg(gateway.playground.authorities());
    let said = run(&mut newman).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    covers_every_call(&gateway).await;
    gateway.rests().await;
}

/// One source: the bodies that are sent, those in the collection, and the examples of the description are the same.
#[tokio::test]
async fn the_bodies_of_the_ready_made_requests_are_the_examples_of_the_description() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let document = gateway.ehr().get("/openapi.json").await.body;
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(requests().join(name)).unwrap()).unwrap()
    };
    let collection = read("clearance.postman_collection.json");
    let mut sent = 0;
    for request in collection["item"].as_array().unwrap().iter().map(|item| &item["request"]) {
        let Some(body) = request["body"]["raw"].as_str() else { continue };
        let path = request["url"]["raw"].as_str().unwrap().replace("{{clearance}}", "");
        let (call, file) = match path.split('?').next().unwrap() {
            "/v1/transfers" => ("/v1/transfers", "transfer.json"),
            "/v1/checks" => ("/v1/checks", "transfer.json"),
            "/v1/requests" => ("/v1/requests", "question.json"),
            "/v1/disclosures/search" => ("/v1/disclosures/search", "search.json"),
            path if path.starts_with("/v1/consents/") => ("/v1/consents/{id}", "notice.json"),
            _ => ("/v1/restrictions/{id}", "notice.json"),
        };
        let method = request["method"].as_str().unwrap().to_lowercase();
        let example =
            &document["paths"][call][&method]["requestBody"]["content"]["application/json"]["example"];
        assert_eq!(&read(file), example, "{file}");
        assert_eq!(&serde_json::from_str::<Value>(body).unwrap(), example, "{method} {path}");
        sent += 1;
    }
    assert_eq!(sent, 8);
    gateway.rests().await;
}

async fn script_covers_every_call(script: &str) {
    let gateway = gateway().await;
    let files = gateway.playground.client(ExampleClient::Ehr);
    let mut command = Command::new("bash");
    command.arg(requests().join(script)).env("CLEARANCE", base(&gateway));
    command.env("CERTIFICATE", files.chain).env("KEY", files.key);
    let said = run(command.env("AUTHORITIES", gateway.playground.authorities())).await;
    let answers = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{answers}\n{}", String::from_utf8_lossy(&said.stderr));
    for expected in ["expected: transfer-ended", "expected: nothing-found", "\"restricted\"", "\"search\""] {
        assert!(answers.contains(expected), "{answers}");
    }
    covers_every_call(&gateway).await;
    gateway.rests().await;
}

/// By the gateway's own log: each call of the description was made.
async fn covers_every_call(gateway: &TestGateway) {
    let document = gateway.ehr().get("/openapi.json").await.body;
    let described: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let lines: Vec<Value> =
        gateway.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let made: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| {
            Some(format!("{} {}", line["http.request.method"].as_str()?, line["url.template"].as_str()?))
        })
        .collect();
    let missing: Vec<_> = described.difference(&made).collect();
    assert!(missing.is_empty() && described.len() >= 13, "{missing:?}");
}

/// The transfer that the client has told of was delivered, and its refusal said why.
async fn has_sent(gateway: &TestGateway, said: &std::process::Output) {
    assert!(said.status.success(), "{said:?}");
    let told: Value = serde_json::from_slice(&said.stdout).unwrap();
    let transfer = told["transfer"].as_str().unwrap();
    assert_eq!(gateway.ehr().state(transfer).await["state"], "delivered");
    assert_eq!(told["rule"], json!("purpose-unknown"), "{told}");
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
}

async fn description(gateway: &TestGateway) -> PathBuf {
    written(gateway, "openapi.json", &gateway.ehr().get("/openapi.json").await.body.to_string())
}

/// What both clients are called with: address, certificate, key, authorities, body.
fn of_the_ehr(gateway: &TestGateway) -> Vec<std::ffi::OsString> {
    let files = gateway.playground.client(ExampleClient::Ehr);
    let body = written(gateway, "submission.json", &to_employer().body());
    let paths = [files.chain, files.key, gateway.playground.authorities(), body];
    std::iter::once(base(gateway).into()).chain(paths.map(Into::into)).collect()
}

/// Where the packages of Node lie; otherwise says that the test is skipped.
fn node_tools() -> Option<PathBuf> {
    let tools = std::env::var_os("CLEARANCE_NODE_TOOLS").filter(|tools| !tools.is_empty());
    if tools.is_none() {
        eprintln!("skipped: `CLEARANCE_NODE_TOOLS` is not set");
    }
    tools.map(|tools| Path::new(&tools).join("node_modules"))
}

fn tool(tools: &Path, name: impl AsRef<OsStr>) -> Command {
    Command::new(tools.join(".bin").join(name.as_ref()))
}
