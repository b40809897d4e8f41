//! What the journey of an inquiry promises: nothing is asked or released unrecorded, and nothing about anybody else.

use bytes::Bytes;
use jiff::Timestamp;
use ledger::{Entry, Hash, Hindrance};
use serde_json::{Value, json};

use super::*;
use crate::adapter::{
    Adapter, Answer, Call, CallFailure, Description, DestinationRefusal, Direction, Documents, IndexInquiry,
    Means, Outcome, Parameters, PayloadSigner, Promise, PurposeDescription, Query, Reading, Reply, Setback,
    SubjectIndex, Transport,
};
use crate::basis::{Consent, Standing};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::journey::{Cleared, Document, Minimal, Outgoing, Vault, tests::finish};
use crate::person::ESTONIAN_PERSONAL_CODE;
use crate::testing::{ANSWER_BYTES_MAX, Book, INQUIRY, Journey, vault};
use crate::words::PurposeName;

const SUBJECT: &str = "39901012239";
const STRANGER: &str = "37207279996";
const FHIR: &str = "application/fhir+json";

const POLICY: &str = r#"
    @id("report") @reason("reports are shown to whoever may read them")
    @condition_1("the purpose is `report` or `report-status`")
    permit (principal, action == Action::"disclose", resource)
    when { ["report", "report-status"].contains(context.purpose) };
"#;

const PROFILE: &str = r#"
    profile = "report-status"
    version = "1"
    format = "fhir-json"
    resource = "Composition"
    on_excess = "strip"

    [subject]
    paths = ["Composition.subject"]

    [[keep]]
    path = "Composition.status"
    category = "status"
    ground = "an invented act"
    required = true

    [[keep]]
    path = "Composition.title"
    category = "diagnosis"
    ground = "an invented act"
"#;

#[derive(Debug)]
struct Registry(Description);

impl Adapter for Registry {
    fn description(&self) -> &Description {
        &self.0
    }

    fn shape(&self, _: Minimal) -> Result<Outgoing, Vec<Fault>> {
        Err(Vec::new())
    }

    fn deliver<'a>(&'a self, _: Cleared, _: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async { Outcome::AnotherSubject })
    }

    fn ask(&self, _: &PurposeName, mut parameters: Parameters<'_>) -> Result<Query, Vec<Fault>> {
        let kind = parameters.one_of("kind", &["long", "abridged"]);
        parameters.end()?;
        Ok(Query::of(&kind))
    }
}

/// The journey to a registry that never gets a title.
fn journey_never(never: &'static [&'static str]) -> Journey {
    let reads = PurposeDescription {
        name: "report-status",
        summary: "read reports back",
        direction: Direction::Reads,
        act_reason: "PUBHLTH",
        bases: Vec::new(),
        documents: Documents::One,
        media_types: &[FHIR],
        profile: PROFILE,
        needs_recipient: false,
        onward_recipient: None,
    };
    let sends = PurposeDescription { name: "report", direction: Direction::Sends, ..reads.clone() };
    let description =
        Description { summary: "a registry", policies: POLICY, never, purposes: vec![reads, sends] };
    Journey::to("registry", Registry(description))
}

fn journey() -> Journey {
    journey_never(&[])
}

fn declaration() -> Value {
    json!({
        "destination": "registry", "purpose": "report-status",
        "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(a)", "act": "TTKS", "section": "59²" },
        "subject": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT, "given": "Mari", "family": "Maasikas" },
        "professional": { "code": "D00000", "personal_code": "60001017869", "role": "doctor" },
        "reason": "teate seis"
    })
}

fn named(code: &str) -> Value {
    json!({ "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": code } })
}

fn report(subject: &Value) -> Value {
    json!({ "resourceType": "Composition", "status": "final", "subject": subject, "language": "not named" })
}

