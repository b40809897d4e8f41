//! Where trust comes from, its parts, and one consistent picture of all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::inventory::{Expiry, inventory};
use crate::{Client, ClientTrust, MaterialFiles, Pin, RevocationPolicy, ServerTrust, TlsSettings};

/// The files and settings all trust is made from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The certificate of our listeners.
    pub server: MaterialFiles,
    /// The authorities whose certificates clients may show.
    pub client_authorities: PathBuf,
    /// Revocation lists for the clients' certificates.
    pub revocation_lists: Vec<PathBuf>,
    /// The registered clients.
    pub clients: Vec<Client>,
    /// How the listeners speak TLS.
    pub tls: TlsSettings,
    /// The destinations, by name.
    pub destinations: BTreeMap<String, DestinationSources>,
}

/// The files and settings for calls to one destination.
#[derive(Debug, Clone)]
pub struct DestinationSources {
    /// The authorities its server certificate has to come from.
    pub authorities: PathBuf,
    /// Revocation lists for its server certificate.
    pub revocation_lists: Vec<PathBuf>,
    /// SHA-256 of the keys (SubjectPublicKeyInfo) its server may have; with none, any that the
    /// authorities certify.
    pub spki_sha256: Vec<Pin>,
    /// The certificate to show there, where it asks for one.
    pub certificate: Option<MaterialFiles>,
    /// Application protocols offered, the preferred first.
    pub alpn: Vec<Vec<u8>>,
    /// Whether TLS 1.2 is spoken beside TLS 1.3.
    pub tls12: bool,
    /// How the revocation lists are taken.
    pub revocation: RevocationPolicy,
}

impl Sources {
    /// Every file named, to be watched.
    #[must_use]
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let own = self
            .server
            .all()
            .chain([self.client_authorities.as_path()])
            .chain(self.revocation_lists.iter().map(PathBuf::as_path));
        let theirs = self.destinations.values().flat_map(DestinationSources::files);
        own.chain(theirs).map(Path::to_path_buf).collect()
    }
}

impl DestinationSources {
    fn files(&self) -> impl Iterator<Item = &Path> {
        [self.authorities.as_path()]
            .into_iter()
            .chain(self.revocation_lists.iter().map(PathBuf::as_path))
            .chain(self.certificate.iter().flat_map(MaterialFiles::all))
    }
}

/// A part of the trust that is proved, and kept or replaced, on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The listeners' certificate and key.
    ServerCertificate,
    /// The authorities of the clients.
    ClientAuthorities,
    /// The revocation lists for clients.
    RevocationLists,
    /// The registered clients.
    Registry,
    /// How the listeners speak TLS.
    TlsSettings,
    /// Everything for calls to the destination of this name.
    Destination(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerCertificate => f.write_str("server certificate"),
            Self::ClientAuthorities => f.write_str("client authorities"),
            Self::RevocationLists => f.write_str("revocation lists"),
            Self::Registry => f.write_str("registry"),
            Self::TlsSettings => f.write_str("TLS settings"),
            Self::Destination(name) => write!(f, "destination `{name}`"),
        }
    }
}

/// All trust at one moment: who may come in, and how each destination is called. It never changes;
/// whoever holds one for a request sees the same trust to its end.
#[derive(Debug)]
pub struct Trust {
    pub(crate) generation: u64,
    pub(crate) server: Arc<ServerTrust>,
    pub(crate) destinations: BTreeMap<String, Arc<ClientTrust>>,
}

impl Trust {
    /// Counts the changes since the start, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Who may come in.
    #[must_use]
    pub fn server(&self) -> &Arc<ServerTrust> {
        &self.server
    }

    /// How the destination is called; nothing for a name that is not configured.
    #[must_use]
    pub fn destination(&self, name: &str) -> Option<&Arc<ClientTrust>> {
        self.destinations.get(name)
    }

    /// What of our own runs out, the first end first. The clients' certificates are seen when they
    /// come and are not in it.
    #[must_use]
    pub fn inventory(&self, now: Timestamp) -> Vec<Expiry> {
        let parts = self.server.parts();
        let mut ends = vec![("server certificate".to_owned(), parts.material.not_after())];
        ends.extend(numbered("client authority", parts.authorities.ends()));
        ends.extend(numbered("client revocation list", parts.revocations.ends()));
        for (name, destination) in &self.destinations {
            if let Some(material) = destination.material() {
                ends.push((format!("{name}: client certificate"), material.not_after()));
            }
            let authorities = destination.authorities().ends();
            ends.extend(numbered(&format!("{name}: authority"), authorities));
            let lists = destination.revocations().ends();
            ends.extend(numbered(&format!("{name}: revocation list"), lists));
        }
        inventory(ends, now)
    }
}

fn numbered(name: &str, ends: impl Iterator<Item = Timestamp>) -> impl Iterator<Item = (String, Timestamp)> {
    (1..).zip(ends).map(move |(number, end): (usize, _)| (format!("{name} {number}"), end))
}
