//! Black-box tests: a clinic calls over mutual TLS and sees what the centre would show it. What the adapter writes is tried in
//! the adapter's tests; here is what it never writes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stand_in::testing::{Caller, Pki, Reply};

use crate::{Fault, FaultPlan, Patient, RegisteredClient, Right, Settings, StandIn};

const ROOT: &str = "/r1/ee-test/GOV/70009770";
const CLIENT: &str = "ee-test/COM/12345678/gateway";
const DOCTOR: &str = "39901012239";
const PATIENT: &str = "37207279996";

struct Bench {
    stand_in: StandIn,
    caller: Caller,
}

fn bench() -> Bench {
    let pki = Pki::made_up();
    let identity = pki.client("gateway");
    let right = |role: &str| Right {
        personal_code: DOCTOR.into(),
        professional_code: Some("D12345".into()),
        organisation: "12345678".into(),
        role: role.into(),
        represented: Vec::new(),
    };
    let stand_in = StandIn::start(Settings {
        endpoint: pki.endpoint(Arc::new(|| "2026-11-22T12:00:00Z".parse().unwrap())),
        instance: "ee-test".into(),
        clients: vec![RegisteredClient {
            client: CLIENT.into(),
            certificates_pem: identity.certificate_pem.clone().into_bytes(),
        }],
        rights: vec![right("doctor"), right("physiotherapist"), right("gov-official")],
        patients: vec![Patient {
            system: "https://fhir.ee/sid/pid/est/ni".into(),
            value: PATIENT.into(),
            id: Some("500".into()),
            given: "Jaan".into(),
            family: "Tamm".into(),
            birth_date: "1972-07-27".into(),
        }],
        token_lifetime: Duration::from_secs(300),
    })
    .unwrap();
    let caller = pki.caller(stand_in.address(), Some(&identity));
    Bench { stand_in, caller }
}

