use std::collections::BTreeSet;

use clearance::basis::{Question, Standing};
use clearance::client::Vouching;
use clearance::refusal::Stage;
use serde_json::{Value, json};

use super::*;
use crate::document::SECTIONS;
use crate::testing::{
    EMPLOYER, PROFESSIONAL, SUBJECT, certificate, coded, declaration, declaration_with_release, employer,
    journey_to, narrative,
};

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

/// The decision with everything that a system might put into one.
fn stuffed_certificate() -> Value {
    let mut document = certificate();
    for section in document["section"].as_array_mut().unwrap() {
        section["title"] = json!("text");
        section["code"]["text"] = json!("text");
        section["code"]["coding"][0]["display"] = json!("text");
        if section.get("text").is_none() {
            section["text"] = narrative("text");
        }
        if let Some(entry) = section.pointer_mut("/entry/0") {
            entry["display"] = json!("text");
        }
    }
    for contained in document["contained"].as_array_mut().unwrap() {
        contained["note"] = json!([ { "text": "text" } ]);
        contained["text"] = narrative("text");
        contained["extension"] = json!([ { "url": "https://example.org/x", "valueString": "text" } ]);
        contained["interpretation"] = json!([ { "text": "text" } ]);
        contained["bodySite"] = json!({ "text": "text" });
        if let Some(value) = contained.get_mut("valueCodeableConcept") {
            value["text"] = json!("text");
            value["coding"][0]["display"] = json!("text");
        }
    }
    document["contained"].as_array_mut().unwrap().push(json!({
        "resourceType": "Condition", "id": "condition", "code": { "text": "text" } }));
    document["section"].as_array_mut().unwrap().push(json!({
        "code": coded(SECTIONS, "other"), "text": narrative("text"), "entry": [ { "reference": "#condition" } ] }));
    document["meta"]["tag"] = json!([ { "display": "text" } ]);
    document["identifier"][0]["assigner"] = json!({ "display": "text" });
    document["subject"][0]["display"] = json!("text");
    document["author"][0]["display"] = json!("text");
    document["text"] = narrative("text");
    document["id"] = json!("500");
    document
}

/// The places of the document from which a `marker` comes out.
fn leaks(declaration: &Value, marker: &str) -> Vec<String> {
    let journey = journey_to(employer());
    let document = stuffed_certificate();
    let mut places = Vec::new();
    texts(&document, "", &mut places);
    assert!(places.len() > 100);
    places.retain(|place| {
        let mut marked = document.clone();
        let is_div = place.ends_with("/div");
        *marked.pointer_mut(place).unwrap() =
            if is_div { narrative(marker)["div"].clone() } else { json!(marker) };
        let outgoing = journey.shape(declaration, &marked);
        outgoing.is_ok_and(|outgoing| String::from_utf8_lossy(&outgoing.payload().bytes).contains(marker))
    });
    places.sort();
    places
}

#[test]
fn no_sentence_reaches_the_employer_but_its_own_name_and_the_released_suggestion() {
    let sentence = "Marker Of A Cause";
    let name = "/contained/1/performer/0/display";
    assert_eq!(leaks(&declaration(), sentence), [name]);
    assert_eq!(leaks(&declaration_with_release(), sentence), [name, "/section/9/text/div"]);
}

#[test]
fn a_word_reaches_the_employer_only_as_a_name_or_the_number() {
    let places = ["/contained/1/performer/0/display", "/identifier/0/value"];
    assert_eq!(leaks(&declaration(), "MARKER7"), places);
}

