//! `GET /v1/destinations`: what this client may send where.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use clearance::adapter::Documents;
use clearance::declaration::LegalBasis;
use clearance::destination::Purpose;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::json;
use super::request::Caller;
use crate::config::Limits;
use crate::gateway::Gateway;

/// The destinations this client may send to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Destinations {
    destinations: Vec<DestinationEntry>,
    limits: DocumentLimits,
}

/// One destination.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DestinationEntry {
    /// The name to declare.
    name: String,
    /// What it is.
    summary: String,
    /// What may be sent there.
    purposes: Vec<PurposeEntry>,
}

/// One purpose.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PurposeEntry {
    /// The name to declare.
    name: String,
    /// What it is.
    summary: String,
    /// `sends`: by `POST /v1/transfers`; `reads`: by `POST /v1/requests`.
    direction: String,
    /// The HL7 v3 ActReason code.
    act_reason: String,
    /// The legal bases its rules accept.
    #[schema(value_type = Vec<Object>)]
    legal_bases: Vec<LegalBasis>,
    /// The media types of a document; of the answer's documents, where it reads.
    media_types: Vec<String>,
    /// How many documents one transfer may carry.
    documents_max: usize,
    /// How many bytes they may have, all together.
    documents_bytes_max: u64,
    /// The profile that says what may stay of what is sent, or of what is read back.
    profile: String,
    /// The profile's version.
    profile_version: String,
    /// Whether the declaration must name a recipient.
    needs_recipient: bool,
    /// To whom the destination hands it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    onward_recipient: Option<String>,
}

/// Limits of a submission and of an answer, in bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentLimits {
    declaration_bytes_max: usize,
    json_body_bytes_max: usize,
    document_bytes_max: usize,
    answer_bytes_max: usize,
}

/// Lists them.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let rules = gateway.rules.load();
    let config = gateway.config.load();
    let limits = &config.limits;
    let entitled = rules.destinations().filter(|of| caller.client.destinations.contains(of.name()));
    let destinations = entitled
        .map(|destination| DestinationEntry {
            name: destination.name().to_string(),
            summary: destination.description().summary.to_owned(),
            purposes: destination
                .purposes()
                .values()
                .map(|purpose| PurposeEntry {
                    name: purpose.description.name.to_owned(),
                    summary: purpose.description.summary.to_owned(),
                    direction: purpose.description.direction.code().to_owned(),
                    act_reason: purpose.description.act_reason.to_owned(),
                    legal_bases: purpose.description.bases.clone(),
                    media_types: purpose.description.media_types.iter().map(|of| (*of).to_owned()).collect(),
                    documents_max: documents(purpose, limits).0,
                    documents_bytes_max: documents(purpose, limits).1,
                    profile: purpose.profile.name().to_owned(),
                    profile_version: purpose.profile.version().to_owned(),
                    needs_recipient: purpose.description.needs_recipient,
                    onward_recipient: purpose.description.onward_recipient.map(str::to_owned),
                })
                .collect(),
        })
        .collect();
    let limits = DocumentLimits {
        declaration_bytes_max: limits.declaration_bytes_max,
        json_body_bytes_max: limits.json_body_bytes_max,
        document_bytes_max: limits.document_bytes_max,
        answer_bytes_max: config.requests.answer_bytes_max,
    };
    json(StatusCode::OK, &Destinations { destinations, limits })
}

/// How many documents a purpose takes, and how many bytes, within the operator's limits.
fn documents(purpose: &Purpose, limits: &Limits) -> (usize, u64) {
    match purpose.description.documents {
        Documents::One => (1, limits.document_bytes_max as u64),
        Documents::Streamed { max, bytes_max } => (max, bytes_max.min(limits.upload_bytes_max)),
    }
}
