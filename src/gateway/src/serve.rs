//! A gateway put together from its settings, started, and stopped in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use clearance::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use clearance::journey::Vault;
use clearance::keys::PseudonymKey;
use clearance::seal::{Bodies, Day, KeyRing};
use identity::{DestinationSources, Reloader, RevocationPolicy, Sources, TlsSettings, Watch};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use rustls::time_provider::DefaultTimeProvider;
use store::{BodyFolder, Sqlite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::delivery::{self, Bells, Courier};
use crate::gateway::Gateway;
use crate::health::Health;
use crate::intake::{Questions, Waiting};
use crate::listener::{self, Door, Places};
use crate::rates::Rates;
use crate::rules::Rules;
use crate::sandbox::Sandbox;
use crate::secrets::{Secrets, Signer};
use crate::sightings::Sightings;
use crate::telemetry::metrics::Connections;
use crate::transport::Calls;
use crate::{admin, housekeeping, intake, rotation};

/// A gateway that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) intake: SocketAddr,
    pub(crate) admin: SocketAddr,
    calls: Arc<Calls>,
    /// What comes in and goes out.
    traffic: Tasks,
    /// What outlives it: health is answered, and figures are kept, to the end of the drain.
    watch_keepers: Tasks,
    file: Option<PathBuf>,
    /// The settings that it was started with, for those that only a start puts in force.
    started_with: Config,
    _watch: Watch,
}

