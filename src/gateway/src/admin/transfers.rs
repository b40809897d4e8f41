//! `/admin/v1/transfers`: which there are, how one has gone, and retrying and discarding those that wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use clearance::journey::{Recorder, TransferView};
use clearance::words::{State as TransferState, TransferId};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Handled, Handling, TransferFilter};

use super::access::{Caller, Role};
use super::acts::{self, Reason};
use super::problem::AdminProblem;
use crate::gateway::Gateway;
use crate::intake;

/// Transfers of a page, unless asked for less.
const PAGE: usize = 100;
/// So many transfers are handled by one commit.
const PAGE_HANDLED: usize = 1000;
/// So many ids are shown of those an act affects.
const SHOWN: usize = 20;

/// A transfer as operators see it: where it is, never what it says nor about whom.
#[derive(Debug, Serialize)]
struct Transfer {
    transfer: String,
    client: String,
    destination: String,
    purpose: String,
    state: &'static str,
    r#final: bool,
    attempts: u32,
    accepted_at: Timestamp,
    state_since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    not_after: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    ledger_index: u64,
}

impl Transfer {
    fn of(view: &TransferView) -> Self {
        Self {
            transfer: view.transfer.to_string(),
            client: view.client.to_string(),
            destination: view.destination.to_string(),
            purpose: view.purpose.to_string(),
            state: view.state.code(),
            r#final: view.state.is_final(),
            attempts: view.attempts,
            accepted_at: view.accepted_at,
            state_since: view.state_since,
            next_attempt_at: view.next_attempt_at,
            not_after: view.not_after,
            code: view.code.clone(),
            ledger_index: view.index,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    destination: Option<String>,
    #[serde(default)]
    client: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    before: Option<u64>,
    #[serde(default)]
    limit: Option<usize>,
}

pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Caller,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, AdminProblem> {
    let Query(asked) = asked.map_err(|_| {
        AdminProblem::malformed("`destination`, `client`, `state`, `before` and `limit` may be asked for")
    })?;
    let filter = TransferFilter {
        client: named(asked.client, "client")?,
        destination: named(asked.destination, "destination")?,
        state: state(asked.state)?,
        before: asked.before,
    };
    let page = gateway.store.page(filter, asked.limit.unwrap_or(PAGE).clamp(1, PAGE)).await?;
    let transfers: Vec<_> = page.transfers.iter().map(Transfer::of).collect();
    Ok(intake::json(StatusCode::OK, &json!({ "transfers": transfers, "next": page.next })))
}

fn state(text: Option<String>) -> Result<Option<TransferState>, AdminProblem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    TransferState::from_code(&text).map(Some).ok_or_else(|| AdminProblem::malformed("`state` is none"))
}

fn named<T: std::str::FromStr>(text: Option<String>, what: &str) -> Result<Option<T>, AdminProblem> {
    let parsed = text.filter(|text| !text.is_empty()).map(|text| text.parse()).transpose();
    parsed.map_err(|_| AdminProblem::malformed(format!("`{what}` is none")))
}

pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Response, AdminProblem> {
    let nothing = || AdminProblem::not_found("there is no such transfer");
    let id: TransferId = id.parse().map_err(|_| nothing())?;
    let view = gateway.store.transfer(id).await?.ok_or_else(nothing)?;
    let mut body = serde_json::to_value(Transfer::of(&view)).unwrap_or_default();
    let errors: Vec<_> = view.faults.iter().map(|fault| json!([fault.rule, fault.pointer])).collect();
    let mut history = vec![json!({ "index": view.index, "at": view.accepted_at, "kind": "disclosure" })];
    for (index, leaf) in gateway.store.history(id).await? {
        history.extend(entry(index, &leaf));
    }
    if let Some(members) = body.as_object_mut() {
        members.insert("errors".into(), errors.into());
        members.insert("acknowledged".into(), view.reference.is_some().into());
        members.insert("history".into(), history.into());
    }
    Ok(intake::json(StatusCode::OK, &body))
}

/// An entry of the ledger in the words of the API.
fn entry(index: u64, leaf: &[u8]) -> Option<Value> {
    Some(match ledger::Entry::decode(leaf).ok()? {
        ledger::Entry::Administration(act) => json!({
            "index": index, "at": act.at.to_string(), "kind": "administration",
            "who": act.who.as_str(), "action": act.action.as_str(),
        }),
        ledger::Entry::Outcome(outcome) => json!({
            "index": index, "at": outcome.at.to_string(), "kind": "outcome",
            "state": outcome.state.code(), "rule": outcome.rule.as_ref().map(|rule| rule.as_str()),
        }),
        _ => return None,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    destination: String,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    #[serde(default)]
    transfers: Vec<String>,
    #[serde(default)]
    filter: Option<Which>,
    #[serde(default)]
    reason: Option<Reason>,
    #[serde(default)]
    perhaps_delivered: bool,
    #[serde(default)]
    preview: bool,
}

pub(super) async fn retry(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, AdminProblem> {
    caller.may(Role::Ops)?;
    let act: Act = acts::read(&body)?;
    handle(&gateway, &caller, act, Handling::Retry).await
}

pub(super) async fn discard(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, AdminProblem> {
    caller.may(Role::Ops)?;
    let act: Act = acts::read(&body)?;
    if act.reason.is_none() && !act.preview {
        return Err(AdminProblem::malformed("say why: `reason`"));
    }
    let cleared_up = act.perhaps_delivered;
    handle(&gateway, &caller, act, Handling::Discard { cleared_up }).await
}

async fn handle(
    gateway: &Gateway,
    caller: &Caller,
    act: Act,
    handling: Handling,
) -> Result<Response, AdminProblem> {
    let operator = match act.preview {
        true => None,
        false => Some(acts::operator(gateway, caller, act.reason.unwrap_or_default())?),
    };
    let mut handled = Handled::default();
    match (act.filter, named_ids(&act.transfers)?) {
        (None, ids) if !ids.is_empty() => handled = gateway.store.handle(ids, handling, operator).await?,
        (Some(which), ids) if ids.is_empty() => {
            let destination = which.destination.parse();
            let destination = destination.map_err(|_| AdminProblem::malformed("`destination` is none"))?;
            let mut after = None;
            // A commit for each page: what goes on meanwhile does not wait for all of them.
            loop {
                let page =
                    gateway.store.waiting(&destination, which.code.clone(), after, PAGE_HANDLED).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                let ids = page.iter().map(|(_, id)| *id).collect();
                let of_page = gateway.store.handle(ids, handling, operator.clone()).await?;
                handled.done.extend(of_page.done);
                handled.skipped.extend(of_page.skipped);
            }
        }
        _ => {
            let detail = "name up to 1000 `transfers`, or those that wait for a destination by `filter`";
            return Err(AdminProblem::malformed(detail));
        }
    }
    if !act.preview {
        gateway.bells.ring_all();
    }
    Ok(intake::json(StatusCode::OK, &told(&handled, act.preview)))
}

/// The transfers that an act names, each once.
fn named_ids(ids: &[String]) -> Result<Vec<TransferId>, AdminProblem> {
    if ids.len() > PAGE_HANDLED {
        return Err(AdminProblem::malformed("`transfers` names more than 1000"));
    }
    let ids = ids.iter().map(|id| id.parse()).collect::<Result<BTreeSet<TransferId>, _>>();
    let ids = ids.map_err(|_| AdminProblem::malformed("one of `transfers` is no id of a transfer"))?;
    Ok(ids.into_iter().collect())
}

fn told(handled: &Handled, preview: bool) -> Value {
    let mut skipped: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (_, why) in &handled.skipped {
        *skipped.entry(why.code()).or_default() += 1;
    }
    let skipped: Vec<_> =
        skipped.into_iter().map(|(code, count)| json!({ "code": code, "count": count })).collect();
    let shown: Vec<_> = handled.done.iter().take(SHOWN).map(ToString::to_string).collect();
    json!({
        "affected": handled.done.len(), "skipped": skipped, "transfers": shown,
        "acts": !handled.done.is_empty(), "preview": preview,
    })
}
