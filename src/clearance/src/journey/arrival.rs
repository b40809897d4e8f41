//! Documents that stream in: each is projected as it comes, and what stays of it is sealed at once.
//!
//! It blocks, and belongs on a thread of its own. Its memory grows neither with a document nor, beyond their heads and digests,
//! with the number of documents. Nothing is refused at the first fault: the rest is read, and not kept, until all faults
//! are known.

use std::io;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;

use super::intake::{Lawful, Left, Minimal, categories, declared, media_type_is_known};
use super::parts::{Measured, Part, Parts, head_bytes};
use crate::adapter::Documents;
use crate::basis::{Policy, Question};
use crate::clock::Entropy;
use crate::destination::Purpose;
use crate::fault::Fault;
use crate::minimise::{Declared, Limits, Manifest, Projected, Projector, SubjectProof};
use crate::refusal::{Refusal, Stage};
use crate::seal::{Bodies, PartSealer, PartsSealer, SealError};
use crate::words::TransferId;

/// Documents on their way in, one after the other. Each call may block.
pub trait Arriving {
    /// The media type of the next document, of which the one before has been read to its end; nothing: there is none.
    ///
    /// # Errors
    /// When no more will come.
    fn next_document(&mut self) -> Result<Option<String>, BrokenOff>;

    /// The next bytes of this document; nothing: it has ended.
    ///
    /// # Errors
    /// When no more will come.
    fn next_bytes(&mut self) -> Result<Option<Bytes>, BrokenOff>;
}

/// What was arriving has broken off; whoever brought it knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the documents have broken off")]
pub struct BrokenOff;

/// Why nothing minimal came of what arrived. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum NotMinimal {
    /// It may not leave.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It did not all come.
    #[error(transparent)]
    BrokenOff(#[from] BrokenOff),
    /// It could not be kept.
    #[error("what is left of the documents could not be kept")]
    NotKept(#[from] io::Error),
}

/// Where what stays of arriving documents is kept.
#[derive(Debug)]
pub struct Keeping(Option<PartsSealer>);

impl Keeping {
    /// Nowhere: for a check.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// Sealed for `transfer`: up to `memory_bytes_max` in memory, and in a body of `bodies` when it is more.
    ///
    /// # Errors
    /// When the source of randomness has failed.
    pub fn sealed(
        bodies: &Arc<dyn Bodies>,
        transfer: TransferId,
        memory_bytes_max: usize,
        entropy: &dyn Entropy,
    ) -> Result<Self, SealError> {
        let sealer = PartsSealer::new(transfer, Arc::clone(bodies), memory_bytes_max, entropy)?;
        Ok(Self(Some(sealer)))
    }
}

impl Lawful {
    /// How many documents the purpose takes, and how large.
    pub fn documents(&self) -> Documents {
        self.submission.purpose().map_or(Documents::One, |purpose| purpose.description.documents)
    }

    /// Keeps of each document what the profile names, checks the guards, and asks the policy about what is left of all.
    ///
    /// # Errors
    /// Every fault of every document, or the denial of what is left; or it did not come or could not be kept.
    pub fn minimise_arriving(
        self,
        documents: &mut impl Arriving,
        policy: &Policy,
        keeping: Keeping,
    ) -> Result<Minimal, NotMinimal> {
        let purpose = self.submission.purpose()?;
        let arrived =
            Arrival::new(purpose, declared(&self.submission, limits(purpose)), keeping).read(documents)?;
        let Arrived { parts, manifest, subject } = arrived;
        let Self { submission, question } = self;
        // Nobody has looked into them: of their facts none holds.
        let evidence = submission.evidence_codes(|_| false);
        let found = Question { categories: categories(manifest.categories()), evidence, ..question };
        let permit = policy.decide(found).map_err(Refusal::denied)?;
        Ok(Minimal { submission, permit, left: Left::Parts(parts), manifest, subject })
    }
}

fn limits(purpose: &Purpose) -> Limits {
    let mut limits = Limits::default();
    if let Documents::Streamed { bytes_max, .. } = purpose.description.documents {
        limits.document_bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        limits.dicom.document_bytes_max = bytes_max;
    }
    limits
}

/// What is known after the last document.
struct Arrived {
    parts: Parts,
    manifest: Manifest,
    subject: SubjectProof,
}

/// Documents, as far as they have come.
struct Arrival<'p> {
    purpose: &'p Purpose,
    declared: Declared<'p>,
    /// Nothing is kept of a check, nor after the first fault.
    sealer: Option<PartsSealer>,
    keeps: bool,
    max: usize,
    list: Vec<Part>,
    bytes: u64,
    manifest: Option<Manifest>,
    subject: Option<SubjectProof>,
    faults: Vec<Fault>,
}

