//! `DELETE /v1/transfers/{id}`: taken back, as long as nothing of it can have left.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use clearance::journey::TransferView;
use clearance::words::State as TransferState;
use http::StatusCode;
use store::Withdrawal;

use super::api::Transfer;
use super::problem::{Kind, Problem};
use super::request::Caller;
use super::transfers::not_recorded;
use super::{json, reading};
use crate::gateway::Gateway;

/// Withdraws a transfer. To withdraw one that is withdrawn already is no fault.
pub(crate) async fn withdraw(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let TransferView { transfer, destination, .. } = reading::own(&gateway, &caller, id).await?;
    let at = gateway.clock.now();
    let withdrawn = gateway.store.withdraw(transfer, &caller.client.id, at).await;
    match withdrawn.map_err(|error| not_recorded(&gateway, &error))? {
        Withdrawal::Withdrawn => {
            tracing::info!(event.action = "withdrawn", transfer.id = %transfer, client.name = %caller.client.id, "a client has withdrawn a transfer");
            // The next of its ordering key has its turn.
            gateway.bells.ring(&destination);
        }
        Withdrawal::AlreadyEnded(TransferState::Withdrawn) => {}
        Withdrawal::AlreadyEnded(state) => {
            let detail = format!("the transfer has ended as `{}`", state.code());
            return Err(Problem::new(Kind::TransferEnded, detail));
        }
        Withdrawal::UnderWay => {
            let detail = "an attempt to deliver the transfer is under way";
            let problem = Problem::new(Kind::TransferUnderWay, detail);
            return Err(problem.retry_after(Duration::from_secs(1)));
        }
        Withdrawal::PerhapsDelivered => {
            let detail =
                "an attempt to deliver the transfer had no readable answer, or part of it has arrived";
            return Err(Problem::new(Kind::TransferPerhapsDelivered, detail));
        }
        Withdrawal::NotFound => return Err(reading::nothing()),
    }
    let view = reading::view(&gateway, transfer).await?.ok_or_else(reading::nothing)?;
    Ok(json(StatusCode::OK, &Transfer::of(&view)))
}
