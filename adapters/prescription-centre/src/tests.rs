use std::collections::BTreeSet;

use clearance::basis::{Question, Standing};
use clearance::client::Vouching;
use clearance::declaration::LegalBasis;
use clearance::refusal::Stage;
use serde_json::{Value, json};

use super::*;
use crate::testing::{
    NUMBER, PROFESSIONAL, SUBJECT, cancellation, change, declaration, document, issue, journey,
};

mod against_the_stand_in;

const SYSTEMS: &str = "https://fhir.ee/CodeSystem/";
const EXTENSION: &str = "https://fhir.ee/StructureDefinition/ee-tis-";

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
fn leaks(purpose: &str, marker: &str) -> Vec<String> {
    let (journey, document) = (journey(), document(purpose));
    let mut places = Vec::new();
    texts(&document, "", &mut places);
    assert!(places.len() > 60);
    places.retain(|place| {
        let mut marked = document.clone();
        *marked.pointer_mut(place).unwrap() = json!(marker);
        let outgoing = journey.shape(&declaration(purpose), &marked);
        outgoing.is_ok_and(|outgoing| String::from_utf8_lossy(&outgoing.payload().bytes).contains(marker))
    });
    places.sort();
    places
}

#[test]
fn a_sentence_leaves_only_as_the_comment_and_a_word_only_where_a_code_stands() {
    for purpose in [PRESCRIPTION, CHANGE, CANCELLATION] {
        assert_eq!(leaks(purpose, "marker of a cause"), ["/note/0/text"], "{purpose}");
    }
    let words = leaks(PRESCRIPTION, "MARKER");
    let codes = |place: &&String| {
        ["/code", "/system", "/value"].iter().any(|end| place.ends_with(end)) || *place == "/note/0/text"
    };
    assert_eq!(words.iter().filter(codes).count(), words.len(), "{words:?}");
    for closed in ["/reason/0/concept/coding/0/code", "/category/1/coding/0/code", "/intent", "/status"] {
        assert!(!words.contains(&closed.to_owned()), "{closed}");
    }
}

#[test]
fn what_the_guide_forbids_or_nobody_named_refuses_the_document_and_all_of_it_is_told() {
    let extra = json!({
        "insurance": [{ "display": "x" }], "encounter": { "display": "x" }, "performer": [{ "display": "x" }],
        "priority": "urgent", "supportingInformation": [{ "display": "x" }], "reported": true,
        "basedOn": [{ "display": "x" }], "modifierExtension": [{ "url": "https://example.org/x", "valueString": "x" }],
        "renderedDosageInstruction": "x", "groupIdentifier": { "value": "x" },
    });
    let mut document = issue();
    document.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    document["dosageInstruction"][0]["text"] = json!("as the doctor says");
    document["contained"].as_array_mut().unwrap().push(json!({
        "resourceType": "Condition", "id": "other", "code": { "text": "x" } }));
    let refusal = journey().shape(&declaration(PRESCRIPTION), &document).unwrap_err();
    assert_eq!(refusal.stage, Stage::Document);
    let told: Vec<&str> = refusal.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    for name in extra
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .chain(["dosageInstruction/0/text", "contained/2"])
    {
        assert!(told.iter().any(|pointer| pointer.starts_with(&format!("/{name}"))), "{name}: {told:?}");
    }
}

#[test]
fn what_leaves_is_the_prescription_without_labels_and_without_the_patient() {
    let outgoing = journey().shape(&declaration(PRESCRIPTION), &issue()).unwrap();
    let payload = outgoing.payload();
    assert_eq!((payload.operation.as_str(), payload.media_type.as_str()), ("issue", FHIR_JSON));
    let text = String::from_utf8(payload.bytes.to_vec()).unwrap();
    for kept in
        ["A10BA02", "11354", "E11.9", "koos toiduga", "public", "090", PROFESSIONAL, "10990009", "2027-01-19"]
    {
        assert!(text.contains(kept), "{kept}");
    }
    for gone in ["display", "hernia", "Kuusk", "5550", "subject", "language", "tablett", SUBJECT] {
        assert!(!text.contains(gone), "{gone}");
    }
    let categories: Vec<_> =
        outgoing.permit().question().categories.iter().map(|name| name.as_str()).collect();
    assert_eq!(categories, ["administrative", "comment", "diagnosis", "identity", "medication"]);
}

