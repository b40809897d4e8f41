//! The patient portal: medical documents filed in the health information system (TIS), where the patient reads them.
//!
//! CDA documents travel in an HL7 v3 message through the SOAP service `hl7`, health certificates by the FHIR service. The partner's rules and their sources are in
//! this folder's `README.md`; what an integrator posts and gets back is in `docs/transfers.md`.
//!
//! | to read about | see |
//! |---|---|
//! | the kinds of documents, their purposes and profiles | `kinds` |
//! | the header of a document | `cda` |
//! | what is checked beside the profile | `shape` |
//! | the message around a document, and its acknowledgement | `message`, `acknowledgement` |
//! | the SOAP service | `hl7` |
//! | health certificates | `fhir` |

mod acknowledgement;
mod cda;
mod fhir;
mod hl7;
mod kinds;
mod message;
mod shape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod xml;

use std::sync::Arc;

use clearance::adapter::{Adapter, Description, Means, Outcome, Promise};
use clearance::fault::Fault;
use clearance::journey::{Cleared, Minimal, Outgoing};
use serde::Deserialize;
use x_road::tis::{FHIR_JSON, Tis, TisSettings, TisSettingsError};

pub use self::hl7::{Hl7Settings, Hl7SettingsError, Processing};
pub use self::message::Device;

use self::hl7::Hl7;
use self::kinds::{CERTIFICATE, CERTIFICATE_CANCELLATION, NULLIFICATION};

/// How TIS is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The service for CDA documents.
    pub hl7: Hl7Settings,
    /// How to reach the FHIR service of TIS; without it, health certificates are not carried.
    pub tis: Option<TisSettings>,
}

/// Settings with which TIS cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not the service for CDA documents.
    #[error("the table `hl7` cannot be used: {0}")]
    Hl7(Hl7SettingsError),
    /// Not the FHIR service.
    #[error("the table `tis` cannot be used: {0}")]
    Tis(TisSettingsError),
}

/// The patient portal.
#[derive(Debug)]
pub struct PatientPortal {
    description: Description,
    hl7: Hl7,
    tis: Option<Arc<Tis>>,
}

impl PatientPortal {
    /// The destination, reached as `settings` say.
    ///
    /// # Errors
    /// When TIS could not be called with these settings.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let tis = settings.tis.map(Tis::new).transpose().map_err(SettingsError::Tis)?.map(Arc::new);
        let mut purposes = kinds::purposes();
        if tis.is_some() {
            purposes.extend(kinds::certificate_purposes());
        }
        let description = Description {
            summary: "the patient portal: medical documents filed in the health information system (TIS)",
            policies: include_str!("../policy.cedar"),
            never: &["contact", "finance", "internal", "next-of-kin"],
            purposes,
        };
        Ok(Self { description, hl7: Hl7::new(settings.hl7).map_err(SettingsError::Hl7)?, tis })
    }

    /// TIS, whose index proves subjects that documents name by index id.
    pub const fn tis(&self) -> Option<&Arc<Tis>> {
        self.tis.as_ref()
    }
}

impl Adapter for PatientPortal {
    fn description(&self) -> &Description {
        &self.description
    }

    fn misfit(&self, purpose: &str, document: &[u8]) -> Option<Fault> {
        kinds::misfit(purpose, document)
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let payload = match minimal.declaration().purpose.as_str() {
            CERTIFICATE => fhir::certificate(minimal.document()),
            CERTIFICATE_CANCELLATION => fhir::cancellation(minimal.declaration()),
            purpose => shape::document(minimal.document(), self.hl7.clinic(), purpose == NULLIFICATION),
        }?;
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move {
            match &self.tis {
                Some(tis) if cleared.payload().media_type == FHIR_JSON => {
                    fhir::deliver(tis, &cleared, means).await
                }
                _ => self.hl7.deliver(&cleared, means).await,
            }
        })
    }
}
