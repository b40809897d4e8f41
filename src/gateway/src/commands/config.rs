//! `clearance config check`: every fault of the settings at once, and whether a gateway would start with them.

use std::path::PathBuf;

use clap::Subcommand;
use clearance::clock::{Clock, SystemClock};
use identity::Reloader;
use rustls::time_provider::DefaultTimeProvider;
use serde_json::json;
use std::sync::Arc;

use super::{Failure, Report};
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
    },
    /// Print the annotated defaults
    Defaults,
}

impl ConfigCommand {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        let Self::Check { file } = self else {
            report.line(crate::config::DEFAULTS.trim_end());
            report.value(&json!({ "defaults": crate::config::DEFAULTS }));
            return Ok(());
        };
        let config = crate::config::load(file)?;
        // Each part is checked whether or not another has faults: all of them at once.
        let faults: Vec<String> = [
            Secrets::read(&config.paths.keys).err().map(|error| causes(&error)),
            Rules::build(&config).err().map(|error| causes(&error)),
            Reloader::new(sources(&config), Arc::new(DefaultTimeProvider), SystemClock.now())
                .err()
                .map(|error| causes(&error)),
        ]
        .into_iter()
        .flatten()
        .collect();
        report.value(&json!({ "file": file, "faults": faults }));
        for fault in &faults {
            report.line(fault);
        }
        if !faults.is_empty() {
            return Err(Failure::Failed(format!("`{}` is not usable", file.display())));
        }
        report.line(format_args!("{}: ok", file.display()));
        Ok(())
    }
}
