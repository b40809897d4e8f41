//! Trust that follows its files: new material is proved first and swapped in after, part by part;
//! what fails stays as it was, and the error says why.
//!
//! It does not watch the files ([`crate::Watch`] does), holds no timer and closes no connection.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::time_provider::TimeProvider;

use crate::destination::ClientParts;
use crate::server::ServerParts;
use crate::{
    Authorities, ClientTrust, DestinationSources, FileError, Material, Part, Purpose, Registry,
    RegistryError, Revocations, ServerTrust, Sources, Trust, TrustError,
};

/// Holds the trust in force and replaces it.
#[derive(Debug)]
pub struct Reloader {
    current: ArcSwap<Trust>,
    /// Locked during a reload: two at once would each swap in half of the news.
    sources: Mutex<Sources>,
    clock: Arc<dyn TimeProvider>,
}

/// What a reload changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The generation now in force.
    pub generation: u64,
    /// The parts that are new, in order; none when nothing had changed.
    pub parts: Vec<Part>,
}

/// A reload in which something failed. The failed parts are as they were; the others are new if
/// they changed, so that a revocation never waits for somebody else's mistake.
#[derive(Debug, thiserror::Error)]
#[error("{}", listed(failures))]
pub struct ReloadError {
    /// What changed all the same.
    pub changed: Changed,
    /// What failed; at least one.
    pub failures: Vec<PartFailure>,
}

/// One part that was not replaced.
#[derive(Debug, thiserror::Error)]
#[error("the {part} cannot be used")]
pub struct PartFailure {
    /// Which.
    pub part: Part,
    /// Why.
    #[source]
    pub cause: PartFailureCause,
}

