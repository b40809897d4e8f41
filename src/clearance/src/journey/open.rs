//! From the record to the destination: one permit, one attempt, one send.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::envelope::{Envelope, Party, UnknownEnvelope};
use super::intake::Payload;
use super::parts::{ClearedPart, PartsToSend};
use super::record::entry_hash;
use super::recorder::{Begun, Recorder, RecorderError};
use crate::adapter::{IndexInquiry, Means, Setback, SubjectIndex};
use crate::basis::{Permit, Question};
use crate::keys::Pseudonym;
use crate::person::{Identifier, Private};
use crate::seal::{self, Bodies, KeyRing, KeyRingError, OpenParts, PartsCondition, Sealed};
use crate::words::{DestinationName, TransferId};

/// An attempt that is on record, with the disclosure entry as the ledger has it.
///
/// INVARIANT: only [`Attempt::begin`] makes one, from a commit through the writer that also records withdrawals.
#[derive(Debug)]
pub struct Attempt {
    transfer: TransferId,
    number: u32,
    perhaps_delivered: bool,
    subject: Pseudonym,
    leaf: Vec<u8>,
    sealed: Sealed,
    parts_done: BTreeSet<u32>,
}

/// Why an attempt did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeginRefusal {
    /// The subject's consents or restrictions have changed since the policy was asked.
    #[error("the subject's consents or restrictions have changed since the policy was asked")]
    StandingChanged,
    /// An operator has paused the destination.
    #[error("an operator has paused the destination")]
    Paused,
    /// It has ended, or somebody else has begun an attempt.
    #[error("the transfer has ended or another attempt is under way")]
    NotPending,
}

