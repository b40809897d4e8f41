//! What holds of every document, whatever its profile says.

use super::*;

fn with_subject(subject: Value) -> Value {
    let mut document = driver();
    document["subject"] = subject;
    document
}

fn identifier(system: &str, value: &str) -> Value {
    json!({ "identifier": { "system": system, "value": value } })
}

/// Like [`DRIVER`], for documents that name their subject in any way.
fn any_subject() -> Profile {
    profile(
        &DRIVER.replace("subject.reference,", "").replace("on_excess = \"refuse\"", "on_excess = \"strip\""),
    )
}

#[test]
fn a_document_about_another_person_is_refused() {
    for subject in [
        identifier(ESTONIAN_PERSONAL_CODE, STRANGER),
        identifier("https://fhir.ee/sid/pid/fin/ni", SUBJECT),
        json!({ "identifier": { "value": SUBJECT } }),
        json!({ "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": STRANGER }, "reference": "Patient/pat-7" }),
    ] {
        assert_eq!(refused(&any_subject(), &with_subject(json!([subject]))), ["wrong-patient"]);
    }
}

#[test]
fn a_document_about_nobody_or_unreadably_about_somebody_is_refused() {
    assert_eq!(refused(&any_subject(), &with_subject(json!([]))), ["subject-missing"]);
    assert_eq!(refused(&any_subject(), &with_subject(json!([{ "display": "x" }]))), ["subject-missing"]);
    for reference in ["https://a.ee/Patient/1", "Patient/1/_history/2", "Group/1", "#gone", "urn:uuid:1"] {
        let document = with_subject(json!([{ "reference": reference }]));
        assert_eq!(refused(&any_subject(), &document), ["subject-unreadable"], "{reference}");
    }
}

#[test]
fn a_document_about_several_persons_is_refused() {
    let own = identifier(ESTONIAN_PERSONAL_CODE, SUBJECT);
    for subject in [
        json!([own, own]),
        json!([own, { "reference": "Patient/1" }]),
        json!([{ "reference": "Patient/1" }, { "reference": "Patient/2" }]),
    ] {
        assert_eq!(refused(&any_subject(), &with_subject(subject)), ["several-subjects"]);
    }
    let mut document = driver();
    document["author"][0]["reference"] = json!("Patient/other");
    assert_eq!(
        refused(&profile(DRIVER), &document),
        ["unreferenced-contained", "several-subjects"]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
}

#[test]
fn the_proof_says_whether_the_patient_index_must_be_asked() {
    let of = |subject| run(&any_subject(), &with_subject(subject)).unwrap().subject;
    let own = identifier(ESTONIAN_PERSONAL_CODE, SUBJECT);
    assert_eq!(of(json!([own])), SubjectProof::ByIdentifier);
    assert_eq!(of(json!(own)), SubjectProof::ByIdentifier);
    assert_eq!(of(json!([{ "reference": "Patient/a" }])), SubjectProof::ByIndex(Private::new("a")));
    // Both: the reference does not leave here, so that nobody can follow it.
    let both = json!([{ "identifier": own["identifier"], "reference": "Patient/a" }]);
    assert_eq!(of(both.clone()), SubjectProof::ByIdentifier);
    let leaves = profile(&DRIVER.replace("on_excess = \"refuse\"", "on_excess = \"strip\""));
    assert_eq!(run(&leaves, &with_subject(both)).unwrap().subject, SubjectProof::ByIndex(Private::new("a")));
}

#[test]
fn a_contained_patient_speaks_for_the_subject() {
    let with_patient = |identifiers: Value| {
        let mut document = with_subject(json!([{ "reference": "#pat" }]));
        let patient = json!({ "resourceType": "Patient", "id": "pat", "identifier": identifiers });
        document["contained"].as_array_mut().unwrap().push(patient);
        document
    };
    let own = json!({ "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT });
    let passport = json!({ "system": "https://fhir.ee/sid/pid/est/ppn", "value": "K0000001" });
    let another = json!({ "system": ESTONIAN_PERSONAL_CODE, "value": STRANGER });
    let proof = run(&any_subject(), &with_patient(json!([passport, own]))).unwrap().subject;
    assert_eq!(proof, SubjectProof::ByIdentifier);
    assert_eq!(refused(&any_subject(), &with_patient(json!([another]))), ["wrong-patient"]);
    assert_eq!(refused(&any_subject(), &with_patient(json!([own, another]))), ["wrong-patient"]);
    assert_eq!(refused(&any_subject(), &with_patient(json!([passport]))), ["subject-missing"]);
}

#[test]
fn another_person_in_a_kept_value_is_refused_and_in_a_dropped_one_is_dropped() {
    let mut document = driver();
    document["identifier"][0]["value"] = json!(format!("abikaasa {STRANGER}"));
    assert_eq!(refused(&profile(DRIVER), &document), ["other-person"]);
    document["identifier"][0]["value"] = json!(format!("{SUBJECT} {DOCTOR}"));
    assert!(run(&profile(DRIVER), &document).is_ok());
    let mut document = occupational();
    document["title"] = json!(STRANGER);
    assert!(run(&profile(EMPLOYER), &document).is_ok());
}

#[test]
fn another_person_as_the_id_of_a_contained_resource_is_refused() {
    let mut document = driver();
    document["contained"][0]["id"] = json!(STRANGER);
    document["author"][0]["reference"] = json!(format!("#{STRANGER}"));
    assert_eq!(refused(&profile(DRIVER), &document), ["other-person", "other-person"]);
}

#[test]
fn active_content_in_a_kept_value_is_refused() {
    let mut document = occupational();
    let released = |document: &Value| with_evidence(&profile(EMPLOYER), document, &["release"]);
    assert!(released(&document).is_ok());
    document["section"][3]["text"]["div"] = json!("<div onclick='x()'>rohkem valgust</div>");
    assert_eq!(rules(&released(&document).unwrap_err()), ["active-content"]);
    assert!(run(&profile(EMPLOYER), &document).is_ok(), "it does not leave without the release");
}

#[test]
fn a_declared_value_must_be_the_declared_one() {
    let bound = DRIVER.replace("[[drop]]", "[[keep]]\npath = \"Composition.custodian.identifier.value\"\nequals = \"declared-recipient\"\ncategory = \"x\"\nground = \"x\"\n\n[[drop]]");
    let mut document = driver();
    document["custodian"]["identifier"]["value"] = json!("10303948");
    assert!(run(&profile(&bound), &document).is_ok());
    document["custodian"]["identifier"]["value"] = json!("70009770");
    assert!(refused(&profile(&bound), &document).contains(&"wrong-recipient".to_owned()));
}
