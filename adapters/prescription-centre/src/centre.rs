//! The centre's FHIR service, called on a professional's behalf: what is asked, and what came back as far as HTTP says.

use std::sync::Arc;

use clearance::adapter::{DestinationRefusal, Means, Outcome, Reply, Setback};
use http::{HeaderMap, Method, StatusCode};
use x_road::address::ServiceId;
use x_road::request::Resource;
use x_road::tis::outcome::{Objection, objection};
use x_road::tis::{Errand, FhirRequest, Tis};
use x_road::trouble::{Trouble, retry_after};

/// The centre, as one clinic calls it.
#[derive(Debug)]
pub(crate) struct Centre {
    /// Gives the tokens, and knows the patients.
    pub(crate) tis: Arc<Tis>,
    /// The FHIR service.
    pub(crate) service: ServiceId,
}

/// The prescriptions.
pub(crate) fn prescriptions() -> Resource {
    Resource::root().at("fhir").at("MedicationRequest")
}

impl Centre {
    /// Makes the one call.
    pub(crate) async fn call(
        &self,
        errand: Errand<'_>,
        request: FhirRequest,
        headers: &HeaderMap,
        means: &Means<'_>,
    ) -> Result<Reply, Trouble> {
        self.tis.fhir_at(&self.service, errand, request, headers, means).await
    }

    /// The answer to a question, if it is one: a success that objects to nothing.
    pub(crate) async fn ask(
        &self,
        errand: Errand<'_>,
        resource: Resource,
        means: &Means<'_>,
    ) -> Result<Reply, Outcome> {
        let request = FhirRequest { method: Method::GET, resource, body: None };
        let reply = self.call(errand, request, &HeaderMap::new(), means).await;
        let reply = reply.map_err(Trouble::before_the_document)?;
        match (reply.status, objection(&reply.body)) {
            (StatusCode::OK, None) => Ok(reply),
            (StatusCode::FORBIDDEN, _) => Err(refused("tis-professional-not-entitled")),
            (StatusCode::BAD_REQUEST | StatusCode::OK, Some(Objection::Refusal(refusal))) => {
                Err(Outcome::Refused(refusal))
            }
            (status, _) => Err(Outcome::Failed(Setback {
                code: format!("http-{}", status.as_u16()),
                retry_after: retry_after(&reply.headers, means.clock.now()),
            })),
        }
    }
}

/// A no that the centre has not worded itself.
pub(crate) fn refused(code: &str) -> Outcome {
    Outcome::Refused(DestinationRefusal { code: code.to_owned(), faults: Vec::new() })
}
