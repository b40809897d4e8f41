//! A no on the way in: at which stage, by which rule, with every fault of that stage.

use crate::basis::Denial;
use crate::fault::Fault;

/// A no, and what would change it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused at stage `{}` by rule `{rule}`", stage.code())]
pub struct Refusal {
    /// Where on the journey.
    pub stage: Stage,
    /// The rule that decided.
    pub rule: String,
    /// Why, in a sentence.
    pub detail: String,
    /// Every fault of the stage.
    pub faults: Vec<Fault>,
}

/// The stages at which a submission can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The declaration is not well-formed.
    Declaration,
    /// The destination or purpose does not exist, or wants something that was not declared.
    Destination,
    /// No rule permits it, or a rule forbids it.
    Basis,
    /// The parameters of a question are not those of its purpose.
    Query,
    /// The document's media type is not one of the purpose's.
    MediaType,
    /// The document is malformed, about another person, or holds what its profile refuses.
    Document,
    /// The destination could not use what would be left of the document.
    Shape,
}

impl Stage {
    /// The code used in the ledger and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Declaration => "declaration",
            Self::Destination => "destination",
            Self::Basis => "basis",
            Self::Query => "query",
            Self::MediaType => "media-type",
            Self::Document => "document",
            Self::Shape => "shape",
        }
    }
}

impl Refusal {
    /// A refusal for `faults`; one's rule stands for all: the first that is more than something missing, because what
    /// is missing is often only what something wrong has left behind.
    pub fn for_faults(stage: Stage, detail: impl Into<String>, faults: Vec<Fault>) -> Self {
        let wrong = faults.iter().find(|fault| fault.rule != "required-missing").or(faults.first());
        Self {
            stage,
            rule: wrong.map(|fault| fault.rule.to_string()).unwrap_or_default(),
            detail: detail.into(),
            faults,
        }
    }

    pub(crate) fn denied(denial: Denial) -> Self {
        Self { stage: Stage::Basis, rule: denial.rule, detail: denial.reason, faults: denial.faults }
    }

    /// The same, showing first what in the document speaks against it.
    pub(crate) fn showing(self, places: Vec<Fault>) -> Self {
        Self { faults: [places, self.faults].concat(), ..self }
    }
}
