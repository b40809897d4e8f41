//! `POST /v1/transfers` and `POST /v1/checks`: the same pipeline; only a transfer is recorded.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use clearance::adapter::Documents;
use clearance::declaration::Declaration;
use clearance::fault::Fault;
use clearance::journey::{
    Content, IdempotencyScope, Keeping, Outgoing, Particulars, RecordFailure, Recorder, RecorderError,
    Reservation, Submission,
};
use clearance::refusal::{Refusal, Stage};
use clearance::words::{State as TransferState, TransferId};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use tracing::Instrument;

use super::api::{Accepted, Checked, Decision, OutgoingDocument, OutgoingPart, Settled, Transfer};
use super::body::Incoming;
use super::problem::{Kind, Problem};
use super::request::{Caller, RequestId, idempotency_key, wait};
use super::upload::{self, NotTaken, Received};
use super::{json, reading};
use crate::config::Limits;
use crate::gateway::Gateway;
use crate::telemetry::{metrics, trace};

/// Accepts a transfer: 202 after the synced commit, never before.
pub(crate) async fn accept(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let scope = scope(&gateway, &caller, &headers)?;
    let reservation = gateway.store.reserve(&scope).await.map_err(|error| not_recorded(&gateway, &error))?;
    let accepted = match reservation {
        Reservation::InProgress => {
            let detail = "the first request with this idempotency key has not been answered yet";
            return Err(Problem::new(Kind::KeyInProgress, detail).retry_after(Duration::from_secs(1)));
        }
        Reservation::Accepted { content, transfer, answer } => {
            replay(&gateway, &headers, body, content, transfer, answer).await?
        }
        Reservation::Fresh => {
            let lease = Lease { gateway: Arc::clone(&gateway), scope };
            fresh(&gateway, &caller, &request, &headers, body, lease).await?
        }
    };
    answer(&gateway, &headers, accepted).await
}

/// Runs a submission through the whole pipeline and stores nothing.
pub(crate) async fn check(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<CheckQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| {
        let detail = "`document` in the query is neither `true` nor `false`";
        Problem::new(Kind::ParametersInvalid, detail)
    })?;
    let limits = Limits::clone(&gateway.config.load().limits);
    let _memory = gateway.room.for_a_body(&headers, &limits).await?;
    let mut incoming = Incoming::begin(&headers, body, &limits).await?;
    let declaration = incoming.declaration().await?;
    let cleared = clear(&gateway, &caller, &declaration, incoming, None).await;
    metrics::checked(cleared.is_ok());
    let (outgoing, _) = cleared.map_err(NotCleared::into_problem)?;
    let checked = Checked {
        decision: Decision::of(&outgoing),
        outgoing: asked.document.then(|| OutgoingDocument {
            media_type: outgoing.payload().media_type.clone(),
            document: String::from_utf8_lossy(&outgoing.payload().bytes).into_owned(),
            parts: outgoing.parts().iter().map(OutgoingPart::of).collect(),
        }),
    };
    Ok(json(StatusCode::OK, &checked))
}

/// What a check may be asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct CheckQuery {
    /// Whether to show the document as it would leave.
    #[serde(default)]
    document: bool,
}

/// An accepted transfer and its answer, now or from the first time.
struct AcceptedAnswer {
    transfer: TransferId,
    body: Vec<u8>,
    replayed: bool,
}

/// The lease on an idempotency key. Dropping it gives the lease back; where the key was used up, that has no effect.
struct Lease {
    gateway: Arc<Gateway>,
    scope: IdempotencyScope,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.gateway.store.release(&self.scope);
    }
}

async fn fresh(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    request: &RequestId,
    headers: &HeaderMap,
    body: Body,
    lease: Lease,
) -> Result<AcceptedAnswer, Problem> {
    gateway.accepting()?;
    let limits = Limits::clone(&gateway.config.load().limits);
    let _memory = gateway.room.for_a_body(headers, &limits).await?;
    let internal = |_| Problem::new(Kind::Internal, "the source of randomness has failed");
    let transfer = TransferId::new(gateway.clock.now(), &*gateway.entropy).map_err(internal)?;
    let mut incoming = Incoming::begin(headers, body, &limits).await?;
    let declaration = incoming.declaration().await?;
    let (outgoing, content) = match clear(gateway, caller, &declaration, incoming, Some(transfer)).await {
        Ok(cleared) => cleared,
        Err(NotCleared::Problem(problem)) => return Err(problem),
        Err(NotCleared::Refused(refusal, named)) => {
            gateway.note_refusal(caller, request, &refusal, named).await?;
            return Err(refusal.into());
        }
        Err(NotCleared::NoRoute(problem)) => {
            // Without the name that was given: it may be anything, and stays for ever.
            gateway.note_refusal(caller, request, &no_route(&problem), None).await?;
            return Err(problem);
        }
    };
    gateway.rates.destination(&outgoing.declaration().destination)?;
    // The certificate may have been revoked while the body was on its way.
    caller.still_admitted(gateway)?;
    // On a task of its own: a client that hangs up meanwhile must not leave a commit half attended to.
    let recording = tokio::spawn(record(lease, transfer, outgoing, content).in_current_span());
    recording.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "recording the transfer broke off")))
}

