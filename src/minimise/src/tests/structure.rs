//! What becomes of structure: labels, contained resources, order, limits.

use super::*;
use crate::Reason;

#[test]
fn evidence_opens_the_entries_that_ask_for_it() {
    let profile = profile(EMPLOYER);
    assert!(!profile.categories([]).contains("suggestion"));
    assert!(profile.categories(["release"]).contains("suggestion"));
    let without = run(&profile, &occupational()).unwrap();
    assert!(!String::from_utf8(without.document).unwrap().contains("valgust"));
    let told =
        without.manifest.dropped().iter().find(|dropped| dropped.reason == Reason::NeedsEvidence).unwrap();
    assert_eq!(told.path, "Composition.section[code=employer-suggestions].text.div");
    let with = with_evidence(&profile, &occupational(), &["release"]).unwrap();
    assert!(String::from_utf8(with.document).unwrap().contains("rohkem valgust"));
}

#[test]
fn input_order_numbers_and_one_form_of_escape_are_kept() {
    let document = format!(
        r##" {{ "status" : "f\u0069nal" ,"resourceType":"Composition","event":[{{"period":{{"end":"2028-11-22"}}}}],
        "contained":[{{"valueCodeableConcept":{{"coding":[{{"code":"225891002"}}]}},"code":{{"coding":[{{"code":"419183001"}}]}},"resourceType":"Observation","id":"a"}},
        {{"id":"b","component":[{{"valueQuantity":{{"value":1.500E+2}},"code":{{"coding":[{{"code":"586","system":"https:\/\/fhir.ee/CodeSystem/tervisetoendi-piirangud"}}]}}}}],"resourceType":"Observation","code":{{"coding":{{"code":"146861000181105"}}}}}}],
        "section":[{{"entry":[{{"reference":"#b"}},{{"reference":"#a"}}],"code":{{"coding":[{{"code":"decision"}}]}}}}],
        "identifier":{{"value":"N\u002d1","system":"urn:x"}},
        "subject":{{"identifier":{{"value":"{SUBJECT}","system":"{ESTONIAN_PERSONAL_CODE}"}}}}}} "##
    );
    let subject = subject();
    let declared = Declared {
        subject: &subject,
        recipient: None,
        evidence: BTreeSet::new(),
        others: vec![],
        limits: Limits::default(),
    };
    let projection = project(&profile(EMPLOYER), &declared, document.as_bytes()).unwrap();
    let expected = document.split_whitespace().collect::<String>();
    let expected = expected.replace(r"\u0069", "i").replace(r"\u002d", "-").replace(r"\/", "/");
    assert_eq!(String::from_utf8(projection.document).unwrap(), expected);
    assert_eq!(projection.manifest.values().2, 0);
}

#[test]
fn an_element_of_which_only_its_label_is_left_goes() {
    let mut document = occupational();
    document["section"][2]["entry"] = json!([{ "reference": "#gone" }, { "display": CANARY }]);
    let (output, _) = cleared(&profile(EMPLOYER), &document);
    assert_eq!(output["section"].as_array().unwrap().len(), 1);
    // The restriction is no longer referred to.
    assert_eq!(output["contained"].as_array().unwrap().len(), 1);
}

#[test]
fn a_label_that_is_named_keeps_no_element_alive_either() {
    let mut document = driver();
    document["section"][1]["entry"][0] = json!({ "reference": "#gone" });
    let profile = profile(&DRIVER.replace("on_excess = \"refuse\"", "on_excess = \"strip\""));
    let (output, _) = cleared(&profile, &document);
    assert_eq!(output["section"].as_array().unwrap().len(), 1);
    assert_eq!(output["contained"].as_array().unwrap().len(), 1);
}

#[test]
fn a_dangling_reference_refuses_where_excess_does() {
    let mut document = driver();
    document["section"][1]["entry"][0] = json!({ "reference": "#gone" });
    assert_eq!(refused(&profile(DRIVER), &document), ["unreferenced-contained", "dangling-reference"]);
}

#[test]
fn two_contained_resources_with_one_id_are_refused() {
    let mut document = driver();
    document["contained"][1]["id"] = json!("role");
    assert!(refused(&profile(DRIVER), &document).contains(&"contained-duplicate-id".to_owned()));
    let mut document = occupational();
    document["contained"][3]["id"] = json!("decision");
    assert_eq!(refused(&profile(EMPLOYER), &document), ["contained-duplicate-id"]);
}

const CHAIN: &str = r#"
profile = "chain"
version = "1"
format = "fhir-json"
resource = "Basic"
on_excess = "strip"
[subject]
paths = ["Basic.subject"]
[[keep]]
path = "Basic.{subject.reference,author.reference,contained(Basic).author.reference,contained(Basic).created}"
category = "x"
ground = "x"
"#;

