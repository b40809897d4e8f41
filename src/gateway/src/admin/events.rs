//! `GET /admin/v1/events`: what happens, as it happens (server-sent events). Whoever has missed something asks the rest of the API.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::access::Caller;
use super::operations::News;
use super::problem::AdminProblem;
use crate::gateway::Gateway;

/// More consoles than this are told to come back.
const LISTENERS_MAX: usize = 32;
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
const COMMENT_EVERY: Duration = Duration::from_secs(15);

pub(super) async fn listen(State(gateway): State<Arc<Gateway>>, _: Caller) -> Result<Response, AdminProblem> {
    let place = Place::take().ok_or_else(|| AdminProblem::too_many("32 consoles listen already"))?;
    let news = gateway.operations.listen();
    let events = stream::unfold((news, place), |(mut news, place)| async move {
        let event = next(&mut news).await?;
        Some((Ok::<_, Infallible>(event), (news, place)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(COMMENT_EVERY)).into_response())
}

async fn next(news: &mut broadcast::Receiver<News>) -> Option<Event> {
    let (name, data) = match news.recv().await {
        Ok(News::Transfer(changed)) => (
            "transfer",
            json!({
                "transfer": changed.transfer.to_string(), "destination": changed.destination.as_str(),
                "state": changed.state.code(),
            }),
        ),
        Ok(News::Destination(name)) => ("destination", json!({ "name": name.as_str() })),
        Ok(News::Ledger) => ("ledger", json!({})),
        // Some were missed: look at everything.
        Err(RecvError::Lagged(_)) => ("trouble", json!({})),
        Err(RecvError::Closed) => return None,
    };
    Event::default().event(name).json_data(data).ok()
}

/// One listener's.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let taken = LISTENERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken < LISTENERS_MAX).then_some(taken + 1)
        });
        taken.ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}
