//! The settings: one TOML file over the embedded defaults, all faults at once, each with its line.

mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clearance::client::ListedProfessional;
use clearance::declaration::CheckDigits;
use clearance::words::{ClientId, DestinationName};
use identity::MaterialFiles;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::admin::Role;

pub(crate) use self::load::{DEFAULTS, largest_body, load};

/// All settings. The comments stand in `deploy/clearance.toml`, which is also where the defaults are.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub(crate) paths: Paths,
    pub(crate) intake: Intake,
    pub(crate) admin: Admin,
    pub(crate) tls_only: TlsOnly,
    #[serde(default)]
    pub(crate) clients: Vec<Client>,
    #[serde(default)]
    pub(crate) peers: BTreeMap<String, Peer>,
    pub(crate) x_road: Option<toml::Table>,
    #[serde(default)]
    pub(crate) destinations: BTreeMap<DestinationName, Destination>,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) delivery: Delivery,
    pub(crate) requests: Requests,
    pub(crate) ledger: Ledger,
    pub(crate) telemetry: Telemetry,
    pub(crate) process: Process,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Paths {
    pub(crate) data: PathBuf,
    keyring: PathBuf,
    spool: PathBuf,
    pub(crate) keys: PathBuf,
}

impl Paths {
    /// Where sealed documents lie that are too large for the database.
    pub(crate) fn spool(&self) -> PathBuf {
        if self.spool.as_os_str().is_empty() { self.data.join("spool") } else { self.spool.clone() }
    }

