//! Reading transfers: one, a page of them, and waiting for one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use clearance::fault::Fault;
use clearance::journey::{Recorder, TransferView};
use clearance::words::{State as TransferState, TransferId};
use http::StatusCode;
use serde::Serialize;
use store::TransferFilter;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use super::api::Transfer;
use super::json;
use super::problem::{Kind, Problem};
use super::request::Caller;
use crate::gateway::Gateway;

/// How many transfers a page has unless the client says otherwise, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;
/// The largest index that can be: the store counts by signed numbers.
const INDEX_MAX: u64 = i64::MAX as u64;

/// A page of a client's transfers, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transfers {
    transfers: Vec<Transfer>,
    /// `before` of the next page; absent on the last one. A page may have fewer transfers than `limit`, even none, and
    /// still have a next one: of very many that do not fit, only so many are looked through at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// `GET /v1/transfers/{id}`: a client sees its own transfers only.
pub(crate) async fn transfer(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let view = own(&gateway, &caller, id).await?;
    Ok(json(StatusCode::OK, &Transfer::of(&view)))
}

/// `GET /v1/transfers`: a client's own, a page at a time.
pub(crate) async fn transfers(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Problem> {
    let (filter, limit) = wanted(parameters, &["state", "destination", "before", "limit"])?;
    let filter = TransferFilter { client: Some(caller.client.id.clone()), ..filter };
    let page = gateway.store.page(filter, limit).await.map_err(|_| unreadable())?;
    let transfers = page.transfers.iter().map(Transfer::of).collect();
    Ok(json(StatusCode::OK, &Transfers { transfers, next: page.next }))
}

/// What the query's parameters ask for, or everything that is wrong with them.
pub(super) fn wanted(
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
    known: &[&str],
) -> Result<(TransferFilter, usize), Problem> {
    let Query(parameters) = parameters.map_err(|_| no_parameters(Vec::new()))?;
    let (mut filter, mut limit) = (TransferFilter::default(), None);
    let mut faults = Vec::new();
    for (name, value) in &parameters {
        let name = known.iter().find(|known| *known == name).copied().unwrap_or_default();
        let fault = match name {
            "state" => set(&mut filter.state, TransferState::from_code(value), &states()),
            "destination" => set(&mut filter.destination, value.parse().ok(), "the name of a destination"),
            "before" => {
                let index = value.parse::<u64>().ok().filter(|index| *index <= INDEX_MAX);
                set(&mut filter.before, index, "`next` of the page before")
            }
            "limit" => {
                let number = value.parse().ok().filter(|number| (1..=PAGE_MAX).contains(number));
                set(&mut limit, number, "a number from 1 to 1000")
            }
            // The name itself is not echoed: it could be a value.
            _ => Some((String::new(), "a parameter that is none".to_owned())),
        };
        faults.extend(fault.map(|(expected, detail)| {
            let remedy = match expected.as_str() {
                "" => {
                    let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                    format!("only {} are known here, each at most once", known.join(", "))
                }
                expected => format!("send {expected} as `{name}`, once"),
            };
            let place = if expected.is_empty() { String::new() } else { format!("?{name}") };
            Fault::new(Kind::ParametersInvalid.slug(), place, detail, remedy)
        }));
    }
    if faults.is_empty() { Ok((filter, limit.unwrap_or(PAGE))) } else { Err(no_parameters(faults)) }
}

fn states() -> String {
    let all: Vec<_> = TransferState::ALL.iter().map(|state| format!("`{}`", state.code())).collect();
    format!("one of {}", all.join(", "))
}

/// Puts a value in its place; otherwise what was expected, and what is wrong.
fn set<T>(place: &mut Option<T>, value: Option<T>, expected: &str) -> Option<(String, String)> {
    if place.is_some() {
        return Some((expected.to_owned(), "there twice".to_owned()));
    }
    *place = value;
    place.is_none().then(|| (expected.to_owned(), format!("not {expected}")))
}

fn no_parameters(faults: Vec<Fault>) -> Problem {
    let problem = Problem::new(Kind::ParametersInvalid, "the parameters in the URL cannot be used");
    Problem { faults, ..problem }
}

/// Waits until the transfer has ended; the answer is its state then, or when the time is up.
pub(crate) async fn delivered_within(
    gateway: &Gateway,
    id: TransferId,
    time: Duration,
) -> Result<Option<TransferView>, Problem> {
    let deadline = Instant::now() + time;
    let Some(place) = gateway.waiting.place(id, gateway.config.load().limits.waiting_max) else {
        // To wait is a preference; the transfer is accepted all the same.
        return view(gateway, id).await;
    };
    loop {
        let news = place.news();
        let view = view(gateway, id).await?;
        let ended = view.as_ref().is_none_or(|view| view.state.is_final());
        if ended || timeout_at(deadline, news).await.is_err() {
            return Ok(view);
        }
    }
}

/// The transfer with this id, if it is the caller's.
pub(super) async fn own(
    gateway: &Gateway,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<TransferView, Problem> {
    let Path(id) = id.map_err(|_| nothing())?;
    let id: TransferId = id.parse().map_err(|_| nothing())?;
    let view = view(gateway, id).await?;
    view.filter(|view| view.client == caller.client.id).ok_or_else(nothing)
}

pub(super) fn nothing() -> Problem {
    Problem::new(Kind::NotFound, "this client has no such transfer")
}

pub(super) async fn view(gateway: &Gateway, id: TransferId) -> Result<Option<TransferView>, Problem> {
    gateway.store.transfer(id).await.map_err(|_| unreadable())
}

pub(super) fn unreadable() -> Problem {
    Problem::new(Kind::NotAccepting, "the record cannot be read").retry_after(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted_by(query: &[(&str, &str)]) -> Result<(TransferFilter, usize), Vec<String>> {
        let parameters: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let places = |problem: Problem| problem.faults.into_iter().map(|fault| fault.pointer).collect();
        let known = ["state", "destination", "before", "limit"];
        wanted(Ok(Query(parameters)), &known).map_err(places)
    }

    #[test]
    fn every_fault_of_the_parameters_is_told_and_none_shows_a_value() {
        let (filter, limit) =
            wanted_by(&[("state", "unknown"), ("destination", "employer"), ("before", "7")]).unwrap();
        assert_eq!((filter.state, filter.before, limit), (Some(TransferState::Unknown), Some(7), PAGE));
        let faults = wanted_by(&[("state", "gone"), ("limit", "0"), ("49003120231", "1"), ("before", "-1")]);
        assert_eq!(faults.unwrap_err(), ["?state", "?limit", "", "?before"]);
        assert_eq!(wanted_by(&[("limit", "1"), ("limit", "2")]).unwrap_err(), ["?limit"]);
        assert!(wanted_by(&[("limit", "1001")]).is_err());
    }
}
