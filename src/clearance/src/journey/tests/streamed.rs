//! Documents that stream through: sealed as they come, opened as they are read, and nothing left of what was refused.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{POLICY, PROFILE, Registry, declaration, document, finish};
use crate::adapter::{Description, Direction, Documents, Promise, PurposeDescription};
use crate::journey::{
    Arriving, BrokenOff, Keeping, NotMinimal, OpenRefusal, Opened, Outgoing, RecordFailure, SubjectProof,
};
use crate::seal::{Bodies, NewBody, PartFailure, SealError, SealedParts};
use crate::testing::{Arrived, Journey, TRANSFER, begin, vault};
use crate::words::TransferId;

/// More than three chunks.
const LONG: usize = 200_000;
const MEDIA_TYPE: &str = "application/fhir+json";

fn journey() -> Journey {
    let purpose = PurposeDescription {
        name: "report",
        summary: "report",
        direction: Direction::Sends,
        act_reason: "PUBHLTH",
        bases: Vec::new(),
        documents: Documents::Streamed { max: 3, bytes_max: 1 << 20 },
        media_types: &[MEDIA_TYPE],
        profile: PROFILE,
        needs_recipient: false,
        onward_recipient: None,
    };
    let (summary, purposes) = ("a registry", vec![purpose]);
    Journey::to("registry", Registry(Description { summary, policies: POLICY, never: &[], purposes }))
}

/// A report with a title of `length` letters, and something that does not leave.
fn report(letter: char, length: usize) -> Value {
    let mut report = document();
    // Words, lest it pass for an attachment.
    report["title"] = format!("{letter} ").repeat(length / 2).into();
    report["text"] = json!({ "div": "kept back" });
    report
}

fn arrived(reports: &[Value]) -> Arrived {
    let texts: Vec<_> = reports.iter().map(Value::to_string).collect();
    let documents: Vec<_> = texts.iter().map(|text| (MEDIA_TYPE, text.as_bytes())).collect();
    Arrived::of(&documents, 1000)
}

fn shaped(journey: &Journey, memory_bytes_max: usize) -> Outgoing {
    let reports = [report('a', 10), report('b', LONG), report('c', 10)];
    journey.shape_streamed(&declaration(), &mut arrived(&reports), memory_bytes_max).unwrap()
}

/// A transfer with three parts after a restart, its record and its body changed in between.
fn reopened(
    memory_bytes_max: usize,
    change: impl FnOnce(&mut Option<SealedParts>, Option<&mut Vec<u8>>),
) -> Result<Opened, OpenRefusal> {
    let (journey, keys) = (journey(), tempfile::tempdir().unwrap());
    let vault = vault(keys.path());
    let book = finish(journey.record(shaped(&journey, memory_bytes_max), &vault));
    let permit = journey.permit_again(&book);
    change(
        &mut book.acceptance.lock().unwrap().as_mut().unwrap().sealed.parts,
        journey.bodies.all().get_mut(&TRANSFER),
    );
    finish(begin(&book, &permit)).open(permit, &vault.ring, &journey.shared_bodies())
}

/// What each part gives, and what is known of them in the end.
fn read(opened: &Opened) -> (Vec<Result<Vec<u8>, PartFailure>>, Option<PartFailure>) {
    let parts = opened.parts.as_ref().unwrap();
    let read = parts.iter().map(|part| {
        let (mut reader, mut bytes) = (part.read(), Vec::new());
        while let Some(chunk) = finish(reader.next())? {
            bytes.extend_from_slice(&chunk);
        }
        assert_eq!((part.length(), part.sha256()), (bytes.len() as u64, ledger::Hash::of(&bytes).as_bytes()));
        Ok(bytes)
    });
    (read.collect(), parts.condition().failure())
}

