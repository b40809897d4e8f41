//! Whom the gateway lets in: the TLS configuration of its listeners, and the decision about a peer
//! that is taken after every handshake and again whenever it counts.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::server::{
    ClientCertVerifierBuilder, NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions,
    WebPkiClientVerifier,
};
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::CertificateDer;

use crate::certificate::validity_of;
use crate::tls::{TlsSettings, TrustError, provider, versions};
use crate::{
    Authorities, ChainError, IdentityError, Material, Peer, Purpose, Registry, Resumption, Revocations,
    Window, chain,
};

/// Everything that decides about a peer, and the TLS configurations that go with it.
///
/// It never changes: a change of trust makes a new one, with a session store of its own.
#[derive(Debug)]
pub struct ServerTrust {
    generation: u64,
    material: Arc<Material>,
    authorities: Arc<Authorities>,
    revocations: Arc<Revocations>,
    registry: Arc<Registry>,
    settings: TlsSettings,
    intake: Arc<ServerConfig>,
    tls_only: Arc<ServerConfig>,
}

/// A peer that may go on: its chain was believed and its certificate is a registered client's.
///
/// INVARIANT: made by [`ServerTrust::admit`] alone. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admitted {
    peer: Arc<Peer>,
    presented: Arc<[CertificateDer<'static>]>,
    generation: u64,
    /// While the trust is of `generation`, nothing that decided about the peer changes in here.
    holds: Window,
}

/// Why a peer may not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// The chain is not believed.
    #[error("the certificate is not trusted")]
    Chain(#[from] ChainError),
    /// It is, and the certificate is no registered client's.
    #[error("the certificate does not identify a client")]
    Identity(#[from] IdentityError),
    /// The certificate is another client's now. Whoever was let in as one client does not go on
    /// as another.
    #[error("the certificate was registered for another client meanwhile")]
    OtherClient,
}

impl AdmissionError {
    /// Whether the peer was cut off by a revocation.
    #[must_use]
    pub fn is_revocation(&self) -> bool {
        matches!(self, Self::Chain(ChainError::Revoked))
    }

    /// A short name, stable, for counters: `revoked`, `unregistered` and so on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.reason(),
            Self::Identity(error) => error.reason(),
            Self::OtherClient => "other-client",
        }
    }
}

impl ServerTrust {
    /// Trust made of proved parts, valid from `generation` on.
    ///
    /// # Errors
    ///
    /// When rustls cannot make a configuration of them.
    pub(crate) fn new(
        generation: u64,
        parts: ServerParts,
        clock: &Arc<dyn TimeProvider>,
    ) -> Result<Self, TrustError> {
        let ServerParts { material, authorities, revocations, registry, settings } = parts;
        let verifier =
            client_verifier(&authorities, &revocations, &settings).build().map_err(TrustError::Verifier)?;
        let resolver = Arc::new(SingleCertAndKey::from(Arc::clone(material.certified_key())));
        let builder = || {
            ServerConfig::builder_with_details(Arc::clone(provider()), Arc::clone(clock))
                .with_protocol_versions(versions(settings.tls12))
                .map_err(TrustError::Versions)
        };
        let intake =
            builder()?.with_client_cert_verifier(verifier).with_cert_resolver(Arc::clone(&resolver) as _);
        let tls_only = builder()?.with_no_client_auth().with_cert_resolver(resolver);
        Ok(Self {
            generation,
            intake: Arc::new(finish(intake, &settings)),
            tls_only: Arc::new(finish(tls_only, &settings)),
            material,
            authorities,
            revocations,
            registry,
            settings,
        })
    }

