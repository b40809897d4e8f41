//! What holds of every document that leaves, whatever its profile says: it is about the declared subject and names no
//! other person, and it carries neither active content nor hidden attachments.

mod markup;
mod persons;
mod subject;

pub use subject::SubjectProof;

pub(super) use subject::prove;

use super::excess::{Faults, scalar_text};
use super::profile::Profile;
use super::project::Declared;
use super::select::{Alive, Fate, Selection};
use super::tape::{Id, Tape};
use super::value::Kind;

/// Looks at every value that leaves.
pub(super) fn values(
    tape: &Tape<'_>,
    profile: &Profile,
    declared: &Declared<'_>,
    selection: &Selection<'_>,
    alive: &Alive,
    faults: &mut Faults<'_>,
) {
    let subject = declared.subject.value.expose();
    let known: Vec<&str> = declared.others.iter().copied().chain([subject]).collect();
    for node in (1..tape.len()).filter(|node| alive.has(*node)) {
        let Some(text) = scalar_text(tape, node) else {
            continue;
        };
        let (is_spelled, kind) = said_by_profile(profile, selection, node);
        // A value that the profile spells out tells nothing about a person.
        if !is_spelled && persons::names_another(text, &known) {
            let detail = "a value that would leave holds the personal code of someone else";
            faults.add(
                node,
                "other-person",
                detail,
                "leave the code out; only the subject and the declared professional may be named",
            );
        }
        if let Some(finding) = markup::find(text, kind == Kind::Base64) {
            faults.add(node, finding.rule(), finding.says(), finding.remedy());
        }
    }
}

/// Whether the profile spells the value at `node` out, and which kind it is kept as.
fn said_by_profile(profile: &Profile, selection: &Selection<'_>, node: Id) -> (bool, Kind) {
    let entry = |path: usize| profile.entry_of(path).map(|entry| &entry.conditions);
    let kind = |path| entry(path).map_or(Kind::String, |conditions| conditions.kind);
    match selection.fate(node) {
        Fate::Stays { path } => (entry(path).is_some_and(super::value::Conditions::spells_out), kind(path)),
        Fate::Labels { path, is_spelled, .. } => (is_spelled, path.map_or(Kind::String, kind)),
        Fate::Goes => (false, Kind::String),
    }
}
