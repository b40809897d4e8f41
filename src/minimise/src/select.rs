//! Which values of a document a profile keeps: one pass over the tape, skipping what no path leads to.
//!
//! It decides value by value; what becomes of contained resources is decided afterwards (`contained`), and what is
//! left alive is told by [`Selection::alive`].

use std::collections::{BTreeSet, HashMap};

use super::automaton::{Arrival, Automaton, State, StateId};
use super::excess::{Excess, Reason, Refused};
use super::profile::Profile;
use super::tape::{Id, Tape, Value};
use super::value::Equals;

mod alive;

pub(super) use alive::Alive;

/// The values that declarations bind.
#[derive(Debug)]
pub(super) struct Bound<'d> {
    pub(super) subject: &'d str,
    pub(super) recipient: Option<&'d str>,
    pub(super) professional: &'d [&'d str],
    pub(super) evidence: &'d BTreeSet<&'d str>,
}

/// What becomes of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Fate {
    /// It does not leave.
    #[default]
    Goes,
    /// It leaves by this path.
    Stays {
        /// By its place in the profile.
        path: usize,
    },
    /// It leaves if something else of its owner does.
    Labels {
        /// The element it names.
        owner: Id,
        /// The path that names it, if one does.
        path: Option<usize>,
        /// Whether the profile spells its value out.
        is_spelled: bool,
    },
}

/// What a profile makes of a document.
#[derive(Debug, Default)]
pub(super) struct Selection<'p> {
    fates: Vec<Fate>,
    /// What does not leave.
    pub(super) excess: Vec<Excess>,
    /// Every node that meets a path, by the path's place in the profile; for `required`.
    pub(super) met: Vec<(usize, Id)>,
    /// Values that differ from the declared ones.
    pub(super) differing: Vec<(Id, Equals)>,
    /// The contained resources, in document order.
    pub(super) contained: Vec<Id>,
    conditions: HashMap<Id, &'p str>,
}

impl<'p> Selection<'p> {
    /// What `profile` makes of the document on `tape`.
    pub(super) fn new(profile: &'p Profile, bound: &Bound<'_>, tape: &Tape<'_>) -> Self {
        let mut walk = Walk {
            profile,
            automaton: &profile.automaton,
            bound,
            tape,
            frames: vec![Frame::element(tape, 0, vec![0], true, false)],
            selection: Selection { fates: vec![Fate::Goes; tape.len()], ..Selection::default() },
        };
        let mut at = 1;
        while at < tape.len() {
            while walk.frames.last().is_some_and(|frame| at >= frame.until) {
                walk.frames.pop();
            }
            at = walk.visit(at);
        }
        walk.selection
    }

    pub(super) fn fate(&self, node: Id) -> Fate {
        self.fates.get(node).copied().unwrap_or_default()
    }

    pub(super) fn set_fate(&mut self, node: Id, fate: Fate) {
        if let Some(place) = self.fates.get_mut(node) {
            *place = fate;
        }
    }

    /// The conditions by which the profile's paths picked `node`.
    pub(super) fn conditions_of(&self, node: Id) -> &'p str {
        self.conditions.get(&node).copied().unwrap_or_default()
    }
}

struct Walk<'w, 'p> {
    profile: &'p Profile,
    automaton: &'p Automaton,
    bound: &'w Bound<'w>,
    tape: &'w Tape<'w>,
    frames: Vec<Frame>,
    selection: Selection<'p>,
}

/// An open object, or an open array, whose items are what its name says.
struct Frame {
    node: Id,
    until: Id,
    states: Vec<StateId>,
    is_array: bool,
    /// Its resource type is one the profile names, so `resourceType` stays with it.
    is_typed: bool,
    is_contained: bool,
}

impl Frame {
    fn element(tape: &Tape<'_>, node: Id, states: Vec<StateId>, is_typed: bool, is_contained: bool) -> Self {
        Self { node, until: tape.node(node).after, states, is_array: false, is_typed, is_contained }
    }
}

