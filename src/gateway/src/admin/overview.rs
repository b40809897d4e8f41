//! `GET /admin/v1/overview`: what is wrong now, since when, why, and what to do; and how the gateway stands.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use clearance::words::DestinationName;
use http::StatusCode;
use identity::Urgency;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;
use store::QueueDepth;

use super::access::Caller;
use super::problem::AdminProblem;
use crate::gateway::Gateway;
use crate::{intake, telemetry};

/// A checkpoint is late when it is so many times older than it should be.
const CHECKPOINT_LATE_TIMES: i64 = 5;

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub(super) struct Trouble {
    /// What kind of trouble; it stays the same from release to release.
    code: &'static str,
    /// What it is with: a destination or a certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    object: String,
    since: Timestamp,
    why: String,
    remedy: &'static str,
    /// The section of the runbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook: Option<&'static str>,
}

pub(super) async fn overview(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
) -> Result<Response, AdminProblem> {
    let now = gateway.clock.now();
    let depths = gateway.store.status(now).await?;
    let head = gateway.store.head().await?.size();
    let checkpoint = gateway.health.checkpoint();
    let accepting = gateway.health.accepting(now);
    let troubles = troubles(&gateway, &depths, now).await?;
    let operations = &gateway.operations;
    let (generation, loaded_at) = operations.settings();
    let count = |of: fn(&QueueDepth) -> u64| depths.iter().map(of).sum::<u64>();
    let body = json!({
        "now": now,
        "version": env!("CARGO_PKG_VERSION"),
        "who": caller.who,
        "roles": caller.roles,
        "started_at": operations.started_at,
        "ready": accepting.is_ok(),
        "checks": gateway.health.findings(now),
        "config": { "generation": generation, "loaded_at": loaded_at },
        "troubles": troubles,
        "ledger": {
            "entries": head,
            "checkpoint_entries": checkpoint.map(|(entries, _)| entries),
            "checkpoint_at": checkpoint.map(|(_, at)| at),
            "verified": operations.verification().found.clone(),
        },
        "counts": {
            "pending": count(|depth| depth.pending),
            "unknown": count(|depth| depth.unknown),
            "paused_destinations": operations.paused().len(),
        },
        "log_filter": telemetry::filter_in_force(),
    });
    Ok(intake::json(StatusCode::OK, &body))
}

/// What is wrong, the worst first.
async fn troubles(
    gateway: &Gateway,
    depths: &[QueueDepth],
    now: Timestamp,
) -> Result<Vec<Trouble>, AdminProblem> {
    let mut found = Vec::new();
    not_ready(gateway, now, &mut found);
    for destination in super::destinations::names(gateway, depths) {
        failing(gateway, depths, &destination, now, &mut found).await?;
    }
    checkpoint(gateway, now, &mut found).await?;
    certificates(gateway, now, &mut found);
    paused(gateway, depths, &mut found);
    // Of what nothing says since when, it is told since when it has been seen.
    let keys: Vec<_> = found.iter().map(|trouble| (trouble.code, trouble.object.clone())).collect();
    let since = gateway.operations.wrong_since(&keys, now);
    for trouble in found.iter_mut().filter(|trouble| trouble.since == now) {
        trouble.since = since.get(&(trouble.code, trouble.object.clone())).copied().unwrap_or(now);
    }
    Ok(found)
}

fn not_ready(gateway: &Gateway, now: Timestamp, found: &mut Vec<Trouble>) {
    let Err(why) = gateway.health.accepting(now) else { return };
    found.push(Trouble {
        code: if gateway.health.records() { "not-ready" } else { "record-unusable" },
        object: String::new(),
        since: now,
        why: format!("nothing is accepted: {why}"),
        remedy: "look at the checks of readiness; nothing that was accepted is lost",
        runbook: Some("clearancenotaccepting"),
    });
}

