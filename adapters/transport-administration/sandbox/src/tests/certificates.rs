use serde_json::{Value, json};

use super::{
    Bench, DOCTOR, EMPLOYER, OFFICIAL, OTHER_DOCTOR, TIS, bench, div, driver_certificate, issues, sct,
    section, token_body,
};
use crate::{Fault, FaultPlan};

struct Filing {
    bench: Bench,
    token: String,
    patient: String,
}

async fn filing() -> Filing {
    let bench = bench();
    let token = bench.token(DOCTOR, "doctor").await;
    let patient = bench.patient_id(&token).await;
    Filing { bench, token, patient }
}

impl Filing {
    fn certificate(&self) -> Value {
        driver_certificate(&self.patient, "HCERT-1")
    }

    async fn post(&self, certificate: &Value) -> stand_in::testing::Reply {
        self.bench.tis("POST", "Composition", &self.token, certificate).await
    }

    async fn filed(&self, certificate: &Value) -> String {
        let reply = self.post(certificate).await;
        assert_eq!(reply.status, 201, "{:?}", reply.body);
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    async fn refused(&self, certificate: &Value) -> Vec<String> {
        let reply = self.post(certificate).await;
        assert_eq!(reply.status, 422, "{:?}", reply.body);
        assert!(self.bench.stand_in.certificates().is_empty());
        issues(&reply)
    }
}

fn reason(text: &str) -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "reason", "valueString": text }] })
}

fn occupational_certificate(patient: &str) -> Value {
    let mut certificate = driver_certificate(patient, "HCERT-2");
    certificate["meta"]["profile"][0] =
        json!("https://fhir.ee/hcert/StructureDefinition/ee-health-certificate-occupational");
    certificate["category"][0]["coding"][0]["code"] = json!("occupational");
    certificate["contained"][1]["valueCodeableConcept"] = sct("160926000");
    certificate["contained"].as_array_mut().unwrap().push(json!({
        "resourceType": "Observation",
        "id": "employment",
        "status": "final",
        "code": sct("184104002"),
        "performer": [{
            "identifier": { "system": "https://fhir.ee/sid/org/est/br", "value": EMPLOYER },
            "display": "Näidistööandja AS"
        }],
    }));
    let mut employer = div(EMPLOYER);
    employer["entry"] = json!([{ "reference": "#employment" }]);
    let sections = certificate["section"].as_array_mut().unwrap();
    sections.push(section("employer", employer));
    sections.push(section("employee-suggestions", div("Rohkem liikuda")));
    certificate
}

#[tokio::test]
async fn a_certificate_is_filed_and_answered_with_id_and_version() {
    let filing = filing().await;
    let reply = filing.post(&filing.certificate()).await;
    assert_eq!(reply.status, 201, "{:?}", reply.body);
    let stored = reply.json();
    let id = stored["id"].as_str().unwrap();
    assert_eq!(stored["meta"]["versionId"], "1");
    assert_eq!(reply.header("etag"), "W/\"1\"");
    assert!(reply.header("location").ends_with(&format!("/Composition/{id}/_history/1")));
    assert_eq!(stored["subject"][0]["reference"], format!("Patient/{}/_history/1", filing.patient));
    assert_eq!(filing.bench.stand_in.certificates(), [stored]);
}

#[tokio::test]
async fn the_author_may_be_named_by_professional_code() {
    let filing = filing().await;
    let mut certificate = filing.certificate();
    certificate["contained"][0]["practitioner"]["reference"] = json!("Practitioner/D12345");
    filing.filed(&certificate).await;
}

#[tokio::test]
async fn without_prefer_there_is_no_body() {
    let filing = filing().await;
    let headers =
        [("authorization", filing.token.as_str()), ("content-type", "application/fhir+json"), super::ISSUE];
    let body = filing.certificate().to_string();
    let reply = filing.bench.call("POST", &format!("{TIS}/fhir/Composition"), &headers, &body).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.body.len()), (201, 0));
}

