use clearance::adapter::CallFailure;
use clearance::journey::{ReleasedDocument, Unreleased};
use clearance::testing::INQUIRY;
use http::StatusCode;
use serde_json::{Value, json};

use crate::STATUS;
use crate::testing::{
    PATIENT, SUBJECT, Stage, declaration, filed, final_certificate, journey_to, on_route_direct,
    on_route_tis, reply,
};

type Answer = Result<clearance::adapter::Reply, CallFailure>;

fn token() -> Answer {
    reply(200, r#"{"accessToken":"t","expiresIn":300,"tokenType":"Bearer"}"#)
}

fn patient(id: &str) -> Answer {
    let patient = json!({ "resourceType": "Patient", "id": id,
        "identifier": [ { "system": clearance::person::ESTONIAN_PERSONAL_CODE, "value": SUBJECT } ] });
    reply(200, &json!({ "resourceType": "Bundle", "entry": [ { "resource": patient } ] }).to_string())
}

fn found(resources: &[Value]) -> Answer {
    let entries: Vec<_> = resources.iter().map(|resource| json!({ "resource": resource })).collect();
    reply(200, &json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries }).to_string())
}

/// Asks with `query`; the answers are those after the token and the patient's id. The proof asks the index once more.
async fn read(query: &Value, answers: Vec<Answer>) -> (Result<Vec<Value>, Unreleased>, Stage) {
    let (journey, tis) = (journey_to(on_route_tis()), on_route_tis());
    let stage = Stage::answering([token(), patient(PATIENT)].into_iter().chain(answers));
    let asking = journey.ask(&declaration(STATUS), query).unwrap();
    let index = tis.tis().unwrap();
    let answer = journey.read(asking, Some(&**index), &stage.means()).await;
    let documents = |released: clearance::journey::Released| {
        let json = |document: &ReleasedDocument| serde_json::from_slice(document.bytes()).unwrap();
        released.documents().iter().map(json).collect()
    };
    (answer.map(documents), stage)
}

/// The same, where the answer may be released: the index of its proof has a token of its own.
async fn released(query: &Value, resources: &[Value]) -> (Result<Vec<Value>, Unreleased>, Stage) {
    read(query, vec![found(resources), token(), patient(PATIENT)]).await
}

fn another(number: &str, patient: &str) -> Value {
    let mut certificate = filed("501", &final_certificate());
    certificate["identifier"][0]["value"] = json!(number);
    certificate["subject"] = json!([ { "reference": format!("Patient/{patient}/_history/9") } ]);
    certificate
}

