//! What the tests share: made-up certificates, the journey to this destination, and a transport that plays answers.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use clearance::adapter::{Call, CallFailure, Means, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::person::ESTONIAN_PERSONAL_CODE;
pub(crate) use clearance::testing::{Journey, TRANSFER};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{Settings, TransportAdministration};

pub(crate) const SUBJECT: &str = "37207279996";
pub(crate) const PROFESSIONAL: &str = "60001017869";
pub(crate) const PATIENT: &str = "517685";
const SECTION: &str = "https://fhir.ee/CodeSystem/tervisetoendi-sektsioon";
const SNOMED: &str = "http://snomed.info/sct";

/// A declaration that is lawful for `purpose`.
pub(crate) fn declaration(purpose: &str) -> Value {
    json!({
        "destination": "transport-administration", "purpose": purpose,
        "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(g)", "act": "LS", "section": "101(2)" },
        "subject": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT, "given": "Jaan", "family": "Tamm" },
        "professional": { "code": "D00000", "personal_code": PROFESSIONAL, "role": "doctor" },
        "evidence": [ { "kind": "certificate", "ref": "Composition/500" } ],
        "reason": "juhi tervisetõend",
    })
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [ { "system": system, "code": code } ] })
}

fn observation(id: &str, code: &str, rest: &Value) -> Value {
    let mut observation = json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": coded(SNOMED, code) });
    observation.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    observation
}

/// A certificate that holds: fit to drive, in a car with hand controls.
pub(crate) fn final_certificate() -> Value {
    let decision =
        observation("decision", "419183001", &json!({ "valueCodeableConcept": coded(SNOMED, "171353001") }));
    let restriction = observation(
        "restriction",
        "146861000181105",
        &json!({ "component": [ { "code": coded("https://fhir.ee/CodeSystem/tervisetoendi-piirangud", "00.98") } ] }),
    );
    json!({
        "resourceType": "Composition",
        "meta": { "profile": ["https://fhir.ee/hcert/StructureDefinition/ee-health-certificate-driver"] },
        "contained": [
            { "resourceType": "PractitionerRole", "id": "author",
              "practitioner": { "reference": format!("Practitioner/{PROFESSIONAL}") },
              "organization": { "reference": "Organization/10303948" } },
            decision,
            restriction,
        ],
        "identifier": [ { "system": crate::certificate::NUMBER_SYSTEM, "value": "HCERT-1" } ],
        "status": "final",
        "type": coded(SNOMED, "772786005"),
        "category": [ coded("https://fhir.ee/CodeSystem/labivaatuse-tyyp", "driver-group-I") ],
        "subject": [ { "reference": format!("Patient/{PATIENT}") } ],
        "date": "2026-11-22T00:00:00.000+00:00",
        "author": [ { "reference": "#author" } ],
        "title": "MSJ tervisekontroll",
        "event": [ { "period": { "start": "2026-11-22T00:00:00.000+00:00", "end": "2036-11-22T00:00:00.000+00:00" } } ],
        "section": [
            { "code": coded(SECTION, "health-declaration"), "entry": [ { "identifier": {
                "system": "https://fhir.ee/hcert/health-declaration-external-document-number", "value": "HD-1" } } ] },
            { "code": coded(SECTION, "decision"), "entry": [ { "reference": "#decision" } ] },
            { "code": coded(SECTION, "medical-restrictions"), "entry": [ { "reference": "#restriction" } ] },
        ],
    })
}

/// `certificate` as TIS has it under `id`.
pub(crate) fn filed(id: &str, certificate: &Value) -> Value {
    let mut filed = certificate.clone();
    filed["id"] = json!(id);
    filed["meta"]["versionId"] = json!("1");
    filed["subject"] = json!([ { "reference": format!("Patient/{PATIENT}/_history/2") } ]);
    filed
}

/// The body of `$suspend` and `$cancel`.
pub(crate) fn parameters() -> Value {
    json!({ "resourceType": "Parameters", "parameter": [
        { "name": "reason", "valueString": "haigus" },
    ] })
}

/// The destination on the route `tis`.
pub(crate) fn on_route_tis() -> TransportAdministration {
    let settings = json!({ "route": "tis", "tis": {
        "peer": "security-server", "url": "https://security.example", "instance": "ee-test",
        "client": "COM/10303948/gw", "organisation": "10303948", "application": "clearance" } });
    TransportAdministration::new(serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

/// The destination on the route `direct`.
pub(crate) fn on_route_direct() -> TransportAdministration {
    let settings = json!({ "route": "direct", "direct": {
        "peer": "security-server", "url": "https://security.example", "instance": "ee-test",
        "client": "COM/10303948/gw", "service": "GOV/70001490/register/driver-fitness" } });
    TransportAdministration::new(serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

/// The journey to this destination.
pub(crate) fn journey_to(adapter: TransportAdministration) -> Journey {
    Journey::to("transport-administration", adapter)
}

/// Plays answers in order and keeps the calls.
#[derive(Debug)]
pub(crate) struct Stage {
    answers: Mutex<VecDeque<Result<Reply, CallFailure>>>,
    calls: Mutex<Vec<Call>>,
}

impl Stage {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<Reply, CallFailure>>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), calls: Mutex::default() }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    pub(crate) fn means(&self) -> Means<'_> {
        Means { clock: &Stopped, deadline: Timestamp::MAX, transport: self, signer: &NoSigner }
    }
}

impl Transport for Stage {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front().expect("a call that the test did not expect");
        Box::pin(async move { answer })
    }
}

/// An answer.
pub(crate) fn reply(status: u16, body: &str) -> Result<Reply, CallFailure> {
    Ok(Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    })
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

#[derive(Debug)]
struct NoSigner;

impl PayloadSigner for NoSigner {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}