#[test]
fn the_employer_gets_exactly_these_fields() {
    let shaped = journey_to(employer()).shaped(&declaration(), &stuffed_certificate());
    let observed = |id: &str, code: &str, rest: Value| {
        let mut observation = json!({ "resourceType": "Observation", "id": id, "status": "final",
            "code": coded("http://snomed.info/sct", code) });
        observation.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        observation
    };
    let value = |system: &str, code: &str| json!({ "valueCodeableConcept": coded(&format!("https://fhir.ee/CodeSystem/{system}"), code) });
    let hazards = "toolaadi-ja-tookeskkonnaga-seotud-ohutegurid";
    let restrictions = "https://fhir.ee/CodeSystem/tervisetoendi-piirangud";
    let section = |code: &str, ids: &[&str]| {
        let entries: Vec<_> = ids.iter().map(|id| json!({ "reference": id })).collect();
        json!({ "code": coded(SECTIONS, code), "entry": entries })
    };
    let mut employment = section("employer", &["#employment"]);
    employment["text"] = narrative(EMPLOYER);
    let restricted_to_hazard = {
        let mut component = value(hazards, "114");
        component["code"] = coded(restrictions, "750");
        json!({ "component": [component] })
    };
    let expected = json!({
        "resourceType": "Composition",
        "meta": { "profile": ["https://fhir.ee/hcert/StructureDefinition/ee-health-certificate-occupational-employer"] },
        "contained": [
            { "resourceType": "PractitionerRole", "id": "author",
              "practitioner": { "identifier": { "system": "https://fhir.ee/sid/pro/est/pho", "value": "D00000" }, "display": "Mari Mets" },
              "organization": { "identifier": { "system": "https://fhir.ee/sid/org/est/br", "value": "70009770" } } },
            observed("employment", "184104002", json!({
                "performer": [ { "identifier": { "system": "https://fhir.ee/sid/org/est/br", "value": EMPLOYER }, "display": "Tehas OÜ" } ],
                "component": [
                    { "code": coded("http://snomed.info/sct", "160922003"),
                      "valueCodeableConcept": coded("https://fhir.ee/CodeSystem/ametite-klassifikaator", "22220101") },
                    { "code": coded("http://snomed.info/sct", "224374003"),
                      "valueQuantity": { "value": 0.75, "system": "http://unitsofmeasure.org", "code": "1" } } ] })),
            observed("decision-1", "419183001", json!({ "valueCodeableConcept": coded("http://snomed.info/sct", "225891002") })),
            observed("medical-restrictions-1", "146861000181105", json!({ "component": [ {
                "code": coded(restrictions, "586"),
                "valueQuantity": { "value": 10, "system": "http://unitsofmeasure.org", "code": "kg" } } ] })),
            observed("medical-restrictions-2", "146861000181105", restricted_to_hazard),
            observed("risk-factors-1", "80943009", value(hazards, "558")),
            observed("work-additional-restrictions-1", "225891002",
                value("tootamiseks-vajalikud-lisatingimused", "personal-protective-equipment")),
        ],
        "identifier": [ { "system": "https://fhir.ee/hcert/health-certificate-number", "value": "HCERT-1" } ],
        "status": "final",
        "type": coded("http://snomed.info/sct", "772786005"),
        "category": [ coded("https://fhir.ee/CodeSystem/labivaatuse-tyyp", "occupational") ],
        "subject": [ { "identifier": { "system": "https://fhir.ee/sid/pid/est/ni", "value": SUBJECT },
            "display": "Jaan Tamm" } ],
        "date": "2026-11-22T00:00:00.000+00:00",
        "author": [ { "reference": "#author" } ],
        "title": "Töötervishoiu tervisekontrolli otsus",
        "event": [ { "period": { "start": "2026-11-22T00:00:00.000+00:00", "end": "2029-11-22T00:00:00.000+00:00" } } ],
        "section": [
            employment,
            section("decision", &["#decision-1"]),
            section("medical-restrictions", &["#medical-restrictions-1", "#medical-restrictions-2"]),
            section("risk-factors", &["#risk-factors-1"]),
            section("work-additional-restrictions", &["#work-additional-restrictions-1"]),
        ],
    });
    assert_eq!(shaped, expected);
}

#[test]
fn a_suggestion_leaves_once_the_doctor_has_released_it() {
    let suggestion = |declaration: &Value| {
        let shaped = journey_to(employer()).shaped(declaration, &certificate());
        shaped["section"].as_array().unwrap().iter().find_map(|section| {
            (section["code"]["coding"][0]["code"] == "employer-suggestions")
                .then(|| section["text"]["div"].clone())
        })
    };
    assert_eq!(suggestion(&declaration()), None);
    let released = suggestion(&declaration_with_release());
    assert_eq!(released, Some(narrative("parem valgustus &amp; tool")["div"].clone()));
}

