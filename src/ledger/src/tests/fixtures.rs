//! A small clinic's ledger.

use std::fmt::Debug;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::tree::{Frontier, leaf_hash};
use crate::verify::Record;
use crate::{
    Administration, Attempt, Change, Commitments, Count, Disclosure, Entry, Evidence, Hash, Hindrance,
    Inquiry, InquiryCommitments, Matter, NoRelease, Outcome, Profile, Pseudonym, Refusal, Release,
    ReleaseCommitments, Set, SignedCheckpoint, SigningKey, Source, Standing, State, commit,
};

/// Reads any value that is text.
pub(super) fn v<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(super) fn signing_key() -> SigningKey {
    let seed = std::array::from_fn(|i| i as u8);
    SigningKey::from_seed(v("clinic.example/ledger"), Zeroizing::new(seed)).unwrap()
}

/// A key of the same log, after a rotation.
pub(super) fn other_key() -> SigningKey {
    SigningKey::from_seed(v("clinic.example/ledger"), Zeroizing::new([7; 32])).unwrap()
}

pub(super) fn pseudonym(person: &str) -> Pseudonym {
    Pseudonym::derive(v("pseudonym-2026"), &[9; 32], "https://fhir.ee/sid/pid/est/ni", person)
}

fn commitment(salt: u8, content: &[u8]) -> Hash {
    commit(&[salt; 32], &Hash::of(content))
}

pub(super) fn disclosure(transfer: &str) -> Disclosure {
    Disclosure {
        at: v("2026-01-31T09:30:00.000Z"),
        transfer: v(transfer),
        client: v("ehr"),
        certificate: Hash::of(b"certificate"),
        destination: v("employer"),
        onward: None,
        purpose: v("health-check-decision"),
        act: v("TTOS"),
        section: v("13¹"),
        gdpr6: v("6(1)(c)"),
        gdpr9: v("9(2)(b)"),
        rules: Set::new([v("employer.decision")]).unwrap(),
        policy: v("2026-01-15"),
        profile: Profile { name: v("employer.decision"), version: v("3") },
        subject: pseudonym("38001085718"),
        professional: pseudonym("47101010033"),
        recipient: Some(v("10000018")),
        evidence: Set::new([Evidence::new(v("order"), Source::Document).unwrap()]).unwrap(),
        categories: Set::new([v("identity"), v("decision")]).unwrap(),
        standing: Count::from(0),
        size: Count::from(412),
        commitments: Commitments {
            document: commitment(1, b"document"),
            manifest: commitment(2, b"manifest"),
            reason: commitment(3, b""),
        },
    }
}

pub(super) fn attempt(transfer: &str, number: u32) -> Attempt {
    Attempt { at: v("2026-01-31T09:30:00.120Z"), transfer: v(transfer), number: number.into() }
}

pub(super) fn outcome(transfer: &str, state: State) -> Outcome {
    Outcome {
        at: v("2026-01-31T09:30:01.007Z"),
        transfer: v(transfer),
        state,
        attempts: Count::from(1),
        acknowledgement: Some(commitment(4, b"acknowledgement")),
        rule: None,
    }
}

pub(super) fn inquiry(inquiry: &str) -> Inquiry {
    Inquiry {
        at: v("2026-01-31T09:34:00.000Z"),
        inquiry: v(inquiry),
        client: v("ehr"),
        certificate: Hash::of(b"certificate"),
        destination: v("transport-administration"),
        purpose: v("driver-certificate-status"),
        act: v("LS"),
        section: v("101"),
        gdpr6: v("6(1)(c)"),
        gdpr9: v("9(2)(g)"),
        rules: Set::new([v("driver-certificate-status")]).unwrap(),
        policy: v("2026-01-15"),
        profile: Profile { name: v("driver-certificate-status"), version: v("1") },
        subject: pseudonym("38001085718"),
        professional: pseudonym("47101010033"),
        recipient: None,
        evidence: Set::new([Evidence::new(v("listed"), Source::Vouched).unwrap()]).unwrap(),
        categories: Set::new([v("decision")]).unwrap(),
        standing: Count::from(0),
        commitments: InquiryCommitments { query: commitment(5, b"{}"), reason: commitment(6, b"reason") },
    }
}

