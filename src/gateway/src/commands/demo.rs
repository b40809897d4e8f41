//! `clearance demo`: the main job, end to end, on embedded defaults: a PKI, stand-ins, a gateway, transfers, a table.

mod bills;
mod images;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use identity::example::ExampleClient;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde::Serialize;
use serde_json::{Value, json};

use super::ledger::{believed, show};
use super::{Failure, Report, asked_to_stop, runtime, submit};
use crate::playground::{Choices, Playground, employer_stand_in, samples};
use crate::secrets::Secrets;
use crate::serve::Running;
use crate::{config, housekeeping, serve, telemetry};

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Leave everything running afterwards, and print requests to try
    #[arg(long)]
    stay: bool,
}

/// Who signs what is sent: code and personal code, as the documents have them.
fn doctor() -> (String, String) {
    ("D01234".to_owned(), "47605090025".to_owned())
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    answer: String,
    state: String,
    kept: u64,
    dropped: u64,
    kept_back: Vec<String>,
    why: String,
}

/// One transfer to try.
struct Trial {
    what: &'static str,
    client: ExampleClient,
    declaration: Value,
    /// JSON; or XML, as a text.
    document: Value,
}

impl Demo {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        let folder = tempfile::Builder::new().prefix("clearance-demo-").tempdir()?;
        let settings = config::Telemetry { log: "warn".into(), otlp: String::new(), trace_ratio: 1.0 };
        let _telemetry = telemetry::start(&settings)?;
        let metrics = telemetry::metrics::start()?;
        runtime()?.block_on(async {
            let progress = progress(report);
            progress.set_message("making a PKI and starting stand-ins");
            let choices = Choices { admin: self.stay, vouched: vec![doctor()], ..Choices::default() };
            let playground = Playground::start(folder.path(), &choices)?;
            progress.inc(1);
            progress.set_message("starting the gateway");
            let config = config::load(&playground.settings())?;
            let running = serve::start(config, Some(&playground.settings()), metrics).await?;
            progress.inc(1);
            let address = format!("https://localhost:{}", running.intake.port());
            let rows = play(&playground, &address, &progress).await?;
            progress.finish_and_clear();
            tell(report, &playground, &rows);
            let verified = verify(&running, folder.path()).await?;
            let ok = show(report, &verified);
            report.value(&json!({ "transfers": rows, "ledger_verifies": ok.is_ok() }));
            if self.stay {
                invite(report, &playground, &running, folder.path())?;
                asked_to_stop().await?;
            }
            running.stop().await;
            ok
        })
    }
}

fn progress(report: &Report) -> ProgressBar {
    let bar = ProgressBar::new(13);
    if report.is_json() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}

async fn play(playground: &Playground, address: &str, progress: &ProgressBar) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for trial in trials() {
        progress.set_message(trial.what);
        let client = client(playground, trial.client)?;
        rows.push(send(&client, address, &trial, 20).await?);
        progress.inc(1);
    }
    progress.set_message("treatment bills");
    rows.extend(bills::play(playground, address).await?);
    progress.inc(1);
    progress.set_message("images");
    rows.extend(images::play(playground, address).await?);
    progress.inc(1);
    rows.push(retried(playground, address, progress).await?);
    Ok(rows)
}

fn trials() -> Vec<Trial> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (occupational, driver) = (parse(samples::OCCUPATIONAL), parse(samples::DRIVER));
    let (to_employer, to_administration) =
        (parse(samples::TO_EMPLOYER), parse(samples::TO_TRANSPORT_ADMINISTRATION));
    let trial = |what, declaration: &Value, document: &Value| Trial {
        what,
        client: ExampleClient::Ehr,
        declaration: declaration.clone(),
        document: document.clone(),
    };
    let prescription = trial(
        "prescription to the prescription centre",
        &parse(samples::TO_PRESCRIPTION_CENTRE),
        &parse(samples::PRESCRIPTION),
    );
    let with = |value: &Value, pointer: &str, new: Value| {
        let mut value = value.clone();
        if let Some(place) = value.pointer_mut(pointer) {
            *place = new;
        }
        value
    };
    vec![
        trial("health-check decision to the employer", &to_employer, &occupational),
        trial("driver's certificate to the Transport Administration", &to_administration, &driver),
        prescription,
        trial(
            "ambulatory epicrisis to the patient portal",
            &parse(samples::TO_PATIENT_PORTAL),
            &Value::from(samples::EPICRISIS),
        ),
        trial(
            "no legal basis: legitimate interest",
            &with(&to_employer, "/legal_basis/gdpr6", json!("6(1)(f)")),
            &occupational,
        ),
        trial(
            "too much: a sentence where a code belongs",
            &to_administration,
            &with(&driver, "/identifier/0/value", json!("see the letter of the neurologist")),
        ),
        trial(
            "wrong patient: the document is about another person",
            &to_employer,
            &with(&occupational, "/subject/0/identifier/value", json!("38507140418")),
        ),
        Trial {
            client: ExampleClient::OtherEhr,
            ..trial("a client that is not registered", &to_employer, &occupational)
        },
    ]
}

