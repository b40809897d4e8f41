use std::collections::BTreeSet;

use clearance::adapter::Outcome;
use clearance::basis::{Question, Standing};
use clearance::client::Vouching;
use clearance::declaration::LegalBasis;
use clearance::refusal::Stage;
use serde_json::{Value, json};

use super::*;
use crate::testing::{
    Journey, PATIENT, SUBJECT, declaration, final_certificate, journey_to, on_route_direct, on_route_tis,
    parameters, reply,
};

const SECTION: &str = "https://fhir.ee/CodeSystem/tervisetoendi-sektsioon";

/// A certificate with everything that a system might put into one.
fn stuffed_certificate() -> Value {
    let mut document = final_certificate();
    let narrative =
        json!({ "status": "additional", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">text</div>" });
    let sections = document["section"].as_array_mut().unwrap();
    for section in sections.iter_mut() {
        section["title"] = json!("text");
        section["text"] = narrative.clone();
        section["code"]["text"] = json!("text");
        section["code"]["coding"][0]["display"] = json!("text");
        section["entry"][0]["display"] = json!("text");
    }
    for code in
        ["reject-reason", "shortened-reason", "change-reason", "cancel-reason", "suspend-reason", "other"]
    {
        sections.push(
            json!({ "code": { "coding": [ { "system": SECTION, "code": code } ] }, "text": narrative }),
        );
    }
    for contained in document["contained"].as_array_mut().unwrap() {
        contained["note"] = json!([ { "text": "text" } ]);
        contained["text"] = narrative.clone();
        contained["extension"] = json!([ { "url": "https://example.org/x", "valueString": "text" } ]);
        contained["interpretation"] = json!([ { "text": "text" } ]);
    }
    let role = &mut document["contained"][0];
    role["practitioner"]["display"] = json!("text");
    role["specialty"] = json!([ { "text": "text" } ]);
    let restriction = &mut document["contained"][2]["component"][0];
    restriction["valueQuantity"] =
        json!({ "value": 10.50, "system": "http://unitsofmeasure.org", "code": "kg", "unit": "kg" });
    restriction["code"]["text"] = json!("text");
    document["contained"].as_array_mut().unwrap().push(json!({
        "resourceType": "Condition", "id": "condition", "code": { "text": "text" } }));
    let members = document.as_object_mut().unwrap();
    members.extend(json!({
        "id": "500", "language": "et", "text": narrative, "note": [ { "text": "text" } ], "name": "text",
        "extension": [ { "url": "https://example.org/x", "valueString": "text" } ], "_status": { "id": "text" },
        "relatesTo": [ { "type": "replaces", "resourceReference": { "display": "text" } } ],
    }).as_object().unwrap().clone());
    document["meta"]["tag"] = json!([ { "display": "text" } ]);
    document["identifier"][0]["assigner"] = json!({ "display": "text" });
    document["subject"][0]["display"] = json!("text");
    document["author"][0]["display"] = json!("text");
    document["event"][0]["detail"] = json!([ { "concept": { "text": "text" } } ]);
    document["type"]["text"] = json!("text");
    document
}