/// The rules of the refusal that `document` meets.
fn rules(purpose: &str, declaration: &Value, document: &Value) -> Vec<String> {
    match journey().shape(declaration, document) {
        Ok(_) => Vec::new(),
        Err(refusal) => {
            assert!([Stage::Shape, Stage::Document].contains(&refusal.stage), "{purpose}: {refusal:?}");
            refusal.faults.iter().map(|fault| fault.rule.to_string()).collect()
        }
    }
}

/// A purpose, what is done to its document, and the rule that it breaks.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Value), &'a str);

#[test]
fn each_rule_of_the_guide_that_no_allow_list_can_say_is_told_by_its_name() {
    let second = json!({ "concept": { "coding": [{ "system": format!("{SYSTEMS}rhk10"), "code": "I10" }] } });
    let lock = json!({ "url": format!("{EXTENSION}lock-status"),
        "extension": [{ "url": "lockStatus", "valueBoolean": true }] });
    let push = |list: &'static str, item: Value| {
        move |document: &mut Value| document[list].as_array_mut().unwrap().push(item.clone())
    };
    let put = |pointer: &'static str, value: Value| {
        move |document: &mut Value| *document.pointer_mut(pointer).unwrap() = value.clone()
    };
    let recipe = json!({ "item": { "concept": { "text": "Rp. Sulfuris praecipitati 33,0" } } });
    let elsewhere = |document: &mut Value| {
        document["medication"]["reference"]["reference"] = json!("Medication/1");
        document["contained"].as_array_mut().unwrap().pop();
    };
    let source =
        |document: &mut Value| document["informationSource"] = json!([{ "reference": "#requester" }]);
    let cases: [Case<'_>; 11] = [
        (PRESCRIPTION, &push("reason", second), "diagnoses"),
        (PRESCRIPTION, &push("note", json!({ "text": "x" })), "comments"),
        (PRESCRIPTION, &put("/intent", json!("proposal")), "request-missing"),
        (CHANGE, &push("extension", lock), "lock-without-request"),
        (PRESCRIPTION, &put("/contained/1/ingredient/0", recipe), "recipe"),
        (PRESCRIPTION, &elsewhere, "medicine-missing"),
        (PRESCRIPTION, &put("/contained/0/practitioner/identifier/value", json!("D09999")), "wrong-author"),
        (PRESCRIPTION, &source, "wrong-author"),
        (CANCELLATION, &put("/contained/0/practitioner/identifier/value", json!("D09999")), "wrong-author"),
        (CANCELLATION, &put("/status", json!("active")), "prescription-status"),
        (CHANGE, &put("/identifier/0/value", json!("1018800002")), "prescription-number"),
    ];
    for (purpose, mutate, rule) in cases {
        let mut document = document(purpose);
        assert_eq!(rules(purpose, &declaration(purpose), &document), [""; 0], "{purpose}");
        mutate(&mut document);
        assert_eq!(rules(purpose, &declaration(purpose), &document), [rule], "{purpose}");
    }
}

#[test]
fn an_issue_can_neither_carry_a_number_nor_cancel_nor_name_a_prescription() {
    let declaration = declaration(PRESCRIPTION);
    for document in [change(), cancellation()] {
        let refusal = journey().shape(&declaration, &document).unwrap_err();
        assert_eq!(refusal.stage, Stage::Document);
        assert!(refusal.faults.iter().any(|fault| fault.pointer.starts_with("/identifier")));
    }
    let mut naming = declaration;
    naming["evidence"] = json!([{ "kind": "prescription", "ref": NUMBER }]);
    assert_eq!(rules(PRESCRIPTION, &naming, &issue()), ["prescription-named"]);
}

