//! Record first, then do: the disclosure entry and the outbox row are one durable commit.
//!
//! This module builds what is recorded and says what a [`Recorder`] must do with it; the crate `store` does it.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use ledger::{Code, Commitments, Disclosure, Entry, Evidence, Hash, Profile, Set, Source, ValueError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::intake::{Outgoing, SubjectProof};
use crate::basis::{Question, Standing};
use crate::client::Vouching;
use crate::clock::{Entropy, random};
use crate::declaration::LegalBasis;
use crate::keys::{Pseudonym, PseudonymKey};
use crate::person::Identifier;
use crate::seal::{self, Day, EntryHash, KeyRing, SealError, Sealed};
use crate::words::{ClientId, DestinationName, PurposeName, State, TransferId};

/// Keeps transfers and the ledger in one durable commit. A method's `Ok` means: synced.
pub trait Recorder: Send + Sync {
    /// Takes the lease on an idempotency key, or says what is known of it.
    fn reserve(
        &self,
        scope: &IdempotencyScope,
    ) -> impl Future<Output = Result<Reservation, RecorderError>> + Send;

    /// Gives the lease back: only accepted answers use a key up.
    fn release(&self, scope: &IdempotencyScope);

    /// Commits the disclosure entry, the outbox row and the answer. Frees the lease.
    fn record(&self, acceptance: Acceptance) -> impl Future<Output = Result<Recorded, RecorderError>> + Send;

    /// Appends an entry that belongs to no transfer: a refusal, an act of an operator.
    fn note(&self, entry: Entry) -> impl Future<Output = Result<u64, RecorderError>> + Send;

    /// The consents and restrictions of a person towards a destination.
    fn standing(
        &self,
        subject: Pseudonym,
        destination: &DestinationName,
    ) -> impl Future<Output = Result<Standing, RecorderError>> + Send;

    /// Up to `limit` transfers of a destination whose next attempt is due, oldest first, and of each ordering key only
    /// the first that has not ended.
    fn due(
        &self,
        destination: &DestinationName,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Due>, RecorderError>> + Send;

    /// Begins an attempt: commits it to the ledger, if the transfer has no final outcome and the subject's standing is
    /// still at `standing_version`. Nobody else begins one before `lease_until`.
    fn begin(
        &self,
        transfer: TransferId,
        standing_version: u64,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Result<Begun, super::BeginRefusal>, RecorderError>> + Send;

    /// Commits how an attempt, or the transfer, ended. A final state erases the body in the same commit.
    fn end(&self, ending: Ending) -> impl Future<Output = Result<(), RecorderError>> + Send;

    /// What a client may see of its transfer.
    fn transfer(
        &self,
        transfer: TransferId,
    ) -> impl Future<Output = Result<Option<TransferView>, RecorderError>> + Send;
}

/// Why nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecorderError {
    /// Rolled back for want of space; it recovers by itself when there is space again.
    #[error("no space left to record")]
    Full,
    /// An input/output error has latched the recorder: nothing is recorded until it has been restarted and verified.
    #[error("the recorder has failed and refuses until it is restarted and verified")]
    Latched,
    /// The transfer to be superseded has left, has ended, or is not this client's.
    #[error("the transfer to be superseded is not waiting any more")]
    SupersedesNotPossible,
    /// What is on disk is not what was written.
    #[error("the record is damaged: {0}")]
    Damaged(String),
}

/// An idempotency key, within the client that sent it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyScope {
    /// The client.
    pub client: ClientId,
    /// The keyed digest of the key.
    pub key: [u8; 32],
}

/// What is known of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// Nothing: the lease is taken.
    Fresh,
    /// A request with this key is being served.
    InProgress,
    /// A request with this key and this content was accepted, and was answered thus.
    Accepted {
        /// The keyed digest of its content.
        content: Content,
        /// The transfer.
        transfer: TransferId,
        /// The answer.
        answer: Vec<u8>,
    },
}

/// The keyed digest over the bytes of declaration and document parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content(pub [u8; 32]);

