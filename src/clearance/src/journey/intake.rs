//! From submission to what would leave: pure, the same for a check as for a transfer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::adapter::{Direction, DocumentFacts};
use crate::basis::{Permit, Policy, Question, Standing};
use crate::client::Client;
use crate::declaration::Declaration;
use crate::destination::{Destination, Purpose};
use crate::fault::Fault;
use crate::minimise::{self, Declared, Manifest};
use crate::person::Identifier;
use crate::refusal::{Refusal, Stage};
use crate::words::Category;

use super::parts::{Part, Parts};

pub use crate::minimise::SubjectProof;

/// A declaration from an identified client; nothing of it is trusted yet, and of the document no byte has been read.
#[derive(Debug)]
pub struct Submission {
    pub(super) client: Arc<Client>,
    pub(super) certificate: [u8; 32],
    pub(super) declaration: Declaration,
    pub(super) destination: Arc<Destination>,
}

/// A document as received. Its `Debug` shows no content.
#[derive(Clone)]
pub struct Document {
    /// Its media type, without parameters.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A submission that a rule permits, whatever the profile might let through.
#[derive(Debug)]
pub struct Lawful {
    pub(super) submission: Submission,
    pub(super) question: Question,
}

/// What is left of a document, with the permit for exactly that.
#[derive(Debug)]
pub struct Minimal {
    pub(super) submission: Submission,
    pub(super) permit: Permit,
    pub(super) left: Left,
    pub(super) manifest: Manifest,
    pub(super) subject: SubjectProof,
}

/// What is left of what was submitted.
#[derive(Debug)]
pub(super) enum Left {
    /// One document, in memory.
    Document(Document),
    /// Documents that have streamed in.
    Parts(Parts),
}

/// What will leave, as its destination wants it.
#[derive(Debug)]
pub struct Outgoing {
    minimal: Minimal,
    payload: Payload,
}

/// What an adapter built: no framing, no addresses, no token. Its `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// What to do with it at the destination: a code of the adapter's own.
    pub operation: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.bytes.len())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} bytes)", self.operation, self.bytes.len())
    }
}

impl Submission {
    /// A submission of `client`, known by the certificate with this SHA-256.
    ///
    /// # Errors
    /// When the destination has no such purpose, nothing is sent for it, the purpose wants a recipient and none is
    /// declared, or it wants none.
    pub fn receive(
        client: Arc<Client>,
        certificate: [u8; 32],
        declaration: Declaration,
        destination: Arc<Destination>,
    ) -> Result<Self, Refusal> {
        Self { client, certificate, declaration, destination }.going(Direction::Sends)
    }

    /// The same, for a purpose of this direction.
    pub(super) fn going(self, direction: Direction) -> Result<Self, Refusal> {
        let submission = self;
        goes(submission.purpose()?.description.direction, direction)?;
        let needed = submission.purpose()?.description.needs_recipient;
        recipient_is_as_needed(needed, submission.declaration.recipient.is_some())?;
        Ok(submission)
    }

    /// Asks the policy whether this may be at all, with all categories that the profile could let through and all facts
    /// that the document could tell.
    ///
    /// # Errors
    /// The denial: a no here costs no upload.
    pub fn lawful(self, policy: &Policy, standing: Standing) -> Result<Lawful, Refusal> {
        let permit = self.permitted(policy, standing)?;
        Ok(Lawful { question: permit.question().clone(), submission: self })
    }

    /// The permit for all that the profile could let through.
    pub(super) fn permitted(&self, policy: &Policy, standing: Standing) -> Result<Permit, Refusal> {
        let purpose = self.purpose()?;
        let question = Question {
            client: self.client.id.clone(),
            destination: self.destination.name().clone(),
            purpose: self.declaration.purpose.clone(),
            legal_basis: self.declaration.legal_basis.clone(),
            categories: categories(purpose.profile.categories(self.evidence_kinds())),
            evidence: self.evidence_codes(|_| true),
            professional: self.client.vouches_for(&self.declaration.professional),
            standing,
        };
        policy.decide(question).map_err(Refusal::denied)
    }

