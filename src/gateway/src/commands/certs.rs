//! `clearance certs`: an example PKI, what a certificate is to the gateway, what expires, and rotation.

mod rotate;
mod who;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use clearance::clock::{Clock, SystemClock};
use identity::example::{ExampleNames, ExamplePki, Holder, Lifetimes};
use identity::{Expiry, Foresight, Material, Purpose, Reloader, Urgency, check_chain, foresee};
use rustls::time_provider::DefaultTimeProvider;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{Failure, Report, Settings, read};
use crate::serve::{causes, sources};

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
    /// Have the example PKI certify somebody with a new key, in place of the certificate that is there
    Issue {
        /// Whose: `server`, `clients/NAME`, `destinations/NAME/server` or `destinations/NAME/client`
        holder: Holder,
        /// The folder of the example PKI
        #[arg(long, default_value = "certs")]
        pki: PathBuf,
        /// A name or address in it; without any, those of the certificate that is there
        #[arg(long = "name")]
        names: Vec<String>,
        /// How long it lasts
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// Have the example PKI renew its revocation list and put certificates on it
    Revoke {
        /// Certificates, PEM; without any, the list is only renewed
        chains: Vec<PathBuf>,
        /// The folder of the example PKI
        #[arg(long, default_value = "certs")]
        pki: PathBuf,
        /// How long the list lasts
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    /// Put a certificate and its key in the place of those in use, once they are proved
    Rotate {
        #[command(flatten)]
        settings: Settings,
        /// Whose: `server`, or the name of a peer
        of: String,
        /// The new chain, PEM, the certificate itself first
        chain: PathBuf,
        /// Its key, PEM
        key: PathBuf,
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
    /// Which client comes with which certificate, and when it last did
    Who {
        #[command(flatten)]
        settings: Settings,
    },
    /// Whether everything that the settings name could be used now; exit code 1 where something could not
    Check {
        #[command(flatten)]
        settings: Settings,
    },
    /// What would be broken at another moment if nothing was renewed until then
    Simulate {
        #[command(flatten)]
        settings: Settings,
        /// The moment: a date, or an instant (RFC 3339)
        #[arg(long, value_parser = moment)]
        at: jiff::Timestamp,
    },
}

impl Certs {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        match self {
            Self::Init { folder, names } => init(report, folder, names),
            Self::Issue { holder, pki, names, days } => {
                let files = ExamplePki::at(pki).issue(holder, names, *days, SystemClock.now())?;
                let purpose = if holder.is_server() { Purpose::Server } else { Purpose::Client };
                let material = Material::load(&files, purpose, SystemClock.now())?;
                let (pin, until) = (material.certificate().spki, material.not_after());
                report.line(format_args!("{} lasts until {until}", files.chain.display()));
                report.line(format_args!("spki_sha256  {pin}"));
                report.value(
                    &json!({ "chain": files.chain, "not_after": until, "spki_sha256": pin.to_string() }),
                );
                Ok(())
            }
            Self::Revoke { chains, pki, days } => {
                let pki = ExamplePki::at(pki);
                pki.revoke(chains, *days, SystemClock.now())?;
                report.line(format_args!("{} is renewed", pki.revocation_list().display()));
                report.value(&json!({ "list": pki.revocation_list() }));
                Ok(())
            }
            Self::Rotate { settings, of, chain, key } => {
                let config = crate::config::load(&settings.config)?;
                rotate::rotate(report, &config, of, (chain, key), SystemClock.now())
            }
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
            Self::Who { settings } => who::who(report, &crate::config::load(&settings.config)?),
            Self::Check { settings } => {
                if foretell(report, settings, SystemClock.now())? {
                    Ok(())
                } else {
                    Err(Failure::Failed("not everything could be used".to_owned()))
                }
            }
            Self::Simulate { settings, at } => foretell(report, settings, *at).map(drop),
        }
    }
}

/// A date means its beginning, in UTC.
fn moment(text: &str) -> Result<jiff::Timestamp, jiff::Error> {
    text.parse()
        .or_else(|_| Ok(text.parse::<jiff::civil::Date>()?.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp()))
}

/// Prints what would work at `at` and what would not; whether all would.
fn foretell(report: &Report, settings: &Settings, at: jiff::Timestamp) -> Result<bool, Failure> {
    let config = crate::config::load(&settings.config)?;
    let Foresight { failures, clients_out } = foresee(&sources(&config), at);
    let broken: Vec<_> = failures
        .iter()
        .map(|failure| json!({ "part": failure.part.to_string(), "why": causes(failure) }))
        .chain(clients_out.iter().map(|client| {
            json!({ "part": format!("client `{client}`"), "why": "none of its pinned certificates or keys holds then" })
        }))
        .collect();
    for part in &broken {
        let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        report.line(format_args!("broken   {}: {}", text("part"), text("why")));
    }
    // What has an end is known from what can be read now.
    let now = SystemClock.now();
    if let Ok(trust) = Reloader::new(sources(&config), Arc::new(DefaultTimeProvider), now) {
        let ends = trust.current().inventory(at);
        for end in ends.iter().filter(|end| end.urgency >= Urgency::Days60) {
            report.line(format_args!("{:<8} {}: {}", urgency(end), end.name, end.not_after));
        }
    }
    let good = broken.is_empty();
    if good {
        report.line(format_args!("at {at} everything the settings name could be used"));
    }
    report.value(&json!({ "at": at, "ok": good, "broken": broken }));
    Ok(good)
}

fn urgency(end: &Expiry) -> String {
    if end.urgency == Urgency::Expired { "over".to_owned() } else { format!("{} days", end.days_left) }
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