#[test]
fn a_suggestion_that_names_a_diagnosis_is_refused_even_when_released() {
    for text in ["M54.5 tõttu kergem töö", "diagnoosi tõttu kergem töö", "<b>kergem</b> töö"] {
        let mut document = certificate();
        document["section"][9]["text"] = narrative(text);
        let journey = journey_to(employer());
        let refusal = journey.shape(&declaration_with_release(), &document).unwrap_err();
        assert_eq!(
            (refusal.stage, refusal.rule.as_str()),
            (Stage::Shape, "suggestion-not-releasable"),
            "{text}"
        );
        assert!(journey.shape(&declaration(), &document).is_ok());
    }
}

#[test]
fn what_is_no_decision_for_this_employer_is_refused() {
    let cases: [(&str, Value, &str); 8] = [
        ("/category/0/coding/0/code", json!("driver-group-I"), "document"),
        ("/status", json!("preliminary"), "document"),
        ("/contained/1/performer/0/identifier/value", json!("70001490"), "document"),
        ("/contained/2/valueCodeableConcept/coding/0/code", json!("171353001"), "document"),
        ("/contained/0/practitioner/reference", json!("Practitioner/36201182245"), "document"),
        ("/subject/0/identifier/value", json!("36808088873"), "document"),
        ("/contained/0/organization/reference", json!("Organization/70009771"), "shape"),
        ("/event", json!([]), "shape"),
    ];
    for (pointer, value, stage) in cases {
        let mut document = certificate();
        *document.pointer_mut(pointer).unwrap() = value;
        let refusal = journey_to(employer()).shape(&declaration(), &document).unwrap_err();
        assert_eq!(refusal.stage.code(), stage, "{pointer}");
    }
}

#[test]
fn a_restriction_without_its_limit_is_not_sent_as_one_without_limit() {
    let mut document = certificate();
    let resources = document["contained"].as_array_mut().unwrap().iter_mut();
    let mut restrictions = resources.filter(|resource| resource.to_string().contains("146861000181105"));
    let components = restrictions.next().unwrap()["component"].as_array_mut().unwrap().iter_mut();
    let mut quantities = components.filter_map(|component| component.get_mut("valueQuantity"));
    quantities.next().unwrap().as_object_mut().unwrap().remove("code").unwrap();
    let refusal = journey_to(employer()).shape(&declaration(), &document).unwrap_err();
    assert_eq!(refusal.rule, "decision-unreadable");
}

#[test]
fn of_two_decisions_in_one_document_none_is_believed() {
    let mut document = certificate();
    let mut second = document["contained"][2].clone();
    second["id"] = json!("second");
    second["valueCodeableConcept"]["coding"][0]["code"] = json!("160910001");
    document["contained"].as_array_mut().unwrap().push(second);
    document["section"][2]["entry"].as_array_mut().unwrap().push(json!({ "reference": "#second" }));
    let refusal = journey_to(employer()).shape(&declaration(), &document).unwrap_err();
    assert_eq!(refusal.rule, "decision-unreadable");
}

#[test]
fn an_employer_without_an_endpoint_is_said_to_be_unreachable_at_intake() {
    let nobody = Employer::new(serde_json::from_value(json!({ "endpoints": {} })).unwrap());
    let refusal = journey_to(nobody).shape(&declaration(), &certificate()).unwrap_err();
    assert_eq!((refusal.stage, refusal.rule.as_str()), (Stage::Shape, "employer-not-reachable"));
}

#[test]
fn endpoints_are_known_by_registry_codes_with_a_valid_check_digit() {
    let settings = |code: &str| {
        let endpoint = json!({ "peer": "p", "url": "https://p.example" });
        serde_json::from_value::<Settings>(json!({ "endpoints": { code: endpoint } }))
    };
    assert!(settings(EMPLOYER).is_ok());
    assert!(settings("10303949").is_err());
    assert!(serde_json::from_value::<Settings>(json!({ "endpoints": {}, "colour": "red" })).is_err());
}

#[test]
fn neither_person_nor_content_prints() {
    let declaration = clearance::declaration::Declaration::parse(
        declaration_with_release().to_string().as_bytes(),
        clearance::declaration::CheckDigits::Reject,
    )
    .unwrap();
    let decision = HealthCheckDecision::read(certificate().to_string().as_bytes(), &declaration).unwrap();
    let printed = format!("{decision:?}");
    for text in [SUBJECT, PROFESSIONAL, "Jaan", "Tamm", "Mari", "Tehas", "valgustus", "D00000"] {
        assert!(!printed.contains(text), "{text}");
    }
}

