//! The examples of the pages on sending are what one can post, and what goes out is what they show.

use std::path::Path;

use end_to_end::{Submission, TestGateway, to_employer, to_transport_administration};
use gateway::playground::Choices;
use serde_json::{Value, json};

use crate::BINARY;

/// The page on sending of an adapter.
fn page(adapter: &str) -> String {
    let adapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../adapters");
    std::fs::read_to_string(adapters.join(adapter).join("docs/transfers.md")).unwrap()
}

/// The blocks of JSON on a page: first what is posted, then what goes out.
fn blocks(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

/// What the page says to post.
fn posted(block: &Value) -> Submission {
    Submission::of(&block["declaration"].to_string(), &block["document"].to_string())
}

#[tokio::test]
async fn what_the_page_on_employers_shows_goes_out() {
    let page = page("employer");
    let [example, goes_out] = <[Value; 2]>::try_from(blocks(&page)).unwrap();
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let delivered = gateway.ehr().submit(&posted(&example).waiting(10)).await;
    assert_eq!((delivered.status, delivered.text("/state")), (200, "delivered"), "{}", delivered.body);
    let sent = gateway.playground.employer.received();
    let sent = sent.iter().find(|request| request.method == "POST").unwrap();
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body, goes_out, "{body:#}");
    for (header, value) in
        [("content-type", "application/fhir+json"), ("idempotency-key", delivered.transfer())]
    {
        assert_eq!(sent.header(header), Some(value));
    }
    assert!(sent.header("x-jws-signature").is_some_and(|signature| signature.contains("..")));
    refusals(
        &page,
        &gateway,
        to_employer(),
        &[
            ("health-check-decision", "/declaration/legal_basis/gdpr6", json!("6(1)(f)")),
            ("wrong-recipient", "/declaration/recipient/value", json!("90990029")),
            ("wrong-patient", "/document/subject/0/identifier/value", json!("38507140418")),
            ("value-not-allowed", "/document/status", json!("preliminary")),
            ("required-missing", "/document/section", json!([])),
        ],
    )
    .await;
    gateway.rests().await;
}

#[tokio::test]
async fn what_the_page_on_drivers_certificates_shows_goes_out() {
    let page = page("transport-administration");
    let [example, certificate, _, record] = <[Value; 4]>::try_from(blocks(&page)).unwrap();
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let delivered = gateway.ehr().submit(&posted(&example).waiting(10)).await;
    assert_eq!((delivered.status, delivered.text("/state")), (200, "delivered"), "{}", delivered.body);
    let sent = gateway.playground.tis.received();
    let sent = sent.iter().find(|request| request.path.ends_with("/Composition")).unwrap();
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body, certificate, "{body:#}");
    for (header, value) in
        [("content-type", "application/fhir+json"), ("x-road-client", "ee-test/COM/10990009/gateway")]
    {
        assert_eq!(sent.header(header), Some(value));
    }
    refusals(
        &page,
        &gateway,
        to_transport_administration(),
        &[
            ("driver-certificate", "/declaration/legal_basis/act", json!("TTOS")),
            ("value-not-allowed", "/document/identifier/0/value", json!("see the letter")),
            (
                "wrong-professional",
                "/document/contained/0/practitioner/reference",
                json!("Practitioner/38507140418"),
            ),
            ("required-missing", "/document/identifier", json!([])),
        ],
    )
    .await;
    gateway.rests().await;

    let gateway = TestGateway::with(BINARY, Choices { direct: true, ..Choices::default() }).await;
    let delivered = gateway.ehr().submit(&posted(&example).waiting(10)).await;
    assert_eq!((delivered.status, delivered.text("/state")), (200, "delivered"), "{}", delivered.body);
    let records = gateway.playground.tis.driver_records();
    assert_eq!(records, [record], "{:#}", records[0]);
    gateway.rests().await;
}

/// Each of these changes is refused by the rule it is named with, and the page has that rule.
async fn refusals(page: &str, gateway: &TestGateway, submission: Submission, cases: &[(&str, &str, Value)]) {
    for (rule, place, value) in cases {
        let changed = match place.strip_prefix("/declaration") {
            Some(pointer) => submission.clone().declaring(pointer, value.clone()),
            None => submission.clone().documenting(place.strip_prefix("/document").unwrap(), value.clone()),
        };
        let refused = gateway.ehr().check(&changed, "").await;
        let rules = format!("{} {}", refused.text("/rule"), refused.body["errors"]);
        assert!(refused.status >= 400 && rules.contains(rule), "{rule}: {}", refused.body);
        assert!(page.contains(&format!("| `{rule}`")), "the page does not tell of {rule}");
    }
}
