//! What a problem looks like on the wire.

use clearance::fault::Fault;
use serde::Serialize;
use utoipa::ToSchema;

/// An RFC 9457 problem document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// A stable address of the problem's type; it opens a page.
    pub(super) r#type: String,
    /// The type's title.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// What happened this time.
    pub(super) detail: String,
    /// The request, as logs and traces name it.
    pub(super) instance: String,
    /// The rule that decided.
    pub(super) rule: String,
    /// Whether the same request may succeed later.
    pub(super) retryable: bool,
    /// Every fault of the stage that refused, each with its place and remedy; never empty.
    pub(super) errors: Vec<FaultDocument>,
}

/// One fault.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultDocument {
    /// The rule that was broken.
    rule: String,
    /// Where: a JSON Pointer into the declaration, or the path in the document.
    pointer: String,
    /// What is wrong.
    detail: String,
    /// What would change the answer.
    remedy: String,
}

impl FaultDocument {
    pub(crate) fn of(fault: &Fault) -> Self {
        Self {
            rule: fault.rule.to_string(),
            pointer: fault.pointer.clone(),
            detail: fault.detail.clone(),
            remedy: fault.remedy.clone(),
        }
    }
}
