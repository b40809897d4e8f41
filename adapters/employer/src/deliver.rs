//! Handing a decision to an employer: one signed POST, confirmed by a receipt over the very bytes that were sent.
//!
//! The transfer's id is the idempotency key, so that a repeat asks rather than tells: an attempt that ended without a
//! readable answer is reconciled by sending it again.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use clearance::adapter::{Acknowledgement, Call, DestinationRefusal, Means, Outcome, Reply, Setback};
use clearance::journey::Cleared;
use clearance::person::Private;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;

use crate::{Endpoint, FHIR_JSON, signature};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const X_JWS_SIGNATURE: HeaderName = HeaderName::from_static("x-jws-signature");
const ANSWER_BYTES_MAX: usize = 1 << 16;
/// The longest wait that a peer may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// The refusals that judge what was sent, and would have judged the same bytes alike before.
const ABOUT_THE_DOCUMENT: [&str; 2] = ["http-400", "http-422"];

/// The employer's receipt.
#[derive(Deserialize)]
struct Receipt {
    receipt: String,
    sha256: String,
}

/// Hands a transfer over.
pub(crate) async fn deliver(endpoint: Option<&Endpoint>, cleared: &Cleared, means: &Means<'_>) -> Outcome {
    let outcome = match endpoint.and_then(|endpoint| call(endpoint, cleared, means)) {
        None => Outcome::Failed(Setback::new("employer-not-reachable")),
        Some(call) => match means.transport.call(call).await {
            Err(failure) => failure.into(),
            Ok(reply) => read(reply, &cleared.payload().bytes, means.clock.now()),
        },
    };
    if cleared.perhaps_delivered() { in_doubt(outcome) } else { outcome }
}

/// What an attempt says when an earlier one may have arrived: only an answer about the document itself settles it. That
/// the way is closed or leads elsewhere now says nothing of what was stored before.
fn in_doubt(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed(setback) => Outcome::Unknown(setback),
        Outcome::Refused(refusal) if !ABOUT_THE_DOCUMENT.contains(&refusal.code.as_str()) => {
            Outcome::Unknown(Setback::new(refusal.code))
        }
        outcome => outcome,
    }
}

fn call(endpoint: &Endpoint, cleared: &Cleared, means: &Means<'_>) -> Option<Call> {
    let body = cleared.payload().bytes.clone();
    let signature = signature::detached(&body, means.signer)?;
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON)),
        (ACCEPT, HeaderValue::from_static("application/json")),
        (IDEMPOTENCY_KEY, HeaderValue::from_str(&cleared.transfer().to_string()).ok()?),
        (X_JWS_SIGNATURE, HeaderValue::from_str(&signature).ok()?),
    ]);
    Some(Call {
        peer: endpoint.peer.clone(),
        method: Method::POST,
        url: Private::new(endpoint.url.clone()),
        url_template: endpoint.url.clone(),
        headers,
        body: body.into(),
        deadline: means.deadline,
        answer_bytes_max: ANSWER_BYTES_MAX,
    })
}

/// What the answer says of the bytes that were sent.
fn read(reply: Reply, sent: &[u8], now: Timestamp) -> Outcome {
    let code = format!("http-{}", reply.status.as_u16());
    let setback = Setback { retry_after: retry_after(&reply.headers, now), code: code.clone() };
    match reply.status {
        StatusCode::OK | StatusCode::CREATED => confirmed(reply, sent),
        // Turned away at the door: nothing was done.
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Outcome::Failed(setback),
        // The key is in use: an earlier attempt is still being taken in.
        StatusCode::CONFLICT | StatusCode::REQUEST_TIMEOUT => Outcome::Unknown(setback),
        status if status.is_client_error() => {
            Outcome::Refused(DestinationRefusal { code, faults: Vec::new() })
        }
        status if status.is_redirection() => Outcome::Failed(setback),
        _ => Outcome::Unknown(setback),
    }
}

fn confirmed(reply: Reply, sent: &[u8]) -> Outcome {
    let digest = hex::encode(digest(&SHA256, sent).as_ref());
    match serde_json::from_slice::<Receipt>(&reply.body) {
        Ok(receipt) if receipt.sha256.eq_ignore_ascii_case(&digest) => Outcome::Delivered(Acknowledgement {
            reference: Some(receipt.receipt).filter(|receipt| is_reference(receipt)),
            proof: reply.body,
        }),
        Ok(_) => Outcome::Unknown(Setback::new("receipt-for-other-content")),
        Err(_) => Outcome::Unknown(Setback::new("answer-unreadable")),
    }
}

/// The employer's words are shown to the client only if they can be no more than a reference.
fn is_reference(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'/' | b':');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

/// `Retry-After` as seconds or as a date, a day at most.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    static DATES: DateTimeParser = DateTimeParser::new();
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DATES.parse_timestamp(text).ok()?;
            Duration::try_from(date.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests;
