//! Reading certificates, keys and revocation lists from files, and saying exactly what is wrong
//! with a file that will not do: which file, what it lacks, and what would mend it.

use std::error::Error;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::certificate::{CertificateFault, day};
use crate::{ChainError, Purpose};

/// A file that cannot be used.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: FileFault,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, fault } = self;
        write!(f, "`{}`: {fault}; {}", file.display(), fault.mend())
    }
}

impl Error for FileError {
    /// The fault is in the message; what is behind the fault comes next.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

/// What is wrong with a file. Positions count the items in a file from 1.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It exists and cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[source] io::Error),
    /// It is larger than anything of its kind.
    #[error("the file is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// A PEM section in it is broken off or not base64.
    #[error("the file is not well-formed PEM")]
    NotPem,
    /// No certificate in it.
    #[error("there is no certificate in the file")]
    NoCertificate,
    /// No private key in it.
    #[error("there is no private key in the file")]
    NoKey,
    /// The private key is encrypted.
    #[error("the private key is encrypted")]
    EncryptedKey,
    /// More than one private key in it.
    #[error("there is more than one private key in the file")]
    SeveralKeys,
    /// The private key may be read by everyone on the machine.
    #[error("the private key is open to every user of the machine (mode {mode:03o})")]
    ExposedKey {
        /// The permission bits.
        mode: u32,
    },
    /// The private key is of a kind we cannot use.
    #[error("the private key cannot be used")]
    UnusableKey(#[source] rustls::Error),
    /// The private key belongs to another certificate.
    #[error("the private key does not belong to the first certificate of `{}`", chain.display())]
    KeyMismatch {
        /// The file with the certificate.
        chain: PathBuf,
    },
    /// A certificate in it is not fit.
    #[error("certificate {position} in the file will not do")]
    Certificate {
        /// Which.
        position: usize,
        /// Why.
        #[source]
        fault: CertificateFault,
    },
    /// A certificate in it has expired.
    #[error("certificate {position} in the file expired on {}", day(*not_after))]
    Expired {
        /// Which.
        position: usize,
        /// When.
        not_after: Timestamp,
    },
    /// A certificate in it is not valid yet.
    #[error("certificate {position} in the file is valid only from {}", day(*not_before))]
    NotYetValid {
        /// Which.
        position: usize,
        /// When.
        not_before: Timestamp,
    },
    /// A certificate is not issued by the one after it.
    #[error("certificate {position} in the file is not issued by certificate {}", position + 1)]
    OutOfOrder {
        /// Which.
        position: usize,
    },
    /// A server's certificate without a name to check.
    #[error("the certificate has no DNS name and no IP address as subject alternative name")]
    NoServerName,
    /// The chain does not lead to the authority it was configured with.
    #[error("the chain does not hold against `{}`", issuers.display())]
    ChainBroken {
        /// The file with the authorities.
        issuers: PathBuf,
        /// Why.
        #[source]
        reason: ChainError,
    },
    /// A TLS handshake with it, in memory, failed.
    #[error("a trial handshake as {purpose} failed")]
    Handshake {
        /// The use it was tried for.
        purpose: Purpose,
        /// Why.
        #[source]
        error: rustls::Error,
    },
    /// No certificate of an authority in it.
    #[error("there is no certificate of an authority in the file")]
    NoAuthority,
    /// One of its certificates is not an authority's.
    #[error("certificate {position} in the file is not that of an authority")]
    NotAnAuthority {
        /// Which.
        position: usize,
    },
    /// None of its authorities is valid now.
    #[error("no authority in the file is valid at this time")]
    NoValidAuthority,
    /// No revocation list in it.
    #[error("there is no revocation list in the file")]
    NoRevocationList,
    /// A revocation list that cannot be used.
    #[error("revocation list {position} in the file cannot be used")]
    UnusableRevocationList {
        /// Which.
        position: usize,
    },
    /// A revocation list past its nextUpdate.
    #[error("revocation list {position} in the file was to be renewed by {}", day(*next_update))]
    RevocationListExpired {
        /// Which.
        position: usize,
        /// When.
        next_update: Timestamp,
    },
}

impl FileFault {
    /// What would mend it.
    #[must_use]
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Missing => "check the path in the configuration, or put the file there",
            Self::Unreadable(_) => "let the gateway's user read it",
            Self::TooLarge { .. } => "check that the path names the right file",
            Self::NotPem => "copy the file again, whole, as PEM",
            Self::NoCertificate => "put the certificate there as PEM, followed by its intermediates",
            Self::NoKey => "put the unencrypted private key there as PEM (PKCS#8, PKCS#1 or SEC1)",
            Self::EncryptedKey => "store it decrypted and readable by the gateway alone",
            Self::SeveralKeys => "leave only the key of the certificate",
            Self::ExposedKey { .. } => "take the rights of others away, for instance `chmod 0600`",
            Self::UnusableKey(_) => "use RSA from 2048 bits, ECDSA P-256, P-384, P-521 or Ed25519",
            Self::KeyMismatch { .. } => "replace certificate and key together",
            Self::Certificate { .. } => "have a fit certificate issued",
            Self::Expired { .. } => "put the renewed certificate there",
            Self::NotYetValid { .. } => "wait for it, or check the clock of this machine",
            Self::OutOfOrder { .. } => {
                "begin with the certificate of the key and let each be followed by its issuer"
            }
            Self::NoServerName => "have one issued with the names the gateway is reached by",
            Self::ChainBroken { .. } => "add the missing intermediates, or name the right authorities",
            Self::Handshake { .. } => "check the kind of key and what the certificate may be used for",
            Self::NoAuthority => "put the certificates of the trusted authorities there as PEM",
            Self::NotAnAuthority { .. } => {
                "trust the authority that issued it, and pin the certificate in the registry instead"
            }
            Self::NoValidAuthority => "put the present certificates of the authorities there",
            Self::NoRevocationList => "put the authority's list there as PEM or DER",
            Self::UnusableRevocationList { .. } => {
                "fetch the authority's complete list; delta and indirect lists cannot be used"
            }
            Self::RevocationListExpired { .. } => "fetch the authority's present list",
        }
    }

    pub(crate) fn in_file(self, file: &Path) -> FileError {
        FileError { file: file.to_owned(), fault: self }
    }
}

