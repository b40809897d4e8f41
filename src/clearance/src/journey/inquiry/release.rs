//! From an answer to what of it is released, or why nothing is.

use std::collections::BTreeSet;
use std::fmt;

use ledger::Hindrance;

use super::asking::Pending;
use super::recorder::{InquiryRecorder, StandingChanged};
use crate::adapter::{Answer, DestinationRefusal, IndexInquiry, Means, Reading, Setback, SubjectIndex};
use crate::basis::{Permit, Policy, Question};
use crate::fault::Fault;
use crate::journey::intake::{categories, declared, media_type_is_known};
use crate::journey::{Document, RecordFailure, Vault};
use crate::minimise::{self, Limits, Manifest, SubjectProof};
use crate::person::Private;
use crate::refusal::{Refusal, Stage};
use crate::words::{Category, InquiryId};

/// With what an inquiry is concluded.
#[derive(Debug)]
pub struct Closing<'a, R> {
    /// Where it is recorded.
    pub recorder: &'a R,
    /// The keys that recording takes.
    pub vault: &'a Vault,
    /// Asked again, about what was found.
    pub policy: &'a Policy,
    /// Proves a subject that the answer names by index id only.
    pub index: Option<&'a dyn SubjectIndex>,
    /// How the index is reached, and the time.
    pub means: &'a Means<'a>,
}

/// What of an answer may go to the client.
///
/// INVARIANT: every document is about the declared subject and minimised, a policy has permitted what was found, and the
/// release is on record. Only [`Pending::conclude`] makes one, and it cannot be copied.
#[derive(Debug)]
pub struct Released {
    inquiry: InquiryId,
    inquiry_index: u64,
    index: u64,
    permit: Permit,
    documents: Vec<ReleasedDocument>,
}

/// One document of a release. Its `Debug` shows no content.
pub struct ReleasedDocument {
    document: Document,
    manifest: Manifest,
}

/// Why nothing was released. It is on record, and whatever the destination has answered is gone.
#[derive(Debug)]
pub enum Unreleased {
    /// The destination has said no.
    Refused(DestinationRefusal),
    /// The destination has nothing.
    NotFound,
    /// The destination could not be asked, or did not answer.
    Failed(Setback),
    /// The answer could not be read: for this code.
    Unreadable(String),
    /// A guard, the profile or the policy says no.
    Withheld(Refusal),
}

impl fmt::Debug for ReleasedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReleasedDocument({} bytes)", self.document.bytes.len())
    }
}

/// What is left of an answer, before the policy has seen it.
struct Minimised {
    documents: Vec<ReleasedDocument>,
    categories: BTreeSet<Category>,
    /// The index ids by which documents name their subject.
    claims: BTreeSet<String>,
}

impl Pending {
    /// Judges the answer and records the release, or that there is none and why, before anybody sees it.
    ///
    /// # Errors
    /// When the end could not be recorded: nothing is released.
    pub async fn conclude<R: InquiryRecorder>(
        self,
        reading: Reading,
        with: Closing<'_, R>,
    ) -> Result<Result<Released, Unreleased>, RecordFailure> {
        let unreleased = match self.judge(reading, &with).await {
            Ok(minimised) => match self.release(minimised, &with).await? {
                Ok(released) => return Ok(Ok(released)),
                Err(refusal) => Unreleased::Withheld(refusal),
            },
            Err(unreleased) => unreleased,
        };
        let record = self.of_no_release(&unreleased, with.means.clock.now())?;
        // It depends on no standing, so that no change of one is in its way.
        let _: Result<u64, StandingChanged> = with.recorder.answer(record).await?;
        Ok(Err(unreleased))
    }

    async fn judge<R>(&self, reading: Reading, with: &Closing<'_, R>) -> Result<Minimised, Unreleased> {
        let answer = match reading {
            Reading::Answered(answer) if answer.documents.is_empty() => return Err(Unreleased::NotFound),
            Reading::Answered(answer) => answer,
            Reading::Refused(refusal) => return Err(Unreleased::Refused(refusal)),
            Reading::NotFound => return Err(Unreleased::NotFound),
            Reading::Failed(setback) => return Err(Unreleased::Failed(setback)),
            Reading::Unreadable(code) => return Err(Unreleased::Unreadable(code.to_owned())),
        };
        let minimised = self.minimise(&answer)?;
        self.prove(&minimised.claims, with).await?;
        Ok(minimised)
    }

    /// Keeps of each document what the profile names, and checks the guards. One document that may not be released keeps
    /// back all of them: the client would take what is left for the whole.
    fn minimise(&self, answer: &Answer) -> Result<Minimised, Unreleased> {
        let asking = &self.asked.asking;
        let purpose = asking.purpose().map_err(Unreleased::Withheld)?;
        let bytes_max = self.asked.terms.answer_bytes_max;
        if answer.documents.iter().map(|document| document.bytes.len()).sum::<usize>() > bytes_max {
            return Err(Unreleased::Unreadable("answer-too-large".to_owned()));
        }
        let limits = Limits { document_bytes_max: bytes_max, ..Limits::default() };
        let declared = declared(&asking.submission, limits);
        let mut minimised =
            Minimised { documents: Vec::new(), categories: BTreeSet::new(), claims: BTreeSet::new() };
        let mut faults = Vec::new();
        for (number, document) in answer.documents.iter().enumerate() {
            media_type_is_known(purpose, &document.media_type)
                .map_err(|refusal| Unreleased::Unreadable(refusal.rule))?;
            match minimise::project(&purpose.profile, &declared, &document.bytes) {
                Ok(projection) => {
                    match projection.subject {
                        SubjectProof::ByIdentifier => {}
                        SubjectProof::ByIndex(id) => {
                            minimised.claims.insert(id.expose().to_owned());
                        }
                        SubjectProof::AtDestination => faults.push(nobody_named(number)),
                    }
                    minimised.categories.extend(categories(projection.manifest.categories()));
                    minimised.documents.push(ReleasedDocument {
                        document: Document {
                            media_type: document.media_type.clone(),
                            bytes: projection.document.into(),
                        },
                        manifest: projection.manifest,
                    });
                }
                Err(found) => faults.extend(found.into_iter().map(|fault| of_document(number, fault))),
            }
        }
        if faults.is_empty() { Ok(minimised) } else { Err(not_releasable(faults)) }
    }

