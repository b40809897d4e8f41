//! Record first, then ask; record first, then release.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::{
    Code, Entry, Hash, InquiryCommitments, NoRelease, Profile, Release, ReleaseCommitments, ValueError,
};
use zeroize::Zeroizing;

use super::asking::{Asked, Asking, Inquiry, Pending, Terms};
use super::recorder::{AnswerRecord, InquiryRecord, InquiryRecorder, StandingChanged};
use super::release::{ReleasedDocument, Unreleased};
use crate::basis::{Permit, Policy, Question};
use crate::clock::random;
use crate::journey::envelope::{code, codes, evidence};
use crate::journey::{RecordFailure, Vault};
use crate::refusal::Refusal;
use crate::seal::{self, DoesNotOpen, SealError};
use crate::words::InquiryId;

/// Why a question was not asked.
#[derive(Debug, thiserror::Error)]
pub enum InquiryFailure {
    /// It is not lawful any more: the subject's consents or restrictions have changed meanwhile.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordFailure),
}

impl Asking {
    /// Records the question in one synced commit, after which it may be asked.
    ///
    /// # Errors
    /// When nothing was recorded: nobody must be asked.
    pub async fn record<R: InquiryRecorder>(
        mut self,
        recorder: &R,
        vault: &Vault,
        policy: &Policy,
        terms: Terms,
    ) -> Result<(Inquiry, Pending), InquiryFailure> {
        let index = loop {
            let record = self.to_record(vault, terms)?;
            let (subject, destination) = (record.subject, record.destination.clone());
            match recorder.inquire(record).await.map_err(RecordFailure::from)? {
                Ok(index) => break index,
                Err(StandingChanged) => {
                    let standing =
                        recorder.standing(subject, &destination).await.map_err(RecordFailure::from)?;
                    let question = Question { standing, ..self.permit.question().clone() };
                    self.permit = policy.decide(question).map_err(Refusal::denied)?;
                }
            }
        };
        let asked = Arc::new(Asked { asking: self, terms });
        Ok((Inquiry(Arc::clone(&asked)), Pending { asked, index }))
    }

    fn to_record(&self, vault: &Vault, terms: Terms) -> Result<InquiryRecord, RecordFailure> {
        let salts = Salts::fresh(vault)?;
        let declaration = self.declaration();
        Ok(InquiryRecord {
            inquiry: terms.inquiry,
            destination: self.submission.destination.name().clone(),
            subject: vault.pseudonyms.pseudonym(&declaration.subject.identifier),
            standing_version: self.permit.question().standing.version,
            leaf: Entry::Inquiry(self.entry(vault, &salts, terms)?).encode(),
            aside: vault.lay_aside_inquiry(Beside::Inquiry, terms.inquiry, &self.aside(&salts))?,
        })
    }

    fn entry(&self, vault: &Vault, salts: &Salts, terms: Terms) -> Result<ledger::Inquiry, ValueError> {
        let declaration = self.declaration();
        let question = self.permit.question();
        let basis = &declaration.legal_basis;
        let (profile, version) =
            self.purpose().map_or(("-", "-"), |purpose| (purpose.profile.name(), purpose.profile.version()));
        let recipient = declaration.recipient.as_ref().map(|organisation| organisation.value.expose());
        let reason = declaration.reason.expose().as_bytes();
        Ok(ledger::Inquiry {
            at: terms.at.try_into()?,
            inquiry: code(&terms.inquiry)?,
            client: code(&self.submission.client.id)?,
            certificate: Hash::from_bytes(self.submission.certificate),
            destination: code(self.submission.destination.name())?,
            purpose: code(&declaration.purpose)?,
            act: basis.act.parse()?,
            section: basis.section.parse()?,
            gdpr6: basis.gdpr6.parse()?,
            gdpr9: basis.gdpr9.parse()?,
            rules: codes(self.permit.rules())?,
            policy: self.permit.policy_version().parse()?,
            profile: Profile { name: profile.parse()?, version: version.parse()? },
            subject: vault.pseudonyms.for_ledger(&declaration.subject.identifier)?,
            professional: vault.pseudonyms.for_ledger(&declaration.professional.identifier())?,
            recipient: recipient.map(str::parse).transpose()?,
            evidence: evidence(question)?,
            categories: codes(&question.categories)?,
            standing: question.standing.version.try_into()?,
            commitments: InquiryCommitments {
                query: ledger::commit(&salts.0, &Hash::of(self.query.bytes())),
                reason: ledger::commit(&salts.1, &Hash::of(reason)),
            },
        })
    }