impl<'w, 'p> Walk<'w, 'p> {
    /// Decides on `at` and returns the node to go on with.
    fn visit(&mut self, at: Id) -> Id {
        let tape = self.tape;
        let node = tape.node(at);
        let Some(frame) = self.frames.last() else {
            return node.after;
        };
        let name = tape.element_name(at);
        if node.value == Value::Array {
            // An item that is an array has no path: FHIR knows no arrays of arrays. And the array form of a primitive's
            // extensions is read by position, which would not survive a dropped item.
            if frame.is_array || name.starts_with('_') || !self.automaton.leads(&frame.states, name) {
                return self.excess(Excess::not_named(tape, at, self.profile.on_excess));
            }
            let states = frame.states.clone();
            self.frames.push(Frame { is_array: true, ..Frame::element(tape, at, states, false, false) });
            return at + 1;
        }
        if let Some(fate) = self.implied(at, name) {
            self.selection.set_fate(at, fate);
            return node.after;
        }
        let is_contained = name == "contained" && self.elements().count() == 1;
        let arrival = self.automaton.step(tape, &frame.states, name, at);
        self.arrive(at, arrival, is_contained)
    }

    /// The resource type of a resource that the profile names by type, and the id of a contained one.
    fn implied(&self, at: Id, name: &str) -> Option<Fate> {
        let frame = self.frames.last().filter(|frame| !frame.is_array)?;
        let is_type = frame.is_typed && name == "resourceType";
        let is_id = frame.is_contained && name == "id";
        let is_text = self.tape.text(at).is_some();
        (is_text && (is_type || is_id)).then_some(Fate::Labels {
            owner: frame.node,
            path: None,
            is_spelled: is_type,
        })
    }

    fn arrive(&mut self, at: Id, arrival: Arrival<'p>, is_contained: bool) -> Id {
        let Arrival { states, conditions, is_typed } = arrival;
        if !conditions.is_empty() {
            self.selection.conditions.insert(at, conditions);
        }
        if let Some(excess) = self.named_drop(at, &states) {
            return self.excess(excess);
        }
        if states.is_empty() {
            return self.excess(Excess::not_named(self.tape, at, self.profile.on_excess));
        }
        if !self.tape.is_object(at) {
            self.decide(at, &states);
            return at + 1;
        }
        let automaton = self.automaton;
        let keeps = states.iter().filter_map(|id| automaton.state(*id)).flat_map(|state| &state.keeps);
        self.selection.met.extend(keeps.map(|keep| (keep.path, at)));
        if is_contained {
            self.selection.contained.push(at);
        }
        self.frames.push(Frame::element(self.tape, at, states, is_typed, is_contained));
        at + 1
    }

    fn named_drop(&self, at: Id, states: &[StateId]) -> Option<Excess> {
        let places = states.iter().filter_map(|id| self.automaton.state(*id)).flat_map(|state| &state.drops);
        let drops: Vec<_> = places.filter_map(|place| self.profile.drops.get(*place)).collect();
        // Where several drops name it, the strictest says what becomes of it.
        let refuses = drops.iter().find(|drop| drop.on_excess == super::profile::OnExcess::Refuse);
        let drop = refuses.or(drops.first())?;
        Some(Excess::whole(self.tape, at, Reason::NamedDrop, drop.on_excess, || Refused {
            rule: "dropped-by-profile",
            detail: format!("`{}` may not be sent: {}", drop.text, drop.why),
            remedy: "leave it out".to_owned(),
        }))
    }

    fn excess(&mut self, excess: Excess) -> Id {
        let after = self.tape.node(excess.node).after;
        if excess.values > 0 {
            self.selection.excess.push(excess);
        }
        after
    }

    /// Decides on a scalar to which paths lead.
    fn decide(&mut self, at: Id, states: &[StateId]) {
        let automaton = self.automaton;
        let states: Vec<&State> = states.iter().filter_map(|id| automaton.state(*id)).collect();
        let mut fate = Fate::Goes;
        let mut unmet = None;
        for keep in states.iter().flat_map(|state| &state.keeps) {
            match self.judge(at, keep.path) {
                Ok(()) => {
                    self.selection.met.push((keep.path, at));
                    fate = stronger(fate, self.fate_by(keep.path, keep.label_of));
                }
                Err(reason) => unmet = Some(stricter(unmet, reason)),
            }
        }
        let labels = states.iter().flat_map(|state| &state.labels);
        for label in labels.filter(|label| label.is(self.tape, at)) {
            if let Some(owner) = self.element_up(label.owner_up) {
                let label = Fate::Labels { owner, path: None, is_spelled: true };
                fate = stronger(fate, label);
            }
        }
        self.selection.set_fate(at, fate);
        if fate == Fate::Goes {
            let excess = match unmet {
                Some(unmet) => unmet.excess(self.tape, self.profile, at),
                None => Excess::not_named(self.tape, at, self.profile.on_excess),
            };
            self.excess(excess);
        }
    }

