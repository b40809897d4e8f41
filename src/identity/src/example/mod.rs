//! A throw-away PKI to try everything with: for `clearance certs init`, the demo and the tests.
//!
//! ```text
//! authority/root           tls.crt tls.key   the clinic's root …
//! authority/intermediate/  tls.crt tls.key   … and what it issues with
//! authority/partners/      tls.crt tls.key   the destinations' root
//! authority/clients.crt                      whom intake trusts: the clinic's root
//! authority/clients.crl                      what root and intermediate have revoked
//! authority/partners.crt                     whom calls to destinations trust
//! server/                  tls.crt tls.key ca.crt   the gateway's listeners
//! clients/<client>/        tls.crt tls.key ca.crt   EHR, another EHR, PACS, ops
//! destinations/<name>/server/                the destination's own certificate
//! destinations/<name>/client/                what the gateway shows there
//! bad/<why>/               tls.crt tls.key ca.crt   certificates to be refused
//! ```
//!
//! Keys are readable by their owner alone, and nothing that exists is overwritten, save what is certified anew
//! ([`ExamplePki::issue`]) or revoked. It is no authority for real use: its keys lie beside what they sign.

mod authority;
mod codes;
mod folder;
mod issue;
mod later;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

pub(crate) use authority::{Authority, Issued, Leaf};
pub(crate) use codes::registry_code;
pub use later::{Holder, HolderError};

use crate::files::{FileError, FileFault, read_certificates};
use crate::{
    Certificate, Client, ClientIdError, DestinationSources, MaterialFiles, Pin, RevocationPolicy, Sources,
    TlsSettings, Window,
};

/// An example PKI on disk.
#[derive(Debug, Clone)]
pub struct ExamplePki {
    folder: PathBuf,
}

/// What the certificates of an example are to say.
#[derive(Debug, Clone)]
pub struct ExampleNames {
    /// DNS names and addresses by which the gateway is reached.
    pub server: Vec<String>,
    /// The destinations, with the DNS names and addresses by which each is reached.
    pub destinations: BTreeMap<String, Vec<String>>,
    /// The first seven digits of the clinic's registry code; the check digit is computed.
    pub clinic_code: u32,
    /// How long things last.
    pub lifetimes: Lifetimes,
}

/// How long the parts of an example last, in days from its making.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Authorities.
    pub authorities_days: u32,
    /// Certificates of servers and clients.
    pub certificates_days: u32,
    /// Revocation lists.
    pub revocation_lists_days: u32,
}

/// The clients of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExampleClient {
    /// The clinic's EHR.
    Ehr,
    /// The EHR of another organisation: registered, and entitled to nothing.
    OtherEhr,
    /// The clinic's picture archive.
    Pacs,
    /// The people who run the gateway.
    Ops,
}

/// Certificates that intake has to refuse, each for its own reason, although their keys are
/// registered for the clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadCertificate {
    /// Its time is over.
    Expired,
    /// It is on the intermediate's list.
    Revoked,
    /// A server's certificate.
    WrongPurpose,
    /// From another authority of the same name.
    ForeignAuthority,
    /// From nobody.
    SelfSigned,
}

/// An example that cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum ExampleError {
    /// Something is there already.
    #[error("`{}` exists and is not overwritten; choose another folder or remove it", path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A file of the example's authorities cannot be read.
    #[error("`{}` cannot be read; is this an example that `clearance certs init` made?", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A certificate cannot be made, for instance because a name is no DNS name.
    #[error("a certificate of the example cannot be made")]
    Issue(#[from] rcgen::Error),
    /// A time lies beyond the calendar.
    #[error("a lifetime of the example lies beyond the calendar")]
    Lifetime(#[from] jiff::Error),
    /// The name of a client or destination is not fit for a folder either.
    #[error("a client or destination of the example cannot be named so")]
    Name(#[from] ClientIdError),
    /// A file of the example cannot be read back.
    #[error("a file of the example cannot be used")]
    File(#[from] FileError),
    /// The folder of the destinations cannot be listed.
    #[error("`{}` cannot be listed", folder.display())]
    List {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}

impl Default for ExampleNames {
    /// A gateway and the destinations `x-road` and `employer`, all on this machine.
    fn default() -> Self {
        let here = || ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        Self {
            server: here(),
            destinations: ["x-road", "employer"].map(|name| (name.to_owned(), here())).into(),
            clinic_code: 1_030_394,
            lifetimes: Lifetimes::default(),
        }
    }
}

impl Default for Lifetimes {
    /// Ten years, ninety days, thirty days.
    fn default() -> Self {
        Self { authorities_days: 3650, certificates_days: 90, revocation_lists_days: 30 }
    }
}

impl ExampleClient {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ehr, Self::OtherEhr, Self::Pacs, Self::Ops];

    /// The name of its folder and its client id.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ehr => "ehr",
            Self::OtherEhr => "other-ehr",
            Self::Pacs => "pacs",
            Self::Ops => "ops",
        }
    }
}

impl BadCertificate {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Expired, Self::Revoked, Self::WrongPurpose, Self::ForeignAuthority, Self::SelfSigned];

    /// The name of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::WrongPurpose => "wrong-purpose",
            Self::ForeignAuthority => "foreign-authority",
            Self::SelfSigned => "self-signed",
        }
    }
}