async fn record(
    lease: Lease,
    transfer: TransferId,
    outgoing: Outgoing,
    content: Content,
) -> Result<AcceptedAnswer, Problem> {
    let (gateway, idempotency) = (&*lease.gateway, lease.scope.clone());
    let at = gateway.clock.now();
    let decision = Decision::of(&outgoing);
    let rules = decision.rules.clone();
    let destination = outgoing.declaration().destination.clone();
    let accepted = Accepted {
        transfer: transfer.to_string(),
        state: TransferState::Accepted.code().to_owned(),
        decision,
    };
    let body = serde_json::to_vec(&accepted)
        .map_err(|_| Problem::new(Kind::Internal, "the answer could not be written"))?;
    let not_after = gateway.not_after(outgoing.declaration(), at);
    let particulars = Particulars {
        transfer,
        at,
        not_after,
        idempotency,
        content,
        answer: body.clone(),
        traceparent: trace::traceparent(),
    };
    outgoing
        .record(&*gateway.store, &gateway.vault, particulars)
        .await
        .map_err(|failure| not_sealed(gateway, &failure))?;
    metrics::permitted(&destination, &rules);
    // While it is paused there is nothing to be done; who resumes it rings.
    if !gateway.operations.is_paused(&destination) {
        gateway.bells.ring(&destination);
    }
    Ok(AcceptedAnswer { transfer, body, replayed: false })
}

/// The answer of the first time, if the request is the same.
async fn replay(
    gateway: &Gateway,
    headers: &HeaderMap,
    body: Body,
    first: Content,
    transfer: TransferId,
    answer: Vec<u8>,
) -> Result<AcceptedAnswer, Problem> {
    let limits = Limits::clone(&gateway.config.load().limits);
    let _memory = gateway.room.for_a_body(headers, &limits).await?;
    let mut incoming = Incoming::begin(headers, body, &limits).await?;
    let declaration = incoming.declaration().await?;
    let received = upload::received(incoming, limits.upload_bytes_max).await?;
    if content(gateway, &declaration, &received) != first {
        let detail = "this client has used the idempotency key for a transfer with other content";
        return Err(Problem::new(Kind::KeyReused, detail));
    }
    Ok(AcceptedAnswer { transfer, body: answer, replayed: true })
}

async fn answer(
    gateway: &Gateway,
    headers: &HeaderMap,
    accepted: AcceptedAnswer,
) -> Result<Response, Problem> {
    let limit = Duration::from_secs(gateway.config.load().limits.wait_seconds_max);
    let location = format!("/v1/transfers/{}", accepted.transfer);
    let waited = match wait(headers, limit) {
        // It is on record: what cannot be read now must not make the client believe that it is not.
        Some(time) => reading::delivered_within(gateway, accepted.transfer, time).await.unwrap_or_default(),
        None => None,
    };
    let mut response = match waited {
        Some(view) => {
            let delivered = view.state == TransferState::Delivered;
            let status = if delivered { StatusCode::OK } else { StatusCode::ACCEPTED };
            let first: Accepted = serde_json::from_slice(&accepted.body)
                .map_err(|_| Problem::new(Kind::Internal, "the first answer could not be read"))?;
            json(status, &Settled { decision: first.decision, transfer: Transfer::of(&view) })
        }
        None => (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json")], accepted.body)
            .into_response(),
    };
    let answer = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&location) {
        answer.insert(header::LOCATION, location);
    }
    if accepted.replayed {
        answer.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Why a submission was not cleared.
pub(super) enum NotCleared {
    /// The request itself is wrong; there is nothing to put on record.
    Problem(Problem),
    /// A no to an identified client whose destination is none that this gateway sends to.
    NoRoute(Problem),
    /// A no to an identified client, with destination and purpose where they are known.
    Refused(Refusal, Option<(String, String)>),
}

impl NotCleared {
    fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) | Self::NoRoute(problem) => problem,
            Self::Refused(refusal, _) => refusal.into(),
        }
    }
}