#[tokio::test]
async fn the_same_number_is_a_duplicate_unless_the_message_is_the_same() {
    let filing = filing().await;
    let (bench, token, certificate) = (&filing.bench, &filing.token, filing.certificate());
    let first = bench.tis_as("POST", "Composition", token, &certificate, "m-1").await.unwrap();
    let again = bench.tis_as("POST", "Composition", token, &certificate, "m-1").await.unwrap();
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    let reply = bench.tis_as("POST", "Composition", token, &certificate, "m-2").await.unwrap();
    assert_eq!((reply.status.as_u16(), issues(&reply)), (409, vec!["duplicate ".to_owned()]));
    let mut other = certificate;
    other["date"] = json!("2026-11-21");
    let reply = bench.tis_as("POST", "Composition", token, &other, "m-1").await.unwrap();
    assert_eq!(reply.status, 409);
    assert_eq!(bench.stand_in.certificates().len(), 1);
}

#[tokio::test]
async fn an_answer_lost_on_the_way_is_given_again() {
    let filing = filing().await;
    let (bench, token, certificate) = (&filing.bench, &filing.token, filing.certificate());
    bench.stand_in.told(FaultPlan::none().then(Fault::DropAfter, "/fhir/Composition", 1));
    assert!(bench.tis_as("POST", "Composition", token, &certificate, "m-1").await.is_err());
    let reply = bench.tis_as("POST", "Composition", token, &certificate, "m-1").await.unwrap();
    assert_eq!(reply.status, 201);
    assert_eq!(bench.stand_in.certificates().len(), 1);
    let found = bench.tis("GET", "Composition?identifier=HCERT-1", token, &Value::Null).await.json();
    assert_eq!(found["entry"][0]["resource"]["id"], reply.json()["id"]);
}

/// One violation of the profile, and how the refusal calls it.
type Violation = (&'static str, fn(&mut Value), &'static str);

