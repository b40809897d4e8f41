//! What the tests share: made-up certificates, and the real journey from a declaration to what is cleared, with a recorder
//! that keeps one transfer in memory and a transport that plays answers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clearance::adapter::{
    Adapter, Call, CallFailure, Means, PayloadSigner, Promise, Reply, SubjectIndex, Transport,
};
use clearance::basis::{Permit, Policy, Question, Standing};
use clearance::client::Client;
use clearance::clock::{Clock, SystemEntropy};
use clearance::declaration::{CheckDigits, Declaration};
use clearance::destination::Destination;
use clearance::journey::{
    Acceptance, Attempt, BeginRefusal, Begun, Cleared, Content, Document, Due, Ending, IdempotencyScope,
    Outgoing, Particulars, Recorded, Recorder, RecorderError, Reservation, Submission, TransferView,
    Unproven, Vault,
};
use clearance::keys::{PseudonymKey, Secret};
use clearance::person::ESTONIAN_PERSONAL_CODE;
use clearance::refusal::Refusal;
use clearance::seal::KeyRing;
use clearance::words::{DestinationName, TransferId};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use ledger::Entry;
use serde_json::{Value, json};

use crate::{Settings, TransportAdministration};

pub(crate) const SUBJECT: &str = "37207279996";
pub(crate) const PROFESSIONAL: &str = "60001017869";
pub(crate) const PATIENT: &str = "517685";
pub(crate) const TRANSFER: TransferId = TransferId::from_bytes([7; 16]);
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

/// The stages of the journey around one adapter.
#[derive(Debug)]
pub(crate) struct Journey {
    client: Arc<Client>,
    destination: Arc<Destination>,
    pub(crate) policy: Policy,
}

impl Journey {
    pub(crate) fn to(adapter: TransportAdministration) -> Self {
        let name: DestinationName = "transport-administration".parse().unwrap();
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
        index: Option<&dyn SubjectIndex>,
        means: &Means<'_>,
    ) -> Result<Cleared, Unproven> {
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
        attempt.open(permit, &vault.ring).unwrap().prove(index, means).await
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
