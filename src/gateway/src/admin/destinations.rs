//! `/admin/v1/destinations`: how each stands, and pausing and resuming them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use clearance::journey::Recorder;
use clearance::words::DestinationName;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Operator, QueueDepth};

use super::access::{Caller, Role};
use super::acts::{self, Reason};
use super::operations::{Course, Minute, News};
use super::problem::AdminProblem;
use crate::gateway::Gateway;
use crate::intake;

#[derive(Debug, Serialize)]
struct Destination {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    adapter: Option<String>,
    /// `paused`, `failing`, `delivering` or `idle`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Paused>,
    pending: u64,
    due: u64,
    unknown: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_accepted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_delivered_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<Failure>,
    minutes: Vec<Minute>,
}

#[derive(Debug, Serialize)]
struct Paused {
    by: String,
    at: Timestamp,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Failure {
    at: Timestamp,
    code: String,
}

/// The configured destinations, and those for which something waits.
pub(super) fn names(gateway: &Gateway, depths: &[QueueDepth]) -> BTreeSet<DestinationName> {
    let rules = gateway.rules.load();
    let configured = rules.destinations().map(|destination| destination.name().clone());
    configured.chain(depths.iter().map(|depth| depth.destination.clone())).collect()
}

/// The code of the latest attempt that failed, unless its transfer has gone on since.
pub(super) async fn failure(gateway: &Gateway, course: &Course) -> Result<Option<String>, AdminProblem> {
    let Some((_, transfer)) = course.last_failure else { return Ok(None) };
    Ok(gateway.store.transfer(transfer).await?.and_then(|view| view.code))
}

pub(super) async fn list(State(gateway): State<Arc<Gateway>>, _: Caller) -> Result<Response, AdminProblem> {
    let now = gateway.clock.now();
    let depths = gateway.store.status(now).await?;
    let mut destinations = Vec::new();
    for name in names(&gateway, &depths) {
        let depth = depths.iter().find(|depth| depth.destination == name);
        destinations.push(standing(&gateway, &name, depth, now).await?);
    }
    Ok(intake::json(StatusCode::OK, &json!({ "destinations": destinations })))
}

async fn standing(
    gateway: &Gateway,
    name: &DestinationName,
    depth: Option<&QueueDepth>,
    now: Timestamp,
) -> Result<Destination, AdminProblem> {
    let course = gateway.operations.course(name);
    let paused = gateway.operations.paused();
    let code = failure(gateway, &course).await?.unwrap_or_default();
    let state = match (paused.contains_key(name), course.failing_since, depth) {
        (true, _, _) => "paused",
        (false, Some(_), Some(_)) => "failing",
        (false, None, Some(_)) => "delivering",
        (false, _, None) => "idle",
    };
    Ok(Destination {
        name: name.to_string(),
        adapter: gateway.config.load().destinations.get(name).map(|of| of.adapter.clone()),
        state,
        paused: paused.get(name).map(|paused| Paused {
            by: paused.who.clone(),
            at: paused.since,
            reason: paused.reason.clone(),
        }),
        pending: depth.map_or(0, |depth| depth.pending),
        due: depth.map_or(0, |depth| depth.due),
        unknown: depth.map_or(0, |depth| depth.unknown),
        oldest_accepted_at: depth.map(|depth| depth.oldest_accepted_at),
        last_delivered_at: course.last_delivered_at,
        last_failure: course.last_failure.map(|(at, _)| Failure { at, code }),
        minutes: course.hour(now),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    #[serde(default)]
    reason: Option<Reason>,
    #[serde(default)]
    preview: bool,
}

pub(super) async fn pause(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, AdminProblem> {
    turn(gateway, caller, name, body, true).await
}

pub(super) async fn resume(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, AdminProblem> {
    turn(gateway, caller, name, body, false).await
}

async fn turn(
    gateway: Arc<Gateway>,
    caller: Caller,
    name: String,
    body: Bytes,
    off: bool,
) -> Result<Response, AdminProblem> {
    caller.may(Role::Ops)?;
    let asked: Pause = acts::read(&body)?;
    let depths = gateway.store.status(gateway.clock.now()).await?;
    let known = names(&gateway, &depths).into_iter().find(|known| known.as_str() == name);
    let known = known.ok_or_else(|| AdminProblem::not_found("there is no such destination"))?;
    let reason = match (asked.reason, off) {
        (Some(reason), _) => reason,
        (None, false) => Reason::default(),
        (None, true) if asked.preview => Reason::default(),
        (None, true) => return Err(AdminProblem::malformed("say why: `reason`")),
    };
    let affected = depths.iter().find(|depth| depth.destination == known).map_or(0, |depth| depth.pending);
    let would_act = gateway.operations.is_paused(&known) != off;
    let acts = if asked.preview {
        would_act
    } else {
        let operator = acts::operator(&gateway, &caller, reason)?;
        // It goes on to its end also when whoever asked goes away.
        let turned = tokio::spawn(turned(Arc::clone(&gateway), known.clone(), operator, off));
        turned.await.map_err(|_| AdminProblem::conflict("broken-off", "the gateway is stopping"))??
    };
    let body = json!({ "destination": known.as_str(), "affected": affected, "acts": acts, "preview": asked.preview });
    Ok(intake::json(StatusCode::OK, &body))
}

async fn turned(
    gateway: Arc<Gateway>,
    name: DestinationName,
    operator: Operator,
    off: bool,
) -> Result<bool, AdminProblem> {
    let done = match off {
        true => gateway.store.pause(&name, operator).await?,
        false => gateway.store.resume(&name, operator).await?,
    };
    gateway.operations.look_at_pauses(&gateway.store).await?;
    gateway.operations.tell(News::Destination(name.clone()));
    gateway.bells.ring(&name);
    Ok(done)
}
