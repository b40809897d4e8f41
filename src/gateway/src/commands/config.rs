//! `clearance config check`: every fault of the settings at once, and whether a gateway would start with them.

use std::path::PathBuf;

use clap::Subcommand;
use clearance::clock::{Clock, SystemClock};
use identity::Reloader;
use rustls::time_provider::DefaultTimeProvider;
use serde_json::json;
use std::sync::Arc;

use super::{Failure, Report};
use crate::config::Config;
use crate::rules::Rules;
use crate::secrets::Secrets;
use crate::serve::{causes, sources};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check settings, keys, certificates and policies
    Check {
        /// The settings file
        #[arg(default_value = "clearance.toml")]
        file: PathBuf,
        /// The settings that a gateway runs with; names the changes that take effect at its restart only
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Print the annotated defaults
    Defaults,
}

impl ConfigCommand {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        let Self::Check { file, against } = self else {
            report.line(crate::config::DEFAULTS.trim_end());
            report.value(&json!({ "defaults": crate::config::DEFAULTS }));
            return Ok(());
        };
        let config = crate::config::load(file)?;
        let at_restart = match against {
            Some(running) => crate::config::load(running)?.at_restart(&config),
            None => Vec::new(),
        };
        let faults = faults(&config);
        report.value(&json!({ "file": file, "faults": faults, "at_restart": at_restart }));
        for fault in &faults {
            report.line(fault);
        }
        if !faults.is_empty() {
            return Err(Failure::Failed(format!("`{}` is not usable", file.display())));
        }
        report.line(format_args!("{}: ok", file.display()));
        for setting in at_restart {
            report.line(format_args!("`{setting}` takes effect at restart"));
        }
        Ok(())
    }
}

/// Each part is checked whether or not another has faults: all of them at once.
fn faults(config: &Config) -> Vec<String> {
    let secrets = Secrets::given(&config.paths.keys).err().map(|error| causes(&error));
    let rules = Rules::build(config).err().map(|error| causes(&error));
    let trust = Reloader::new(sources(config), Arc::new(DefaultTimeProvider), SystemClock.now());
    let trust = trust.err().map(|error| error.failures).unwrap_or_default();
    let trust = trust.iter().map(|failure| causes(failure));
    secrets.into_iter().chain(rules).chain(trust).collect()
}