impl<'p> Arrival<'p> {
    fn new(purpose: &'p Purpose, declared: Declared<'p>, Keeping(sealer): Keeping) -> Self {
        let max = match purpose.description.documents {
            Documents::One => 1,
            Documents::Streamed { max, .. } => max,
        };
        let keeps = sealer.is_some();
        Self {
            purpose,
            declared,
            sealer,
            keeps,
            max,
            list: Vec::new(),
            bytes: 0,
            manifest: None,
            subject: None,
            faults: Vec::new(),
        }
    }

    fn read(mut self, documents: &mut impl Arriving) -> Result<Arrived, NotMinimal> {
        let mut number = 0;
        while let Some(media_type) = documents.next_document()? {
            number += 1;
            if number as usize > self.max {
                return Err(too_many(self.max).into());
            }
            media_type_is_known(self.purpose, &media_type)
                .map_err(|refusal| self.at_document(number, refusal))?;
            self.document(number, media_type, documents)?;
            if self.faults.len() >= self.declared.limits.faults_max {
                break;
            }
        }
        self.end()
    }

    fn document(
        &mut self,
        number: u32,
        media_type: String,
        documents: &mut impl Arriving,
    ) -> Result<(), NotMinimal> {
        let declared = self.declared.clone();
        let profile = &self.purpose.profile;
        let mut projector = Some(Projector::new(profile, &declared));
        let mut part = Leaving::begin(self.sealer.as_ref(), number, head_bytes(self.max))?;
        let mut out = Vec::new();
        while let Some(bytes) = documents.next_bytes()? {
            self.bytes += bytes.len() as u64;
            if let Documents::Streamed { bytes_max, .. } = self.purpose.description.documents
                && self.bytes > bytes_max
            {
                return Err(too_large(bytes_max).into());
            }
            // In pieces, so that what is ready stays small whatever arrives at once.
            for piece in bytes.chunks(PIECE_BYTES) {
                let Some(reading) = &mut projector else { break };
                match reading.feed(piece, &mut out) {
                    Ok(()) => part.write(self.sealer.as_mut(), &mut out)?,
                    Err(faults) => {
                        self.is_faulty(number, faults);
                        projector = None;
                    }
                }
            }
        }
        let Some(projector) = projector else { return Ok(()) };
        match projector.end(&mut out) {
            Ok(projected) => {
                part.write(self.sealer.as_mut(), &mut out)?;
                let part = part.end(self.sealer.as_mut(), number, media_type)?;
                self.list.push(part);
                self.found(number, projected);
            }
            Err(faults) => self.is_faulty(number, faults),
        }
        Ok(())
    }

    fn found(&mut self, number: u32, Projected { manifest, subject }: Projected) {
        match &mut self.manifest {
            Some(all) => all.join(manifest, &self.declared.limits),
            None => self.manifest = Some(manifest),
        }
        match self.subject.take() {
            None => self.subject = Some(subject),
            Some(before) => match joined(before, subject) {
                Ok(subject) => self.subject = Some(subject),
                Err(before) => {
                    self.subject = Some(before);
                    let detail =
                        "this document is about another subject of the patient index than those before it";
                    let fault = Fault::new("wrong-patient", "", detail, "send one transfer for each person");
                    self.is_faulty(number, vec![fault]);
                }
            },
        }
    }

    /// What is refused is not kept: from the first fault on the rest is only looked at.
    fn is_faulty(&mut self, number: u32, faults: Vec<Fault>) {
        self.sealer = None;
        let room = self.declared.limits.faults_max.saturating_sub(self.faults.len());
        let faults = faults.into_iter().take(room).map(|fault| self.placed(number, fault));
        let faults: Vec<_> = faults.collect();
        self.faults.extend(faults);
    }