/// All that is committed when a transfer is accepted.
#[derive(Debug)]
pub struct Acceptance {
    /// The transfer.
    pub transfer: TransferId,
    /// When.
    pub accepted_at: Timestamp,
    /// After this it is not delivered any more.
    pub not_after: Timestamp,
    /// Who sent it.
    pub client: ClientId,
    /// For which purpose.
    pub purpose: PurposeName,
    /// Transfers with the same value keep their order.
    pub ordering: [u8; 32],
    /// The subject, for standing.
    pub subject: Pseudonym,
    /// The disclosure entry: the leaf of the ledger.
    pub leaf: Vec<u8>,
    /// Salts, reason and professional, encrypted: they lie beside the tree.
    pub aside: Vec<u8>,
    /// What will leave, sealed.
    pub sealed: Sealed,
    /// The undelivered transfer of the same client that this one replaces.
    pub supersedes: Option<TransferId>,
    /// The idempotency key.
    pub idempotency: IdempotencyScope,
    /// The content the key stands for.
    pub content: Content,
    /// The answer the client gets, now and when it repeats the request.
    pub answer: Vec<u8>,
}

/// A transfer is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The transfer.
    pub transfer: TransferId,
    /// The index of its disclosure entry.
    pub index: u64,
}

/// A transfer whose next attempt is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// The transfer.
    pub transfer: TransferId,
    /// Its disclosure entry, as the ledger has it.
    pub leaf: Vec<u8>,
    /// The subject's standing now.
    pub standing: Standing,
    /// Its state.
    pub state: State,
    /// The attempts begun so far.
    pub attempts: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// After this it is not delivered any more.
    pub not_after: Timestamp,
}

/// An attempt that has begun, in the recorder's words.
#[derive(Debug)]
pub struct Begun {
    /// The number of the attempt, from 1.
    pub number: u32,
    /// Whether an earlier attempt ended without a readable answer.
    pub perhaps_delivered: bool,
    /// The disclosure entry, read from the ledger in the same commit.
    pub leaf: Vec<u8>,
    /// What was sealed.
    pub sealed: Sealed,
}

/// How an attempt, or the transfer, ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The transfer.
    pub transfer: TransferId,
    /// When.
    pub at: Timestamp,
    /// The state it is in now.
    pub state: State,
    /// When to try again, unless the state is final.
    pub next_attempt_at: Option<Timestamp>,
    /// A code that says why, for whoever asks.
    pub code: Option<String>,
    /// The rule that withheld it.
    pub rule: Option<String>,
    /// What the destination calls it.
    pub reference: Option<String>,
    /// A commitment to the destination's proof, and the encrypted salt.
    pub proof: Option<(Hash, Vec<u8>)>,
}

/// What a client may see of its transfer.
#[derive(Debug, Clone)]
pub struct TransferView {
    /// The transfer.
    pub transfer: TransferId,
    /// Whose it is.
    pub client: ClientId,
    /// Where it goes.
    pub destination: DestinationName,
    /// For which purpose.
    pub purpose: PurposeName,
    /// Its state.
    pub state: State,
    /// The attempts begun so far.
    pub attempts: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it reached its state.
    pub state_since: Timestamp,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// After this it is not delivered any more.
    pub not_after: Timestamp,
    /// Why the last attempt did not deliver it.
    pub code: Option<String>,
    /// What the destination calls it.
    pub reference: Option<String>,
    /// The index of its disclosure entry.
    pub index: u64,
}

/// The keys that recording takes.
#[derive(Debug)]
pub struct Vault {
    /// Makes pseudonyms and keyed digests.
    pub pseudonyms: PseudonymKey,
    /// Seals.
    pub ring: KeyRing,
    /// Salts, data keys, identities.
    pub entropy: Arc<dyn Entropy>,
}