fn answered(documents: &[Value]) -> Reading {
    let document =
        |value: &Value| Document { media_type: FHIR.into(), bytes: Bytes::from(value.to_string()) };
    Reading::Answered(Answer { documents: documents.iter().map(document).collect() })
}

/// An index that knows everybody by this id, or nobody.
#[derive(Debug)]
struct Index(Result<Option<&'static str>, &'static str>);

impl SubjectIndex for Index {
    fn index_id<'a>(
        &'a self,
        _: IndexInquiry<'a>,
        _: &'a Means<'a>,
    ) -> Promise<'a, Result<Option<String>, Setback>> {
        Box::pin(async { self.0.map(|id| id.map(str::to_owned)).map_err(Setback::new) })
    }
}

#[derive(Debug)]
struct Nothing;

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

impl Transport for Nothing {
    fn call<'a>(&'a self, _: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        Box::pin(async { Err(CallFailure::NotReached) })
    }
}

impl PayloadSigner for Nothing {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}

fn means() -> Means<'static> {
    Means { clock: &Nothing, deadline: Timestamp::MAX, transport: &Nothing, signer: &Nothing }
}

/// An inquiry on record that waits for its answer.
struct Waiting {
    journey: Journey,
    keys: tempfile::TempDir,
    book: Book,
    pending: Pending,
}

fn waiting_at(journey: Journey) -> Waiting {
    let (keys, book) = (tempfile::tempdir().unwrap(), Book::default());
    let asking = journey.ask(&declaration(), &json!({ "kind": "long" })).unwrap();
    let (inquiry, pending) = finish(journey.inquire(asking, &book, &vault(keys.path())));
    assert_eq!(inquiry.query().parameters::<String>().as_deref(), Some("long"));
    Waiting { journey, keys, book, pending }
}

/// What is left in the end: what came of it, and the record.
struct Ended {
    answer: Result<Released, Unreleased>,
    record: Vec<(Entry, Vec<u8>)>,
    vault: Vault,
}

impl Waiting {
    fn answer(self, reading: Reading, index: Option<&dyn SubjectIndex>) -> Ended {
        let vault = vault(self.keys.path());
        let means = means();
        let conclusion = self.journey.conclude(self.pending, reading, &self.book, &vault, index, &means);
        let answer = finish(conclusion);
        let record = self.book.inquiries.lock().unwrap();
        let record = record.iter().map(|(leaf, aside)| (Entry::decode(leaf).unwrap(), aside.clone()));
        Ended { answer, record: record.collect(), vault }
    }
}

fn answer(reading: Reading, index: Option<&dyn SubjectIndex>) -> Ended {
    waiting_at(journey()).answer(reading, index)
}

impl Ended {
    /// Nothing is released, and the record says why.
    fn kept_back(self) -> (Hindrance, Option<String>) {
        let unreleased = self.answer.unwrap_err();
        let [(Entry::Inquiry(_), _), (Entry::NoRelease(ended), _)] = &self.record[..] else {
            panic!("{:?}", self.record);
        };
        let code = ended.code.as_ref().map(ToString::to_string);
        assert_eq!((unreleased.hindrance(), unreleased.code()), (ended.hindrance, code.as_deref()));
        (ended.hindrance, code)
    }
}

fn because(hindrance: Hindrance, code: &str) -> (Hindrance, Option<String>) {
    (hindrance, Some(code.to_owned()))
}

