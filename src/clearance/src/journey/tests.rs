//! What the journey promises beyond what its types do: refusals told apart, and nothing about a person in a `Debug`.

mod streamed;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::adapter::{
    Acknowledgement, Adapter, Call, Description, Direction, DocumentFacts, Documents, IndexInquiry, Means,
    Outcome, Promise, PurposeDescription, Reply,
};
use crate::basis::{Permit, Question, Standing};
use crate::fault::Fault;
use crate::keys::{Pseudonym, Secret};
use crate::person::{ESTONIAN_PERSONAL_CODE, ESTONIAN_REGISTRY_CODE, Identifier, Private};
use crate::seal::{Bodies, Day, KeyRing, KeyRingError};
use crate::testing::{Book, Journey, MemoryBodies, TRANSFER, begin, vault};
use crate::words::TransferId;

const SUBJECT: &str = "39901012239";
const INDEX_ID: &str = "index-4711";

const POLICY: &str = r#"
    @id("report") @reason("a report is due")
    @condition_1("the purpose is `report`")
    permit (principal, action == Action::"disclose", resource)
    when { context.purpose == "report" };
"#;

const PROFILE: &str = r#"
    profile = "report"
    version = "1"
    format = "fhir-json"
    resource = "Composition"
    on_excess = "strip"

    [subject]
    paths = ["Composition.subject"]

    [[keep]]
    path = "Composition.title"
    category = "report"
    ground = "an invented act"

    [[keep]]
    path = "Composition.subject.identifier.value"
    equals = "declared-subject"
    category = "identity"
    ground = "an invented act"

    [[keep]]
    path = "Composition.subject.reference"
    category = "identity"
    ground = "an invented act"
"#;

/// A rule that rests on what only the document tells.
const ON_FACTS: &str = r#"
    @id("report") @reason("a report is due")
    @condition_1("the report is final")
    permit (principal, action == Action::"disclose", resource)
    when { context.evidence.contains("final:document") };
"#;

#[derive(Debug)]
struct Registry(Description);

/// A report is final unless its title says that it is a draft.
#[derive(Debug)]
struct Final;

impl DocumentFacts for Final {
    fn kinds(&self) -> &[&'static str] {
        &["final"]
    }

    fn against(&self, document: &[u8]) -> Vec<Fault> {
        let is_draft = String::from_utf8_lossy(document).contains("Draft");
        is_draft
            .then(|| Fault::new("final", "/title", "the report is a draft", "finish it"))
            .into_iter()
            .collect()
    }
}

fn journey() -> Journey {
    journey_by(POLICY)
}

fn journey_by(policies: &'static str) -> Journey {
    let purpose = PurposeDescription {
        name: "report",
        summary: "report",
        direction: Direction::Sends,
        act_reason: "PUBHLTH",
        bases: Vec::new(),
        documents: Documents::One,
        media_types: &["application/fhir+json"],
        profile: PROFILE,
        needs_recipient: false,
        onward_recipient: None,
    };
    Journey::to(
        "registry",
        Registry(Description { summary: "a registry", policies, never: &[], purposes: vec![purpose] }),
    )
}

impl Adapter for Registry {
    fn description(&self) -> &Description {
        &self.0
    }

    fn facts(&self, _purpose: &str) -> Option<&dyn DocumentFacts> {
        (self.0.policies == ON_FACTS).then_some(&Final)
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let bytes = Bytes::copy_from_slice(minimal.document());
        Ok(minimal.shaped(Payload {
            operation: "report".into(),
            media_type: "application/json".into(),
            bytes,
        }))
    }

    fn deliver<'a>(&'a self, _: Cleared, _: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async { Outcome::AnotherSubject })
    }
}

fn declaration() -> Value {
    json!({
        "destination": "registry", "purpose": "report",
        "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(h)", "act": "TTKS", "section": "59²" },
        "subject": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT, "given": "Mari", "family": "Maasikas" },
        "professional": { "code": "D00000", "personal_code": "60001017869", "role": "doctor" },
        "reason": "teade registrile"
    })
}

