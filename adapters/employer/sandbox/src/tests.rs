use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use stand_in::testing::{Caller, Pki, Reply, plain};

use super::{Fault, FaultPlan, Settings, Signer, StandIn};

const OWN: &str = "12345678";
const OTHER: &str = "76543217";

struct Employer {
    stand_in: StandIn,
    caller: Caller,
    key: Ed25519KeyPair,
}

fn employer(allow_suggestions: bool) -> Employer {
    let pki = Pki::made_up();
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let stand_in = StandIn::start(Settings {
        endpoint: pki.endpoint(Arc::new(|| "2026-11-22T12:00:00Z".parse().unwrap())),
        registry_code: OWN.into(),
        signers: vec![Signer {
            kid: "clinic-2026".into(),
            public_key: key.public_key().as_ref().try_into().unwrap(),
        }],
        allow_suggestions,
    })
    .unwrap();
    let caller = pki.caller(stand_in.address(), Some(&pki.client("gateway")));
    Employer { stand_in, caller, key }
}

impl Employer {
    fn sign_as(&self, header: &Value, body: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(body));
        let signature = self.key.sign(input.as_bytes());
        format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, body: &str) -> String {
        self.sign_as(&json!({ "alg": "EdDSA", "kid": "clinic-2026" }), body)
    }

    async fn send(&self, headers: &[(&str, &str)], body: &str) -> Result<Reply, String> {
        self.caller.call("POST", "/health-check-decisions", headers, body.to_owned()).await
    }

    async fn post(&self, key: &str, document: &Value) -> Result<Reply, String> {
        let body = document.to_string();
        let signature = self.sign(&body);
        let headers = [
            ("content-type", "application/fhir+json"),
            ("idempotency-key", key),
            ("x-jws-signature", &signature),
        ];
        self.send(&headers, &body).await
    }

    async fn refuses(&self, document: &Value) -> Vec<String> {
        let reply = self.post("refused", document).await.unwrap();
        assert_eq!(reply.status, 422, "{:?}", reply.body);
        assert!(self.stand_in.decisions().is_empty());
        issues(&reply)
    }
}

/// The kind and expression of each issue of an `OperationOutcome`.
fn issues(reply: &Reply) -> Vec<String> {
    let body = reply.json();
    assert_eq!(body["resourceType"], "OperationOutcome", "{body}");
    let issue = |issue: &Value| {
        let expression = issue["expression"][0].as_str().unwrap_or_default();
        format!("{} {expression}", issue["code"].as_str().unwrap())
    };
    body["issue"].as_array().unwrap().iter().map(issue).collect()
}

fn sct(code: &str) -> Value {
    json!({ "coding": [{ "system": "http://snomed.info/sct", "code": code }] })
}

fn coded(list: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": format!("https://fhir.ee/CodeSystem/{list}"), "code": code }] })
}

fn observation(id: &str, code: &str, rest: Value) -> Value {
    let mut value = json!({ "resourceType": "Observation", "id": id, "status": "final", "code": sct(code) });
    let members = value.as_object_mut().unwrap();
    members.extend(rest.as_object().unwrap().clone());
    value
}

fn section(code: &str, rest: Value) -> Value {
    let mut value = json!({ "code": coded("tervisetoendi-sektsioon", code) });
    let members = value.as_object_mut().unwrap();
    members.extend(rest.as_object().unwrap().clone());
    value
}