#[test]
fn an_answer_is_minimised_and_the_record_is_bound_to_question_and_release() {
    let ended = answer(answered(&[report(&named(SUBJECT)), report(&named(SUBJECT))]), None);
    let released = ended.answer.unwrap();
    let documents: Vec<_> = released.documents().iter().map(ReleasedDocument::bytes).collect();
    assert_eq!(documents, [br#"{"resourceType":"Composition","status":"final"}"#; 2]);
    assert_eq!((released.inquiry_index(), released.index()), (0, 1));

    let [(Entry::Inquiry(asked), beside_question), (Entry::Release(release), beside_release)] =
        &ended.record[..]
    else {
        panic!("{:?}", ended.record);
    };
    let opened: Value =
        serde_json::from_slice(&ended.vault.take_up_inquiry(INQUIRY, beside_question).unwrap()).unwrap();
    let salt = |opened: &Value, name: &str| -> [u8; 32] {
        hex::decode(opened[name].as_str().unwrap()).unwrap().try_into().unwrap()
    };
    let query = Hash::of(opened["query"].as_str().unwrap().as_bytes());
    assert_eq!(opened["query"], r#""long""#);
    assert_eq!(asked.commitments.query, ledger::commit(&salt(&opened, "salt_query"), &query));
    let reason = ledger::commit(&salt(&opened, "salt_reason"), &Hash::of("teate seis".as_bytes()));
    assert_eq!(asked.commitments.reason, reason);

    let opened = ended.vault.take_up_release(INQUIRY, beside_release).unwrap();
    let opened: Value = serde_json::from_slice(&opened).unwrap();
    let digests: Vec<u8> = documents.iter().flat_map(|document| *Hash::of(document).as_bytes()).collect();
    let documents = ledger::commit(&salt(&opened, "salt_documents"), &Hash::of(&digests));
    assert_eq!(release.commitments.documents, documents);
    assert_eq!((release.documents, release.size), (2_u32.into(), 94_u32.into()));
    // What lies beside one entry does not open beside another.
    assert!(ended.vault.take_up_release(INQUIRY, beside_question).is_err());
}

#[test]
fn one_document_about_another_person_keeps_back_all() {
    let ended = answer(answered(&[report(&named(SUBJECT)), report(&named(STRANGER))]), None);
    let Err(Unreleased::Withheld(refusal)) = &ended.answer else { panic!("{:?}", ended.answer) };
    assert!(refusal.faults.iter().all(|fault| fault.pointer.starts_with("/documents/1/")), "{refusal:?}");
    assert!(!format!("{refusal:?}").contains(STRANGER));
    assert_eq!(ended.kept_back(), because(Hindrance::Withheld, "wrong-patient"));
}

#[test]
fn a_subject_that_is_named_by_index_id_is_proved_or_nothing_is_released() {
    let by_index = || answered(&[report(&json!({ "reference": "Patient/4711" })), report(&named(SUBJECT))]);
    assert!(answer(by_index(), Some(&Index(Ok(Some("4711"))))).answer.is_ok());
    for (index, expected) in [
        (Some(Index(Ok(Some("4712")))), because(Hindrance::Withheld, "wrong-patient")),
        (Some(Index(Ok(None))), because(Hindrance::Withheld, "wrong-patient")),
        (Some(Index(Err("index-down"))), because(Hindrance::Failed, "index-down")),
        (None, because(Hindrance::Withheld, "subject-unprovable")),
    ] {
        let index = index.as_ref().map(|index| index as &dyn SubjectIndex);
        assert_eq!(answer(by_index(), index).kept_back(), expected);
    }
}

#[test]
fn whatever_stood_in_the_way_is_on_record() {
    let refusal = DestinationRefusal { code: "HCERT-008".into(), faults: Vec::new() };
    let large = Document { media_type: FHIR.into(), bytes: vec![b' '; ANSWER_BYTES_MAX + 1].into() };
    let pdf = Document { media_type: "application/pdf".into(), bytes: Bytes::new() };
    let twice = Document {
        media_type: FHIR.into(),
        bytes: Bytes::from_static(br#"{"resourceType":"Composition","status":"final","status":"final"}"#),
    };
    let answer_of = |document| Reading::Answered(Answer { documents: vec![document] });
    for (reading, hindrance, code) in [
        (Reading::Refused(refusal), Hindrance::RefusedByDestination, Some("HCERT-008")),
        (Reading::NotFound, Hindrance::NotFound, None),
        (answered(&[]), Hindrance::NotFound, None),
        (Reading::Failed(Setback::new("not-reached")), Hindrance::Failed, Some("not-reached")),
        (answer_of(large), Hindrance::Failed, Some("answer-too-large")),
        (Reading::Unreadable("answer-unreadable"), Hindrance::Unreadable, Some("answer-unreadable")),
        (answer_of(pdf), Hindrance::Unreadable, Some("media-type")),
        (answer_of(twice), Hindrance::Unreadable, Some("json-duplicate-name")),
    ] {
        assert_eq!(answer(reading, None).kept_back(), (hindrance, code.map(str::to_owned)));
    }
}

#[test]
fn the_policy_is_asked_again_about_what_was_found() {
    let mut titled = report(&named(SUBJECT));
    titled["title"] = json!("J45.0");
    // The question is lawful although the profile could let a title through only if policy says so of what is found.
    let ended = waiting_at(journey()).answer(answered(&[titled.clone()]), None);
    assert!(ended.answer.is_ok());
    let refused = journey_never(&["diagnosis"]).ask(&declaration(), &json!({})).unwrap_err();
    assert_eq!(refused.rule, "category-never");
}

#[test]
fn a_consent_that_is_withdrawn_while_the_destination_is_asked_keeps_the_answer_back() {
    let waiting = waiting_at(journey());
    *waiting.book.standing.lock().unwrap() =
        Standing { consent: Consent::Withdrawn, restricted: false, version: 1 };
    let ended = waiting.answer(answered(&[report(&named(SUBJECT))]), None);
    assert_eq!(ended.kept_back(), because(Hindrance::Withheld, "consent-withdrawn"));
}

#[test]
fn a_standing_that_changes_before_the_question_has_the_policy_asked_again() {
    for (restricted, is_asked) in [(false, true), (true, false)] {
        let (journey, keys, book) = (journey(), tempfile::tempdir().unwrap(), Book::default());
        let asking = journey.ask(&declaration(), &json!({})).unwrap();
        *book.standing.lock().unwrap() = Standing { restricted, version: 7, ..Standing::default() };
        let terms = Terms { inquiry: INQUIRY, at: Timestamp::UNIX_EPOCH, answer_bytes_max: 1 };
        let vault = vault(keys.path());
        let recorded = finish(asking.record(&book, &vault, &journey.policy, terms));
        assert_eq!(
            (recorded.is_ok(), book.inquiries.lock().unwrap().len()),
            (is_asked, usize::from(is_asked))
        );
    }
}

#[test]
fn a_purpose_goes_one_way() {
    let mut sending = declaration();
    sending["purpose"] = json!("report");
    assert_eq!(journey().ask(&sending, &json!({})).unwrap_err().rule, "purpose-sends");
    let refused = journey().shape(&declaration(), &report(&named(SUBJECT))).unwrap_err();
    assert_eq!(refused.rule, "purpose-reads");
}

#[test]
fn a_request_has_nothing_that_orders_transfers() {
    let mut declared = declaration();
    declared["ordering_key"] = json!("x");
    declared["supersedes"] = json!("0192f0c0-0000-7000-8000-000000000000");
    let refused = journey().ask(&declared, &json!({})).unwrap_err();
    let places: Vec<_> = refused.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/ordering_key", "/supersedes"]);
}

#[test]
fn nothing_about_a_person_prints() {
    let waiting = waiting_at(journey());
    let asked = waiting.journey.ask(&declaration(), &json!({ "kind": "abridged" })).unwrap();
    let mut printed = format!("{:?} {asked:?}", waiting.pending);
    let reading = answered(&[report(&named(SUBJECT))]);
    printed.push_str(&format!("{reading:?}"));
    printed.push_str(&format!("{:?}", waiting.answer(reading, None).answer.unwrap()));
    for value in [SUBJECT, "Maasikas", "60001017869", "teate seis", "abridged", "final"] {
        assert!(!printed.contains(value), "{value}: {printed}");
    }
}
