//! Does this chain lead to an authority we trust, at this moment and for this use, and has nobody
//! in it been revoked?
//!
//! rustls asks webpki the same question in each full handshake. It is asked again here because
//! rustls does not ask it when a session is resumed nor while a connection lives on, and because
//! webpki looks at no validity of the authorities themselves.

use std::fmt;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use webpki::{EndEntityCert, KeyUsage};

use crate::tls::provider;
use crate::window::unix_time;
use crate::{Authorities, RevocationPolicy, Revocations};

/// What a certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To show as a client (clientAuth).
    Client,
    /// To show as a server (serverAuth).
    Server,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "clientAuth",
            Self::Server => "serverAuth",
        })
    }
}

/// Why a chain is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No certificate was shown.
    #[error("no certificate was shown")]
    Empty,
    /// No path from the certificate to a configured authority. An authority of the same name with
    /// another key is another authority.
    #[error("the chain does not lead to a configured authority")]
    UnknownIssuer,
    /// A signature in the chain does not verify.
    #[error("a signature in the chain does not verify")]
    Signature,
    /// A certificate of the chain has expired.
    #[error("a certificate of the chain has expired")]
    Expired,
    /// A certificate of the chain is not valid yet.
    #[error("a certificate of the chain is not valid yet")]
    NotYetValid,
    /// A certificate of the chain has been revoked.
    #[error("a certificate of the chain has been revoked")]
    Revoked,
    /// Revocation lists are configured, and none of them speaks for a certificate of the chain.
    #[error("no configured revocation list speaks for a certificate of the chain")]
    UnknownRevocation,
    /// The revocation list that speaks for a certificate is past its nextUpdate.
    #[error("the revocation list for a certificate of the chain has expired")]
    RevocationListExpired,
    /// The revocation list is not signed by the issuer, or the issuer may not sign lists.
    #[error("the revocation list for a certificate of the chain is not signed by its issuer")]
    RevocationListUntrusted,
    /// The extended key usage forbids the use.
    #[error("the extended key usage in the chain does not allow `{0}`")]
    Purpose(Purpose),
    /// An authority's certificate was shown as a system's own.
    #[error("the certificate is that of an authority, not of a system")]
    Authority,
    /// A name lies outside what an authority may speak for.
    #[error("a name in the certificate lies outside the name constraints of its authority")]
    NameConstraint,
    /// Anything else webpki refuses; the source tells.
    #[error("the chain is not well formed")]
    Malformed(#[source] webpki::Error),
}

impl ChainError {
    /// A short name, stable, for counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "no-certificate",
            Self::UnknownIssuer => "unknown-issuer",
            Self::Signature => "bad-signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::UnknownRevocation => "unknown-revocation",
            Self::RevocationListExpired => "revocation-list-expired",
            Self::RevocationListUntrusted => "revocation-list-untrusted",
            Self::Purpose(_) => "wrong-purpose",
            Self::Authority => "authority",
            Self::NameConstraint => "name-constraint",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// Verifies `presented`, the peer's own certificate first, at `now`.
///
/// The revocation policy holds for the lists given: without any list nothing is looked up.
pub(crate) fn verify(
    presented: &[CertificateDer<'_>],
    authorities: &Authorities,
    revocations: &Revocations,
    policy: RevocationPolicy,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), ChainError> {
    let (leaf, intermediates) = presented.split_first().ok_or(ChainError::Empty)?;
    let leaf = EndEntityCert::try_from(leaf).map_err(ChainError::Malformed)?;
    let lists: Vec<_> = revocations.parsed().collect();
    let usage = match purpose {
        Purpose::Client => KeyUsage::client_auth(),
        Purpose::Server => KeyUsage::server_auth(),
    };
    leaf.verify_for_usage(
        provider().signature_verification_algorithms.all,
        &authorities.anchors_at(now),
        intermediates,
        unix_time(now),
        usage,
        policy.options(&lists),
        None,
    )
    .map(|_| ())
    .map_err(|error| reason(error, purpose))
}

fn reason(error: webpki::Error, purpose: Purpose) -> ChainError {
    use webpki::Error as E;
    match error {
        E::UnknownIssuer => ChainError::UnknownIssuer,
        E::InvalidSignatureForPublicKey => ChainError::Signature,
        E::CertExpired { .. } | E::InvalidCertValidity => ChainError::Expired,
        E::CertNotValidYet { .. } => ChainError::NotYetValid,
        E::CertRevoked => ChainError::Revoked,
        E::UnknownRevocationStatus => ChainError::UnknownRevocation,
        E::CrlExpired { .. } => ChainError::RevocationListExpired,
        E::InvalidCrlSignatureForPublicKey | E::IssuerNotCrlSigner => ChainError::RevocationListUntrusted,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => ChainError::Purpose(purpose),
        E::CaUsedAsEndEntity => ChainError::Authority,
        E::NameConstraintViolation => ChainError::NameConstraint,
        other => ChainError::Malformed(other),
    }
}
