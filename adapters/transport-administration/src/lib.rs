//! The Transport Administration: drivers' health certificates, their suspension and their cancellation.
//!
//! The agency pulls. On the route `tis` the certificate is filed in the health information system, which shows the
//! agency a slim record of it; on the route `direct` the adapter builds that record itself. The partner's rules and
//! their sources are in this folder's `README.md`.
//!
//! | to read about | see |
//! |---|---|
//! | what becomes of a document | `shape`, `fitness` |
//! | filing in TIS | `filing` |
//! | reading certificates, ours and theirs | `certificate` |
//! | the direct route | `direct` |
//! | reading certificates back | `status` |

mod certificate;
mod direct;
mod filing;
mod fitness;
mod shape;
mod status;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use clearance::adapter::{
    Adapter, Description, Direction, Documents, Means, Outcome, Parameters, Promise, PurposeDescription,
    Query, Reading, Setback,
};
use clearance::declaration::LegalBasis;
use clearance::fault::Fault;
use clearance::journey::{Cleared, Inquiry, Minimal, Outgoing};
use clearance::words::PurposeName;
use serde::Deserialize;
use x_road::tis::{FHIR_JSON, Tis, TisSettings, TisSettingsError};

pub use self::direct::DirectSettings;
pub use self::fitness::{CertificateDecision, DriverFitness, RestrictionCode};

use self::direct::Direct;

/// The purpose under which a certificate is filed.
pub const DRIVER_CERTIFICATE: &str = "driver-certificate";
/// The purpose under which a certificate is suspended.
pub const SUSPENSION: &str = "driver-certificate-suspension";
/// The purpose under which a certificate is cancelled.
pub const CANCELLATION: &str = "driver-certificate-cancellation";
/// The purpose under which a person's certificates are read back.
pub const STATUS: &str = "driver-certificate-status";

/// How the destination is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The way.
    pub route: Route,
    /// How to reach TIS. The route `tis` needs it; with the route `direct` it proves subjects named by index id.
    pub tis: Option<TisSettings>,
    /// How to reach the agency. The route `direct` needs it.
    pub direct: Option<DirectSettings>,
}

/// The ways to the agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The certificate is filed in TIS, which projects it for the agency.
    Tis,
    /// The slim record goes to the agency itself.
    Direct,
}

/// Settings that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The route needs a table that is not there.
    #[error("the route `{route}` needs the table `{route}`")]
    Missing {
        /// The route, and the table.
        route: &'static str,
    },
    /// TIS could not be called.
    #[error("the table `tis` cannot be used")]
    Tis(#[from] TisSettingsError),
}

/// The Transport Administration.
#[derive(Debug)]
pub struct TransportAdministration {
    description: Description,
    tis: Option<Arc<Tis>>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Tis(Arc<Tis>),
    Direct(Box<Direct>),
}

impl TransportAdministration {
    /// The destination, reached as `settings` say.
    ///
    /// # Errors
    /// When the route needs settings that are not there.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let tis = settings.tis.map(Tis::new).transpose()?.map(Arc::new);
        let (way, purposes) = match settings.route {
            Route::Tis => {
                let tis = tis.clone().ok_or(SettingsError::Missing { route: "tis" })?;
                (Way::Tis(tis), vec![filed(), suspended(), cancelled(), read_back()])
            }
            Route::Direct => {
                let direct = settings.direct.ok_or(SettingsError::Missing { route: "direct" })?;
                (Way::Direct(Box::new(Direct::new(direct))), vec![sent_directly()])
            }
        };
        let description = Description {
            summary: "the Transport Administration: drivers' health certificates",
            policies: include_str!("../policy.cedar"),
            never: &["clinical", "diagnosis", "finding", "note", "occupational", "suggestion"],
            purposes,
        };
        Ok(Self { description, tis, way })
    }

    /// TIS, whose index proves subjects that documents name by index id.
    pub const fn tis(&self) -> Option<&Arc<Tis>> {
        self.tis.as_ref()
    }
}

