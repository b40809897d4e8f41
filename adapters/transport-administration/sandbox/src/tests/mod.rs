//! The bench of the tests: a clinic with a doctor, an official and a patient, all made up.

mod certificates;
mod register;
mod samples;
mod tokens;
mod x_road;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stand_in::testing::{Caller, Identity, Pki, Reply};

use crate::{Patient, RegisteredClient, Right, Settings, StandIn};

const CLIENT: &str = "ee-test/COM/10303948/clearance";
const CLINIC: &str = "10303948";
const DOCTOR: &str = "45007090928";
const OTHER_DOCTOR: &str = "49909090014";
const OFFICIAL: &str = "36201182245";
const PATIENT: &str = "39901012239";
const EMPLOYER: &str = "12345678";
const ISSUE: (&str, &str) = ("x-road-issue", "Tervisetõendi esitamine");
const TIS: &str = "/r1/ee-test/GOV/70009770/tis";
const TOKEN_LIFETIME: Duration = Duration::from_secs(60);

struct Bench {
    pki: Pki,
    identity: Identity,
    caller: Caller,
    stand_in: StandIn,
    clock: Arc<Mutex<Timestamp>>,
    calls: AtomicUsize,
}

fn right(code: &str, organisation: &str, role: &str, represented: &[&str]) -> Right {
    Right {
        personal_code: code.into(),
        professional_code: (code == DOCTOR).then(|| "D12345".into()),
        organisation: organisation.into(),
        role: role.into(),
        represented: represented.iter().map(|&party| party.into()).collect(),
    }
}

fn patient(code: &str) -> Patient {
    Patient {
        system: "https://fhir.ee/sid/pid/est/ni".into(),
        value: code.into(),
        id: None,
        given: "Jaan".into(),
        family: "Näidis".into(),
        birth_date: "1999-01-01".into(),
    }
}

fn bench() -> Bench {
    bench_for("ee-test", CLIENT, CLINIC, &[EMPLOYER])
}

fn bench_for(instance: &str, client: &str, organisation: &str, represented: &[&str]) -> Bench {
    let pki = Pki::made_up();
    let identity = pki.client("gateway");
    let clock = Arc::new(Mutex::new("2026-11-22T12:00:00Z".parse().unwrap()));
    let time = Arc::clone(&clock);
    let registered = |client: &str, identity: &Identity| RegisteredClient {
        client: client.into(),
        certificates_pem: identity.certificate_pem.clone().into_bytes(),
    };
    let stand_in = StandIn::start(Settings {
        endpoint: pki.endpoint(Arc::new(move || *time.lock().unwrap())),
        instance: instance.into(),
        clients: vec![
            registered(client, &identity),
            registered("ee-test/COM/76543217/other", &pki.client("other")),
        ],
        rights: vec![
            right(DOCTOR, organisation, "doctor", &[]),
            right(OTHER_DOCTOR, organisation, "doctor", &[]),
            right(OFFICIAL, organisation, "gov-official", represented),
            right(OFFICIAL, organisation, "org-legal-representative", represented),
        ],
        patients: vec![patient(PATIENT), patient("37207279996"), patient("36808088873")],
        register: "GOV/70001490/register".into(),
        token_lifetime: TOKEN_LIFETIME,
    })
    .unwrap();
    let caller = pki.caller(stand_in.address(), Some(&identity));
    Bench { pki, identity, caller, stand_in, clock, calls: AtomicUsize::new(0) }
}

impl Bench {
    fn pass(&self, seconds: i64) {
        let mut now = self.clock.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }

    fn next_id(&self) -> String {
        format!("id-{}", self.calls.fetch_add(1, Ordering::SeqCst))
    }

    /// A call with X-Road's headers, an own `X-Road-Id` unless `headers` has one.
    async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, String> {
        let id = self.next_id();
        let mut all = vec![("x-road-client", CLIENT)];
        if !headers.iter().any(|(name, _)| *name == "x-road-id") {
            all.push(("x-road-id", id.as_str()));
        }
        all.extend_from_slice(headers);
        self.caller.call(method, path, &all, body.to_owned()).await
    }

