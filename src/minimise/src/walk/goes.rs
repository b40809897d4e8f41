//! What does not leave: counted, and refused where the profile says so.

use super::Walk;
use super::fate::{Breach, Unmet};
use crate::excess::{Excess, Reason, Refused};
use crate::manifest::Place;
use crate::profile::OnExcess;
use crate::value::Equals;

impl Walk<'_> {
    /// What stands at `place` goes, for no path names it.
    pub(crate) fn not_named(
        &mut self,
        place: Place,
        values: usize,
        offset: u64,
        pointer: impl FnOnce() -> String,
    ) {
        let refused = (self.profile.on_excess == OnExcess::Refuse).then(|| Refused {
            rule: "not-in-profile",
            detail: "the profile does not name this".to_owned(),
            remedy: "leave it out".to_owned(),
        });
        self.excess(Excess { place, reason: Reason::NotNamed, values, offset, refused }, pointer);
    }

    /// What stands at `place` goes, for the `[[drop]]` at `drop` in the profile names it.
    pub(crate) fn named_drop(
        &mut self,
        drop: usize,
        place: Place,
        values: usize,
        offset: u64,
        pointer: impl FnOnce() -> String,
    ) {
        let drop = self.profile.drops.get(drop).filter(|drop| drop.on_excess == OnExcess::Refuse);
        let refused = drop.map(|drop| Refused {
            rule: "dropped-by-profile",
            detail: format!("`{}` may not be sent: {}", drop.text, drop.why),
            remedy: "leave it out".to_owned(),
        });
        self.excess(Excess { place, reason: Reason::NamedDrop, values, offset, refused }, pointer);
    }

    /// The value at `place` goes, for a path leads to it but does not keep it.
    pub(crate) fn unmet(
        &mut self,
        unmet: Unmet,
        place: Place,
        offset: u64,
        pointer: impl FnOnce() -> String,
    ) {
        let entry = self.profile.entry_of(unmet.path);
        let on_excess = entry.map_or(self.profile.on_excess, |entry| entry.on_excess);
        let text = || self.profile.paths.get(unmet.path).map_or("", |path| &path.text);
        let evidence = || entry.and_then(|entry| entry.requires_evidence.as_deref()).unwrap_or_default();
        let refused = (on_excess == OnExcess::Refuse).then(|| match unmet.breach {
            Breach::Evidence => Refused {
                rule: "needs-evidence",
                detail: format!("`{}` may be sent only with evidence `{}`", text(), evidence()),
                remedy: format!("declare the evidence `{}`, or leave it out", evidence()),
            },
            Breach::Condition(_) | Breach::Declared(_) => Refused {
                rule: "value-not-allowed",
                detail: format!("the value breaks `{}` of `{}`", unmet.breach.key(), text()),
                remedy: "send a value that the profile allows, or leave it out".to_owned(),
            },
        });
        let reason = if unmet.breach == Breach::Evidence { Reason::NeedsEvidence } else { Reason::Value };
        self.excess(Excess { place, reason, values: 1, offset, refused }, pointer);
    }

    /// Counts what goes, and refuses it where the profile says so.
    pub(crate) fn excess(&mut self, excess: Excess, pointer: impl FnOnce() -> String) {
        if excess.values == 0 {
            return;
        }
        self.tally.dropped(excess.place, excess.reason, excess.values);
        if let Some(Refused { rule, detail, remedy }) = excess.refused {
            self.faults.add(excess.offset, pointer, rule, detail, remedy);
        }
    }

    /// The value differs from what was declared.
    pub(crate) fn differs(&mut self, equals: Equals, offset: u64, pointer: impl FnOnce() -> String) {
        let (rule, detail) = equals.rule();
        let remedy = "declare what the document says, or send the document that was declared";
        self.faults.add(offset, pointer, rule, detail, remedy);
    }
}

impl Breach {
    /// The key of the broken condition.
    const fn key(self) -> &'static str {
        match self {
            Self::Condition(key) => key,
            Self::Declared(_) => "equals",
            Self::Evidence => "requires_evidence",
        }
    }
}