    pub(super) fn purpose(&self) -> Result<&Purpose, Refusal> {
        let purposes = self.destination.purposes();
        purposes.get(&self.declaration.purpose).ok_or_else(|| {
            let known: Vec<_> = purposes.keys().map(|name| format!("`{name}`")).collect();
            let fault = Fault::new(
                "purpose-unknown",
                "/purpose",
                format!("`{}` has no such purpose", self.destination.name()),
                format!("use one of {}", known.join(", ")),
            );
            Refusal::for_faults(Stage::Destination, "the purpose is not known", vec![fault])
        })
    }

    fn evidence_kinds(&self) -> BTreeSet<&'static str> {
        self.declaration.evidence.iter().map(|item| item.kind.code()).collect()
    }

    /// What was declared, and the document's facts that hold.
    pub(super) fn evidence_codes(&self, holds: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let kinds = self.facts().map(DocumentFacts::kinds).unwrap_or_default();
        let found = kinds.iter().filter(|kind| holds(kind)).map(|kind| format!("{kind}:document"));
        self.evidence_kinds().into_iter().map(|kind| format!("{kind}:declared")).chain(found).collect()
    }

    fn facts(&self) -> Option<&dyn DocumentFacts> {
        self.destination.adapter().facts(self.declaration.purpose.as_str())
    }
}

impl Lawful {
    /// The media types that the purpose carries.
    pub fn media_types(&self) -> &'static [&'static str] {
        self.submission.purpose().map_or(&[], |purpose| purpose.description.media_types)
    }

    /// Keeps of `document`, which is in memory, what the profile names, checks the guards, and asks the policy about what is left.
    ///
    /// # Errors
    /// Every fault of the document, or the denial of what is left.
    pub fn minimise(self, document: &Document, policy: &Policy) -> Result<Minimal, Refusal> {
        let Self { submission, question } = self;
        let purpose = submission.purpose()?;
        media_type_is_known(purpose, &document.media_type)?;
        let declared = declared(&submission, minimise::Limits::default());
        let projection =
            minimise::project(&purpose.profile, &declared, &document.bytes).map_err(|mut faults| {
                let adapter = submission.destination.adapter();
                let misfit = adapter.misfit(submission.declaration.purpose.as_str(), &document.bytes);
                faults.splice(0..0, misfit);
                Refusal::for_faults(Stage::Document, "the document cannot be cleared", faults)
            })?;
        let against = submission.facts().map(|facts| facts.against(&projection.document)).unwrap_or_default();
        let found = Question {
            categories: categories(projection.manifest.categories()),
            evidence: submission.evidence_codes(|kind| against.iter().all(|fault| fault.rule != kind)),
            ..question
        };
        let permit = policy.decide(found).map_err(|denial| Refusal::denied(denial).showing(against))?;
        let document =
            Document { media_type: document.media_type.clone(), bytes: projection.document.into() };
        Ok(Minimal {
            submission,
            permit,
            left: Left::Document(document),
            manifest: projection.manifest,
            subject: projection.subject,
        })
    }
}

/// A transfer under a purpose that reads, and a request under one that sends, say what to call instead.
fn goes(goes: Direction, wanted: Direction) -> Result<(), Refusal> {
    let (rule, what, remedy) = match (goes, wanted) {
        (Direction::Sends, Direction::Sends) | (Direction::Reads, Direction::Reads) => return Ok(()),
        (Direction::Reads, Direction::Sends) => (
            "purpose-reads",
            "nothing is sent for this purpose: it reads back from the destination",
            "ask by `POST /v1/requests`, or declare a purpose that sends",
        ),
        (Direction::Sends, Direction::Reads) => (
            "purpose-sends",
            "nothing is read back for this purpose: it sends to the destination",
            "send the document by `POST /v1/transfers`, or declare a purpose that reads",
        ),
    };
    let fault = Fault::new(rule, "/purpose", what, remedy);
    Err(Refusal::for_faults(Stage::Destination, "the purpose goes the other way", vec![fault]))
}

/// A recipient that nothing is sent to would be on record as one that something was sent to.
fn recipient_is_as_needed(needed: bool, declared: bool) -> Result<(), Refusal> {
    let (rule, what, remedy, detail) = match (needed, declared) {
        (true, true) | (false, false) => return Ok(()),
        (true, false) => (
            "recipient-missing",
            "this purpose is for one of many recipients, and none is declared",
            "declare the recipient by its registry code",
            "the declaration lacks the recipient",
        ),
        (false, true) => (
            "recipient-unwanted",
            "this purpose has one recipient, the destination, and another is declared",
            "leave `recipient` out",
            "the declaration names a recipient that this purpose does not have",
        ),
    };
    let fault = Fault::new(rule, "/recipient", what, remedy);
    Err(Refusal::for_faults(Stage::Destination, detail, vec![fault]))
}

