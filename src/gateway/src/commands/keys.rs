//! `clearance keys init`: makes the keys that `serve` never makes up.

use std::path::PathBuf;

use clap::Subcommand;
use clearance::clock::SystemEntropy;
use serde_json::json;

use super::{Failure, Report};
use crate::secrets::{Secrets, Signer};

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make the keys a folder does not have yet; those it has stay
    Init {
        /// The folder; `paths.keys` in the settings
        folder: PathBuf,
    },
}

impl Keys {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        let Self::Init { folder } = self;
        let made = Secrets::init(folder, &SystemEntropy)?;
        let signer = Signer::new(&Secrets::read(folder)?.payload)?;
        for path in &made {
            report.line(format_args!("made {}", path.display()));
        }
        if made.is_empty() {
            report.line("all keys were there");
        }
        let public_key = hex::encode(signer.public_key());
        let key_id = clearance::adapter::PayloadSigner::key_id(&signer);
        report.line(format_args!(
            "partners check payload signatures with Ed25519 key {public_key}, kid {key_id}"
        ));
        report.value(&json!({ "made": made, "payload_public_key": public_key, "payload_key_id": key_id }));
        Ok(())
    }
}
