//! What goes on in the background: checkpoints signed, figures kept, daily keys destroyed, old idempotency keys forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clearance::seal::Day;
use clearance::words::DestinationName;
use jiff::{SignedDuration, Timestamp};
use ledger::{Origin, SigningKey};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::secrets::Secrets;
use crate::serve::{LOOK_AROUND, StartError, expiries};
use crate::telemetry::metrics;

/// The key that signs the ledger's checkpoints.
pub(crate) fn signing_key(config: &Config, secrets: &Secrets) -> Result<SigningKey, StartError> {
    let failed = |error: &dyn std::error::Error| StartError::Origin(error.to_string());
    let origin: Origin = config.ledger.origin.parse().map_err(|error| failed(&error))?;
    SigningKey::from_seed(origin, Zeroizing::new(*secrets.ledger.expose())).map_err(|error| failed(&error))
}

/// Looks around until `stop` is set, and signs a last checkpoint.
pub(crate) async fn run(
    gateway: Arc<Gateway>,
    key: SigningKey,
    collected: PrometheusHandle,
    mut stop: watch::Receiver<bool>,
) {
    let mut signed = Signed { size: None, at: Timestamp::MIN };
    let mut purged = Timestamp::MIN;
    loop {
        let stopping = *stop.borrow();
        look_around(&gateway, &key, &mut signed, &mut purged, stopping).await;
        gateway.health.kept_house(gateway.clock.now());
        // What histograms were told is held one by one until then, also when nobody scrapes.
        collected.run_upkeep();
        if stopping {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AROUND) => {}
            changed = stop.changed() => {
                // Whoever could stop it is gone: so is the gateway.
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// The last checkpoint that was signed.
struct Signed {
    size: Option<u64>,
    at: Timestamp,
}

/// How often idempotency keys whose time is over are forgotten.
const PURGE_EVERY: SignedDuration = SignedDuration::from_mins(10);

async fn look_around(
    gateway: &Gateway,
    key: &SigningKey,
    signed: &mut Signed,
    purged: &mut Timestamp,
    now_or_never: bool,
) {
    let looked = async {
        let now = gateway.clock.now();
        queues(gateway, now).await?;
        // Forgetting old keys writes, so that it also tells whether what could not be recorded could be now.
        if !gateway.health.records() || purged.saturating_add(PURGE_EVERY).unwrap_or(Timestamp::MAX) <= now {
            gateway.store.purge(now).await?;
            *purged = now;
        }
        sign(gateway, key, signed, now, now_or_never).await?;
        destroy_old_keys(gateway, now).await
    }
    .await;
    let record = match &looked {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::error!(event.action = "record-unusable", error.message = %error, "the record cannot be used");
            Err("the record cannot be written")
        }
    };
    gateway.health.record(record);
    let figures = gateway.store.figures();
    let entries = gateway.store.head().await.ok().map(|head| head.size());
    metrics::record(entries, figures.commits, record.is_ok());
    if signed.size.is_some() {
        metrics::checkpoint(signed.at.as_second());
    }
    gateway.connections.show_all();
    metrics::trust(gateway.trust.current().generation());
    for (name, not_after) in expiries(gateway) {
        metrics::certificate(&name, not_after);
    }
}

async fn queues(gateway: &Gateway, now: Timestamp) -> Result<(), clearance::journey::RecorderError> {
    let depths = gateway.store.status(now).await?;
    let age =
        |accepted_at: Timestamp| Duration::try_from(now.duration_since(accepted_at)).unwrap_or_default();
    let rules = gateway.rules.load();
    let configured = rules.destinations().map(|of| (of.name(), (0, 0, Duration::ZERO)));
    let mut queues: BTreeMap<&DestinationName, _> = configured.collect();
    // What waits for a destination that is not configured any more is shown too.
    queues.extend(
        depths
            .iter()
            .map(|depth| (&depth.destination, (depth.pending, depth.unknown, age(depth.oldest_accepted_at)))),
    );
    for (name, (pending, unknown, oldest)) in queues {
        metrics::queue(name, pending, unknown, oldest);
    }
    let pending = depths.iter().map(|depth| depth.pending).sum();
    let oldest = depths.iter().map(|depth| age(depth.oldest_accepted_at).as_secs()).max().unwrap_or(0);
    gateway.health.queue(pending, oldest);
    Ok(())
}

/// Signs the head when it has grown and the last checkpoint is old enough.
async fn sign(
    gateway: &Gateway,
    key: &SigningKey,
    signed: &mut Signed,
    now: Timestamp,
    now_or_never: bool,
) -> Result<(), clearance::journey::RecorderError> {
    let every = SignedDuration::from_secs(
        i64::try_from(gateway.config.load().ledger.checkpoint_seconds).unwrap_or(60),
    );
    let due = signed.at.saturating_add(every).unwrap_or(Timestamp::MAX) <= now;
    let head = gateway.store.head().await?;
    let size = head.size();
    if size == 0 || signed.size == Some(size) || !(due || now_or_never) {
        return Ok(());
    }
    match key.sign(size, head.root()) {
        Ok(checkpoint) => {
            gateway.store.keep_checkpoint(checkpoint).await?;
            *signed = Signed { size: Some(size), at: now };
        }
        Err(error) => {
            tracing::error!(event.action = "checkpoint-failed", error.message = %error, "a checkpoint could not be signed")
        }
    }
    Ok(())
}

/// A day's key is destroyed when the last transfer sealed under it has ended: what was erased is then erased in the
/// write-ahead log, in free pages and in backups too.
async fn destroy_old_keys(
    gateway: &Gateway,
    now: Timestamp,
) -> Result<(), clearance::journey::RecorderError> {
    let today = Day::of(now);
    let Ok(days) = gateway.vault.ring.days() else { return Ok(()) };
    let past: Vec<_> = days.into_iter().filter(|day| *day < today).collect();
    if past.is_empty() {
        return Ok(());
    }
    let needed = gateway.store.undelivered_days().await?;
    for day in past.into_iter().filter(|day| !needed.contains(day)) {
        match gateway.vault.ring.destroy(day) {
            Ok(()) => tracing::info!(
                event.action = "day-key-destroyed",
                day = day.number(),
                "a day's key was destroyed"
            ),
            Err(error) => {
                tracing::warn!(event.action = "day-key-kept", day = day.number(), error.message = %error, "a day's key could not be destroyed");
            }
        }
    }
    Ok(())
}
