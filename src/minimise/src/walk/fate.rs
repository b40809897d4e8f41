//! The fate of a single value: whether the paths that lead to it keep it.

use std::collections::BTreeSet;

use super::Walk;
use crate::profile::Entry;
use crate::value::{Equals, Kind, Scalar};

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It does not leave, because of the broken condition or for want of evidence; without either, no path names it.
    Goes(Option<Unmet>),
    /// It leaves by this path.
    Stays { path: usize },
    /// It leaves if something else of its owner does.
    Labels(Label),
}

/// A value that only names an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    /// The open element it names, by its depth.
    pub(crate) owner: usize,
    /// The path that names it, if one does.
    pub(crate) path: Option<usize>,
    /// Whether the profile spells its value out.
    pub(crate) is_spelled: bool,
}

/// A path that leads to a value and does not keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unmet {
    pub(super) path: usize,
    pub(super) breach: Breach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    /// The condition with this key is broken.
    Condition(&'static str),
    /// It differs from what was declared.
    Declared(Equals),
    /// The declaration lacks the evidence.
    Evidence,
}

/// What a path asks of values, made ready for this declaration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) kind: Kind,
    /// Whether the profile spells out what it keeps.
    pub(super) is_spelled: bool,
    /// Whether it keeps every text.
    keeps_any_text: bool,
}

impl Terms {
    pub(super) fn new(entry: &Entry, evidence: &BTreeSet<&str>) -> Self {
        let keeps_any_text = entry.conditions.allow_any_text() && entry.is_active(evidence);
        Self { kind: entry.conditions.kind, is_spelled: entry.conditions.spells_out(), keeps_any_text }
    }
}

impl Walk<'_> {
    /// Whether this path keeps the value: then nothing else is to be asked.
    #[inline]
    pub(crate) fn is_kept_by(&self, path: usize, scalar: &Scalar<'_>) -> bool {
        let keeps_any = self.terms.get(path).is_some_and(|terms| terms.keeps_any_text);
        (keeps_any && matches!(scalar, Scalar::Text(_))) || self.judge(path, scalar).is_ok()
    }

    /// The fate of the value just arrived at, and what it was declared to be, if it is something else.
    pub(crate) fn decide(&self, scalar: &Scalar<'_>) -> (Fate, Option<Equals>) {
        let mut fate = Fate::Goes(None);
        let mut differs = None;
        for state in self.arrived() {
            for keep in &state.keeps {
                match self.judge(keep.path, scalar) {
                    Ok(()) => fate = stronger(fate, self.fate_by(keep.path, keep.label_of)),
                    Err(breach) => {
                        if let Breach::Declared(equals) = breach {
                            differs = differs.or(Some(equals));
                        }
                        fate = stronger(fate, Fate::Goes(Some(Unmet { path: keep.path, breach })));
                    }
                }
            }
            for label in state.labels.iter().filter(|label| scalar.is(&label.value)) {
                if let Some(owner) = self.element_up(label.owner_up) {
                    fate = stronger(fate, Fate::Labels(Label { owner, path: None, is_spelled: true }));
                }
            }
        }
        (fate, differs)
    }

    pub(super) fn judge(&self, path: usize, scalar: &Scalar<'_>) -> Result<(), Breach> {
        let Some(entry) = self.profile.entry_of(path) else {
            return Err(Breach::Evidence);
        };
        if !entry.is_active(&self.bound.evidence) {
            return Err(Breach::Evidence);
        }
        if let Some(breach) = entry.conditions.breach(scalar) {
            return Err(Breach::Condition(breach));
        }
        let Some(equals) = entry.conditions.equals else {
            return Ok(());
        };
        let text = scalar.text().unwrap_or_default();
        let is_declared = match equals {
            Equals::Subject => Equals::holds(text, self.bound.subject),
            Equals::Recipient => self.bound.recipient.is_some_and(|declared| Equals::holds(text, declared)),
            Equals::Professional => self.bound.others.iter().any(|declared| Equals::holds(text, declared)),
        };
        if is_declared { Ok(()) } else { Err(Breach::Declared(equals)) }
    }

    fn fate_by(&self, path: usize, label_of: Option<usize>) -> Fate {
        match label_of.and_then(|up| self.element_up(up)) {
            None => Fate::Stays { path },
            Some(owner) => Fate::Labels(Label { owner, path: Some(path), is_spelled: self.spells_out(path) }),
        }
    }
}

/// Staying is stronger than labelling, labelling an outer element than an inner one, and a broken condition says more than
/// missing evidence.
fn stronger(one: Fate, other: Fate) -> Fate {
    match (one, other) {
        (Fate::Stays { .. }, _) => one,
        (_, Fate::Stays { .. }) => other,
        (Fate::Labels(a), Fate::Labels(b)) if b.owner >= a.owner => one,
        (_, Fate::Labels(_)) => other,
        (Fate::Labels(_), _) => one,
        (Fate::Goes(None), _) => other,
        (Fate::Goes(Some(unmet)), Fate::Goes(Some(_))) if unmet.breach == Breach::Evidence => other,
        (Fate::Goes(Some(_)), Fate::Goes(_)) => one,
    }
}