    /// Holds what the documents call their subject against the index's answer for the declared one.
    async fn prove<R>(&self, claims: &BTreeSet<String>, with: &Closing<'_, R>) -> Result<(), Unreleased> {
        if claims.is_empty() {
            return Ok(());
        }
        let withheld = |rule: &'static str, detail: &str, remedy: &str| {
            let fault = Fault::new(rule, "", detail, remedy);
            Unreleased::Withheld(Refusal::for_faults(Stage::Document, detail, vec![fault]))
        };
        let Some(index) = with.index else {
            let detail =
                "the answer names its subject by index id, and no index is configured that could prove it";
            return Err(withheld("subject-unprovable", detail, "have a patient index configured"));
        };
        let declaration = self.asked.asking.declaration();
        let inquiry = IndexInquiry {
            subject: &declaration.subject.identifier,
            professional: &declaration.professional.personal_code,
            role: &declaration.professional.role,
            reason: declaration.reason.expose(),
            message: self.id().message("proof"),
        };
        let known = index.index_id(inquiry, with.means).await.map_err(Unreleased::Failed)?.map(Private::new);
        let proved =
            known.is_some_and(|known| claims.iter().all(|claim| Private::new(claim.clone()) == known));
        if proved {
            return Ok(());
        }
        let detail = "the answer is about another person than the declared subject";
        Err(withheld(
            "wrong-patient",
            detail,
            "tell the destination: it has answered with another person's data",
        ))
    }

    /// Has the policy permit what was found, under the standing of the very commit that records it.
    async fn release<R: InquiryRecorder>(
        &self,
        minimised: Minimised,
        with: &Closing<'_, R>,
    ) -> Result<Result<Released, Refusal>, RecordFailure> {
        let asking = &self.asked.asking;
        let subject = with.vault.pseudonyms.pseudonym(&asking.declaration().subject.identifier);
        loop {
            let standing = with.recorder.standing(subject, asking.submission.destination.name()).await?;
            let categories = minimised.categories.clone();
            let found = Question { categories, standing, ..asking.permit.question().clone() };
            let permit = match with.policy.decide(found) {
                Ok(permit) => permit,
                Err(denial) => return Ok(Err(Refusal::denied(denial))),
            };
            let record =
                self.of_release(with.vault, &permit, &minimised.documents, with.means.clock.now())?;
            // Where the standing has changed, the policy is asked again about the new one.
            if let Ok(index) = with.recorder.answer(record).await? {
                return Ok(Ok(Released {
                    inquiry: self.id(),
                    inquiry_index: self.index,
                    index,
                    permit,
                    documents: minimised.documents,
                }));
            }
        }
    }
}

impl Released {
    /// The inquiry.
    pub const fn inquiry(&self) -> InquiryId {
        self.inquiry
    }

    /// The index of the inquiry's entry in the ledger.
    pub const fn inquiry_index(&self) -> u64 {
        self.inquiry_index
    }

    /// The index of the release's entry.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The permit for exactly this.
    pub const fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The documents, in the order of the answer.
    pub fn documents(&self) -> &[ReleasedDocument] {
        &self.documents
    }
}

impl ReleasedDocument {
    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.document.media_type
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.document.bytes
    }

    /// What was kept and dropped.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

impl Unreleased {
    /// What stood in the way, in the ledger's words.
    pub const fn hindrance(&self) -> Hindrance {
        match self {
            Self::Refused(_) => Hindrance::RefusedByDestination,
            Self::NotFound => Hindrance::NotFound,
            Self::Failed(_) => Hindrance::Failed,
            Self::Unreadable(_) => Hindrance::Unreadable,
            Self::Withheld(_) => Hindrance::Withheld,
        }
    }

    /// The rule that withheld it, or the code of what happened.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            Self::NotFound => None,
            Self::Failed(setback) => Some(&setback.code),
            Self::Unreadable(code) => Some(code),
            Self::Withheld(refusal) => Some(&refusal.rule),
        }
    }
}

/// What cannot be read beyond doubt is the destination's mistake; the rest is what our rules say no to.
fn not_releasable(faults: Vec<Fault>) -> Unreleased {
    let malformed = ["json-", "xml-", "dicom-"];
    let refusal = Refusal::for_faults(Stage::Document, "the answer may not be released", faults);
    if malformed.iter().any(|kind| refusal.rule.starts_with(kind)) {
        Unreleased::Unreadable(refusal.rule)
    } else {
        Unreleased::Withheld(refusal)
    }
}

fn of_document(number: usize, fault: Fault) -> Fault {
    Fault { pointer: format!("/documents/{number}{}", fault.pointer), ..fault }
}

/// A profile without paths to the subject is for what acts on something that the destination has; it proves nothing of an
/// answer.
fn nobody_named(number: usize) -> Fault {
    let detail = "the profile does not say where the answer names its subject";
    Fault::new("subject-missing", format!("/documents/{number}"), detail, "tell the makers of the gateway")
}