/// A bundle of certificates or a key is a few kilobytes; a revocation list can be large.
const PEM_BYTES_MAX: u64 = 1024 * 1024;
const REVOCATION_LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// All certificates of a PEM file; `none` is the fault when there is not one.
pub(crate) fn read_certificates(
    file: &Path,
    none: FileFault,
) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let (bytes, _) = read(file, PEM_BYTES_MAX)?;
    certificates_in(&bytes, none).map_err(|fault| fault.in_file(file))
}

/// The certificates in a text; other sections are passed over.
pub(crate) fn certificates_in(
    pem: &[u8],
    none: FileFault,
) -> Result<Vec<CertificateDer<'static>>, FileFault> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| FileFault::NotPem)?;
    if certificates.is_empty() {
        return Err(none);
    }
    Ok(certificates)
}

/// The one private key of a PEM file that not everybody may read.
pub(crate) fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let (bytes, metadata) = read(file, PEM_BYTES_MAX)?;
    let bytes = Zeroizing::new(bytes);
    key_in(&bytes, &metadata).map_err(|fault| fault.in_file(file))
}

fn key_in(pem: &[u8], metadata: &Metadata) -> Result<PrivateKeyDer<'static>, FileFault> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(FileFault::ExposedKey { mode });
    }
    let mut keys = Vec::new();
    for key in PrivateKeyDer::pem_slice_iter(pem) {
        keys.push(key.map_err(|_| FileFault::NotPem)?);
    }
    match keys.pop() {
        Some(key) if keys.is_empty() => Ok(key),
        Some(_) => Err(FileFault::SeveralKeys),
        None if holds_encrypted_key(pem) => Err(FileFault::EncryptedKey),
        None => Err(FileFault::NoKey),
    }
}

fn holds_encrypted_key(pem: &[u8]) -> bool {
    const MARK: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    pem.windows(MARK.len()).any(|window| window == MARK)
}

/// All revocation lists of a file, PEM or DER.
pub(crate) fn read_revocation_lists(
    file: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, FileError> {
    let (bytes, _) = read(file, REVOCATION_LIST_BYTES_MAX)?;
    revocation_lists_in(bytes).map_err(|fault| fault.in_file(file))
}

/// The revocation lists in PEM sections, or the one that these bytes are.
pub(crate) fn revocation_lists_in(
    bytes: Vec<u8>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, FileFault> {
    const DER_SEQUENCE: u8 = 0x30;
    if bytes.first() == Some(&DER_SEQUENCE) {
        return Ok(vec![bytes.into()]);
    }
    let mut lists = Vec::new();
    // Authorities publish lists beside other sections, which are passed over.
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&bytes) {
        if let (SectionKind::Crl, der) = section.map_err(|_| FileFault::NotPem)? {
            lists.push(der.into());
        }
    }
    if lists.is_empty() {
        return Err(FileFault::NoRevocationList);
    }
    Ok(lists)
}

fn read(file: &Path, bytes_max: u64) -> Result<(Vec<u8>, Metadata), FileError> {
    let unreadable = |error: io::Error| {
        match error.kind() {
            io::ErrorKind::NotFound => FileFault::Missing,
            _ => FileFault::Unreadable(error),
        }
        .in_file(file)
    };
    let open = File::open(file).map_err(unreadable)?;
    let metadata = open.metadata().map_err(unreadable)?;
    // Room for all of it at once: growing would leave copies of a key behind in freed memory.
    let room = metadata.len().min(bytes_max).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
    open.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        return Err(FileFault::TooLarge { bytes_max }.in_file(file));
    }
    Ok((bytes, metadata))
}
