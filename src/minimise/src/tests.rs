//! Promises of minimisation, on made-up documents.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Declared, Limits, Manifest, Profile, Projection, Projector, SubjectProof, project};
use crate::fault::Fault;
use crate::person::{ESTONIAN_PERSONAL_CODE, Identifier, Private};

mod guards;
mod oracle;
mod properties;
mod slips;
mod structure;
mod xml;
mod xml_oracle;
mod xml_slips;

pub(super) const SUBJECT: &str = "60001017869";
pub(super) const DOCTOR: &str = "36808088873";
pub(super) const STRANGER: &str = "39901012239";
/// What stands in every place that the profiles do not clear.
pub(super) const CANARY: &str = "CANARY";

pub(super) fn subject() -> Identifier {
    Identifier { system: ESTONIAN_PERSONAL_CODE.to_owned(), value: Private::new(SUBJECT) }
}

pub(super) fn profile(toml: &str) -> Profile {
    Profile::parse("test", toml).unwrap_or_else(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", faults.join("\n"))
    })
}

pub(super) fn with_evidence(
    profile: &Profile,
    document: &Value,
    evidence: &[&str],
) -> Result<Projection, Vec<Fault>> {
    with_declared(|declared| {
        let declared = Declared { evidence: evidence.iter().copied().collect(), ..declared.clone() };
        project(profile, &declared, document.to_string().as_bytes())
    })
}

