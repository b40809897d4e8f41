//! What the gateway reads from a certificate, and which certificates it will not take from a peer
//! however good their signatures are.
//!
//! It reads; it proves nothing. Whether the chain leads to an authority is [`crate::chain`]'s,
//! whether the certificate is one of ours the registry's question.

use std::fmt;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::names::{NameFault, NameField, check_ascii, check_dns_name, check_identifier, check_text};
use crate::window::{Window, timestamp};
use crate::{Fingerprint, Purpose};

/// A certificate, read. The names in it have passed the rules of names; signature, issuer and
/// validity have not been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// SHA-256 of the whole certificate.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the SubjectPublicKeyInfo: stays the same when the same key is certified anew.
    pub spki: Fingerprint,
    /// The subject's organizationName.
    pub organisation: Option<String>,
    /// The subject's organizationIdentifier (OID 2.5.4.97), for instance `NTREE-` and the code in
    /// the Estonian commercial register (ETSI EN 319 412-1 § 5.1.4).
    pub organisation_identifier: Option<String>,
    /// The subject's serialNumber (OID 2.5.4.5).
    pub serial_number: Option<SubjectSerial>,
    /// The dNSName entries of the subject alternative name, in lower case.
    pub dns_names: Vec<String>,
    /// Whether the subject alternative name holds an IP address.
    pub has_ip_address: bool,
    /// The validity.
    pub validity: Window,
    /// Whether it may issue certificates (basicConstraints cA, or keyUsage keyCertSign).
    pub is_authority: bool,
    extended_key_usage: Option<ExtendedKeyUsage>,
    may_sign: bool,
    key_is_strong: bool,
}

/// The subject's serialNumber. In a certificate of a natural person it is the person's code:
/// it can be compared, and neither printed nor logged.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SubjectSerial(String);

impl SubjectSerial {
    /// The serialNumber `text`, to compare others with.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether a certificate we accept can carry it.
    pub(crate) fn is_plain(&self) -> bool {
        check_identifier(&self.0).is_ok()
    }
}

impl fmt::Debug for SubjectSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectSerial(…)")
    }
}

/// Why a certificate is not taken. Nothing of its subject is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Not one DER certificate, or an extension in it twice or unreadable.
    #[error("the certificate cannot be read as X.509")]
    Malformed,
    /// A name that hides something.
    #[error("the {field} of the certificate {fault}")]
    Name {
        /// Where.
        field: NameField,
        /// What.
        fault: NameFault,
    },
    /// An authority's certificate where a system's own is needed.
    #[error("the certificate is that of an authority, not of a system")]
    Authority,
    /// The extended key usage does not name what the certificate is used for.
    #[error("the extended key usage of the certificate does not allow `{purpose}`")]
    Purpose {
        /// What it was to be used for.
        purpose: Purpose,
    },
    /// keyUsage without digitalSignature, which TLS needs.
    #[error("the key usage of the certificate does not allow digital signatures")]
    KeyUsage,
    /// RSA below 2048 bits, or a kind of key that is not RSA, P-256, P-384, P-521 or Ed25519.
    #[error("the key of the certificate is too weak or of an unknown kind")]
    WeakKey,
}

impl CertificateFault {
    /// A short name, stable, for counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Name { .. } => "name",
            Self::Authority => "authority",
            Self::Purpose { .. } => "wrong-purpose",
            Self::KeyUsage => "key-usage",
            Self::WeakKey => "weak-key",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ExtendedKeyUsage {
    client: bool,
    server: bool,
}

/// What BSI TR-02102 and NIST SP 800-57 ask for at least. rustls refuses less, too; here the
/// reason is told.
const RSA_BITS_MIN: usize = 2048;

/// DER of the attribute types' object identifiers; x509-parser knows no name for the second.
const OID_SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];
const OID_ORGANISATION_IDENTIFIER: &[u8] = &[0x55, 0x04, 0x61];
const OID_ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

const OID_RSA: &str = "1.2.840.113549.1.1.1";
const OID_EC: &str = "1.2.840.10045.2.1";
const OID_ED25519: &str = "1.3.101.112";
const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];

