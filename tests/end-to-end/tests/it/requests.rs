//! Reading back: nobody is asked and nothing released unrecorded, and of an answer only what its profile names arrives.

use std::time::Duration;

use end_to_end::{
    Answer, Submission, TestGateway, answer, eventually, to_employer, to_transport_administration,
};
use gateway::playground::tis_stand_in::{Fault, FaultPlan};
use gateway::playground::{Choices, samples};
use http::Method;
use serde_json::{Value, json};

use crate::BINARY;
use crate::markers::{files, found, is_silent, stuffed};

const SEARCH: &str = "GET /r1/ee-test/GOV/70009770/tis/fhir/Composition";

fn about_the_driver() -> Value {
    to_transport_administration().declaring("/purpose", json!("driver-certificate-status")).declaration
}

/// A certificate as another clinic has filed it, with every section that certificates come with.
fn filed_elsewhere() -> Submission {
    let subject = json!([{ "reference": "Patient/700002/_history/1" }]);
    Submission::of(samples::TO_TRANSPORT_ADMINISTRATION, samples::DRIVER).documenting("/subject", subject)
}

fn is_problem(answer: &Answer, status: u16, slug: &str, rule: &str) {
    assert_eq!(
        (answer.status, answer.text("/type")),
        (status, &*format!("/problems/{slug}")),
        "{}",
        answer.body
    );
    assert_eq!(answer.text("/rule"), rule, "{}", answer.body);
    for fault in answer.body["errors"].as_array().unwrap() {
        assert!(!fault["remedy"].as_str().unwrap().is_empty(), "no remedy: {fault}");
    }
}

/// What the ledger has of each kind, and how many inquiries have no end.
async fn ledger(gateway: &mut TestGateway) -> (Value, Value) {
    let (code, report) = gateway.verify_ledger().await;
    assert_eq!(code, Some(0), "{report}");
    (report["entries"].clone(), report["open_inquiries"].clone())
}

