//! What does not leave, why, and the faults that come of it where the profile says `refuse`.

use serde::Serialize;

use super::manifest::Place;
use crate::fault::Fault;

/// Why something does not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No path of the profile names it.
    NotNamed,
    /// A `[[drop]]` names it.
    NamedDrop,
    /// It breaks the conditions of the path that names it.
    Value,
    /// It is named only for declarations with other evidence.
    NeedsEvidence,
    /// A contained resource that nothing refers to.
    Unreferenced,
    /// A reference to a contained resource that does not leave.
    Dangling,
    /// What names an element of which nothing else leaves.
    EmptyElement,
}

/// One thing that does not leave.
#[derive(Debug)]
pub(crate) struct Excess {
    pub(crate) place: Place,
    pub(crate) reason: Reason,
    /// How many values go with it.
    pub(crate) values: usize,
    /// Where it begins in the document, in bytes.
    pub(crate) offset: u64,
    pub(crate) refused: Option<Refused>,
}

/// What a refusal says.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) rule: &'static str,
    pub(crate) detail: String,
    pub(crate) remedy: String,
}

/// Gathers faults with their places; those beyond the limit are counted.
#[derive(Debug)]
pub(crate) struct Faults {
    max: usize,
    found: Vec<(u64, Fault)>,
    more: usize,
}

impl Faults {
    pub(crate) const fn new(max: usize) -> Self {
        Self { max, found: Vec::new(), more: 0 }
    }

    /// A fault at `offset`, which is at `pointer`.
    pub(crate) fn add(
        &mut self,
        offset: u64,
        pointer: impl FnOnce() -> String,
        rule: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.found.len() >= self.max {
            self.more += 1;
            return;
        }
        self.found.push((offset, Fault::new(rule, pointer(), detail, remedy)));
    }

    /// Faults that were found before it was known whether they count.
    pub(crate) fn extend(&mut self, faults: impl IntoIterator<Item = (u64, Fault)>) {
        for fault in faults {
            if self.found.len() >= self.max {
                self.more += 1;
            } else {
                self.found.push(fault);
            }
        }
    }

    /// All faults, in the order of the document.
    pub(crate) fn into_list(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|(offset, _)| *offset);
        let mut faults: Vec<_> = self.found.into_iter().map(|(_, fault)| fault).collect();
        if self.more > 0 {
            let detail = format!("and {} more faults", self.more);
            faults.push(Fault::new("more-faults", "", detail, "mend those listed first"));
        }
        faults
    }
}
