//! What the API answers with. The OpenAPI document is made from these types.

use clearance::fault::Fault;
use clearance::journey::{Outgoing, Part, SubjectProof, TransferView};
use clearance::minimise::Manifest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openapi::TransferState;
use super::problem::FaultDocument;

/// The gateway's decision about a submission: permitted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Decision {
    /// Always `permitted`; a no is a problem document.
    pub(crate) decision: String,
    /// The rules that permit it.
    pub(crate) rules: Vec<String>,
    /// The version of the policies that were asked.
    pub(crate) policy: String,
    /// `proven` by identifier, or `unproven`: the document names its subject by index id only or not at all, which is
    /// proved before the first delivery.
    pub(crate) subject: String,
    /// What was kept and dropped; never a value.
    #[schema(value_type = Object)]
    pub(crate) manifest: serde_json::Value,
    /// What is odd and was let through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<FaultDocument>)]
    pub(crate) warnings: Vec<serde_json::Value>,
}

impl Decision {
    pub(crate) fn of(outgoing: &Outgoing) -> Self {
        Self {
            decision: "permitted".to_owned(),
            rules: outgoing.permit().rules().to_vec(),
            policy: outgoing.permit().policy_version().to_owned(),
            subject: match outgoing.subject() {
                SubjectProof::ByIdentifier => "proven",
                SubjectProof::ByIndex(_) | SubjectProof::AtDestination => "unproven",
            }
            .to_owned(),
            manifest: manifest(outgoing.manifest()),
            warnings: outgoing.declaration().warnings.iter().map(shown).collect(),
        }
    }
}

fn manifest(manifest: &Manifest) -> serde_json::Value {
    serde_json::from_slice(&manifest.to_bytes()).unwrap_or_default()
}

fn shown(fault: &Fault) -> serde_json::Value {
    serde_json::to_value(FaultDocument::of(fault)).unwrap_or_default()
}

/// The answer to an accepted transfer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Accepted {
    /// The transfer's id; `Location` has its address.
    #[schema(format = "uuid")]
    pub(crate) transfer: String,
    /// Its state.
    #[schema(value_type = TransferState)]
    pub(crate) state: String,
    #[serde(flatten)]
    pub(crate) decision: Decision,
}

/// The answer to a check: what a transfer of the same request would do now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checked {
    #[serde(flatten)]
    pub(crate) decision: Decision,
    /// What would leave, when it was asked for with `?document=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outgoing: Option<OutgoingDocument>,
}

/// What would leave, before framing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutgoingDocument {
    /// Its media type.
    pub(crate) media_type: String,
    /// The document, as text.
    pub(crate) document: String,
    /// The documents that stream through, which are not shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<OutgoingPart>,
}

/// What would leave of a document that streams through.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutgoingPart {
    /// Its media type.
    pub(crate) media_type: String,
    /// How many bytes would leave.
    pub(crate) bytes: u64,
    /// Their SHA-256, in hex.
    pub(crate) sha256: String,
}

impl OutgoingPart {
    pub(crate) fn of(part: &Part) -> Self {
        let media_type = part.media_type().to_owned();
        Self { media_type, bytes: part.length(), sha256: hex::encode(part.sha256()) }
    }
}

/// The answer to a transfer whose delivery was waited for: what was decided, and where it stands then.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Settled {
    #[serde(flatten)]
    pub(crate) decision: Decision,
    #[serde(flatten)]
    pub(crate) transfer: Transfer,
}

/// A transfer as its client sees it.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Transfer {
    /// The transfer's id.
    #[schema(format = "uuid")]
    pub(crate) transfer: String,
    /// Its state.
    #[schema(value_type = TransferState)]
    pub(crate) state: String,
    /// Whether nothing follows.
    pub(crate) r#final: bool,
    /// Where it goes.
    pub(crate) destination: String,
    /// For which purpose.
    pub(crate) purpose: String,
    /// When it was accepted (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) accepted_at: String,
    /// Since when it is in its state (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) state_since: String,
    /// The attempts begun so far.
    pub(crate) attempts: u32,
    /// When the next attempt is due (RFC 3339).
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_attempt_at: Option<String>,
    /// After this it is not delivered any more (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) not_after: String,
    /// Why the last attempt did not deliver it: a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// What the destination says is wrong with it, item by item; never its own text.
    #[schema(value_type = Vec<FaultDocument>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<serde_json::Value>,
    /// What the destination calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acknowledgement: Option<String>,
    /// The index of its disclosure in the ledger.
    pub(crate) ledger_index: u64,
}

impl Transfer {
    pub(crate) fn of(view: &TransferView) -> Self {
        Self {
            transfer: view.transfer.to_string(),
            state: view.state.code().to_owned(),
            r#final: view.state.is_final(),
            destination: view.destination.to_string(),
            purpose: view.purpose.to_string(),
            accepted_at: view.accepted_at.to_string(),
            state_since: view.state_since.to_string(),
            attempts: view.attempts,
            next_attempt_at: view.next_attempt_at.map(|at| at.to_string()),
            not_after: view.not_after.to_string(),
            code: view.code.clone(),
            errors: view.faults.iter().map(shown).collect(),
            acknowledgement: view.reference.clone(),
            ledger_index: view.index,
        }
    }
}