#[test]
fn a_change_or_cancellation_names_its_prescription_before_its_document_is_read() {
    for purpose in [CHANGE, CANCELLATION] {
        let mut unnamed = declaration(purpose);
        unnamed["evidence"] = json!([]);
        let refusal = journey().shape(&unnamed, &document(purpose)).unwrap_err();
        assert_eq!((refusal.stage, refusal.rule.as_str()), (Stage::Basis, "prescription"));
        assert_eq!(refusal.faults.len(), 1);
        assert!(refusal.faults[0].remedy.contains("evidence of kind `prescription`"));
    }
}

#[test]
fn another_may_cancel_and_says_who() {
    let mut document = cancellation();
    document["contained"][0]["practitioner"]["identifier"]["value"] = json!("D09999");
    let mut canceller = document["contained"][0].clone();
    canceller["id"] = json!("canceller");
    canceller["practitioner"]["identifier"]["value"] = json!(PROFESSIONAL);
    document["contained"].as_array_mut().unwrap().push(canceller);
    document["informationSource"] = json!([{ "reference": "#canceller" }]);
    let shaped = journey().shaped(&declaration(CANCELLATION), &document);
    assert!(shaped.to_string().contains("D09999") && shaped.to_string().contains(PROFESSIONAL));
}

#[test]
fn who_may_not_prescribe_is_refused_and_so_is_an_order_of_one_s_own() {
    let mut declaration = declaration(PRESCRIPTION);
    declaration["professional"]["role"] = json!("physiotherapist");
    declaration["ordering_key"] = json!("mine");
    assert_eq!(rules(PRESCRIPTION, &declaration, &issue()), ["role-does-not-prescribe", "ordering-key"]);
}

#[test]
fn every_kind_of_prescription_that_the_guide_shows_passes() {
    let mut unlicensed = issue();
    unlicensed["intent"] = json!("proposal");
    unlicensed["extension"].as_array_mut().unwrap().push(json!({
        "url": format!("{EXTENSION}unauthorized-product-request"), "extension": [
            { "url": "requestReason", "valueCodeableConcept": { "coding": [
                { "system": format!("{SYSTEMS}myygiloata-ravimi-pohjendus"), "code": "ML01" } ] } },
            { "url": "requestDate", "valueDateTime": "2026-11-20" } ] }));
    let mut extemporal = issue();
    extemporal["contained"][1] = json!({
        "resourceType": "Medication", "id": "medicine",
        "meta": { "profile": [format!("{EXTENSION}medication-extemporal")] },
        "doseForm": { "coding": [{ "system": format!("{SYSTEMS}ravimvormid"), "code": "789" }] },
        "totalVolume": { "value": 100 },
        "ingredient": [{ "item": { "concept": { "text": "Rp. Sulfuris praecipitati 33,0 Adipis suilli ad 100,0" } } }] });
    let mut device = issue();
    device["category"][0]["coding"][0]["code"] = json!("3");
    let mut thrice = issue();
    thrice["category"][1]["coding"][0]["code"] = json!("3");
    for document in [unlicensed, extemporal, device, thrice] {
        assert_eq!(rules(PRESCRIPTION, &declaration(PRESCRIPTION), &document), [""; 0]);
    }
    let mut four = issue();
    four["category"][1]["coding"][0]["code"] = json!("4");
    assert!(!rules(PRESCRIPTION, &declaration(PRESCRIPTION), &four).is_empty());
}

