//! The employer: the decision of an occupational health check and nothing else, signed, over HTTPS with mutual TLS.
//!
//! It does not filter the doctor's document: it builds a new one from a [`HealthCheckDecision`], a type that has no field
//! for a diagnosis, a note or a reason. What may stand in it, and by which law, is in this folder's `README.md`.

mod decision;
mod deliver;
mod document;
mod reading;
mod rendering;
mod signature;
mod suggestion;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use clearance::adapter::{
    Adapter, Description, Direction, Documents, Means, Outcome, Promise, PurposeDescription,
};
use clearance::declaration::LegalBasis;
use clearance::fault::Fault;
use clearance::journey::{Cleared, Minimal, Outgoing, Payload};
use clearance::person::{ESTONIAN_REGISTRY_CODE, Identifier};
use serde::Deserialize;

pub use self::decision::{
    Code, Condition, Doctor, EmployerName, FhirDate, HealthCheckDecision, Job, Limit, NotACode, Period,
    PersonName, RegistryCode, Restriction, Status, Verdict, Worker,
};
pub use self::suggestion::ReleasedSuggestion;

/// The one purpose.
pub const HEALTH_CHECK_DECISION: &str = "health-check-decision";
/// The media type of FHIR in JSON.
pub(crate) const FHIR_JSON: &str = "application/fhir+json";

/// Where employers take decisions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The endpoints, by the employer's registry code.
    pub endpoints: BTreeMap<RegistryCode, Endpoint>,
}

/// Where one employer takes decisions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The employer's name in the configuration of peers.
    pub peer: String,
    /// The address that decisions are posted to.
    pub url: String,
}

/// Employers, as a destination.
#[derive(Debug)]
pub struct Employer {
    description: Description,
    endpoints: BTreeMap<RegistryCode, Endpoint>,
}

impl Employer {
    /// The employers that `settings` know.
    pub fn new(settings: Settings) -> Self {
        let description = Description {
            summary: "employers: the decision of an occupational health check",
            policies: include_str!("../policy.cedar"),
            never: &["clinical", "diagnosis", "finding", "medication", "note", "questionnaire"],
            purposes: vec![purpose()],
        };
        Self { description, endpoints: settings.endpoints }
    }

    /// Where the employer `recipient` takes decisions.
    fn endpoint(&self, recipient: &Identifier) -> Option<&Endpoint> {
        let is_registered = recipient.system == ESTONIAN_REGISTRY_CODE;
        let code = recipient.value.expose().parse().ok().filter(|_| is_registered)?;
        self.endpoints.get(&code)
    }
}

impl Adapter for Employer {
    fn description(&self) -> &Description {
        &self.description
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let decision = HealthCheckDecision::read(minimal.document(), minimal.declaration())?;
        if minimal.recipient().and_then(|recipient| self.endpoint(recipient)).is_none() {
            return Err(vec![Fault::new(
                "employer-not-reachable",
                "/recipient",
                "no endpoint is configured for this employer",
                "have the administrator add the employer's endpoint, or hand the decision over another way",
            )]);
        }
        let payload = Payload {
            operation: HEALTH_CHECK_DECISION.to_owned(),
            media_type: FHIR_JSON.to_owned(),
            bytes: Bytes::from(decision.to_fhir()),
        };
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move {
            let endpoint = cleared.recipient().and_then(|recipient| self.endpoint(recipient));
            deliver::deliver(endpoint, &cleared, means).await
        })
    }
}

fn purpose() -> PurposeDescription {
    PurposeDescription {
        name: HEALTH_CHECK_DECISION,
        summary: "tell the employer whether a worker is fit for the job, and under which conditions",
        direction: Direction::Sends,
        act_reason: "HLEGAL",
        bases: bases(),
        documents: Documents::One,
        media_types: &[FHIR_JSON],
        profile: include_str!("../profiles/health-check-decision.toml"),
        needs_recipient: true,
        onward_recipient: None,
    }
}

/// The legal bases of `policy.cedar`.
fn bases() -> Vec<LegalBasis> {
    let pairs = ["9(2)(b)", "9(2)(h)"]
        .into_iter()
        .flat_map(|gdpr9| ["13¹", "13¹(14)"].map(|section| (gdpr9, section)));
    pairs
        .map(|(gdpr9, section)| LegalBasis {
            gdpr6: "6(1)(c)".into(),
            gdpr9: gdpr9.into(),
            act: "TTOS".into(),
            section: section.into(),
        })
        .collect()
}
