//! `clearance submit`: sends a document through a gateway, as an EHR would.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use reqwest::multipart::{Form, Part};
use reqwest::{Certificate, Client, Identity};
use serde_json::Value;

use super::{Failure, Report, read, runtime};
use crate::serve::causes;

#[derive(Debug, Args)]
pub(super) struct Submit {
    /// The document
    document: PathBuf,
    /// The declaration, a JSON file
    #[arg(long, value_name = "FILE")]
    declaration: PathBuf,
    /// The gateway's address
    #[arg(long, default_value = "https://localhost:8443")]
    gateway: String,
    /// The client's certificate and its intermediates, PEM
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// The client's key, PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The authorities that the gateway's certificate comes from, PEM
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The document's media type
    #[arg(long, default_value = "application/fhir+json")]
    media_type: String,
    /// Wait so many seconds for the delivery
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u32>,
    /// The idempotency key; a fresh one when left out. Repeat it to retry a transfer whose answer was lost
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Submit {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        runtime()?.block_on(async {
            let client = client(&self.cert, &self.key, &self.ca)?;
            let key = self.idempotency_key.clone().unwrap_or_else(fresh_key);
            report.line(format_args!("idempotency key {key}"));
            let form = Form::new()
                .part("declaration", part(&self.declaration, "application/json")?)
                .part("document", part(&self.document, &self.media_type)?);
            let mut request = client
                .post(format!("{}/v1/transfers", self.gateway.trim_end_matches('/')))
                .header("idempotency-key", key)
                .multipart(form);
            if let Some(seconds) = self.wait {
                request = request
                    .header("prefer", format!("wait={seconds}"))
                    .timeout(Duration::from_secs(u64::from(seconds) + 30));
            }
            let unanswered = |error: reqwest::Error| {
                let why = causes(&error.without_url());
                Failure::Failed(format!("`{}` did not answer: {why}", self.gateway))
            };
            let answer = request.send().await.map_err(unanswered)?;
            let status = answer.status();
            let body: Value = answer.json().await.map_err(unanswered)?;
            show(report, status, &body)
        })
    }
}

fn show(report: &Report, status: StatusCode, body: &Value) -> Result<(), Failure> {
    report.value(body);
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if status.is_success() {
        report.line(format_args!("{} {}", text("state"), text("transfer")));
        return Ok(());
    }
    report.line(format_args!("{status}: {}: {}", text("title"), text("detail")));
    for fault in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
        report.line(format_args!(
            "  {} {}: {}\n      {}",
            text("rule"),
            text("pointer"),
            text("detail"),
            text("remedy")
        ));
    }
    if status.is_client_error() {
        Err(Failure::Refused)
    } else {
        Err(Failure::Failed("the gateway failed".into()))
    }
}

/// A client with a certificate, as an EHR has.
pub(super) fn client(cert: &Path, key: &Path, ca: &Path) -> Result<Client, Failure> {
    let mut identity = read(cert)?;
    identity.extend(read(key)?);
    let mut builder = Client::builder()
        .identity(Identity::from_pem(&identity)?)
        .tls_certs_only(Certificate::from_pem_bundle(&read(ca)?)?)
        .no_proxy();
    builder = builder.connect_timeout(Duration::from_secs(5));
    Ok(builder.build()?)
}

fn part(file: &Path, media_type: &str) -> Result<Part, Failure> {
    Ok(Part::bytes(read(file)?).mime_str(media_type)?)
}

/// A fresh idempotency key.
pub(super) fn fresh_key() -> String {
    let bytes = clearance::clock::random::<16>(&clearance::clock::SystemEntropy).unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