fn document() -> Value {
    let subject = json!({ "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT } });
    json!({ "resourceType": "Composition", "title": "Report", "subject": subject })
}

/// A transfer on record, and its permit asked for anew.
struct OnRecord {
    keys: tempfile::TempDir,
    book: Book,
    permit: Permit,
}

fn on_record(document: &Value) -> OnRecord {
    let journey = journey();
    let keys = tempfile::tempdir().unwrap();
    let outgoing = journey.shape(&declaration(), document).unwrap();
    let book = finish(journey.record(outgoing, &vault(keys.path())));
    let permit = journey.permit_again(&book);
    OnRecord { keys, book, permit }
}

impl OnRecord {
    /// Opens it after a restart: nothing of the ring is in memory.
    fn open(self) -> Result<Opened, OpenRefusal> {
        let ring = vault(self.keys.path()).ring;
        self.open_with(&ring)
    }

    fn open_with(self, ring: &KeyRing) -> Result<Opened, OpenRefusal> {
        let bodies: Arc<dyn Bodies> = Arc::new(MemoryBodies::default());
        finish(begin(&self.book, &self.permit)).open(self.permit, ring, &bodies)
    }

    fn tampered(self, change: impl FnOnce(&mut Acceptance)) -> Self {
        change(self.book.acceptance.lock().unwrap().as_mut().unwrap());
        self
    }
}

/// Nothing here waits.
pub(super) fn finish<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_rule_may_rest_on_what_only_the_document_tells_and_a_no_says_where() {
    let journey = journey_by(ON_FACTS);
    let outgoing = journey.shape(&declaration(), &document()).unwrap();
    let evidence: Vec<_> = outgoing.permit().question().evidence.iter().map(String::as_str).collect();
    assert_eq!(evidence, ["final:document"]);
    // It is on record, and asked for again at each attempt.
    let keys = tempfile::tempdir().unwrap();
    let book = finish(journey.record(outgoing, &vault(keys.path())));
    assert!(journey.permit_again(&book).question().evidence.contains("final:document"));

    let mut draft = document();
    draft["title"] = json!("Draft");
    let refusal = journey.shape(&declaration(), &draft).unwrap_err();
    let faults: Vec<_> =
        refusal.faults.iter().map(|fault| (fault.rule.as_ref(), fault.pointer.as_str())).collect();
    assert_eq!((refusal.rule.as_str(), faults), ("report", vec![("final", "/title"), ("report", "")]));
}

#[test]
fn a_recipient_that_the_purpose_does_not_have_is_refused() {
    let mut with_recipient = declaration();
    with_recipient["recipient"] = json!({ "system": ESTONIAN_REGISTRY_CODE, "value": "10303948" });
    assert_eq!(journey().shape(&with_recipient, &document()).unwrap_err().rule, "recipient-unwanted");
    assert!(journey().shape(&declaration(), &document()).is_ok());
}

#[test]
fn a_ring_that_cannot_be_used_is_not_held_against_the_transfer() {
    let transfer = on_record(&document());
    let mistaken = KeyRing::new(transfer.keys.path(), Secret::new([9; 32]));
    assert!(matches!(
        transfer.open_with(&mistaken),
        Err(OpenRefusal::Ring(KeyRingError::WrongMasterKey { .. }))
    ));
    let not_mounted = KeyRing::new("not/mounted", Secret::new([2; 32]));
    assert!(matches!(
        on_record(&document()).open_with(&not_mounted),
        Err(OpenRefusal::Ring(KeyRingError::Io { .. }))
    ));
    assert!(on_record(&document()).open().is_ok());
}

#[test]
fn a_destroyed_key_an_edited_body_and_another_subject_are_told_apart() {
    let erased = on_record(&document());
    vault(erased.keys.path()).ring.destroy(Day::new(0)).unwrap();
    assert!(matches!(erased.open(), Err(OpenRefusal::KeyGone)));
    let edited = on_record(&document()).tampered(|row| row.sealed.body[0] ^= 1);
    assert!(matches!(edited.open(), Err(OpenRefusal::DoesNotOpen)));
    let of_another = on_record(&document()).tampered(|row| row.subject = Pseudonym([7; 32]));
    assert!(matches!(of_another.open(), Err(OpenRefusal::Damaged(_))));
}

#[test]
fn the_consent_that_is_asked_for_is_the_one_of_the_person_on_record() {
    let transfer = on_record(&document());
    let acceptance = transfer.book.acceptance.lock().unwrap();
    let recorded = acceptance.as_ref().unwrap();
    let asked = |subject| Question::of_entry(&recorded.leaf, subject, Standing::default());
    assert!(asked(recorded.subject).is_ok());
    assert!(matches!(asked(Pseudonym([7; 32])), Err(RecorderError::Damaged(_))));
}

#[test]
fn what_lies_beside_one_entry_does_not_open_beside_another() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(folder.path());
    let laid = vault.lay_aside(Aside::Disclosure, TRANSFER, b"salts").unwrap();
    assert_eq!(vault.take_up(Aside::Disclosure, TRANSFER, &laid).unwrap().as_slice(), b"salts");
    assert!(vault.take_up(Aside::Outcome, TRANSFER, &laid).is_err());
    assert!(vault.take_up(Aside::Disclosure, TransferId::from_bytes([8; 16]), &laid).is_err());
    let (_, salt) = vault.commit_proof(TRANSFER, b"proof").unwrap();
    assert!(vault.take_up(Aside::Outcome, TRANSFER, &salt).is_ok());
    assert!(vault.take_up(Aside::Disclosure, TRANSFER, &salt).is_err());
}

#[test]
fn what_is_sent_asked_and_answered_does_not_print() {
    let secret = "39901012239 Mari";
    let headers = || HeaderMap::from_iter([(http::header::COOKIE, secret.parse().unwrap())]);
    let body = Bytes::from_static(secret.as_bytes());
    let call = Call {
        peer: "registry".into(),
        method: Method::POST,
        url: Private::new(secret),
        url_template: "https://registry.example/{id}".into(),
        headers: headers(),
        body: body.clone().into(),
        deadline: Timestamp::UNIX_EPOCH,
        answer_bytes_max: 1,
    };
    let reply = Reply { status: StatusCode::OK, headers: headers(), body: body.clone() };
    let outcome = Outcome::Delivered(Acknowledgement { reference: Some(secret.into()), proof: body });
    let identifier = Identifier { system: ESTONIAN_PERSONAL_CODE.into(), value: Private::new(secret) };
    let professional = Private::new(secret);
    let inquiry = IndexInquiry {
        subject: &identifier,
        professional: &professional,
        role: "doctor",
        reason: secret,
        message: TRANSFER.message("index"),
    };
    let printed = format!("{call:?} {reply:?} {outcome:?} {inquiry:?}");
    // `Bytes` prints text as text, other collections of bytes as numbers.
    for text in ["3990", "Mari", "51, 57, 57"] {
        assert!(!printed.contains(text), "{printed}");
    }
    assert!(printed.contains("https://registry.example/{id}"));
}

#[test]
fn an_opened_transfer_prints_no_index_id() {
    let mut by_index = document();
    by_index["subject"] = json!({ "reference": format!("Patient/{INDEX_ID}") });
    let opened = on_record(&by_index).open().unwrap();
    assert!(opened.index_claim.is_some());
    assert!(!format!("{opened:?}").contains(INDEX_ID));
}
