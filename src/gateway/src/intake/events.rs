//! `GET /v1/transfers/{id}/events`: a transfer's states as they come (server-sent events), until the final one.
//!
//! Each event is the whole transfer as it stands: whoever connects again has missed nothing but what is past.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use clearance::words::TransferId;
use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::api::Transfer;
use super::problem::{Kind, Problem};
use super::reading;
use super::request::Caller;
use super::waiting::Place;
use crate::gateway::Gateway;

/// So often something is sent, so that neither side takes the connection for dead.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// A stream ends after this; who still follows connects again, by what the settings say then.
const STREAM_LASTS: Duration = Duration::from_secs(15 * 60);
/// So long a client waits before it connects again.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// Follows one transfer of the caller's.
pub(crate) async fn follow(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let transfer = reading::own(&gateway, &caller, id).await?.transfer;
    let most = gateway.config.load().limits.waiting_max;
    let Some(place) = gateway.waiting.place(transfer, most) else {
        let detail = "as many transfers are waited for as the settings allow";
        return Err(Problem::new(Kind::RateLimited, detail).retry_after(Duration::from_secs(5)));
    };
    let until = Instant::now() + STREAM_LASTS;
    let following = Following { gateway, caller, transfer, place, told: None, until, ended: false };
    Ok(Sse::new(stream::unfold(following, Following::next)).into_response())
}

/// One stream.
struct Following {
    gateway: Arc<Gateway>,
    caller: Caller,
    transfer: TransferId,
    place: Place,
    /// What was told last.
    told: Option<Transfer>,
    until: Instant,
    ended: bool,
}

impl Following {
    /// The next event, or a comment while there is none; nothing after the final state.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            // Made before looking, so that what happens meanwhile is not slept over.
            let news = self.place.news();
            if self.ended || !self.goes_on() {
                return None;
            }
            // What cannot be read now can be when the client connects again.
            let view = reading::view(&self.gateway, self.transfer).await.ok()??;
            let transfer = Transfer::of(&view);
            if self.told.as_ref() != Some(&transfer) {
                let event = Event::default().event("transfer").retry(RECONNECT_AFTER);
                let event = event.json_data(&transfer).ok()?;
                self.ended = transfer.r#final;
                self.told = Some(transfer);
                return Some((Ok(event), self));
            }
            tokio::select! {
                () = news => {}
                () = sleep(COMMENT_EVERY) => return Some((Ok(Event::default().comment("")), self)),
            }
        }
    }

    /// A stream outlives neither its certificate nor the gateway's drain.
    fn goes_on(&self) -> bool {
        Instant::now() < self.until
            && !self.gateway.health.is_draining()
            && self.caller.still_admitted(&self.gateway).is_ok()
    }
}
