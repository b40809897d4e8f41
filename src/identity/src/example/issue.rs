//! Who is certified in the example, by whom and for how long.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rcgen::ExtendedKeyUsagePurpose;

use super::folder::Folder;
use super::{
    Authority, BadCertificate, ExampleClient, ExampleError, ExampleNames, Issued, Leaf, registry_code, window,
};
use crate::{ClientId, Window};

pub(super) const CLIENT: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ClientAuth];
pub(super) const SERVER: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ServerAuth];

/// Nobody's: the check digits are right, the organisations do not exist.
const OTHER_CLINIC: u32 = 1_999_999;
const PARTNER: u32 = 1_999_998;

/// The names of the authorities. The foreign ones bear the same.
pub(super) const ROOT: &str = "Clearance Example Root";
pub(super) const INTERMEDIATE: &str = "Clearance Example Clients";
pub(super) const PARTNERS: &str = "Clearance Example Partners";

/// So long ago have the authorities begun, so that what has expired had been valid under them.
const AUTHORITIES_AGE_DAYS: u32 = 60;

struct Example<'a> {
    names: &'a ExampleNames,
    now: Timestamp,
    validity: Window,
    root: Authority,
    intermediate: Authority,
    partners: Authority,
    clinic: String,
    folder: Folder,
}

/// Issues everything, to be written.
pub(crate) fn all(now: Timestamp, names: &ExampleNames) -> Result<Folder, ExampleError> {
    let authorities = window(now, AUTHORITIES_AGE_DAYS, names.lifetimes.authorities_days)?;
    let root = Authority::root(ROOT, authorities)?;
    let mut example = Example {
        names,
        now,
        // An hour of grace for clocks that are slow.
        validity: Window {
            not_before: now.checked_sub(SignedDuration::from_hours(1))?,
            ..window(now, 0, names.lifetimes.certificates_days)?
        },
        intermediate: root.intermediate(INTERMEDIATE, authorities)?,
        partners: Authority::root(PARTNERS, authorities)?,
        root,
        clinic: identifier(names.clinic_code),
        folder: Folder::default(),
    };
    example.authorities();
    example.server()?;
    example.clients()?;
    example.destinations()?;
    example.bad(authorities)?;
    Ok(example.folder)
}

impl Example<'_> {
    fn authorities(&mut self) {
        let folder = Path::new("authority");
        for (name, authority) in
            [("root", &self.root), ("intermediate", &self.intermediate), ("partners", &self.partners)]
        {
            self.folder.add_authority(&folder.join(name), authority);
        }
        for (name, authority) in [("clients.crt", &self.root), ("partners.crt", &self.partners)] {
            self.folder.add_public(folder.join(name), authority.pem());
        }
    }

    fn server(&mut self) -> Result<(), ExampleError> {
        let server = self.intermediate.issue(&Leaf {
            common_name: "gateway",
            names: Cow::Borrowed(&self.names.server),
            purposes: SERVER,
            ..self.clinic_leaf()
        })?;
        self.add_clinic("server".into(), &server);
        Ok(())
    }

    fn clients(&mut self) -> Result<(), ExampleError> {
        for client in ExampleClient::ALL {
            let other = identifier(OTHER_CLINIC);
            let leaf = Leaf {
                common_name: client.name(),
                names: vec![format!("{}.clinic.example", client.name())].into(),
                ..self.clinic_leaf()
            };
            let issued = self.intermediate.issue(&match client {
                ExampleClient::OtherEhr => Leaf {
                    organisation: "Another Example Clinic",
                    organisation_identifier: Some(&other),
                    ..leaf
                },
                ExampleClient::Ehr | ExampleClient::Pacs | ExampleClient::Ops => leaf,
            })?;
            self.add_clinic(format!("clients/{}", client.name()), &issued);
        }
        Ok(())
    }

    fn destinations(&mut self) -> Result<(), ExampleError> {
        let partner = identifier(PARTNER);
        let ca_pem = self.partners.pem();
        for (name, reached_by) in &self.names.destinations {
            // What may name a client may name a folder.
            name.parse::<ClientId>()?;
            let folder = PathBuf::from(format!("destinations/{name}"));
            let server = self.partners.issue(&Leaf {
                common_name: name,
                organisation: "Example Partner",
                organisation_identifier: Some(&partner),
                names: Cow::Borrowed(reached_by),
                purposes: SERVER,
                validity: self.validity,
            })?;
            let client = self.partners.issue(&self.clinic_leaf())?;
            self.folder.add_issued(&folder.join("server"), &server, &ca_pem);
            self.folder.add_issued(&folder.join("client"), &client, &ca_pem);
        }
        Ok(())
    }

    fn bad(&mut self, authorities: Window) -> Result<(), ExampleError> {
        let foreign = Authority::root(ROOT, authorities)?.intermediate(INTERMEDIATE, authorities)?;
        for bad in BadCertificate::ALL {
            let leaf = self.clinic_leaf();
            let issued = match bad {
                BadCertificate::Expired => {
                    let validity =
                        Window { not_after: window(self.now, 1, 0)?.not_before, ..window(self.now, 30, 0)? };
                    self.intermediate.issue(&Leaf { validity, ..leaf })?
                }
                BadCertificate::Revoked => {
                    let revoked = self.intermediate.issue(&leaf)?;
                    self.revocation_list(&revoked)?;
                    revoked
                }
                BadCertificate::WrongPurpose => {
                    let purposes = SERVER;
                    self.intermediate.issue(&Leaf { purposes, ..leaf })?
                }
                BadCertificate::ForeignAuthority => foreign.issue(&leaf)?,
                BadCertificate::SelfSigned => leaf.self_signed()?,
            };
            self.add_clinic(format!("bad/{}", bad.name()), &issued);
        }
        Ok(())
    }

    fn revocation_list(&mut self, revoked: &Issued) -> Result<(), ExampleError> {
        let validity = window(self.now, 0, self.names.lifetimes.revocation_lists_days)?;
        let lists = self.root.revocation_list(&[], validity)?
            + &self.intermediate.revocation_list(std::slice::from_ref(&revoked.serial), validity)?;
        self.folder.add_public("authority/clients.crl".into(), lists);
        Ok(())
    }

    fn add_clinic(&mut self, folder: String, issued: &Issued) {
        let ca_pem = self.root.pem();
        self.folder.add_issued(&PathBuf::from(folder), issued, &ca_pem);
    }

    fn clinic_leaf(&self) -> Leaf<'_> {
        Leaf {
            common_name: "gateway",
            organisation: "Example Clinic",
            organisation_identifier: Some(&self.clinic),
            names: Cow::Owned(vec!["gateway.clinic.example".to_owned()]),
            purposes: CLIENT,
            validity: self.validity,
        }
    }
}

fn identifier(first_seven: u32) -> String {
    format!("NTREE-{}", registry_code(first_seven))
}