    async fn token_request(&self, body: &Value) -> Reply {
        let path = format!("{TIS}/auth/v2/token");
        let headers = [("content-type", "application/json")];
        self.call("POST", &path, &headers, &body.to_string()).await.unwrap()
    }

    async fn token(&self, person: &str, role: &str) -> String {
        let reply = self.token_request(&token_body(person, role)).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        format!("Bearer {}", reply.json()["accessToken"].as_str().unwrap())
    }

    async fn patient_id(&self, token: &str) -> String {
        let path =
            format!("{TIS}/mpi/Patient?identifier=https%3A%2F%2Ffhir.ee%2Fsid%2Fpid%2Fest%2Fni%7C{PATIENT}");
        let reply = self.call("GET", &path, &[("authorization", token), ISSUE], "").await.unwrap();
        assert_eq!(reply.status, 200);
        reply.json()["entry"][0]["resource"]["id"].as_str().unwrap().to_owned()
    }

    /// A call to the certificates with a token and a reason.
    async fn tis(&self, method: &str, path: &str, token: &str, body: &Value) -> Reply {
        self.tis_as(method, path, token, body, &self.next_id()).await.unwrap()
    }

    async fn tis_as(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
        id: &str,
    ) -> Result<Reply, String> {
        let headers = [
            ("authorization", token),
            ("content-type", "application/fhir+json"),
            ("prefer", "return=representation"),
            ("x-road-id", id),
            ISSUE,
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call(method, &format!("{TIS}/fhir/{path}"), &headers, &body).await
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

fn token_body(person: &str, role: &str) -> Value {
    json!({
        "user": { "personalCode": person },
        "organization": CLINIC,
        "role": role,
        "application": "clearance",
    })
}

fn sct(code: &str) -> Value {
    json!({ "coding": [{ "system": "http://snomed.info/sct", "code": code }] })
}

fn section(code: &str, rest: Value) -> Value {
    let mut section = json!({
        "code": { "coding": [{ "system": "https://fhir.ee/CodeSystem/tervisetoendi-sektsioon", "code": code }] }
    });
    section.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    section
}

fn div(text: &str) -> Value {
    json!({ "text": { "status": "additional", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>") } })
}

/// A driver's certificate, fit with one restriction, final.
fn driver_certificate(patient: &str, number: &str) -> Value {
    json!({
        "resourceType": "Composition",
        "meta": { "profile": ["https://fhir.ee/hcert/StructureDefinition/ee-health-certificate-driver"] },
        "contained": [
            {
                "resourceType": "PractitionerRole",
                "id": "author",
                "practitioner": { "reference": format!("Practitioner/{DOCTOR}") },
                "organization": { "reference": format!("Organization/{CLINIC}") },
            },
            {
                "resourceType": "Observation",
                "id": "decision",
                "status": "final",
                "code": sct("419183001"),
                "valueCodeableConcept": sct("171353001"),
            },
            {
                "resourceType": "Observation",
                "id": "restriction",
                "status": "final",
                "code": sct("146861000181105"),
                "component": [{ "code": { "coding": [{
                    "system": "https://fhir.ee/CodeSystem/tervisetoendi-piirangud", "code": "00.98"
                }] } }],
            },
        ],
        "identifier": [{ "system": "https://fhir.ee/hcert/health-certificate-number", "value": number }],
        "status": "final",
        "type": sct("772786005"),
        "category": [{ "coding": [{
            "system": "https://fhir.ee/CodeSystem/labivaatuse-tyyp", "code": "driver-group-I"
        }] }],
        "subject": [{ "reference": format!("Patient/{patient}") }],
        "date": "2026-11-20",
        "author": [{ "reference": "#author" }],
        "title": "Mootorsõidukijuhi tervisetõend",
        "event": [{ "period": { "start": "2026-11-20", "end": "2036-11-20" } }],
        "section": [
            section("health-declaration", json!({ "entry": [{ "reference": "QuestionnaireResponse/300" }] })),
            section("decision", json!({ "entry": [{ "reference": "#decision" }] })),
            section("medical-restrictions", json!({ "entry": [{ "reference": "#restriction" }] })),
        ],
    })
}