    /// For listeners that demand a client certificate. rustls has then checked the chain in full
    /// handshakes; [`Self::admit`] is still to be asked after each of them.
    #[must_use]
    pub fn intake(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.intake)
    }

    /// For the `tls-only` listener: the same TLS without a client certificate.
    #[must_use]
    pub fn tls_only(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls_only)
    }

    /// Who has shaken hands. `presented` is what rustls returns as the peer's certificates, the
    /// peer's own first.
    ///
    /// # Errors
    ///
    /// Why the peer may not go on.
    pub fn admit(
        &self,
        presented: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Admitted, AdmissionError> {
        let presented = presented.iter().map(|der| der.clone().into_owned()).collect();
        self.decide(presented, now)
    }

    /// Whether the peer may still go on: registered, valid and not revoked, by this trust and at
    /// this moment. To be asked per request and before a disclosure is recorded.
    ///
    /// It costs a comparison while neither the trust nor the time has passed a limit, and the whole
    /// decision otherwise; the answer is to be kept instead of the argument.
    ///
    /// # Errors
    ///
    /// Why the peer may not go on.
    pub fn still_valid(&self, admitted: &Admitted, now: Timestamp) -> Result<Admitted, AdmissionError> {
        if admitted.generation == self.generation && admitted.holds.contains(now) {
            return Ok(admitted.clone());
        }
        let again = self.decide(Arc::clone(&admitted.presented), now)?;
        if again.peer.client() == admitted.peer.client() {
            Ok(again)
        } else {
            Err(AdmissionError::OtherClient)
        }
    }

    /// The registry in force.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(crate) fn parts(&self) -> ServerParts {
        ServerParts {
            material: Arc::clone(&self.material),
            authorities: Arc::clone(&self.authorities),
            revocations: Arc::clone(&self.revocations),
            registry: Arc::clone(&self.registry),
            settings: self.settings.clone(),
        }
    }

    fn decide(
        &self,
        presented: Arc<[CertificateDer<'static>]>,
        now: Timestamp,
    ) -> Result<Admitted, AdmissionError> {
        let policy = self.settings.revocation;
        chain::verify(&presented, &self.authorities, &self.revocations, policy, Purpose::Client, now)?;
        let leaf = presented.first().ok_or(ChainError::Empty)?;
        let peer = self.registry.identify(leaf, now)?;
        let holds = presented
            .iter()
            .filter_map(|der| validity_of(der).ok())
            .fold(peer.window(), Window::intersect)
            .intersect(self.authorities.unchanged_around(now))
            .intersect(self.revocations.unchanged_around(policy));
        Ok(Admitted { peer: Arc::new(peer), presented, generation: self.generation, holds })
    }
}

impl Admitted {
    /// The client and its certificate.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// The parts of a [`ServerTrust`], each proved on its own.
#[derive(Debug, Clone)]
pub(crate) struct ServerParts {
    pub(crate) material: Arc<Material>,
    pub(crate) authorities: Arc<Authorities>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) settings: TlsSettings,
}

fn client_verifier(
    authorities: &Authorities,
    revocations: &Revocations,
    settings: &TlsSettings,
) -> ClientCertVerifierBuilder {
    let roots = authorities.roots();
    let policy = settings.revocation;
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider()))
        .with_crls(revocations.ders());
    if policy.dangerous_allow_unknown {
        builder = builder.allow_unknown_revocation_status();
    }
    if policy.dangerous_check_leaf_only {
        builder = builder.only_check_end_entity_revocation();
    }
    if !policy.dangerous_allow_expired_lists {
        builder = builder.enforce_revocation_expiration();
    }
    builder
}

/// What rustls leaves to public fields. `docs/resumption.md` has the reasons.
fn finish(mut config: ServerConfig, settings: &TlsSettings) -> ServerConfig {
    config.alpn_protocols.clone_from(&settings.alpn);
    let storage: Arc<dyn StoresServerSessions> = match settings.resumption {
        Resumption::Off => {
            config.send_tls13_tickets = 0;
            Arc::new(NoServerSessionStorage {})
        }
        Resumption::InMemory { sessions_max } => ServerSessionMemoryCache::new(sessions_max),
    };
    config.session_storage = storage;
    config
}