#[test]
fn the_policy_says_yes_to_what_the_act_covers_and_names_what_fails_otherwise() {
    let policy = journey_to(employer()).policy;
    let decide = |purpose: &str, basis: [&str; 4], categories: &[&str], evidence: &[&str]| {
        let [gdpr6, gdpr9, act, section] = basis.map(str::to_owned);
        let question = Question {
            client: "ehr".parse().unwrap(),
            destination: "employer".parse().unwrap(),
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
    let (yes, no) = ("health-check-decision", "no: health-check-decision");
    let lawful = ["6(1)(c)", "9(2)(b)", "TTOS", "13¹"];
    let core = ["identity", "decision", "administrative"];
    let all = ["identity", "decision", "administrative", "suggestion"];
    let released = ["release:declared"];
    for (answer, expected, failed) in [
        (decide(HEALTH_CHECK_DECISION, lawful, &core, &[]), yes, 0),
        (decide(HEALTH_CHECK_DECISION, ["6(1)(c)", "9(2)(h)", "TTOS", "13¹(14)"], &core, &[]), yes, 0),
        (decide(HEALTH_CHECK_DECISION, lawful, &all, &released), yes, 0),
        (decide(HEALTH_CHECK_DECISION, lawful, &all, &["order:declared"]), no, 1),
        (decide(HEALTH_CHECK_DECISION, ["6(1)(a)", "9(2)(a)", "TTOS", "13¹"], &core, &[]), no, 2),
        (decide(HEALTH_CHECK_DECISION, ["6(1)(c)", "9(2)(b)", "TTKS", "13¹"], &core, &[]), no, 1),
        (decide(HEALTH_CHECK_DECISION, lawful, &["identity", "picture"], &[]), no, 1),
        (decide(HEALTH_CHECK_DECISION, lawful, &["identity", "diagnosis"], &[]), "no: category-never", 1),
        (decide("marketing", lawful, &core, &[]), no, 1),
    ] {
        assert_eq!(answer, (expected.to_owned(), failed));
    }
}

#[test]
fn every_basis_offered_is_one_that_the_policy_takes() {
    let journey = journey_to(employer());
    for basis in bases() {
        let mut declaration = declaration();
        declaration["legal_basis"] = serde_json::to_value(&basis).unwrap();
        assert!(journey.shape(&declaration, &certificate()).is_ok(), "{basis:?}");
    }
}

/// TEHIK's own request, if it is there.
#[test]
fn the_guide_s_own_decision_passes() {
    let Ok(folder) = std::env::var("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let text = std::fs::read_to_string(format!("{folder}/tehik/hcert-requests.json")).unwrap();
    let text = text.replace("{{DOC_NUMBER}}", "1").replace("{{PATIENT_ID}}", "517685");
    let collection: Value = serde_json::from_str(&text).unwrap();
    let requests = collection["requests"].as_array().unwrap();
    let is_occupational =
        |body: &&Value| body.pointer("/category/0/coding/0/code") == Some(&json!("occupational"));
    let document = requests.iter().map(|request| &request["body"]).find(is_occupational).unwrap();
    let code = &collection["variables"]["EMPLOYER_CODE"];
    let mut declaration = declaration_with_release();
    declaration["subject"]["value"] = collection["variables"]["EST_PATIENT_CODE"].clone();
    declaration["recipient"]["value"] = code.clone();
    let author = document.pointer("/contained/0/practitioner/reference").unwrap().as_str().unwrap();
    declaration["professional"]["personal_code"] = json!(author.trim_start_matches("Practitioner/"));
    let settings =
        json!({ "endpoints": { code.as_str().unwrap(): { "peer": "p", "url": "https://p.example" } } });
    let shaped =
        journey_to(Employer::new(serde_json::from_value(settings).unwrap())).shaped(&declaration, document);
    let text = shaped.to_string();
    for kept in [
        "160910001",
        "586",
        "750",
        "558",
        "work-environment",
        "personal-protective-equipment",
        "Ettepanekud tööandjale",
    ] {
        assert!(text.contains(kept), "{kept}");
    }
    for gone in [
        "p6hjus",
        "p\\u00f5hjus",
        "some text",
        "doc-12345",
        "töötajale",
        "lisatingumusi",
        "517685",
        "45007090928",
    ] {
        assert!(!text.contains(gone), "{gone}");
    }
}
