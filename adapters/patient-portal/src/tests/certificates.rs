//! Health certificates by the FHIR service: what leaves, and what TIS's answers are taken for.

use clearance::adapter::{CallFailure, Outcome, Reply};
use serde_json::{Value, json};

use crate::testing::{Stage, certificate_declaration, journey, reply};

const CERTIFICATE: &str = include_str!("../../../../tests/fixtures/occupational-certificate.json");
const TOKEN: &str = r#"{"accessToken":"t","expiresIn":300,"tokenType":"Bearer"}"#;
const PATIENT: &str = r#"{"resourceType":"Bundle","type":"searchset","total":1,"entry":[{"resource":{"resourceType":"Patient","id":"700001","identifier":[{"system":"https://fhir.ee/sid/pid/est/ni","value":"49003120231"}]}}]}"#;

type Answers = Vec<Result<Reply, CallFailure>>;

fn document() -> Value {
    serde_json::from_str(CERTIFICATE).unwrap()
}

fn shaped(purpose: &str, document: &Value) -> Value {
    journey().shaped(&certificate_declaration(purpose), document)
}

/// The certificate as TIS has it.
fn filed(patient: &str) -> Value {
    let mut filed = shaped("health-certificate", &document());
    filed["id"] = json!("500");
    filed["subject"] = json!([{ "reference": format!("Patient/{patient}/_history/1") }]);
    filed
}

async fn delivered(
    purpose: &str,
    document: &Value,
    perhaps: bool,
    answers: Answers,
) -> (Outcome, Vec<String>) {
    let first = [reply(200, TOKEN), reply(200, PATIENT)];
    let stage = Stage::answering(first.into_iter().chain(answers));
    let journey = journey();
    let outgoing = journey.shape(&certificate_declaration(purpose), document).unwrap();
    let cleared = journey.clear(outgoing, perhaps, None, &stage.means()).await.unwrap();
    let outcome = journey.adapter().deliver(cleared, &stage.means()).await;
    let calls = stage.calls();
    let told = calls.iter().skip(2).map(|call| format!("{} {}", call.method, call.url_template));
    (
        outcome,
        told.map(|call| call.replace("https://security.example/r1/ee-test/GOV/70009770/tis/fhir", ""))
            .collect(),
    )
}

#[test]
fn reasons_and_notes_stay_and_the_suggestions_leave() {
    let shaped = shaped("health-certificate", &document());
    assert_eq!(shaped["title"], "Töötervishoiu tervisekontrolli otsus");
    let text = shaped.to_string();
    for (place, given) in document()["contained"].as_array().unwrap().iter().enumerate() {
        for name in ["valueCodeableConcept", "practitioner", "organization", "status", "meta"] {
            assert_eq!(shaped["contained"][place][name], given[name], "{name} of {place}");
        }
    }
    assert!(
        text.contains("\"code\":\"586\"") && text.contains("\"value\":0.75") && text.contains("16997774")
    );
    assert!(text.contains("height-adjustable") && text.contains("physiotherapist"));
    for kept_back in ["hypertension", "lumbar", "tinnitus", "shortened-reason", "note", "subject"] {
        assert!(!text.contains(kept_back), "{kept_back}");
    }
}

#[tokio::test]
async fn a_certificate_is_confirmed_by_its_content_and_patient() {
    let mut another = filed("700001");
    another["section"] = json!([]);
    for (answer, expected) in [
        (reply(201, &filed("700001").to_string()), "Delivered"),
        (reply(201, &filed("700002").to_string()), "Unknown"),
        (reply(201, &another.to_string()), "Unknown"),
        (
            reply(
                200,
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"value"}]}"#,
            ),
            "Refused",
        ),
        (reply(422, ""), "Refused"),
        (reply(429, ""), "Failed"),
        (reply(503, ""), "Unknown"),
        (Err(CallFailure::Broken), "Unknown"),
    ] {
        let (outcome, calls) = delivered("health-certificate", &document(), false, vec![answer]).await;
        assert!(format!("{outcome:?}").starts_with(expected), "{expected}: {outcome:?}");
        assert_eq!(calls, ["POST /Composition"]);
    }
}

#[tokio::test]
async fn after_doubt_tis_is_asked_first() {
    let bundle = |found: &[Value]| {
        let entries: Vec<_> = found.iter().map(|resource| json!({ "resource": resource })).collect();
        reply(200, &json!({ "resourceType": "Bundle", "entry": entries }).to_string())
    };
    let (outcome, calls) =
        delivered("health-certificate", &document(), true, vec![bundle(&[filed("700001")])]).await;
    assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    assert_eq!(calls.len(), 1, "{calls:?}");
    let answers = vec![bundle(&[]), reply(201, &filed("700001").to_string())];
    let (outcome, calls) = delivered("health-certificate", &document(), true, answers).await;
    assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    assert_eq!(calls[1], "POST /Composition");
    let (outcome, _) = delivered("health-certificate", &document(), true, vec![reply(500, "")]).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
}

#[tokio::test]
async fn another_person_s_certificate_is_neither_changed_nor_cancelled() {
    let mut changed = document();
    changed["id"] = json!("500");
    let parameters =
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "reason", "valueString": "x" }] });
    for (purpose, document) in
        [("health-certificate", &changed), ("health-certificate-cancellation", &parameters)]
    {
        let present = reply(200, &filed("700002").to_string());
        let (outcome, calls) = delivered(purpose, document, false, vec![present]).await;
        assert_eq!(outcome, Outcome::AnotherSubject);
        assert_eq!(calls, ["GET /Composition/{item}"]);
    }
}

#[test]
fn a_cancellation_names_its_certificate_and_gives_the_declared_reason() {
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "reason", "valueString": "migreen" }] });
    let purpose = "health-certificate-cancellation";
    assert_eq!(shaped(purpose, &parameters)["parameter"][0]["valueString"], "tervisetõend");
    let mut unnamed = certificate_declaration(purpose);
    unnamed["evidence"][0]["ref"] = json!("500");
    assert_eq!(journey().shape(&unnamed, &parameters).unwrap_err().rule, "certificate-reference");
    unnamed["evidence"] = json!([]);
    assert_eq!(journey().shape(&unnamed, &parameters).unwrap_err().rule, "health-information-system");
}