/// Tasks that are told to stop together.
#[derive(Debug)]
struct Tasks {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Secret(#[from] crate::secrets::SecretError),
    #[error(transparent)]
    Rules(#[from] crate::rules::RulesError),
    #[error("certificates: {0}")]
    Trust(String),
    #[error(transparent)]
    Peer(#[from] crate::transport::PeerError),
    #[error("the store: {0}")]
    Store(String),
    #[error("the key ring: {0}; is `seal.key` the one that it was made with?")]
    KeyRing(String),
    #[error("`{what}` = `{address}`: {source}")]
    Listen { what: &'static str, address: String, source: std::io::Error },
    #[error("`{path}`: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("certificates cannot be watched")]
    Watch(#[from] identity::WatchError),
    #[error("`ledger.origin` is not an origin: {0}")]
    Origin(String),
}

/// Starts a gateway with these settings, which stand in `file`.
pub(crate) async fn start(
    config: Config,
    file: Option<&Path>,
    metrics: PrometheusHandle,
) -> Result<Running, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let secrets = Secrets::given(&config.paths.keys)?;
    let trust = Reloader::new(sources(&config), Arc::new(DefaultTimeProvider), clock.now())
        .map_err(|error| StartError::Trust(causes(&error)))?;
    let rules = Rules::build(&config)?;
    let calls = Arc::new(Calls::new(&config, &trust.current(), Arc::clone(&clock))?);
    let ring = folder(config.paths.keyring())?;
    folder(config.paths.data.clone())?;
    let bodies = open_bodies(&config)?;
    let store = open_store(&config, Arc::clone(&bodies), clock.now()).await?;
    let vault = Arc::new(Vault {
        pseudonyms: PseudonymKey::new(secrets.pseudonym.clone()),
        ring: KeyRing::new(ring, secrets.seal.clone()),
        entropy: Arc::clone(&entropy),
    });
    open_ring(&vault, &store, clock.now()).await?;
    let sightings = store.sightings().await.map_err(|error| StartError::Store(causes(&error)))?;
    let signer = Arc::new(Signer::new(&secrets.payload)?);
    let checkpoints = housekeeping::signing_key(&config, &secrets)?;

    let paused = store.paused().await.map_err(|error| StartError::Store(causes(&error)))?;
    let verifier = checkpoints.verifier().clone();
    let operations = admin::Operations::new(clock.now(), Arc::clone(&calls), verifier, paused);

    let intake_listener = bind("intake.listen", &config.intake.listen).await?;
    let admin_listener = bind("admin.listen", &config.admin.listen).await?;
    let tls_only_listener = match config.tls_only.listen.as_str() {
        "" => None,
        address => Some(bind("tls_only.listen", address).await?),
    };
    let (intake, admin) = (address(&intake_listener), address(&admin_listener));
    let tls_only =
        tls_only_listener.as_ref().map(|listener| address(listener).to_string()).unwrap_or_default();

    let health = Health::new(&config.delivery, clock.now());
    let started_with = config.clone();
    let gateway = Arc::new(Gateway {
        room: intake::Room::new(&config.limits),
        rates: Rates::new(&config.limits),
        health,
        connections: Connections::default(),
        places: Places::default(),
        sightings: Sightings::of(sightings),
        waiting: Waiting::default(),
        questions: Questions::default(),
        transport: Arc::clone(&calls) as _,
        signer: Arc::clone(&signer) as _,
        config: ArcSwap::from_pointee(config),
        rules: ArcSwap::from_pointee(rules),
        trust,
        store: Arc::clone(&store),
        vault: Arc::clone(&vault),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        bodies: Arc::clone(&bodies),
        bells: Bells::default(),
        operations,
    });
    let courier = Arc::new(Courier {
        recorder: store,
        vault,
        bodies,
        clock,
        entropy,
        patience: Arc::new(delivery::RealPatience),
        transport: Arc::clone(&calls) as _,
        signer,
    });

    let (mut traffic, mut watch_keepers) = (Tasks::new(), Tasks::new());
    let serve = |door, listener, routes| {
        let gateway = Arc::clone(&gateway);
        move |stop| listener::serve(gateway, door, listener, routes, stop)
    };
    traffic.spawn(serve(Door::Intake, intake_listener, intake::router(Arc::clone(&gateway))));
    if let Some(listener) = tls_only_listener {
        traffic.spawn(serve(Door::TlsOnly, listener, admin::tls_only(Arc::clone(&gateway))));
    }
    traffic.spawn(|stop| delivery::run(Arc::clone(&gateway), courier, stop));
    let routes = admin::router(Arc::clone(&gateway), metrics.clone());
    // Requests under way wait for news to the end of the drain.
    watch_keepers.spawn(|stop| {
        let (gateway, changes) = (Arc::clone(&gateway), gateway.store.changes());
        async move { gateway.waiting.hand_on(changes, stop).await }
    });
    watch_keepers.spawn(|stop| admin::follow(Arc::clone(&gateway), gateway.store.changes(), stop));
    watch_keepers.spawn(|stop| serve_admin(admin_listener, routes, stop));
    watch_keepers.spawn(|stop| housekeeping::run(Arc::clone(&gateway), checkpoints, metrics, stop));
    let watch = rotation::watch(&gateway, &calls)?;
    // The store has been opened, and its end verified.
    gateway.health.record(Ok(()));
    gateway.health.started();
    for setting in gateway.config.load().dangerous() {
        tracing::warn!(event.action = "dangerous-setting", setting, "a setting weakens the gateway");
    }
    tracing::info!(event.action = "started", intake.address = %intake, admin.address = %admin, tls_only.address = tls_only, "the gateway serves");
    let file = file.map(Path::to_owned);
    Ok(Running { gateway, intake, admin, calls, traffic, watch_keepers, file, started_with, _watch: watch })
}

impl Running {
    /// Reads settings, certificates and policies again. What is not usable leaves the old in force. The answer is the
    /// settings that now differ from those in force, which a restart would change.
    pub(crate) fn reload(&self, sandbox: &Sandbox) -> Result<Vec<&'static str>, String> {
        let gateway = &self.gateway;
        let config = match &self.file {
            Some(file) => crate::config::load(file).map_err(|error| error.to_string())?,
            None => Config::clone(&gateway.config.load()),
        };
        if let Some(path) = sandbox.outside(&config).first() {
            let path = path.display();
            return Err(format!(
                "`{path}` lies outside the sandbox that was drawn at the start: restart to take it up"
            ));
        }
        let rules = Rules::build(&config).map_err(|error| error.to_string())?;
        let trust = gateway.trust.reload_with(sources(&config), gateway.clock.now());
        let at_restart = self.started_with.at_restart(&config);
        gateway.rates.renew(&config.limits);
        gateway.health.limits(&config.delivery);
        gateway.config.store(Arc::new(config));
        let renewed = self.calls.renew(&gateway.config, &gateway.trust).map_err(|error| error.to_string());
        // After the peers that they call.
        gateway.rules.store(Arc::new(rules));
        gateway.operations.reloaded(gateway.clock.now());
        // A destination that is back has waiting transfers made due.
        gateway.bells.ring_all();
        // Parts that are fit are in force even when another is not; the first cause is what the operator needs.
        trust.map_err(|error| causes(&error))?;
        renewed.map(|()| at_restart)
    }

    /// Stops: no new connections, requests and attempts under way finish, the store is closed.
    pub(crate) async fn stop(mut self) {
        self.gateway.health.draining();
        // Who follows a transfer would otherwise be followed to the end of the drain.
        self.gateway.waiting.look_again();
        self.traffic.end().await;
        // After the last outcome: the last checkpoint covers it.
        self.watch_keepers.end().await;
        self.gateway.store.shutdown().await;
        tracing::info!(event.action = "stopped", "the gateway has stopped");
    }
}

impl Tasks {
    fn new() -> Self {
        Self { stop: watch::Sender::new(false), running: JoinSet::new() }
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        task: impl FnOnce(watch::Receiver<bool>) -> F,
    ) {
        self.running.spawn(task(self.stop.subscribe()));
    }

    async fn end(&mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}

/// Where sealed documents lie that are too large for the database.
pub(crate) fn open_bodies(config: &Config) -> Result<Arc<dyn Bodies>, StartError> {
    let path = config.paths.spool();
    let opened = BodyFolder::open(&path, config.limits.spool_bytes_max);
    opened.map(|folder| Arc::new(folder) as _).map_err(|source| StartError::Folder { path, source })
}

async fn open_store(
    config: &Config,
    bodies: Arc<dyn Bodies>,
    now: Timestamp,
) -> Result<Arc<Sqlite>, StartError> {
    let settings = store::Settings {
        path: config.paths.data.join("clearance.db"),
        erased_within: ERASED_WITHIN,
        bytes_max: None,
        bodies,
        bytes_reserved: config.limits.disk_reserved_bytes,
    };
    let failed = |error: &dyn std::error::Error| StartError::Store(causes(error));
    let opened = tokio::task::spawn_blocking(move || Sqlite::open(settings, now)).await;
    opened.map_err(|error| failed(&error))?.map(Arc::new).map_err(|error| failed(&error))
}

/// Opens every key that anything waiting is sealed under, and today's: a wrong master key or a ring that cannot be read or
/// written is found here, and not by taking transfers that nobody could open.
async fn open_ring(vault: &Vault, store: &Sqlite, now: Timestamp) -> Result<(), StartError> {
    let failed = |error: &dyn std::error::Error| StartError::KeyRing(causes(error));
    let mut days = store.undelivered_days().await.map_err(|error| StartError::Store(causes(&error)))?;
    days.extend(vault.ring.days().map_err(|error| failed(&error))?);
    for lost in vault.ring.open_all(days).map_err(|error| failed(&error))? {
        tracing::error!(
            event.action = "day-key-gone",
            day = lost.number(),
            "the key of a day is not on the ring; what waits under it cannot be opened"
        );
    }
    vault.ring.key_of(Day::of(now), &*vault.entropy).map(drop).map_err(|error| failed(&error))
}

async fn serve_admin(listener: TcpListener, routes: axum::Router, mut stop: watch::Receiver<bool>) {
    let stopped = async move {
        if stop.wait_for(|stop| *stop).await.is_err() {
            tracing::debug!(event.action = "admin-orphaned", "the gateway is gone");
        }
    };
    let served = tokio::select! {
        served = axum::serve(listener, routes) => served,
        // Nothing is left to ask about.
        () = stopped => Ok(()),
    };
    if let Err(error) = served {
        tracing::error!(event.action = "admin-failed", error.message = %error, "the admin listener has failed");
    }
}

/// Where the certificates of these settings lie.
pub(crate) fn sources(config: &Config) -> Sources {
    let intake = &config.intake;
    let revocation = RevocationPolicy {
        dangerous_allow_unknown: intake.dangerous_allow_unknown_revocation,
        ..RevocationPolicy::default()
    };
    Sources {
        server: intake.material(),
        client_authorities: intake.client_ca.clone(),
        revocation_lists: intake.crl.clone(),
        clients: config.clients.iter().filter_map(client).collect(),
        tls: TlsSettings { tls12: intake.dangerous_tls_1_2, revocation, ..TlsSettings::default() },
        destinations: config.peers.iter().map(|(name, peer)| (name.clone(), destination(peer))).collect(),
    }
}

fn client(client: &crate::config::Client) -> Option<identity::Client> {
    Some(identity::Client {
        id: client.id.as_str().parse().ok()?,
        spki_sha256: client.spki_sha256.clone(),
        certificate_sha256: client.certificate_sha256.clone(),
        organisation_identifier: client.organisation_identifier.clone(),
        dns_name: client.dns_name.clone(),
        serial_number: None,
    })
}

fn destination(peer: &crate::config::Peer) -> DestinationSources {
    DestinationSources {
        authorities: peer.ca.clone(),
        revocation_lists: peer.crl.clone(),
        spki_sha256: peer.spki_sha256.clone(),
        certificate: Some(peer.material()),
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        tls12: peer.dangerous_tls_1_2,
        revocation: RevocationPolicy::default(),
    }
}

async fn bind(what: &'static str, address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen {
        what,
        address: address.to_owned(),
        source,
    })
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}

/// A folder that only the gateway looks into, made where there is none.
pub(crate) fn folder(path: PathBuf) -> Result<PathBuf, StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
    made.map(|()| path.clone()).map_err(|source| StartError::Folder { path, source })
}

/// An error with its causes, the outermost first.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

/// So long after a body was erased, its encrypted traces have left the write-ahead log.
const ERASED_WITHIN: Duration = Duration::from_secs(60);

/// How often housekeeping looks around.
pub(crate) const LOOK_AROUND: Duration = Duration::from_secs(2);

/// The expiry of every certificate, by name.
pub(crate) fn expiries(gateway: &Gateway) -> BTreeMap<String, i64> {
    let inventory = gateway.trust.current().inventory(gateway.clock.now());
    inventory.into_iter().map(|expiry| (expiry.name.clone(), expiry.not_after.as_second())).collect()
}