    fn aside(&self, salts: &Salts) -> Zeroizing<Vec<u8>> {
        let declaration = self.declaration();
        let text = serde_json::json!({
            "salt_query": hex::encode(salts.0),
            "salt_reason": hex::encode(salts.1),
            "query": String::from_utf8_lossy(self.query.bytes()),
            "reason": declaration.reason.expose(),
            "professional": declaration.professional.code.expose(),
        });
        Zeroizing::new(text.to_string().into_bytes())
    }
}

impl Pending {
    /// The record of a release under `permit`.
    pub(super) fn of_release(
        &self,
        vault: &Vault,
        permit: &Permit,
        documents: &[ReleasedDocument],
        at: Timestamp,
    ) -> Result<AnswerRecord, RecordFailure> {
        let inquiry = self.id();
        let salts = Salts::fresh(vault)?;
        let size: usize = documents.iter().map(|document| document.bytes().len()).sum();
        let digests = |of: &dyn Fn(&ReleasedDocument) -> Hash| {
            let digests: Vec<u8> = documents.iter().flat_map(|document| *of(document).as_bytes()).collect();
            Hash::of(&digests)
        };
        let release = Release {
            at: at.try_into()?,
            inquiry: code(&inquiry)?,
            rules: codes(permit.rules())?,
            policy: permit.policy_version().parse()?,
            categories: codes(&permit.question().categories)?,
            standing: permit.question().standing.version.try_into()?,
            documents: (documents.len() as u64).try_into()?,
            size: (size as u64).try_into()?,
            commitments: ReleaseCommitments {
                documents: ledger::commit(&salts.0, &digests(&|document| Hash::of(document.bytes()))),
                manifests: ledger::commit(
                    &salts.1,
                    &digests(&|document| Hash::of(&document.manifest().to_bytes())),
                ),
            },
        };
        let text = serde_json::json!({
            "salt_documents": hex::encode(salts.0),
            "salt_manifests": hex::encode(salts.1),
        });
        let text = Zeroizing::new(text.to_string());
        Ok(AnswerRecord {
            inquiry,
            standing_version: Some(permit.question().standing.version),
            leaf: Entry::Release(release).encode(),
            aside: Some(vault.lay_aside_inquiry(Beside::Release, inquiry, text.as_bytes())?),
        })
    }

    /// The record that nothing is released.
    pub(super) fn of_no_release(
        &self,
        unreleased: &Unreleased,
        at: Timestamp,
    ) -> Result<AnswerRecord, ValueError> {
        // A destination's own code may be none that the ledger can hold; the entry then says the hindrance alone.
        let ended = NoRelease {
            at: at.try_into()?,
            inquiry: code(&self.id())?,
            hindrance: unreleased.hindrance(),
            code: unreleased.code().and_then(|code| code.parse::<Code>().ok()),
        };
        let leaf = Entry::NoRelease(ended).encode();
        Ok(AnswerRecord { inquiry: self.id(), standing_version: None, leaf, aside: None })
    }
}

/// The entries of an inquiry that have something lie beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Its salts, the parameters, the reason and the professional's code.
    Inquiry,
    /// The salts of what was released.
    Release,
}

impl Beside {
    fn associated(self, inquiry: InquiryId) -> Vec<u8> {
        let entry: &[u8] = match self {
            Self::Inquiry => b"inquiry",
            Self::Release => b"release",
        };
        [b"clearance aside v1", inquiry.as_bytes().as_slice(), entry].concat()
    }
}

impl Vault {
    fn lay_aside_inquiry(
        &self,
        beside: Beside,
        inquiry: InquiryId,
        text: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let nonce = random(&*self.entropy).map_err(|_| SealError::Cipher)?;
        seal::wrap(&self.ring.aside_key(), nonce, &beside.associated(inquiry), text)
            .map_err(|_| SealError::Cipher)
    }

    /// Opens what was laid beside the entry of an inquiry: salts, parameters, reason and professional, as JSON.
    ///
    /// # Errors
    /// When it was laid beside another entry, or was altered.
    pub fn take_up_inquiry(
        &self,
        inquiry: InquiryId,
        laid: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        seal::unwrap(&self.ring.aside_key(), &Beside::Inquiry.associated(inquiry), laid)
    }

    /// The same for the entry of its release: the salts.
    ///
    /// # Errors
    /// When it was laid beside another entry, or was altered.
    pub fn take_up_release(
        &self,
        inquiry: InquiryId,
        laid: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        seal::unwrap(&self.ring.aside_key(), &Beside::Release.associated(inquiry), laid)
    }
}

/// The two salts of an entry's commitments.
struct Salts([u8; 32], [u8; 32]);

impl Salts {
    fn fresh(vault: &Vault) -> Result<Self, SealError> {
        let salt = || random(&*vault.entropy).map_err(|_| SealError::Cipher);
        Ok(Self(salt()?, salt()?))
    }
}
