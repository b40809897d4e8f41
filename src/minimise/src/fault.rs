//! One thing that is wrong with what a client sent: where, by which rule, and what would mend it.
//!
//! A fault never carries a value from a document, and nothing that could be one: places are written with the
//! names of a format or of a profile, everything else prints as `*`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One fault. Faults of one stage are reported together, never only the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// The rule that was broken, in kebab case; stable, listed on the problem pages.
    pub rule: Cow<'static, str>,
    /// Where: a JSON Pointer, an XPath or a DICOM tag path; empty for the whole.
    pub pointer: String,
    /// What is wrong, as a sentence without a full stop.
    pub detail: String,
    /// What would change the answer.
    pub remedy: String,
}

impl Fault {
    /// A fault of `rule` at `pointer`.
    pub fn new(
        rule: impl Into<Cow<'static, str>>,
        pointer: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { rule: rule.into(), pointer: pointer.into(), detail: detail.into(), remedy: remedy.into() }
    }
}
