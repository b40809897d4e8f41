//! `/admin/v1/ledger/verify` and `/admin/v1/log-filter`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use clearance::declaration::is_neutral;
use clearance::journey::RecorderError;
use http::StatusCode;
use ledger::SignedCheckpoint;
use serde::Deserialize;
use serde_json::json;

use super::access::{Caller, Role};
use super::acts::{self, Reason};
use super::operations::{News, Verified};
use super::problem::AdminProblem;
use crate::gateway::Gateway;
use crate::{intake, telemetry};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    reason: Reason,
}

/// Reads every entry, beside all that goes on; one verification at a time.
pub(super) async fn verify(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, AdminProblem> {
    caller.may(Role::Dpo)?;
    let Asked { reason } = acts::read(&body)?;
    let operator = acts::operator(&gateway, &caller, reason)?;
    acts::note(&gateway, &operator, "verify-ledger", "the ledger").await?;
    if std::mem::replace(&mut gateway.operations.verification().is_under_way, true) {
        return Err(AdminProblem::conflict("verification-under-way", "the ledger is being verified"));
    }
    // From here on it is under way, whatever becomes of this request.
    let verifying = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move {
            let found = found(&gateway).await;
            {
                let mut verification = gateway.operations.verification();
                (verification.is_under_way, verification.found) = (false, Some(found));
            }
            gateway.operations.tell(News::Ledger);
        }
    });
    drop(verifying);
    Ok(intake::json(StatusCode::ACCEPTED, &json!({ "started": true })))
}

async fn found(gateway: &Gateway) -> Verified {
    let verified = whole(gateway).await;
    let at = gateway.clock.now();
    match verified {
        Ok((entries, None)) => Verified { at, entries, ok: true, fault: None },
        Ok((entries, Some(fault))) => Verified { at, entries, ok: false, fault: Some(fault) },
        Err(error) => Verified { at, entries: 0, ok: false, fault: Some(error.to_string()) },
    }
}

/// How many entries there are, and what is wrong with the first bad one.
async fn whole(gateway: &Gateway) -> Result<(u64, Option<String>), RecorderError> {
    let (mut believed, mut above) = (Vec::new(), 0);
    loop {
        let page = gateway.store.checkpoints(above).await?;
        let Some((last, _)) = page.last() else { break };
        above = *last;
        for (size, note) in &page {
            match SignedCheckpoint::open(note, std::slice::from_ref(&gateway.operations.verifier)) {
                Ok(checkpoint) => believed.push(checkpoint),
                Err(_) => return Ok((0, Some(format!("the checkpoint at {size} entries is damaged")))),
            }
        }
    }
    Ok(match gateway.store.verify(believed).await? {
        Ok(report) => (report.size, None),
        Err(finding) => (finding.index, Some(format!("record {}: {}", finding.index, finding.fault.code()))),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    filter: String,
}

/// Changes what is logged, until the next start or reload.
pub(super) async fn log(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, AdminProblem> {
    caller.may(Role::Ops)?;
    let Filter { filter } = acts::read(&body)?;
    telemetry::filter(&filter)
        .map_err(|_| AdminProblem::malformed("`filter` is none, such as `info,gateway=debug`"))?;
    if !is_neutral(&filter) {
        return Err(AdminProblem::malformed("`filter` names a person: it is kept for years"));
    }
    let was = telemetry::filter_in_force();
    let operator = acts::operator(&gateway, &caller, Reason::default())?;
    acts::note(&gateway, &operator, "log-filter", &filter).await?;
    telemetry::change_filter(&filter)
        .map_err(|_| AdminProblem::conflict("log-filter", "nothing is logged here"))?;
    Ok(intake::json(StatusCode::OK, &json!({ "filter": filter, "was": was })))
}