impl Certificate {
    /// Reads a DER certificate.
    ///
    /// # Errors
    ///
    /// [`CertificateFault::Malformed`] when it cannot be read, [`CertificateFault::Name`] when one
    /// of its names hides something.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, CertificateFault> {
        let x509 = parse(der)?;
        let subject = Subject::read(&x509)?;
        let (dns_names, has_ip_address) = alternative_names(&x509)?;
        let usage = Usage::read(&x509)?;
        Ok(Self {
            fingerprint: Fingerprint::of(der),
            spki: Fingerprint::of(x509.public_key().raw),
            organisation: subject.organisation,
            organisation_identifier: subject.organisation_identifier,
            serial_number: subject.serial_number,
            dns_names,
            has_ip_address,
            validity: validity(&x509),
            is_authority: usage.is_authority,
            extended_key_usage: usage.extended,
            may_sign: usage.may_sign,
            key_is_strong: key_is_strong(&x509),
        })
    }

    /// Organisation and organisation identifier, for logs and lists. The common name is left out:
    /// nothing is decided by it, and it may be a person's.
    #[must_use]
    pub fn summary(&self) -> String {
        let organisation = self.organisation.as_deref().unwrap_or("-");
        let identifier = self.organisation_identifier.as_deref().unwrap_or("-");
        format!("O={organisation}, organizationIdentifier={identifier}")
    }

    /// Whether a client may show it to us. Stricter than the chain's rules: an extended key usage
    /// without clientAuth is refused, and so is one that is missing or says "any".
    pub(crate) fn check_as_client(&self) -> Result<(), CertificateFault> {
        self.check_as_leaf()?;
        match self.extended_key_usage {
            Some(usage) if usage.client => Ok(()),
            _ => Err(CertificateFault::Purpose { purpose: Purpose::Client }),
        }
    }

    /// Whether we may show it: what the other side is bound to refuse is refused here already.
    pub(crate) fn check_as_ours(&self, purpose: Purpose) -> Result<(), CertificateFault> {
        self.check_as_leaf()?;
        let allowed = self.extended_key_usage.is_none_or(|usage| match purpose {
            Purpose::Client => usage.client,
            Purpose::Server => usage.server,
        });
        if allowed { Ok(()) } else { Err(CertificateFault::Purpose { purpose }) }
    }

    fn check_as_leaf(&self) -> Result<(), CertificateFault> {
        if self.is_authority {
            return Err(CertificateFault::Authority);
        }
        if !self.may_sign {
            return Err(CertificateFault::KeyUsage);
        }
        if !self.key_is_strong {
            return Err(CertificateFault::WeakKey);
        }
        Ok(())
    }
}

/// Whether `issuer` signed `certificate` and is named as its issuer.
pub(crate) fn is_issued_by(certificate: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    let (Ok(certificate), Ok(issuer)) = (parse(certificate), parse(issuer)) else {
        return false;
    };
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

/// The validity alone, for certificates whose names do not matter to us.
pub(crate) fn validity_of(der: &CertificateDer<'_>) -> Result<Window, CertificateFault> {
    parse(der).map(|x509| validity(&x509))
}

/// Whether it may issue certificates. The names of an authority do not matter either: it is
/// trusted because it is configured.
pub(crate) fn is_authority(der: &CertificateDer<'_>) -> Result<bool, CertificateFault> {
    Usage::read(&parse(der)?).map(|usage| usage.is_authority)
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateFault> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateFault::Malformed),
    }
}

fn validity(x509: &X509Certificate<'_>) -> Window {
    let validity = x509.validity();
    Window {
        not_before: timestamp(validity.not_before.timestamp()),
        not_after: timestamp(validity.not_after.timestamp()),
    }
}

/// What basic constraints and key usages allow.
struct Usage {
    is_authority: bool,
    may_sign: bool,
    extended: Option<ExtendedKeyUsage>,
}

impl Usage {
    fn read(x509: &X509Certificate<'_>) -> Result<Self, CertificateFault> {
        // An unreadable basicConstraints would pass for a missing one.
        if x509.extensions().iter().any(|extension| extension.parsed_extension().error().is_some()) {
            return Err(CertificateFault::Malformed);
        }
        // The getters fail when the extension is there twice.
        let constraints = x509.basic_constraints().map_err(|_| CertificateFault::Malformed)?;
        let usage = x509.key_usage().map_err(|_| CertificateFault::Malformed)?;
        let extended = x509.extended_key_usage().map_err(|_| CertificateFault::Malformed)?;
        Ok(Self {
            is_authority: constraints.is_some_and(|constraints| constraints.value.ca)
                || usage.as_ref().is_some_and(|usage| usage.value.key_cert_sign()),
            may_sign: usage.is_none_or(|usage| usage.value.digital_signature()),
            extended: extended.map(|usage| ExtendedKeyUsage {
                client: usage.value.client_auth,
                server: usage.value.server_auth,
            }),
        })
    }
}

