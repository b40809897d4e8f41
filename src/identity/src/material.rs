//! Our own certificates: a chain and its key, proved before anyone may use them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;

use crate::certificate::{Certificate, is_issued_by, validity_of};
use crate::files::{FileError, FileFault, read_certificates, read_key};
use crate::handshake::try_key;
use crate::tls::provider;
use crate::{Authorities, Purpose, RevocationPolicy, Revocations, chain};

/// Where a certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterialFiles {
    /// The certificate and its intermediates, PEM, each followed by its issuer.
    pub chain: PathBuf,
    /// The private key, PEM, not encrypted.
    pub key: PathBuf,
    /// The authorities the chain has to hold against. Without it the chain is proved only as far
    /// as it goes.
    pub issuers: Option<PathBuf>,
}

impl MaterialFiles {
    /// `tls.crt`, `tls.key` and `ca.crt` of a folder, as Kubernetes lays secrets out.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            chain: folder.join("tls.crt"),
            key: folder.join("tls.key"),
            issuers: Some(folder.join("ca.crt")),
        }
    }

    /// All files, for those who watch them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.chain), Some(&self.key), self.issuers.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }
}

/// A certificate of ours with its key. To hold one is to know that it works: it was read, the key
/// belongs to it, its chain is in order, it was valid, and a handshake with it succeeded.
#[derive(Debug, Clone)]
pub struct Material {
    key: Arc<CertifiedKey>,
    certificate: Certificate,
    /// The first end in the chain.
    not_after: Timestamp,
}

impl Material {
    /// Reads and proves.
    ///
    /// # Errors
    ///
    /// The first fault, with its file and what would mend it.
    pub fn load(files: &MaterialFiles, purpose: Purpose, now: Timestamp) -> Result<Self, FileError> {
        let chain = read_certificates(&files.chain, FileFault::NoCertificate)?;
        let (certificate, not_after) =
            check_links(&chain, purpose, now).map_err(|fault| fault.in_file(&files.chain))?;
        let key = match_key(chain, files)?;
        check_issuers(&key.cert, files, purpose, now)?;
        try_key(&key).map_err(|error| FileFault::Handshake { purpose, error }.in_file(&files.chain))?;
        Ok(Self { key, certificate, not_after })
    }

    /// The certificate itself.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The moment the first certificate of the chain expires.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(crate) fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// Whether both hold the same chain, and therefore the same key.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

/// Each certificate valid, each issued by the next, the first fit for its use.
fn check_links(
    chain: &[CertificateDer<'static>],
    purpose: Purpose,
    now: Timestamp,
) -> Result<(Certificate, Timestamp), FileFault> {
    let at = |position| move |fault| FileFault::Certificate { position, fault };
    let leaf = chain.first().ok_or(FileFault::NoCertificate)?;
    let certificate = Certificate::read(leaf).map_err(at(1))?;
    if certificate.is_authority && chain.len() > 1 {
        return Err(FileFault::OutOfOrder { position: 1 });
    }
    certificate.check_as_ours(purpose).map_err(at(1))?;
    if purpose == Purpose::Server && certificate.dns_names.is_empty() && !certificate.has_ip_address {
        return Err(FileFault::NoServerName);
    }
    let mut first_end = Timestamp::MAX;
    for (position, der) in (1..).zip(chain) {
        let validity = validity_of(der).map_err(at(position))?;
        if now < validity.not_before {
            let not_before = validity.not_before;
            return Err(FileFault::NotYetValid { position, not_before });
        }
        if now > validity.not_after {
            let not_after = validity.not_after;
            return Err(FileFault::Expired { position, not_after });
        }
        first_end = first_end.min(validity.not_after);
    }
    for (position, (issued, issuer)) in (1..).zip(chain.iter().zip(chain.iter().skip(1))) {
        if !is_issued_by(issued, issuer) {
            return Err(FileFault::OutOfOrder { position });
        }
    }
    Ok((certificate, first_end))
}

fn match_key(
    chain: Vec<CertificateDer<'static>>,
    files: &MaterialFiles,
) -> Result<Arc<CertifiedKey>, FileError> {
    let key = read_key(&files.key)?;
    let fault = match CertifiedKey::from_der(chain, key, provider()) {
        Ok(key) => return Ok(Arc::new(key)),
        Err(rustls::Error::InconsistentKeys(_)) => FileFault::KeyMismatch { chain: files.chain.clone() },
        Err(error) => FileFault::UnusableKey(error),
    };
    Err(fault.in_file(&files.key))
}

/// The chain holds against the authorities of its own side.
fn check_issuers(
    presented: &[CertificateDer<'static>],
    files: &MaterialFiles,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), FileError> {
    let Some(issuers) = &files.issuers else {
        return Ok(());
    };
    let authorities = Authorities::load(issuers, now)?;
    let (revocations, policy) = (Revocations::none(), RevocationPolicy::default());
    chain::verify(presented, &authorities, &revocations, policy, purpose, now).map_err(|reason| {
        let issuers = issuers.clone();
        FileFault::ChainBroken { issuers, reason }.in_file(&files.chain)
    })
}
