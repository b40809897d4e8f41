//! A patient's prescriptions, read back from the centre: all that the question covers, or nothing.
//!
//! The person's id comes from the patient index, the prescriptions from one search, over as many pages as it takes. Each
//! prescription is a document of the answer; what of it the client gets, and whether it is about the right person, is not
//! decided here.

use std::collections::BTreeSet;

use bytes::Bytes;
use clearance::adapter::{Answer, Means, Parameters, Query, Reading, Setback};
use clearance::fault::Fault;
use clearance::journey::{Document, Inquiry};
use clearance::minimise::{Limits, check_json_within};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use x_road::request::Resource;
use x_road::tis::outcome::of_a_question;
use x_road::tis::{Errand, FHIR_JSON};

use crate::centre::{Centre, prescriptions};
use crate::prescription::Page;

/// As many prescriptions are asked for on one page.
const PAGE_COUNT: &str = "100";
/// No question is answered over more pages.
const PAGES_MAX: usize = 20;
/// The states of a prescription, as FHIR names them.
const STATUSES: [&str; 6] = ["active", "on-hold", "ended", "stopped", "completed", "cancelled"];

/// What may be asked: prescriptions of one status, written from one day on, until another.
#[derive(Debug, Serialize, Deserialize)]
struct Narrowed {
    status: Option<String>,
    from: Option<Date>,
    until: Option<Date>,
}

impl Narrowed {
    fn resource(&self, patient: &str) -> Resource {
        let mut resource = prescriptions().query("subject", &format!("Patient/{patient}"));
        if let Some(status) = &self.status {
            resource = resource.query("status", status);
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

/// Reads the parameters.
pub(crate) fn ask(mut parameters: Parameters<'_>) -> Result<Query, Vec<Fault>> {
    let status = parameters.one_of("status", &STATUSES).map(str::to_owned);
    let (from, until) = (parameters.day("from"), parameters.day("until"));
    parameters.end()?;
    Ok(Query::of(&Narrowed { status, from, until }))
}

/// Asks the centre, once.
pub(crate) async fn read(centre: &Centre, inquiry: &Inquiry, means: &Means<'_>) -> Reading {
    let Some(narrowed) = inquiry.query().parameters() else {
        return Reading::Failed(Setback::new("query-unreadable"));
    };
    match all_pages(centre, inquiry, &narrowed, means).await {
        Ok(documents) => Reading::Answered(Answer { documents }),
        Err(reading) => reading,
    }
}

async fn all_pages(
    centre: &Centre,
    inquiry: &Inquiry,
    narrowed: &Narrowed,
    means: &Means<'_>,
) -> Result<Vec<Document>, Reading> {
    let patient = centre.tis.patient(Errand::of_inquiry(inquiry, "index"), inquiry.subject(), means).await;
    let patient = patient.map_err(|trouble| of_a_question(trouble.before_the_document()))?;
    // The index does not know the person, so the centre has nothing about them.
    let patient = patient.ok_or(Reading::NotFound)?;
    let mut found = Found { bytes_left: inquiry.answer_bytes_max(), ..Found::default() };
    let mut next = Some(narrowed.resource(&patient));
    for number in 1..=PAGES_MAX {
        let Some(resource) = next else { break };
        let errand = Errand::of_inquiry(inquiry, &format!("page-{number}"));
        let reply = centre.ask(errand, resource, means).await.map_err(of_a_question)?;
        next = found.take(&reply.body)?;
    }
    match next {
        // A list that is not whole would pass for one that is.
        Some(_) => Err(Reading::Unreadable("answer-too-large")),
        None => Ok(found.documents),
    }
}

/// What the pages have brought so far.
#[derive(Default)]
struct Found {
    documents: Vec<Document>,
    bytes_left: usize,
    pages: BTreeSet<String>,
}

impl Found {
    /// Takes the prescriptions of a page, in the centre's order; says where the next one is.
    fn take(&mut self, body: &[u8]) -> Result<Option<Resource>, Reading> {
        // What is there twice could be read in two ways, here and where it is minimised. Its length is the transport's concern.
        let limits = Limits { document_bytes_max: body.len(), ..Limits::default() };
        check_json_within(body, &limits).map_err(|_| unreadable())?;
        let page = Page::read(body).filter(Page::is_whole).ok_or_else(unreadable)?;
        for (_, raw) in page.prescriptions() {
            let bytes = Bytes::copy_from_slice(raw.get().as_bytes());
            let left = self.bytes_left.checked_sub(bytes.len());
            self.bytes_left = left.ok_or(Reading::Unreadable("answer-too-large"))?;
            self.documents.push(Document { media_type: FHIR_JSON.to_owned(), bytes });
        }
        let Some(query) = page.next() else { return Ok(None) };
        // A page that comes again would come for ever.
        if !self.pages.insert(query.to_owned()) {
            return Err(unreadable());
        }
        prescriptions().page(query).map(Some).ok_or_else(unreadable)
    }
}

const fn unreadable() -> Reading {
    Reading::Unreadable("answer-unreadable")
}

#[cfg(test)]
mod tests;
