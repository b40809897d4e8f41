//! For the tests of stand-ins: a throw-away PKI and the smallest client that speaks mutual TLS.
//!
//! It panics where a test would; the gateway never sees it (feature `testing`).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what fails here fails the test that asked for it"
)]

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Endpoint, Now, certificates, sha256_hex};

/// An authority and what it has issued.
pub struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    key_pem: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// SHA-256 of the certificate, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        sha256_hex(&certificates(self.certificate_pem.as_bytes(), "test").unwrap()[0])
    }
}

impl fmt::Debug for Pki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pki").finish_non_exhaustive()
    }
}

impl Pki {
    /// A new authority, known to nobody.
    pub fn made_up() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { authority }
    }

    /// A client's certificate for this `name`.
    pub fn client(&self, name: &str) -> Identity {
        self.issue(name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Identity {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    /// An endpoint on ports of the system's choice, with an administration.
    pub fn endpoint(&self, now: Now) -> Endpoint {
        let server = self.issue("stand-in", ExtendedKeyUsagePurpose::ServerAuth);
        Endpoint {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin: Some("127.0.0.1:0".parse().unwrap()),
            server_certificate_pem: server.certificate_pem.into_bytes(),
            server_key_pem: server.key_pem.into_bytes(),
            client_ca_pem: self.authority.pem().into_bytes(),
            now,
        }
    }

    /// A caller that trusts this authority and shows `identity`, or no certificate.
    pub fn caller(&self, address: SocketAddr, identity: Option<&Identity>) -> Caller {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = certificates(identity.certificate_pem.as_bytes(), "test").unwrap();
                let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        Caller { address, config }
    }
}

/// A client; each call has its own connection.
pub struct Caller {
    address: SocketAddr,
    config: ClientConfig,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header's first value, empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Caller {
    /// Calls over HTTP/1.1.
    ///
    /// # Errors
    /// When no whole answer came back, and why.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, String> {
        let stream = self.connect(b"http/1.1").await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        tokio::spawn(connection);
        let request = request(method, path, headers, body.into());
        read(sender.send_request(request).await.map_err(text)?).await
    }

    /// Calls over HTTP/2.
    ///
    /// # Errors
    /// When no whole answer came back, and why.
    pub async fn call_http2(&self, method: &str, path: &str) -> Result<Reply, String> {
        let stream = self.connect(b"h2").await?;
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(text)?;
        tokio::spawn(connection);
        let path = format!("https://localhost{path}");
        let request = request(method, &path, &[], Bytes::new());
        read(sender.send_request(request).await.map_err(text)?).await
    }

    /// A connection on which nothing has been asked yet; `protocol` is named in ALPN.
    ///
    /// # Errors
    /// When it was not let in, and why.
    pub async fn connect(&self, protocol: &[u8]) -> Result<TlsStream<TcpStream>, String> {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await.map_err(text)?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(text)
    }
}

/// One call to the administration, in plain HTTP.
///
/// # Errors
/// When no whole answer came back, and why.
pub async fn plain(address: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Reply, String> {
    let stream = TcpStream::connect(address).await.map_err(text)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    tokio::spawn(connection);
    let headers = [("content-type", "application/json")];
    let request = request(method, path, &headers, Bytes::from(body.to_string()));
    read(sender.send_request(request).await.map_err(text)?).await
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path.parse::<Uri>().unwrap());
    if path.starts_with('/') {
        request = request.header("host", "localhost");
    }
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    request.body(Body::from(body)).unwrap()
}

async fn read(response: Response<Incoming>) -> Result<Reply, String> {
    let (head, body) = response.into_parts();
    Ok(Reply {
        status: head.status,
        headers: head.headers,
        body: to_bytes(Body::new(body), usize::MAX).await.map_err(text)?,
    })
}

fn text(error: impl std::error::Error) -> String {
    error.to_string()
}
