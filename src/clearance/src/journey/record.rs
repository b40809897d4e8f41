//! Record first, then do: the disclosure entry and the outbox row are one durable commit.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::{Commitments, Disclosure, Entry, Hash, Profile, ValueError};
use zeroize::Zeroizing;

use super::envelope::{Envelope, Party, VERSION, code, codes, evidence};
use super::intake::{Outgoing, SubjectProof};
use super::parts::{Parts, digest_of_all, listed};
use super::recorder::{Acceptance, Content, IdempotencyScope, Recorded, Recorder, RecorderError};
use crate::clock::{Entropy, random};
use crate::keys::PseudonymKey;
use crate::person::Identifier;
use crate::seal::{self, Day, DoesNotOpen, EntryHash, KeyRing, SealError};
use crate::words::TransferId;

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
        mut self,
        recorder: &R,
        vault: &Vault,
        with: Particulars,
    ) -> Result<Recorded, RecordFailure> {
        let salts = Salts::fresh(vault)?;
        let entry = Entry::Disclosure(self.disclosure(vault, &salts, &with)?);
        let leaf = entry.encode();
        let day = Day::of(with.at);
        let daily_key = vault.ring.key_of(day, &*vault.entropy).map_err(SealError::from)?;
        let destination = self.destination().name().clone();
        let plaintext = self.envelope(&with).encode(&self.payload().bytes);
        let aside = self.aside(vault, &salts, with.transfer)?;
        let ordering = self.ordering(vault);
        let sealed = seal::seal(
            with.transfer,
            &destination,
            entry_hash(&leaf),
            &plaintext,
            self.parts_at_rest().map(Parts::at_rest).transpose()?,
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
            ordering,
            subject: vault.pseudonyms.pseudonym(&declaration.subject.identifier),
            leaf,
            aside,
            sealed,
            supersedes: declaration.supersedes,
            idempotency: with.idempotency,
            content: with.content,
            answer: with.answer,
        };
        self.commit(recorder, acceptance).await
    }

    /// While the commit is under way, or when nobody knows how it ended, a body on disk is left to the record: what no row
    /// names is swept at the next start.
    async fn commit<R: Recorder>(
        mut self,
        recorder: &R,
        acceptance: Acceptance,
    ) -> Result<Recorded, RecordFailure> {
        if let Some(parts) = self.parts_at_rest() {
            parts.entrust();
        }
        let committed = recorder.record(acceptance).await;
        match (&committed, self.parts_at_rest()) {
            (Ok(_) | Err(RecorderError::Latched), _) | (Err(_), None) => {}
            (Err(_), Some(parts)) => parts.take_back(),
        }
        Ok(committed?)
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
            size: self.length().try_into()?,
            commitments: Commitments {
                document: ledger::commit(&salts.document, &self.digest()),
                manifest: ledger::commit(&salts.manifest, &Hash::of(&manifest.to_bytes())),
                reason: ledger::commit(&salts.reason, &Hash::of(declaration.reason.expose().as_bytes())),
            },
        })
    }

    /// The digest of all that leaves.
    fn digest(&self) -> Hash {
        match self.parts() {
            [] => Hash::of(&self.payload().bytes),
            parts => Hash::from_bytes(digest_of_all(&self.payload().bytes, parts)),
        }
    }

    fn envelope(&self, with: &Particulars) -> Envelope {
        let declaration = self.declaration();
        let person = |identifier: &Identifier| Party {
            system: identifier.system.clone(),
            value: identifier.value.expose().to_owned(),
        };
        Envelope {
            version: VERSION,
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
            parts: listed(self.parts()),
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
        Ok(vault.lay_aside(Aside::Disclosure, transfer, text.as_bytes())?)
    }
}

impl Vault {
    /// Encrypts what lies beside the tree of one of a transfer's entries.
    ///
    /// # Errors
    /// When the source of randomness or the cipher has failed.
    pub fn lay_aside(&self, aside: Aside, transfer: TransferId, text: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random(&*self.entropy).map_err(|_| SealError::Cipher)?;
        seal::wrap(&self.ring.aside_key(), nonce, &aside.associated(transfer), text)
            .map_err(|_| SealError::Cipher)
    }

    /// Opens what [`lay_aside`](Self::lay_aside) made for the same kind of entry of the same transfer.
    ///
    /// # Errors
    /// When it was laid beside another entry, or was altered.
    pub fn take_up(
        &self,
        aside: Aside,
        transfer: TransferId,
        laid: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        seal::unwrap(&self.ring.aside_key(), &aside.associated(transfer), laid)
    }

    /// Commits to the destination's proof of a transfer: the commitment, and the encrypted salt to lay aside.
    ///
    /// # Errors
    /// When the source of randomness or the cipher has failed.
    pub fn commit_proof(&self, transfer: TransferId, proof: &[u8]) -> Result<(Hash, Vec<u8>), SealError> {
        let salt = random::<32>(&*self.entropy).map_err(|_| SealError::Cipher)?;
        Ok((ledger::commit(&salt, &Hash::of(proof)), self.lay_aside(Aside::Outcome, transfer, &salt)?))
    }
}

/// The entries of a transfer that have something lie beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// The disclosure: its salts, the reason and the professional's code.
    Disclosure,
    /// The final outcome, of which a transfer has one: the salt of the destination's proof.
    Outcome,
}

impl Aside {
    /// What the encryption binds, so that what lies beside one entry does not open beside another.
    fn associated(self, transfer: TransferId) -> Vec<u8> {
        let entry = match self {
            Self::Disclosure => "disclosure",
            Self::Outcome => "outcome",
        };
        [b"clearance aside v1", transfer.as_bytes().as_slice(), entry.as_bytes()].concat()
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