/// Why something sealed was not opened. Only [`Ring`](Self::Ring) says nothing about the transfer itself: no other one
/// of its day opens either until the ring is mended, and then this one does too.
#[derive(Debug, thiserror::Error)]
pub enum OpenRefusal {
    /// The permit is for another disclosure than the ledger entry.
    #[error("the permit is not for this disclosure")]
    PermitIsForAnother,
    /// The ledger entry cannot be read, or is about another person than the row.
    #[error("the record of it is damaged")]
    Damaged(#[source] RecorderError),
    /// The key of its day is not on the ring.
    #[error("the key of its day is not on the ring")]
    KeyGone,
    /// The row was edited, moved, copied or rolled back.
    #[error("the sealed body does not belong to this ledger entry")]
    DoesNotOpen,
    /// It was sealed by a later version.
    #[error("it opens, but its envelope is not one that this version reads")]
    UnknownEnvelope,
    /// The key of its day is there and could not be had.
    #[error("the key ring cannot be used")]
    Ring(#[source] KeyRingError),
}

/// An opened transfer whose subject may yet have to be proved.
#[derive(Debug)]
pub struct Opened {
    transfer: TransferId,
    number: u32,
    perhaps_delivered: bool,
    destination: DestinationName,
    envelope: Parties,
    pub(super) index_claim: Option<Private>,
    payload: Payload,
    pub(super) parts: Option<PartsToSend>,
    traceparent: Option<String>,
}

/// Why a document that names its subject by index id was not cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproven {
    /// The index knows the declared subject by another id, or not at all: it is withheld.
    AnotherSubject,
    /// No index is configured that could prove it.
    NoIndex,
    /// The index could not be asked.
    Setback(Setback),
}

/// A transfer that may be sent, once.
///
/// INVARIANT: it is on record, its body is the recorded one, a policy has permitted it since this attempt was decided,
/// and its subject is proved. It cannot be copied, and [`crate::adapter::Adapter::deliver`] takes it by value.
#[derive(Debug)]
pub struct Cleared {
    opened: Opened,
    index_id: Option<Private>,
}

#[derive(Debug)]
struct Parties {
    subject: Identifier,
    given: Private,
    family: Private,
    professional_code: Private,
    professional_personal_code: Private,
    role: String,
    recipient: Option<Identifier>,
    reason: Private,
    evidence: Vec<(String, Private)>,
}

impl Attempt {
    /// Begins an attempt under `permit`: on record before a byte is sent.
    ///
    /// # Errors
    /// When it may not begin, or the recorder has failed.
    pub async fn begin<R: Recorder>(
        recorder: &R,
        transfer: TransferId,
        permit: &Permit,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Result<Self, BeginRefusal>, RecorderError> {
        let version = permit.question().standing.version;
        let begun = recorder.begin(transfer, version, at, lease_until).await?;
        Ok(begun.map(|begun| Self::new(transfer, begun)))
    }

    fn new(transfer: TransferId, begun: Begun) -> Self {
        Self {
            transfer,
            number: begun.number,
            perhaps_delivered: begun.perhaps_delivered,
            subject: begun.subject,
            leaf: begun.leaf,
            sealed: begun.sealed,
            parts_done: begun.parts_done,
        }
    }

    /// Its number, from 1.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether an earlier attempt may have arrived. It outlives an attempt that does not open.
    pub const fn perhaps_delivered(&self) -> bool {
        self.perhaps_delivered
    }

    /// Whether the destination has confirmed a part of it.
    pub fn is_partly_done(&self) -> bool {
        !self.parts_done.is_empty()
    }

    /// Opens what was sealed, under a permit for exactly the disclosure that the ledger holds. Parts that lie in `bodies` are
    /// opened as they are read.
    ///
    /// # Errors
    /// When the row is not the one that was recorded, or its key cannot be had.
    pub fn open(
        self,
        permit: Permit,
        ring: &KeyRing,
        bodies: &Arc<dyn Bodies>,
    ) -> Result<Opened, OpenRefusal> {
        let recorded = Question::of_entry(&self.leaf, self.subject, permit.question().standing)
            .map_err(OpenRefusal::Damaged)?;
        if recorded != *permit.question() {
            return Err(OpenRefusal::PermitIsForAnother);
        }
        let sealed = &self.sealed;
        if sealed.transfer != self.transfer || sealed.destination != permit.question().destination {
            return Err(OpenRefusal::DoesNotOpen);
        }
        let key = ring.existing(sealed.day).map_err(OpenRefusal::Ring)?.ok_or(OpenRefusal::KeyGone)?;
        // The entry's hash is computed from the ledger's own row, never taken from the outbox.
        let (plaintext, data_key) =
            seal::open(sealed, entry_hash(&self.leaf), &key).map_err(|_| OpenRefusal::DoesNotOpen)?;
        let (mut envelope, payload) =
            Envelope::decode(&plaintext).map_err(|UnknownEnvelope| OpenRefusal::UnknownEnvelope)?;
        let listed = std::mem::take(&mut envelope.parts);
        let parts = match (listed.is_empty(), sealed.parts.clone()) {
            (true, None) => None,
            (false, Some(at_rest)) => {
                let open = OpenParts::new(self.transfer, data_key, at_rest, bodies);
                Some(PartsToSend::new(listed, open, &self.parts_done).ok_or(OpenRefusal::UnknownEnvelope)?)
            }
            (true, Some(_)) | (false, None) => return Err(OpenRefusal::DoesNotOpen),
        };
        Ok(Opened {
            transfer: self.transfer,
            number: self.number,
            perhaps_delivered: self.perhaps_delivered,
            destination: sealed.destination.clone(),
            payload: Payload {
                operation: envelope.operation.clone(),
                media_type: envelope.media_type.clone(),
                bytes: Bytes::copy_from_slice(payload),
            },
            parts,
            index_claim: envelope.index_claim.clone().map(Private::new),
            traceparent: envelope.traceparent.clone(),
            envelope: Parties::of(envelope),
        })
    }
}

impl Opened {
    /// Whether an earlier attempt may have arrived.
    pub const fn perhaps_delivered(&self) -> bool {
        self.perhaps_delivered
    }