impl From<Problem> for NotCleared {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// From bytes to what would leave: declaration, policy, document, policy, shape.
async fn clear(
    gateway: &Gateway,
    caller: &Caller,
    declaration: &Bytes,
    incoming: Incoming,
    transfer: Option<TransferId>,
) -> Result<(Outgoing, Content), NotCleared> {
    let rules = gateway.rules.load_full();
    let refused = |refusal: Refusal| NotCleared::Refused(refusal, None);
    metrics::body_parsed("declaration");
    let parsed =
        Declaration::parse(declaration, gateway.config.load().policy.check_digits).map_err(|faults| {
            refused(Refusal::for_faults(Stage::Declaration, "the declaration is not well-formed", faults))
        })?;
    in_time(&parsed, gateway.clock.now()).map_err(refused)?;
    let destination = rules.destination(&parsed.destination).map_err(NotCleared::NoRoute)?;
    let named = Some((parsed.destination.to_string(), parsed.purpose.to_string()));
    let subject = gateway.vault.pseudonyms.pseudonym(&parsed.subject.identifier);
    let standing = gateway
        .store
        .standing(subject, destination.name())
        .await
        .map_err(|error| not_recorded(gateway, &error))?;
    let submission =
        Submission::receive(Arc::clone(&caller.client), caller.certificate(), parsed, destination)
            .map_err(refused)?;
    let known = |refusal| NotCleared::Refused(refusal, named.clone());
    let lawful = submission.lawful(&rules.policy, standing).map_err(known)?;
    metrics::body_parsed("document");
    let (outgoing, received) = match lawful.documents() {
        Documents::One => upload::one(incoming, lawful, rules).await,
        Documents::Streamed { .. } => {
            let keeping = keeping(gateway, transfer)?;
            upload::streamed(gateway, incoming, lawful, rules, keeping).await
        }
    }
    .map_err(|not_taken| match not_taken {
        NotTaken::Problem(problem) => NotCleared::Problem(problem),
        NotTaken::Refused(refusal) => known(refusal),
    })?;
    Ok((outgoing, content(gateway, declaration, &received)))
}

/// A transfer's documents are sealed as they come; a check keeps nothing.
fn keeping(gateway: &Gateway, transfer: Option<TransferId>) -> Result<Keeping, Problem> {
    let Some(transfer) = transfer else { return Ok(Keeping::nothing()) };
    gateway.health.spools().map_err(|why| {
        Problem::new(Kind::NotAccepting, format!("not now: {why}")).retry_after(Duration::from_secs(30))
    })?;
    let in_memory = gateway.config.load().limits.document_bytes_max;
    Keeping::sealed(&gateway.bodies, transfer, in_memory, &*gateway.entropy)
        .map_err(|_| Problem::new(Kind::Internal, "the source of randomness has failed"))
}

/// What could only expire is not taken.
pub(super) fn in_time(declaration: &Declaration, now: Timestamp) -> Result<(), Refusal> {
    if declaration.not_after.is_none_or(|not_after| not_after > now) {
        return Ok(());
    }
    let detail = "the instant after which it is not to be delivered has passed";
    let remedy = "declare a later `not_after`, or leave it out";
    let fault = Fault::new("not-after-passed", "/not_after", detail, remedy);
    Err(Refusal::for_faults(Stage::Declaration, detail, vec![fault]))
}

pub(super) fn no_route(problem: &Problem) -> Refusal {
    Refusal {
        stage: Stage::Destination,
        rule: problem.kind.slug().to_owned(),
        detail: String::new(),
        faults: problem.faults.clone(),
    }
}

/// Boundaries and part headers are left out: retries change them.
fn content(gateway: &Gateway, declaration: &[u8], received: &[Received]) -> Content {
    let documents =
        received.iter().flat_map(|(media_type, sha256)| [media_type.as_bytes(), sha256.as_slice()]);
    let parts: Vec<_> = std::iter::once(declaration).chain(documents).collect();
    Content(gateway.vault.pseudonyms.digest("content by digests", &parts))
}

fn scope(gateway: &Gateway, caller: &Caller, headers: &HeaderMap) -> Result<IdempotencyScope, Problem> {
    let key = idempotency_key(headers)?;
    let client = &caller.client.id;
    let key =
        gateway.vault.pseudonyms.digest("idempotency key", &[client.as_str().as_bytes(), key.as_bytes()]);
    Ok(IdempotencyScope { client: client.clone(), key })
}

pub(super) fn not_recorded(gateway: &Gateway, error: &RecorderError) -> Problem {
    match error {
        RecorderError::SupersedesNotPossible => {
            let detail = "the transfer named in `supersedes` is not waiting any more, or is none of yours";
            Problem::new(Kind::SupersedesNotPossible, detail)
        }
        RecorderError::Busy => Problem::new(Kind::NotAccepting, "the record is held by somebody else")
            .retry_after(Duration::from_secs(5)),
        RecorderError::Full | RecorderError::Latched | RecorderError::Damaged(_) => {
            tracing::error!(event.action = "record-failed", error.message = %error, "nothing could be recorded");
            // Readiness says so at once; housekeeping tries again and takes it back.
            gateway.health.record(Err("the record cannot be written"));
            Problem::new(Kind::NotAccepting, "the record cannot be written")
                .retry_after(Duration::from_secs(30))
        }
    }
}

pub(super) fn not_sealed(gateway: &Gateway, failure: &RecordFailure) -> Problem {
    match failure {
        RecordFailure::Recorder(error) => not_recorded(gateway, error),
        RecordFailure::Seal(_) => {
            tracing::error!(
                event.action = "seal-failed",
                error.message = crate::serve::causes(failure),
                "a transfer could not be sealed"
            );
            Problem::new(Kind::NotAccepting, "the transfer could not be sealed")
                .retry_after(Duration::from_secs(30))
        }
        RecordFailure::Value(_) => {
            Problem::new(Kind::DeclarationInvalid, "the ledger cannot hold a text of the declaration")
        }
    }
}