/// The JSON Pointers of all texts in `value`.
fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                texts(item, &format!("{at}/{place}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                texts(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// The places of `document` from which a `marker` comes out.
fn leaks(journey: &Journey, document: &Value, marker: &str) -> Vec<String> {
    let mut places = Vec::new();
    texts(document, "", &mut places);
    assert!(places.len() > 40);
    places.retain(|place| {
        let mut marked = document.clone();
        *marked.pointer_mut(place).unwrap() = json!(marker);
        let outgoing = journey.shape(&declaration(DRIVER_CERTIFICATE), &marked);
        outgoing.is_ok_and(|outgoing| String::from_utf8_lossy(&outgoing.payload().bytes).contains(marker))
    });
    places.sort();
    places
}

#[test]
fn to_tis_no_sentence_leaves_from_anywhere_and_a_word_only_as_a_number_id_or_unit() {
    let journey = journey_to(on_route_tis());
    let document = stuffed_certificate();
    assert_eq!(leaks(&journey, &document, "marker of a cause"), [""; 0]);
    assert_eq!(
        leaks(&journey, &document, "MARKER"),
        [
            "/contained/2/component/0/valueQuantity/code",
            "/contained/2/component/0/valueQuantity/unit",
            "/id",
            "/identifier/0/value",
            "/section/0/entry/0/identifier/value",
        ]
    );
}

#[test]
fn to_the_agency_itself_a_word_leaves_only_as_the_number() {
    let journey = journey_to(on_route_direct());
    let document = stuffed_certificate();
    assert_eq!(leaks(&journey, &document, "marker of a cause"), [""; 0]);
    assert_eq!(leaks(&journey, &document, "MARKER"), ["/identifier/0/value"]);
}

#[test]
fn to_tis_the_decision_and_the_restrictions_stay_as_they_were_written() {
    let outgoing =
        journey_to(on_route_tis()).shape(&declaration(DRIVER_CERTIFICATE), &stuffed_certificate()).unwrap();
    let payload = outgoing.payload();
    assert_eq!((payload.operation.as_str(), payload.media_type.as_str()), ("update", FHIR_JSON));
    let text = String::from_utf8(payload.bytes.to_vec()).unwrap();
    for kept in ["171353001", "00.98", "\"value\":10.5", "HCERT-1", "HD-1", "driver-group-I", "10303948"] {
        assert!(text.contains(kept), "{kept}");
    }
    assert!(!text.contains("\"subject\""));
    let categories: Vec<_> =
        outgoing.permit().question().categories.iter().map(|name| name.as_str()).collect();
    assert_eq!(categories, ["administrative", "decision", "identity"]);
}

#[test]
fn a_change_is_given_the_declared_reason_and_not_the_document_s() {
    let mut declaration = declaration(DRIVER_CERTIFICATE);
    declaration["reason"] = json!("parandus <a> & b");
    let shaped = journey_to(on_route_tis()).shaped(&declaration, &stuffed_certificate());
    let sections = shaped["section"].as_array().unwrap();
    let reasons: Vec<_> = sections.iter().filter_map(|section| section.pointer("/text/div")).collect();
    assert_eq!(reasons, ["<div xmlns=\"http://www.w3.org/1999/xhtml\">parandus &lt;a&gt; &amp; b</div>"]);
}

#[test]
fn to_the_agency_itself_goes_the_slim_record_and_no_field_more() {
    let outgoing = journey_to(on_route_direct())
        .shape(&declaration(DRIVER_CERTIFICATE), &stuffed_certificate())
        .unwrap();
    let record: Value = serde_json::from_slice(&outgoing.payload().bytes).unwrap();
    let expected = json!({
        "certificateId": "HCERT-1", "status": "final", "statusUpdateTime": "2026-11-22T00:00:00.000+00:00",
        "personId": SUBJECT, "personIdOID": "1.3.6.1.4.1.28284.6.2.2.1", "personCountry": "EST",
        "personNameGiven": "Jaan", "personNameFamily": "Tamm", "personBirthDate": "1972-07-27",
        "certificateDecisions": [ {
            "id": "1", "type": "driver-group-I", "code": "171353001",
            "validFrom": "2026-11-22", "validUntil": "2036-11-22",
            "restrictions": [ { "code": "00.98" } ] } ],
        "issuerOrganisation": "10303948", "issuerDoctor": "D00000",
    });
    assert_eq!(record, expected);
}

#[tokio::test]
async fn the_agency_confirms_by_the_number_of_the_certificate() {
    let mut document = final_certificate();
    document["subject"] = json!([ { "identifier": { "system": clearance::person::ESTONIAN_PERSONAL_CODE, "value": SUBJECT } } ]);
    for (answer, expected) in [
        (reply(201, r#"{"certificateId":"HCERT-1"}"#), "Delivered"),
        (reply(201, r#"{"certificateId":"HCERT-2"}"#), "Unknown"),
        (reply(200, ""), "Unknown"),
        (reply(422, ""), "Refused"),
        (reply(429, ""), "Failed"),
    ] {
        let journey = journey_to(on_route_direct());
        let stage = testing::Stage::answering([answer]);
        let outgoing = journey.shape(&declaration(DRIVER_CERTIFICATE), &document).unwrap();
        let cleared = journey.clear(outgoing, false, None, &stage.means()).await.unwrap();
        let outcome: Outcome = journey.adapter().deliver(cleared, &stage.means()).await;
        assert!(format!("{outcome:?}").starts_with(expected), "{outcome:?}");
        let call = stage.calls().pop().unwrap();
        assert!(call.url.expose().ends_with("/r1/ee-test/GOV/70001490/register/driver-fitness"));
    }
}

#[tokio::test]
async fn a_record_that_may_have_arrived_stays_unknown_until_the_agency_confirms_it() {
    use clearance::adapter::CallFailure;
    let mut document = final_certificate();
    document["subject"] = json!([ { "identifier": { "system": clearance::person::ESTONIAN_PERSONAL_CODE, "value": SUBJECT } } ]);
    for answer in [Err(CallFailure::NotReached), reply(429, ""), reply(409, "")] {
        let journey = journey_to(on_route_direct());
        let stage = testing::Stage::answering([answer]);
        let outgoing = journey.shape(&declaration(DRIVER_CERTIFICATE), &document).unwrap();
        let cleared = journey.clear(outgoing, true, None, &stage.means()).await.unwrap();
        let outcome = journey.adapter().deliver(cleared, &stage.means()).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    }
}

#[test]
fn what_is_no_driver_s_certificate_is_refused() {
    let occupational = |document: &mut Value| {
        document["category"][0]["coding"][0]["code"] = json!("occupational");
    };
    let employer = |document: &mut Value| {
        let section = json!({ "code": { "coding": [ { "system": SECTION, "code": "employer" } ] }, "text": { "status": "additional" } });
        document["section"].as_array_mut().unwrap().push(section);
    };
    let in_words = |document: &mut Value| {
        document["contained"][1]["valueCodeableConcept"]["coding"][0]["code"] = json!("sobib");
    };
    let cancelled = |document: &mut Value| document["status"] = json!("cancelled");
    let another_author = |document: &mut Value| {
        document["contained"][0]["practitioner"]["reference"] = json!("Practitioner/36201182245");
    };
    let changes: [&dyn Fn(&mut Value); 5] =
        [&occupational, &employer, &in_words, &cancelled, &another_author];
    for adapter in [on_route_tis, on_route_direct] {
        let journey = journey_to(adapter());
        for (place, change) in changes.iter().enumerate() {
            let mut document = final_certificate();
            change(&mut document);
            let refusal = journey.shape(&declaration(DRIVER_CERTIFICATE), &document).unwrap_err();
            assert_eq!(refusal.stage, Stage::Document, "{place}");
        }
    }
}

#[test]
fn a_positive_decision_without_a_period_is_refused_before_it_leaves() {
    let mut document = final_certificate();
    document.as_object_mut().unwrap().remove("event");
    let refusal = journey_to(on_route_tis()).shape(&declaration(DRIVER_CERTIFICATE), &document).unwrap_err();
    assert_eq!((refusal.stage, refusal.rule.as_str()), (Stage::Shape, "period-missing"));
}

#[test]
fn a_suspension_names_its_certificate() {
    let journey = journey_to(on_route_tis());
    let mut unnamed = declaration(SUSPENSION);
    unnamed["evidence"][0]["ref"] = json!("500");
    assert_eq!(journey.shape(&unnamed, &parameters()).unwrap_err().rule, "certificate-reference");
    unnamed["evidence"] = json!([]);
    let refusal = journey.shape(&unnamed, &parameters()).unwrap_err();
    assert_eq!((refusal.stage, refusal.rule.as_str()), (Stage::Basis, "driver-certificate"));
    assert!(refusal.faults[0].remedy.contains("evidence of kind `certificate`"));
    assert_eq!(refusal.faults.len(), 1);
    let outgoing = journey.shape(&declaration(SUSPENSION), &parameters()).unwrap();
    assert_eq!(outgoing.subject(), &clearance::journey::SubjectProof::AtDestination);
    assert!(!String::from_utf8_lossy(&outgoing.payload().bytes).contains("haigus"));
}

#[test]
fn the_policy_says_yes_to_what_the_act_covers_and_names_what_fails_otherwise() {
    let policy = journey_to(on_route_tis()).policy;
    let decide = |purpose: &str, basis: [&str; 4], categories: &[&str], evidence: &[&str]| {
        let [gdpr6, gdpr9, act, section] = basis.map(str::to_owned);
        let question = Question {
            client: "ehr".parse().unwrap(),
            destination: "transport-administration".parse().unwrap(),
            purpose: purpose.parse().unwrap(),
            legal_basis: LegalBasis { gdpr6, gdpr9, act, section },
            categories: categories.iter().map(|name| name.parse().unwrap()).collect(),
            evidence: evidence.iter().map(|item| (*item).to_owned()).collect::<BTreeSet<_>>(),
            professional: Vouching::Listed,
            standing: Standing::default(),
        };
        match policy.decide(question) {
            Ok(permit) => (permit.rules()[0].clone(), 0),
            Err(denial) => (format!("no: {}", denial.rule), denial.faults.len()),
        }
    };
    let lawful = ["6(1)(c)", "9(2)(g)", "LS", "101(2)"];
    let all = ["identity", "decision", "administrative"];
    let shown = ["certificate:declared"];
    for (answer, expected, failed) in [
        (decide(DRIVER_CERTIFICATE, lawful, &all, &[]), "driver-certificate", 0),
        (decide(DRIVER_CERTIFICATE, ["6(1)(e)", "9(2)(g)", "LS", "102"], &all, &[]), "driver-certificate", 0),
        (
            decide(DRIVER_CERTIFICATE, ["6(1)(a)", "9(2)(g)", "LS", "102"], &all, &[]),
            "no: driver-certificate",
            1,
        ),
        (
            decide(DRIVER_CERTIFICATE, ["6(1)(c)", "9(2)(h)", "TTKS", "59²"], &all, &[]),
            "no: driver-certificate",
            2,
        ),
        (
            decide(DRIVER_CERTIFICATE, ["6(1)(c)", "9(2)(g)", "LS", "103"], &all, &[]),
            "no: driver-certificate",
            1,
        ),
        (decide(DRIVER_CERTIFICATE, lawful, &["identity", "picture"], &[]), "no: driver-certificate", 1),
        (decide(DRIVER_CERTIFICATE, lawful, &["identity", "diagnosis"], &[]), "no: category-never", 1),
        (decide(SUSPENSION, lawful, &all, &shown), "driver-certificate", 0),
        (decide(SUSPENSION, lawful, &all, &[]), "no: driver-certificate", 1),
        (decide(CANCELLATION, lawful, &all, &shown), "driver-certificate", 0),
        (decide("marketing", lawful, &all, &[]), "no: driver-certificate", 2),
    ] {
        assert_eq!(answer, (expected.to_owned(), failed));
    }
}

#[test]
fn every_basis_offered_is_one_that_the_policy_takes() {
    let adapter = on_route_tis();
    let journey = journey_to(on_route_tis());
    for purpose in &adapter.description().purposes {
        for basis in &purpose.bases {
            let mut declaration = declaration(purpose.name);
            declaration["legal_basis"] = serde_json::to_value(basis).unwrap();
            let document =
                if purpose.name == DRIVER_CERTIFICATE { final_certificate() } else { parameters() };
            let taken = match purpose.direction {
                Direction::Sends => journey.shape(&declaration, &document).is_ok(),
                Direction::Reads => journey.ask(&declaration, &json!({})).is_ok(),
            };
            assert!(taken, "{} {basis:?}", purpose.name);
        }
    }
}

#[test]
fn a_route_without_its_table_is_no_destination() {
    let settings = |json: &str| serde_json::from_str::<Settings>(json);
    let missing = TransportAdministration::new(settings(r#"{"route":"direct"}"#).unwrap()).unwrap_err();
    assert_eq!(missing, SettingsError::Missing { route: "direct" });
    assert!(settings(r#"{"route":"post"}"#).is_err());
    assert!(settings(r#"{"route":"tis","colour":"red"}"#).is_err());
}

/// TEHIK's own requests, if they are there.
#[test]
fn the_guide_s_own_certificates_pass() {
    let Ok(folder) = std::env::var("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let text = std::fs::read_to_string(format!("{folder}/tehik/hcert-requests.json")).unwrap();
    let text = text.replace("{{DOC_NUMBER}}", "1").replace("{{PATIENT_ID2}}", PATIENT);
    let collection: Value = serde_json::from_str(&text).unwrap();
    let mut declaration = declaration(DRIVER_CERTIFICATE);
    declaration["subject"]["value"] = collection["variables"]["EST_PATIENT_CODE2"].clone();
    let mut passed = 0;
    for request in collection["requests"].as_array().unwrap() {
        let document = &request["body"];
        let is_driver = document.pointer("/category/0/coding/0/code") == Some(&json!("driver-group-I"));
        if !is_driver {
            continue;
        }
        let author = document.pointer("/contained/0/practitioner/reference").unwrap().as_str().unwrap();
        declaration["professional"]["personal_code"] = json!(author.trim_start_matches("Practitioner/"));
        let shaped = journey_to(on_route_tis()).shaped(&declaration, document);
        for name in ["meta", "contained", "identifier", "status", "category", "date", "author", "event"] {
            let (kept, given) = (shaped[name].to_string(), document[name].to_string());
            assert_eq!(kept, given, "{name} of {}", request["name"]);
        }
        passed += 1;
    }
    assert_eq!(passed, 3);
}
