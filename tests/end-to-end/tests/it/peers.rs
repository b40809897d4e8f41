//! Peers that are not ours: what curl, Python's requests, a validator of API descriptions and a collector of traces make of
//! the gateway.
//!
//! A test whose tool is not installed says so and is skipped.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Output;

use end_to_end::{Submission, TestGateway, answer, to_employer, to_transport_administration};
use gateway::playground::{Choices, DOCTOR, DRIVER, WORKER};
use http::{HeaderMap, Method};
use identity::example::ExampleClient;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;
use tokio::process::Command;

use crate::BINARY;
use crate::collector::Collector;

#[tokio::test]
async fn curl_gets_the_same_answers_over_http_1_and_2() {
    if !is_there("curl", &["--version"]).await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let file = kept(&gateway, &to_employer());
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let listed = curl(&gateway, &[option], "/v1/destinations").await;
        assert_eq!((listed.version.as_str(), listed.status), (version, 200));
        assert_eq!(listed.body.pointer("/destinations/0/name"), Some(&"employer".into()));

        let posted = [option, "--data-binary", &file, "--header", "content-type: application/json"];
        let checked = curl(&gateway, &posted, "/v1/checks").await;
        assert_eq!((checked.version.as_str(), checked.status), (version, 200));
        assert!(checked.body["manifest"]["dropped"].as_array().is_some_and(|dropped| !dropped.is_empty()));

        let keyless = curl(&gateway, &posted, "/v1/transfers").await;
        assert_eq!((keyless.version.as_str(), keyless.status), (version, 400));
        assert_eq!(keyless.media_type, "application/problem+json");
        assert_eq!(keyless.body["type"], "/problems/idempotency-key-missing");

        let key = format!("idempotency-key: curl-{version}");
        let accepted = curl(&gateway, &[&posted[..], &["--header", &key]].concat(), "/v1/transfers").await;
        assert_eq!((accepted.version.as_str(), accepted.status), (version, 202));
        let transfer = accepted.location.strip_prefix("/v1/transfers/").unwrap();
        assert_eq!(gateway.ehr().ended(transfer).await["state"], "delivered");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn curl_that_stops_at_tls_1_2_is_refused() {
    if !is_there("curl", &["--version"]).await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    assert!(gateway.ehr().connects().await);
    for (latest, refused) in [("1.3", false), ("1.2", true)] {
        let asked = run(&mut curl_command(&gateway, &["--tls-max", latest], "/v1/destinations")).await;
        // 35: the TLS handshake has failed.
        assert_eq!(asked.status.code(), Some(if refused { 35 } else { 0 }), "TLS {latest}");
    }
    gateway.rests().await;
}

/// Posts a file of two parts and the same without its declaration; prints what came back.
const PYTHON: &str = r#"
import json, sys
import requests

base, certificate, key, authorities, declaration, document = sys.argv[1:]
session = requests.Session()
session.trust_env = False
session.cert = (certificate, key)
session.verify = authorities
declared = ("declaration", ("declaration.json", open(declaration, "rb"), "application/json"))
documents = lambda: ("document", ("document.json", open(document, "rb"), "application/fhir+json"))

def post(key, parts):
    answer = session.post(base + "/v1/transfers", files=parts, headers={"Idempotency-Key": key}, timeout=30)
    return {"status": answer.status_code, "media_type": answer.headers["content-type"],
            "location": answer.headers.get("location"), "body": answer.json()}

print(json.dumps([post("python-1", [declared, documents()]), post("python-2", [documents()])]))
"#;

#[tokio::test]
async fn python_requests_posts_multipart_and_reads_the_problem() {
    if !is_there("python3", &["-c", "import requests"]).await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let submission = to_employer();
    let declaration = written(&gateway, "declaration.json", &submission.declaration.to_string());
    let document = written(&gateway, "document.json", &submission.document.to_string());
    let files = gateway.playground.client(ExampleClient::Ehr);
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON, &base(&gateway)]).args([&files.chain, &files.key]);
    command.arg(gateway.playground.authorities()).args([declaration, document]);
    let said = run(&mut command).await;
    let answers: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));

    assert_eq!(answers[0]["status"], 202, "{answers}");
    let transfer = answers[0]["location"].as_str().unwrap().strip_prefix("/v1/transfers/").unwrap();
    assert_eq!(gateway.ehr().ended(transfer).await["state"], "delivered");
    assert_eq!(answers[1]["status"], 400, "{answers}");
    assert_eq!(answers[1]["media_type"], "application/problem+json");
    assert_eq!(answers[1]["body"]["status"], 400);
    gateway.rests().await;
}

