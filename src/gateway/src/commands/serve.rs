//! `clearance serve`: runs until SIGTERM or SIGINT; SIGHUP reloads.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Report, Settings, runtime};
use crate::serve::Running;
use crate::{config, serve, telemetry};

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) fn run(&self, _: &Report) -> Result<(), Failure> {
        let config = config::load(&self.settings.config)?;
        let telemetry = telemetry::start(&config.telemetry)?;
        let metrics = telemetry::metrics::start()?;
        runtime()?.block_on(async {
            let running = serve::start(config, Some(&self.settings.config), metrics).await?;
            until_stopped(&running, &telemetry).await?;
            running.stop().await;
            Ok(())
        })
    }
}

async fn until_stopped(running: &Running, telemetry: &telemetry::Telemetry) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => reload(running, telemetry),
        }
    }
}

fn reload(running: &Running, telemetry: &telemetry::Telemetry) {
    let reloaded = running.reload();
    telemetry::metrics::reloaded("settings", reloaded.is_ok());
    match reloaded {
        Ok(at_restart) if at_restart.is_empty() => {
            tracing::info!(event.action = "reloaded", "settings, certificates and policies were read again");
        }
        Ok(at_restart) => {
            tracing::warn!(
                event.action = "reloaded",
                settings.at_restart = at_restart.join(", "),
                "settings, certificates and policies were read again; some settings take effect at restart"
            );
        }
        Err(why) => {
            tracing::error!(
                event.action = "reload-failed",
                error.message = why,
                "what is not usable was not put in force"
            );
        }
    }
    if let Err(error) = telemetry.log(&running.gateway.config.load().telemetry.log) {
        tracing::error!(event.action = "reload-failed", error.message = %error, "the log filter stays as it was");
    }
}
