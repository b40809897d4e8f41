//! What holds of every document that leaves, whatever its profile says: no value names another person, acts, or is a hidden
//! attachment. Whom the document is about is proved by each format's own reader; [`SubjectProof`] says how.

mod markup;
mod persons;
mod survey;

use super::value::{Kind, index_id};
use super::walk::Bound;
use crate::fault::Fault;
use crate::person::Private;
use survey::Survey;

/// How a document names its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectProof {
    /// By the declared identifier: proved.
    ByIdentifier,
    /// By `Patient/<id>` of the patient index: to be compared with the index's answer for the declared subject before
    /// anything is delivered. Also when the identifier is there as well, as long as the reference leaves: the
    /// recipient would follow it.
    ByIndex(Private),
    /// Not at all, as its profile allows (`paths = []`): it acts on something whose subject the destination knows, and
    /// the adapter has to compare that before it acts.
    AtDestination,
}

/// What is to be said of a value, should it leave.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Whom it refers to.
    pub(crate) index_id: Option<String>,
    /// What is wrong with it, and where it stands.
    pub(crate) faults: Vec<(u64, Fault)>,
}

/// A value that would leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving<'v> {
    pub(crate) text: &'v str,
    pub(crate) kind: Kind,
    /// Whether the profile spells it out: then it tells nothing about a person.
    pub(crate) is_spelled: bool,
    /// Whether its element is a reference.
    pub(crate) is_reference: bool,
}

pub(crate) const REFER: &str = "refer to the subject as `Patient/<id>`, or to a contained Patient";

/// Looks at a value that would leave; most are plain, and nothing is to be said of them.
#[inline]
pub(crate) fn look(
    leaving: &Leaving<'_>,
    bound: &Bound<'_>,
    offset: u64,
    pointer: impl FnOnce() -> String,
) -> Option<Findings> {
    let survey = Survey::of(leaving.text);
    let is_plain = survey.is_plain() && !leaving.is_reference && !leaving.text.starts_with("Patient/");
    if is_plain { None } else { look_closer(leaving, &survey, bound, offset, pointer) }
}

fn look_closer(
    leaving: &Leaving<'_>,
    survey: &Survey,
    bound: &Bound<'_>,
    offset: u64,
    pointer: impl FnOnce() -> String,
) -> Option<Findings> {
    let Leaving { text, kind, is_spelled, is_reference } = *leaving;
    let mut found: Vec<(&'static str, &str, &str)> = Vec::new();
    if !is_spelled && survey.may_hold_a_code(kind) && persons::names_another(text, &bound.known) {
        found.push((
            "other-person",
            "a value that would leave holds the personal code of someone else",
            "leave the code out; only the subject and the declared professional may be named",
        ));
    }
    if survey.may_act()
        && let Some(finding) = markup::find(text, survey, kind == Kind::Base64)
    {
        found.push((finding.rule(), finding.says(), finding.remedy()));
    }
    let index_id = index_id(text).map(str::to_owned);
    // A reference to a patient in another form cannot be compared with the index.
    if index_id.is_none() && is_reference && text.to_ascii_lowercase().contains("patient/") {
        found.push(("subject-unreadable", "a reference to a patient is of no known form", REFER));
    }
    if found.is_empty() {
        return index_id.map(|id| Findings { index_id: Some(id), faults: Vec::new() });
    }
    let pointer = pointer();
    let fault = |(rule, detail, remedy)| (offset, Fault::new(rule, pointer.as_str(), detail, remedy));
    Some(Findings { index_id, faults: found.into_iter().map(fault).collect() })
}