/// Validates the description of the API, then what was really sent and answered against it, closed: what is not
/// described may not be there.
const VALIDATION: &str = r##"
import json, sys
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

document, samples = (json.load(open(name)) for name in sys.argv[1:])
validate(document)
faults = []
for name, sample in samples:
    schema = {"$ref": "#/components/schemas/" + name, "unevaluatedProperties": False,
              "components": document["components"]}
    faults += [name + " at " + error.json_path + ": " + error.message[:200]
               for error in OAS31Validator(schema).iter_errors(sample)]
print("\n".join(faults))
"##;

#[tokio::test]
async fn the_description_of_the_api_is_valid_and_says_what_is_answered() {
    if !is_there("python3", &["-c", "import openapi_spec_validator"]).await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let submission = to_employer();
    let accepted = ehr.submit(&submission).await;
    assert_eq!(accepted.status, 202);
    let ended = ehr.ended(accepted.transfer()).await;
    // A second one, of which everything that can be left out is there.
    let full = to_transport_administration()
        .declaring("/ordering_key", "a-key".into())
        .declaring("/not_after", "2099-01-01T00:00:00Z".into())
        .declaring("/subject/value", DRIVER.code.into());
    let settled = ehr.submit(&full.clone().waiting(10)).await;
    assert_eq!(settled.status, 200, "{}", settled.body);
    let refused = ehr.submit(&to_employer().declaring("/legal_basis/gdpr6", "6(1)(f)".into())).await;
    let body =
        |of: &Submission| serde_json::json!({ "declaration": of.declaration, "document": of.document });
    let samples = serde_json::json!([
        ["Submission", body(&submission)],
        ["Submission", body(&full)],
        ["Accepted", accepted.body],
        ["Settled", settled.body],
        ["Transfer", ended],
        ["Checked", ehr.check(&submission, "").await.body],
        ["Checked", ehr.check(&submission, "?document=true").await.body],
        ["ProblemDocument", refused.body],
        ["ProblemDocument", ehr.get("/v1/nothing").await.body],
        ["Destinations", ehr.get("/v1/destinations").await.body],
    ]);
    let document = written(&gateway, "openapi.json", &ehr.get("/openapi.json").await.body.to_string());
    let samples = written(&gateway, "samples.json", &samples.to_string());
    let said = run(Command::new("python3").args(["-c", VALIDATION]).args([document, samples])).await;
    let faults = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && faults.trim().is_empty(), "{faults}\n{said:?}");
    gateway.rests().await;
}

#[tokio::test]
async fn one_trace_spans_caller_gateway_and_destination_and_names_nobody() {
    let collector = Collector::start().await;
    let settings = collector.settings("info");
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let for_employer = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let for_tis = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    for ((trace, span), submission) in
        [(for_employer, to_employer()), (for_tis, to_transport_administration())]
    {
        let request = gateway
            .ehr()
            .request(Method::POST, "/v1/transfers")
            .header("content-type", "application/json")
            .header("idempotency-key", &submission.key)
            .header("prefer", "wait=10")
            .header("traceparent", format!("00-{trace}-{span}-01"))
            .body(submission.body());
        assert_eq!(answer(request).await.status, 200);
    }
    let at_employer = calls(gateway.playground.employer.received().iter().map(|of| &of.headers));
    let at_tis = calls(gateway.playground.tis.received().iter().map(|of| &of.headers));
    // What has not been sent yet is sent when the gateway stops.
    gateway.rests().await;

    let spans = collector.spans();
    assert_eq!(at_employer.len(), 1);
    is_one_line(&spans, for_employer, &at_employer);
    assert!(at_tis.len() >= 3, "token, index and certificate");
    is_one_line(&spans, for_tis, &at_tis);
    for value in
        [WORKER.code, WORKER.family, DRIVER.code, DOCTOR.0, DOCTOR.1, "HCERT-2026-0417", "HCERT-2026-0418"]
    {
        for body in collector.bodies() {
            let held = body.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!held, "{value} is in a trace");
        }
    }
}

