//! Reading a person's driver's health certificates back from TIS.
//!
//! The person's id comes from the patient index, the certificates from one search. Each certificate is a document of the
//! answer; what of it the client gets, and whether it is about the right person, is not decided here.

use bytes::Bytes;
use clearance::adapter::{Answer, Means, Parameters, Query, Reading, Reply, Setback};
use clearance::fault::Fault;
use clearance::journey::{Document, Inquiry};
use clearance::minimise::{Limits, check_json_within};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use x_road::request::Resource;
use x_road::tis::members::Members;
use x_road::tis::outcome::{Objection, no_success, objection, of_a_question};
use x_road::tis::{Errand, FHIR_JSON, FhirRequest, Tis};
use x_road::trouble::Trouble;

/// More certificates than one person has: a search answers on one page.
const SEARCH_COUNT: &str = "50";
const GROUPS: [&str; 2] = ["driver-group-I", "driver-group-II"];
const STATUSES: [&str; 4] = ["preliminary", "final", "cancelled", "entered-in-error"];

/// What may be asked: certificates of one group of vehicles, certificates of one status.
#[derive(Debug, Serialize, Deserialize)]
struct StatusQuery {
    group: Option<String>,
    status: Option<String>,
}

/// Reads the parameters.
pub(crate) fn ask(mut parameters: Parameters<'_>) -> Result<Query, Vec<Fault>> {
    let group = parameters.one_of("group", &GROUPS).map(str::to_owned);
    let status = parameters.one_of("status", &STATUSES).map(str::to_owned);
    parameters.end()?;
    Ok(Query::of(&StatusQuery { group, status }))
}

/// Asks TIS, once.
pub(crate) async fn read(tis: &Tis, inquiry: &Inquiry, means: &Means<'_>) -> Reading {
    let Some(query) = inquiry.query().parameters() else {
        return Reading::Failed(Setback::new("query-unreadable"));
    };
    match certificates(tis, inquiry, &query, means).await {
        Ok(documents) => Reading::Answered(Answer { documents }),
        Err(reading) => reading,
    }
}

async fn certificates(
    tis: &Tis,
    inquiry: &Inquiry,
    query: &StatusQuery,
    means: &Means<'_>,
) -> Result<Vec<Document>, Reading> {
    let patient = tis.patient(Errand::of_inquiry(inquiry, "index"), inquiry.subject(), means).await;
    // The index does not know the person, so TIS has nothing about them.
    let patient = patient.map_err(no_answer)?.ok_or(Reading::NotFound)?;
    let groups = query.group.clone().unwrap_or_else(|| GROUPS.join(","));
    let mut resource = Resource::root()
        .at("Composition")
        .query("subject", &format!("Patient/{patient}"))
        .query("category", &groups)
        .query("_count", SEARCH_COUNT);
    if let Some(status) = &query.status {
        resource = resource.query("status", status);
    }
    let request = FhirRequest { method: Method::GET, resource, body: None };
    let reply = tis.fhir(Errand::of_inquiry(inquiry, "search"), request, means).await.map_err(no_answer)?;
    found(&reply, means)
}

fn no_answer(trouble: Trouble) -> Reading {
    of_a_question(trouble.before_the_document())
}

/// A search's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: String,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
}

#[derive(Deserialize)]
struct Entry {
    resource: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    resource_type: String,
}

/// The certificates of an answer, as they stand.
fn found(reply: &Reply, means: &Means<'_>) -> Result<Vec<Document>, Reading> {
    if reply.status != StatusCode::OK {
        return Err(of_a_question(no_success(reply, means.clock.now())));
    }
    match objection(&reply.body) {
        Some(Objection::Refusal(refusal)) => return Err(Reading::Refused(refusal)),
        Some(Objection::Setback) => return Err(Reading::Failed(Setback::new("operation-outcome"))),
        None => {}
    }
    let unreadable = || Reading::Unreadable("answer-unreadable");
    // What is there twice could be read in two ways, here and where it is minimised. Its length is the transport's concern.
    let limits = Limits { document_bytes_max: reply.body.len(), ..Limits::default() };
    check_json_within(&reply.body, &limits).map_err(|_| unreadable())?;
    let bundle: Bundle = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    if bundle.resource_type != "Bundle" {
        return Err(unreadable());
    }
    if bundle.link.iter().any(|link| link.relation == "next") {
        return Err(Reading::Unreadable("answer-incomplete"));
    }
    let mut documents = Vec::new();
    for Entry { resource } in bundle.entry {
        let Kind { resource_type } = serde_json::from_str(resource.get()).map_err(|_| unreadable())?;
        match resource_type.as_str() {
            "Composition" => documents.push(certificate(&resource).ok_or_else(unreadable)?),
            // A search may remark on itself.
            "OperationOutcome" => {}
            _ => return Err(unreadable()),
        }
    }
    Ok(documents)
}

/// A certificate whose subject is named without the version of the person's record that TIS adds to it.
fn certificate(resource: &RawValue) -> Option<Document> {
    let mut members = Members::parse(resource.get().as_bytes())?;
    let subject: Option<Value> = members.get("subject").and_then(|raw| serde_json::from_str(raw.get()).ok());
    if let Some(subject) = subject.and_then(without_version) {
        members.set("subject", to_raw_value(&subject).ok()?);
    }
    Some(Document { media_type: FHIR_JSON.to_owned(), bytes: Bytes::from(members.to_json()?) })
}

fn without_version(mut subject: Value) -> Option<Value> {
    for one in subject.as_array_mut()? {
        let reference = one.get_mut("reference")?;
        let (plain, _) = reference.as_str()?.split_once("/_history/")?;
        *reference = plain.into();
    }
    Some(subject)
}

#[cfg(test)]
mod tests;