/// The employer is down; the transfer is accepted, tried, and delivered once it is up again.
async fn retried(playground: &Playground, address: &str, progress: &ProgressBar) -> Result<Row, Failure> {
    const WHAT: &str = "the employer is down, then up";
    progress.set_message(WHAT);
    playground.employer.told(employer_stand_in::FaultPlan::none().once(employer_stand_in::Fault::Down));
    let client = client(playground, ExampleClient::Ehr)?;
    let mut trial = trials().into_iter().next().ok_or_else(|| Failure::Failed("no trial".into()))?;
    trial.what = WHAT;
    if let Some(number) = trial.document.pointer_mut("/identifier/0/value") {
        *number = json!("HCERT-2026-0499");
    }
    let accepted = send(&client, address, &trial, 0).await?;
    progress.inc(1);
    progress.set_message("waiting for a retry");
    let mut view = Value::Null;
    for round in 0..200 {
        view = get(&client, &format!("{address}/v1/transfers/{}", accepted.why)).await?;
        if view.get("attempts").and_then(Value::as_u64).unwrap_or(0) >= 2 && round % 2 == 0 {
            playground.employer.told(employer_stand_in::FaultPlan::none());
        }
        if view.get("final").and_then(Value::as_bool) == Some(true) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    progress.inc(1);
    let attempts = view.get("attempts").and_then(Value::as_u64).unwrap_or(0);
    Ok(Row { state: text(&view, "state"), why: format!("delivered at attempt {attempts}"), ..accepted })
}

fn client(playground: &Playground, client: ExampleClient) -> Result<Client, Failure> {
    let files = playground.client(client);
    submit::client(&files.chain, &files.key, &playground.authorities())
}

async fn send(client: &Client, address: &str, trial: &Trial, wait: u32) -> Result<Row, Failure> {
    let request = client
        .post(format!("{address}/v1/transfers"))
        .header("idempotency-key", submit::fresh_key())
        .header("prefer", format!("wait={wait}"));
    // The declaration comes first in the body: of a document nothing is read before it.
    let request = match trial.document.as_str() {
        Some(xml) => {
            let document = Part::text(xml.to_owned()).mime_str("application/xml")?;
            request.multipart(
                Form::new().text("declaration", trial.declaration.to_string()).part("document", document),
            )
        }
        None => request
            .header("content-type", "application/json")
            .body(format!(r#"{{"declaration":{},"document":{}}}"#, trial.declaration, trial.document)),
    };
    let answer = request.send().await?;
    let status = answer.status();
    let body: Value = answer.json().await?;
    Ok(row(trial.what, status, &body))
}

async fn get(client: &Client, url: &str) -> Result<Value, Failure> {
    Ok(client.get(url).send().await?.json().await?)
}

fn row(what: &'static str, status: StatusCode, body: &Value) -> Row {
    let count = |name: &str| body.pointer(&format!("/manifest/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let why = if status.is_success() { text(body, "transfer") } else { refusal(body) };
    Row {
        what,
        answer: status.as_u16().to_string(),
        state: if status.is_success() { text(body, "state") } else { "refused".to_owned() },
        kept: count("kept_values") + count("implied_values"),
        dropped: count("dropped_values"),
        kept_back: kept_back(body),
        why,
    }
}

/// What the manifest says was dropped: paths only, it never holds a value. Labels and technical parts are left out here.
fn kept_back(body: &Value) -> Vec<String> {
    const DULL: [&str; 6] = [".system", ".display", ".meta", ".status", ".code", ".type"];
    let dropped = body.pointer("/manifest/dropped").and_then(Value::as_array);
    let paths = dropped.into_iter().flatten().filter_map(|item| item.get("path").and_then(Value::as_str));
    paths
        .filter(|path| !DULL.iter().any(|end| path.ends_with(end)))
        .map(|path| path.replace("system|code=http://snomed.info/sct|", "code="))
        .collect()
}

/// The rule that decided, and the first of what would change it.
fn refusal(body: &Value) -> String {
    let rule = body.get("rule").and_then(Value::as_str).map_or_else(|| text(body, "title"), str::to_owned);
    match body.pointer("/errors/0/remedy").and_then(Value::as_str) {
        Some(remedy) => format!("{rule}: {remedy}"),
        None => rule,
    }
}

fn text(body: &Value, name: &str) -> String {
    body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn tell(report: &Report, playground: &Playground, rows: &[Row]) {
    report.line(format_args!(
        "{:<55} {:>6}  {:<10} {:>5} {:>7}  why",
        "what was sent", "answer", "state", "kept", "dropped"
    ));
    for row in rows {
        let why = if row.why.len() == 36 { "" } else { &row.why };
        report.line(format_args!(
            "{:<55} {:>6}  {:<10} {:>5} {:>7}  {why}",
            row.what, row.answer, row.state, row.kept, row.dropped
        ));
    }
    if let Some(first) = rows.first() {
        report.line("\nof the health-check certificate, this was kept back");
        first.kept_back.iter().for_each(|line| report.line(format_args!("  {line}")));
    }
    let decisions = playground.employer.decisions();
    report.line(format_args!(
        "\nand this is what the employer received ({} decisions), the first",
        decisions.len()
    ));
    if let Some(decision) = decisions.first() {
        let document: Value = serde_json::from_slice(&decision.document).unwrap_or_default();
        leaves(&document, &mut String::new(), &mut |path, value| {
            report.line(format_args!("  {path:<60} {value}"))
        });
    }
    let documents = playground.portal.documents();
    report.line(format_args!("\nthe patient portal has {} CDA document on file", documents.len()));
    let filed = playground.tis.certificates();
    let sections: BTreeSet<_> = filed.iter().flat_map(section_codes).collect();
    let sections: Vec<_> = sections.into_iter().collect();
    report.line(format_args!(
        "TIS received {} certificate, with the sections {}\n",
        filed.len(),
        sections.join(", "),
    ));
    for prescription in playground.prescriptions.prescriptions() {
        let number = prescription.pointer("/identifier/0/value").and_then(Value::as_str).unwrap_or_default();
        report.line(format_args!("the prescription centre issued the prescription {number}\n"));
    }
    report.line(format_args!("the Health Insurance Fund received {} bill\n", playground.fund.bills().len()));
    report.line(format_args!("the image bank stored {} images\n", playground.image_bank.instances().len()));
}

/// Every value of a document with its path; systems and profiles say nothing to a reader here.
fn leaves(value: &Value, path: &mut String, tell: &mut impl FnMut(&str, &str)) {
    let length = path.len();
    match value {
        Value::Object(members) => {
            let telling = members
                .iter()
                .filter(|(name, _)| !["system", "meta", "resourceType"].contains(&name.as_str()));
            for (name, member) in telling {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                leaves(member, path, tell);
                path.truncate(length);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, path, tell)),
        Value::String(text) => tell(path, text),
        other => tell(path, &other.to_string()),
    }
}

fn section_codes(certificate: &Value) -> Vec<String> {
    let sections = certificate.get("section").and_then(Value::as_array);
    let code =
        |section: &Value| section.pointer("/code/coding/0/code").and_then(Value::as_str).map(str::to_owned);
    sections.into_iter().flatten().filter_map(code).collect()
}

async fn verify(
    running: &Running,
    folder: &Path,
) -> Result<Result<ledger::verify::Report, ledger::verify::Finding>, Failure> {
    let store = &running.gateway.store;
    let secrets = Secrets::read(&folder.join("keys"))?;
    let key = housekeeping::signing_key(&running.gateway.config.load(), &secrets)?;
    let checkpoints = believed(store.checkpoints(0).await?, key.verifier())?;
    Ok(store.verify(checkpoints).await?)
}

/// Requests to try against what is left running.
fn invite(report: &Report, playground: &Playground, running: &Running, folder: &Path) -> Result<(), Failure> {
    let body = format!(
        "{{\"declaration\":{},\"document\":{}}}",
        samples::TO_EMPLOYER.trim(),
        samples::OCCUPATIONAL.trim()
    );
    let file = folder.join("transfer.json");
    std::fs::write(&file, body)?;
    let ehr = playground.client(ExampleClient::Ehr);
    let curl = format!(
        "curl --cert {} --key {} --cacert {}",
        ehr.chain.display(),
        ehr.key.display(),
        playground.authorities().display(),
    );
    let address = format!("https://localhost:{}", running.intake.port());
    let admin =
        |address: Option<std::net::SocketAddr>| address.map(|of| format!("http://{of}")).unwrap_or_default();
    report.line(format_args!(
        "\neverything is left running; stop with Ctrl-C. The console is at http://{gateway_admin}/console/. Try:\n\n\
         {curl} {address}/v1/destinations\n\
         {curl} -H 'Content-Type: application/json' --data @{file} '{address}/v1/checks?document=true'\n\
         {curl} -H 'Content-Type: application/json' -H \"Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)\" -H 'Prefer: wait=5' --data @{file} {address}/v1/transfers\n\
         curl http://{gateway_admin}/readyz?verbose\n\
         curl http://{gateway_admin}/metrics\n\
         curl -H 'Content-Type: application/json' -d '{{\"path\":\"/health-check-decisions\",\"fault\":\"delay\",\"count\":3,\"delay_ms\":2000}}' {employer}/faults\n",
        file = file.display(),
        gateway_admin = running.admin,
        employer = admin(playground.employer.admin_address()),
    ));
    Ok(())
}