fn chain(links: usize, last: Value) -> Value {
    let link = |n: usize| json!({ "resourceType": "Basic", "id": format!("c{n}"), "author": { "reference": format!("#c{}", n + 1) } });
    let mut contained: Vec<Value> = (0..links).map(link).collect();
    contained.push(last);
    json!({ "resourceType": "Basic", "subject": { "reference": "Patient/1" }, "author": { "reference": "#c0" }, "contained": contained })
}

#[test]
fn contained_resources_are_followed_through_one_another() {
    let last =
        json!({ "resourceType": "Basic", "id": "c3", "created": "2026", "author": { "reference": "#c0" } });
    let document = chain(3, last);
    assert_eq!(cleared(&profile(CHAIN), &document).0, document);
}

#[test]
fn a_long_chain_that_ends_nowhere_goes_in_linear_time() {
    let document =
        chain(9_000, json!({ "resourceType": "Basic", "id": "c9000", "code": { "text": CANARY } }));
    let (output, _) = cleared(&profile(CHAIN), &document);
    assert_eq!(output, json!({ "resourceType": "Basic", "subject": { "reference": "Patient/1" } }));
}

#[test]
fn contained_resources_that_only_refer_to_one_another_go() {
    let mut document =
        chain(2, json!({ "resourceType": "Basic", "id": "c2", "author": { "reference": "#c0" } }));
    document["author"]["reference"] = json!("#c9");
    let (output, _) = cleared(&profile(CHAIN), &document);
    assert_eq!(output, json!({ "resourceType": "Basic", "subject": { "reference": "Patient/1" } }));
}

#[test]
fn a_malformed_document_is_not_looked_into() {
    let subject = subject();
    let declared = Declared {
        subject: &subject,
        recipient: None,
        evidence: BTreeSet::new(),
        others: vec![],
        limits: Limits::default(),
    };
    let faults = project(
        &profile(EMPLOYER),
        &declared,
        br#"{"resourceType":"Composition","title":"CANARY","title":1}"#,
    )
    .unwrap_err();
    assert_eq!(rules(&faults), ["json-duplicate-name"]);
    assert_eq!(faults[0].pointer, "/title");
    for text in ["[]", "7", "\"Composition\"", "{}", r#"{"resourceType":["Composition"]}"#] {
        let faults = project(&profile(EMPLOYER), &declared, text.as_bytes()).unwrap_err();
        assert_eq!(rules(&faults), ["wrong-resource"], "{text}");
    }
}

#[test]
fn faults_and_paths_beyond_the_limit_are_counted() {
    let mut document = driver();
    for n in 0..150 {
        document["section"].as_array_mut().unwrap().push(json!({ "title": n }));
    }
    let faults = run(&profile(DRIVER), &document).unwrap_err();
    assert_eq!(faults.len(), 101);
    assert_eq!((&*faults[100].rule, faults[100].detail.as_str()), ("more-faults", "and 50 more faults"));

    let mut document = occupational();
    for name in include_str!("../fhir-r5-names.txt").split_whitespace().take(300) {
        if document.get(name).is_none() {
            document[name] = json!(CANARY);
        }
    }
    let manifest = run(&profile(EMPLOYER), &document).unwrap().manifest;
    assert_eq!(manifest.dropped().len(), 100);
    assert!(String::from_utf8(manifest.to_bytes()).unwrap().contains("\"more_dropped_paths\":2"));
}

#[test]
fn the_samples_of_the_registry_pass_a_profile_made_for_them() {
    let Ok(samples) = std::env::var("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let file = std::path::Path::new(&samples).join("tehik/hcert-requests.json");
    let text = std::fs::read_to_string(file)
        .unwrap()
        .replace("{{", "")
        .replace("}}", "")
        .replace("PATIENT_ID", "pat-7")
        .replace("pat-72", "pat-7");
    let all: Value = serde_json::from_str(&text).unwrap();
    let lenient =
        profile(&DRIVER.replace("on_excess = \"refuse\"", "on_excess = \"strip\"").replace("HD-", "HD"));
    let mut seen = 0;
    for request in all["requests"].as_array().unwrap() {
        let body = &request["body"];
        if body["resourceType"] != "Composition" {
            continue;
        }
        let subject = subject();
        let declared = Declared {
            subject: &subject,
            recipient: None,
            evidence: BTreeSet::new(),
            others: vec!["45007090928"],
            limits: Limits::default(),
        };
        let outcome = project(&lenient, &declared, body.to_string().as_bytes());
        let projection = outcome.unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert!(matches!(projection.subject, SubjectProof::ByIndex(_)));
        assert!(!String::from_utf8(projection.document).unwrap().contains("some text"));
        seen += 1;
    }
    assert_eq!(seen, 4);
}
