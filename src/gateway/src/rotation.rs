//! Certificates, authorities and revocation lists that change on disk: taken up at once, without a restart.

use std::sync::Arc;

use identity::{Changed, Notice, ReloadError, Watch, WatchError, WatchSettings};

use crate::gateway::Gateway;
use crate::serve::{causes, sources};
use crate::telemetry::metrics;
use crate::transport::Calls;

/// Watches the files of the settings in force. New connections and calls go by what has changed; those under way are
/// untouched.
pub(crate) fn watch(gateway: &Arc<Gateway>, calls: &Arc<Calls>) -> Result<Watch, WatchError> {
    let files = {
        let gateway = Arc::clone(gateway);
        move || sources(&gateway.config.load()).files()
    };
    let (gateway, calls) = (Arc::clone(gateway), Arc::clone(calls));
    Watch::start(files, WatchSettings::default(), move |notice| {
        if let Notice::Blind(error) = &notice {
            tracing::warn!(
                event.action = "watch-blind",
                error.message = causes(error),
                "a folder of certificates cannot be watched; it is read again every minute"
            );
        }
        drop(take_up(&gateway, &calls));
    })
}

/// What became of reading everything again.
#[derive(Debug)]
pub(crate) struct TakenUp {
    pub(crate) changed: Changed,
    /// What is not usable, and stays as it was.
    pub(crate) refused: Option<ReloadError>,
}

/// Reads everything again. Parts that are fit come into force even when another is not.
pub(crate) fn take_up(gateway: &Gateway, calls: &Calls) -> TakenUp {
    let taken = match gateway.trust.reload(gateway.clock.now()) {
        Ok(changed) => TakenUp { changed, refused: None },
        Err(error) => TakenUp { changed: error.changed.clone(), refused: Some(error) },
    };
    if let Some(error) = &taken.refused {
        metrics::reloaded("certificates", false);
        tracing::error!(
            event.action = "rotation-refused",
            error.message = causes(error),
            "certificates on disk are not usable; the old ones stay"
        );
    }
    if taken.changed.parts.is_empty() {
        return taken;
    }
    metrics::reloaded("certificates", true);
    tell(&taken.changed);
    if let Err(error) = calls.renew(&gateway.config, &gateway.trust) {
        tracing::error!(
            event.action = "rotation-refused",
            error.message = %error,
            "calls to partners go on with the old certificates"
        );
    }
    taken
}

fn tell(changed: &Changed) {
    let parts: Vec<_> = changed.parts.iter().map(ToString::to_string).collect();
    tracing::info!(
        event.action = "rotated",
        trust.generation = changed.generation,
        trust.parts = parts.join(", "),
        "certificates were taken up"
    );
}
