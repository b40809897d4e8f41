//! Server keys that a destination is pinned to, beside its authorities: the chain has to hold, and the key has to be one
//! of these. Whoever else an authority certifies, by mistake or under duress, is not that destination.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::EndEntityCert;

use crate::{Fingerprint, Pin};

/// The chain holds, and the server's key is none that the destination is pinned to at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the chain holds, and the server's key is not pinned for this destination: its `spki_sha256` is `{shown}`"
)]
pub struct NotPinned {
    /// SHA-256 of the key that the server showed.
    pub shown: Fingerprint,
}

impl NotPinned {
    /// What `error` says of a pin, if a pin is what it is about.
    #[must_use]
    pub fn in_error(error: &Error) -> Option<Self> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => {
                cause.downcast_ref().copied()
            }
            _ => None,
        }
    }
}

/// Asks webpki about the chain, the name and the revocation lists first, and about the pins after.
///
/// In TLS 1.3 it is asked before the client says anything but its greeting: a server that is refused here has seen
/// neither the gateway's certificate nor a byte of a request.
#[derive(Debug)]
pub(crate) struct PinnedVerifier {
    pub(crate) chain: Arc<WebPkiServerVerifier>,
    /// INVARIANT: not empty. Without pins the chain decides alone, and this verifier is not used.
    pub(crate) pins: Vec<Pin>,
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let leaf = EndEntityCert::try_from(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        let shown = Fingerprint::of(&leaf.subject_public_key_info());
        // A time that jiff does not know lies in no pin's window but an endless one's.
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        if self.pins.iter().any(|pin| pin.sha256 == shown && pin.window().contains(at)) {
            return Ok(verified);
        }
        Err(CertificateError::Other(OtherError(Arc::new(NotPinned { shown }))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