#[tokio::test]
async fn number_status_decision_validity_and_restrictions_are_released_and_nothing_else() {
    let (documents, stage) =
        released(&json!({}), &[filed("500", &final_certificate()), another("HCERT-2", PATIENT)]).await;
    let documents = documents.unwrap();
    let numbers: Vec<_> = documents.iter().map(|document| &document["identifier"][0]["value"]).collect();
    assert_eq!(numbers, ["HCERT-1", "HCERT-2"]);
    let mut kept: Vec<_> = documents[0].as_object().unwrap().keys().collect();
    kept.sort();
    assert_eq!(kept, ["contained", "event", "identifier", "resourceType", "section", "status"]);
    let text = documents[0].to_string();
    for kept in ["171353001", "00.98", "2036-11-22", "final"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    for gone in [PATIENT, "HD-1", "10303948", "60001017869", "MSJ", "driver-group", "versionId"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    let search = &stage.calls()[2];
    assert_eq!(search.method, http::Method::GET);
    assert!(search.url.expose().ends_with(
        "/Composition?subject=Patient%2F517685&category=driver-group-I%2Cdriver-group-II&_count=50"
    ));
    assert!(!search.url_template.contains(PATIENT));
    assert_eq!(search.headers["x-road-id"], INQUIRY.message("search").to_string());
}

#[tokio::test]
async fn a_group_and_a_status_narrow_the_question() {
    let query = json!({ "group": "driver-group-II", "status": "final" });
    let (_, stage) = released(&query, &[filed("500", &final_certificate())]).await;
    let url = stage.calls()[2].url.expose().to_owned();
    assert!(url.ends_with("&category=driver-group-II&_count=50&status=final"), "{url}");
}

#[test]
fn what_cannot_be_asked_is_told_with_its_place() {
    let query = json!({ "status": "lost", "person": "39901012239" });
    let refused = journey_to(on_route_tis()).ask(&declaration(STATUS), &query).unwrap_err();
    let places: Vec<_> = refused.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/query/status", "/query"]);
    assert!(!format!("{refused:?}").contains("39901012239"));
}

#[test]
fn a_basis_that_does_not_hold_is_refused_by_the_rule_for_reading() {
    let mut declared = declaration(STATUS);
    declared["legal_basis"]["section"] = json!("1");
    let refused = journey_to(on_route_tis()).ask(&declared, &json!({})).unwrap_err();
    assert_eq!((refused.rule.as_str(), refused.faults.len()), ("driver-certificate-status", 1));
}

#[test]
fn the_direct_route_reads_nothing() {
    let refused = journey_to(on_route_direct()).ask(&declaration(STATUS), &json!({})).unwrap_err();
    assert_eq!(refused.rule, "purpose-unknown");
}

#[tokio::test]
async fn a_certificate_of_another_person_keeps_back_all() {
    let (answer, _) =
        released(&json!({}), &[filed("500", &final_certificate()), another("HCERT-2", "999999")]).await;
    let unreleased = answer.unwrap_err();
    assert!(matches!(unreleased, Unreleased::Withheld(_)), "{unreleased:?}");
    assert_eq!(unreleased.code(), Some("wrong-patient"));
    assert!(!format!("{unreleased:?}").contains("999999"));
}

#[tokio::test]
async fn each_answer_of_tis_has_its_end() {
    let outcome = |code: &str| {
        json!({ "resourceType": "OperationOutcome", "issue": [ { "severity": "error", "code": code,
            "diagnostics": "Jaan Tamm" } ] })
        .to_string()
    };
    let bundle = |rest: Value| {
        let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset" });
        bundle.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        reply(200, &bundle.to_string())
    };
    for (answer, expected, code) in [
        (found(&[]), "NotFound", None),
        (reply(200, "<html>"), "Unreadable", Some("answer-unreadable")),
        (reply(200, "{}"), "Unreadable", Some("answer-unreadable")),
        (
            reply(200, r#"{"resourceType":"Bundle","entry":[],"entry":[]}"#),
            "Unreadable",
            Some("answer-unreadable"),
        ),
        (bundle(json!({ "link": [ { "relation": "next" } ] })), "Unreadable", Some("answer-incomplete")),
        (
            bundle(json!({ "entry": [ { "fullUrl": "Composition/1" } ] })),
            "Unreadable",
            Some("answer-unreadable"),
        ),
        (found(&[json!({ "resourceType": "Patient" })]), "Unreadable", Some("answer-unreadable")),
        (reply(200, &outcome("forbidden")), "Refused", Some("forbidden")),
        (reply(200, &outcome("transient")), "Failed", Some("operation-outcome")),
        (reply(403, &outcome("forbidden")), "Refused", Some("forbidden")),
        (reply(503, ""), "Failed", Some("http-503")),
        (reply(429, ""), "Failed", Some("http-429")),
        (Err(CallFailure::TimedOut), "Failed", Some("timed-out")),
    ] {
        let (answer, _) = read(&json!({}), vec![answer]).await;
        let unreleased = answer.unwrap_err();
        let printed = format!("{unreleased:?}");
        assert!(printed.starts_with(expected), "{expected}: {printed}");
        assert!(!printed.contains("Jaan"), "{printed}");
        assert_eq!(unreleased.code(), code);
    }
}

#[tokio::test]
async fn nobody_whom_the_index_does_not_know_is_searched_for() {
    let journey = journey_to(on_route_tis());
    let stage = Stage::answering([token(), reply(200, r#"{"resourceType":"Bundle"}"#)]);
    let asking = journey.ask(&declaration(STATUS), &json!({})).unwrap();
    let answer = journey.read(asking, None, &stage.means()).await;
    assert!(matches!(answer, Err(Unreleased::NotFound)), "{answer:?}");
    assert_eq!(stage.calls().len(), 2);
}

#[tokio::test]
async fn a_professional_without_the_right_is_refused() {
    let journey = journey_to(on_route_tis());
    let stage = Stage::answering([reply(StatusCode::FORBIDDEN.as_u16(), "")]);
    let asking = journey.ask(&declaration(STATUS), &json!({})).unwrap();
    let unreleased = journey.read(asking, None, &stage.means()).await.unwrap_err();
    assert!(matches!(unreleased, Unreleased::Refused(_)), "{unreleased:?}");
    assert_eq!(unreleased.code(), Some("tis-professional-not-entitled"));
}