    /// With the document's number, where there may be several.
    fn placed(&self, number: u32, fault: Fault) -> Fault {
        match (self.max, fault.pointer.as_str()) {
            (1, _) => fault,
            (_, "") => Fault { pointer: format!("document[{number}]"), ..fault },
            (_, pointer) => Fault { pointer: format!("document[{number}] {pointer}"), ..fault },
        }
    }

    fn at_document(&self, number: u32, refusal: Refusal) -> Refusal {
        let faults = refusal.faults.into_iter().map(|fault| self.placed(number, fault)).collect();
        Refusal { faults, ..refusal }
    }

    fn end(self) -> Result<Arrived, NotMinimal> {
        if !self.faults.is_empty() {
            let detail = "the document cannot be cleared";
            return Err(Refusal::for_faults(Stage::Document, detail, self.faults).into());
        }
        let (Some(manifest), Some(subject)) = (self.manifest, self.subject) else {
            let fault = Fault::new("document-missing", "", "there is no document", "send a part `document`");
            return Err(Refusal::for_faults(Stage::Document, "there is no document", vec![fault]).into());
        };
        let at_rest = match self.sealer {
            Some(sealer) => Some(sealer.finish()?),
            None if self.keeps => return Err(io::Error::other("what was sealed is lost").into()),
            None => None,
        };
        Ok(Arrived { parts: Parts { list: self.list, at_rest }, manifest, subject })
    }
}

/// How much of a document is taken in at a time.
const PIECE_BYTES: usize = 64 << 10;

/// One document's output on its way to its place.
struct Leaving {
    under_way: Option<PartSealer>,
    digest: Context,
    length: u64,
    head: Vec<u8>,
    head_bytes: usize,
}

impl Leaving {
    fn begin(sealer: Option<&PartsSealer>, number: u32, head_bytes: usize) -> io::Result<Self> {
        let under_way = sealer.map(|sealer| sealer.begin(number)).transpose()?;
        Ok(Self { under_way, digest: Context::new(&SHA256), length: 0, head: Vec::new(), head_bytes })
    }

    /// Takes what is in `out`, and leaves it empty.
    fn write(&mut self, sealer: Option<&mut PartsSealer>, out: &mut Vec<u8>) -> io::Result<()> {
        self.digest.update(out);
        self.length += out.len() as u64;
        let missing = self.head_bytes - self.head.len();
        self.head.extend(out.iter().take(missing));
        if let (Some(sealer), Some(part)) = (sealer, &mut self.under_way) {
            part.write(out, sealer)?;
        }
        out.clear();
        Ok(())
    }

    fn end(self, sealer: Option<&mut PartsSealer>, number: u32, media_type: String) -> io::Result<Part> {
        if let (Some(sealer), Some(part)) = (sealer, self.under_way) {
            part.end(sealer)?;
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Ok(Part::new(number, media_type, Measured { length: self.length, sha256 }, self.head.into()))
    }
}

/// What the subject of all documents rests on: what has to be compared for one has to be compared for all.
fn joined(one: SubjectProof, other: SubjectProof) -> Result<SubjectProof, SubjectProof> {
    use SubjectProof::{AtDestination, ByIdentifier, ByIndex};
    match (one, other) {
        (ByIndex(one), ByIndex(other)) if one != other => Err(ByIndex(one)),
        (ByIndex(id), _) | (_, ByIndex(id)) => Ok(ByIndex(id)),
        (AtDestination, _) | (_, AtDestination) => Ok(AtDestination),
        (ByIdentifier, ByIdentifier) => Ok(ByIdentifier),
    }
}

fn too_many(max: usize) -> Refusal {
    let detail = format!("this purpose takes {max} document(s) in one transfer, and there are more");
    let fault = Fault::new("too-many-documents", "", detail, "send the others in transfers of their own");
    Refusal::for_faults(Stage::Document, "there are too many documents", vec![fault])
}

fn too_large(bytes_max: u64) -> Refusal {
    let detail =
        format!("this purpose takes {bytes_max} bytes of documents in one transfer, and there are more");
    let fault = Fault::new("too-large", "", detail, "send less, or in several transfers");
    Refusal::for_faults(Stage::Document, "the documents are too large", vec![fault])
}