pub(super) fn release(inquiry: &str) -> Release {
    Release {
        at: v("2026-01-31T09:34:01.000Z"),
        inquiry: v(inquiry),
        rules: Set::new([v("driver-certificate-status")]).unwrap(),
        policy: v("2026-01-15"),
        categories: Set::new([v("decision")]).unwrap(),
        standing: Count::from(0),
        documents: Count::from(1),
        size: Count::from(412),
        commitments: ReleaseCommitments {
            documents: commitment(7, b"documents"),
            manifests: commitment(8, b"manifests"),
        },
    }
}

pub(super) fn no_release(inquiry: &str) -> NoRelease {
    NoRelease {
        at: v("2026-01-31T09:34:02.000Z"),
        inquiry: v(inquiry),
        hindrance: Hindrance::Withheld,
        code: Some(v("wrong-patient")),
    }
}

pub(super) fn refusal() -> Refusal {
    Refusal {
        at: v("2026-01-31T09:31:00.000Z"),
        client: v("ehr"),
        destination: Some(v("employer")),
        purpose: None,
        rule: v("purpose-unknown"),
        stage: v("declaration"),
        faults: Count::from(2),
        request: v("7f3c"),
    }
}

pub(super) fn standing(person: &str, version: u32) -> Standing {
    Standing {
        at: v("2026-01-31T09:32:00.000Z"),
        matter: Matter::Consent,
        change: Change::Withdrawn,
        id: v("consent-17"),
        subject: pseudonym(person),
        version: version.into(),
    }
}

pub(super) fn administration() -> Administration {
    Administration {
        at: v("2026-01-31T09:33:00.000Z"),
        who: v("ops-1"),
        action: v("outbox.pause"),
        object: v("sihtkoht \"tööandja\" \\ employer"),
    }
}

/// The ledger of the worked example.
pub(super) fn example() -> Vec<Vec<u8>> {
    leaves([disclosure("t-1").into(), attempt("t-1", 1).into(), outcome("t-1", State::Delivered).into()])
}

/// A ledger with entries of all kinds, and of several transfers and inquiries.
pub(super) fn busy() -> Vec<Vec<u8>> {
    leaves([
        administration().into(),
        standing("38001085718", 1).into(),
        disclosure("t-1").into(),
        disclosure("t-2").into(),
        attempt("t-1", 1).into(),
        refusal().into(),
        outcome("t-1", State::Unknown).into(),
        attempt("t-1", 2).into(),
        outcome("t-1", State::Delivered).into(),
        standing("38001085718", 2).into(),
        outcome("t-2", State::Withheld).into(),
        inquiry("i-1").into(),
        inquiry("i-2").into(),
        release("i-1").into(),
        no_release("i-2").into(),
    ])
}

pub(super) fn leaves(entries: impl IntoIterator<Item = Entry>) -> Vec<Vec<u8>> {
    entries.into_iter().map(|entry| entry.encode()).collect()
}

pub(super) fn frontier(leaves: &[Vec<u8>]) -> Frontier {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.append(leaf_hash(leaf)));
    frontier
}

/// The checkpoint of the first `size` leaves.
pub(super) fn checkpoint(leaves: &[Vec<u8>], size: usize) -> SignedCheckpoint {
    signing_key().sign(size as u64, frontier(&leaves[..size]).root()).unwrap()
}

/// The records of a ledger that keeps each leaf's hash beside it.
pub(super) fn records(leaves: &[Vec<u8>]) -> Vec<Record<'_>> {
    let hashed = |(index, leaf)| Record { index, leaf, hash: Some(leaf_hash(leaf)) };
    (0..).zip(leaves.iter().map(Vec::as_slice)).map(hashed).collect()
}
