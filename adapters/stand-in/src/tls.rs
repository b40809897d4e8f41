//! The TLS side of the listener: its material in PEM, and who a certificate is.

use std::io;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::Endpoint;

/// The certificates in `pem`, at least one; `what` they are stands in the error.
///
/// # Errors
/// When there is none, or one is not PEM.
pub fn certificates(pem: &[u8], what: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unusable(&format!("the {what} is not a PEM certificate"))),
    }
}

/// SHA-256 of `bytes` in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// Builds the TLS side from the endpoint's material.
pub(crate) fn acceptor(endpoint: &Endpoint) -> io::Result<TlsAcceptor> {
    let chain = certificates(&endpoint.server_certificate_pem, "server certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&endpoint.server_key_pem)
        .map_err(|_| unusable("the server key is not a PEM private key"))?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(&endpoint.client_ca_pem, "client authority")? {
        roots.add(authority).map_err(io::Error::other)?;
    }
    let provider = Arc::new(default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(io::Error::other)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
