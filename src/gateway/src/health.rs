//! Whether the gateway can do its work now: accept and record a transfer. Said truthfully, with the reason.

use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::Delivery;

/// Housekeeping that has not come round for so long hangs: it does so every two seconds.
pub(crate) const HOUSEKEEPING_LATE: SignedDuration = SignedDuration::from_secs(30);

/// What readiness rests on.
#[derive(Debug)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
struct State {
    started: bool,
    draining: bool,
    record: Result<(), &'static str>,
    key_ring: Result<(), &'static str>,
    spool: Result<(), &'static str>,
    kept_house_at: Timestamp,
    /// How far it reaches, and when it was signed.
    checkpoint: Option<(u64, Timestamp)>,
    pending: u64,
    pending_max: u64,
    oldest_seconds: u64,
    oldest_warning_seconds: u64,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) ok: bool,
    pub(crate) detail: String,
}

impl Health {
    pub(crate) fn new(settings: &Delivery, now: Timestamp) -> Self {
        Self {
            state: Mutex::new(State {
                started: false,
                draining: false,
                record: Err("not yet opened"),
                key_ring: Ok(()),
                spool: Ok(()),
                kept_house_at: now,
                checkpoint: None,
                pending: 0,
                pending_max: settings.pending_max,
                oldest_seconds: 0,
                oldest_warning_seconds: settings.oldest_warning_seconds,
            }),
        }
    }

    /// Puts the limits of other settings in force.
    pub(crate) fn limits(&self, settings: &Delivery) {
        self.change(|state| {
            state.pending_max = settings.pending_max;
            state.oldest_warning_seconds = settings.oldest_warning_seconds;
        });
    }

    pub(crate) fn started(&self) {
        self.change(|state| state.started = true);
    }

    pub(crate) fn draining(&self) {
        self.change(|state| state.draining = true);
    }

    /// Whether the gateway is coming to its end.
    pub(crate) fn is_draining(&self) -> bool {
        self.look().draining
    }

    pub(crate) fn record(&self, record: Result<(), &'static str>) {
        self.change(|state| state.record = record);
    }

    /// Whether the keys of what waits can be had.
    pub(crate) fn key_ring(&self, key_ring: Result<(), &'static str>) {
        self.change(|state| state.key_ring = key_ring);
    }

    /// Whether documents that stream through can be kept. Small ones do not need that.
    pub(crate) fn spool(&self, spool: Result<(), &'static str>) {
        self.change(|state| state.spool = spool);
    }

