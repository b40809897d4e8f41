//! What the service manager is told: systemd, or whoever else sets `NOTIFY_SOCKET`. Without one, nothing is said.
//!
//! It does not ask for a watchdog to be set: the unit does, with `WatchdogSec`.

use sd_notify::NotifyState;

/// It accepts transfers; after a reload, again.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Settings are being read again. `ready` ends it, whatever came of it: the old ones are still there.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => untold(&error),
    }
}

/// No new connections; requests and attempts under way are finished.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Housekeeping has come round, so that the runtime runs and the store answers; and what stands in the way of accepting,
/// which a restart would not mend.
pub(crate) fn alive(accepting: Result<(), &str>) {
    let status = match accepting {
        Ok(()) => "accepting transfers".to_owned(),
        Err(why) => format!("not accepting: {why}"),
    };
    tell(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
}

fn tell(news: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(news) {
        untold(&error);
    }
}

fn untold(error: &std::io::Error) {
    tracing::warn!(
        event.action = "service-manager-deaf",
        error.message = %error,
        "the service manager could not be told; it may take the gateway for hung"
    );
}
