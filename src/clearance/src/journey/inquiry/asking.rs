//! From a request to the recorded question.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::adapter::{Direction, Parameters, Query};
use crate::basis::{Permit, Policy, Standing};
use crate::client::Client;
use crate::declaration::Declaration;
use crate::destination::{Destination, Purpose};
use crate::fault::Fault;
use crate::journey::Submission;
use crate::person::{Identifier, Private};
use crate::refusal::{Refusal, Stage};
use crate::words::{DestinationName, InquiryId, PurposeName};

/// A declaration from an identified client who wants to read something back; nothing of it is trusted yet, and of the
/// parameters nothing has been read.
#[derive(Debug)]
pub struct Request(Submission);

/// A request that a rule permits, whatever the answer's profile might let through.
#[derive(Debug)]
pub struct LawfulRequest {
    submission: Submission,
    permit: Permit,
}

/// A lawful question whose parameters the adapter has read. Nobody has been asked.
#[derive(Debug)]
pub struct Asking {
    pub(super) submission: Submission,
    pub(super) permit: Permit,
    pub(super) query: Query,
}

/// Under which name, when and within which bounds a question is asked.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// When.
    pub at: Timestamp,
    /// The most bytes that the documents of the answer may have together.
    pub answer_bytes_max: usize,
}

/// A question that may be asked, once.
///
/// INVARIANT: it is on record and a policy has permitted it. It cannot be copied, and [`crate::adapter::Adapter::read`]
/// takes it by value.
pub struct Inquiry(pub(super) Arc<Asked>);

/// An inquiry on record whose end is not. Its `Debug` shows the inquiry only.
///
/// INVARIANT: there is one for each [`Inquiry`], and only [`Pending::conclude`] makes a release.
pub struct Pending {
    pub(super) asked: Arc<Asked>,
    /// The index of the inquiry's entry.
    pub(super) index: u64,
}

/// What was asked.
pub(super) struct Asked {
    pub(super) asking: Asking,
    pub(super) terms: Terms,
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inquiry({})", self.id())
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({})", self.asked.terms.inquiry)
    }
}

impl Request {
    /// A request of `client`, known by the certificate with this SHA-256.
    ///
    /// # Errors
    /// When the destination has no such purpose or nothing is read for it, the recipient is not as the purpose wants it,
    /// or the declaration has what only a transfer can have.
    pub fn receive(
        client: Arc<Client>,
        certificate: [u8; 32],
        declaration: Declaration,
        destination: Arc<Destination>,
    ) -> Result<Self, Refusal> {
        let submission =
            Submission { client, certificate, declaration, destination }.going(Direction::Reads)?;
        has_nothing_of_a_transfer(&submission.declaration)?;
        Ok(Self(submission))
    }

    /// Asks the policy whether this may be at all, with all categories that the answer's profile could let through.
    ///
    /// # Errors
    /// The denial: a no here means that nobody is asked.
    pub fn lawful(self, policy: &Policy, standing: Standing) -> Result<LawfulRequest, Refusal> {
        let permit = self.0.permitted(policy, standing)?;
        Ok(LawfulRequest { submission: self.0, permit })
    }
}

impl LawfulRequest {
    /// Has the destination's adapter read the parameters.
    ///
    /// # Errors
    /// Every fault of them.
    pub fn ask(self, parameters: &Map<String, Value>) -> Result<Asking, Refusal> {
        let Self { submission, permit } = self;
        let purpose = &submission.declaration.purpose;
        let query =
            submission.destination.adapter().ask(purpose, Parameters::of(parameters)).map_err(|faults| {
                Refusal::for_faults(
                    Stage::Query,
                    "the question cannot be asked with these parameters",
                    faults,
                )
            })?;
        Ok(Asking { submission, permit, query })
    }
}

impl Asking {
    /// What the client declared.
    pub const fn declaration(&self) -> &Declaration {
        &self.submission.declaration
    }

    pub(super) fn purpose(&self) -> Result<&Purpose, Refusal> {
        self.submission.purpose()
    }
}

impl Inquiry {
    /// The inquiry.
    pub fn id(&self) -> InquiryId {
        self.0.terms.inquiry
    }

    /// The destination.
    pub fn destination(&self) -> &DestinationName {
        self.0.asking.submission.destination.name()
    }

    /// For which of the destination's purposes.
    pub fn purpose(&self) -> &PurposeName {
        &self.declaration().purpose
    }

    /// The parameters, as [`crate::adapter::Adapter::ask`] has read them.
    pub fn query(&self) -> &Query {
        &self.0.asking.query
    }

    /// The subject's identifier.
    pub fn subject(&self) -> &Identifier {
        &self.declaration().subject.identifier
    }

    /// The subject's given and family names.
    pub fn subject_names(&self) -> (&Private, &Private) {
        (&self.declaration().subject.given, &self.declaration().subject.family)
    }

    /// The professional's code, personal code and role.
    pub fn professional(&self) -> (&Private, &Private, &str) {
        let of = &self.declaration().professional;
        (&of.code, &of.personal_code, &of.role)
    }

    /// The organisation asked, where the destination stands for many.
    pub fn recipient(&self) -> Option<&Identifier> {
        self.declaration().recipient.as_ref()
    }

    /// Why, in words the subject may read.
    pub fn reason(&self) -> &str {
        self.declaration().reason.expose()
    }

    /// The reference of the evidence of this kind.
    pub fn evidence(&self, kind: &str) -> Option<&Private> {
        let mut evidence = self.declaration().evidence.iter();
        evidence.find(|item| item.kind.code() == kind).map(|item| &item.reference)
    }

    /// The most bytes that the documents of the answer may have together: a call for more is not worth making.
    pub fn answer_bytes_max(&self) -> usize {
        self.0.terms.answer_bytes_max
    }

    fn declaration(&self) -> &Declaration {
        self.0.asking.declaration()
    }
}

impl Pending {
    /// The inquiry.
    pub fn id(&self) -> InquiryId {
        self.asked.terms.inquiry
    }

    /// The index of the inquiry's entry.
    pub const fn index(&self) -> u64 {
        self.index
    }
}

/// What orders and replaces transfers says nothing of a question.
fn has_nothing_of_a_transfer(declaration: &Declaration) -> Result<(), Refusal> {
    let members = [
        ("/ordering_key", declaration.ordering_key.is_some()),
        ("/supersedes", declaration.supersedes.is_some()),
    ];
    let faults: Vec<_> = members
        .into_iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(pointer, _)| {
            let detail = "a request has no order and replaces nothing";
            Fault::new("declaration-not-of-a-request", pointer, detail, "leave it out")
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    let detail = "the declaration has what only a transfer can have";
    Err(Refusal::for_faults(Stage::Declaration, detail, faults))
}