    fn fate_by(&self, path: usize, label_of: Option<usize>) -> Fate {
        match label_of.and_then(|up| self.element_up(up)) {
            None => Fate::Stays { path },
            Some(owner) => {
                let entry = self.profile.entry_of(path);
                Fate::Labels {
                    owner,
                    path: Some(path),
                    is_spelled: entry.is_some_and(|entry| entry.conditions.spells_out()),
                }
            }
        }
    }

    /// Whether the scalar `at` may stay by this path.
    fn judge(&mut self, at: Id, path: usize) -> Result<(), Unmet> {
        let Some(entry) = self.profile.entry_of(path) else {
            return Err(Unmet { path, breach: None });
        };
        if !entry.is_active(self.bound.evidence) {
            return Err(Unmet { path, breach: None });
        }
        if let Some(breach) = entry.conditions.breach(&self.tape.node(at).value) {
            return Err(Unmet { path, breach: Some(breach) });
        }
        let Some(equals) = entry.conditions.equals else {
            return Ok(());
        };
        let text = self.tape.text(at).unwrap_or_default();
        let is_declared = match equals {
            Equals::Subject => Equals::holds(text, self.bound.subject),
            Equals::Recipient => self.bound.recipient.is_some_and(|declared| Equals::holds(text, declared)),
            Equals::Professional => {
                self.bound.professional.iter().any(|declared| Equals::holds(text, declared))
            }
        };
        if is_declared {
            return Ok(());
        }
        self.selection.differing.push((at, equals));
        Err(Unmet { path, breach: Some("equals") })
    }

    fn elements(&self) -> impl DoubleEndedIterator<Item = &Frame> {
        self.frames.iter().filter(|frame| !frame.is_array)
    }

    /// The element so many steps above the node being decided on.
    fn element_up(&self, steps: usize) -> Option<Id> {
        let above = self.elements().rev().nth(steps.checked_sub(1)?)?;
        Some(above.node)
    }
}

/// A path that leads to a value and does not keep it.
#[derive(Debug, Clone, Copy)]
struct Unmet {
    path: usize,
    /// The broken condition; without one, the evidence is missing.
    breach: Option<&'static str>,
}

impl Unmet {
    fn excess(self, tape: &Tape<'_>, profile: &Profile, at: Id) -> Excess {
        let text = profile.paths.get(self.path).map_or("", |path| &path.text);
        let entry = profile.entry_of(self.path);
        let on_excess = entry.map_or(profile.on_excess, |entry| entry.on_excess);
        match self.breach {
            Some(breach) => Excess::whole(tape, at, Reason::Value, on_excess, || Refused {
                rule: "value-not-allowed",
                detail: format!("the value breaks `{breach}` of `{text}`"),
                remedy: "send a value that the profile allows, or leave it out".to_owned(),
            }),
            None => {
                let kind = entry.and_then(|entry| entry.requires_evidence.as_deref()).unwrap_or_default();
                Excess::whole(tape, at, Reason::NeedsEvidence, on_excess, || Refused {
                    rule: "needs-evidence",
                    detail: format!("`{text}` may be sent only with evidence `{kind}`"),
                    remedy: format!("declare the evidence `{kind}`, or leave it out"),
                })
            }
        }
    }
}

/// A broken condition says more than missing evidence.
fn stricter(one: Option<Unmet>, other: Unmet) -> Unmet {
    one.filter(|one| one.breach.is_some() || other.breach.is_none()).unwrap_or(other)
}

/// Staying is stronger than labelling, and labelling an outer element than an inner one.
fn stronger(one: Fate, other: Fate) -> Fate {
    match (one, other) {
        (Fate::Goes, _) => other,
        (_, Fate::Goes) | (Fate::Stays { .. }, _) => one,
        (_, Fate::Stays { .. }) => other,
        (Fate::Labels { owner: a, .. }, Fate::Labels { owner: b, .. }) => {
            if b < a {
                other
            } else {
                one
            }
        }
    }
}
