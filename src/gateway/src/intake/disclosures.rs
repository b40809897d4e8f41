//! `POST /v1/disclosures/search`: who was told what about one person. For clients that the settings let search; each
//! search is itself on record before it is answered.
//!
//! It tells what the ledger says in codes. Reasons and content are not there to be told.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use clearance::declaration::{LegalBasis, searched_subject};
use clearance::fault::Fault;
use clearance::journey::Recorder;
use clearance::keys::Pseudonym;
use clearance::refusal::{Refusal, Stage};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use ledger::Entry;
use serde::Serialize;
use store::StoredEntry;
use utoipa::ToSchema;

use super::json;
use super::openapi::TransferState;
use super::problem::{Kind, Problem};
use super::reading::{unreadable, view, wanted};
use super::request::{Caller, RequestId};
use super::requests::read;
use super::transfers::not_recorded;
use crate::gateway::Gateway;

/// A page of what was disclosed about one person, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disclosures {
    disclosures: Vec<Disclosed>,
    /// `before` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    /// The index of this search in the ledger.
    search: u64,
}

/// One disclosure, as the ledger has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disclosed {
    /// When it was recorded (RFC 3339).
    #[schema(format = DateTime)]
    at: String,
    /// The transfer.
    #[schema(format = "uuid")]
    transfer: String,
    /// What has become of it.
    #[schema(value_type = TransferState)]
    state: String,
    /// The system of the clinic that sent it.
    client: String,
    /// To whom.
    destination: String,
    /// The registry code of the receiving organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    /// To whom the destination hands it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    onward_recipient: Option<String>,
    /// What for.
    purpose: String,
    /// On which legal basis.
    #[schema(value_type = Object)]
    legal_basis: LegalBasis,
    /// The categories of data.
    categories: Vec<String>,
    /// How many bytes.
    bytes: u64,
    /// The index of the disclosure in the ledger.
    ledger_index: u64,
}

/// Searches.
pub(crate) async fn search(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Extension(request): Extension<RequestId>,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let config = gateway.config.load_full();
    let client = &caller.client.id;
    if !config.clients.iter().any(|of| of.id == *client && of.may_search_disclosures) {
        return Err(not_permitted(&gateway, &caller, &request).await);
    }
    let (page, limit) = wanted(parameters, &["before", "limit"])?;
    let body = read(&headers, body, &config.limits, malformed).await?;
    let subject = searched_subject(&body, config.policy.check_digits).map_err(|faults| {
        let problem = Problem::new(Kind::NoticeInvalid, "the person searched for cannot be read");
        Problem { faults, ..problem }
    })?;
    let subject = gateway.vault.pseudonyms.pseudonym(&subject);
    caller.still_admitted(&gateway)?;
    let searched = search_entry(&caller, subject, gateway.clock.now()).map_err(|_| unwritable())?;
    let search = gateway.store.note(searched).await.map_err(|error| not_recorded(&gateway, &error))?;
    let found = gateway.store.disclosures(subject, page.before, limit).await.map_err(|_| unreadable())?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.index);
    let mut disclosures = Vec::with_capacity(found.len());
    for entry in &found {
        disclosures.push(disclosed(&gateway, entry).await?);
    }
    tracing::info!(event.action = "disclosures-searched", client.name = %client, found = disclosures.len(), "one person's disclosures were searched");
    Ok(json(StatusCode::OK, &Disclosures { disclosures, next, search }))
}

/// The search itself, in the words of the ledger.
fn search_entry(caller: &Caller, subject: Pseudonym, at: Timestamp) -> Result<Entry, ledger::ValueError> {
    Ok(Entry::Administration(ledger::Administration {
        at: at.try_into()?,
        who: caller.client.id.as_str().parse()?,
        action: "search-disclosures".parse()?,
        object: hex::encode(subject.0).parse()?,
    }))
}

async fn disclosed(gateway: &Gateway, entry: &StoredEntry) -> Result<Disclosed, Problem> {
    let Ok(Entry::Disclosure(disclosure)) = Entry::decode(&entry.leaf) else { return Err(unreadable()) };
    let transfer = disclosure.transfer.as_str().parse().map_err(|_| unreadable())?;
    let state = view(gateway, transfer).await?.ok_or_else(unreadable)?.state;
    Ok(Disclosed {
        at: disclosure.at.to_string(),
        transfer: disclosure.transfer.to_string(),
        state: state.code().to_owned(),
        client: disclosure.client.to_string(),
        destination: disclosure.destination.to_string(),
        recipient: disclosure.recipient.map(|code| code.to_string()),
        onward_recipient: disclosure.onward.map(|code| code.to_string()),
        purpose: disclosure.purpose.to_string(),
        legal_basis: LegalBasis {
            gdpr6: disclosure.gdpr6.to_string(),
            gdpr9: disclosure.gdpr9.to_string(),
            act: disclosure.act.to_string(),
            section: disclosure.section.to_string(),
        },
        categories: disclosure.categories.iter().map(ToString::to_string).collect(),
        bytes: disclosure.size.get(),
        ledger_index: entry.index,
    })
}

/// Who may not search and does is on record.
async fn not_permitted(gateway: &Gateway, caller: &Caller, request: &RequestId) -> Problem {
    let kind = Kind::SearchNotPermitted;
    let detail = "this client may not search for one person's disclosures";
    let fault = Fault::new(kind.slug(), "", detail, kind.remedy());
    let refusal = Refusal {
        stage: Stage::Basis,
        rule: kind.slug().to_owned(),
        detail: detail.to_owned(),
        faults: vec![fault],
    };
    match gateway.note_refusal(caller, request, &refusal, None).await {
        Ok(()) => Problem { faults: refusal.faults, ..Problem::new(kind, detail) },
        Err(problem) => problem,
    }
}

fn malformed() -> Problem {
    let detail = "the body is not one JSON object with `subject`";
    let remedy = "send `application/json` with `subject` and nothing else";
    let fault = Fault::new(Kind::RequestMalformed.slug(), "", detail, remedy);
    Problem { faults: vec![fault], ..Problem::new(Kind::RequestMalformed, detail) }
}

fn unwritable() -> Problem {
    Problem::new(Kind::Internal, "the ledger cannot hold the search")
}
