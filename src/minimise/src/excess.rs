//! What does not leave, why, and the faults that come of it where the profile says `refuse`.

use serde::Serialize;

use super::names;
use super::profile::{OnExcess, Profile};
use super::select::Selection;
use super::tape::{Id, Tape, Value};
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
pub(super) struct Excess {
    pub(super) node: Id,
    pub(super) reason: Reason,
    /// How many values go with it.
    pub(super) values: usize,
    pub(super) refused: Option<Refused>,
}

/// What a refusal says.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) rule: &'static str,
    pub(super) detail: String,
    pub(super) remedy: String,
}

impl Excess {
    /// `node` with all that is inside it; refused if the profile says so.
    pub(super) fn whole(
        tape: &Tape<'_>,
        node: Id,
        reason: Reason,
        on_excess: OnExcess,
        refused: impl FnOnce() -> Refused,
    ) -> Self {
        Self {
            node,
            reason,
            values: tape.node(node).scalars,
            refused: (on_excess == OnExcess::Refuse).then(refused),
        }
    }

    /// `node`, which no path names.
    pub(super) fn not_named(tape: &Tape<'_>, node: Id, on_excess: OnExcess) -> Self {
        Self::whole(tape, node, Reason::NotNamed, on_excess, || Refused {
            rule: "not-in-profile",
            detail: "the profile does not name this".to_owned(),
            remedy: "leave it out".to_owned(),
        })
    }
}

/// The type-level path of `node`: names and the profile's own conditions, never a value.
pub(super) fn place(tape: &Tape<'_>, profile: &Profile, selection: &Selection<'_>, node: Id) -> String {
    let mut segments = Vec::new();
    let mut conditions = conditions(tape, selection, node);
    let mut at = node;
    while at != 0 {
        let here = tape.node(at);
        if let Some(name) = &here.name {
            let known = names::is_known(name, |name| profile.knows(name));
            let name = if known { name } else { "*" };
            segments.push(format!(".{name}{conditions}"));
            conditions = String::new();
        }
        at = here.parent;
        if conditions.is_empty() {
            conditions = selection.conditions_of(at).to_owned();
        }
    }
    segments.push(profile.resource.clone());
    segments.iter().rev().map(String::as_str).collect()
}

/// What the profile says of `node`, or else its type, if FHIR has that.
fn conditions(tape: &Tape<'_>, selection: &Selection<'_>, node: Id) -> String {
    let of_profile = selection.conditions_of(node);
    if !of_profile.is_empty() {
        return of_profile.to_owned();
    }
    let own = tape.member(node, "resourceType").and_then(|own| tape.text(own));
    own.filter(|own| names::is_fhir(own)).map(|own| format!("({own})")).unwrap_or_default()
}

/// Gathers faults with their places; those beyond the limit are counted.
#[derive(Debug)]
pub(super) struct Faults<'f> {
    tape: &'f Tape<'f>,
    profile: &'f Profile,
    max: usize,
    found: Vec<(Id, Fault)>,
    more: usize,
}

impl<'f> Faults<'f> {
    pub(super) const fn new(tape: &'f Tape<'f>, profile: &'f Profile, max: usize) -> Self {
        Self { tape, profile, max, found: Vec::new(), more: 0 }
    }

    /// A fault at `node`.
    pub(super) fn add(
        &mut self,
        node: Id,
        rule: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.found.len() >= self.max {
            self.more += 1;
            return;
        }
        let pointer = self.tape.pointer(node, |name| self.profile.knows(name));
        self.found.push((node, Fault::new(rule, pointer, detail, remedy)));
    }

    /// All faults, in the order of the document.
    pub(super) fn into_list(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|(node, _)| *node);
        let mut faults: Vec<_> = self.found.into_iter().map(|(_, fault)| fault).collect();
        if self.more > 0 {
            let detail = format!("and {} more faults", self.more);
            faults.push(Fault::new("more-faults", "", detail, "mend those listed first"));
        }
        faults
    }
}

/// The text of a scalar as a guard reads it.
pub(super) fn scalar_text<'t>(tape: &'t Tape<'_>, node: Id) -> Option<&'t str> {
    match &tape.node(node).value {
        Value::String(text) => Some(text),
        Value::Number(text) => Some(text),
        Value::Object | Value::Array | Value::Boolean(_) | Value::Null => None,
    }
}
