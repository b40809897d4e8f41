//! `/admin/v1/certificates`: what ends when, who still comes with what, and having all taken up now.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use identity::Urgency;
use serde::Deserialize;
use serde_json::json;

use super::access::{Caller, Role};
use super::acts::{self, Reason};
use super::problem::AdminProblem;
use crate::gateway::Gateway;
use crate::serve::causes;
use crate::{intake, rotation};

pub(super) async fn list(State(gateway): State<Arc<Gateway>>, _: Caller) -> Result<Response, AdminProblem> {
    let inventory = gateway.trust.current().inventory(gateway.clock.now());
    let certificates: Vec<_> = inventory
        .iter()
        .map(|expiry| {
            json!({
                "name": expiry.name, "kind": kind(&expiry.name), "not_after": expiry.not_after,
                "days_left": expiry.days_left, "state": state(kind(&expiry.name), expiry.urgency),
            })
        })
        .collect();
    let clients: Vec<_> = gateway
        .store
        .sightings()
        .await?
        .into_iter()
        .map(|seen| {
            json!({
                "client": seen.client.as_str(), "certificate_sha256": hex::encode(seen.certificate),
                "not_after": seen.not_after, "first_seen_at": seen.first_seen_at, "last_seen_at": seen.last_seen_at,
            })
        })
        .collect();
    Ok(intake::json(StatusCode::OK, &json!({ "certificates": certificates, "clients": clients })))
}

/// By the names that the inventory gives.
fn kind(name: &str) -> &'static str {
    match name {
        name if name.contains("revocation list") => "crl",
        "server certificate" => "server",
        name if name.starts_with("client authority") => "client-ca",
        name if name.contains(": authority") => "peer-ca",
        _ => "outbound",
    }
}

/// Lists of revocations live for days: for them, a day is near.
fn state(kind: &str, urgency: Urgency) -> &'static str {
    match (kind, urgency) {
        (_, Urgency::Expired) => "expired",
        (_, Urgency::Days1) => "warn",
        (kind, Urgency::Days30 | Urgency::Days14 | Urgency::Days7) if kind != "crl" => "warn",
        _ => "ok",
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    reason: Reason,
}

/// Has everything read again, as a change on disk does.
pub(super) async fn reload(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, AdminProblem> {
    caller.may(Role::Certs)?;
    let Asked { reason } = acts::read(&body)?;
    let operator = acts::operator(&gateway, &caller, reason)?;
    acts::note(&gateway, &operator, "reload-certificates", "all").await?;
    let taken = rotation::take_up(&gateway, &gateway.operations.calls);
    let mut reloaded: Vec<_> = taken
        .changed
        .parts
        .iter()
        .map(|part| json!({ "name": part.to_string(), "outcome": "taken-up" }))
        .collect();
    if let Some(error) = &taken.refused {
        reloaded.push(json!({ "name": "the rest", "outcome": "kept-old", "why": causes(error) }));
    }
    Ok(intake::json(StatusCode::OK, &json!({ "reloaded": reloaded })))
}