#[tokio::test]
async fn a_certificate_that_was_filed_is_read_back_and_only_how_it_stands_is_released() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let filed = ehr.submit(&to_transport_administration().waiting(10)).await;
    assert_eq!(filed.text("/state"), "delivered", "{}", filed.body);
    let mut read = ehr.ask(&about_the_driver(), &json!({ "status": "final" })).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert_eq!(read.headers["clearance-request"], read.text("/request"));
    assert_eq!(read.headers["clearance-ledger-index"], read.body["ledger"]["release"].to_string());
    assert_eq!(
        read.body["ledger"]["inquiry"].as_u64().map(|index| index + 1),
        read.body["ledger"]["release"].as_u64()
    );
    for changing in ["request", "policy", "ledger"] {
        read.body[changing] = json!("…");
    }
    insta::assert_json_snapshot!("what_is_released", read.body);

    let bundle = ehr.request(Method::POST, "/v1/requests").header("accept", "application/fhir+json");
    let body = json!({ "declaration": about_the_driver() }).to_string();
    let bundle = answer(bundle.header("content-type", "application/json").body(body)).await;
    assert_eq!((bundle.status, bundle.text("/type")), (200, "collection"), "{}", bundle.body);
    assert_eq!(bundle.headers["content-type"], "application/fhir+json");
    assert_eq!(bundle.headers["clearance-rules"], "driver-certificate-status");
    assert_eq!(bundle.body["entry"][0]["resource"], read.body["documents"][0]["document"]);

    let nothing = ehr.ask(&about_the_driver(), &json!({ "status": "cancelled" })).await;
    is_problem(&nothing, 404, "nothing-found", "nothing-found");
    let (entries, open) = ledger(&mut gateway).await;
    assert_eq!(
        (&entries["inquiry"], &entries["release"], &entries["no-release"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(open, 0);
}

#[tokio::test]
async fn nothing_that_the_answers_profile_does_not_name_is_anywhere() {
    let settings =
        "[telemetry]\nlog = \"info,gateway=trace,clearance=trace,minimise=trace,store=trace\"\n".to_owned();
    let mut gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let (stuffed, markers) = stuffed(filed_elsewhere());
    assert!(markers.len() > 80, "{}", markers.len());
    gateway.playground.tis.hold(vec![stuffed.document]);
    let read = gateway.ehr().ask(&about_the_driver(), &json!({})).await;
    assert_eq!(read.status, 200, "{}", read.body);
    // Nothing of a certificate that can hold text is named.
    assert!(found(read.body.to_string().as_bytes(), &markers).is_empty());
    let said = format!("{}{}", gateway.log(), gateway.ask_admin("/metrics").await.1);
    is_silent("said", said.as_bytes(), &markers);
    assert_eq!(ledger(&mut gateway).await.1, 0);
    let mut kept = Vec::new();
    files(&gateway.data(), &mut kept);
    is_silent("kept", &kept, &markers);
    is_silent("logged to the end", gateway.log().as_bytes(), &markers);
}

#[tokio::test]
async fn an_answer_about_another_person_is_not_released_and_that_is_on_record() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let another = json!({ "system": "https://fhir.ee/sid/pid/est/ni", "value": "49003120231" });
    let mixed_up = filed_elsewhere().documenting("/subject/0/identifier", another);
    gateway.playground.tis.hold(vec![filed_elsewhere().document, mixed_up.document]);
    let kept_back = gateway.ehr().ask(&about_the_driver(), &json!({})).await;
    is_problem(&kept_back, 502, "answer-withheld", "wrong-patient");
    assert!(kept_back.text("/errors/0/pointer").starts_with("/documents/1/"), "{}", kept_back.body);
    let said = format!("{}{}", kept_back.body, gateway.log());
    for value in ["49003120231", "38507140418", "171353001", "Tamm"] {
        assert!(!said.contains(value), "{value}: {said}");
    }
    let (entries, open) = ledger(&mut gateway).await;
    assert_eq!(
        (&entries["inquiry"], &entries["no-release"], &entries["release"]),
        (&json!(1), &json!(1), &Value::Null)
    );
    assert_eq!(open, 0);
}

#[tokio::test]
async fn a_destination_that_does_not_answer_as_it_should_is_a_problem_with_an_end_on_record() {
    let settings = "[requests]\ndeadline_seconds = 1\n".to_owned();
    let mut gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    gateway.playground.tis.hold(vec![filed_elsewhere().document]);
    let ehr = gateway.ehr();
    // The token is fetched once and kept.
    assert_eq!(ehr.ask(&about_the_driver(), &json!({})).await.status, 200);
    let cases = [
        (Fault::Status(503, Some(7)), 504, "destination-unavailable", "http-503"),
        (Fault::Delay(Duration::from_secs(3)), 504, "destination-unavailable", "timed-out"),
        (Fault::Garbage, 502, "destination-unreadable", "answer-unreadable"),
        (Fault::Down, 504, "destination-unavailable", "not-reached"),
    ];
    let count = cases.len();
    for (fault, status, slug, rule) in cases {
        let retry_after = matches!(fault, Fault::Status(503, _));
        gateway.playground.tis.told(FaultPlan::none().then(fault, SEARCH, 1));
        let failed = ehr.ask(&about_the_driver(), &json!({})).await;
        is_problem(&failed, status, slug, rule);
        assert_eq!(failed.headers.get("retry-after").is_some_and(|after| after == "7"), retry_after);
    }
    gateway.playground.tis.told(FaultPlan::none());
    let mut without_right = about_the_driver();
    without_right["professional"]["role"] = json!("nurse");
    let refused = ehr.ask(&without_right, &json!({})).await;
    is_problem(&refused, 502, "destination-refused", "tis-professional-not-entitled");
    let (entries, open) = ledger(&mut gateway).await;
    assert_eq!((&entries["release"], &entries["no-release"], open), (&json!(1), &json!(count + 1), json!(0)));
}

#[tokio::test]
async fn nobody_is_asked_without_a_basis_or_the_wrong_way_round() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let mut baseless = about_the_driver();
    baseless["legal_basis"]["act"] = json!("TTKS");
    let refused = ehr.ask(&baseless, &json!({})).await;
    is_problem(&refused, 403, "legal-basis-missing", "driver-certificate-status");

    let sending = to_transport_administration().declaration;
    is_problem(&ehr.ask(&sending, &json!({})).await, 422, "purpose-direction", "purpose-sends");
    let reading = to_transport_administration().declaring("/purpose", json!("driver-certificate-status"));
    is_problem(&ehr.submit(&reading).await, 422, "purpose-direction", "purpose-reads");

    let query = json!({ "status": "lost", "person": "38507140418" });
    let wrong = ehr.ask(&about_the_driver(), &query).await;
    is_problem(&wrong, 400, "query-invalid", "query-invalid");
    assert_eq!(wrong.body["errors"].as_array().unwrap().len(), 2);
    assert!(!wrong.body.to_string().contains("38507140418"));
    let text = ehr.request(Method::POST, "/v1/requests").header("content-type", "application/json");
    is_problem(&answer(text.body(to_employer().body())).await, 400, "request-malformed", "request-malformed");

    assert!(gateway.playground.tis.received().is_empty(), "nobody was asked");
    let listed = ehr.get("/v1/destinations").await.body;
    let directions =
        listed["destinations"].as_array().unwrap().iter().flat_map(|of| of["purposes"].as_array().unwrap());
    let reads: Vec<_> =
        directions.filter(|purpose| purpose["direction"] == "reads").map(|of| &of["name"]).collect();
    assert_eq!(reads, ["images", "prescriptions", "driver-certificate-status"]);
    gateway.rests().await;
}

#[tokio::test]
async fn killed_while_a_destination_is_asked_the_ledger_says_that_an_inquiry_has_no_end() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    gateway.playground.tis.told(FaultPlan::none().then(Fault::Delay(Duration::from_secs(10)), "/tis/", 1));
    let asking = tokio::spawn(async move {
        let body = json!({ "declaration": about_the_driver() }).to_string();
        let request = ehr.request(Method::POST, "/v1/requests").header("content-type", "application/json");
        request.body(body).send().await.is_ok()
    });
    let asked = eventually(|| async { (!gateway.playground.tis.received().is_empty()).then_some(()) }).await;
    assert!(asked.is_some(), "{}", gateway.log());
    gateway.kill();
    assert!(!asking.await.unwrap(), "the client was told nothing");
    gateway.playground.tis.told(FaultPlan::none());
    let (entries, open) = ledger(&mut gateway).await;
    assert_eq!((&entries["inquiry"], open), (&json!(1), json!(1)));
    // It goes on recording after it, and the next question has its end.
    gateway.restart();
    let nothing = gateway.ehr().ask(&about_the_driver(), &json!({})).await;
    is_problem(&nothing, 404, "nothing-found", "nothing-found");
    let (entries, open) = ledger(&mut gateway).await;
    assert_eq!((&entries["inquiry"], &entries["no-release"], open), (&json!(2), &json!(1), json!(1)));
}
