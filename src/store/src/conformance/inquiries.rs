//! Promises about inquiries: on record before anybody is asked, released at most once.

use clearance::journey::{AnswerRecord, InquiryRecord, InquiryRecorder, RecorderError, StandingChanged};
use clearance::words::InquiryId;
use ledger::{
    Change, Entry, Hash, Hindrance, Inquiry, InquiryCommitments, Kind, Matter, NoRelease, Profile, Release,
    ReleaseCommitments, Set,
};

use super::{Candidate, House, Sample, at, verifies};
use crate::views::StandingChange;

fn id(number: u8) -> InquiryId {
    InquiryId::from_bytes([number; 16])
}

fn inquiry(number: u8, standing_version: u64) -> InquiryRecord {
    let sample = Sample::new(number.into());
    let code = |text: &str| text.parse().expect("a code");
    let entry = Inquiry {
        at: at(0).try_into().expect("after 1970"),
        inquiry: code(&id(number).to_string()),
        client: code("ehr"),
        certificate: Hash::of(b"certificate"),
        destination: code(sample.destination),
        purpose: code("status"),
        act: "LS".parse().expect("a text"),
        section: "101".parse().expect("a text"),
        gdpr6: code("6(1)(c)"),
        gdpr9: code("9(2)(g)"),
        rules: Set::new([code("status")]).expect("a set"),
        policy: code("1"),
        profile: Profile { name: code("status"), version: code("1") },
        subject: sample.ledger_subject(),
        professional: sample.ledger_subject(),
        recipient: None,
        evidence: Set::new([]).expect("a set"),
        categories: Set::new([code("decision")]).expect("a set"),
        standing: standing_version.try_into().expect("a count"),
        commitments: InquiryCommitments { query: Hash::of(b"query"), reason: Hash::of(b"reason") },
    };
    InquiryRecord {
        inquiry: id(number),
        destination: sample.destination.parse().expect("a name"),
        subject: sample.subject(),
        standing_version,
        leaf: Entry::Inquiry(entry).encode(),
        aside: b"aside".to_vec(),
    }
}

fn release(number: u8, standing_version: u64) -> AnswerRecord {
    let code = |text: &str| text.parse().expect("a code");
    let entry = Release {
        at: at(1).try_into().expect("after 1970"),
        inquiry: code(&id(number).to_string()),
        rules: Set::new([code("status")]).expect("a set"),
        policy: code("1"),
        categories: Set::new([code("decision")]).expect("a set"),
        standing: standing_version.try_into().expect("a count"),
        documents: 1_u32.into(),
        size: 9_u32.into(),
        commitments: ReleaseCommitments {
            documents: Hash::of(b"documents"),
            manifests: Hash::of(b"manifests"),
        },
    };
    let leaf = Entry::Release(entry).encode();
    AnswerRecord {
        inquiry: id(number),
        standing_version: Some(standing_version),
        leaf,
        aside: Some(b"salts".to_vec()),
    }
}

fn no_release(number: u8) -> AnswerRecord {
    let entry = NoRelease {
        at: at(1).try_into().expect("after 1970"),
        inquiry: id(number).to_string().parse().expect("a code"),
        hindrance: Hindrance::Failed,
        code: None,
    };
    AnswerRecord {
        inquiry: id(number),
        standing_version: None,
        leaf: Entry::NoRelease(entry).encode(),
        aside: None,
    }
}

fn is_damage<T>(answer: &Result<T, RecorderError>) -> bool {
    matches!(answer, Err(RecorderError::Damaged(_)))
}

/// A release or that there was none, and of both one.
pub async fn an_inquiry_has_one_end(house: &impl House) {
    let store = house.open(at(0)).await;
    assert_eq!(store.inquire(inquiry(1, 0)).await, Ok(Ok(0)));
    assert!(is_damage(&store.inquire(inquiry(1, 0)).await));
    assert_eq!(store.answer(release(1, 0)).await, Ok(Ok(1)));
    for again in [release(1, 0), no_release(1)] {
        assert!(is_damage(&store.answer(again).await));
    }
    assert_eq!(store.inquire(inquiry(2, 0)).await, Ok(Ok(2)));
    assert_eq!(store.answer(no_release(2)).await, Ok(Ok(3)));
    assert!(is_damage(&store.answer(release(2, 0)).await));
    let report = verifies(&store).await;
    let kinds = [Kind::Inquiry, Kind::Release, Kind::NoRelease].map(|kind| report.entries[&kind]);
    assert_eq!((kinds, report.open_inquiries), ([2, 1, 1], 0));
}

/// The ledger holds nothing that a verifier would refuse.
pub async fn an_entry_that_is_not_the_inquirys_is_refused(house: &impl House) {
    let store = house.open(at(0)).await;
    for stranger in [release(1, 0), no_release(1)] {
        assert!(is_damage(&store.answer(stranger).await));
    }
    let leaf = inquiry(2, 0).leaf;
    assert!(is_damage(&store.inquire(InquiryRecord { leaf, ..inquiry(1, 0) }).await));
    assert_eq!(store.inquire(inquiry(1, 0)).await, Ok(Ok(0)));
    let of_another = AnswerRecord { leaf: release(2, 0).leaf, ..release(1, 0) };
    // What is released is released under some standing.
    let unseen = AnswerRecord { standing_version: None, ..release(1, 0) };
    for wrong in [of_another, unseen, AnswerRecord { leaf: inquiry(1, 0).leaf, ..release(1, 0) }] {
        assert!(is_damage(&store.answer(wrong).await));
    }
    assert_eq!(verifies(&store).await.size, 1);
}

/// Between the policy's answer and the commit there is no gap, neither before the question nor before the release.
pub async fn nobody_is_asked_and_nothing_released_under_a_standing_that_has_changed(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample::new(1);
    let change = |id: &str| StandingChange {
        at: at(0),
        subject: sample.ledger_subject(),
        destination: sample.destination.parse().expect("a name"),
        matter: Matter::Restriction,
        change: Change::Given,
        id: id.parse().expect("a code"),
    };
    store.change_standing(change("r1")).await.expect("recorded");
    assert_eq!(store.inquire(inquiry(1, 0)).await, Ok(Err(StandingChanged)));
    assert_eq!(store.inquire(inquiry(1, 1)).await, Ok(Ok(1)));
    store.change_standing(change("r2")).await.expect("recorded");
    assert_eq!(store.answer(release(1, 1)).await, Ok(Err(StandingChanged)));
    // That nothing is released may always be said.
    assert_eq!(store.answer(no_release(1)).await, Ok(Ok(3)));
    verifies(&store).await;
}

/// The destination may have been asked, and the ledger says that nobody knows.
pub async fn an_inquiry_that_a_crash_broke_off_is_on_record_without_an_end(house: &impl House) {
    let store = house.open(at(0)).await;
    store.inquire(inquiry(1, 0)).await.expect("answered").expect("recorded");
    drop(store);
    let store = house.open(at(1)).await;
    let report = verifies(&store).await;
    assert_eq!((report.size, report.open_inquiries), (1, 1));
}
