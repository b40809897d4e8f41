//! A connection to the gateway by hand: bytes over TLS, for what an HTTP client would not do.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use identity::MaterialFiles;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fail;

/// A connection that only does what it is told.
#[derive(Debug)]
pub struct Dialled(TlsStream<TcpStream>);

impl Dialled {
    pub(crate) async fn to(intake: SocketAddr, files: &MaterialFiles, authorities: &Path) -> Self {
        let certificates = |path: &Path| -> Vec<CertificateDer<'static>> {
            let read = CertificateDer::pem_file_iter(path).unwrap_or_else(|error| fail(&error));
            read.map(|one| one.unwrap_or_else(|error| fail(&error))).collect()
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(authorities));
        let key = PrivateKeyDer::from_pem_file(&files.key).unwrap_or_else(|error| fail(&error));
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(&files.chain), key)
            .unwrap_or_else(|error| fail(&error));
        let name = ServerName::try_from("localhost").unwrap_or_else(|error| fail(&error));
        let stream = TcpStream::connect(intake).await.unwrap_or_else(|error| fail(&error));
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        Self(stream.unwrap_or_else(|error| fail(&error)))
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap_or_else(|error| fail(&error));
    }

    /// What is sent within a moment; it ends early when the connection is closed.
    pub async fn hear(&mut self, within: Duration) -> String {
        let mut heard = Vec::new();
        // That the time is up, or that the connection broke, is no failure: what was heard is the answer.
        let _ended = timeout(within, self.0.read_to_end(&mut heard)).await;
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Whether the gateway closes the connection within this time.
    pub async fn is_closed(&mut self, within: Duration) -> bool {
        let mut heard = Vec::new();
        timeout(within, self.0.read_to_end(&mut heard)).await.is_ok()
    }
}