#[derive(Default)]
struct Subject {
    organisation: Option<String>,
    organisation_identifier: Option<String>,
    serial_number: Option<SubjectSerial>,
}

impl Subject {
    fn read(x509: &X509Certificate<'_>) -> Result<Self, CertificateFault> {
        let mut subject = Self::default();
        for attribute in x509.subject().iter_attributes() {
            let text = attribute.as_str().map_err(|_| name_fault(NameField::Subject, NameFault::NotText))?;
            match attribute.attr_type().as_bytes() {
                OID_ORGANISATION_IDENTIFIER => {
                    let field = NameField::OrganisationIdentifier;
                    check_identifier(text).map_err(|fault| name_fault(field, fault))?;
                    set_once(field, &mut subject.organisation_identifier, text.to_owned())?;
                }
                OID_SERIAL_NUMBER => {
                    let field = NameField::SerialNumber;
                    check_identifier(text).map_err(|fault| name_fault(field, fault))?;
                    let serial = SubjectSerial(text.to_owned());
                    set_once(field, &mut subject.serial_number, serial)?;
                }
                other => {
                    check_text(text).map_err(|fault| name_fault(NameField::Subject, fault))?;
                    if other == OID_ORGANISATION {
                        subject.organisation.get_or_insert_with(|| text.to_owned());
                    }
                }
            }
        }
        Ok(subject)
    }
}

fn set_once<T>(field: NameField, slot: &mut Option<T>, value: T) -> Result<(), CertificateFault> {
    if slot.replace(value).is_some() {
        return Err(name_fault(field, NameFault::Twice));
    }
    Ok(())
}

fn alternative_names(x509: &X509Certificate<'_>) -> Result<(Vec<String>, bool), CertificateFault> {
    let Some(names) = x509.subject_alternative_name().map_err(|_| CertificateFault::Malformed)? else {
        return Ok((Vec::new(), false));
    };
    let mut dns_names = Vec::new();
    let mut has_ip_address = false;
    for name in &names.value.general_names {
        let checked = match name {
            GeneralName::DNSName(name) => {
                dns_names.push(name.to_ascii_lowercase());
                check_dns_name(name)
            }
            GeneralName::URI(name) | GeneralName::RFC822Name(name) => check_ascii(name),
            GeneralName::IPAddress(address) => {
                has_ip_address = true;
                match address.len() {
                    4 | 16 => Ok(()),
                    _ => Err(NameFault::NotPlain),
                }
            }
            GeneralName::Invalid(..) => Err(NameFault::NotText),
            GeneralName::OtherName(..)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::RegisteredID(_) => Ok(()),
        };
        checked.map_err(|fault| name_fault(NameField::AlternativeName, fault))?;
    }
    Ok((dns_names, has_ip_address))
}

fn name_fault(field: NameField, fault: NameFault) -> CertificateFault {
    CertificateFault::Name { field, fault }
}

fn key_is_strong(x509: &X509Certificate<'_>) -> bool {
    let key = x509.public_key();
    let curve = || {
        let parameters = key.algorithm.parameters.as_ref()?;
        Some(parameters.as_oid().ok()?.to_id_string())
    };
    match key.algorithm.algorithm.to_id_string().as_str() {
        OID_RSA => matches!(key.parsed(), Ok(PublicKey::RSA(rsa)) if bits(rsa.modulus) >= RSA_BITS_MIN),
        OID_EC => curve().is_some_and(|curve| CURVES.contains(&curve.as_str())),
        OID_ED25519 => true,
        _ => false,
    }
}

/// The length of a big-endian number, however many zeroes it starts with.
fn bits(number: &[u8]) -> usize {
    let mut bytes = number.iter().skip_while(|byte| **byte == 0);
    match bytes.next() {
        Some(first) => (8 - first.leading_zeros() as usize) + 8 * bytes.count(),
        None => 0,
    }
}

/// The moment a certificate's validity ends, in words for an error.
pub(crate) fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