#[test]
fn what_streamed_through_is_read_as_it_was_left_from_the_record_and_from_a_body() {
    for (memory, in_body) in [(1 << 20, false), (0, true)] {
        let opened = reopened(memory, |parts, body| {
            assert_eq!(matches!(parts, Some(SealedParts::InBody { .. })), in_body);
            assert_eq!(body.is_some(), in_body);
            let sealed = match (parts, body) {
                (Some(SealedParts::InRecord(sealed)), _) => sealed.clone(),
                (_, body) => body.unwrap().clone(),
            };
            assert!(!sealed.windows(8).any(|window| window == b"b b b b "), "nothing is in the clear");
        });
        let (parts, failure) = read(&opened.unwrap());
        assert_eq!(failure, None);
        let parts: Vec<Value> =
            parts.into_iter().map(|part| serde_json::from_slice(&part.unwrap()).unwrap()).collect();
        let titles: Vec<_> = parts.iter().map(|part| part["title"].as_str().unwrap().len()).collect();
        assert_eq!(titles, [10, LONG, 10]);
        assert!(parts.iter().all(|part| part.get("text").is_none()));
    }
}

#[test]
fn an_adapter_sees_the_number_length_digest_and_beginning_of_each() {
    let outgoing = shaped(&journey(), 0);
    let parts = outgoing.parts();
    let seen: Vec<_> =
        parts.iter().map(|part| (part.number(), part.media_type(), part.head().len())).collect();
    assert_eq!(
        seen,
        [
            (1, MEDIA_TYPE, usize::try_from(parts[0].length()).unwrap()),
            (2, MEDIA_TYPE, super::super::HEAD_BYTES_MAX),
            (3, MEDIA_TYPE, usize::try_from(parts[2].length()).unwrap()),
        ]
    );
    assert_eq!(parts[0].sha256(), ledger::Hash::of(parts[0].head()).as_bytes());
    assert_eq!(outgoing.length(), parts.iter().map(|part| part.length()).sum::<u64>());
    assert!(!format!("{outgoing:?}").contains("a a "));
}

#[test]
fn a_body_that_was_changed_cut_swapped_or_lost_is_not_what_was_sealed() {
    type Change = fn(&mut Vec<u8>);
    const CHUNK: usize = (64 << 10) + 16;
    let first = usize::try_from(shaped(&journey(), 0).parts()[0].length()).unwrap() + 16;
    let changes: [(&str, Change); 5] = [
        ("flipped", |body| {
            let at = body.len() / 2;
            body[at] ^= 1;
        }),
        ("cut", |body| body.truncate(2 * CHUNK)),
        ("cut between chunks", |body| {
            let first = body.len() % CHUNK;
            body.drain(first + CHUNK..first + 2 * CHUNK);
        }),
        ("first and last part swapped", |_| {}),
        ("emptied", Vec::clear),
    ];
    for (how, change) in changes {
        let opened = reopened(0, |_, body| {
            let body = body.unwrap();
            change(body);
            if how.contains("swapped") {
                let at = body.len() - first;
                let (begin, end) = body.split_at_mut(at);
                begin[..first].swap_with_slice(end);
            }
        });
        let (parts, failure) = read(&opened.unwrap());
        assert!(parts.contains(&Err(PartFailure::DoesNotOpen)), "{how}");
        assert_eq!(failure, Some(PartFailure::DoesNotOpen), "{how}");
    }
    assert!(matches!(reopened(0, |parts, _| *parts = None), Err(OpenRefusal::DoesNotOpen)));
}

#[test]
fn of_several_documents_every_fault_is_told_with_its_number_and_nothing_is_kept() {
    let journey = journey();
    let (mut of_another, mut untitled) = (report('b', LONG), report('c', 10));
    of_another["subject"]["identifier"]["value"] = "49003120231".into();
    untitled.as_object_mut().unwrap().remove("subject");
    let mut documents = arrived(&[report('a', LONG), of_another, untitled]);
    let Err(NotMinimal::Refused(refusal)) = journey.shape_streamed(&declaration(), &mut documents, 0) else {
        panic!("it is not refused");
    };
    for number in ["document[2]", "document[3]"] {
        assert!(refusal.faults.iter().any(|fault| fault.pointer.starts_with(number)), "{refusal:?}");
    }
    assert!(!refusal.faults.iter().any(|fault| fault.pointer.starts_with("document[1]")), "{refusal:?}");
    assert!(journey.bodies.all().is_empty());
}

