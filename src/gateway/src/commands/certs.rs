//! `clearance certs`: an example PKI, what a certificate is to the gateway, what expires.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use clearance::clock::{Clock, SystemClock};
use identity::example::{ExampleNames, ExamplePki, Lifetimes};
use identity::{Reloader, check_chain};
use rustls::time_provider::DefaultTimeProvider;
use serde_json::json;
use std::sync::Arc;

use super::{Failure, Report, Settings, read};
use crate::serve::sources;

#[derive(Debug, Subcommand)]
pub(super) enum Certs {
    /// Make an example PKI: authorities, server, clients, destinations, and certificates to be refused
    Init {
        /// An empty folder
        #[arg(default_value = "certs")]
        folder: PathBuf,
        /// A name or address of the gateway; more than one may be given
        #[arg(long = "name", default_values_t = ["localhost".to_owned(), "127.0.0.1".to_owned()])]
        names: Vec<String>,
    },
    /// Whether the gateway would believe a client's chain now, and who it would be
    CheckChain {
        /// The chain, PEM, the client's own certificate first
        chain: PathBuf,
        /// The authorities of clients, PEM
        #[arg(long)]
        ca: PathBuf,
        /// Revocation lists, PEM
        #[arg(long)]
        crl: Vec<PathBuf>,
        /// Check as of this instant (RFC 3339) instead of now
        #[arg(long)]
        at: Option<jiff::Timestamp>,
    },
    /// What expires when, by the settings at hand
    Show {
        #[command(flatten)]
        settings: Settings,
    },
}

impl Certs {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        match self {
            Self::Init { folder, names } => init(report, folder, names),
            Self::CheckChain { chain, ca, crl, at } => {
                let at = at.unwrap_or_else(|| SystemClock.now());
                let lists = crl.iter().map(|list| read(list)).collect::<Result<Vec<_>, _>>()?;
                let summary = check_chain(&read(chain)?, &read(ca)?, &lists, at)?;
                report.line(format_args!("the gateway would believe it until {}", summary.not_after));
                report.line(format_args!("certificate_sha256       {}", summary.fingerprint));
                report.line(format_args!("spki_sha256              {}", summary.spki));
                let organisation = summary.organisation_identifier.as_deref().unwrap_or("none");
                report.line(format_args!("organisation_identifier  {organisation}"));
                report.line(format_args!("dns names                {}", summary.dns_names.join(", ")));
                report.value(&summary);
                Ok(())
            }
            Self::Show { settings } => show(report, settings),
        }
    }
}

fn init(report: &Report, folder: &PathBuf, names: &[String]) -> Result<(), Failure> {
    let partners = ["security-server", "employer"].map(|name| (name.to_owned(), names.to_vec()));
    let names = ExampleNames {
        server: names.to_vec(),
        destinations: BTreeMap::from(partners),
        clinic_code: 1_099_000,
        lifetimes: Lifetimes { authorities_days: 3650, certificates_days: 90, revocation_lists_days: 30 },
    };
    ExamplePki::create(folder, SystemClock.now(), &names)?;
    report.line(format_args!("an example PKI is in {}; it is for trying out only", folder.display()));
    report.value(&json!({ "folder": folder }));
    Ok(())
}

fn show(report: &Report, settings: &Settings) -> Result<(), Failure> {
    let config = crate::config::load(&settings.config)?;
    let now = SystemClock.now();
    let trust = Reloader::new(sources(&config), Arc::new(DefaultTimeProvider), now)?;
    let inventory = trust.current().inventory(now);
    for expiry in &inventory {
        report.line(format_args!("{:>5} days  {}  {}", expiry.days_left, expiry.not_after, expiry.name));
    }
    let values: Vec<_> = inventory
        .iter()
        .map(|expiry| json!({ "name": expiry.name, "not_after": expiry.not_after, "days_left": expiry.days_left }))
        .collect();
    report.value(&values);
    Ok(())
}
