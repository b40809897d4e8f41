//! A client for measurements: connects with a client certificate, asks once, and hangs up; again and again, each time with a
//! full handshake.
//!
//! `handshakes ADDRESS CERTIFICATE KEY AUTHORITIES CONNECTIONS SECONDS` prints one JSON object.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// To a path that nobody has: what is measured is the way there.
const REQUEST: &[u8] = b"GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    gateway::install_crypto();
    // One thread: the machine's other cores are the server's.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, certificate, key, authorities, connections, seconds] = &arguments[..] else {
        return Err("handshakes ADDRESS CERTIFICATE KEY AUTHORITIES CONNECTIONS SECONDS".into());
    };
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(authorities)? {
        roots.add(authority?)?;
    }
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds.parse()?);
    let workers: Vec<_> = (0..connections.parse::<u32>()?)
        .map(|_| tokio::spawn(work(address.clone(), connector.clone(), until)))
        .collect();
    let mut handshakes = 0;
    for worker in workers {
        handshakes += worker.await??;
    }
    let answer = json!({ "handshakes": handshakes, "seconds": started.elapsed().as_secs_f64() });
    Ok(writeln!(std::io::stdout().lock(), "{answer}")?)
}

async fn work(address: String, connector: TlsConnector, until: Instant) -> Result<u64, Failure> {
    let mut handshakes = 0;
    while Instant::now() < until {
        let plain = TcpStream::connect(&address).await?;
        plain.set_nodelay(true)?;
        let mut stream = connector.connect(ServerName::try_from("localhost")?, plain).await?;
        stream.write_all(REQUEST).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        if !answer.starts_with(b"HTTP/1.1 404 ") {
            return Err("the server has not answered as it should".into());
        }
        handshakes += 1;
    }
    Ok(handshakes)
}