impl ExamplePki {
    /// Makes an example below `folder`.
    ///
    /// # Errors
    ///
    /// When a file of it exists already (then nothing was written), cannot be written, or when a
    /// name or lifetime cannot stand in a certificate.
    pub fn create(folder: &Path, now: Timestamp, names: &ExampleNames) -> Result<Self, ExampleError> {
        issue::all(now, names)?.write_below(folder)?;
        Ok(Self::at(folder))
    }

    /// An example made earlier.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder in which it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The certificate of the gateway's listeners.
    #[must_use]
    pub fn server(&self) -> MaterialFiles {
        self.material("server")
    }

    /// The certificate of a client.
    #[must_use]
    pub fn client(&self, client: ExampleClient) -> MaterialFiles {
        self.material(&format!("clients/{}", client.name()))
    }

    /// A certificate to be refused.
    #[must_use]
    pub fn bad(&self, bad: BadCertificate) -> MaterialFiles {
        self.material(&format!("bad/{}", bad.name()))
    }

    /// A destination's own certificate.
    #[must_use]
    pub fn destination_server(&self, name: &str) -> MaterialFiles {
        self.material(&format!("destinations/{name}/server"))
    }

    /// What the gateway shows to a destination.
    #[must_use]
    pub fn destination_client(&self, name: &str) -> MaterialFiles {
        self.material(&format!("destinations/{name}/client"))
    }

    /// Whom intake trusts.
    #[must_use]
    pub fn client_authorities(&self) -> PathBuf {
        self.folder.join("authority/clients.crt")
    }

    /// What the clients' authorities have revoked.
    #[must_use]
    pub fn revocation_list(&self) -> PathBuf {
        self.folder.join("authority/clients.crl")
    }

    /// Whom calls to destinations trust, and whose certificates the gateway shows there.
    #[must_use]
    pub fn partner_authorities(&self) -> PathBuf {
        self.folder.join("authority/partners.crt")
    }

    /// A client as it is to be registered: by its key and its organisation identifier.
    ///
    /// # Errors
    ///
    /// When its certificate cannot be read.
    pub fn registration(&self, client: ExampleClient) -> Result<Client, ExampleError> {
        registration(client.name(), &self.client(client))
    }

    /// All that a gateway with this example trusts: every client registered, every destination
    /// called with its own certificate.
    ///
    /// # Errors
    ///
    /// When a certificate cannot be read, or the destinations cannot be listed.
    pub fn sources(&self) -> Result<Sources, ExampleError> {
        let clients = ExampleClient::ALL
            .into_iter()
            .map(|client| self.registration(client))
            .collect::<Result<_, _>>()?;
        let destinations = self
            .destination_names()?
            .into_iter()
            .map(|name| {
                let sources = self.destination_sources(&name);
                (name, sources)
            })
            .collect();
        Ok(Sources {
            server: self.server(),
            client_authorities: self.client_authorities(),
            revocation_lists: vec![self.revocation_list()],
            clients,
            tls: TlsSettings::default(),
            destinations,
        })
    }

    fn destination_sources(&self, name: &str) -> DestinationSources {
        DestinationSources {
            authorities: self.partner_authorities(),
            revocation_lists: Vec::new(),
            spki_sha256: Vec::new(),
            certificate: Some(self.destination_client(name)),
            alpn: TlsSettings::default().alpn,
            tls12: false,
            revocation: RevocationPolicy::default(),
        }
    }

    fn destination_names(&self) -> Result<Vec<String>, ExampleError> {
        let folder = self.folder.join("destinations");
        let list = || -> std::io::Result<Vec<String>> {
            std::fs::read_dir(&folder)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect()
        };
        list().map_err(|error| ExampleError::List { folder: folder.clone(), error })
    }

    fn material(&self, folder: &str) -> MaterialFiles {
        MaterialFiles::in_folder(&self.folder.join(folder))
    }
}

/// The entry of the registry for the certificate in `files`.
pub(crate) fn registration(id: &str, files: &MaterialFiles) -> Result<Client, ExampleError> {
    let chain = read_certificates(&files.chain, FileFault::NoCertificate)?;
    let leaf = chain.first().ok_or_else(|| FileFault::NoCertificate.in_file(&files.chain))?;
    let certificate = Certificate::read(leaf).map_err(|fault| {
        let position = 1;
        FileFault::Certificate { position, fault }.in_file(&files.chain)
    })?;
    Ok(Client {
        id: id.parse()?,
        spki_sha256: vec![Pin::of(certificate.spki)],
        certificate_sha256: Vec::new(),
        organisation_identifier: certificate.organisation_identifier,
        dns_name: None,
        serial_number: None,
    })
}

/// From `before` days before `now` to `after` days after it.
pub(crate) fn window(now: Timestamp, before: u32, after: u32) -> Result<Window, jiff::Error> {
    let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
    Ok(Window { not_before: now.checked_sub(days(before))?, not_after: now.checked_add(days(after))? })
}
