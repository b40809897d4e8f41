//! The loop around the courier: for each destination, what is due now, a few at a time; then wait for news or the clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clearance::destination::Destination;
use clearance::journey::{Due, Recorder, RecorderError};
use clearance::words::{DestinationName, TransferId};
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
///
/// A destination that a reload adds gets its worker at the next look; one that a reload removes keeps it as long as
/// something waits for it.
pub(crate) async fn run(
    gateway: Arc<Gateway>,
    courier: Arc<Courier<Sqlite>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut workers = JoinSet::new();
    let mut served = BTreeSet::new();
    while !*stop.borrow() {
        for name in destinations(&gateway).await {
            if served.insert(name.clone()) {
                workers.spawn(serve(Arc::clone(&gateway), Arc::clone(&courier), name, stop.clone()));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            changed = stop.changed() => {
                // Whoever could stop it is gone: so is the gateway.
                if changed.is_err() {
                    return;
                }
            }
        }
    }
    while workers.join_next().await.is_some() {}
}

/// The configured destinations, and those that something still waits for.
async fn destinations(gateway: &Gateway) -> BTreeSet<DestinationName> {
    let waiting = gateway.store.status(gateway.clock.now()).await.unwrap_or_default();
    let configured: Vec<_> = gateway.rules.load().destinations().map(|of| of.name().clone()).collect();
    waiting.into_iter().map(|depth| depth.destination).chain(configured).collect()
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
        let wait = match round(&gateway, &courier, &name, &stop).await {
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
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// Carries everything that is due, some at a time, and takes up what becomes due meanwhile: a slow one delays only
/// itself and its ordering key. The answer is how long nothing will be due.
async fn round(
    gateway: &Gateway,
    courier: &Courier<Sqlite>,
    name: &DestinationName,
    stop: &watch::Receiver<bool>,
) -> Result<Duration, RecorderError> {
    let mut under_way = FuturesUnordered::new();
    let mut carried = BTreeSet::new();
    loop {
        let settings = gateway.config.load().delivery.clone();
        let woken = gateway.work.notified();
        if !*stop.borrow() && under_way.len() < settings.concurrent {
            let due = courier.recorder.due(name, gateway.clock.now(), settings.concurrent).await?;
            let free = settings.concurrent - under_way.len();
            let fresh: Vec<_> =
                due.into_iter().filter(|due| !carried.contains(&due.transfer)).take(free).collect();
            for due in fresh {
                carried.insert(due.transfer);
                under_way.push(carry(gateway, courier, name, due));
            }
        }
        if under_way.is_empty() {
            break;
        }
        tokio::select! {
            Some((transfer, done)) = under_way.next() => {
                carried.remove(&transfer);
                done?;
            }
            () = woken => {}
        }
    }
    let next = courier.recorder.next_due(name).await?;
    let wait = next.map_or(LOOK_AGAIN, |next| {
        Duration::try_from(next.duration_since(gateway.clock.now())).unwrap_or_default()
    });
    Ok(wait.clamp(Duration::from_millis(5), LOOK_AGAIN))
}

async fn carry(
    gateway: &Gateway,
    courier: &Courier<Sqlite>,
    name: &DestinationName,
    due: Due,
) -> (TransferId, Result<(), RecorderError>) {
    let transfer = due.transfer;
    let rules = gateway.rules.load_full();
    let done = match rules.destination(name) {
        Ok(destination) => {
            let terms = terms(&destination, &rules, &gateway.config.load().delivery);
            courier.carry(due, terms).await
        }
        Err(_) if due.not_after < gateway.clock.now() => courier.expire(&due, name).await,
        // It waits for its destination to come back, or for its deadline.
        Err(_) => {
            tokio::time::sleep(LOOK_AGAIN).await;
            Ok(())
        }
    };
    (transfer, done)
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