    /// Whether what streamed through could be kept when it was last tried.
    pub(crate) fn spools(&self) -> Result<(), &'static str> {
        self.look().spool
    }

    /// Whether what was sealed could be opened when it was last tried.
    pub(crate) fn opens(&self) -> bool {
        self.look().key_ring.is_ok()
    }

    /// Housekeeping has come round.
    pub(crate) fn kept_house(&self, now: Timestamp) {
        self.change(|state| state.kept_house_at = now);
    }

    /// A checkpoint was signed.
    pub(crate) fn signed(&self, entries: u64, at: Timestamp) {
        self.change(|state| state.checkpoint = Some((entries, at)));
    }

    /// How many entries the last checkpoint of this process covers, and when it was signed.
    pub(crate) fn checkpoint(&self) -> Option<(u64, Timestamp)> {
        self.look().checkpoint
    }

    /// Whether the last write was recorded.
    pub(crate) fn records(&self) -> bool {
        self.look().record.is_ok()
    }

    pub(crate) fn queue(&self, pending: u64, oldest_seconds: u64) {
        self.change(|state| {
            state.pending = pending;
            state.oldest_seconds = oldest_seconds;
        });
    }

    /// Whether a transfer may be accepted now, or why not.
    pub(crate) fn accepting(&self, now: Timestamp) -> Result<(), &'static str> {
        let state = self.look();
        if state.draining {
            return Err("shutting down");
        }
        state.record?;
        state.key_ring?;
        // What it would have counted, signed and destroyed since, nobody knows.
        if state.housekeeping_hangs(now) {
            return Err("housekeeping hangs");
        }
        if state.pending >= state.pending_max {
            return Err("too much waits undelivered");
        }
        Ok(())
    }

    /// Whether start-up is complete.
    pub(crate) fn is_started(&self) -> bool {
        self.look().started
    }

    /// Everything that was looked at.
    pub(crate) fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let state = self.look();
        let finding = |check, ok, detail: String| Finding { check, ok, detail };
        vec![
            finding("started", state.started, String::new()),
            finding("not-draining", !state.draining, String::new()),
            finding("record", state.record.is_ok(), state.record.err().unwrap_or_default().to_owned()),
            finding("key-ring", state.key_ring.is_ok(), state.key_ring.err().unwrap_or_default().to_owned()),
            finding("spool", state.spool.is_ok(), state.spool.err().unwrap_or_default().to_owned()),
            finding(
                "housekeeping",
                !state.housekeeping_hangs(now),
                format!("it came round {} s ago", state.since_kept_house(now).as_secs()),
            ),
            finding(
                "outbox-size",
                state.pending < state.pending_max,
                format!("{} of at most {} wait", state.pending, state.pending_max),
            ),
            finding(
                "outbox-age",
                // A warning, not a reason to refuse: the destination may be down, and accepting is still safe.
                true,
                if state.oldest_seconds > state.oldest_warning_seconds {
                    format!("warning: the oldest has waited {} s", state.oldest_seconds)
                } else {
                    format!("the oldest has waited {} s", state.oldest_seconds)
                },
            ),
        ]
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn look(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl State {
    fn since_kept_house(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.kept_house_at).max(SignedDuration::ZERO)
    }

    fn housekeeping_hangs(&self, now: Timestamp) -> bool {
        self.since_kept_house(now) > HOUSEKEEPING_LATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(now: Timestamp) -> Health {
        let defaults: toml::Table = toml::from_str(crate::config::DEFAULTS).unwrap();
        let health = Health::new(&defaults["delivery"].clone().try_into().unwrap(), now);
        health.record(Ok(()));
        health
    }

    #[test]
    fn housekeeping_that_hangs_is_told_with_the_reason_until_it_comes_round() {
        let start = Timestamp::UNIX_EPOCH;
        let health = health(start);
        let (late, too_late) =
            (start + HOUSEKEEPING_LATE, start + HOUSEKEEPING_LATE + SignedDuration::from_secs(1));
        assert_eq!(health.accepting(late), Ok(()));
        assert_eq!(health.accepting(too_late), Err("housekeeping hangs"));
        let finding = health.findings(too_late).into_iter().find(|of| of.check == "housekeeping").unwrap();
        assert_eq!((finding.ok, finding.detail.as_str()), (false, "it came round 31 s ago"));
        health.kept_house(too_late);
        assert_eq!(health.accepting(too_late), Ok(()));
        // A clock that was set back has not made it late.
        assert_eq!(health.accepting(start), Ok(()));
    }

    #[test]
    fn a_key_ring_that_cannot_be_used_is_told_and_nothing_is_accepted_until_it_can() {
        let now = Timestamp::UNIX_EPOCH;
        let health = health(now);
        health.key_ring(Err("the key ring cannot be used"));
        assert_eq!((health.opens(), health.accepting(now)), (false, Err("the key ring cannot be used")));
        let finding = health.findings(now).into_iter().find(|of| of.check == "key-ring").unwrap();
        assert_eq!((finding.ok, finding.detail.as_str()), (false, "the key ring cannot be used"));
        health.key_ring(Ok(()));
        assert_eq!((health.opens(), health.accepting(now)), (true, Ok(())));
    }

    #[test]
    fn limits_of_new_settings_hold_at_once() {
        let health = health(Timestamp::UNIX_EPOCH);
        health.queue(10, 0);
        assert_eq!(health.accepting(Timestamp::UNIX_EPOCH), Ok(()));
        let defaults: toml::Table = toml::from_str(crate::config::DEFAULTS).unwrap();
        let settings: Delivery = defaults["delivery"].clone().try_into().unwrap();
        health.limits(&Delivery { pending_max: 10, ..settings });
        assert_eq!(health.accepting(Timestamp::UNIX_EPOCH), Err("too much waits undelivered"));
    }
}
