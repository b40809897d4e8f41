//! What goes on in the background: checkpoints signed, figures kept, daily keys destroyed, old idempotency keys forgotten.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clearance::seal::Day;
use clearance::words::{DestinationName, TransferId};
use jiff::{SignedDuration, Timestamp};
use ledger::{Origin, SigningKey};
use metrics_exporter_prometheus::PrometheusHandle;
use store::PAGE_ROWS_MAX;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::secrets::Secrets;
use crate::serve::{LOOK_AROUND, StartError, causes, expiries};
use crate::service;
use crate::sightings;
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
    let mut written = Written { commits: 0, at: gateway.clock.now() };
    let mut sightings_kept = gateway.clock.now();
    loop {
        let stopping = *stop.borrow();
        look_around(&gateway, &key, &mut signed, &mut purged, &mut written, stopping).await;
        let now = gateway.clock.now();
        sightings::keep(&gateway, &mut sightings_kept, now, stopping).await;
        gateway.health.kept_house(now);
        service::alive(gateway.health.accepting(now));
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

/// When the store last grew, as far as was looked.
struct Written {
    commits: u64,
    at: Timestamp,
}

impl Written {
    /// Whether nothing was committed for so long that a store which hangs would not have been noticed.
    fn is_quiet(&mut self, commits: u64, now: Timestamp) -> bool {
        if self.commits != commits {
            *self = Self { commits, at: now };
        }
        now.duration_since(self.at) >= PROBE_EVERY
    }
}

/// How often a store is tried in which nobody writes.
const PROBE_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// What a probe of the spool writes: more than a file of a few bytes takes, which may fit where nothing else does.
const SPOOL_PROBE_BYTES: usize = 256 << 10;

/// How often idempotency keys whose time is over are forgotten.
const PURGE_EVERY: SignedDuration = SignedDuration::from_mins(10);

async fn look_around(
    gateway: &Gateway,
    key: &SigningKey,
    signed: &mut Signed,
    purged: &mut Timestamp,
    written: &mut Written,
    now_or_never: bool,
) {
    let looked = async {
        let now = gateway.clock.now();
        queues(gateway, now).await?;
        try_the_ring(gateway).await?;
        try_the_spool(gateway).await;
        let quiet = written.is_quiet(gateway.store.figures().commits, now);
        if quiet || !gateway.health.records() {
            gateway.store.probe().await?;
        }
        if purged.saturating_add(PURGE_EVERY).unwrap_or(Timestamp::MAX) <= now {
            forget_old_keys(gateway, now).await?;
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
    if let Some(size) = signed.size {
        metrics::checkpoint(signed.at.as_second());
        gateway.health.signed(size, signed.at);
    }
    gateway.connections.show_all();
    metrics::trust(gateway.trust.current().generation());
    for (name, not_after) in expiries(gateway) {
        metrics::certificate(&name, not_after);
    }
}

/// After delivery has found the key ring unusable: whether the keys of all that waits can be had again.
async fn try_the_ring(gateway: &Gateway) -> Result<(), clearance::journey::RecorderError> {
    if gateway.health.opens() {
        return Ok(());
    }
    if gateway.vault.ring.open_all(gateway.store.undelivered_days().await?).is_ok() {
        gateway.health.key_ring(Ok(()));
        gateway.bells.ring_all();
    }
    Ok(())
}

/// After the spool could not be written: whether it can again. Small transfers go on meanwhile.
async fn try_the_spool(gateway: &Gateway) {
    if gateway.health.spools().is_ok() {
        return;
    }
    let Ok(probe) = TransferId::new(gateway.clock.now(), &*gateway.entropy) else { return };
    let bodies = Arc::clone(&gateway.bodies);
    let tried = tokio::task::spawn_blocking(move || {
        let mut body = bodies.create(probe)?;
        body.write_all(&[0; SPOOL_PROBE_BYTES])?;
        body.keep()?;
        bodies.remove(probe)
    });
    if let Ok(Ok(())) = tried.await {
        gateway.health.spool(Ok(()));
    }
}

/// Page by page, so that no transfer waits long behind it.
async fn forget_old_keys(gateway: &Gateway, now: Timestamp) -> Result<(), clearance::journey::RecorderError> {
    while gateway.store.purge(now).await? == PAGE_ROWS_MAX {}
    Ok(())
}

async fn queues(gateway: &Gateway, now: Timestamp) -> Result<(), clearance::journey::RecorderError> {
    gateway.operations.look_at_pauses(&gateway.store).await?;
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
        metrics::paused(name, gateway.operations.is_paused(name));
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

/// A transfer is sealed before its commit, so that around midnight a day's key may be in use of which no row tells yet.
const DAY_KEY_GRACE: SignedDuration = SignedDuration::from_hours(1);

/// The days for which nothing can be on its way to the record any more.
fn over(days: Vec<Day>, now: Timestamp) -> Vec<Day> {
    let today = Day::of(now.saturating_sub(DAY_KEY_GRACE).unwrap_or(Timestamp::MIN));
    days.into_iter().filter(|day| *day < today).collect()
}

/// A day's key is destroyed when the last transfer sealed under it has ended: what was erased is then erased in the
/// write-ahead log, in free pages and in backups too.
async fn destroy_old_keys(
    gateway: &Gateway,
    now: Timestamp,
) -> Result<(), clearance::journey::RecorderError> {
    let Ok(days) = gateway.vault.ring.days() else { return Ok(()) };
    let past = over(days, now);
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
                tracing::warn!(
                    event.action = "day-key-kept",
                    day = day.number(),
                    error.message = causes(&error),
                    "a day's key could not be destroyed"
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_in_which_nobody_writes_is_tried_every_ten_seconds_and_another_is_not() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut written = Written { commits: 3, at: at(0) };
        assert!(!written.is_quiet(3, at(9)));
        assert!(written.is_quiet(3, at(10)));
        // The probe was a commit.
        assert!(!written.is_quiet(4, at(12)) && !written.is_quiet(4, at(21)));
        assert!(written.is_quiet(4, at(22)));
    }

    #[test]
    fn the_key_of_yesterday_is_kept_while_something_sealed_under_it_may_be_on_its_way() {
        let days = || vec![Day::new(0), Day::new(1)];
        let midnight = Timestamp::from_second(86_400).unwrap();
        assert!(over(days(), midnight).is_empty());
        assert!(over(days(), midnight + SignedDuration::from_mins(59)).is_empty());
        assert_eq!(over(days(), midnight + SignedDuration::from_mins(61)), [Day::new(0)]);
    }
}
