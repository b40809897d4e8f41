//! What the tests share: a made-up decision, and the real journey from a declaration to what is cleared, with a recorder
//! that keeps one transfer in memory and a transport that plays answers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use bytes::Bytes;
use clearance::adapter::{Adapter, Call, CallFailure, Means, PayloadSigner, Promise, Reply, Transport};
use clearance::basis::{Permit, Policy, Question, Standing};
use clearance::client::Client;
use clearance::clock::{Clock, SystemEntropy};
use clearance::declaration::{CheckDigits, Declaration};
use clearance::destination::Destination;
use clearance::journey::{
    Acceptance, Attempt, BeginRefusal, Begun, Cleared, Content, Document, Due, Ending, IdempotencyScope,
    Outgoing, Particulars, Recorded, Recorder, RecorderError, Reservation, Submission, TransferView, Vault,
};
use clearance::keys::{PseudonymKey, Secret};
use clearance::person::{ESTONIAN_PERSONAL_CODE, ESTONIAN_REGISTRY_CODE};
use clearance::refusal::Refusal;
use clearance::seal::KeyRing;
use clearance::words::{DestinationName, TransferId};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use ledger::Entry;
use serde_json::{Value, json};

use crate::document::{
    CATEGORIES, CONDITIONS, HAZARDS, NUMBERS, OCCUPATIONS, RESTRICTIONS, SECTIONS, SNOMED, UNITS,
};
use crate::{Employer, HEALTH_CHECK_DECISION, Settings};

pub(crate) const SUBJECT: &str = "37207279996";
pub(crate) const PROFESSIONAL: &str = "60001017869";
pub(crate) const EMPLOYER: &str = "10303948";
pub(crate) const TRANSFER: TransferId = TransferId::from_bytes([7; 16]);

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

/// The stages of the journey around one adapter.
#[derive(Debug)]
pub(crate) struct Journey {
    client: Arc<Client>,
    destination: Arc<Destination>,
    pub(crate) policy: Policy,
}

impl Journey {
    pub(crate) fn to(adapter: Employer) -> Self {
        let name: DestinationName = "employer".parse().unwrap();
        let client = Client {
            id: "ehr".parse().unwrap(),
            organisation: "10303948".into(),
            destinations: BTreeSet::from([name.clone()]),
            professionals: None,
        };
        let destination = Destination::new(name, Arc::new(adapter)).unwrap();
        let policy =
            Policy::load(&[destination.policies()], std::slice::from_ref(&client), &[destination.facts()])
                .unwrap();
        Self { client: Arc::new(client), destination: Arc::new(destination), policy }
    }

    pub(crate) fn adapter(&self) -> &dyn Adapter {
        self.destination.adapter()
    }

    /// What would leave.
    pub(crate) fn shape(&self, declaration: &Value, document: &Value) -> Result<Outgoing, Refusal> {
        let declaration = Declaration::parse(declaration.to_string().as_bytes(), CheckDigits::Warn).unwrap();
        let destination = Arc::clone(&self.destination);
        let submission = Submission::receive(Arc::clone(&self.client), [0; 32], declaration, destination)?;
        let document =
            Document { media_type: "application/fhir+json".into(), bytes: Bytes::from(document.to_string()) };
        submission.lawful(&self.policy, Standing::default())?.minimise(&document, &self.policy)?.shape()
    }

    /// What would leave, as JSON.
    pub(crate) fn shaped(&self, declaration: &Value, document: &Value) -> Value {
        let outgoing = self.shape(declaration, document).unwrap();
        serde_json::from_slice(&outgoing.payload().bytes).unwrap()
    }

    /// Records `outgoing` and clears it for an attempt.
    pub(crate) async fn clear(
        &self,
        outgoing: Outgoing,
        perhaps_delivered: bool,
        means: &Means<'_>,
    ) -> Cleared {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault {
            pseudonyms: PseudonymKey::new(Secret::new([1; 32])),
            ring: KeyRing::new(folder.path(), Secret::new([2; 32])),
            entropy: Arc::new(SystemEntropy),
        };
        let at = Timestamp::UNIX_EPOCH;
        let book = Book { acceptance: Mutex::new(None), perhaps_delivered };
        let particulars = Particulars {
            transfer: TRANSFER,
            at,
            not_after: Timestamp::MAX,
            idempotency: IdempotencyScope { client: self.client.id.clone(), key: [3; 32] },
            content: Content([4; 32]),
            answer: Vec::new(),
            traceparent: None,
        };
        outgoing.record(&book, &vault, particulars).await.unwrap();
        let permit = self.permit_again(&book);
        let attempt = Attempt::begin(&book, TRANSFER, &permit, at, at).await.unwrap().unwrap();
        attempt.open(permit, &vault.ring).unwrap().prove(None, means).await.unwrap()
    }

    fn permit_again(&self, book: &Book) -> Permit {
        let acceptance = book.acceptance.lock().unwrap();
        let leaf = &acceptance.as_ref().unwrap().leaf;
        self.policy.decide(Question::of_entry(leaf, Standing::default()).unwrap()).unwrap()
    }
}

/// A recorder of one transfer.
#[derive(Debug)]
struct Book {
    acceptance: Mutex<Option<Acceptance>>,
    perhaps_delivered: bool,
}

impl Recorder for Book {
    async fn reserve(&self, _: &IdempotencyScope) -> Result<Reservation, RecorderError> {
        Ok(Reservation::Fresh)
    }

    fn release(&self, _: &IdempotencyScope) {}

    async fn record(&self, acceptance: Acceptance) -> Result<Recorded, RecorderError> {
        *self.acceptance.lock().unwrap() = Some(acceptance);
        Ok(Recorded { transfer: TRANSFER, index: 0 })
    }

    async fn note(&self, _: Entry) -> Result<u64, RecorderError> {
        Ok(0)
    }

    async fn standing(
        &self,
        _: clearance::keys::Pseudonym,
        _: &DestinationName,
    ) -> Result<Standing, RecorderError> {
        Ok(Standing::default())
    }

    async fn due(&self, _: &DestinationName, _: Timestamp, _: usize) -> Result<Vec<Due>, RecorderError> {
        Ok(Vec::new())
    }

    async fn begin(
        &self,
        _: TransferId,
        _: u64,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Result<Begun, BeginRefusal>, RecorderError> {
        let acceptance = self.acceptance.lock().unwrap().take().unwrap();
        Ok(Ok(Begun {
            number: 1,
            perhaps_delivered: self.perhaps_delivered,
            leaf: acceptance.leaf,
            sealed: acceptance.sealed,
        }))
    }

    async fn end(&self, _: Ending) -> Result<(), RecorderError> {
        Ok(())
    }

    async fn transfer(&self, _: TransferId) -> Result<Option<TransferView>, RecorderError> {
        Ok(None)
    }
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