/// Why a transfer could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordFailure {
    /// It could not be sealed.
    #[error("it could not be sealed")]
    Seal(#[from] SealError),
    /// It could not be committed.
    #[error("it could not be committed")]
    Recorder(#[from] RecorderError),
    /// Something of it is not a value that the ledger can hold.
    #[error("the ledger cannot hold it")]
    Value(#[from] ValueError),
}

/// What accompanies a transfer into the record.
#[derive(Debug)]
pub struct Particulars {
    /// The transfer.
    pub transfer: TransferId,
    /// When.
    pub at: Timestamp,
    /// After this it is not delivered any more.
    pub not_after: Timestamp,
    /// The idempotency key.
    pub idempotency: IdempotencyScope,
    /// The content the key stands for.
    pub content: Content,
    /// The answer the client gets.
    pub answer: Vec<u8>,
    /// The W3C `traceparent` under which delivery goes on.
    pub traceparent: Option<String>,
}

impl Outgoing {
    /// Records the disclosure and hands the transfer to delivery, in one synced commit.
    ///
    /// # Errors
    /// When nothing was recorded: the client must not get a 2xx.
    pub async fn record<R: Recorder>(
        self,
        recorder: &R,
        vault: &Vault,
        with: Particulars,
    ) -> Result<Recorded, RecordFailure> {
        let salts = Salts::fresh(vault)?;
        let entry = Entry::Disclosure(self.disclosure(vault, &salts, &with)?);
        let leaf = entry.encode();
        let day = Day::of(with.at);
        let daily_key = vault.ring.key_of(day, &*vault.entropy).map_err(SealError::from)?;
        let sealed = seal::seal(
            with.transfer,
            self.destination().name(),
            entry_hash(&leaf),
            &self.envelope(&with).encode(&self.payload().bytes),
            (day, &daily_key),
            &*vault.entropy,
        )?;
        let declaration = self.declaration();
        let acceptance = Acceptance {
            transfer: with.transfer,
            accepted_at: with.at,
            not_after: with.not_after,
            client: self.client().id.clone(),
            purpose: declaration.purpose.clone(),
            ordering: self.ordering(vault),
            subject: vault.pseudonyms.pseudonym(&declaration.subject.identifier),
            leaf,
            aside: self.aside(vault, &salts, with.transfer)?,
            sealed,
            supersedes: declaration.supersedes,
            idempotency: with.idempotency,
            content: with.content,
            answer: with.answer,
        };
        Ok(recorder.record(acceptance).await?)
    }
}

impl Outgoing {
    fn disclosure(&self, vault: &Vault, salts: &Salts, with: &Particulars) -> Result<Disclosure, ValueError> {
        let declaration = self.declaration();
        let question = self.permit().question();
        let basis = &declaration.legal_basis;
        let manifest = self.manifest();
        let purpose = self.destination().purposes().get(&declaration.purpose);
        let onward = purpose.and_then(|purpose| purpose.description.onward_recipient);
        let recipient = declaration.recipient.as_ref().map(|organisation| organisation.value.expose());
        Ok(Disclosure {
            at: with.at.try_into()?,
            transfer: code(&with.transfer)?,
            client: code(&self.client().id)?,
            certificate: Hash::from_bytes(self.certificate()),
            destination: code(self.destination().name())?,
            onward: onward.map(str::parse).transpose()?,
            purpose: code(&declaration.purpose)?,
            act: basis.act.parse()?,
            section: basis.section.parse()?,
            gdpr6: basis.gdpr6.parse()?,
            gdpr9: basis.gdpr9.parse()?,
            rules: codes(self.permit().rules())?,
            policy: self.permit().policy_version().parse()?,
            profile: Profile { name: manifest.profile().parse()?, version: manifest.version().parse()? },
            subject: vault.pseudonyms.for_ledger(&declaration.subject.identifier)?,
            professional: vault.pseudonyms.for_ledger(&declaration.professional.identifier())?,
            recipient: recipient.map(str::parse).transpose()?,
            evidence: evidence(question)?,
            categories: codes(&question.categories)?,
            standing: question.standing.version.try_into()?,
            size: (self.payload().bytes.len() as u64).try_into()?,
            commitments: Commitments {
                document: ledger::commit(&salts.document, &Hash::of(&self.payload().bytes)),
                manifest: ledger::commit(&salts.manifest, &Hash::of(&manifest.to_bytes())),
                reason: ledger::commit(&salts.reason, &Hash::of(declaration.reason.expose().as_bytes())),
            },
        })
    }

    fn envelope(&self, with: &Particulars) -> Envelope {
        let declaration = self.declaration();
        let person = |identifier: &Identifier| Party {
            system: identifier.system.clone(),
            value: identifier.value.expose().to_owned(),
        };
        Envelope {
            subject: person(&declaration.subject.identifier),
            given: declaration.subject.given.expose().to_owned(),
            family: declaration.subject.family.expose().to_owned(),
            professional_code: declaration.professional.code.expose().to_owned(),
            professional_personal_code: declaration.professional.personal_code.expose().to_owned(),
            role: declaration.professional.role.clone(),
            recipient: declaration.recipient.as_ref().map(person),
            reason: declaration.reason.expose().to_owned(),
            evidence: declaration
                .evidence
                .iter()
                .map(|item| (item.kind.code().to_owned(), item.reference.expose().to_owned()))
                .collect(),
            index_claim: match self.subject() {
                SubjectProof::ByIdentifier | SubjectProof::AtDestination => None,
                SubjectProof::ByIndex(id) => Some(id.expose().to_owned()),
            },
            operation: self.payload().operation.clone(),
            media_type: self.payload().media_type.clone(),
            traceparent: with.traceparent.clone(),
        }
    }

    /// One subject's transfers to one destination keep their order, unless the client names another key.
    fn ordering(&self, vault: &Vault) -> [u8; 32] {
        let declaration = self.declaration();
        match &declaration.ordering_key {
            Some(key) => {
                let client = self.client().id.as_str().as_bytes();
                vault.pseudonyms.digest("ordering key", &[client, key.expose().as_bytes()])
            }
            None => vault.pseudonyms.pseudonym(&declaration.subject.identifier).0,
        }
    }

    fn aside(&self, vault: &Vault, salts: &Salts, transfer: TransferId) -> Result<Vec<u8>, RecordFailure> {
        let declaration = self.declaration();
        let text = Zeroizing::new(
            serde_json::json!({
                "salt_document": hex::encode(salts.document),
                "salt_manifest": hex::encode(salts.manifest),
                "salt_reason": hex::encode(salts.reason),
                "reason": declaration.reason.expose(),
                "professional": declaration.professional.code.expose(),
            })
            .to_string(),
        );
        Ok(vault.lay_aside(transfer, text.as_bytes())?)
    }
}

impl Vault {
    /// Encrypts what lies beside the tree of a transfer's entries.
    ///
    /// # Errors
    /// When the source of randomness or the cipher has failed.
    pub fn lay_aside(&self, transfer: TransferId, text: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random(&*self.entropy).map_err(|_| SealError::Cipher)?;
        seal::wrap(&self.ring.aside_key(), nonce, transfer.as_bytes(), text).map_err(|_| SealError::Cipher)
    }

    /// Commits to the destination's proof of a transfer: the commitment, and the encrypted salt to lay aside.
    ///
    /// # Errors
    /// When the source of randomness or the cipher has failed.
    pub fn commit_proof(&self, transfer: TransferId, proof: &[u8]) -> Result<(Hash, Vec<u8>), SealError> {
        let salt = random::<32>(&*self.entropy).map_err(|_| SealError::Cipher)?;
        Ok((ledger::commit(&salt, &Hash::of(proof)), self.lay_aside(transfer, &salt)?))
    }
}

/// The salts of a disclosure's commitments.
struct Salts {
    document: [u8; 32],
    manifest: [u8; 32],
    reason: [u8; 32],
}

impl Salts {
    fn fresh(vault: &Vault) -> Result<Self, SealError> {
        let salt = || random(&*vault.entropy).map_err(|_| SealError::Cipher);
        Ok(Self { document: salt()?, manifest: salt()?, reason: salt()? })
    }
}

/// The hash of a ledger entry as the tree has it: RFC 6962, section 2.1.
pub(super) fn entry_hash(leaf: &[u8]) -> EntryHash {
    EntryHash(*ledger::tree::leaf_hash(leaf).as_bytes())
}

/// What delivery needs beside the payload; sealed with it, because it names persons.
#[derive(Serialize, Deserialize)]
pub(super) struct Envelope {
    pub(super) subject: Party,
    pub(super) given: String,
    pub(super) family: String,
    pub(super) professional_code: String,
    pub(super) professional_personal_code: String,
    pub(super) role: String,
    pub(super) recipient: Option<Party>,
    pub(super) reason: String,
    pub(super) evidence: Vec<(String, String)>,
    pub(super) index_claim: Option<String>,
    pub(super) operation: String,
    pub(super) media_type: String,
    pub(super) traceparent: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Party {
    pub(super) system: String,
    pub(super) value: String,
}

impl Envelope {
    /// The length of the envelope in four bytes, the envelope, the payload.
    fn encode(&self, payload: &[u8]) -> Zeroizing<Vec<u8>> {
        let envelope = Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        let length = u32::try_from(envelope.len()).unwrap_or(u32::MAX);
        let mut plaintext = Zeroizing::new(Vec::with_capacity(4 + envelope.len() + payload.len()));
        plaintext.extend_from_slice(&length.to_be_bytes());
        plaintext.extend_from_slice(&envelope);
        plaintext.extend_from_slice(payload);
        plaintext
    }

    pub(super) fn decode(plaintext: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = plaintext.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (envelope, payload) = rest.split_at_checked(length)?;
        Some((serde_json::from_slice(envelope).ok()?, payload))
    }
}

fn code(name: &impl ToString) -> Result<Code, ValueError> {
    name.to_string().parse()
}

fn codes<'a, T: ToString + 'a>(names: impl IntoIterator<Item = &'a T>) -> Result<Set<Code>, ValueError> {
    Set::new(names.into_iter().map(code).collect::<Result<Vec<_>, _>>()?)
}

/// How the clinic vouches for the professional stands in the ledger among the evidence, as `listed:vouched`.
fn evidence(question: &Question) -> Result<Set<Evidence>, ValueError> {
    let vouching = Evidence::new(question.professional.code().parse()?, Source::Vouched)?;
    let declared = question.evidence.iter().map(|item| item.parse()).collect::<Result<Vec<_>, _>>()?;
    Set::new(declared.into_iter().chain([vouching]))
}

impl Question {
    /// The question that a disclosure entry answers, asked anew with the subject's standing of now.
    ///
    /// # Errors
    /// When the entry is not a disclosure in today's words.
    pub fn of_entry(leaf: &[u8], standing: Standing) -> Result<Self, RecorderError> {
        let damaged = || RecorderError::Damaged("a disclosure entry cannot be read".into());
        let Ok(Entry::Disclosure(entry)) = Entry::decode(leaf) else {
            return Err(damaged());
        };
        let (vouching, evidence): (Vec<_>, Vec<_>) =
            entry.evidence.iter().partition(|item| item.source() == Source::Vouched);
        let vouching = vouching.first().and_then(|item| Vouching::from_code(item.kind().as_str()));
        Ok(Self {
            client: entry.client.as_str().parse().map_err(|_| damaged())?,
            destination: entry.destination.as_str().parse().map_err(|_| damaged())?,
            purpose: entry.purpose.as_str().parse().map_err(|_| damaged())?,
            legal_basis: LegalBasis {
                gdpr6: entry.gdpr6.to_string(),
                gdpr9: entry.gdpr9.to_string(),
                act: entry.act.to_string(),
                section: entry.section.to_string(),
            },
            categories: entry.categories.iter().filter_map(|name| name.as_str().parse().ok()).collect(),
            evidence: evidence.into_iter().map(ToString::to_string).collect(),
            professional: vouching.ok_or_else(damaged)?,
            standing,
        })
    }
}