async fn failing(
    gateway: &Gateway,
    depths: &[QueueDepth],
    destination: &DestinationName,
    now: Timestamp,
    found: &mut Vec<Trouble>,
) -> Result<(), AdminProblem> {
    let course = gateway.operations.course(destination);
    let waits = depths.iter().find(|depth| depth.destination == *destination);
    let (Some(since), Some(waits)) = (course.failing_since, waits) else { return Ok(()) };
    if gateway.operations.is_paused(destination) {
        return Ok(());
    }
    let code = super::destinations::failure(gateway, &course).await?;
    let said = code.map_or_else(String::new, |code| format!(" (`{code}`)"));
    let oldest = now.duration_since(waits.oldest_accepted_at).as_mins();
    found.push(Trouble {
        code: "destination-failing",
        object: destination.to_string(),
        since,
        why: format!(
            "no attempt since then has come through{said}; {} wait, the oldest for {oldest} min",
            waits.pending
        ),
        remedy: "the code says what the destination, or the way to it, answers; deliveries go on by themselves once it \
                 is mended, or pause the destination meanwhile",
        runbook: Some("clearancedestinationfails"),
    });
    Ok(())
}

async fn checkpoint(gateway: &Gateway, now: Timestamp, found: &mut Vec<Trouble>) -> Result<(), AdminProblem> {
    let every = i64::try_from(gateway.config.load().ledger.checkpoint_seconds).unwrap_or(60);
    let Some((signed, at)) = gateway.health.checkpoint() else { return Ok(()) };
    let is_late = now.duration_since(at) > SignedDuration::from_secs(every * CHECKPOINT_LATE_TIMES);
    if is_late && gateway.store.head().await?.size() > signed {
        found.push(Trouble {
            code: "checkpoint-late",
            object: String::new(),
            since: at,
            why: "the ledger has grown, and no checkpoint has been signed since then".to_owned(),
            remedy: "look into the log for `record-unusable`; what is not signed is not yet protected against alteration",
            runbook: Some("clearancecheckpointtooold"),
        });
    }
    Ok(())
}

fn certificates(gateway: &Gateway, now: Timestamp, found: &mut Vec<Trouble>) {
    for expiry in gateway.trust.current().inventory(now) {
        let is_list = expiry.name.contains("revocation list");
        let is_near = matches!(
            expiry.urgency,
            Urgency::Days30 | Urgency::Days14 | Urgency::Days7 | Urgency::Days1 | Urgency::Expired
        );
        // Lists are made anew all the time: only one that nobody has renewed is a trouble.
        let (code, why, remedy) = match (is_list, expiry.urgency) {
            (true, Urgency::Expired) => (
                "crl-stale",
                format!("it ended at {}", expiry.not_after),
                "have its authority issue a new one: while it is stale, whoever it is about is refused",
            ),
            (false, Urgency::Expired) => (
                "certificate-expired",
                format!("it ended at {}", expiry.not_after),
                "put a new one in its place; it is taken up at once",
            ),
            (false, _) if is_near => (
                "certificate-expires",
                format!("it ends at {}, in {} days", expiry.not_after, expiry.days_left),
                "put a new one in its place; it is taken up at once",
            ),
            _ => continue,
        };
        let runbook = Some("clearancecertificateexpires");
        found.push(Trouble { code, object: expiry.name, since: now, why, remedy, runbook });
    }
}

fn paused(gateway: &Gateway, depths: &[QueueDepth], found: &mut Vec<Trouble>) {
    for paused in gateway.operations.paused().values() {
        let waits = depths.iter().find(|depth| depth.destination == paused.destination);
        found.push(Trouble {
            code: "destination-paused",
            object: paused.destination.to_string(),
            since: paused.since,
            why: format!(
                "`{}` paused it: {}; {} wait",
                paused.who,
                paused.reason,
                waits.map_or(0, |of| of.pending)
            ),
            remedy: "resume it once the reason is gone; what waits beyond its deadline expires",
            runbook: Some("clearancepaused"),
        });
    }
}