/// Why a part was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum PartFailureCause {
    /// One of its files will not do.
    #[error(transparent)]
    File(#[from] FileError),
    /// The registered clients contradict one another.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// rustls cannot use it.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Reloader {
    /// Loads everything for the first time. `clock` is what rustls goes by in handshakes.
    ///
    /// # Errors
    ///
    /// Every part that fails; there is nothing old to stay, and nothing is in force.
    pub fn new(sources: Sources, clock: Arc<dyn TimeProvider>, now: Timestamp) -> Result<Self, ReloadError> {
        let trust = first(&sources, &clock, now).map_err(|failures| ReloadError {
            changed: Changed { generation: 0, parts: Vec::new() },
            failures,
        })?;
        Ok(Self { current: ArcSwap::from_pointee(trust), sources: Mutex::new(sources), clock })
    }

    /// The trust in force.
    #[must_use]
    pub fn current(&self) -> Arc<Trust> {
        self.current.load_full()
    }

    /// Reads all files again. Parts that are the same stay the very same, with their connections'
    /// sessions; the generation grows only when a part changed.
    ///
    /// # Errors
    ///
    /// The parts that failed and stay as they were, each with its reason.
    pub fn reload(&self, now: Timestamp) -> Result<Changed, ReloadError> {
        let sources = self.lock();
        self.apply(&sources, now)
    }

    /// The same after the configuration changed. The new sources hold from here on, also for the
    /// parts that failed and are to be mended in place.
    ///
    /// # Errors
    ///
    /// As [`Self::reload`]. A destination that is new and failed is not there.
    pub fn reload_with(&self, sources: Sources, now: Timestamp) -> Result<Changed, ReloadError> {
        let mut held = self.lock();
        *held = sources;
        self.apply(&held, now)
    }

    fn apply(&self, sources: &Sources, now: Timestamp) -> Result<Changed, ReloadError> {
        let old = self.current();
        let generation = old.generation.saturating_add(1);
        let mut news = News::default();
        let server = self.renew_server(sources, &old.server, generation, now, &mut news);
        let destinations = self.renew_destinations(sources, &old.destinations, now, &mut news);
        let changed = if news.parts.is_empty() {
            Changed { generation: old.generation, parts: Vec::new() }
        } else {
            self.current.store(Arc::new(Trust { generation, server, destinations }));
            Changed { generation, parts: news.parts }
        };
        if news.failures.is_empty() {
            Ok(changed)
        } else {
            Err(ReloadError { changed, failures: news.failures })
        }
    }

    fn renew_server(
        &self,
        sources: &Sources,
        old: &Arc<ServerTrust>,
        generation: u64,
        now: Timestamp,
        news: &mut News,
    ) -> Arc<ServerTrust> {
        let mut parts = old.parts();
        let mut found = News::default();
        found.take(Part::ServerCertificate, &mut parts.material, load_material(sources, now), |old, new| {
            old.is_same(new)
        });
        found.take(
            Part::ClientAuthorities,
            &mut parts.authorities,
            load_authorities(sources, now),
            |old, new| old.is_same(new),
        );
        found.take(
            Part::RevocationLists,
            &mut parts.revocations,
            load_revocations(sources, now),
            |old, new| old.is_same(new),
        );
        found.take(Part::Registry, &mut parts.registry, load_registry(sources), |old, new| {
            old.clients() == new.clients()
        });
        if parts.settings != sources.tls {
            parts.settings = sources.tls.clone();
            found.parts.push(Part::TlsSettings);
        }
        news.failures.append(&mut found.failures);
        if found.parts.is_empty() {
            return Arc::clone(old);
        }
        match ServerTrust::new(generation, parts, &self.clock) {
            Ok(server) => {
                news.parts.append(&mut found.parts);
                Arc::new(server)
            }
            Err(error) => {
                news.fail(Part::TlsSettings, error.into());
                Arc::clone(old)
            }
        }
    }

    fn renew_destinations(
        &self,
        sources: &Sources,
        old: &BTreeMap<String, Arc<ClientTrust>>,
        now: Timestamp,
        news: &mut News,
    ) -> BTreeMap<String, Arc<ClientTrust>> {
        for name in old.keys().filter(|name| !sources.destinations.contains_key(*name)) {
            news.parts.push(Part::Destination(name.clone()));
        }
        let mut renewed = BTreeMap::new();
        for (name, source) in &sources.destinations {
            let old = old.get(name);
            let part = Part::Destination(name.clone());
            let result = load_destination(source, now).and_then(|parts| match old {
                Some(old) if old.is_made_of(&parts) => Ok(None),
                _ => Ok(Some(ClientTrust::new(parts, &self.clock)?)),
            });
            let kept = match result {
                Ok(Some(new)) => {
                    news.parts.push(part);
                    Some(Arc::new(new))
                }
                Ok(None) => old.cloned(),
                Err(cause) => {
                    news.fail(part, cause);
                    old.cloned()
                }
            };
            renewed.extend(kept.map(|trust| (name.clone(), trust)));
        }
        renewed
    }

    fn lock(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a reload has come to so far.
#[derive(Default)]
struct News {
    parts: Vec<Part>,
    failures: Vec<PartFailure>,
}

impl News {
    /// Replaces `slot` if the part was loaded and differs.
    fn take<T>(
        &mut self,
        part: Part,
        slot: &mut Arc<T>,
        loaded: Result<T, PartFailureCause>,
        is_same: impl Fn(&T, &T) -> bool,
    ) {
        match loaded {
            Ok(new) if is_same(slot, &new) => {}
            Ok(new) => {
                *slot = Arc::new(new);
                self.parts.push(part);
            }
            Err(cause) => self.fail(part, cause),
        }
    }

    fn fail(&mut self, part: Part, cause: PartFailureCause) {
        self.failures.push(PartFailure { part, cause });
    }

    fn expect<T>(&mut self, part: Part, loaded: Result<T, PartFailureCause>) -> Option<Arc<T>> {
        loaded.map(Arc::new).map_err(|cause| self.fail(part, cause)).ok()
    }
}

fn first(
    sources: &Sources,
    clock: &Arc<dyn TimeProvider>,
    now: Timestamp,
) -> Result<Trust, Vec<PartFailure>> {
    const GENERATION: u64 = 1;
    let mut news = News::default();
    let material = news.expect(Part::ServerCertificate, load_material(sources, now));
    let authorities = news.expect(Part::ClientAuthorities, load_authorities(sources, now));
    let revocations = news.expect(Part::RevocationLists, load_revocations(sources, now));
    let registry = news.expect(Part::Registry, load_registry(sources));
    let mut destinations = BTreeMap::new();
    for (name, source) in &sources.destinations {
        let made = load_destination(source, now).and_then(|parts| Ok(ClientTrust::new(parts, clock)?));
        let made = news.expect(Part::Destination(name.clone()), made);
        destinations.extend(made.map(|trust| (name.clone(), trust)));
    }
    let server = match (material, authorities, revocations, registry) {
        (Some(material), Some(authorities), Some(revocations), Some(registry)) => {
            let parts =
                ServerParts { material, authorities, revocations, registry, settings: sources.tls.clone() };
            let made = ServerTrust::new(GENERATION, parts, clock).map_err(Into::into);
            news.expect(Part::TlsSettings, made)
        }
        _ => None,
    };
    match server {
        Some(server) if news.failures.is_empty() => {
            Ok(Trust { generation: GENERATION, server, destinations })
        }
        _ => Err(news.failures),
    }
}

fn load_material(sources: &Sources, now: Timestamp) -> Result<Material, PartFailureCause> {
    Ok(Material::load(&sources.server, Purpose::Server, now)?)
}

fn load_authorities(sources: &Sources, now: Timestamp) -> Result<Authorities, PartFailureCause> {
    Ok(Authorities::load(&sources.client_authorities, now)?)
}

fn load_revocations(sources: &Sources, now: Timestamp) -> Result<Revocations, PartFailureCause> {
    let policy = sources.tls.revocation;
    Ok(Revocations::load(&sources.revocation_lists, policy, now)?)
}

fn load_registry(sources: &Sources) -> Result<Registry, PartFailureCause> {
    Ok(Registry::new(sources.clients.clone())?)
}

fn load_destination(source: &DestinationSources, now: Timestamp) -> Result<ClientParts, PartFailureCause> {
    let material = match &source.certificate {
        Some(files) => Some(Arc::new(Material::load(files, Purpose::Client, now)?)),
        None => None,
    };
    let revocations = Revocations::load(&source.revocation_lists, source.revocation, now)?;
    Ok(ClientParts {
        authorities: Arc::new(Authorities::load(&source.authorities, now)?),
        revocations: Arc::new(revocations),
        pins: source.spki_sha256.clone(),
        material,
        alpn: source.alpn.clone(),
        tls12: source.tls12,
        revocation: source.revocation,
    })
}

/// An error with everything behind it. Several errors have no common source, so their list has to
/// tell it all.
fn whole(error: &PartFailure) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text.push_str(": ");
        text.push_str(&next.to_string());
        source = next.source();
    }
    text
}

fn listed(failures: &[PartFailure]) -> String {
    let failures: Vec<_> = failures.iter().map(whole).collect();
    failures.join("; ")
}
