//! The loop around the courier: for each destination, what is due now, a few at a time; then wait for news or the clock.

use std::sync::Arc;
use std::time::Duration;

use clearance::destination::Destination;
use clearance::journey::{Recorder, RecorderError};
use clearance::words::DestinationName;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::SignedDuration;
use store::Sqlite;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Courier, Retry, Terms};
use crate::gateway::Gateway;

/// The longest wait between two looks: what was missed for whatever reason is found then.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Delivers until `stop` is set; each destination on its own, so that a dead one delays no other.
pub(crate) async fn run(gateway: Arc<Gateway>, courier: Arc<Courier<Sqlite>>, stop: watch::Receiver<bool>) {
    let names: Vec<_> = gateway.rules.load().destinations().map(|of| of.name().clone()).collect();
    let mut workers = JoinSet::new();
    for name in names {
        workers.spawn(serve(Arc::clone(&gateway), Arc::clone(&courier), name, stop.clone()));
    }
    while workers.join_next().await.is_some() {}
}

async fn serve(
    gateway: Arc<Gateway>,
    courier: Arc<Courier<Sqlite>>,
    name: DestinationName,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        // Enabled before looking, so that what is accepted meanwhile is not slept over.
        let woken = gateway.work.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let wait = match round(&gateway, &courier, &name).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(event.action = "delivery-stopped", destination.name = %name, error.message = %error, "the record cannot be used; delivery waits");
                LOOK_AGAIN
            }
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(wait) => {}
            changed = stop.changed() => {
                // Whoever could stop it is gone: so is the gateway.
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// Carries everything that is due; the answer is how long nothing will be due.
async fn round(
    gateway: &Gateway,
    courier: &Courier<Sqlite>,
    name: &DestinationName,
) -> Result<Duration, RecorderError> {
    let settings = gateway.config.load().delivery.clone();
    loop {
        let due = courier.recorder.due(name, gateway.clock.now(), settings.concurrent).await?;
        if due.is_empty() {
            break;
        }
        let rules = gateway.rules.load_full();
        let Ok(destination) = rules.destination(name) else {
            return Ok(LOOK_AGAIN);
        };
        let terms = terms(&destination, &rules, &settings);
        let mut under_way: FuturesUnordered<_> =
            due.into_iter().map(|due| courier.carry(due, terms)).collect();
        while let Some(carried) = under_way.next().await {
            carried?;
        }
    }
    let next = courier.recorder.next_due(name).await?;
    let wait = next.map_or(LOOK_AGAIN, |next| {
        Duration::try_from(next.duration_since(gateway.clock.now())).unwrap_or_default()
    });
    Ok(wait.clamp(Duration::from_millis(5), LOOK_AGAIN))
}

fn terms<'a>(
    destination: &'a Destination,
    rules: &'a crate::rules::Rules,
    settings: &crate::config::Delivery,
) -> Terms<'a> {
    Terms {
        destination,
        policy: &rules.policy,
        index: rules.index.as_deref(),
        retry: Retry::of(settings),
        attempt: SignedDuration::from_secs(settings.attempt_seconds.into()),
    }
}
