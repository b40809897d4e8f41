//! `clearance ledger`: whether the record is what was written, and the record as text for others to verify.

use std::collections::BTreeMap;

use clap::Subcommand;
use ledger::verify::{Finding, Report as Verified};
use ledger::{SignedCheckpoint, Verifier};
use serde_json::json;

use super::{Failure, Report, Settings, runtime};
use crate::config::Config;
use crate::housekeeping;
use crate::secrets::Secrets;

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Verify every entry, the tree and the checkpoints; the first bad record is named, and the exit code is 4
    Verify {
        #[command(flatten)]
        settings: Settings,
    },
}

impl LedgerCommand {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        let Self::Verify { settings } = self;
        let config = crate::config::load(&settings.config)?;
        let verified = runtime()?.block_on(verify(&config))?;
        show(report, &verified)
    }
}

async fn verify(config: &Config) -> Result<Result<Verified, Finding>, Failure> {
    let secrets = Secrets::given(&config.paths.keys)?;
    let key = housekeeping::signing_key(config, &secrets)?;
    let file = store::LedgerFile::open(&config.paths.data.join("clearance.db"))?;
    let checkpoints = believed(file.checkpoints(0)?, key.verifier())?;
    let verified = file.verify(&checkpoints)?;
    let missing = file.missing_bodies(&*crate::serve::open_bodies(config)?)?;
    if let Some(first) = missing.first() {
        return Err(Failure::Failed(format!(
            "the spooled documents of {} undelivered transfer(s) are missing or cut, the first those of `{first}`",
            missing.len()
        )));
    }
    Ok(verified)
}

/// The stored checkpoints that this ledger's key has signed; one that it has not is damage.
pub(super) fn believed(
    stored: Vec<(u64, String)>,
    verifier: &Verifier,
) -> Result<Vec<SignedCheckpoint>, Failure> {
    let opened = stored.into_iter().map(|(size, note)| {
        SignedCheckpoint::open(&note, std::slice::from_ref(verifier))
            .map_err(|error| Failure::Failed(format!("the checkpoint at {size} entries is damaged: {error}")))
    });
    opened.collect()
}

/// Prints what was found.
pub(super) fn show(report: &Report, verified: &Result<Verified, Finding>) -> Result<(), Failure> {
    match verified {
        Ok(verified) => {
            let kinds: BTreeMap<_, _> =
                verified.entries.iter().map(|(kind, count)| (kind.code(), *count)).collect();
            let listed: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            report.line(format_args!("ledger verify: ok ({} entries: {})", verified.size, listed.join(", ")));
            if verified.open_inquiries > 0 {
                report.line(format_args!(
                    "{} inquiries have no end: the destination may have been asked, and nothing was released",
                    verified.open_inquiries
                ));
            }
            report.value(&json!({
                "ok": true,
                "size": verified.size,
                "root": verified.root.to_hex(),
                "entries": kinds,
                "checkpoints": verified.checkpoints,
                "signed_size": verified.signed_size,
                "open_transfers": verified.open_transfers,
                "open_inquiries": verified.open_inquiries,
            }));
            Ok(())
        }
        Err(finding) => {
            report
                .line(format_args!("ledger verify: DAMAGED at record {}: {}", finding.index, finding.fault));
            report.value(&json!({
                "ok": false,
                "index": finding.index,
                "code": finding.fault.code(),
                "fault": finding.fault.to_string(),
            }));
            Err(Failure::LedgerDamaged)
        }
    }
}