const VIOLATIONS: &[Violation] = &[
    ("note", |c| c["note"] = json!([{ "text": "x" }]), "structure Composition.note"),
    ("custodian", |c| c["custodian"] = json!({}), "structure Composition.custodian"),
    ("unknown element", |c| c["diagnosis"] = json!("x"), "structure Composition"),
    ("no profile", |c| c["meta"] = json!({}), "required Composition.meta.profile"),
    ("two numbers", |c| push(c, "identifier", 0), "value Composition.identifier"),
    (
        "use of the number",
        |c| c["identifier"][0]["use"] = json!("official"),
        "value Composition.identifier.use",
    ),
    ("status by operation", |c| c["status"] = json!("cancelled"), "value Composition.status"),
    ("type", |c| c["type"] = sct("1"), "value Composition.type"),
    (
        "category",
        |c| c["category"][0]["coding"][0]["code"] = json!("occupational"),
        "value Composition.category",
    ),
    ("two subjects", |c| push(c, "subject", 0), "value Composition.subject"),
    ("subject by code", |c| c["subject"][0] = json!({ "identifier": {} }), "value Composition.subject"),
    ("date", |c| c["date"] = json!("2026-11-20T10:00:00"), "value Composition.date"),
    ("title", |c| c["title"] = json!(""), "value Composition.title"),
    ("no period", |c| remove(c, "event"), "required Composition.event.period"),
    (
        "end before start",
        |c| c["event"][0]["period"]["end"] = json!("2026-11-19"),
        "value Composition.event.period",
    ),
    ("event detail", |c| c["event"][0]["detail"] = json!([]), "structure Composition.event.detail"),
    ("no declaration", |c| c["section"][0] = Value::Null, "required Composition.section(health-declaration)"),
    ("two declarations", |c| push(c, "section", 0), "required Composition.section(health-declaration)"),
    (
        "declaration without number",
        |c| c["section"][0]["entry"][0] = json!({ "display": "paberil" }),
        "structure Composition.section[0].entry",
    ),
    (
        "reason without text",
        |c| c["section"][1] = section("reject-reason", json!({})),
        "required Composition.section[1].text",
    ),
    (
        "reason with entry",
        |c| {
            c["section"][2] = section("reject-reason", json!({ "entry": [{ "reference": "#restriction" }] }));
        },
        "structure Composition.section[2].entry",
    ),
    (
        "text status",
        |c| c["section"][2]["text"] = json!({ "status": "generated", "div": "<div>x</div>" }),
        "value Composition.section[2].text",
    ),
    (
        "section of the operation",
        |c| c["section"][2] = section("suspend-reason", div("x")),
        "business-rule Composition.section[2]",
    ),
    (
        "occupational section",
        |c| c["section"][2] = section("employer-suggestions", div("x")),
        "business-rule Composition.section[2]",
    ),
    ("unknown section", |c| c["section"][2] = section("x", div("x")), "code-invalid Composition.section[2]"),
    (
        "entry of another kind",
        |c| c["section"][2]["entry"][0]["reference"] = json!("#decision"),
        "structure Composition.section[2].entry",
    ),
    ("no author", |c| c["contained"][0]["id"] = json!("a"), "structure Composition.author"),
    (
        "note on the decision",
        |c| c["contained"][1]["note"] = json!([{ "text": "x" }]),
        "structure Composition.contained[1].note",
    ),
    (
        "subject of an observation",
        |c| c["contained"][1]["subject"] = json!({}),
        "structure Composition.contained[1].subject",
    ),
    (
        "effective of an observation",
        |c| c["contained"][2]["effectiveDateTime"] = json!("2026-11-20"),
        "structure Composition.contained[2].effectiveDateTime",
    ),
    (
        "value of a restriction",
        |c| c["contained"][2]["valueString"] = json!("x"),
        "structure Composition.contained[2]",
    ),
    (
        "status of an observation",
        |c| c["contained"][1]["status"] = json!("preliminary"),
        "value Composition.contained[1].status",
    ),
    (
        "an occupational decision",
        |c| c["contained"][1]["valueCodeableConcept"] = sct("160926000"),
        "code-invalid Composition.contained[1].value",
    ),
    (
        "restriction in words",
        |c| c["contained"][2]["component"][0]["code"]["coding"][0]["code"] = json!("prillid"),
        "code-invalid Composition.contained[2].component.code",
    ),
    (
        "two components",
        |c| {
            let component = c["contained"][2]["component"][0].clone();
            c["contained"][2]["component"] = json!([component, component]);
        },
        "required Composition.contained[2].component",
    ),
    (
        "another resource",
        |c| c["contained"][2] = json!({ "resourceType": "Condition", "id": "restriction" }),
        "structure Composition.contained[2]",
    ),
    ("nothing refers to it", |c| remove_last(c, "section"), "structure Composition.contained[2]"),
    (
        "another author",
        |c| c["contained"][0]["practitioner"]["reference"] = json!("Practitioner/49909090014"),
        "business-rule Composition.author",
    ),
    (
        "author at another address",
        |c| {
            c["contained"][0]["practitioner"]["reference"] =
                json!("https://a.invalid/Practitioner/45007090928")
        },
        "business-rule Composition.author",
    ),
    (
        "another organisation",
        |c| c["contained"][0]["organization"]["reference"] = json!("Organization/76543217"),
        "business-rule Composition.author",
    ),
    ("an unknown patient", |c| c["subject"][0]["reference"] = json!("Patient/1"), "invalid "),
];

fn push(certificate: &mut Value, list: &str, place: usize) {
    let copy = certificate[list][place].clone();
    certificate[list].as_array_mut().unwrap().push(copy);
}

fn remove(certificate: &mut Value, name: &str) {
    certificate.as_object_mut().unwrap().remove(name);
}

fn remove_last(certificate: &mut Value, name: &str) {
    certificate[name].as_array_mut().unwrap().pop();
}

#[tokio::test]
async fn each_violation_of_the_profile_is_refused_and_named() {
    let filing = filing().await;
    for (name, violate, expected) in VIOLATIONS {
        let mut certificate = filing.certificate();
        violate(&mut certificate);
        let issues = filing.refused(&certificate).await;
        assert!(issues.iter().any(|issue| issue == expected), "{name}: {issues:?}");
    }
}

#[tokio::test]
async fn all_violations_are_named_at_once() {
    let filing = filing().await;
    let mut certificate = filing.certificate();
    certificate["title"] = json!("");
    certificate["name"] = json!("x");
    certificate["contained"][1]["method"] = json!({});
    assert_eq!(filing.refused(&certificate).await.len(), 3);
}

