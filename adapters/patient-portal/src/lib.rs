//! The patient portal: medical documents filed in the health information system (TIS), where the patient reads them.
//!
//! CDA documents travel in an HL7 v3 message through the SOAP service `hl7`. The partner's rules and their sources are in
//! this folder's `README.md`; what an integrator posts and gets back is in `docs/transfers.md`.
//!
//! | to read about | see |
//! |---|---|
//! | the kinds of documents, their purposes and profiles | `kinds` |
//! | the header of a document | `cda` |
//! | what is checked beside the profile | `shape` |
//! | the message around a document, and its acknowledgement | `message`, `acknowledgement` |
//! | the SOAP service | `hl7` |

mod acknowledgement;
mod cda;
mod hl7;
mod kinds;
mod message;
mod shape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod xml;

use clearance::adapter::{Adapter, Description, Means, Outcome, Promise};
use clearance::fault::Fault;
use clearance::journey::{Cleared, Minimal, Outgoing};
use serde::Deserialize;

pub use self::hl7::{Hl7Settings, Hl7SettingsError, Processing};
pub use self::message::Device;

use self::hl7::Hl7;
use self::kinds::NULLIFICATION;

/// How TIS is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The service for CDA documents.
    pub hl7: Hl7Settings,
}

/// The patient portal.
#[derive(Debug)]
pub struct PatientPortal {
    description: Description,
    hl7: Hl7,
}

impl PatientPortal {
    /// The destination, reached as `settings` say.
    ///
    /// # Errors
    /// When TIS could not be called with these settings.
    pub fn new(settings: Settings) -> Result<Self, Hl7SettingsError> {
        let description = Description {
            summary: "the patient portal: medical documents filed in the health information system (TIS)",
            policies: include_str!("../policy.cedar"),
            never: &["contact", "finance", "internal", "next-of-kin"],
            purposes: kinds::purposes(),
        };
        Ok(Self { description, hl7: Hl7::new(settings.hl7)? })
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
        let nullified = minimal.declaration().purpose.as_str() == NULLIFICATION;
        let payload = shape::document(minimal.document(), self.hl7.clinic(), nullified)?;
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move { self.hl7.deliver(&cleared, means).await })
    }
}