    /// The W3C `traceparent` under which delivery goes on.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// Clears it, if its subject is proved: a document that names its subject by index id only is compared with the
    /// index's answer for the declared subject.
    ///
    /// # Errors
    /// When the subject is another one, or could not be proved.
    pub async fn prove(
        self,
        index: Option<&dyn SubjectIndex>,
        means: &Means<'_>,
    ) -> Result<Cleared, Unproven> {
        let Some(claim) = &self.index_claim else {
            return Ok(Cleared { opened: self, index_id: None });
        };
        let index = index.ok_or(Unproven::NoIndex)?;
        let inquiry = IndexInquiry {
            subject: &self.envelope.subject,
            professional: &self.envelope.professional_personal_code,
            role: &self.envelope.role,
            reason: self.envelope.reason.expose(),
            message: self.transfer.message("index"),
        };
        let known = index.index_id(inquiry, means).await.map_err(Unproven::Setback)?.map(Private::new);
        if known.as_ref() != Some(claim) {
            return Err(Unproven::AnotherSubject);
        }
        Ok(Cleared { opened: self, index_id: known })
    }
}

impl Cleared {
    /// The transfer.
    pub const fn transfer(&self) -> TransferId {
        self.opened.transfer
    }

    /// The number of this attempt, from 1.
    pub const fn attempt(&self) -> u32 {
        self.opened.number
    }

    /// Whether an earlier attempt may have arrived: then ask, or send so that a repeat has no effect.
    pub const fn perhaps_delivered(&self) -> bool {
        self.opened.perhaps_delivered
    }

    /// The destination.
    pub const fn destination(&self) -> &DestinationName {
        &self.opened.destination
    }

    /// What the adapter built, to send.
    pub const fn payload(&self) -> &Payload {
        &self.opened.payload
    }

    /// The documents that stream through, in the order of the request; none where the adapter built all there is.
    pub fn parts(&self) -> impl Iterator<Item = ClearedPart<'_>> {
        self.opened.parts.iter().flat_map(PartsToSend::iter)
    }

    /// Tells, also after this was sent, whether every part that was read was what had been sealed.
    pub fn parts_condition(&self) -> PartsCondition {
        self.opened.parts.as_ref().map(PartsToSend::condition).cloned().unwrap_or_default()
    }

    /// The subject's identifier.
    pub const fn subject(&self) -> &Identifier {
        &self.opened.envelope.subject
    }

    /// The subject's given and family names.
    pub const fn subject_names(&self) -> (&Private, &Private) {
        (&self.opened.envelope.given, &self.opened.envelope.family)
    }

    /// The subject's id in the patient index, where it has been proved.
    pub fn index_id(&self) -> Option<&str> {
        self.index_id.as_ref().map(Private::expose)
    }

    /// The professional's code, personal code and role.
    pub fn professional(&self) -> (&Private, &Private, &str) {
        let of = &self.opened.envelope;
        (&of.professional_code, &of.professional_personal_code, &of.role)
    }

    /// The recipient, where the destination stands for many.
    pub const fn recipient(&self) -> Option<&Identifier> {
        self.opened.envelope.recipient.as_ref()
    }

    /// Why, in words the subject may read.
    pub fn reason(&self) -> &str {
        self.opened.envelope.reason.expose()
    }

    /// The reference of the evidence of this kind.
    pub fn evidence(&self, kind: &str) -> Option<&Private> {
        let mut evidence = self.opened.envelope.evidence.iter();
        evidence.find(|(of, _)| of == kind).map(|(_, reference)| reference)
    }
}

impl Parties {
    fn of(envelope: Envelope) -> Self {
        let identifier = |party: Party| Identifier { system: party.system, value: Private::new(party.value) };
        Self {
            subject: identifier(envelope.subject),
            given: Private::new(envelope.given),
            family: Private::new(envelope.family),
            professional_code: Private::new(envelope.professional_code),
            professional_personal_code: Private::new(envelope.professional_personal_code),
            role: envelope.role,
            recipient: envelope.recipient.map(identifier),
            reason: Private::new(envelope.reason),
            evidence: envelope
                .evidence
                .into_iter()
                .map(|(kind, reference)| (kind, Private::new(reference)))
                .collect(),
        }
    }
}