#[tokio::test]
async fn an_unknown_patient_is_told_the_way_the_real_one_does_with_the_reference_in_it() {
    let filing = filing().await;
    let reply = filing.post(&driver_certificate("424242", "HCERT-1")).await;
    let details = &reply.json()["issue"][0]["details"];
    assert_eq!(details["coding"][0]["code"], "HCERT-008");
    assert!(details["text"].as_str().unwrap().contains("424242"));
}

#[tokio::test]
async fn an_occupational_certificate_has_its_employer() {
    let filing = filing().await;
    let good = occupational_certificate(&filing.patient);
    let mut without = good.clone();
    without["contained"].as_array_mut().unwrap().pop();
    let issues = filing.refused(&without).await;
    assert!(issues.contains(&"required Composition.contained(employment)".to_owned()), "{issues:?}");
    let mut other = good.clone();
    other["section"][3]["text"] = div("76543217")["text"].clone();
    let issues = filing.refused(&other).await;
    assert_eq!(issues, ["business-rule Composition.section[3].text"]);
    filing.filed(&good).await;
}

#[tokio::test]
async fn clinical_text_in_the_reason_is_refused() {
    let filing = filing().await;
    let mut certificate = filing.certificate();
    certificate["section"].as_array_mut().unwrap().push(section("reject-reason", div("Ei tunne värve")));
    for issue in ["Ei tunne värve", "Tõend H53.5", "Diagnoosi tõttu", ""] {
        let headers = [
            ("authorization", filing.token.as_str()),
            ("content-type", "application/fhir+json"),
            ("x-road-issue", issue),
        ];
        let body = certificate.to_string();
        let path = format!("{TIS}/fhir/Composition");
        let reply = filing.bench.call("POST", &path, &headers, &body).await.unwrap();
        assert_eq!(reply.status, 400, "{issue}");
    }
}

#[tokio::test]
async fn only_an_author_files_and_only_in_fhir() {
    let filing = filing().await;
    let official = filing.bench.token(OFFICIAL, "gov-official").await;
    let reply = filing.bench.tis("POST", "Composition", &official, &filing.certificate()).await;
    assert_eq!(reply.status, 403);
    let other = filing.bench.token(OTHER_DOCTOR, "doctor").await;
    let reply = filing.bench.tis("POST", "Composition", &other, &filing.certificate()).await;
    assert_eq!(
        (reply.status.as_u16(), issues(&reply)),
        (422, vec!["business-rule Composition.author".to_owned()])
    );
    let headers = [("authorization", filing.token.as_str()), ("content-type", "text/plain"), super::ISSUE];
    let reply = filing.bench.call("POST", &format!("{TIS}/fhir/Composition"), &headers, "{}").await.unwrap();
    assert_eq!(reply.status, 415);
}

#[tokio::test]
async fn a_draft_becomes_final_changes_with_a_reason_and_ends_annulled() {
    let filing = filing().await;
    let (bench, token) = (&filing.bench, &filing.token);
    let mut draft = filing.certificate();
    draft["status"] = json!("preliminary");
    let id = filing.filed(&draft).await;
    let path = format!("Composition/{id}");

    let reply = bench.tis("POST", &format!("{path}/$suspend"), token, &reason("x")).await;
    assert_eq!(reply.status, 409);
    let reply = bench.tis("PUT", &path, token, &filing.certificate()).await;
    assert_eq!((reply.status.as_u16(), reply.header("etag")), (200, "W/\"2\""));

    let reply = bench.tis("PUT", &path, token, &filing.certificate()).await;
    assert_eq!((reply.status.as_u16(), issues(&reply)), (422, vec!["business-rule ".to_owned()]));
    let mut changed = filing.certificate();
    changed["section"].as_array_mut().unwrap().push(section("change-reason", div("Kirjaviga")));
    assert_eq!(bench.tis("PUT", &path, token, &changed).await.status, 200);
    let mut back = changed.clone();
    back["status"] = json!("preliminary");
    assert_eq!(bench.tis("PUT", &path, token, &back).await.status, 409);

    let suspended =
        bench.tis("POST", &format!("{path}/$suspend"), token, &reason("Kontroll <1")).await.json();
    assert_eq!(suspended["status"], "cancelled");
    assert!(suspended.to_string().contains("Kontroll &lt;1"));
    let annulled = bench.tis("POST", &format!("{path}/$cancel"), token, &reason("Viga")).await;
    assert_eq!(annulled.json()["status"], "entered-in-error");
    assert_eq!(annulled.header("etag"), "W/\"5\"");
    assert_eq!(bench.tis("PUT", &path, token, &changed).await.status, 409);

    let history = bench.tis("GET", &format!("{path}/_history"), token, &Value::Null).await.json();
    assert_eq!(history["total"], 5);
    let first = bench.tis("GET", &format!("{path}/_history/1"), token, &Value::Null).await.json();
    assert_eq!(first["status"], "preliminary");
}