impl Adapter for TransportAdministration {
    fn description(&self) -> &Description {
        &self.description
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let payload = match (&self.way, minimal.declaration().purpose.as_str()) {
            (Way::Direct(_), _) => fitness::shape(minimal.document(), minimal.declaration()),
            (Way::Tis(_), SUSPENSION) => shape::operation(filing::Operation::Suspend, minimal.declaration()),
            (Way::Tis(_), CANCELLATION) => shape::operation(filing::Operation::Cancel, minimal.declaration()),
            (Way::Tis(_), _) => shape::certificate(minimal.document(), minimal.declaration().reason.expose()),
        }?;
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move {
            match &self.way {
                Way::Tis(tis) => filing::deliver(tis, &cleared, means).await,
                Way::Direct(direct) => direct.deliver(&cleared, means).await,
            }
        })
    }

    fn ask(&self, _: &PurposeName, parameters: Parameters<'_>) -> Result<Query, Vec<Fault>> {
        status::ask(parameters)
    }

    fn read<'a>(&'a self, inquiry: Inquiry, means: &'a Means<'a>) -> Promise<'a, Reading> {
        Box::pin(async move {
            match &self.way {
                Way::Tis(tis) => status::read(tis, &inquiry, means).await,
                // The agency's own register answers nobody, and no purpose of this route reads.
                Way::Direct(_) => Reading::Failed(Setback::new("route-does-not-read")),
            }
        })
    }
}

fn filed() -> PurposeDescription {
    PurposeDescription {
        name: DRIVER_CERTIFICATE,
        summary: "file a driver's health certificate in TIS, or change one, for the agency to rely on",
        profile: include_str!("../profiles/driver-certificate.toml"),
        ..purpose()
    }
}

fn suspended() -> PurposeDescription {
    PurposeDescription {
        name: SUSPENSION,
        summary: "suspend a driver's health certificate in TIS",
        profile: include_str!("../profiles/driver-certificate-suspension.toml"),
        ..purpose()
    }
}

fn cancelled() -> PurposeDescription {
    PurposeDescription {
        name: CANCELLATION,
        summary: "cancel a driver's health certificate in TIS",
        profile: include_str!("../profiles/driver-certificate-cancellation.toml"),
        ..purpose()
    }
}

fn read_back() -> PurposeDescription {
    PurposeDescription {
        name: STATUS,
        summary: "read from TIS how a person's driver's health certificates stand",
        direction: Direction::Reads,
        profile: include_str!("../profiles/driver-certificate-status.toml"),
        // Nothing is handed on.
        onward_recipient: None,
        ..purpose()
    }
}

fn sent_directly() -> PurposeDescription {
    PurposeDescription {
        name: DRIVER_CERTIFICATE,
        summary: "send the agency the decision of a driver's health certificate",
        profile: include_str!("../profiles/driver-fitness.toml"),
        onward_recipient: None,
        ..purpose()
    }
}

/// What all purposes have in common.
fn purpose() -> PurposeDescription {
    PurposeDescription {
        name: "",
        summary: "",
        direction: Direction::Sends,
        act_reason: "GOV",
        bases: bases(),
        documents: Documents::One,
        media_types: &[FHIR_JSON],
        profile: "",
        needs_recipient: false,
        // The Transport Administration's registry code: TIS shows it the certificate.
        onward_recipient: Some("70001490"),
    }
}

/// The legal bases of `policy.cedar`.
fn bases() -> Vec<LegalBasis> {
    let pairs = ["6(1)(c)", "6(1)(e)"]
        .into_iter()
        .flat_map(|gdpr6| ["101", "101(2)", "102", "102(4)"].map(|section| (gdpr6, section)));
    pairs
        .map(|(gdpr6, section)| LegalBasis {
            gdpr6: gdpr6.into(),
            gdpr9: "9(2)(g)".into(),
            act: "LS".into(),
            section: section.into(),
        })
        .collect()
}
