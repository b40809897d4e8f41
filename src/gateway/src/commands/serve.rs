//! `clearance serve`: runs until SIGTERM or SIGINT; SIGHUP reloads.

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, Report, Settings, runtime};
use crate::sandbox::{self, Sandbox};
use crate::serve::Running;
use crate::{config, serve, service, telemetry};

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) fn run(&self, _: &Report) -> Result<(), Failure> {
        let config = config::load(&self.settings.config)?;
        // Before anything that starts threads.
        let sandbox = sandbox::draw(&config, &self.settings.config)?;
        let _telemetry = telemetry::start(&config.telemetry)?;
        sandbox.tell();
        let metrics = telemetry::metrics::start()?;
        runtime()?.block_on(async {
            // Before the start: a signal that came between would end the process where it stands.
            let mut signals = Signals::listen()?;
            let running = serve::start(config, Some(&self.settings.config), metrics).await?;
            service::ready();
            signals.until_stopped(&running, &sandbox).await;
            service::stopping();
            running.stop().await;
            Ok(())
        })
    }
}

/// The signals that a service is steered by.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn until_stopped(&mut self, running: &Running, sandbox: &Sandbox) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    service::reloading();
                    reload(running, sandbox);
                    service::ready();
                }
            }
        }
    }
}

fn reload(running: &Running, sandbox: &Sandbox) {
    let reloaded = running.reload(sandbox);
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
    if let Err(error) = telemetry::change_filter(&running.gateway.config.load().telemetry.log) {
        tracing::error!(event.action = "reload-failed", error.message = %error, "the log filter stays as it was");
    }
}
