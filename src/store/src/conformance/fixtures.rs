//! Made-up transfers. Their bodies are not sealed by anybody: a store cannot tell.

use std::collections::BTreeSet;

use clearance::journey::{Acceptance, Content, Ending, IdempotencyScope};
use clearance::keys::Pseudonym;
use clearance::seal::{Day, Sealed, SealedParts};
use clearance::words::{State, TransferId};
use jiff::{SignedDuration, Timestamp};
use ledger::{Commitments, Disclosure, Entry, Evidence, Hash, Profile, Set, Source};

/// 2026-11-22T10:00:00Z, when all tests begin.
const START_SECOND: i64 = 1_795_341_600;

/// So many seconds after the beginning.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START_SECOND + seconds).expect("within range")
}

/// A transfer to be accepted. Those with different numbers have nothing in common unless told so.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Makes identity, subject, ordering, idempotency key and body.
    pub number: u64,
    /// Where it goes.
    pub destination: &'static str,
    /// The number of the sample whose ordering key it has.
    pub ordered_with: u64,
    /// The number of the sample whose subject it has.
    pub about: u64,
    /// What it replaces.
    pub supersedes: Option<TransferId>,
    /// When it is accepted.
    pub accepted_at: Timestamp,
    /// The size of its body.
    pub body_bytes: usize,
    /// Documents that stream through.
    pub parts: Option<SealedParts>,
}

impl Sample {
    /// The sample with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self {
            number,
            destination: "employer",
            ordered_with: number,
            about: number,
            supersedes: None,
            accepted_at: at(0),
            body_bytes: 600,
            parts: None,
        }
    }

    /// Its identity.
    #[must_use]
    pub fn transfer(&self) -> TransferId {
        let mut bytes = [0x71; 16];
        bytes[8..].copy_from_slice(&self.number.to_be_bytes());
        TransferId::from_bytes(bytes)
    }

    /// The subject's pseudonym.
    #[must_use]
    pub fn subject(&self) -> Pseudonym {
        Pseudonym(digest("subject", self.about))
    }

    /// The subject, as the ledger writes it.
    #[must_use]
    pub fn ledger_subject(&self) -> ledger::Pseudonym {
        pseudonym(self.subject().0)
    }

    /// Its idempotency key.
    #[must_use]
    pub fn idempotency(&self) -> IdempotencyScope {
        IdempotencyScope {
            client: "ehr".parse().expect("a name"),
            key: digest("idempotency key", self.number),
        }
    }

    /// What stands for its encrypted body: bytes that occur nowhere else.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let body = (0..).flat_map(|block| {
            Hash::of(format!("body {} {block}", self.number).as_bytes()).as_bytes().to_vec()
        });
        body.take(self.body_bytes).collect()
    }

    /// All that is committed when it is accepted.
    #[must_use]
    pub fn acceptance(&self) -> Acceptance {
        Acceptance {
            transfer: self.transfer(),
            accepted_at: self.accepted_at,
            not_after: self.accepted_at + SignedDuration::from_hours(72),
            client: "ehr".parse().expect("a name"),
            purpose: "health-check-decision".parse().expect("a name"),
            ordering: digest("ordering", self.ordered_with),
            subject: self.subject(),
            leaf: Entry::Disclosure(self.disclosure()).encode(),
            aside: digest("aside", self.number).to_vec(),
            sealed: self.sealed(),
            supersedes: self.supersedes,
            idempotency: self.idempotency(),
            content: Content(digest("content", self.number)),
            answer: format!("answer {}", self.number).into_bytes(),
        }
    }

    fn sealed(&self) -> Sealed {
        let body = self.body();
        Sealed {
            transfer: self.transfer(),
            destination: self.destination.parse().expect("a name"),
            day: Day::of(self.accepted_at),
            key: digest("data key", self.number).to_vec(),
            body_digest: *Hash::of(&body).as_bytes(),
            body,
            parts: self.parts.clone(),
        }
    }

    fn disclosure(&self) -> Disclosure {
        let code = |text: &str| text.parse().expect("a code");
        Disclosure {
            at: self.accepted_at.try_into().expect("after 1970"),
            transfer: code(&self.transfer().to_string()),
            client: code("ehr"),
            certificate: Hash::of(b"certificate"),
            destination: code(self.destination),
            onward: None,
            purpose: code("health-check-decision"),
            act: "TTOS".parse().expect("a text"),
            section: "13¹".parse().expect("a text"),
            gdpr6: code("6(1)(c)"),
            gdpr9: code("9(2)(b)"),
            rules: Set::new([code("employer.decision")]).expect("a set"),
            policy: code("1"),
            profile: Profile { name: code("employer"), version: code("1") },
            subject: self.ledger_subject(),
            professional: pseudonym(digest("professional", self.number)),
            recipient: None,
            evidence: Set::new([Evidence::new(code("order"), Source::Declared).expect("evidence")])
                .expect("a set"),
            categories: Set::new([code("decision")]).expect("a set"),
            standing: 0_u32.into(),
            size: 600_u32.into(),
            commitments: Commitments {
                document: Hash::of(b"document"),
                manifest: Hash::of(b"manifest"),
                reason: Hash::of(b"reason"),
            },
        }
    }
}

/// An ending of which there is nothing more to say.
#[must_use]
pub fn ending(transfer: TransferId, state: State, at: Timestamp) -> Ending {
    Ending {
        transfer,
        at,
        state,
        next_attempt_at: None,
        code: None,
        rule: None,
        faults: Vec::new(),
        reference: None,
        proof: None,
        parts_done: BTreeSet::new(),
    }
}

fn pseudonym(value: [u8; 32]) -> ledger::Pseudonym {
    ledger::Pseudonym { key: "k1".parse().expect("a code"), value: Hash::from_bytes(value) }
}

fn digest(what: &str, number: u64) -> [u8; 32] {
    *Hash::of(format!("{what} {number}").as_bytes()).as_bytes()
}
