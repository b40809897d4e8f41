//! A TLS handshake without a network: both sides in memory, handing each other their bytes.
//!
//! New material has to pass one before it is used. Here both sides show the same certificate, and
//! each accepts that very certificate and no other; what is proved is that the key signs for it
//! and that rustls can use both. Whether others trust it is not asked.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, DistinguishedName, Error,
    ServerConfig, ServerConnection, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::tls::{provider, versions};

/// The side on which a handshake failed, with its error.
#[derive(Debug)]
pub(crate) enum Failure {
    Client(Error),
    Server(Error),
}

impl Failure {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Client(error) | Self::Server(error) => error,
        }
    }
}

/// Lets the key sign as server and as client in a TLS 1.3 handshake.
pub(crate) fn try_key(key: &Arc<CertifiedKey>) -> Result<(), Error> {
    let certificate = key.end_entity_cert()?.clone().into_owned();
    let only = Arc::new(OnlyThis { certificate });
    let resolver = Arc::new(SingleCertAndKey::from(Arc::clone(key)));
    let server = ServerConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(versions(false))?
        .with_client_cert_verifier(Arc::clone(&only) as _)
        .with_cert_resolver(Arc::clone(&resolver) as _);
    let client = ClientConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(versions(false))?
        .dangerous()
        .with_custom_certificate_verifier(only)
        .with_client_cert_resolver(resolver);
    let name = ServerName::try_from("trial.invalid").map_err(|_| Error::HandshakeNotComplete)?;
    let mut client = ClientConnection::new(Arc::new(client), name)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    complete(&mut client, &mut server).map_err(Failure::into_error)
}

/// Carries bytes to and fro until both sides have finished or one has failed.
pub(crate) fn complete(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), Failure> {
    // A full handshake takes three passes, one with a retry request four.
    const PASSES_MAX: usize = 16;
    for _ in 0..PASSES_MAX {
        let mut flight = Vec::new();
        take(client.wants_write(), || client.write_tls(&mut flight)).map_err(Failure::Client)?;
        feed(&flight, |rest| server.read_tls(rest)).map_err(Failure::Server)?;
        server.process_new_packets().map_err(Failure::Server)?;

        let mut flight = Vec::new();
        take(server.wants_write(), || server.write_tls(&mut flight)).map_err(Failure::Server)?;
        feed(&flight, |rest| client.read_tls(rest)).map_err(Failure::Client)?;
        client.process_new_packets().map_err(Failure::Client)?;

        let idle = !client.wants_write() && !server.wants_write();
        if idle && !client.is_handshaking() && !server.is_handshaking() {
            return Ok(());
        }
    }
    Err(Failure::Client(Error::HandshakeNotComplete))
}

fn take(wants: bool, write: impl FnOnce() -> std::io::Result<usize>) -> Result<(), Error> {
    if wants {
        write().map_err(|error| Error::General(error.to_string()))?;
    }
    Ok(())
}

fn feed(
    flight: &[u8],
    mut read: impl FnMut(&mut dyn std::io::Read) -> std::io::Result<usize>,
) -> Result<(), Error> {
    let mut rest = flight;
    while !rest.is_empty() {
        read(&mut rest).map_err(|error| Error::General(error.to_string()))?;
    }
    Ok(())
}

/// Accepts one certificate, whoever issued it, if its key signs.
#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
}

impl OnlyThis {
    fn check(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        if *shown == self.certificate {
            Ok(())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for OnlyThis {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls12_signature(self, message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls13_signature(self, message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ServerCertVerifier::supported_verify_schemes(self)
    }
}