impl Bench {
    async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Reply, String> {
        let id = format!("id-{}", self.stand_in.received().len());
        let mut all = vec![("x-road-client", CLIENT), ("x-road-id", &id)];
        all.extend_from_slice(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.caller.call(method, &format!("{ROOT}{path}"), &all, body).await
    }

    async fn token(&self, role: &str) -> String {
        let body = json!({ "user": { "personalCode": DOCTOR }, "organization": "12345678", "role": role,
            "application": "clearance" });
        let headers = [("content-type", "application/json")];
        let reply = self.call("POST", "/tis/auth/v2/token", &headers, &body).await.unwrap();
        format!("Bearer {}", reply.json()["accessToken"].as_str().unwrap())
    }

    /// A call to the prescriptions with a token, a reason and what else.
    async fn centre(
        &self,
        method: &str,
        path: &str,
        token: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let mut headers = vec![
            ("authorization", token),
            ("content-type", "application/fhir+json"),
            ("prefer", "return=representation"),
            ("x-road-issue", "retsept"),
        ];
        headers.extend_from_slice(more);
        let path = format!("/uptis/fis-service/fhir/{path}");
        self.call(method, &path, &headers, body).await.unwrap()
    }
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": format!("https://fhir.ee/CodeSystem/{system}"), "code": code }] })
}

fn prescription() -> Value {
    let guide = "https://fhir.ee/StructureDefinition/ee-tis-";
    json!({
        "resourceType": "MedicationRequest", "meta": { "profile": [format!("{guide}prescription")] },
        "contained": [
            { "resourceType": "PractitionerRole", "id": "r",
              "practitioner": { "identifier": { "system": "https://fhir.ee/sid/pro/est/pho", "value": "D12345" } },
              "organization": { "identifier": { "system": "https://fhir.ee/sid/org/est/br", "value": "12345678" } } },
            { "resourceType": "Medication", "id": "m", "meta": { "profile": [format!("{guide}medication-extemporal")] },
              "doseForm": coded("ravimvormid", "789"),
              "ingredient": [{ "item": { "concept": { "text": "Rp. Sulfuris praecipitati 33,0" } } }] },
        ],
        "extension": [{ "url": format!("{guide}dispensation-authorization"),
            "valueCodeableConcept": coded("retsepti-volituse-liik", "public") }],
        "status": "active", "intent": "order", "category": [coded("retsepti-liik", "1")],
        "medication": { "reference": { "reference": "#m" } }, "subject": { "reference": "Patient/500" },
        "authoredOn": "2026-11-22", "requester": { "reference": "#r" },
        "reason": [{ "concept": coded("rhk10", "L40") }],
        "dosageInstruction": [{ "doseAndRate": [{ "doseQuantity": { "value": 1 } }] }],
        "dispenseRequest": { "validityPeriod": { "start": "2026-11-22", "end": "2027-01-22" } },
    })
}

#[tokio::test]
async fn each_issue_is_a_prescription_of_its_own_even_a_repeated_one() {
    let bench = bench();
    let token = bench.token("doctor").await;
    for number in ["1018800001", "1018800002"] {
        let reply = bench.centre("POST", "MedicationRequest", &token, &[], &prescription()).await;
        assert_eq!((reply.status.as_u16(), reply.header("etag")), (201, "W/\"1\""), "{:?}", reply.body);
        assert_eq!(reply.json()["identifier"][0]["value"], number);
    }
    assert_eq!(bench.stand_in.prescriptions().len(), 2);
}

#[tokio::test]
async fn who_may_not_prescribe_may_still_read_and_an_official_neither() {
    let bench = bench();
    for (role, write, read) in
        [("doctor", 201, 200), ("physiotherapist", 403, 200), ("gov-official", 403, 403)]
    {
        let token = bench.token(role).await;
        let reply = bench.centre("POST", "MedicationRequest", &token, &[], &prescription()).await;
        assert_eq!(reply.status, write, "{role}");
        let reply =
            bench.centre("GET", "MedicationRequest?subject=Patient%2F500", &token, &[], &Value::Null).await;
        assert_eq!(reply.status, read, "{role}");
    }
    let reply = bench.centre("POST", "MedicationRequest", "Bearer made-up", &[], &prescription()).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_prescription_changes_in_the_version_that_was_seen_and_not_once_it_is_dispensed() {
    let bench = bench();
    let token = bench.token("doctor").await;
    let issued = bench.centre("POST", "MedicationRequest", &token, &[], &prescription()).await.json();
    let path = format!("MedicationRequest/{}", issued["id"].as_str().unwrap());
    let mut cancelled = issued.clone();
    cancelled["status"] = json!("cancelled");
    cancelled["statusReason"] = coded("retsepti-annulleerimise-pohjus", "AN01");
    for (seen, expected) in [(None, 412), (Some("W/\"2\""), 412)] {
        let more: Vec<_> = seen.into_iter().map(|tag| ("if-match", tag)).collect();
        assert_eq!(bench.centre("PUT", &path, &token, &more, &cancelled).await.status, expected);
    }
    let seen = [("if-match", "W/\"1\"")];
    for (pointer, value) in [
        ("/identifier/0/value", json!("1018800009")),
        ("/subject/reference", json!("Patient/501")),
        ("/reason/0/concept/coding/0/code", json!("L41")),
        ("/statusReason", Value::Null),
    ] {
        let mut other = cancelled.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert_eq!(bench.centre("PUT", &path, &token, &seen, &other).await.status, 422, "{pointer}");
    }
    assert!(bench.stand_in.dispense("1018800001") && !bench.stand_in.dispense("1018800001"));
    let seen = [("if-match", "W/\"2\"")];
    assert_eq!(bench.centre("PUT", &path, &token, &seen, &cancelled).await.status, 409);
    assert_eq!(bench.centre("PUT", "MedicationRequest/1", &token, &seen, &cancelled).await.status, 404);
}

#[tokio::test]
async fn a_search_names_its_patient_and_knows_its_parameters() {
    let bench = bench();
    let token = bench.token("doctor").await;
    for _ in 0..3 {
        bench.centre("POST", "MedicationRequest", &token, &[], &prescription()).await;
    }
    for (query, status, found, more) in [
        ("subject=Patient%2F500", 200, 3, false),
        ("subject=Patient%2F500&_count=2", 200, 2, true),
        ("subject=Patient%2F500&_count=2&_page=2", 200, 1, false),
        ("subject=Patient%2F501", 200, 0, false),
        ("subject=Patient%2F500&status=cancelled", 200, 0, false),
        ("subject=Patient%2F500&authoredon=ge2026-11-22&authoredon=le2026-11-22", 200, 3, false),
        ("subject=Patient%2F500&authoredon=2026-11-23", 200, 0, false),
        ("status=active", 400, 0, false),
        ("subject=Patient%2F500&_count=0", 400, 0, false),
        ("subject=Patient%2F500&colour=red", 400, 0, false),
    ] {
        let reply =
            bench.centre("GET", &format!("MedicationRequest?{query}"), &token, &[], &Value::Null).await;
        assert_eq!(reply.status, status, "{query}");
        let entries = reply.json()["entry"].as_array().map_or(0, Vec::len);
        assert_eq!((entries, reply.json()["link"].is_array()), (found, more), "{query}");
    }
}

#[tokio::test]
async fn it_fails_as_it_is_told_before_and_after_storing() {
    let bench = bench();
    let token = bench.token("doctor").await;
    let headers =
        [("authorization", token.as_str()), ("content-type", "application/fhir+json"), ("x-road-issue", "x")];
    for (fault, kept) in [(Fault::DropBefore, 0), (Fault::DropAfter, 1)] {
        bench.stand_in.told(FaultPlan::none().then(fault, "/fhir/MedicationRequest", 1));
        let path = "/uptis/fis-service/fhir/MedicationRequest";
        assert!(bench.call("POST", path, &headers, &prescription()).await.is_err());
        assert_eq!(bench.stand_in.prescriptions().len(), kept);
    }
    bench.stand_in.told(FaultPlan::none().then(Fault::ErrorInside200, "/fhir/MedicationRequest", 1));
    let reply = bench.centre("POST", "MedicationRequest", &token, &[], &prescription()).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["resourceType"]), (200, &json!("OperationOutcome")));
    assert_eq!(bench.stand_in.prescriptions().len(), 1);
}

#[tokio::test]
async fn a_reason_that_tells_the_recipe_or_the_diagnosis_is_refused() {
    let bench = bench();
    let token = bench.token("doctor").await;
    for issue in ["retsept L40", "Rp. Sulfuris praecipitati 33,0", ""] {
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/fhir+json"),
            ("x-road-issue", issue),
        ];
        let path = "/uptis/fis-service/fhir/MedicationRequest";
        let reply = bench.call("POST", path, &headers, &prescription()).await.unwrap();
        assert_eq!(reply.status, 400, "{issue}");
    }
}
