//! `PUT` and `DELETE` of `/v1/consents/{id}` and `/v1/restrictions/{id}`: what a subject has a say about. From the answer
//! on, no attempt begins under what was said before.
//!
//! An id is the client's own: what one client has told, no other takes back.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use axum::routing::put;
use clearance::declaration::{Notice, NoticeId};
use clearance::fault::Fault;
use clearance::words::TransferId;
use http::{HeaderMap, StatusCode};
use ledger::{Change, Matter};
use serde::Serialize;
use store::StandingChange;
use utoipa::ToSchema;

use super::problem::{FaultDocument, Kind, Problem};
use super::request::Caller;
use super::requests::read;
use super::transfers::not_recorded;
use super::{json, reading};
use crate::gateway::Gateway;

/// The answer to a consent or restriction that is on record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The id of the consent or restriction.
    id: String,
    /// `consent` or `restriction`.
    matter: String,
    /// What has become of it: `given` or `withdrawn`.
    change: String,
    /// Towards whom.
    destination: String,
    /// What all consents of the subject towards the destination come to: `given` while one is, `withdrawn` when none is any
    /// more, `none` when the gateway was never told of one.
    consent: String,
    /// Whether a restriction of the subject's stands towards the destination.
    restricted: bool,
    /// The index of its entry in the ledger.
    ledger_index: u64,
    /// The caller's transfers about the subject to the destination of which an attempt had begun: those may arrive.
    under_way: Vec<String>,
    /// How many such transfers other clients have.
    under_way_of_others: usize,
    /// What is odd and was let through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FaultDocument>,
}

/// The calls.
pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/v1/consents/{id}", put(consent_given).delete(consent_withdrawn))
        .route("/v1/restrictions/{id}", put(restriction_set).delete(restriction_lifted))
}

macro_rules! told {
    ($($call:ident tells $matter:ident $change:ident)+) => {$(
        async fn $call(
            State(gateway): State<Arc<Gateway>>,
            Extension(caller): Extension<Caller>,
            id: Result<Path<String>, PathRejection>,
            headers: HeaderMap,
            body: Body,
        ) -> Result<Response, Problem> {
            let notice = notice(&gateway, &caller, id, &headers, body).await?;
            tell(&gateway, &caller, notice, Matter::$matter, Change::$change).await
        }
    )+};
}

told! {
    consent_given tells Consent Given
    consent_withdrawn tells Consent Withdrawn
    restriction_set tells Restriction Given
    restriction_lifted tells Restriction Withdrawn
}

async fn notice(
    gateway: &Gateway,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
    body: Body,
) -> Result<(NoticeId, Notice), Problem> {
    let (limits, check_digits) = {
        let config = gateway.config.load();
        (config.limits.clone(), config.policy.check_digits)
    };
    let id = id.map_err(|_| "the id is not text".to_owned()).and_then(|Path(id)| {
        let id: Result<NoticeId, _> = id.parse();
        id.map_err(|error| error.to_string())
    });
    let body = read(headers, body, &limits, malformed).await?;
    // All faults at once: of the id, and of the body.
    let mut faults = Vec::new();
    let id = id.map_err(|detail| {
        let remedy = "send an id of the consent or restriction, such as a UUID, that names nobody";
        faults.push(Fault::new("notice-id", "", detail, remedy));
    });
    let notice = Notice::parse(&body, check_digits).map_err(|found| faults.extend(found));
    let (Ok(id), Ok(notice)) = (id, notice) else {
        let problem = Problem::new(Kind::NoticeInvalid, "the consent or restriction cannot be taken");
        return Err(Problem { faults, ..problem });
    };
    let known = gateway.rules.load().destinations().any(|of| *of.name() == notice.destination);
    if !known || !caller.client.destinations.contains(&notice.destination) {
        let detail = "the destination is none that this client may send to";
        let remedy = Kind::DestinationUnknown.remedy();
        let faults = vec![Fault::new(Kind::DestinationUnknown.slug(), "/destination", detail, remedy)];
        return Err(Problem { faults, ..Problem::new(Kind::DestinationUnknown, detail) });
    }
    Ok((id, notice))
}

async fn tell(
    gateway: &Gateway,
    caller: &Caller,
    (id, notice): (NoticeId, Notice),
    matter: Matter,
    change: Change,
) -> Result<Response, Problem> {
    let internal = |_| Problem::new(Kind::Internal, "the ledger cannot hold the consent or restriction");
    let told = StandingChange {
        at: gateway.clock.now(),
        subject: gateway.vault.pseudonyms.for_ledger(&notice.subject).map_err(internal)?,
        destination: notice.destination.clone(),
        matter,
        change,
        // The record says who told it, and no client's id is another's.
        id: format!("{}:{id}", caller.client.id).parse().map_err(internal)?,
    };
    // The certificate may have been revoked while the body was on its way.
    caller.still_admitted(gateway)?;
    let recorded = gateway.store.change_standing(told).await;
    let recorded = recorded.map_err(|error| not_recorded(gateway, &error))?;
    let (under_way, under_way_of_others) = under_way(gateway, caller, &recorded.under_way).await;
    tracing::info!(
        event.action = "standing-changed",
        matter = matter.code(),
        change = change.code(),
        destination.name = %notice.destination,
        client.name = %caller.client.id,
        under_way = recorded.under_way.len(),
        "a consent or restriction is on record"
    );
    let standing = Standing {
        id: id.to_string(),
        matter: matter.code().to_owned(),
        change: change.code().to_owned(),
        destination: notice.destination.to_string(),
        consent: recorded.standing.consent.code().to_owned(),
        restricted: recorded.standing.restricted,
        ledger_index: recorded.index,
        under_way,
        under_way_of_others,
        warnings: notice.warnings.iter().map(FaultDocument::of).collect(),
    };
    Ok(json(StatusCode::OK, &standing))
}

/// A client sees its own transfers only; of others it hears how many there are.
async fn under_way(gateway: &Gateway, caller: &Caller, transfers: &[TransferId]) -> (Vec<String>, usize) {
    let mut own = Vec::new();
    for transfer in transfers {
        // It is on record: what cannot be read now must not make the client believe that it is not.
        let view = reading::view(gateway, *transfer).await.unwrap_or_default();
        if view.is_some_and(|view| view.client == caller.client.id) {
            own.push(transfer.to_string());
        }
    }
    let others = transfers.len() - own.len();
    (own, others)
}

fn malformed() -> Problem {
    let detail = "the body is not one JSON object with `subject` and `destination`";
    let remedy = "send `application/json` with `subject` and `destination`, each once, and nothing else";
    let fault = Fault::new(Kind::RequestMalformed.slug(), "", detail, remedy);
    Problem { faults: vec![fault], ..Problem::new(Kind::RequestMalformed, detail) }
}
