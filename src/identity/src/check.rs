//! Would this chain pass? For `clearance certs check-chain`, and for whoever wants to know before
//! a certificate is rolled out. Nothing has to be configured for it.

use jiff::Timestamp;
use serde::Serialize;

use crate::files::{FileFault, certificates_in, revocation_lists_in};
use crate::{
    Authorities, Certificate, CertificateFault, ChainError, Fingerprint, Purpose, RevocationPolicy,
    Revocations, chain,
};

/// Whom a chain that passes stands for: what the registry would have to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainSummary {
    /// SHA-256 of the certificate, for `certificate_sha256`.
    pub fingerprint: Fingerprint,
    /// SHA-256 of its public key, for `spki_sha256`.
    pub spki: Fingerprint,
    /// The organizationIdentifier.
    pub organisation_identifier: Option<String>,
    /// The DNS names.
    pub dns_names: Vec<String>,
    /// The end of its validity.
    pub not_after: Timestamp,
}

/// Why a chain does not pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The text of the chain will not do.
    #[error("the chain will not do")]
    Chain(#[source] FileFault),
    /// The text of the authorities will not do.
    #[error("the authorities will not do")]
    Authorities(#[source] FileFault),
    /// A revocation list will not do.
    #[error("the revocation lists will not do")]
    Revocations(#[source] FileFault),
    /// The certificate is not one a client may show.
    #[error("the certificate cannot be a client's")]
    Unfit(#[source] CertificateFault),
    /// The chain is not believed.
    #[error("the certificate is not trusted")]
    Untrusted(#[source] ChainError),
}

/// Verifies a PEM chain against PEM authorities and revocation lists (PEM or DER), as intake would
/// at `now` with the strict revocation policy; whether a client is registered is left out.
///
/// # Errors
///
/// The first check that failed.
pub fn check_chain(
    chain_pem: &[u8],
    authorities_pem: &[u8],
    revocation_lists: &[Vec<u8>],
    now: Timestamp,
) -> Result<ChainSummary, CheckError> {
    let presented = certificates_in(chain_pem, FileFault::NoCertificate).map_err(CheckError::Chain)?;
    let authorities = certificates_in(authorities_pem, FileFault::NoAuthority)
        .and_then(|certificates| Authorities::of(certificates, now))
        .map_err(CheckError::Authorities)?;
    let policy = RevocationPolicy::default();
    let mut lists = Vec::new();
    for bytes in revocation_lists {
        lists.extend(revocation_lists_in(bytes.clone()).map_err(CheckError::Revocations)?);
    }
    let revocations = Revocations::of(lists, policy, now).map_err(CheckError::Revocations)?;
    chain::verify(&presented, &authorities, &revocations, policy, Purpose::Client, now)
        .map_err(CheckError::Untrusted)?;
    let leaf = presented.first().ok_or(CheckError::Untrusted(ChainError::Empty))?;
    let certificate = Certificate::read(leaf).map_err(CheckError::Unfit)?;
    certificate.check_as_client().map_err(CheckError::Unfit)?;
    Ok(ChainSummary {
        fingerprint: certificate.fingerprint,
        spki: certificate.spki,
        organisation_identifier: certificate.organisation_identifier,
        dns_names: certificate.dns_names,
        not_after: certificate.validity.not_after,
    })
}
