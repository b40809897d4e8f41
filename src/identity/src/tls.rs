//! What all our TLS configurations share: one crypto provider, the versions, and whether sessions
//! may be resumed.

use std::sync::{Arc, OnceLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::VerifierBuilderError;
use rustls::version::{TLS12, TLS13};

use crate::RevocationPolicy;

/// How the gateway speaks TLS on its own listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// Application protocols offered, the preferred first.
    pub alpn: Vec<Vec<u8>>,
    /// Whether TLS 1.2 is spoken beside TLS 1.3.
    pub tls12: bool,
    /// Whether clients may resume sessions.
    pub resumption: Resumption,
    /// How revocation lists are taken.
    pub revocation: RevocationPolicy,
}

impl Default for TlsSettings {
    /// HTTP/2 and HTTP/1.1 over TLS 1.3, no resumption, strict revocation.
    fn default() -> Self {
        Self {
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            tls12: false,
            resumption: Resumption::Off,
            revocation: RevocationPolicy::default(),
        }
    }
}

/// Whether a client may come back to an earlier session instead of a full handshake.
///
/// Off unless asked for: `docs/resumption.md` says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// Every connection is a full handshake.
    Off,
    /// Sessions are kept in memory until the trust changes.
    InMemory {
        /// How many; the oldest give way.
        sessions_max: usize,
    },
}

/// Trust that cannot be made into a TLS configuration, although its parts were fit.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The provider lacks what the chosen TLS versions need.
    #[error("the TLS versions cannot be configured")]
    Versions(#[source] rustls::Error),
    /// The verifier of the peers' certificates cannot be built.
    #[error("the verifier of certificates cannot be built")]
    Verifier(#[source] VerifierBuilderError),
}

/// aws-lc-rs, the only provider in the tree; never the process's default, which anybody may set.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider()))
}

pub(crate) fn versions(tls12: bool) -> &'static [&'static SupportedProtocolVersion] {
    static MODERN: [&SupportedProtocolVersion; 1] = [&TLS13];
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    if tls12 { &BOTH } else { &MODERN }
}
