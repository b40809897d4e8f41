//! A patient's prescriptions, read back from the centre: all that the question covers, or nothing.
//!
//! It asks and reads; it releases nothing. Whoever calls it minimises each document by [`PROFILE`], records what is left,
//! and only then lets a client see it:
//!
//! ```text
//! let query = Query { statuses: &[Status::Active], ..Query::of(&declaration.subject.identifier) };
//! let prescriptions = centre.prescriptions(&query, errand, &means).await?;
//! for document in &prescriptions.documents { minimise::project(&profile, &declared, document)? … }
//! ```

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use clearance::adapter::{DestinationRefusal, Means, Outcome, Setback};
use clearance::person::{Identifier, Private};
use jiff::civil::Date;
use uuid::Uuid;
use x_road::request::Resource;
use x_road::tis::Errand;
use x_road::trouble::Trouble;

use crate::PrescriptionCentre;
use crate::centre::prescriptions;
use crate::prescription::Page;

/// The allow-list of one prescription as the centre answers with it, in the profile language.
pub const PROFILE: &str = include_str!("../profiles/prescriptions-read.toml");
/// As many prescriptions are asked for on one page.
const PAGE_COUNT: &str = "100";
/// No question is answered over more pages.
const PAGES_MAX: usize = 20;
/// No answer is longer, in bytes.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Which prescriptions of whom.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The patient.
    pub subject: &'a Identifier,
    /// The patient's id in the index, where it has been proved; it is asked for otherwise.
    pub index_id: Option<&'a str>,
    /// In which states; in all when empty.
    pub statuses: &'a [Status],
    /// Written on this day or later.
    pub from: Option<Date>,
    /// Written on this day or earlier.
    pub until: Option<Date>,
}

/// The states of a prescription, as FHIR names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It can be dispensed.
    Active,
    /// It is kept for one pharmacy.
    OnHold,
    /// It has ended before its time.
    Ended,
    /// It was withdrawn while it could be dispensed.
    Stopped,
    /// It was dispensed.
    Completed,
    /// It was cancelled.
    Cancelled,
}

/// A patient's prescriptions. Its `Debug` shows how many.
pub struct Prescriptions {
    /// The patient's id in the index.
    pub patient: Private,
    /// Each prescription as the centre wrote it, in the centre's order, newest first.
    pub documents: Vec<Bytes>,
}

/// Why there is no answer. None of it holds a text of the centre.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// The patient index does not know the person.
    #[error("the patient index does not know the declared subject")]
    SubjectNotInIndex,
    /// A prescription of somebody else was in the answer: nothing of it is handed on.
    #[error("the centre's answer is about another person")]
    AnotherSubject,
    /// The centre says no, and would say it again.
    #[error("the centre refuses the question")]
    Refused(DestinationRefusal),
    /// There was no answer that could be read, and there may be one later.
    #[error("the centre has not answered")]
    Setback(Setback),
    /// A list that is not whole would pass for one that is.
    #[error("there are more prescriptions than one answer takes; ask for fewer states or days")]
    TooMany,
}

impl<'a> Query<'a> {
    /// All prescriptions of `subject`.
    pub const fn of(subject: &'a Identifier) -> Self {
        Self { subject, index_id: None, statuses: &[], from: None, until: None }
    }

    fn resource(&self, patient: &str) -> Resource {
        let mut resource = prescriptions().query("subject", &format!("Patient/{patient}"));
        if !self.statuses.is_empty() {
            let statuses: Vec<_> = self.statuses.iter().map(|status| status.code()).collect();
            resource = resource.query("status", &statuses.join(","));
        }
        if let Some(from) = self.from {
            resource = resource.query("authoredon", &format!("ge{from}"));
        }
        if let Some(until) = self.until {
            resource = resource.query("authoredon", &format!("le{until}"));
        }
        resource.query("_sort", "-authoredon").query("_count", PAGE_COUNT)
    }
}

impl Status {
    /// FHIR's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::OnHold => "on-hold",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl PrescriptionCentre {
    /// The prescriptions that `query` asks for, on `errand`'s behalf: its message id is the first page's, and the others' are
    /// derived from it.
    ///
    /// # Errors
    /// When they are not to be had, or not all of them.
    pub async fn prescriptions(
        &self,
        query: &Query<'_>,
        errand: Errand<'_>,
        means: &Means<'_>,
    ) -> Result<Prescriptions, ReadFailure> {
        let patient = match query.index_id {
            Some(id) => id.to_owned(),
            None => self.index_id(query.subject, errand, means).await?,
        };
        let mut found = Found::default();
        let mut next = Some(query.resource(&patient));
        for number in 1..=PAGES_MAX {
            let Some(resource) = next else { break };
            let errand = if number == 1 { errand } else { step(errand, &format!("page-{number}")) };
            let reply = self.centre.ask(errand, resource, means).await.map_err(ReadFailure::of)?;
            next = found.take(&reply.body, &patient)?;
        }
        if next.is_some() {
            return Err(ReadFailure::TooMany);
        }
        Ok(Prescriptions { patient: Private::new(patient), documents: found.documents })
    }

    async fn index_id(
        &self,
        subject: &Identifier,
        errand: Errand<'_>,
        means: &Means<'_>,
    ) -> Result<String, ReadFailure> {
        let known = self.tis().patient(step(errand, "index"), subject, means).await;
        known
            .map_err(Trouble::before_the_document)
            .map_err(ReadFailure::of)?
            .ok_or(ReadFailure::SubjectNotInIndex)
    }
}

/// What the pages have brought so far.
#[derive(Default)]
struct Found {
    documents: Vec<Bytes>,
    bytes: usize,
    pages: BTreeSet<String>,
}

impl Found {
    /// Takes the prescriptions of a page; says where the next one is.
    fn take(&mut self, body: &[u8], patient: &str) -> Result<Option<Resource>, ReadFailure> {
        let page = Page::read(body).ok_or_else(unreadable)?;
        for (prescription, raw) in page.prescriptions() {
            if prescription.patient() != Some(patient) {
                return Err(ReadFailure::AnotherSubject);
            }
            let document = Bytes::copy_from_slice(raw.get().as_bytes());
            self.bytes += document.len();
            if self.bytes > ANSWER_BYTES_MAX {
                return Err(ReadFailure::TooMany);
            }
            self.documents.push(document);
        }
        let Some(query) = page.next() else { return Ok(None) };
        // A page that comes again would come for ever.
        if !self.pages.insert(query.to_owned()) {
            return Err(unreadable());
        }
        prescriptions().page(query).map(Some).ok_or_else(unreadable)
    }
}

impl ReadFailure {
    /// A question carries no document, so that nothing of it is unknown.
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Refused(refusal) => Self::Refused(refusal),
            Outcome::Failed(setback) | Outcome::Unknown(setback) => Self::Setback(setback),
            Outcome::AnotherSubject => Self::AnotherSubject,
            Outcome::Delivered(_) | Outcome::Partly { .. } => unreadable(),
        }
    }
}

impl fmt::Debug for Prescriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prescriptions({})", self.documents.len())
    }
}

/// The errand under an id of its own.
fn step<'a>(errand: Errand<'a>, step: &str) -> Errand<'a> {
    Errand { message: Uuid::new_v5(&errand.message, step.as_bytes()), ..errand }
}

fn unreadable() -> ReadFailure {
    ReadFailure::Setback(Setback::new("answer-unreadable"))
}

#[cfg(test)]
mod tests;
