//! Whom the gateway calls: per destination its own authorities and pins, its own certificate to
//! show, and the name of the server checked on every connection.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;

use crate::pinning::PinnedVerifier;
use crate::tls::{TrustError, provider, versions};
use crate::{Authorities, Material, Pin, RevocationPolicy, Revocations};

/// How one destination is called.
#[derive(Debug)]
pub struct ClientTrust {
    parts: ClientParts,
    config: Arc<ClientConfig>,
}

/// The parts of a [`ClientTrust`], each proved on its own.
#[derive(Debug, Clone)]
pub(crate) struct ClientParts {
    pub(crate) authorities: Arc<Authorities>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) pins: Vec<Pin>,
    pub(crate) material: Option<Arc<Material>>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) tls12: bool,
    pub(crate) revocation: RevocationPolicy,
}

impl ClientTrust {
    /// Trust made of proved parts.
    ///
    /// # Errors
    ///
    /// When rustls cannot make a configuration of them.
    pub(crate) fn new(parts: ClientParts, clock: &Arc<dyn TimeProvider>) -> Result<Self, TrustError> {
        let mut verifier =
            WebPkiServerVerifier::builder_with_provider(parts.authorities.roots(), Arc::clone(provider()))
                .with_crls(parts.revocations.ders());
        if parts.revocation.dangerous_allow_unknown {
            verifier = verifier.allow_unknown_revocation_status();
        }
        if parts.revocation.dangerous_check_leaf_only {
            verifier = verifier.only_check_end_entity_revocation();
        }
        if !parts.revocation.dangerous_allow_expired_lists {
            verifier = verifier.enforce_revocation_expiration();
        }
        let chain = verifier.build().map_err(TrustError::Verifier)?;
        let builder = ClientConfig::builder_with_details(Arc::clone(provider()), Arc::clone(clock))
            .with_protocol_versions(versions(parts.tls12))
            .map_err(TrustError::Versions)?
            .dangerous()
            .with_custom_certificate_verifier(with_pins(chain, &parts.pins));
        let mut config = match &parts.material {
            Some(material) => {
                let key = Arc::clone(material.certified_key());
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&parts.alpn);
        // A resumed session would not look at the destination's certificate again:
        // `docs/resumption.md`.
        config.resumption = Resumption::disabled();
        Ok(Self { parts, config: Arc::new(config) })
    }

    /// The configuration for connections to this destination, and to no other.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The certificate the gateway shows there.
    #[must_use]
    pub fn material(&self) -> Option<&Material> {
        self.parts.material.as_deref()
    }

    pub(crate) fn authorities(&self) -> &Authorities {
        &self.parts.authorities
    }

    pub(crate) fn revocations(&self) -> &Revocations {
        &self.parts.revocations
    }

    /// Whether `parts` would make the same.
    pub(crate) fn is_made_of(&self, parts: &ClientParts) -> bool {
        let material = match (&self.parts.material, &parts.material) {
            (Some(mine), Some(other)) => mine.is_same(other),
            (None, None) => true,
            _ => false,
        };
        material
            && self.parts.authorities.is_same(&parts.authorities)
            && self.parts.revocations.is_same(&parts.revocations)
            && self.parts.pins == parts.pins
            && self.parts.alpn == parts.alpn
            && self.parts.tls12 == parts.tls12
            && self.parts.revocation == parts.revocation
    }
}

/// The verifier of the chain, narrowed to the pinned keys where there are any.
fn with_pins(chain: Arc<WebPkiServerVerifier>, pins: &[Pin]) -> Arc<dyn ServerCertVerifier> {
    if pins.is_empty() { chain } else { Arc::new(PinnedVerifier { chain, pins: pins.to_vec() }) }
}
