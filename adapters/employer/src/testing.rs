//! What the tests share: a made-up decision, the journey to this destination, and a transport that plays answers.

use std::collections::VecDeque;
use std::sync::Mutex;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use bytes::Bytes;
use clearance::adapter::{Call, CallFailure, Means, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::person::{ESTONIAN_PERSONAL_CODE, ESTONIAN_REGISTRY_CODE};
pub(crate) use clearance::testing::{Journey, TRANSFER};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::document::{
    CATEGORIES, CONDITIONS, HAZARDS, NUMBERS, OCCUPATIONS, RESTRICTIONS, SECTIONS, SNOMED, UNITS,
};
use crate::{Employer, HEALTH_CHECK_DECISION, Settings};

pub(crate) const SUBJECT: &str = "37207279996";
pub(crate) const PROFESSIONAL: &str = "60001017869";
pub(crate) const EMPLOYER: &str = "10303948";

/// A lawful declaration, without the doctor's release.
pub(crate) fn declaration() -> Value {
    json!({
        "destination": "employer", "purpose": HEALTH_CHECK_DECISION,
        "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(b)", "act": "TTOS", "section": "13¹" },
        "subject": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT, "given": "Jaan", "family": "Tamm" },
        "professional": { "code": "D00000", "personal_code": PROFESSIONAL, "role": "doctor" },
        "recipient": { "system": ESTONIAN_REGISTRY_CODE, "value": EMPLOYER },
        "evidence": [ { "kind": "order", "ref": "2026-17" } ],
        "reason": "töötervishoiu otsus",
    })
}

/// The same with the doctor's release of the suggestion.
pub(crate) fn declaration_with_release() -> Value {
    let mut declaration = declaration();
    declaration["evidence"].as_array_mut().unwrap().push(json!({ "kind": "release", "ref": "2026-17" }));
    declaration
}

pub(crate) fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [ { "system": system, "code": code } ] })
}

fn observation(id: &str, code: &str, rest: &Value) -> Value {
    let mut observation =
        json!({ "resourceType": "Observation", "id": id, "status": "final", "code": coded(SNOMED, code) });
    observation.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    observation
}

pub(crate) fn narrative(text: &str) -> Value {
    json!({ "status": "additional", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>") })
}

fn section(code: &str, entries: &[&str]) -> Value {
    let entries: Vec<_> = entries.iter().map(|id| json!({ "reference": format!("#{id}") })).collect();
    json!({ "code": coded(SECTIONS, code), "entry": entries })
}

/// A decision as the doctor wrote it, with much that is not the employer's business.
pub(crate) fn certificate() -> Value {
    let value = |system: &str, code: &str| json!({ "valueCodeableConcept": coded(system, code) });
    json!({
        "resourceType": "Composition",
        "meta": { "profile": ["https://fhir.ee/hcert/StructureDefinition/ee-health-certificate-occupational"] },
        "contained": [
            { "resourceType": "PractitionerRole", "id": "role",
              "practitioner": { "reference": format!("Practitioner/{PROFESSIONAL}"), "display": "Mari Mets" },
              "organization": { "reference": "Organization/70009770" } },
            observation("work", "184104002", &json!({
                "performer": [ { "identifier": { "system": ESTONIAN_REGISTRY_CODE, "value": EMPLOYER }, "display": "Tehas OÜ" } ],
                "component": [
                    { "code": coded(SNOMED, "160922003"), "valueCodeableConcept": coded(OCCUPATIONS, "22220101") },
                    { "code": coded(SNOMED, "224374003"), "valueQuantity": { "value": 0.75, "system": UNITS, "code": "1" } },
                ] })),
            observation("verdict", "419183001", &value(SNOMED, "225891002")),
            observation("lift", "146861000181105", &json!({
                "note": [ { "text": "selja pärast" } ],
                "component": [ { "code": coded(RESTRICTIONS, "586"), "valueQuantity": { "value": 10, "system": UNITS, "code": "kg" } } ] })),
            observation("cancer", "146861000181105", &json!({
                "component": [ { "code": coded(RESTRICTIONS, "750"), "valueCodeableConcept": coded(HAZARDS, "114") } ] })),
            observation("heavy", "80943009", &value(HAZARDS, "558")),
            observation("gloves", "225891002", &value(CONDITIONS, "personal-protective-equipment")),
        ],
        "identifier": [ { "system": NUMBERS, "value": "HCERT-1" } ],
        "status": "final",
        "type": coded(SNOMED, "772786005"),
        "category": [ coded(CATEGORIES, "occupational") ],
        "subject": [ { "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT } } ],
        "date": "2026-11-22T00:00:00.000+00:00",
        "author": [ { "reference": "#role" } ],
        "title": "otsus",
        "event": [ { "period": { "start": "2026-11-22T00:00:00.000+00:00", "end": "2029-11-22T00:00:00.000+00:00" } } ],
        "section": [
            { "code": coded(SECTIONS, "health-declaration"), "entry": [ { "identifier": {
                "system": "https://fhir.ee/hcert/health-declaration-external-document-number", "value": "HD-1" } } ] },
            { "code": coded(SECTIONS, "employer"), "text": narrative(EMPLOYER), "entry": [ { "reference": "#work" } ] },
            section("decision", &["verdict"]),
            section("medical-restrictions", &["lift", "cancer"]),
            section("risk-factors", &["heavy"]),
            section("work-additional-restrictions", &["gloves"]),
            { "code": coded(SECTIONS, "shortened-reason"), "text": narrative("haigus") },
            { "code": coded(SECTIONS, "reject-reason"), "text": narrative("haigus") },
            { "code": coded(SECTIONS, "change-reason"), "text": narrative("haigus") },
            { "code": coded(SECTIONS, "employer-suggestions"), "text": narrative("parem valgustus &amp; tool") },
            { "code": coded(SECTIONS, "employee-suggestions"), "text": narrative("rohkem liikuda") },
        ],
    })
}

/// The destination with one employer.
pub(crate) fn employer() -> Employer {
    let settings = json!({ "endpoints": {
        EMPLOYER: { "peer": "tehas", "url": "https://tehas.example/decisions" } } });
    Employer::new(serde_json::from_value::<Settings>(settings).unwrap())
}

/// The journey to this destination.
pub(crate) fn journey_to(adapter: Employer) -> Journey {
    Journey::to("employer", adapter)
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

    pub(crate) fn means<'a>(&'a self, pen: &'a Pen) -> Means<'a> {
        Means { clock: &Stopped, deadline: Timestamp::MAX, transport: self, signer: pen }
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

/// Signs with a key of the test's own.
#[derive(Debug)]
pub(crate) struct Pen(Ed25519KeyPair);

impl Pen {
    pub(crate) fn new() -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap())
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }
}

impl PayloadSigner for Pen {
    fn key_id(&self) -> &str {
        "payload-1"
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}
