//! Reading a transfer's state, and waiting for it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use clearance::journey::{Recorder, TransferView};
use clearance::words::TransferId;
use http::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::api::Transfer;
use super::json;
use super::problem::{Kind, Problem};
use super::request::Caller;
use crate::gateway::Gateway;

/// `GET /v1/transfers/{id}`: a client sees its own transfers only.
pub(crate) async fn transfer(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let nothing = || Problem::new(Kind::NotFound, "this client has no such transfer");
    let Path(id) = id.map_err(|_| nothing())?;
    let id: TransferId = id.parse().map_err(|_| nothing())?;
    let view = view(&gateway, id).await?;
    let view = view.filter(|view| view.client == caller.client.id).ok_or_else(nothing)?;
    Ok(json(StatusCode::OK, &Transfer::of(&view)))
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

async fn view(gateway: &Gateway, id: TransferId) -> Result<Option<TransferView>, Problem> {
    gateway
        .store
        .transfer(id)
        .await
        .map_err(|_| Problem::new(Kind::NotAccepting, "the record cannot be read"))
}
