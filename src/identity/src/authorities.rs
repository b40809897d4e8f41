//! The authorities we trust: a bundle of certificates from a file, each of which may issue.
//!
//! Never the platform's store: whom the gateway believes is written in its configuration and
//! nowhere else.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::certificate::{is_authority, validity_of};
use crate::files::{FileError, FileFault, read_certificates};
use crate::window::Window;

/// Trusted authorities, at least one of them valid when they were loaded.
#[derive(Debug, Clone)]
pub struct Authorities {
    authorities: Vec<Authority>,
    loaded_at: Timestamp,
}

#[derive(Debug, Clone)]
struct Authority {
    der: CertificateDer<'static>,
    anchor: TrustAnchor<'static>,
    validity: Window,
}

impl Authorities {
    /// Reads a bundle of PEM certificates.
    ///
    /// An authority that has expired may stay in the bundle, as it does while another takes over:
    /// it is not believed (webpki alone would go on believing it), and does not stand in the way.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, holds no certificate, holds one that is not an authority's,
    /// or none that is valid at `now`.
    pub fn load(file: &Path, now: Timestamp) -> Result<Self, FileError> {
        let certificates = read_certificates(file, FileFault::NoAuthority)?;
        Self::of(certificates, now).map_err(|fault| fault.in_file(file))
    }

    /// The same, from certificates in memory.
    pub(crate) fn of(certificates: Vec<CertificateDer<'static>>, now: Timestamp) -> Result<Self, FileFault> {
        let mut authorities = Vec::with_capacity(certificates.len());
        for (position, der) in (1..).zip(certificates) {
            let at = |fault| FileFault::Certificate { position, fault };
            let validity = validity_of(&der).map_err(at)?;
            if !is_authority(&der).map_err(at)? {
                return Err(FileFault::NotAnAuthority { position });
            }
            let anchor = webpki::anchor_from_trusted_cert(&der)
                .map_err(|_| FileFault::NotAnAuthority { position })?
                .to_owned();
            authorities.push(Authority { der, anchor, validity });
        }
        let authorities = Self { authorities, loaded_at: now };
        if authorities.authorities.is_empty() {
            return Err(FileFault::NoAuthority);
        }
        if authorities.anchors_at(now).is_empty() {
            return Err(FileFault::NoValidAuthority);
        }
        Ok(authorities)
    }

    /// The anchors whose own validity contains `now`.
    pub(crate) fn anchors_at(&self, now: Timestamp) -> Vec<TrustAnchor<'static>> {
        self.valid_at(now).map(|authority| authority.anchor.clone()).collect()
    }

    /// The store for rustls, of the authorities that were valid when they were loaded.
    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        Arc::new(RootCertStore { roots: self.anchors_at(self.loaded_at) })
    }

    /// The time in which the set of believed authorities is the one at `now`.
    pub(crate) fn unchanged_around(&self, now: Timestamp) -> Window {
        self.valid_at(now).map(|authority| authority.validity).fold(Window::ALWAYS, Window::intersect)
    }

    /// The ends of the authorities' validity, in the order of the bundle.
    pub(crate) fn ends(&self) -> impl Iterator<Item = Timestamp> {
        self.authorities.iter().map(|authority| authority.validity.not_after)
    }

    /// Whether both hold the same certificates, and the same of them were valid when each was
    /// loaded: a bundle whose next authority has come into force has changed.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let held = |of: &Self| -> Vec<_> {
            let at = of.loaded_at;
            of.authorities
                .iter()
                .map(|authority| (authority.der.clone(), authority.validity.contains(at)))
                .collect()
        };
        held(self) == held(other)
    }

    fn valid_at(&self, now: Timestamp) -> impl Iterator<Item = &Authority> {
        self.authorities.iter().filter(move |authority| authority.validity.contains(now))
    }
}
