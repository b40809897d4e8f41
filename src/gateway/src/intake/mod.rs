//! The intake API: what the clinic's systems talk to, over mutual TLS.
//!
//! The order of a transfer is fixed by the types of [`clearance::journey`]; this module reads requests, asks the store,
//! and says yes or no in HTTP.

mod api;
mod body;
mod destinations;
mod digest_header;
mod disclosures;
mod events;
mod framing;
mod memory;
mod multipart;
mod openapi;
mod pages;
pub(crate) mod problem;
mod reading;
mod released;
mod request;
mod requests;
mod standing;
mod transfers;
mod upload;
mod waiting;
mod withdrawing;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode};
use identity::Admitted;
use tracing::Instrument;

use self::problem::{Kind, Problem};
use crate::gateway::Gateway;
use crate::rates::Used;
use crate::telemetry::{metrics, trace};

pub(crate) use self::memory::Room;
pub(crate) use self::openapi::document as openapi_document;
pub(crate) use self::pages::problem_pages;
pub(crate) use self::request::{Caller, RequestId, template as route_template};
pub(crate) use self::requests::Questions;
pub(crate) use self::waiting::Waiting;

/// The routes of the intake listener.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/transfers", post(transfers::accept).get(reading::transfers))
        .route("/v1/checks", post(transfers::check))
        .route("/v1/requests", post(requests::ask))
        .route("/v1/transfers/{id}", get(reading::transfer).delete(withdrawing::withdraw))
        .route("/v1/transfers/{id}/events", get(events::follow))
        .merge(standing::routes())
        .route("/v1/disclosures/search", post(disclosures::search))
        .route("/v1/destinations", get(destinations::list))
        .route("/openapi.json", get(openapi::serve))
        .merge(problem_pages())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&gateway), identify))
        .with_state(gateway)
}

/// Decides who is calling, for each request: the registry, the trust and the time may have changed since the handshake.
///
/// Identity headers from outside are neither read here nor passed on.
async fn identify(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let id = RequestId::fresh(&gateway);
    let started = gateway.clock.now();
    let span = trace::server_span(&request, id.as_str());
    let (method, version) = (request.method().clone(), request.version());
    let clear = framing::check(&request);
    let is_unclear = clear.is_err();
    let (mut request, rest) = framing::Rest::of(request);
    let path = request::template(&request);
    let headers = request.headers().clone();
    let (client, response) = async {
        match admitted(&gateway, &request) {
            Ok(caller) => {
                gateway.sightings.note(caller.peer(), started);
                let client = caller.client.id.to_string();
                let (used, within) = gateway.rates.client(&caller.client.id);
                let mut response = match within.and(clear) {
                    Ok(()) => {
                        request.extensions_mut().insert(caller);
                        request.extensions_mut().insert(id.clone());
                        next.run(request).await
                    }
                    Err(problem) => problem.into_response(),
                };
                response.extensions_mut().insert(used);
                (client, response)
            }
            Err(problem) => {
                metrics::refused("identity", problem.kind.slug());
                let base = gateway.problem_base_url();
                ("-".to_owned(), problem.answer(&base, id.as_str(), &headers))
            }
        }
    }
    .instrument(span.clone())
    .await;
    let mut response = finish(response, &gateway, &id, &headers);
    if is_unclear || rest.is_left() {
        response = framing::last_of_its_connection(version, response);
    }
    let taken = gateway.clock.now().duration_since(started);
    metrics::served(&method, path, response.status(), taken);
    span.in_scope(|| {
        tracing::info!(
            event.action = "request",
            http.request.method = %method,
            url.template = path,
            http.response.status_code = response.status().as_u16(),
            client.name = client,
            event.duration = i64::try_from(taken.as_nanos()).unwrap_or(i64::MAX),
            http.request.id = id.as_str(),
            "answered a request"
        );
    });
    response
}

fn admitted(gateway: &Gateway, request: &Request) -> Result<Caller, Problem> {
    let unregistered =
        || Problem::new(Kind::ClientUnregistered, "no client is registered with this certificate");
    let peer = request.extensions().get::<Arc<Connection>>().ok_or_else(unregistered)?;
    peer.caller(gateway)
}

/// What is known of a connection: the certificates its handshake showed, and the first decision about them.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) admitted: Result<Admitted, Problem>,
}

impl Connection {
    fn caller(&self, gateway: &Gateway) -> Result<Caller, Problem> {
        let admitted = self.admitted.as_ref().map_err(Clone::clone)?;
        Caller::admit(gateway, admitted)
    }
}

/// The answer to a peer that may not go on.
pub(crate) fn not_admitted(error: &identity::AdmissionError) -> Problem {
    let kind = match error {
        identity::AdmissionError::Chain(_) => Kind::CertificateRevoked,
        identity::AdmissionError::Identity(_) | identity::AdmissionError::OtherClient => {
            Kind::ClientUnregistered
        }
    };
    let mut problem = Problem::new(kind, error.to_string());
    problem.rule = Some(error.reason().to_owned());
    problem
}

/// A problem that a handler returned becomes its document here, where the request is known.
fn finish(mut response: Response, gateway: &Gateway, id: &RequestId, headers: &http::HeaderMap) -> Response {
    let used = response.extensions_mut().remove::<Used>();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers_mut().remove(http::header::ALLOW);
        response = problem.answer(&gateway.problem_base_url(), id.as_str(), headers);
        if let Some(allow) = allow {
            response.headers_mut().insert(http::header::ALLOW, allow);
        }
    }
    if let Some(used) = used {
        used.tell(response.headers_mut());
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert("x-request-id", value);
    }
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    response
}

impl IntoResponse for Problem {
    /// Carries the problem to [`identify`], which knows the request and what the caller reads.
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

async fn not_found() -> Problem {
    Problem::new(Kind::NotFound, "there is no such path")
}

async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "this path does not have this method")
}

/// Answers that carry no problem still say so in one way.
pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let headers = [(http::header::CONTENT_TYPE, "application/json")];
            (status, headers, body).into_response()
        }
        Err(_) => Problem::new(Kind::Internal, "the answer could not be written").into_response(),
    }
}