/// What `act` makes of what is declared in these tests.
pub(super) fn with_declared<T>(act: impl FnOnce(&Declared<'_>) -> T) -> T {
    let subject = subject();
    let recipient =
        Identifier { system: "https://fhir.ee/sid/org/est/br".to_owned(), value: Private::new("10303948") };
    act(&Declared {
        subject: &subject,
        recipient: Some(&recipient),
        evidence: BTreeSet::new(),
        others: vec![DOCTOR],
        limits: Limits::default(),
    })
}

pub(super) fn run(profile: &Profile, document: &Value) -> Result<Projection, Vec<Fault>> {
    with_evidence(profile, document, &[])
}

/// The output and the paths that were dropped; nothing that was said holds a canary.
pub(super) fn cleared(profile: &Profile, document: &Value) -> (Value, Vec<String>) {
    let projection = run(profile, document).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let manifest = String::from_utf8(projection.manifest.to_bytes()).unwrap();
    assert!(!manifest.contains(CANARY), "{manifest}");
    let output = String::from_utf8(projection.document).unwrap();
    assert!(!output.contains(CANARY), "{output}");
    let dropped = projection.manifest.dropped().iter().map(|dropped| dropped.path.clone());
    (serde_json::from_str(&output).unwrap(), dropped.collect())
}

pub(super) fn rules(faults: &[Fault]) -> Vec<&str> {
    assert!(!format!("{faults:?}").contains(CANARY), "{faults:?}");
    faults.iter().map(|fault| &*fault.rule).collect()
}

/// The rules by which the document is refused.
pub(super) fn refused(profile: &Profile, document: &Value) -> Vec<String> {
    let faults = run(profile, document).map(|projection| String::from_utf8(projection.document)).unwrap_err();
    rules(&faults).into_iter().map(str::to_owned).collect()
}

/// A decision for an employer, with much that an employer may not see.
pub(super) fn occupational() -> Value {
    let concept = |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code, "display": CANARY }], "text": CANARY });
    let sct = |code| concept("http://snomed.info/sct", code);
    let section_code = |code| concept("https://fhir.ee/CodeSystem/tervisetoendi-sektsioon", code);
    let narrative = json!({ "status": "additional", "div": format!("<div>{CANARY}</div>") });
    json!({
        "resourceType": "Composition",
        "id": CANARY,
        "meta": { "tag": [{ "code": CANARY }] },
        "text": narrative,
        "contained": [
            {
                "resourceType": "Observation", "id": "decision", "status": "final", "code": sct("419183001"),
                "valueCodeableConcept": sct("225891002"), "note": [{ "text": CANARY }]
            },
            {
                "resourceType": "Observation", "id": "restriction", "code": sct("146861000181105"),
                "component": [
                    {
                        "code": concept("https://fhir.ee/CodeSystem/tervisetoendi-piirangud", "586"),
                        "valueQuantity": { "value": 10.50, "unit": CANARY, "code": "kg" }
                    },
                    { "code": concept("https://fhir.ee/CodeSystem/tervisetoendi-piirangud", "750"), "valueString": CANARY }
                ],
                "note": [{ "text": CANARY }]
            },
            { "resourceType": "Observation", "id": "vision", "code": sct("363983007"), "valueString": CANARY },
            { "resourceType": "QuestionnaireResponse", "id": "declaration", "item": [{ "text": CANARY }] }
        ],
        "identifier": [{ "system": "https://fhir.ee/hcert/health-certificate-number", "value": "HCERT-1", "assigner": { "display": CANARY } }],
        "status": "final",
        "type": sct("772786005"),
        "subject": [{ "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT }, "display": CANARY }],
        "date": "2026-11-22T00:00:00+02:00",
        "title": CANARY,
        "event": [{ "period": { "start": "2026-11-22", "end": "2028-11-22" } }],
        "section": [
            { "code": section_code("health-declaration"), "entry": [{ "reference": "#declaration" }] },
            { "code": section_code("decision"), "title": CANARY, "entry": [{ "reference": "#decision", "display": CANARY }] },
            { "code": section_code("medical-restrictions"), "text": narrative, "entry": [{ "reference": "#restriction" }, { "reference": "#vision" }] },
            { "code": section_code("employer-suggestions"), "text": { "status": "additional", "div": "<div>rohkem valgust</div>" } },
            { "code": section_code("reject-reason"), "text": narrative },
            { "code": section_code(CANARY), "text": narrative }
        ]
    })
}

pub(super) const EMPLOYER: &str = r#"
profile = "employer-health-check-decision"
version = "1"
format = "fhir-json"
resource = "Composition"
on_excess = "strip"

[subject]
paths = ["Composition.subject"]

[[keep]]
path = "Composition.{identifier.system,identifier.value,status}"
category = "administrative"
ground = "TTOS § 13¹(14)"
required = true
coded_only = true

[[keep]]
path = "Composition.subject.identifier.system"
kind = "uri"
category = "identity"
ground = "TTOS § 13¹(14)"

[[keep]]
path = "Composition.subject.identifier.value"
equals = "declared-subject"
category = "identity"
ground = "TTOS § 13¹(14)"

[[keep]]
path = "Composition.event.period.{start,end}"
kind = "date"
date_precision = "day"
category = "decision"
ground = "TTOS § 13¹(14)"

[[keep]]
path = "Composition.section[code={decision,medical-restrictions}].entry.reference"
kind = "reference"
category = "decision"
ground = "TTOS § 13¹(14)"

[[keep]]
path = "Composition.contained(Observation)[code=419183001].valueCodeableConcept.coding.code"
one_of = ["160926000", "225891002", "160910001"]
category = "decision"
ground = "TTOS § 13¹(14)"
required = true

[[keep]]
path = "Composition.contained(Observation)[code=146861000181105].component[system|code=https://fhir.ee/CodeSystem/tervisetoendi-piirangud|586].valueQuantity.value"
kind = "number"
category = "restriction"
ground = "TTOS § 13¹(14)"

[[keep]]
path = "Composition.section[code=employer-suggestions].text.{status,div}"
category = "suggestion"
ground = "TTOS § 13¹(14)"
requires_evidence = "release"

[[drop]]
path = "Composition.section[code=reject-reason]"
why = "states the medical cause"
"#;

/// The driver's certificate as filed: whatever is not named refuses it.
pub(super) const DRIVER: &str = r#"
profile = "driver-certificate"
version = "2"
format = "fhir-json"
resource = "Composition"
on_excess = "refuse"

[subject]
paths = ["Composition.subject"]

[[keep]]
path = "Composition.{identifier.{system,value},status,subject.reference,author.reference,date}"
category = "administrative"
ground = "reg53"
required = true

[[keep]]
path = "Composition.{type,category}.coding.{system,code}"
category = "administrative"
ground = "reg53"
coded_only = true

[[keep]]
path = "Composition.contained(PractitionerRole).{practitioner,organization}.reference"
kind = "reference"
category = "author"
ground = "reg53"

[[keep]]
path = "Composition.contained(Observation)[system|code=http://snomed.info/sct|419183001].{status,code.coding.{system,code,display},valueCodeableConcept.coding.{system,code}}"
category = "decision"
ground = "LS § 101"

[[keep]]
path = "Composition.section[code={decision,health-declaration}].{code.coding.{system,code},entry.{reference,identifier.{system,value}}}"
category = "decision"
ground = "LS § 101"

[[drop]]
path = "Composition.section[code=reject-reason]"
why = "states the medical cause"
on_excess = "strip"
"#;

pub(super) fn driver() -> Value {
    let coding = |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    let section = |code| coding("https://fhir.ee/CodeSystem/tervisetoendi-sektsioon", code);
    json!({
        "resourceType": "Composition",
        "contained": [
            {
                "resourceType": "PractitionerRole", "id": "role",
                "practitioner": { "reference": format!("Practitioner/{DOCTOR}") }, "organization": { "reference": "Organization/70009770" }
            },
            {
                "resourceType": "Observation", "id": "decision", "status": "final",
                "code": coding("http://snomed.info/sct", "419183001"),
                "valueCodeableConcept": coding("http://snomed.info/sct", "171353001")
            }
        ],
        "identifier": [{ "system": "https://fhir.ee/hcert/health-certificate-number", "value": "HCERT-2" }],
        "status": "final",
        "type": coding("http://snomed.info/sct", "772786005"),
        "category": [coding("https://fhir.ee/CodeSystem/labivaatuse-tyyp", "driver-group-I")],
        "subject": [{ "reference": "Patient/pat-7" }],
        "date": "2026-11-22T00:00:00.000+00:00",
        "author": [{ "reference": "#role" }],
        "section": [
            { "code": section("health-declaration"), "entry": [{ "identifier": { "system": "https://fhir.ee/hcert/health-declaration-external-document-number", "value": "HD-1" } }] },
            { "code": section("decision"), "entry": [{ "reference": "#decision" }] }
        ]
    })
}

#[test]
fn an_employer_gets_the_decision_and_nothing_else() {
    let (output, dropped) = cleared(&profile(EMPLOYER), &occupational());
    let coded = |code| json!({ "coding": [{ "code": code }] });
    assert_eq!(
        output,
        json!({
            "resourceType": "Composition",
            "contained": [
                { "resourceType": "Observation", "id": "decision", "code": coded("419183001"), "valueCodeableConcept": coded("225891002") },
                {
                    "resourceType": "Observation", "id": "restriction", "code": coded("146861000181105"),
                    "component": [{
                        "code": { "coding": [{ "system": "https://fhir.ee/CodeSystem/tervisetoendi-piirangud", "code": "586" }] },
                        "valueQuantity": { "value": 10.5 }
                    }]
                }
            ],
            "identifier": [{ "system": "https://fhir.ee/hcert/health-certificate-number", "value": "HCERT-1" }],
            "status": "final",
            "subject": [{ "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT } }],
            "event": [{ "period": { "start": "2026-11-22", "end": "2028-11-22" } }],
            "section": [
                { "code": coded("decision"), "entry": [{ "reference": "#decision" }] },
                { "code": coded("medical-restrictions"), "entry": [{ "reference": "#restriction" }] }
            ]
        })
    );
    for path in [
        "Composition.text",
        "Composition.section",
        "Composition.section[code=reject-reason]",
        "Composition.contained(QuestionnaireResponse)",
        "Composition.contained(Observation)",
        "Composition.contained(Observation)[code=146861000181105].note",
    ] {
        assert!(dropped.iter().any(|dropped| dropped == path), "{path}: {dropped:#?}");
    }
}

#[test]
fn a_driver_certificate_that_holds_nothing_else_is_filed_whole() {
    let document = driver();
    let projection = run(&profile(DRIVER), &document).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(serde_json::from_slice::<Value>(&projection.document).unwrap(), document);
    assert_eq!(projection.subject, SubjectProof::ByIndex(Private::new("pat-7")));
    assert_eq!(projection.manifest.values().2, 0);
    assert_eq!(
        projection.manifest.categories().collect::<Vec<_>>(),
        ["administrative", "author", "decision"]
    );
}

#[test]
fn where_excess_is_refused_every_place_of_it_is_listed() {
    let mut document = driver();
    document["title"] = json!(CANARY);
    document["contained"][1]["note"] = json!([{ "text": CANARY }]);
    document["status"] = json!(7);
    document["section"].as_array_mut().unwrap().push(json!({
        "code": { "coding": [{ "code": "reject-reason" }] }, "text": CANARY
    }));
    let faults = run(&profile(DRIVER), &document).unwrap_err();
    let told: Vec<_> = faults.iter().map(|fault| (&*fault.rule, fault.pointer.as_str())).collect();
    assert_eq!(
        told,
        [
            ("required-missing", ""),
            ("not-in-profile", "/contained/1/note"),
            ("value-not-allowed", "/status"),
            ("not-in-profile", "/title"),
        ]
    );
    assert!(!format!("{faults:?}").contains(CANARY));
}
