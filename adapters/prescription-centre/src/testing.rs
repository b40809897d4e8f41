//! What the tests share: a made-up prescription, the journey to the centre, and a transport that plays answers.

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

use crate::prescription::NUMBER_SYSTEM;
use crate::{CANCELLATION, CHANGE, PrescriptionCentre, Settings};

pub(crate) const SUBJECT: &str = "49003120231";
pub(crate) const PROFESSIONAL: &str = "D01234";
pub(crate) const PATIENT: &str = "700001";
pub(crate) const NUMBER: &str = "1018800001";
const EXTENSION: &str = "https://fhir.ee/StructureDefinition/ee-tis-";

pub(crate) type Answer = Result<Reply, CallFailure>;

/// A declaration that is lawful for `purpose`; a change or cancellation names the prescription.
pub(crate) fn declaration(purpose: &str) -> Value {
    let text = include_str!("../../../tests/fixtures/prescription-declaration.json");
    let mut declaration: Value = serde_json::from_str(text).unwrap();
    declaration["purpose"] = json!(purpose);
    if [CHANGE, CANCELLATION].contains(&purpose) {
        declaration["evidence"] = json!([{ "kind": "prescription", "ref": NUMBER }]);
    }
    declaration
}

/// A prescription of a product, to be issued; it names its subject by index id.
pub(crate) fn issue() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/prescription.json")).unwrap()
}

/// The same, changed by the professional who wrote it: twice a day.
pub(crate) fn change() -> Value {
    let mut changed = issue();
    changed["identifier"] = json!([{ "system": NUMBER_SYSTEM, "value": NUMBER }]);
    changed["dosageInstruction"][0]["timing"]["repeat"]["frequency"] = json!(2);
    let author = json!({ "url": "changeAuthor", "valueReference": { "reference": "#requester" } });
    let extension = json!({ "url": format!("{EXTENSION}prescription-change"), "extension": [author] });
    changed["extension"].as_array_mut().unwrap().push(extension);
    changed
}

/// The same, cancelled by the professional who wrote it.
pub(crate) fn cancellation() -> Value {
    let mut cancelled = issue();
    cancelled["identifier"] = json!([{ "system": NUMBER_SYSTEM, "value": NUMBER }]);
    cancelled["status"] = json!("cancelled");
    let reason =
        json!({ "system": "https://fhir.ee/CodeSystem/retsepti-annulleerimise-pohjus", "code": "AN01" });
    cancelled["statusReason"] = json!({ "coding": [reason] });
    cancelled
}

/// The document of `purpose`.
pub(crate) fn document(purpose: &str) -> Value {
    match purpose {
        CHANGE => change(),
        CANCELLATION => cancellation(),
        _ => issue(),
    }
}

/// `prescription` as the centre has it.
pub(crate) fn filed(prescription: &Value) -> Value {
    let mut filed = prescription.clone();
    filed["id"] = json!("3001");
    filed["meta"]["versionId"] = json!("1");
    filed["identifier"] = json!([{ "system": NUMBER_SYSTEM, "value": NUMBER }]);
    filed["subject"] = json!({ "reference": format!("Patient/{PATIENT}") });
    filed
}

/// The destination.
pub(crate) fn centre() -> PrescriptionCentre {
    let settings = json!({ "tis": {
        "peer": "security-server", "url": "https://security.example", "instance": "ee-test",
        "client": "COM/10990009/gw", "organisation": "10990009", "application": "clearance" } });
    PrescriptionCentre::new(serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

/// The journey to this destination.
pub(crate) fn journey() -> Journey {
    Journey::to("prescription-centre", centre())
}

/// A token.
pub(crate) fn token() -> Answer {
    reply(200, r#"{"accessToken":"t","expiresIn":300,"tokenType":"Bearer"}"#)
}

/// The index's answer: the subject, under this id.
pub(crate) fn patient(id: &str) -> Answer {
    let patient = json!({ "resourceType": "Patient", "id": id,
        "identifier": [ { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT } ] });
    reply(200, &json!({ "resourceType": "Bundle", "entry": [ { "resource": patient } ] }).to_string())
}

/// A page of prescriptions, with a link to another one.
pub(crate) fn page(prescriptions: &[Value], next: Option<&str>) -> Answer {
    let entries: Vec<_> = prescriptions.iter().map(|of| json!({ "resource": of })).collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries });
    if let Some(url) = next {
        bundle["link"] = json!([{ "relation": "next", "url": url }]);
    }
    reply(200, &bundle.to_string())
}

/// A refusal or a failure in FHIR's form, with a text that must not be repeated.
pub(crate) fn outcome(status: u16, code: &str) -> Answer {
    let issue = json!({ "severity": "error", "code": code, "diagnostics": "Mari Maasikas" });
    reply(status, &json!({ "resourceType": "OperationOutcome", "issue": [issue] }).to_string())
}

/// Plays answers in order and keeps the calls.
#[derive(Debug)]
pub(crate) struct Stage {
    answers: Mutex<VecDeque<Answer>>,
    calls: Mutex<Vec<Call>>,
}

impl Stage {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
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
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Answer> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front().expect("a call that the test did not expect");
        Box::pin(async move { answer })
    }
}

/// An answer.
pub(crate) fn reply(status: u16, body: &str) -> Answer {
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
