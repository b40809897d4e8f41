//! What the authorities of an example certify and revoke after it was made.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use rcgen::SerialNumber;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{CertificateRevocationList, FromDer, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use super::folder::Folder;
use super::issue::{CLIENT, INTERMEDIATE, PARTNERS, ROOT, SERVER};
use super::{Authority, ExampleError, ExamplePki, Leaf, window};
use crate::files::{FileFault, read_certificates, read_revocation_lists};
use crate::{Certificate, ClientId, MaterialFiles, Window};

/// Whose certificate one of the example is, which is also where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The gateway's listeners: `server`.
    Server,
    /// A client: `clients/<name>`.
    Client(ClientId),
    /// A destination itself: `destinations/<name>/server`.
    DestinationServer(ClientId),
    /// The gateway, as it shows itself to a destination: `destinations/<name>/client`.
    DestinationClient(ClientId),
}

/// A text that names no [`Holder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate is for `server`, `clients/NAME`, `destinations/NAME/server` or `destinations/NAME/client`"
)]
pub struct HolderError;

impl FromStr for Holder {
    type Err = HolderError;

    fn from_str(text: &str) -> Result<Self, HolderError> {
        let named = |name: &str| name.parse().map_err(|_| HolderError);
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["server"] => Ok(Self::Server),
            ["clients", name] => Ok(Self::Client(named(name)?)),
            ["destinations", name, "server"] => Ok(Self::DestinationServer(named(name)?)),
            ["destinations", name, "client"] => Ok(Self::DestinationClient(named(name)?)),
            _ => Err(HolderError),
        }
    }
}

impl Holder {
    /// Whether others call it; else it calls others.
    #[must_use]
    pub fn is_server(&self) -> bool {
        matches!(self, Self::Server | Self::DestinationServer(_))
    }

    fn folder(&self) -> String {
        match self {
            Self::Server => "server".to_owned(),
            Self::Client(name) => format!("clients/{name}"),
            Self::DestinationServer(name) => format!("destinations/{name}/server"),
            Self::DestinationClient(name) => format!("destinations/{name}/client"),
        }
    }

    fn common_name(&self) -> &str {
        match self {
            Self::Server | Self::DestinationClient(_) => "gateway",
            Self::Client(name) | Self::DestinationServer(name) => name.as_str(),
        }
    }
}

impl ExamplePki {
    /// Certifies a holder with a new key, for `days` from `now`, in place of what it has. Without `names` it keeps those of
    /// its present certificate. Who had none belongs to the clinic. The files are replaced one by one, as a gateway that
    /// watches them can bear.
    ///
    /// # Errors
    ///
    /// When the example's authorities cannot be read, a name cannot stand in a certificate, or a file not be written.
    pub fn issue(
        &self,
        holder: &Holder,
        names: &[String],
        days: u32,
        now: Timestamp,
    ) -> Result<MaterialFiles, ExampleError> {
        let folder = holder.folder();
        let present = self.material(&folder).chain;
        let model = if present.exists() { &present } else { &self.server().chain };
        let model_chain = read_certificates(model, FileFault::NoCertificate)?;
        let leaf = model_chain.first().ok_or_else(|| FileFault::NoCertificate.in_file(model))?;
        let certificate = Certificate::read(leaf)
            .map_err(|fault| FileFault::Certificate { position: 1, fault }.in_file(model))?;
        let names = match names {
            [] if present.exists() => Cow::Owned(names_in(leaf)),
            names => Cow::Borrowed(names),
        };
        let (authority, ca, purposes) = match holder {
            Holder::Server => (self.intermediate()?, self.root()?, SERVER),
            Holder::Client(_) => (self.intermediate()?, self.root()?, CLIENT),
            Holder::DestinationServer(_) => (self.partners()?, self.partners()?, SERVER),
            Holder::DestinationClient(_) => (self.partners()?, self.partners()?, CLIENT),
        };
        let issued = authority.issue(&Leaf {
            common_name: holder.common_name(),
            organisation: certificate.organisation.as_deref().unwrap_or("Example Clinic"),
            organisation_identifier: certificate.organisation_identifier.as_deref(),
            names,
            purposes,
            // An hour of grace for clocks that are slow.
            validity: Window {
                not_before: now.checked_sub(SignedDuration::from_hours(1))?,
                ..window(now, 0, days)?
            },
        })?;
        let mut files = Folder::default();
        files.add_issued(Path::new(&folder), &issued, &ca.pem());
        files.replace_below(self.path())?;
        Ok(self.material(&folder))
    }

    /// Renews the revocation list, for `days` from `now`, and puts the certificates in `chains` on it.
    ///
    /// # Errors
    ///
    /// When the example's authorities, its list or a certificate cannot be read, or the list not be written.
    pub fn revoke(&self, chains: &[PathBuf], days: u32, now: Timestamp) -> Result<(), ExampleError> {
        let mut serials = self.revoked()?;
        for chain in chains {
            let serial = serial_in(chain)?;
            if !serials.contains(&serial) {
                serials.push(serial);
            }
        }
        let validity = window(now, 0, days)?;
        let lists = self.root()?.revocation_list(&[], validity)?
            + &self.intermediate()?.revocation_list(&serials, validity)?;
        let mut files = Folder::default();
        files.add_public(PathBuf::from("authority/clients.crl"), lists);
        files.replace_below(self.path())
    }

    /// What is on the list.
    fn revoked(&self) -> Result<Vec<SerialNumber>, ExampleError> {
        let mut serials = Vec::new();
        let file = self.revocation_list();
        for list in read_revocation_lists(&file)? {
            let (_, list) = CertificateRevocationList::from_der(&list)
                .map_err(|_| FileFault::NoRevocationList.in_file(&file))?;
            serials.extend(
                list.iter_revoked_certificates().map(|of| SerialNumber::from(of.raw_serial().to_vec())),
            );
        }
        Ok(serials)
    }

    fn root(&self) -> Result<Authority, ExampleError> {
        self.authority("root", ROOT, false)
    }

    fn intermediate(&self) -> Result<Authority, ExampleError> {
        self.authority("intermediate", INTERMEDIATE, true)
    }

    fn partners(&self) -> Result<Authority, ExampleError> {
        self.authority("partners", PARTNERS, false)
    }

    fn authority(&self, folder: &str, name: &str, shows_itself: bool) -> Result<Authority, ExampleError> {
        let files = self.material(&format!("authority/{folder}"));
        let text = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| ExampleError::Read { path: path.to_owned(), error })
        };
        let (pem, key) = (text(&files.chain)?, Zeroizing::new(text(&files.key)?));
        let intermediates = if shows_itself { pem.clone() } else { String::new() };
        Ok(Authority::made_earlier(name, &key, pem, intermediates)?)
    }
}

/// The DNS names and addresses in a certificate.
fn names_in(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or_else(|_| {
                <[u8; 16]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())
            })
            .ok()
        }
        _ => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}

fn serial_in(file: &Path) -> Result<SerialNumber, ExampleError> {
    let none = || FileFault::NoCertificate.in_file(file);
    let chain = read_certificates(file, FileFault::NoCertificate)?;
    let (_, certificate) = X509Certificate::from_der(chain.first().ok_or_else(none)?).map_err(|_| none())?;
    Ok(SerialNumber::from(certificate.raw_serial().to_vec()))
}
