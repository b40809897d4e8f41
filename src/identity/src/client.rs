//! An entry of the registry: a system of the clinic, what is pinned for it, and what its
//! certificates have to say.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::certificate::SubjectSerial;
use crate::names::{check_dns_name, check_identifier};
use crate::{Certificate, Fingerprint, IdentityError, Window};

/// A system of the clinic, as the configuration knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name in the gateway.
    pub id: ClientId,
    /// SHA-256 of its public keys (SubjectPublicKeyInfo).
    #[serde(default)]
    pub spki_sha256: Vec<Pin>,
    /// SHA-256 of its certificates.
    #[serde(default)]
    pub certificate_sha256: Vec<Pin>,
    /// The organizationIdentifier its certificates have to carry.
    pub organisation_identifier: Option<String>,
    /// The DNS name its certificates have to carry as subject alternative name. A wildcard in a
    /// certificate matches none.
    pub dns_name: Option<String>,
    /// The serialNumber the subject of its certificates has to carry, where the authority puts the
    /// registry code there instead.
    pub serial_number: Option<SubjectSerial>,
}

/// A pinned key or certificate, and when it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The digest.
    pub sha256: Fingerprint,
    /// The first moment it is accepted; from ever when absent.
    pub not_before: Option<Timestamp>,
    /// The last moment it is accepted; for ever when absent.
    pub not_after: Option<Timestamp>,
}

impl Client {
    /// Whether any of its pins is believed at `at`.
    pub(crate) fn is_pinned_at(&self, at: Timestamp) -> bool {
        self.spki_sha256.iter().chain(&self.certificate_sha256).any(|pin| pin.window().contains(at))
    }
}

impl Pin {
    /// A pin without limits in time.
    #[must_use]
    pub fn of(sha256: Fingerprint) -> Self {
        Self { sha256, not_before: None, not_after: None }
    }

    pub(crate) fn window(&self) -> Window {
        Window {
            not_before: self.not_before.unwrap_or(Timestamp::MIN),
            not_after: self.not_after.unwrap_or(Timestamp::MAX),
        }
    }
}

/// The name of a client: lower-case letters, digits and hyphens, at most 64. It stands in logs,
/// metrics and the ledger.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ClientId(Arc<str>);

/// The text is not a client's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a client id has 1 to 64 lower-case letters, digits and hyphens")]
pub struct ClientIdError;

/// What is wrong with an entry of the registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFault {
    /// Two entries of one name.
    #[error("client `{client}` is registered twice")]
    Twice {
        /// The name.
        client: ClientId,
    },
    /// Nothing to know it by.
    #[error("client `{client}` has neither `spki_sha256` nor `certificate_sha256`")]
    NoPin {
        /// Which.
        client: ClientId,
    },
    /// Nothing to cross-check.
    #[error("client `{client}` has none of `organisation_identifier`, `dns_name` and `serial_number`")]
    NoCrossCheck {
        /// Which.
        client: ClientId,
    },
    /// A value no certificate we accept can carry.
    #[error("client `{client}`: no acceptable certificate can carry this `{key}`")]
    Unmatchable {
        /// Which.
        client: ClientId,
        /// The key of the configuration.
        key: &'static str,
    },
    /// A pin whose time ends before it begins.
    #[error("client `{client}`: pin `{sha256}` ends before it begins")]
    EmptyWindow {
        /// Which.
        client: ClientId,
        /// The pin.
        sha256: Fingerprint,
    },
    /// A pin that stands twice, for one client or for two.
    #[error("pin `{sha256}` is registered for `{first}` and again for `{second}`")]
    SharedPin {
        /// The pin.
        sha256: Fingerprint,
        /// The earlier entry.
        first: ClientId,
        /// The later entry.
        second: ClientId,
    },
}

impl Client {
    pub(crate) fn check(&self, faults: &mut Vec<RegistryFault>) {
        let client = || self.id.clone();
        if self.spki_sha256.is_empty() && self.certificate_sha256.is_empty() {
            faults.push(RegistryFault::NoPin { client: client() });
        }
        let (organisation, dns_name, serial) =
            (&self.organisation_identifier, &self.dns_name, &self.serial_number);
        if organisation.is_none() && dns_name.is_none() && serial.is_none() {
            faults.push(RegistryFault::NoCrossCheck { client: client() });
        }
        let identifier = |text: &str| check_identifier(text).is_ok();
        let host = |text: &str| check_dns_name(text).is_ok() && !text.starts_with("*.");
        for (key, fine) in [
            ("organisation_identifier", organisation.as_deref().is_none_or(identifier)),
            ("dns_name", dns_name.as_deref().is_none_or(host)),
            ("serial_number", serial.as_ref().is_none_or(SubjectSerial::is_plain)),
        ] {
            if !fine {
                let client = client();
                faults.push(RegistryFault::Unmatchable { client, key });
            }
        }
        for pin in self.spki_sha256.iter().chain(&self.certificate_sha256) {
            let window = pin.window();
            if window.not_after < window.not_before {
                let (client, sha256) = (client(), pin.sha256);
                faults.push(RegistryFault::EmptyWindow { client, sha256 });
            }
        }
    }

    /// Everything that is registered has to be there.
    pub(crate) fn cross_check(&self, certificate: &Certificate) -> Result<(), IdentityError> {
        let client = || self.id.clone();
        if self.organisation_identifier.is_some()
            && self.organisation_identifier != certificate.organisation_identifier
        {
            return Err(IdentityError::OtherOrganisation { client: client() });
        }
        if let Some(name) = &self.dns_name
            && !certificate.dns_names.contains(&name.to_ascii_lowercase())
        {
            return Err(IdentityError::OtherDnsName { client: client() });
        }
        if let Some(number) = &self.serial_number
            && certificate.serial_number.as_ref() != Some(number)
        {
            return Err(IdentityError::OtherSerialNumber { client: client() });
        }
        Ok(())
    }
}

impl ClientId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(ClientIdError)
        }
    }
}

impl TryFrom<String> for ClientId {
    type Error = ClientIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({self})")
    }
}