/// From the caller's span over the request, the delivery and each call to what the destination was told.
fn is_one_line(spans: &[Span], (trace, caller): (&str, &str), calls: &[(String, String)]) {
    let below = |parent: &str, kind: SpanKind| -> Vec<&Span> {
        let of_trace = spans.iter().filter(|span| hex(&span.trace_id) == trace);
        of_trace.filter(|span| span.kind() == kind && hex(&span.parent_span_id) == parent).collect()
    };
    let requests = below(caller, SpanKind::Server);
    let [request] = requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.name, "POST /v1/transfers");
    let deliveries = below(&hex(&request.span_id), SpanKind::Producer);
    let [delivery] = deliveries[..] else { panic!("{deliveries:?}") };
    assert_eq!(delivery.name, "deliver");
    let clients = below(&hex(&delivery.span_id), SpanKind::Client);
    let told: Vec<_> = clients.iter().map(|span| (hex(&span.trace_id), hex(&span.span_id))).collect();
    assert_eq!(told, calls);
}

/// Trace and span that a destination was told, call by call.
fn calls<'a>(received: impl Iterator<Item = &'a HeaderMap>) -> Vec<(String, String)> {
    let told = received.map(|headers| headers["traceparent"].to_str().unwrap());
    told.map(|told| {
        let parts: Vec<_> = told.split('-').collect();
        (parts[1].to_owned(), parts[2].to_owned())
    })
    .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What curl says of an answer.
struct Said {
    version: String,
    status: u16,
    media_type: String,
    location: String,
    body: Value,
}

async fn curl(gateway: &TestGateway, options: &[&str], path: &str) -> Said {
    let mut command = curl_command(gateway, options, path);
    command
        .args(["--write-out", "\n%{http_version}\t%{http_code}\t%header{content-type}\t%header{location}"]);
    let output = run(&mut command).await;
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let (body, of) = text.rsplit_once('\n').unwrap();
    let [version, status, media_type, location] = of.split('\t').collect::<Vec<_>>()[..] else {
        panic!("{output:?}")
    };
    Said {
        version: version.to_owned(),
        status: status.parse().unwrap(),
        media_type: media_type.to_owned(),
        location: location.to_owned(),
        body: serde_json::from_str(body).unwrap_or_else(|_| panic!("{output:?}")),
    }
}

fn curl_command(gateway: &TestGateway, options: &[&str], path: &str) -> Command {
    let files = gateway.playground.client(ExampleClient::Ehr);
    let mut command = Command::new("curl");
    // `--disable` comes first: no settings of whoever runs the tests.
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*"]);
    command.args([OsStr::new("--cert"), files.chain.as_os_str(), OsStr::new("--key"), files.key.as_os_str()]);
    command.arg("--cacert").arg(gateway.playground.authorities());
    command.args(options).arg(format!("{}{path}", base(gateway)));
    command
}

pub(crate) fn base(gateway: &TestGateway) -> String {
    format!("https://localhost:{}", gateway.intake().port())
}

/// A submission in a file, as curl's `--data-binary` takes it.
fn kept(gateway: &TestGateway, submission: &Submission) -> String {
    format!("@{}", written(gateway, "submission.json", &submission.body()).display())
}

pub(crate) fn written(gateway: &TestGateway, name: &str, text: &str) -> PathBuf {
    let file = gateway.folder().join(name);
    std::fs::write(&file, text).unwrap();
    file
}

/// Runs a tool to its end, without holding up the stand-ins beside it.
pub(crate) async fn run(command: &mut Command) -> Output {
    command.kill_on_drop(true).output().await.unwrap()
}

/// Whether a tool is installed; if not, says that the test is skipped.
pub(crate) async fn is_there(tool: &str, arguments: &[&str]) -> bool {
    let asked = Command::new(tool).args(arguments).output().await;
    let there = asked.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: `{tool} {}` does not run", arguments.join(" "));
    }
    there
}