/// What the declaration says that binds each document.
pub(super) fn declared(submission: &Submission, limits: minimise::Limits) -> Declared<'_> {
    let declaration = &submission.declaration;
    let professional = &declaration.professional;
    Declared {
        subject: &declaration.subject.identifier,
        recipient: declaration.recipient.as_ref(),
        evidence: submission.evidence_kinds(),
        others: vec![professional.personal_code.expose(), professional.code.expose()],
        limits,
    }
}

pub(super) fn media_type_is_known(purpose: &Purpose, media_type: &str) -> Result<(), Refusal> {
    let known = purpose.description.media_types;
    if known.contains(&media_type) {
        return Ok(());
    }
    let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    let fault = Fault::new(
        "media-type",
        "",
        "this purpose does not carry documents of this media type",
        format!("send the document as {}", known.join(" or ")),
    );
    Err(Refusal::for_faults(Stage::MediaType, "the media type is not carried", vec![fault]))
}

/// A profile's categories are names: `Destination::new` has checked the profile, so nothing is lost here.
pub(super) fn categories<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<Category> {
    names.into_iter().filter_map(|name| name.parse().ok()).collect()
}

impl Minimal {
    /// What is left of the document; nothing where the purpose has documents stream through, as [`parts`](Self::parts).
    pub fn document(&self) -> &[u8] {
        match &self.left {
            Left::Document(document) => &document.bytes,
            Left::Parts(_) => &[],
        }
    }

    /// What is left of each document, where the purpose has them stream through. They leave with whatever is built.
    pub fn parts(&self) -> &[Part] {
        match &self.left {
            Left::Document(_) => &[],
            Left::Parts(parts) => &parts.list,
        }
    }

    /// What the client declared.
    pub const fn declaration(&self) -> &Declaration {
        &self.submission.declaration
    }

    /// How the document names its subject.
    pub const fn subject(&self) -> &SubjectProof {
        &self.subject
    }

    /// The recipient, where the purpose wants one.
    pub const fn recipient(&self) -> Option<&Identifier> {
        self.submission.declaration.recipient.as_ref()
    }

    /// What an adapter built of it; where documents stream through, it goes before them.
    pub const fn shaped(self, payload: Payload) -> Outgoing {
        Outgoing { minimal: self, payload }
    }

    /// Has the destination's adapter build what will leave.
    ///
    /// # Errors
    /// Every fault of the document as the destination sees it.
    pub fn shape(self) -> Result<Outgoing, Refusal> {
        let destination = Arc::clone(&self.submission.destination);
        destination.adapter().shape(self).map_err(|faults| {
            let detail = "the destination could not use what is left of the document";
            Refusal::for_faults(Stage::Shape, detail, faults)
        })
    }
}

impl Outgoing {
    /// What was kept and dropped.
    pub const fn manifest(&self) -> &Manifest {
        &self.minimal.manifest
    }

    /// The permit for exactly this.
    pub const fn permit(&self) -> &Permit {
        &self.minimal.permit
    }

    /// What will leave, beside [`parts`](Self::parts).
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The documents that stream through, where the purpose has such.
    pub fn parts(&self) -> &[Part] {
        self.minimal.parts()
    }

    /// How many bytes will leave.
    pub fn length(&self) -> u64 {
        let streamed = match &self.minimal.left {
            Left::Document(_) => 0,
            Left::Parts(parts) => parts.length(),
        };
        streamed.saturating_add(self.payload.bytes.len() as u64)
    }

    pub(super) const fn parts_at_rest(&mut self) -> Option<&mut Parts> {
        match &mut self.minimal.left {
            Left::Document(_) => None,
            Left::Parts(parts) => Some(parts),
        }
    }

    /// What the client declared.
    pub const fn declaration(&self) -> &Declaration {
        &self.minimal.submission.declaration
    }

    /// How the document names its subject.
    pub const fn subject(&self) -> &SubjectProof {
        &self.minimal.subject
    }

    pub(super) fn client(&self) -> &Client {
        &self.minimal.submission.client
    }

    pub(super) const fn certificate(&self) -> [u8; 32] {
        self.minimal.submission.certificate
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.minimal.submission.destination
    }
}