#[test]
fn the_policy_says_yes_to_what_the_act_covers_and_names_what_fails_otherwise() {
    let policy = journey().policy;
    let decide = |purpose: &str, basis: [&str; 4], categories: &[&str], evidence: &[&str]| {
        let [gdpr6, gdpr9, act, section] = basis.map(str::to_owned);
        let question = Question {
            client: "ehr".parse().unwrap(),
            destination: "prescription-centre".parse().unwrap(),
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
    let lawful = ["6(1)(c)", "9(2)(h)", "RavS", "33"];
    let all = ["identity", "administrative", "medication", "diagnosis", "comment"];
    let shown = ["prescription:declared"];
    for (answer, expected, failed) in [
        (decide(PRESCRIPTION, lawful, &all, &[]), "prescription", 0),
        (decide(PRESCRIPTION, ["6(1)(c)", "9(2)(h)", "RavS", "81"], &all, &[]), "prescription", 0),
        (decide(PRESCRIPTION, ["6(1)(a)", "9(2)(h)", "RavS", "33"], &all, &[]), "no: prescription", 1),
        (decide(PRESCRIPTION, ["6(1)(c)", "9(2)(g)", "LS", "101"], &all, &[]), "no: prescription", 2),
        (decide(PRESCRIPTION, lawful, &["identity", "suggestion"], &[]), "no: prescription", 1),
        (decide(PRESCRIPTION, lawful, &["identity", "laboratory"], &[]), "no: category-never", 1),
        (decide(CHANGE, lawful, &all, &shown), "prescription", 0),
        (decide(CHANGE, lawful, &all, &[]), "no: prescription", 1),
        (decide(CANCELLATION, lawful, &all, &shown), "prescription", 0),
        (decide(CANCELLATION, lawful, &all, &["certificate:declared"]), "no: prescription", 1),
        (decide(PRESCRIPTIONS, lawful, &all, &[]), "prescription", 0),
        (decide(PRESCRIPTIONS, ["6(1)(c)", "9(2)(h)", "TTKS", "33"], &all, &[]), "no: prescription", 1),
        (decide("marketing", lawful, &all, &[]), "no: prescription", 2),
    ] {
        assert_eq!(answer, (expected.to_owned(), failed));
    }
}

#[test]
fn every_basis_offered_is_one_that_the_policy_takes() {
    for purpose in &centre().description().purposes {
        for basis in &purpose.bases {
            let mut declaration = declaration(purpose.name);
            declaration["legal_basis"] = serde_json::to_value(basis).unwrap();
            let taken = match purpose.direction {
                Direction::Sends => journey().shape(&declaration, &document(purpose.name)).is_ok(),
                Direction::Reads => journey().ask(&declaration, &json!({})).is_ok(),
            };
            assert!(taken, "{} {basis:?}", purpose.name);
        }
    }
}

fn centre() -> PrescriptionCentre {
    crate::testing::centre()
}

#[test]
fn the_service_is_the_published_one_unless_settings_name_another() {
    let tis = json!({ "peer": "p", "url": "https://security.example", "instance": "ee-test",
        "client": "COM/10990009/gw", "organisation": "10990009", "application": "clearance" });
    let settings = |settings: Value| serde_json::from_value::<Settings>(settings);
    let service =
        |given: Value| PrescriptionCentre::new(settings(given).unwrap()).unwrap().centre.service.to_string();
    assert_eq!(service(json!({ "tis": tis })), "ee-test/GOV/70009770/uptis/fis-service");
    let another = json!({ "tis": tis, "service": "GOV/70009770/tis/fhir" });
    assert_eq!(service(another), "ee-test/GOV/70009770/tis/fhir");
    assert!(settings(json!({ "tis": tis, "service": "tis/fhir" })).is_err());
    assert!(settings(json!({ "tis": tis, "colour": "red" })).is_err());
    assert!(settings(json!({})).is_err());
}

/// The page for integrators shows requests that are accepted as they stand.
#[test]
fn the_examples_of_the_page_are_accepted() {
    let page = include_str!("../docs/transfers.md");
    let examples: Vec<Value> = page
        .split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect();
    let [declaration, change, cancel, read] = &examples[..] else { panic!("{} examples", examples.len()) };
    journey().shape(&declaration["declaration"], &declaration["document"]).unwrap();
    for acted_on in [change, cancel] {
        let mut declared = declaration["declaration"].clone();
        declared.as_object_mut().unwrap().extend(acted_on["declaration"].as_object().unwrap().clone());
        let mut document = declaration["document"].clone();
        document.as_object_mut().unwrap().extend(acted_on["document"].as_object().unwrap().clone());
        journey().shape(&declared, &document).unwrap();
    }
    let mut declared = declaration["declaration"].clone();
    declared.as_object_mut().unwrap().extend(read["declaration"].as_object().unwrap().clone());
    journey().ask(&declared, &read["query"]).unwrap();
}
