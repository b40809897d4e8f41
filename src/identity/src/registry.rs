//! The clinic's systems, and which of them a certificate belongs to.
//!
//! A client is found by what was pinned for it: its public key or its certificate, several side by
//! side while one takes over from the other. What is found is cross-checked with what the
//! certificate says of its owner. The common name plays no part, and neither does the issuer: a
//! certificate of the same subject under another authority has another key.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use crate::certificate::day;
use crate::{Certificate, CertificateFault, Client, ClientId, Fingerprint, Pin, RegistryFault, Window};

/// A client, known by its certificate. Found by [`Registry::identify`] and nowhere else; that the
/// certificate is believed is [`crate::Admitted`]'s to say.
#[derive(Debug, Clone)]
pub struct Peer {
    client: ClientId,
    certificate: Certificate,
    pinned: Window,
}

/// Why a certificate is none of a client's. Neither names nor numbers of its subject are repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate is not one a client may show.
    #[error("the certificate cannot be a client's")]
    Unfit(#[from] CertificateFault),
    /// Before its validity.
    #[error("the certificate is valid only from {}", day(*not_before))]
    NotYetValid {
        /// Its beginning.
        not_before: Timestamp,
    },
    /// After its validity.
    #[error("the certificate expired on {}", day(*not_after))]
    Expired {
        /// Its end.
        not_after: Timestamp,
    },
    /// Neither the certificate nor its key is pinned for a client.
    #[error("no client is registered with certificate `{fingerprint}`")]
    Unregistered {
        /// The certificate's SHA-256, to be looked up or registered.
        fingerprint: Fingerprint,
    },
    /// Certificate and key are pinned for two clients.
    #[error("the certificate is pinned for client `{by_certificate}` and its key for `{by_key}`")]
    Ambiguous {
        /// By fingerprint.
        by_certificate: ClientId,
        /// By key.
        by_key: ClientId,
    },
    /// Pinned, but outside the time for which it was pinned.
    #[error("the certificate of client `{client}` is not registered for this time")]
    OutsidePin {
        /// Whose.
        client: ClientId,
    },
    /// The organizationIdentifier is missing or another.
    #[error("the certificate of client `{client}` does not carry the registered organisation identifier")]
    OtherOrganisation {
        /// Whose.
        client: ClientId,
    },
    /// The DNS name is missing.
    #[error("the certificate of client `{client}` does not carry the registered DNS name")]
    OtherDnsName {
        /// Whose.
        client: ClientId,
    },
    /// The subject's serialNumber is missing or another.
    #[error(
        "the certificate of client `{client}` does not carry the registered serial number of its subject"
    )]
    OtherSerialNumber {
        /// Whose.
        client: ClientId,
    },
}

impl IdentityError {
    /// A short name, stable, for counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unfit(fault) => fault.reason(),
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Expired { .. } => "expired",
            Self::Unregistered { .. } => "unregistered",
            Self::Ambiguous { .. } => "ambiguous",
            Self::OutsidePin { .. } => "outside-pin",
            Self::OtherOrganisation { .. } => "other-organisation",
            Self::OtherDnsName { .. } => "other-dns-name",
            Self::OtherSerialNumber { .. } => "other-serial-number",
        }
    }
}

/// A registry that cannot be used, with all its faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(faults))]
pub struct RegistryError {
    /// At least one.
    pub faults: Vec<RegistryFault>,
}

/// The clients, found by pin.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    clients: Vec<Client>,
    by_certificate: Pins,
    by_key: Pins,
}

/// Digest to position in `clients`, with the time of the pin.
type Pins = HashMap<Fingerprint, (usize, Window)>;

impl Registry {
    /// A registry of these clients.
    ///
    /// # Errors
    ///
    /// All faults of all entries at once.
    pub fn new(clients: Vec<Client>) -> Result<Self, RegistryError> {
        let mut faults = Vec::new();
        let mut ids = BTreeSet::new();
        for client in &clients {
            if !ids.insert(&client.id) {
                faults.push(RegistryFault::Twice { client: client.id.clone() });
            }
            client.check(&mut faults);
        }
        let by_certificate = index(&clients, |client| &client.certificate_sha256, &mut faults);
        let by_key = index(&clients, |client| &client.spki_sha256, &mut faults);
        if !faults.is_empty() {
            return Err(RegistryError { faults });
        }
        Ok(Self { clients, by_certificate, by_key })
    }

    /// Whose certificate this is at `now`.
    ///
    /// Signatures, issuers and revocation are not looked at: [`crate::ServerTrust::admit`] asks for
    /// the chain first.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn identify(&self, der: &CertificateDer<'_>, now: Timestamp) -> Result<Peer, IdentityError> {
        let certificate = Certificate::read(der)?;
        certificate.check_as_client()?;
        check_validity(certificate.validity, now)?;
        let (client, pinned) = self.find(&certificate)?;
        if !pinned.contains(now) {
            return Err(IdentityError::OutsidePin { client: client.id.clone() });
        }
        client.cross_check(&certificate)?;
        Ok(Peer { client: client.id.clone(), certificate, pinned })
    }

    /// The clients, as configured.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// A pinned certificate counts before its pinned key: it is the narrower statement.
    fn find(&self, certificate: &Certificate) -> Result<(&Client, Window), IdentityError> {
        let at = |(position, window): &(usize, Window)| {
            self.clients.get(*position).map(|client| (client, *window))
        };
        let by_certificate = self.by_certificate.get(&certificate.fingerprint).and_then(at);
        let by_key = self.by_key.get(&certificate.spki).and_then(at);
        match (by_certificate, by_key) {
            (Some((first, _)), Some((second, _))) if first.id != second.id => {
                Err(IdentityError::Ambiguous { by_certificate: first.id.clone(), by_key: second.id.clone() })
            }
            (Some(found), _) | (None, Some(found)) => Ok(found),
            (None, None) => Err(IdentityError::Unregistered { fingerprint: certificate.fingerprint }),
        }
    }
}

fn index(clients: &[Client], pins: impl Fn(&Client) -> &Vec<Pin>, faults: &mut Vec<RegistryFault>) -> Pins {
    let mut index = Pins::new();
    for (position, client) in clients.iter().enumerate() {
        for pin in pins(client) {
            let earlier = index.insert(pin.sha256, (position, pin.window()));
            if let Some(first) = earlier.and_then(|(earlier, _)| clients.get(earlier)) {
                faults.push(RegistryFault::SharedPin {
                    sha256: pin.sha256,
                    first: first.id.clone(),
                    second: client.id.clone(),
                });
            }
        }
    }
    index
}

fn check_validity(validity: Window, now: Timestamp) -> Result<(), IdentityError> {
    let Window { not_before, not_after } = validity;
    if now < not_before {
        return Err(IdentityError::NotYetValid { not_before });
    }
    if now > not_after {
        return Err(IdentityError::Expired { not_after });
    }
    Ok(())
}

impl Peer {
    /// Which client.
    #[must_use]
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// The certificate it was known by.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The time for which certificate and pin hold both.
    pub(crate) fn window(&self) -> Window {
        self.pinned.intersect(self.certificate.validity)
    }
}

fn listed(faults: &[RegistryFault]) -> String {
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    faults.join("; ")
}
