//! A gateway's trust on disk, and peers that knock: what the tests speak in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tempfile::TempDir;

use crate::example::{Authority, ExampleNames, ExamplePki, Issued, Leaf, window};
use crate::handshake::{Failure, complete};
use crate::tls::{provider, versions};
use crate::window::unix_time;
use crate::{AdmissionError, Admitted, Client, MaterialFiles, Pin, Reloader, ServerTrust, Sources, Window};

/// The organisation of the certificates the tests make.
pub(super) const CLINIC: &str = "NTREE-10303948";

/// An example PKI in a folder of its own, and the trust made from it.
pub(super) struct World {
    pub(super) pki: ExamplePki,
    pub(super) folder: TempDir,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = moment();
        let pki = ExamplePki::create(folder.path(), now, &ExampleNames::default()).unwrap();
        Self { pki, folder, now }
    }

    pub(super) fn sources(&self) -> Sources {
        self.pki.sources().unwrap()
    }

    pub(super) fn reloader(&self) -> Reloader {
        self.reloader_of(self.sources())
    }

    pub(super) fn reloader_of(&self, sources: Sources) -> Reloader {
        Reloader::new(sources, clock(self.now), self.now).unwrap()
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }
}

/// An authority whose every word is the test's, trusted by intake beside nobody else.
pub(super) struct Lab {
    pub(super) world: World,
    pub(super) authority: Authority,
}

impl Lab {
    pub(super) fn new() -> Self {
        let world = World::new();
        let authority = Authority::root("Lab", window(world.now, 60, 60).unwrap()).unwrap();
        std::fs::write(world.path("lab.crt"), authority.pem()).unwrap();
        Self { world, authority }
    }

    /// A certificate that is in order, unless `spoil` does something to it.
    pub(super) fn issue(&self, spoil: impl FnOnce(&mut CertificateParams)) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = self.leaf().params(&key).unwrap();
        spoil(&mut params);
        Shown::of(&self.authority.sign(params, &key).unwrap())
    }

    pub(super) fn leaf(&self) -> Leaf<'static> {
        Leaf {
            common_name: "ehr",
            organisation: "Example Clinic",
            organisation_identifier: Some(CLINIC),
            names: vec!["ehr.clinic.example".to_owned()].into(),
            purposes: &[ExtendedKeyUsagePurpose::ClientAuth],
            validity: window(self.world.now, 10, 10).unwrap(),
        }
    }

    /// Trust in the lab with these clients.
    pub(super) fn reloader(&self, clients: Vec<Client>) -> Reloader {
        self.world.reloader_of(Sources {
            client_authorities: self.world.path("lab.crt"),
            revocation_lists: Vec::new(),
            clients,
            ..self.world.sources()
        })
    }
}

/// A certificate with its key, as a peer shows it.
pub(super) struct Shown {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Shown {
    pub(super) fn of(issued: &Issued) -> Self {
        Self {
            chain: chain_in(issued.chain_pem.as_bytes()),
            key: PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap(),
        }
    }

    pub(super) fn from(files: &MaterialFiles) -> Self {
        Self {
            chain: chain_in(&std::fs::read(&files.chain).unwrap()),
            key: PrivateKeyDer::from_pem_file(&files.key).unwrap(),
        }
    }

    /// Registered as `id`, by its key.
    pub(super) fn registered(&self, id: &str) -> Client {
        let certificate = crate::Certificate::read(&self.chain[0]);
        let spki = certificate.map_or_else(|_| spki_of(&self.chain[0]), |read| read.spki);
        Client {
            id: id.parse().unwrap(),
            spki_sha256: vec![Pin::of(spki)],
            certificate_sha256: Vec::new(),
            organisation_identifier: Some(CLINIC.to_owned()),
            dns_name: None,
            serial_number: None,
        }
    }

    /// A client that shows it and trusts `roots`.
    pub(super) fn config(&self, roots: &Path, now: Timestamp, tls12: bool) -> ClientConfig {
        let builder = ClientConfig::builder_with_details(Arc::clone(provider()), clock(now))
            .with_protocol_versions(if tls12 { &versions(true)[1..] } else { versions(false) })
            .unwrap()
            .with_root_certificates(roots_in(roots));
        builder.with_client_auth_cert(self.chain.clone(), self.key.clone_key()).unwrap()
    }
}

/// How a knock ended: with rustls, or with us.
#[derive(Debug)]
pub(super) enum Refused {
    Handshake(Error),
    Admission(AdmissionError),
}

/// A whole connection to intake: handshake, then the decision.
pub(super) fn knock(world: &World, trust: &ServerTrust, shown: &Shown) -> Result<Admitted, Refused> {
    let client = shown.config(&world.path("server/ca.crt"), world.now, false);
    let presented = shake(&Arc::new(client), &trust.intake())
        .map_err(|failure| Refused::Handshake(failure.into_error()))?
        .peer_certificates()
        .unwrap()
        .to_vec();
    trust.admit(&presented, world.now).map_err(Refused::Admission)
}

/// A handshake with the host `localhost`; the server's side is returned.
pub(super) fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<ServerConnection, Failure> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    complete(&mut client, &mut server)?;
    Ok(server)
}

pub(super) fn roots_in(file: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for root in chain_in(&std::fs::read(file).unwrap()) {
        roots.add(root).unwrap();
    }
    roots
}

fn chain_in(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect()
}

/// For certificates that [`crate::Certificate::read`] refuses.
fn spki_of(der: &CertificateDer<'_>) -> crate::Fingerprint {
    use x509_parser::prelude::{FromDer, X509Certificate};
    let (_, x509) = X509Certificate::from_der(der).unwrap();
    crate::Fingerprint::of(x509.public_key().raw)
}

/// A day on which nothing happened.
pub(super) fn moment() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

pub(super) fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

pub(super) fn days_from(now: Timestamp, before: u32, after: u32) -> Window {
    window(now, before, after).unwrap()
}

pub(super) fn clock(now: Timestamp) -> Arc<dyn TimeProvider> {
    Arc::new(Stopped(now))
}

#[derive(Debug)]
struct Stopped(Timestamp);

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0))
    }
}
