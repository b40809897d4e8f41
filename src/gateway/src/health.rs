//! Whether the gateway can do its work now: accept and record a transfer. Said truthfully, with the reason.

use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Serialize;

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
    pub(crate) fn new(pending_max: u64, oldest_warning_seconds: u64) -> Self {
        Self {
            state: Mutex::new(State {
                started: false,
                draining: false,
                record: Err("not yet opened"),
                pending: 0,
                pending_max,
                oldest_seconds: 0,
                oldest_warning_seconds,
            }),
        }
    }

    pub(crate) fn started(&self) {
        self.change(|state| state.started = true);
    }

    pub(crate) fn draining(&self) {
        self.change(|state| state.draining = true);
    }

    pub(crate) fn record(&self, record: Result<(), &'static str>) {
        self.change(|state| state.record = record);
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
    pub(crate) fn accepting(&self) -> Result<(), &'static str> {
        let state = self.look();
        if state.draining {
            return Err("shutting down");
        }
        state.record?;
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
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let state = self.look();
        let finding = |check, ok, detail: String| Finding { check, ok, detail };
        vec![
            finding("started", state.started, String::new()),
            finding("not-draining", !state.draining, String::new()),
            finding("record", state.record.is_ok(), state.record.err().unwrap_or_default().to_owned()),
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
