//! Authorities of the example PKI, and what they issue.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType, DnValue,
    Error, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use zeroize::Zeroizing;

use crate::{Fingerprint, Window};

/// An authority with its key, in memory.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// What those it issues for have to show after their own certificate.
    intermediates_pem: String,
}

/// What a certificate of the example says.
#[derive(Debug, Clone)]
pub(crate) struct Leaf<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) organisation: &'a str,
    pub(crate) organisation_identifier: Option<&'a str>,
    /// DNS names and IP addresses.
    pub(crate) names: Cow<'a, [String]>,
    pub(crate) purposes: &'a [ExtendedKeyUsagePurpose],
    pub(crate) validity: Window,
}

/// A certificate with its key.
pub(crate) struct Issued {
    /// The certificate and its intermediates.
    pub(crate) chain_pem: String,
    pub(crate) key_pem: Zeroizing<String>,
    pub(crate) serial: SerialNumber,
}

/// How many intermediates a root lets be under each other.
const INTERMEDIATES_OF_A_ROOT: u8 = 1;

const ORGANISATION_IDENTIFIER: [u64; 4] = [2, 5, 4, 97];

impl Authority {
    /// A root that certifies itself.
    pub(crate) fn root(common_name: &str, validity: Window) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let params = authority_params(common_name, INTERMEDIATES_OF_A_ROOT, validity, &key)?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem, intermediates_pem: String::new() })
    }

    /// An authority under this one.
    pub(crate) fn intermediate(&self, common_name: &str, validity: Window) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut params = authority_params(common_name, 0, validity, &key)?;
        params.use_authority_key_identifier_extension = true;
        let pem = params.signed_by(&key, &self.issuer)?.pem();
        let intermediates_pem = pem.clone() + &self.intermediates_pem;
        Ok(Self { issuer: Issuer::new(params, key), pem, intermediates_pem })
    }

    /// One made earlier, by this name, with its key; what it issues is accompanied by `intermediates_pem`.
    pub(crate) fn made_earlier(
        common_name: &str,
        key_pem: &str,
        pem: String,
        intermediates_pem: String,
    ) -> Result<Self, Error> {
        let key = KeyPair::from_pem(key_pem)?;
        // Of the parameters only the name, and what the key is called by, is in what it issues.
        let validity = Window { not_before: Timestamp::UNIX_EPOCH, not_after: Timestamp::UNIX_EPOCH };
        let params = authority_params(common_name, 0, validity, &key)?;
        Ok(Self { issuer: Issuer::new(params, key), pem, intermediates_pem })
    }

    /// A certificate with a new key.
    pub(crate) fn issue(&self, leaf: &Leaf<'_>) -> Result<Issued, Error> {
        let key = KeyPair::generate()?;
        self.sign(leaf.params(&key)?, &key)
    }

    /// A certificate of any content.
    pub(crate) fn sign(&self, params: CertificateParams, key: &KeyPair) -> Result<Issued, Error> {
        let serial = serial(key);
        let certificate = params.signed_by(key, &self.issuer)?;
        Ok(Issued {
            chain_pem: certificate.pem() + &self.intermediates_pem,
            key_pem: Zeroizing::new(key.serialize_pem()),
            serial,
        })
    }

    /// The list of what it has revoked, by the beginning of `validity`.
    pub(crate) fn revocation_list(
        &self,
        revoked: &[SerialNumber],
        validity: Window,
    ) -> Result<String, Error> {
        let this_update = date_time_ymd(1970, 1, 1) + since_epoch(validity.not_before);
        let params = CertificateRevocationListParams {
            this_update,
            next_update: date_time_ymd(1970, 1, 1) + since_epoch(validity.not_after),
            crl_number: SerialNumber::from(validity.not_before.as_second().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: serial.clone(),
                    revocation_time: this_update,
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer)?.pem()
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// Its own key.
    pub(crate) fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }
}

impl Leaf<'_> {
    /// The certificate signed by its own key.
    pub(crate) fn self_signed(&self) -> Result<Issued, Error> {
        let key = KeyPair::generate()?;
        Ok(Issued {
            chain_pem: self.params(&key)?.self_signed(&key)?.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
            serial: serial(&key),
        })
    }

    pub(crate) fn params(&self, key: &KeyPair) -> Result<CertificateParams, Error> {
        let mut params = CertificateParams::new(self.names.to_vec())?;
        params.distinguished_name = name(self.organisation, self.common_name)?;
        if let Some(identifier) = self.organisation_identifier {
            let attribute = DnType::CustomDnType(ORGANISATION_IDENTIFIER.to_vec());
            params.distinguished_name.push(attribute, identifier);
        }
        params.serial_number = Some(serial(key));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.purposes.to_vec();
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(self.validity.not_before);
        params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(self.validity.not_after);
        Ok(params)
    }
}

fn authority_params(
    common_name: &str,
    intermediates_max: u8,
    validity: Window,
    key: &KeyPair,
) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Clearance Example", common_name)?;
    params.serial_number = Some(serial(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(intermediates_max));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(validity.not_before);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(validity.not_after);
    Ok(params)
}

fn name(organisation: &str, common_name: &str) -> Result<DistinguishedName, Error> {
    let mut name = DistinguishedName::new();
    let country = DnValue::PrintableString("EE".try_into()?);
    name.push(DnType::CountryName, country);
    name.push(DnType::OrganizationName, organisation);
    name.push(DnType::CommonName, common_name);
    Ok(name)
}

/// 128 bits of the key's digest: positive, never zero, and different for every key.
fn serial(key: &KeyPair) -> SerialNumber {
    let digest = Fingerprint::of(key.public_key_raw());
    let mut bytes: Vec<u8> = digest.as_bytes().iter().copied().take(16).collect();
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    SerialNumber::from(bytes)
}

/// rcgen counts in a type of the crate `time`, which it makes but does not export; to it a moment
/// is added as a duration. Certificates count in seconds, and there were none before 1970.
fn since_epoch(moment: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(moment.as_second()).unwrap_or(0))
}