#[tokio::test]
async fn only_a_draft_is_deleted_and_its_number_is_free_again() {
    let filing = filing().await;
    let (bench, token) = (&filing.bench, &filing.token);
    let mut draft = filing.certificate();
    draft["status"] = json!("preliminary");
    let id = filing.filed(&draft).await;
    let path = format!("Composition/{id}");
    assert_eq!(bench.tis("DELETE", &path, token, &Value::Null).await.status, 204);
    assert_eq!(bench.tis("GET", &path, token, &Value::Null).await.status, 404);
    let id = filing.filed(&filing.certificate()).await;
    assert_eq!(bench.tis("DELETE", &format!("Composition/{id}"), token, &Value::Null).await.status, 409);
}

#[tokio::test]
async fn an_operation_wants_exactly_one_reason() {
    let filing = filing().await;
    let id = filing.filed(&filing.certificate()).await;
    for body in [
        json!({}),
        json!({ "resourceType": "Parameters" }),
        reason(" "),
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "why", "valueString": "x" }] }),
    ] {
        let path = format!("Composition/{id}/$cancel");
        let reply = filing.bench.tis("POST", &path, &filing.token, &body).await;
        assert_eq!(reply.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_change_of_another_version_is_refused() {
    let filing = filing().await;
    let mut draft = filing.certificate();
    draft["status"] = json!("preliminary");
    let id = filing.filed(&draft).await;
    for (version, status) in [("W/\"2\"", 412), ("W/\"1\"", 200)] {
        let headers = [
            ("authorization", filing.token.as_str()),
            ("content-type", "application/fhir+json"),
            ("if-match", version),
            super::ISSUE,
        ];
        let path = format!("{TIS}/fhir/Composition/{id}");
        let reply = filing.bench.call("PUT", &path, &headers, &draft.to_string()).await.unwrap();
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn readers_see_what_is_theirs_to_see() {
    let filing = filing().await;
    let (bench, nothing) = (&filing.bench, &Value::Null);
    let driver = filing.filed(&filing.certificate()).await;
    let worker = filing.filed(&occupational_certificate(&filing.patient)).await;
    let mut draft = driver_certificate(&filing.patient, "HCERT-3");
    draft["status"] = json!("preliminary");
    let draft = filing.filed(&draft).await;

    let official = bench.token(OFFICIAL, "gov-official").await;
    assert_eq!(bench.tis("GET", &format!("Composition/{driver}"), &official, nothing).await.status, 200);
    assert_eq!(bench.tis("GET", &format!("Composition/{draft}"), &official, nothing).await.status, 404);

    let mut body = token_body(OFFICIAL, "org-legal-representative");
    body["representedParty"] = json!(EMPLOYER);
    let token = bench.token_request(&body).await.json();
    let employer = format!("Bearer {}", token["accessToken"].as_str().unwrap());
    assert_eq!(bench.tis("GET", &format!("Composition/{driver}"), &employer, nothing).await.status, 404);
    let seen = bench.tis("GET", &format!("Composition/{worker}"), &employer, nothing).await.json();
    assert_eq!(seen["section"].as_array().unwrap().len(), 4);
    assert!(!seen.to_string().contains("employee-suggestions"));

    let path = format!("Composition?category=occupational&section-code-text=employer${EMPLOYER}");
    let found = bench.tis("GET", &path, &employer, nothing).await.json();
    assert_eq!(found["total"], 1);
    let found = bench.tis("GET", "Composition?status=final,cancelled", &filing.token, nothing).await.json();
    assert_eq!(found["total"], 2);
    let reply = bench.tis("GET", "Composition?text=x", &filing.token, nothing).await;
    assert_eq!(reply.status, 400);
}
