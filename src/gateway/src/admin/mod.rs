//! The admin listener: health, metrics, problem pages, the API's description, and the admin API by which operators see and steer
//! the gateway (`docs/admin.md`). Plain HTTP, meant for loopback.

mod access;
mod acts;
mod certificates;
mod destinations;
mod events;
mod ledger;
mod operations;
mod overview;
mod problem;
mod transfers;

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

pub(crate) use self::access::Role;
pub(crate) use self::operations::{Operations, follow};
use crate::gateway::Gateway;
use crate::{console, intake};

/// The routes of the admin listener.
pub(crate) fn router(gateway: Arc<Gateway>, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/metrics", get(move || async move { scrape(&metrics) }))
        .route("/openapi.json", get(|| async { intake::json(StatusCode::OK, &intake::openapi_document()) }))
        .merge(health())
        .route("/readyz", get(ready))
        .nest("/admin/v1", api())
        .with_state(gateway)
        .merge(intake::problem_pages())
        .merge(console::router())
}

fn api() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/overview", get(overview::overview))
        .route("/destinations", get(destinations::list))
        .route("/destinations/{name}/pause", post(destinations::pause))
        .route("/destinations/{name}/resume", post(destinations::resume))
        .route("/transfers", get(transfers::list))
        .route("/transfers/retry", post(transfers::retry))
        .route("/transfers/discard", post(transfers::discard))
        .route("/transfers/{id}", get(transfers::show))
        .route("/certificates", get(certificates::list))
        .route("/certificates/reload", post(certificates::reload))
        .route("/ledger/verify", post(ledger::verify))
        .route("/log-filter", put(ledger::log))
        .route("/events", get(events::listen))
}

/// The routes of the `tls-only` listener: whoever asks is unknown, and hears yes or no.
pub(crate) fn tls_only(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .merge(health())
        .route("/readyz", get(|State(gateway): State<Arc<Gateway>>| async move { ready_or_not(&gateway) }))
        .with_state(gateway)
        .merge(intake::problem_pages())
}

fn health() -> Router<Arc<Gateway>> {
    Router::new().route("/livez", get(live)).route("/startupz", get(started))
}

fn scrape(metrics: &PrometheusHandle) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response()
}

/// Whether the process serves at all; it looks at nothing else.
async fn live() -> &'static str {
    "ok\n"
}

async fn started(State(gateway): State<Arc<Gateway>>) -> Response {
    answer(gateway.health.is_started(), "ok\n", "starting\n")
}

/// Whether a transfer could be accepted and recorded now.
async fn ready(State(gateway): State<Arc<Gateway>>, RawQuery(query): RawQuery) -> Response {
    let now = gateway.clock.now();
    let accepting = gateway.health.accepting(now);
    if query.is_some_and(|query| query.split('&').any(|item| item.starts_with("verbose"))) {
        let status = if accepting.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        return intake::json(
            status,
            &json!({ "ready": accepting.is_ok(), "checks": gateway.health.findings(now) }),
        );
    }
    answer(accepting.is_ok(), "ok\n", "not ready; ask with ?verbose\n")
}

fn ready_or_not(gateway: &Gateway) -> Response {
    answer(gateway.health.accepting(gateway.clock.now()).is_ok(), "ok\n", "not ready\n")
}

fn answer(ok: bool, yes: &'static str, no: &'static str) -> Response {
    if ok { yes.into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, no).into_response() }
}