    /// Where the daily keys lie: a folder of its own, so that a backup of the data can be without them.
    pub(crate) fn keyring(&self) -> PathBuf {
        if self.keyring.as_os_str().is_empty() { self.data.join("keyring") } else { self.keyring.clone() }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Intake {
    pub(crate) listen: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    certificate_ca: PathBuf,
    pub(crate) client_ca: PathBuf,
    pub(crate) crl: Vec<PathBuf>,
    pub(crate) dangerous_allow_unknown_revocation: bool,
    pub(crate) dangerous_tls_1_2: bool,
    pub(crate) problem_base_url: String,
}

impl Intake {
    /// The gateway's own certificate.
    pub(crate) fn material(&self) -> MaterialFiles {
        material(&self.certificate, &self.key, &self.certificate_ca)
    }
}

/// A certificate, which is proved against `issuers` where they are given.
fn material(chain: &Path, key: &Path, issuers: &Path) -> MaterialFiles {
    let issuers = (!issuers.as_os_str().is_empty()).then(|| issuers.to_owned());
    MaterialFiles { chain: chain.to_owned(), key: key.to_owned(), issuers }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Admin {
    pub(crate) listen: String,
    pub(crate) dangerous_plain_http: bool,
    /// What whoever reaches the listener may do.
    pub(crate) plain_roles: Vec<Role>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TlsOnly {
    pub(crate) listen: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) organisation: String,
    #[serde(default)]
    pub(crate) certificate_sha256: Vec<identity::Pin>,
    #[serde(default)]
    pub(crate) spki_sha256: Vec<identity::Pin>,
    pub(crate) organisation_identifier: Option<String>,
    pub(crate) dns_name: Option<String>,
    pub(crate) destinations: BTreeSet<DestinationName>,
    #[serde(default)]
    pub(crate) professionals: Vec<ListedProfessional>,
    #[serde(default)]
    pub(crate) dangerous_any_professional: bool,
    #[serde(default)]
    pub(crate) may_search_disclosures: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Peer {
    pub(crate) origin: String,
    pub(crate) ca: PathBuf,
    #[serde(default)]
    pub(crate) crl: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) spki_sha256: Vec<identity::Pin>,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    #[serde(default)]
    certificate_ca: PathBuf,
    #[serde(default)]
    pub(crate) dangerous_tls_1_2: bool,
}

impl Peer {
    /// The certificate that the gateway shows it.
    pub(crate) fn material(&self) -> MaterialFiles {
        material(&self.certificate, &self.key, &self.certificate_ca)
    }
}

/// Which adapter, and its own settings.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Destination {
    pub(crate) adapter: String,
    #[serde(flatten)]
    pub(crate) settings: toml::Table,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Policy {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) check_digits: CheckDigits,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Limits {
    pub(crate) declaration_bytes_max: usize,
    pub(crate) json_body_bytes_max: usize,
    pub(crate) document_bytes_max: usize,
    pub(crate) upload_bytes_max: u64,
    pub(crate) upload_bytes_per_second_min: u64,
    pub(crate) uploads_max: usize,
    pub(crate) bodies_bytes_max: usize,
    pub(crate) bodies_wait_ms: u64,
    pub(crate) spool_bytes_max: u64,
    pub(crate) connections_max: usize,
    pub(crate) client_connections_max: usize,
    pub(crate) idle_seconds: u64,
    pub(crate) handshake_ms: u64,
    pub(crate) headers_ms: u64,
    pub(crate) header_bytes_max: u32,
    pub(crate) body_ms: u64,
    pub(crate) http2_streams_max: u32,
    pub(crate) http2_resets_max: usize,
    pub(crate) wait_seconds_max: u64,
    pub(crate) waiting_max: usize,
    pub(crate) client_per_second: u32,
    pub(crate) client_burst: u32,
    pub(crate) destination_per_second: u32,
    pub(crate) destination_burst: u32,
    pub(crate) refusals_ledgered_per_second: u32,
    pub(crate) drain_seconds: u64,
    pub(crate) disk_reserved_bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) not_after_hours: u32,
    pub(crate) not_after_hours_max: u32,
    pub(crate) attempt_seconds: u32,
    pub(crate) bytes_per_second_min: u64,
    pub(crate) concurrent: usize,
    pub(crate) retry_first_ms: u64,
    pub(crate) retry_factor: f64,
    pub(crate) retry_max_seconds: u64,
    pub(crate) pending_max: u64,
    pub(crate) oldest_warning_seconds: u64,
}

impl Delivery {
    /// After which a transfer that was accepted at `accepted_at` is not delivered any more.
    pub(crate) fn not_after(&self, declared: Option<Timestamp>, accepted_at: Timestamp) -> Timestamp {
        let after = |hours: u32| {
            accepted_at.saturating_add(SignedDuration::from_hours(hours.into())).unwrap_or(Timestamp::MAX)
        };
        declared.unwrap_or_else(|| after(self.not_after_hours)).min(after(self.not_after_hours_max))
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Requests {
    pub(crate) deadline_seconds: u32,
    pub(crate) answer_bytes_max: usize,
    pub(crate) concurrent: usize,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) origin: String,
    pub(crate) checkpoint_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Telemetry {
    pub(crate) log: String,
    pub(crate) otlp: String,
    pub(crate) trace_ratio: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Process {
    pub(crate) sandbox: SandboxChoice,
}

/// Whether the kernel is asked to bound the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SandboxChoice {
    /// As far as it can.
    Auto,
    Off,
    /// Or the gateway does not start.
    Required,
}

impl Config {
    /// The settings that weaken the gateway, by name; reported at every start.
    pub(crate) fn dangerous(&self) -> Vec<String> {
        let intake = [
            ("intake.dangerous_allow_unknown_revocation", self.intake.dangerous_allow_unknown_revocation),
            ("intake.dangerous_tls_1_2", self.intake.dangerous_tls_1_2),
            ("admin.dangerous_plain_http", self.admin.dangerous_plain_http),
        ];
        let intake = intake.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned());
        let peers = self.peers.iter().filter(|(_, peer)| peer.dangerous_tls_1_2);
        let clients = self.clients.iter().filter(|client| client.dangerous_any_professional);
        intake
            .chain(peers.map(|(name, _)| format!("peers.{name}.dangerous_tls_1_2")))
            .chain(clients.map(|client| format!("clients.{}.dangerous_any_professional", client.id)))
            .collect()
    }

    /// The settings of `new` that differ and take effect at a restart only; all others do at a reload.
    pub(crate) fn at_restart(&self, new: &Self) -> Vec<&'static str> {
        let differs = [
            ("paths.data", self.paths.data != new.paths.data),
            ("paths.keyring", self.paths.keyring != new.paths.keyring),
            ("paths.spool", self.paths.spool != new.paths.spool),
            ("paths.keys", self.paths.keys != new.paths.keys),
            ("intake.listen", self.intake.listen != new.intake.listen),
            ("admin.listen", self.admin.listen != new.admin.listen),
            ("tls_only.listen", self.tls_only.listen != new.tls_only.listen),
            ("limits.connections_max", self.limits.connections_max != new.limits.connections_max),
            ("limits.uploads_max", self.limits.uploads_max != new.limits.uploads_max),
            ("limits.bodies_bytes_max", self.limits.bodies_bytes_max != new.limits.bodies_bytes_max),
            ("limits.spool_bytes_max", self.limits.spool_bytes_max != new.limits.spool_bytes_max),
            ("limits.disk_reserved_bytes", self.limits.disk_reserved_bytes != new.limits.disk_reserved_bytes),
            ("ledger.origin", self.ledger.origin != new.ledger.origin),
            ("telemetry.otlp", self.telemetry.otlp != new.telemetry.otlp),
            ("telemetry.trace_ratio", self.telemetry.trace_ratio != new.telemetry.trace_ratio),
            ("process.sandbox", self.process.sandbox != new.process.sandbox),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// Every path, taken from `folder`.
    fn anchored(mut self, folder: &Path) -> Self {
        let anchor = |path: &mut PathBuf| *path = folder.join(&*path);
        let anchor_if_given = |path: &mut PathBuf| {
            if !path.as_os_str().is_empty() {
                anchor(path);
            }
        };
        anchor(&mut self.paths.data);
        anchor_if_given(&mut self.paths.keyring);
        anchor_if_given(&mut self.paths.spool);
        anchor(&mut self.paths.keys);
        anchor(&mut self.intake.certificate);
        anchor(&mut self.intake.key);
        anchor_if_given(&mut self.intake.certificate_ca);
        anchor(&mut self.intake.client_ca);
        self.intake.crl.iter_mut().for_each(anchor);
        self.policy.folders.iter_mut().for_each(anchor);
        for peer in self.peers.values_mut() {
            anchor(&mut peer.ca);
            anchor(&mut peer.certificate);
            anchor(&mut peer.key);
            anchor_if_given(&mut peer.certificate_ca);
            peer.crl.iter_mut().for_each(anchor);
        }
        self
    }
}