fn div(text: &str) -> Value {
    json!({ "status": "additional", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>") })
}

fn entry(id: &str) -> Value {
    json!({ "entry": [{ "reference": format!("#{id}") }] })
}

/// A complete decision for `employer`.
fn decision(employer: &str) -> Value {
    let quantity = json!({ "value": 10, "system": "http://unitsofmeasure.org", "code": "kg" });
    json!({
        "resourceType": "Composition",
        "contained": [
            {
                "resourceType": "PractitionerRole",
                "id": "author",
                "practitioner": {
                    "identifier": { "system": "https://fhir.ee/sid/pro/est/pho", "value": "D12345" },
                    "display": "Mari Maasikas"
                },
                "organization": {
                    "identifier": { "system": "https://fhir.ee/sid/org/est/br", "value": "10303948" },
                    "display": "Näidiskliinik OÜ"
                }
            },
            observation("employment", "184104002", json!({
                "performer": [{
                    "identifier": { "system": "https://fhir.ee/sid/org/est/br", "value": employer },
                    "display": "Näidistööandja AS"
                }],
                "component": [
                    { "code": sct("160922003"), "valueCodeableConcept": coded("ametite-klassifikaator", "22220101") },
                    { "code": sct("224374003"),
                      "valueQuantity": { "value": 0.75, "system": "http://unitsofmeasure.org", "code": "1" } }
                ]
            })),
            observation("decision", "419183001", json!({ "valueCodeableConcept": sct("225891002") })),
            observation("restriction", "146861000181105", json!({
                "component": [{ "code": coded("tervisetoendi-piirangud", "586"), "valueQuantity": quantity }]
            })),
            observation("risk", "80943009", json!({
                "valueCodeableConcept": coded("toolaadi-ja-tookeskkonnaga-seotud-ohutegurid", "558")
            })),
            observation("condition", "225891002", json!({
                "valueCodeableConcept": coded("tootamiseks-vajalikud-lisatingimused", "personal-protective-equipment")
            })),
        ],
        "identifier": [{ "system": "https://fhir.ee/hcert/health-certificate-number", "value": "HCERT-1" }],
        "status": "final",
        "type": sct("772786005"),
        "category": [coded("labivaatuse-tyyp", "occupational")],
        "subject": [{
            "identifier": { "system": "https://fhir.ee/sid/pid/est/ni", "value": "39901012239" },
            "display": "Jaan Näidis"
        }],
        "date": "2026-11-20",
        "author": [{ "reference": "#author" }],
        "title": "Töötervishoiu tervisekontrolli otsus",
        "event": [{ "period": { "start": "2026-11-20", "end": "2028-11-20" } }],
        "section": [
            section("employer", json!({ "text": div(employer), "entry": [{ "reference": "#employment" }] })),
            section("decision", entry("decision")),
            section("medical-restrictions", entry("restriction")),
            section("risk-factors", entry("risk")),
            section("work-additional-restrictions", entry("condition")),
        ]
    })
}

#[tokio::test]
async fn a_decision_with_exactly_the_fields_is_taken_and_receipted() {
    let employer = employer(false);
    let reply = employer.post("k1", &decision(OWN)).await.unwrap();
    assert_eq!(reply.status, 201, "{:?}", reply.body);
    let receipt = reply.json();
    assert_eq!(receipt["receivedAt"], "2026-11-22T12:00:00Z");
    assert_eq!(receipt["sha256"].as_str().unwrap().len(), 64);
    let decisions = employer.stand_in.decisions();
    assert_eq!(decisions.len(), 1);
    assert_eq!(receipt["receipt"], decisions[0].receipt);
    assert!(!format!("{decisions:?}").contains("39901012239"));
}

#[tokio::test]
async fn the_smallest_decision_is_enough() {
    let employer = employer(false);
    let mut document = decision(OWN);
    document["contained"].as_array_mut().unwrap().truncate(3);
    document["section"].as_array_mut().unwrap().truncate(2);
    let reply = employer.post("k1", &document).await.unwrap();
    assert_eq!(reply.status, 201, "{:?}", reply.body);
}

#[tokio::test]
async fn the_same_key_and_body_has_one_effect_and_another_body_is_refused() {
    let employer = employer(false);
    let first = employer.post("k1", &decision(OWN)).await.unwrap();
    let again = employer.post("k1", &decision(OWN)).await.unwrap();
    assert_eq!(first.body, again.body);
    assert_eq!(employer.stand_in.decisions().len(), 1);
    assert_eq!(employer.stand_in.received()[1].remarks.len(), 1);

    let mut other = decision(OWN);
    other["date"] = json!("2026-11-21");
    let reply = employer.post("k1", &other).await.unwrap();
    assert_eq!(reply.status, 422);
    assert_eq!(employer.stand_in.decisions().len(), 1);
}

#[tokio::test]
async fn a_refused_key_may_be_used_again() {
    let employer = employer(false);
    let mut wrong = decision(OWN);
    wrong["note"] = json!([{ "text": "x" }]);
    assert_eq!(employer.post("k1", &wrong).await.unwrap().status, 422);
    assert_eq!(employer.post("k1", &decision(OWN)).await.unwrap().status, 201);
}

#[tokio::test]
async fn another_employers_decision_is_forbidden() {
    let employer = employer(false);
    let reply = employer.post("k1", &decision(OTHER)).await.unwrap();
    assert_eq!(reply.status, 403);
    let mut half = decision(OWN);
    half["section"][0]["text"] = div(OTHER);
    assert_eq!(employer.post("k1", &half).await.unwrap().status, 403);
    assert!(employer.stand_in.decisions().is_empty());
}

#[tokio::test]
async fn a_body_that_nobody_known_signed_is_refused() {
    let employer = employer(false);
    let body = decision(OWN).to_string();
    let changed = body.replace("HCERT-1", "HCERT-2");
    let good = employer.sign(&body);
    let parts: Vec<&str> = good.split('.').collect();
    let signatures = [
        String::new(),
        employer.sign(&changed),
        employer.sign_as(&json!({ "alg": "none", "kid": "clinic-2026" }), &body),
        employer.sign_as(&json!({ "alg": "EdDSA", "kid": "other" }), &body),
        employer
            .sign_as(&json!({ "alg": "EdDSA", "kid": "clinic-2026", "crit": ["b64"], "b64": false }), &body),
        format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(&body), parts[2]),
        format!("{}..", parts[0]),
    ];
    for signature in signatures {
        let headers = [
            ("content-type", "application/fhir+json"),
            ("idempotency-key", "k1"),
            ("x-jws-signature", signature.as_str()),
        ];
        let reply = employer.send(&headers, &body).await.unwrap();
        assert_eq!(reply.status, 401, "{signature}");
    }
    assert!(employer.stand_in.decisions().is_empty());
}

#[tokio::test]
async fn a_call_of_the_wrong_form_is_refused_for_its_reason() {
    let employer = employer(false);
    let body = decision(OWN).to_string();
    let signature = employer.sign(&body);
    let media = ("content-type", "application/fhir+json");
    let key = ("idempotency-key", "k1");
    let signed = ("x-jws-signature", signature.as_str());

    let reply = employer.send(&[media, signed], &body).await.unwrap();
    assert_eq!(reply.status, 400);
    let reply = employer.send(&[media, key, key, signed], &body).await.unwrap();
    assert_eq!(reply.status, 400);
    let json = ("content-type", "application/json");
    let reply = employer.send(&[json, key, signed], &body).await.unwrap();
    assert_eq!(reply.status, 415);
    let reply = employer.caller.call("GET", "/health-check-decisions", &[], "");
    assert_eq!(reply.await.unwrap().status, 405);
    let headers = [media, key, signed];
    let reply = employer.caller.call("POST", "/decisions", &headers, body);
    assert_eq!(reply.await.unwrap().status, 404);
}

#[tokio::test]
async fn a_duplicate_name_is_not_read() {
    let employer = employer(false);
    let body = decision(OWN).to_string().replacen(
        "\"status\":\"final\"",
        "\"status\":\"final\",\"status\":\"final\"",
        1,
    );
    let signature = employer.sign(&body);
    let headers = [
        ("content-type", "application/fhir+json"),
        ("idempotency-key", "k1"),
        ("x-jws-signature", &signature),
    ];
    assert_eq!(employer.send(&headers, &body).await.unwrap().status, 400);
}

/// One way to tell an employer too much, and what it is called in the refusal.
type Leak = (&'static str, fn(&mut Value), &'static str);

const LEAKS: &[Leak] = &[
    ("narrative", |d| d["text"] = div("x"), "Composition.text"),
    ("extension", |d| d["extension"] = json!([{ "url": "x" }]), "Composition.extension"),
    ("extension of a primitive", |d| d["_title"] = json!({ "id": "x" }), "Composition._title"),
    ("tag", |d| d["meta"] = json!({ "tag": [{ "code": "x" }] }), "Composition.meta.tag"),
    ("title", |d| d["title"] = json!("Astma"), "Composition.title"),
    (
        "assigner",
        |d| d["identifier"][0]["assigner"] = json!({ "display": "x" }),
        "Composition.identifier.assigner",
    ),
    ("index id", |d| d["subject"][0]["reference"] = json!("Patient/1"), "Composition.subject.reference"),
    (
        "note",
        |d| d["contained"][3]["note"] = json!([{ "text": "x" }]),
        "Composition.contained(medical-restrictions).note",
    ),
    (
        "display of a code",
        |d| d["contained"][2]["valueCodeableConcept"]["coding"][0]["display"] = json!("x"),
        "Composition.contained(decision).valueCodeableConcept.coding.display",
    ),
    (
        "text of a code",
        |d| d["contained"][2]["valueCodeableConcept"]["text"] = json!("x"),
        "Composition.contained(decision).valueCodeableConcept.text",
    ),
    ("section text", |d| d["section"][3]["text"] = div("x"), "Composition.section(risk-factors).text"),
    (
        "declaration",
        |d| add(d, "health-declaration", json!({ "entry": [{ "reference": "QuestionnaireResponse/1" }] })),
        "Composition.section",
    ),
    (
        "suggestions to the worker",
        |d| add(d, "employee-suggestions", json!({ "text": div("x") })),
        "Composition.section",
    ),
    ("reason", |d| add(d, "reject-reason", json!({ "text": div("x") })), "Composition.section"),
    (
        "unreleased suggestion",
        |d| add(d, "employer-suggestions", json!({ "text": div("x") })),
        "Composition.section(employer-suggestions).text.div",
    ),
    (
        "another resource",
        |d| d["contained"][5] = json!({ "resourceType": "Condition", "id": "condition" }),
        "Composition.contained",
    ),
    ("another observation", |d| d["contained"][5]["code"] = sct("8302-2"), "Composition.contained"),
    ("birth date", |d| d["subject"][0]["birthDate"] = json!("1999-01-01"), "Composition.subject.birthDate"),
    (
        "doctor's personal code",
        |d| d["contained"][0]["practitioner"]["identifier"]["value"] = json!("45007090928"),
        "Composition.contained(author).practitioner.identifier.value",
    ),
    (
        "doctor referred to by personal code",
        |d| d["contained"][0]["practitioner"]["reference"] = json!("Practitioner/45007090928"),
        "Composition.contained(author).practitioner.reference",
    ),
    (
        "a diagnosis for a restriction",
        |d| d["contained"][3]["component"][0]["code"]["coding"][0]["code"] = json!("J45.0"),
        "Composition.contained(medical-restrictions).component.code.coding.code",
    ),
    (
        "a condition in words",
        |d| d["contained"][5]["valueCodeableConcept"]["coding"][0]["code"] = json!("Astma.tottu"),
        "Composition.contained(work-additional-restrictions).valueCodeableConcept.coding.code",
    ),
    (
        "a code of no system",
        |d| drop(d["type"]["coding"][0].as_object_mut().unwrap().remove("system")),
        "Composition.type.coding",
    ),
    ("a value as a name", |d| d["49909090014"] = json!(1), "Composition.*"),
    ("nested section", |d| d["section"][1]["section"] = json!([]), "Composition.section(decision).section"),
    ("empty object for a value", |d| d["status"] = json!({}), "Composition.status"),
    ("list for a value", |d| d["status"] = json!(["final"]), "Composition.status"),
];

fn add(document: &mut Value, code: &str, rest: Value) {
    document["section"].as_array_mut().unwrap().push(section(code, rest));
}

#[tokio::test]
async fn whatever_an_employer_must_not_be_told_is_refused_by_name() {
    let employer = employer(false);
    for (name, leak, expected) in LEAKS {
        let mut document = decision(OWN);
        leak(&mut document);
        let issues = employer.refuses(&document).await;
        let named = issues.iter().any(|issue| issue.split(' ').nth(1) == Some(expected));
        assert!(named, "{name}: {issues:?}");
    }
}

#[tokio::test]
async fn all_violations_are_listed_at_once() {
    let employer = employer(false);
    let mut document = decision(OWN);
    document["note"] = json!([{ "text": "x" }]);
    document["title"] = json!("x");
    document["language"] = json!("et");
    assert_eq!(employer.refuses(&document).await.len(), 3);
}

#[tokio::test]
async fn what_must_be_there_is_missed() {
    let employer = employer(false);
    for (remove, expected) in [
        ("identifier", "required Composition.identifier.value"),
        ("status", "required Composition.status"),
        ("subject", "required Composition.subject.identifier.value"),
        ("author", "required Composition.author.reference"),
        ("event", "required Composition.event.period"),
        ("section", "required Composition.section.decision"),
        ("contained", "required Composition.contained.employment"),
    ] {
        let mut document = decision(OWN);
        document.as_object_mut().unwrap().remove(remove);
        let issues = employer.refuses(&document).await;
        assert!(issues.iter().any(|issue| issue == expected), "{remove}: {issues:?}");
    }
}

#[tokio::test]
async fn a_negative_decision_needs_no_period() {
    let employer = employer(false);
    let mut document = decision(OWN);
    document["contained"][2]["valueCodeableConcept"] = sct("160910001");
    document.as_object_mut().unwrap().remove("event");
    assert_eq!(employer.post("k1", &document).await.unwrap().status, 201);
}

#[tokio::test]
async fn references_lead_to_what_they_say_and_nothing_hangs_loose() {
    let employer = employer(false);
    let mut document = decision(OWN);
    document["section"][2]["entry"][0]["reference"] = json!("#risk");
    let issues = employer.refuses(&document).await;
    assert!(issues.iter().any(|i| i.starts_with("not-found ")), "{issues:?}");
    assert!(issues.iter().any(|i| i == "structure Composition.contained"), "{issues:?}");
}

#[tokio::test]
async fn a_released_suggestion_passes_where_it_is_allowed_and_only_as_plain_text() {
    let employer = employer(true);
    for (text, status) in [
        ("Reguleeritav tool ja pausid iga 2 tunni järel", 201),
        ("Astma J45.0 tõttu", 422),
        ("Helista 37207279996", 422),
        ("<b>tool</b>", 422),
    ] {
        let mut document = decision(OWN);
        add(&mut document, "employer-suggestions", json!({ "text": div(text) }));
        let reply = employer.post(&format!("k-{}", text.len()), &document).await.unwrap();
        assert_eq!(reply.status, status, "{text}");
    }
}

#[tokio::test]
async fn a_wrong_personal_code_is_refused() {
    let employer = employer(false);
    let mut document = decision(OWN);
    document["subject"][0]["identifier"]["value"] = json!("39901012238");
    let issues = employer.refuses(&document).await;
    assert_eq!(issues, ["value Composition.subject.identifier.value"]);
}

#[tokio::test]
async fn an_answer_lost_on_the_way_is_given_again() {
    let employer = employer(false);
    let path = "POST /health-check-decisions";
    employer.stand_in.told(FaultPlan::none().then(Fault::DropAfter, path, 1));
    assert!(employer.post("k1", &decision(OWN)).await.is_err());
    assert_eq!(employer.stand_in.decisions().len(), 1);
    let reply = employer.post("k1", &decision(OWN)).await.unwrap();
    assert_eq!(reply.status, 201);
    assert_eq!(reply.json()["receipt"], employer.stand_in.decisions()[0].receipt);
    assert_eq!(employer.stand_in.decisions().len(), 1);
}

#[tokio::test]
async fn a_feigned_failure_speaks_as_the_employer_does() {
    let employer = employer(false);
    employer.stand_in.told(
        FaultPlan::none()
            .once(Fault::ErrorInside200)
            .once(Fault::RateLimit)
            .once(Fault::Status(503, Some(7)))
            .once(Fault::XRoadError("Server.ClientProxy.IOError".into())),
    );
    for (status, issue) in
        [(200, "processing "), (429, "throttled "), (503, "transient "), (500, "transient ")]
    {
        let reply = employer.post("k1", &decision(OWN)).await.unwrap();
        assert_eq!((reply.status.as_u16(), issues(&reply)), (status, vec![issue.to_owned()]));
        assert_eq!(reply.header("content-type"), "application/fhir+json");
        assert!(!reply.headers.contains_key("x-road-error"));
    }
    assert!(employer.stand_in.decisions().is_empty());
}

#[tokio::test]
async fn the_administration_shows_no_document() {
    let employer = employer(false);
    employer.post("k1", &decision(OWN)).await.unwrap();
    let admin = employer.stand_in.admin_address().unwrap();
    let reply = plain(admin, "GET", "/received", &Value::Null).await.unwrap();
    let shown = String::from_utf8(reply.body.to_vec()).unwrap();
    assert!(shown.contains("/health-check-decisions") && !shown.contains("39901012239"), "{shown}");
    employer.stand_in.shutdown().await;
}