#[test]
fn more_or_larger_documents_than_the_purpose_takes_are_refused() {
    let rule = |reports: &[Value]| match journey().shape_streamed(&declaration(), &mut arrived(reports), 0) {
        Err(NotMinimal::Refused(refusal)) => refusal.rule,
        other => panic!("{other:?}"),
    };
    assert_eq!(rule(&[report('a', 2), report('b', 2), report('c', 2), report('d', 2)]), "too-many-documents");
    let mut padded = report('a', LONG);
    padded["text"] = json!([" ".repeat(LONG), " ".repeat(LONG)]);
    assert_eq!(rule(&[padded.clone(), padded]), "too-large");
    assert_eq!(rule(&[]), "document-missing");
}

/// Breaks off in the middle of the second document.
struct Breaking(Arrived, usize);

impl Arriving for Breaking {
    fn next_document(&mut self) -> Result<Option<String>, BrokenOff> {
        self.0.next_document()
    }

    fn next_bytes(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        self.1 = self.1.checked_sub(1).ok_or(BrokenOff)?;
        self.0.next_bytes()
    }
}

#[test]
fn what_breaks_off_is_not_recorded_or_cannot_be_kept_leaves_nothing() {
    let journey = journey();
    let mut breaking = Breaking(arrived(&[report('a', LONG), report('b', LONG)]), 300);
    let broken = journey.shape_streamed(&declaration(), &mut breaking, 0);
    assert!(matches!(broken, Err(NotMinimal::BrokenOff(BrokenOff))));
    assert!(journey.bodies.all().is_empty());

    let given_up = shaped(&journey, 0);
    assert_eq!(journey.bodies.all().len(), 1);
    drop(given_up);
    assert!(journey.bodies.all().is_empty());

    let full: Arc<dyn Bodies> = Arc::new(Full);
    let keeping = Keeping::sealed(&full, TRANSFER, 0, &crate::clock::SystemEntropy).unwrap();
    let mut documents = arrived(&[report('a', LONG)]);
    let lawful = journey.lawful(&declaration()).unwrap();
    match lawful.minimise_arriving(&mut documents, &journey.policy, keeping) {
        Err(NotMinimal::NotKept(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_only_checked_or_sealed_for_another_transfer_cannot_be_recorded() {
    let (journey, keys) = (journey(), tempfile::tempdir().unwrap());
    let vault = vault(keys.path());
    let checked = |keeping| {
        let lawful = journey.lawful(&declaration()).unwrap();
        let minimal = lawful.minimise_arriving(&mut arrived(&[report('a', 10)]), &journey.policy, keeping);
        finish(journey.try_to_record(minimal.unwrap().shape().unwrap(), &vault)).err()
    };
    assert!(matches!(checked(Keeping::nothing()), Some(RecordFailure::Seal(SealError::NotKept))));
    let other = TransferId::from_bytes([9; 16]);
    let sealed = Keeping::sealed(&journey.shared_bodies(), other, 0, &crate::clock::SystemEntropy);
    assert!(matches!(checked(sealed.unwrap()), Some(RecordFailure::Seal(SealError::AnotherTransfer))));
    assert!(journey.bodies.all().is_empty());
}

#[test]
fn documents_by_different_index_ids_are_not_about_one_subject() {
    let by = |id: &str| {
        let mut report = report('a', 10);
        report["subject"] = json!({ "reference": format!("Patient/{id}") });
        report
    };
    let shaped = |reports: &[Value]| journey().shape_streamed(&declaration(), &mut arrived(reports), 1 << 20);
    let one = shaped(&[by("index-1"), report('b', 10), by("index-1")]).unwrap();
    assert!(matches!(one.subject(), SubjectProof::ByIndex(id) if id.expose() == "index-1"));
    let Err(NotMinimal::Refused(refusal)) = shaped(&[by("index-1"), by("index-2")]) else {
        panic!("it is not refused");
    };
    assert_eq!((refusal.rule.as_str(), refusal.faults[0].pointer.as_str()), ("wrong-patient", "document[2]"));
}

/// A disk without space.
#[derive(Debug)]
struct Full;

impl Bodies for Full {
    fn create(&self, _: TransferId) -> io::Result<Box<dyn NewBody>> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn read(&self, _: TransferId, _: u64, _: usize) -> Promise<'_, io::Result<Vec<u8>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::NotFound.into())))
    }

    fn length(&self, _: TransferId) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn remove(&self, _: TransferId) -> io::Result<()> {
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<TransferId>> {
        Ok(Vec::new())
    }
}
