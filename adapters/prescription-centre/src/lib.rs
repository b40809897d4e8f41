//! The prescription centre: prescriptions issued, changed, cancelled and read back, as FHIR R5 `MedicationRequest`.
//!
//! The number that the centre gives a prescription is the acknowledgement's reference; a change or a cancellation names it as
//! evidence. The partner's rules and their sources are in this folder's `README.md`.
//!
//! | to read about | see |
//! |---|---|
//! | what becomes of a document | `shape` |
//! | one attempt, and how a doubt is settled | `delivery` |
//! | reading prescriptions, ours and theirs | `prescription` |
//! | a patient's prescriptions, read back | `reading` |

mod centre;
mod delivery;
mod prescription;
mod reading;
mod shape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use clearance::adapter::{
    Adapter, Description, Direction, Documents, Means, Outcome, Parameters, Promise, PurposeDescription,
    Query, Reading,
};
use clearance::declaration::LegalBasis;
use clearance::fault::Fault;
use clearance::journey::{Cleared, Inquiry, Minimal, Outgoing};
use clearance::words::PurposeName;
use serde::Deserialize;
use x_road::address::LocalService;
use x_road::tis::{FHIR_JSON, Tis, TisSettings, TisSettingsError};

use self::centre::Centre;

/// The purpose under which a prescription is issued.
pub const PRESCRIPTION: &str = "prescription";
/// The purpose under which a prescription is changed.
pub const CHANGE: &str = "prescription-change";
/// The purpose under which a prescription is cancelled.
pub const CANCELLATION: &str = "prescription-cancellation";

/// The purpose under which a patient's prescriptions are read back.
pub const PRESCRIPTIONS: &str = "prescriptions";

/// How the centre is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How to reach TIS, whose tokens and patient index the centre's service goes by.
    pub tis: TisSettings,
    /// The service; `GOV/70009770/uptis/fis-service` when absent.
    pub service: Option<LocalService>,
}

/// The prescription centre.
#[derive(Debug)]
pub struct PrescriptionCentre {
    description: Description,
    centre: Centre,
}

impl PrescriptionCentre {
    /// The destination, reached as `settings` say.
    ///
    /// # Errors
    /// When TIS could not be called with these settings.
    pub fn new(settings: Settings) -> Result<Self, TisSettingsError> {
        let service = settings
            .service
            .unwrap_or_else(|| LocalService::published(["GOV", "70009770", "uptis", "fis-service"]));
        let service = service.within(&settings.tis.instance);
        let centre = Centre { tis: Arc::new(Tis::new(settings.tis)?), service };
        let description = Description {
            summary: "the prescription centre: prescriptions issued, changed, cancelled and read back",
            policies: include_str!("../policy.cedar"),
            never: &["allergy", "finding", "history", "insurance", "laboratory", "payer"],
            purposes: purposes(),
        };
        Ok(Self { description, centre })
    }

    /// TIS, whose index proves subjects that documents name by index id.
    pub const fn tis(&self) -> &Arc<Tis> {
        &self.centre.tis
    }
}

impl Adapter for PrescriptionCentre {
    fn description(&self) -> &Description {
        &self.description
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let payload = shape::prescription(minimal.document(), minimal.declaration())?;
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move { delivery::deliver(&self.centre, &cleared, means).await })
    }

    fn ask(&self, _: &PurposeName, parameters: Parameters<'_>) -> Result<Query, Vec<Fault>> {
        reading::ask(parameters)
    }

    fn read<'a>(&'a self, inquiry: Inquiry, means: &'a Means<'a>) -> Promise<'a, Reading> {
        Box::pin(async move { reading::read(&self.centre, &inquiry, means).await })
    }
}

fn purposes() -> Vec<PurposeDescription> {
    let purpose = |name, summary| PurposeDescription {
        name,
        summary,
        direction: Direction::Sends,
        act_reason: "TREAT",
        bases: bases(),
        documents: Documents::One,
        media_types: &[FHIR_JSON],
        profile: include_str!("../profiles/prescription.toml"),
        needs_recipient: false,
        onward_recipient: None,
    };
    vec![
        purpose(PRESCRIPTION, "issue a prescription; the centre's number is the acknowledgement's reference"),
        purpose(CHANGE, "change a prescription that the evidence names by the centre's number"),
        purpose(CANCELLATION, "cancel a prescription that the evidence names by the centre's number"),
        PurposeDescription {
            direction: Direction::Reads,
            profile: include_str!("../profiles/prescriptions-read.toml"),
            ..purpose(
                PRESCRIPTIONS,
                "read a patient's prescriptions back, of one status or some days if so asked",
            )
        },
    ]
}

/// The legal bases of `policy.cedar`.
fn bases() -> Vec<LegalBasis> {
    let basis = |section: &str| LegalBasis {
        gdpr6: "6(1)(c)".into(),
        gdpr9: "9(2)(h)".into(),
        act: "RavS".into(),
        section: section.into(),
    };
    ["33", "33(7)", "81"].map(basis).into()
}
