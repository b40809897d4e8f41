//! The decision on every value of a document, in one pass: which paths lead here, what may stay by them, and what is
//! left of an element when it ends.
//!
//! It knows no format. A reader tells it what it meets, answers its questions, and writes what it lets stay; nothing is
//! kept of a document but the open elements, the states that paths have reached, and counts. An element is written as
//! soon as it begins and taken back when it ends with nothing in it, so that output is final up to the first open element
//! that holds nothing yet.

mod fate;
mod goes;

use std::collections::BTreeSet;

use super::automaton::{Automaton, Edge, Lead, Question, State, StateId};
use super::excess::{Faults, Reason};
use super::guard;
use super::manifest::{Place, Tally};
use super::names::Symbol;
use super::profile::{Entry, OnExcess, Profile};
use super::value::{Kind, Scalar};
use fate::Terms;
pub(crate) use fate::{Fate, Label};

/// What the declaration says of values.
#[derive(Debug, Clone)]
pub(crate) struct Bound<'d> {
    pub(crate) subject_system: &'d str,
    pub(crate) subject: &'d str,
    pub(crate) recipient: Option<&'d str>,
    /// Identifiers of the declared professional.
    pub(crate) others: Vec<&'d str>,
    /// Everyone who may be named.
    pub(crate) known: Vec<&'d str>,
    pub(crate) evidence: BTreeSet<&'d str>,
}

/// What a step down came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// Whether any path leads here.
    pub(crate) is_led_to: bool,
    /// Whether a path named the resource type.
    pub(crate) is_typed: bool,
    /// The state by which manifests name the element.
    pub(crate) shown: StateId,
    /// The `[[drop]]` that names it, by its place in the profile.
    pub(crate) drop: Option<usize>,
}

/// An open element, or an open list of elements of one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Where its states begin; they end where the next frame's begin.
    states_from: usize,
    states_to: usize,
    /// Where its bytes begin in the output.
    mark: usize,
    life: Life,
    pending_from: usize,
    /// Whether it is a list: its items have its name and its states, and it is no step of a path.
    pub(crate) is_list: bool,
    /// Its name.
    pub(crate) name: Symbol,
    /// The state by which manifests name it.
    pub(crate) shown: StateId,
    /// Of a list, where its items lead, if their name alone tells.
    lead: Lead,
    /// Whether the profile names its resource type.
    pub(crate) is_typed: bool,
    /// Whatever would stay in it goes, for nothing refers to it.
    pub(crate) is_lost: bool,
}

/// What a reader asks of the innermost frame for every value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here {
    pub(crate) is_list: bool,
    pub(crate) name: Symbol,
    /// Of a list, where its items lead.
    pub(crate) lead: Lead,
    pub(crate) shown: StateId,
    /// Its state, if there is but one.
    pub(crate) state: Option<StateId>,
}

/// What an open element holds so far: 0 when a value stays in it, `n + 1` when only labels of the open element `n` and of
/// elements in that do, and the largest number when nothing does. The least wins.
type Life = usize;
const CONTENT: Life = 0;
const NOTHING: Life = usize::MAX;

/// What stays if its owner does, which has nothing else yet.
#[derive(Debug)]
struct Pending {
    /// Where the label stands; a mere mark that a path names an element has none.
    place: Option<Place>,
    path: Option<usize>,
    findings: Option<guard::Findings>,
}

/// How an element ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Something of it leaves: its end is to be written.
    Stays,
    /// Nothing does: it has been taken back.
    Gone,
}

/// The walk down one document.
#[derive(Debug)]
pub(crate) struct Walk<'p> {
    pub(crate) profile: &'p Profile,
    pub(crate) bound: Bound<'p>,
    /// For each path of the profile.
    terms: Vec<Terms>,
    frames: Vec<Frame>,
    /// The states of all open frames, and behind them those just arrived at.
    active: Vec<StateId>,
    pending: Vec<Pending>,
    /// What leaves, as far as it is decided.
    pub(crate) out: Vec<u8>,
    pub(crate) tally: Tally,
    pub(crate) faults: Faults,
    /// What leaving values say of persons, and what of them nobody may send.
    pub(crate) index_ids: BTreeSet<String>,
    /// Values of the resource that is lost, if one is open.
    lost_values: usize,
    /// Whether nothing stayed of the outermost element when it ended.
    is_empty: bool,
}

impl<'p> Walk<'p> {
    pub(crate) fn new(profile: &'p Profile, bound: Bound<'p>, faults_max: usize) -> Self {
        let entries = (0..profile.paths.len()).filter_map(|path| profile.entry_of(path));
        Self {
            profile,
            terms: entries.map(|entry| Terms::new(entry, &bound.evidence)).collect(),
            bound,
            frames: Vec::new(),
            active: vec![0],
            pending: Vec::new(),
            out: Vec::new(),
            tally: Tally::new(profile.paths.len()),
            faults: Faults::new(faults_max),
            index_ids: BTreeSet::new(),
            lost_values: 0,
            is_empty: true,
        }
    }

    /// The innermost open frame.
    #[inline]
    pub(crate) fn top(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// How many frames are open.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }

    fn automaton(&self) -> &'p Automaton {
        &self.profile.automaton
    }

    /// The states of the innermost frame.
    fn states(&self) -> &[StateId] {
        let range = self.frames.last().map_or(0..1, |frame| frame.states_from..frame.states_to);
        self.active.get(range).unwrap_or_default()
    }

    /// The steps that paths take from the innermost frame into elements called `name`.
    #[inline]
    pub(crate) fn edges(&self, name: Symbol) -> impl Iterator<Item = &'p Edge> {
        let automaton = self.automaton();
        self.states().iter().flat_map(move |state| automaton.edges(*state, name))
    }

    /// The innermost frame, as far as a reader asks of it.
    #[inline]
    pub(crate) fn here(&self) -> Option<Here> {
        let Frame { is_list, name, lead, shown, .. } = *self.frames.last()?;
        let state = if let [state] = self.states() { Some(*state) } else { None };
        Some(Here { is_list, name, lead, shown, state })
    }

    /// Takes the one step that [`Lead::Element`] or [`Lead::Value`] told of.
    #[inline]
    pub(crate) fn arrive_at(&mut self, state: StateId) -> Arrival {
        let to = self.frames.last().map_or(1, |frame| frame.states_to);
        self.active.truncate(to);
        self.active.push(state);
        Arrival { is_led_to: true, is_typed: false, shown: state, drop: None }
    }

    /// Takes the steps into an element called `name` whose questions are answered with yes. The states arrived at are
    /// forgotten at the next step unless the element is opened.
    #[inline]
    pub(crate) fn arrive(&mut self, name: Symbol, mut holds: impl FnMut(&Question) -> bool) -> Arrival {
        let automaton = self.automaton();
        let (from, to) = self.frames.last().map_or((0, 1), |frame| (frame.states_from, frame.states_to));
        self.active.truncate(to.max(1));
        let mut arrival = Arrival { is_led_to: false, is_typed: false, shown: 0, drop: None };
        let mut telling = 0;
        for place in from..to {
            let Some(state) = self.active.get(place).copied() else { break };
            for edge in automaton.edges(state, name) {
                if let Some(question) = edge.question.and_then(|place| automaton.question(place)) {
                    if !holds(question) {
                        continue;
                    }
                    arrival.is_typed |= question.of_type.is_some();
                }
                if !arrival.is_led_to || edge.telling > telling {
                    (arrival.shown, telling) = (edge.to, edge.telling);
                }
                arrival.is_led_to = true;
                self.active.push(edge.to);
                let drops = automaton.state(edge.to).map_or(&[][..], |state| &state.drops);
                for drop in drops {
                    arrival.drop = self.stricter_drop(arrival.drop, *drop);
                }
            }
        }
        arrival
    }

    /// Where several drops name an element, the strictest says what becomes of it.
    fn stricter_drop(&self, one: Option<usize>, other: usize) -> Option<usize> {
        let refuses = |place: usize| {
            self.profile.drops.get(place).is_some_and(|drop| drop.on_excess == OnExcess::Refuse)
        };
        Some(one.filter(|one| refuses(*one) || !refuses(other)).unwrap_or(other))
    }

    fn arrived(&self) -> impl Iterator<Item = &'p State> {
        let automaton = self.automaton();
        let from = self.frames.last().map_or(1, |frame| frame.states_to);
        let arrived = self.active.get(from..).unwrap_or_default();
        arrived.iter().filter_map(|state| automaton.state(*state))
    }

    /// Opens the element just arrived at; its bytes begin at `mark`.
    pub(crate) fn open(&mut self, name: Symbol, arrival: Arrival, mark: usize, is_lost: bool) {
        let states_from = self.frames.last().map_or(0, |frame| frame.states_to);
        let is_lost = is_lost || self.frames.last().is_some_and(|frame| frame.is_lost);
        self.frames.push(Frame {
            states_from,
            states_to: self.active.len(),
            mark,
            life: NOTHING,
            pending_from: self.pending.len(),
            is_list: false,
            name,
            lead: Lead::Further,
            shown: arrival.shown,
            is_typed: arrival.is_typed,
            is_lost,
        });
    }

    /// Opens a list of elements called `name`: each item is a step from the frame that the list stands in.
    pub(crate) fn open_list(&mut self, name: Symbol, lead: Lead, mark: usize) {
        if let Some(around) = self.frames.last().copied() {
            self.active.truncate(around.states_to);
            let own = Frame {
                mark,
                life: NOTHING,
                pending_from: self.pending.len(),
                is_list: true,
                name,
                lead,
                is_typed: false,
                ..around
            };
            self.frames.push(own);
        }
    }

    /// Ends the innermost frame. What it holds that only labels something goes with it if nothing else is left.
    pub(crate) fn close(&mut self) -> End {
        let Some(frame) = self.frames.pop() else {
            return End::Gone;
        };
        let depth = self.frames.len();
        self.active.truncate(self.frames.last().map_or(1, |around| around.states_to));
        if frame.life <= depth {
            self.is_empty &= depth > 0;
            if frame.life == CONTENT {
                self.settle(frame.pending_from);
            } else if let Some(around) = self.frames.last_mut() {
                around.life = around.life.min(frame.life);
            }
            return End::Stays;
        }
        self.out.truncate(frame.mark);
        for bare in self.pending.drain(frame.pending_from..) {
            if let Some(place) = bare.place {
                self.tally.dropped(place, Reason::EmptyElement, 1);
            }
        }
        End::Gone
    }

    /// Their owner stays, and so do they.
    fn settle(&mut self, from: usize) {
        for label in self.pending.drain(from..) {
            if label.place.is_some() {
                self.tally.kept(label.path);
            } else if let Some(path) = label.path {
                self.tally.met(path);
            }
            if let Some(findings) = label.findings {
                self.index_ids.extend(findings.index_id);
                self.faults.extend(findings.faults);
            }
        }
    }

    /// Up to where the output is final.
    pub(crate) fn final_to(&self) -> usize {
        self.final_mark().map_or(self.out.len(), |mark| mark.min(self.out.len()))
    }

    /// Where the first open element begins that may yet be taken back.
    pub(crate) fn final_mark(&self) -> Option<usize> {
        let open = self.frames.iter().find(|frame| frame.life != CONTENT);
        open.map(|frame| frame.mark)
    }

    /// Forgets `count` bytes of the output: they are with the recipient.
    pub(crate) fn forget(&mut self, count: usize) {
        self.out.drain(..count.min(self.out.len()));
        for frame in &mut self.frames {
            frame.mark = frame.mark.saturating_sub(count);
        }
    }

    /// Whether a path to the value just arrived at wants it to be of this kind.
    pub(crate) fn expects(&self, kind: Kind) -> bool {
        self.arrived().flat_map(|state| &state.keeps).any(|keep| self.kind(keep.path) == kind)
    }

    /// Whether a path keeps the value just arrived at, if it is as the path wants it.
    pub(crate) fn is_kept_here(&self) -> bool {
        self.active_entries().next().is_some()
    }

    /// Whether a path keeps the value just arrived at because of evidence that was declared.
    pub(crate) fn is_kept_by_evidence(&self) -> bool {
        self.active_entries().any(|entry| entry.requires_evidence.is_some())
    }

    fn active_entries(&self) -> impl Iterator<Item = &'p Entry> {
        let entries = self.arrived().flat_map(|state| &state.keeps);
        let entries = entries.filter_map(|keep| self.profile.entry_of(keep.path));
        entries.filter(|entry| entry.is_active(&self.bound.evidence))
    }

    /// Whether the value just arrived at belies what picked one of the open elements.
    pub(crate) fn contradicts(&self, scalar: &Scalar<'_>) -> bool {
        self.arrived().flat_map(|state| &state.labels).any(|label| label.is_sole && !scalar.is(&label.value))
    }

    /// The innermost element has nothing in it: it stays if a path that ends at it keeps that.
    pub(crate) fn keep_empty(&mut self) {
        let automaton = self.automaton();
        let mut keeps =
            self.states().iter().filter_map(|state| automaton.state(*state)).flat_map(|state| &state.keeps);
        if let Some(keep) = keeps.find(|keep| self.judge(keep.path, &Scalar::Untyped("")).is_ok()) {
            self.stay(keep.path, None);
        }
    }

    /// Whether the profile spells out what this path keeps.
    pub(crate) fn spells_out(&self, path: usize) -> bool {
        self.terms.get(path).is_some_and(|terms| terms.is_spelled)
    }

    /// The kind of value that this path keeps.
    pub(crate) fn kind(&self, path: usize) -> Kind {
        self.terms.get(path).map_or(Kind::String, |terms| terms.kind)
    }

    /// The open element so many steps above the value just arrived at.
    fn element_up(&self, steps: usize) -> Option<usize> {
        let elements = self.frames.iter().enumerate().rev().filter(|(_, frame)| !frame.is_list);
        elements.map(|(depth, _)| depth).nth(steps.checked_sub(1)?)
    }

    /// The innermost open element, by its depth.
    pub(crate) fn element(&self) -> usize {
        self.element_up(1).unwrap_or_default()
    }

    /// Whether nothing may be written here, for nothing refers to the resource that is open.
    #[inline]
    pub(crate) fn is_lost(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.is_lost)
    }

    /// Counts a value that would have stayed in a resource to which nothing refers.
    pub(crate) const fn lose(&mut self) {
        self.lost_values += 1;
    }

    /// How many values the resource had that would have stayed.
    pub(crate) const fn take_lost(&mut self) -> usize {
        std::mem::replace(&mut self.lost_values, 0)
    }

    /// A value stays, and with it all that holds it.
    #[inline]
    pub(crate) fn stay(&mut self, path: usize, findings: Option<guard::Findings>) {
        self.tally.kept(Some(path));
        for frame in self.frames.iter_mut().rev() {
            if frame.life == CONTENT {
                break;
            }
            frame.life = CONTENT;
        }
        if let Some(findings) = findings {
            self.index_ids.extend(findings.index_id);
            self.faults.extend(findings.faults);
        }
    }

    /// A label is written; it stays if its owner does.
    pub(crate) fn label(&mut self, label: Label, place: Place, findings: Option<guard::Findings>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.life = frame.life.min(label.owner + 1);
        }
        self.pending.push(Pending { place: Some(place), path: label.path, findings });
    }

    /// The element that is opened is named by paths: each is met if anything of it stays.
    pub(crate) fn name_element(&mut self) {
        let automaton = self.automaton();
        let states = self.frames.last().map_or(0..0, |frame| frame.states_from..frame.states_to);
        for state in self.active.get(states).unwrap_or_default() {
            for keep in automaton.state(*state).map_or(&[][..], |state| &state.keeps) {
                self.pending.push(Pending { place: None, path: Some(keep.path), findings: None });
            }
        }
    }

    /// Whether nothing of the document leaves.
    pub(crate) const fn has_nothing(&self) -> bool {
        self.is_empty
    }

    /// What the profile requires and nothing of which leaves.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &'p str> {
        let profile = self.profile;
        let paths = profile.paths.iter().enumerate().filter(|(place, _)| {
            let entry = profile.entry_of(*place);
            entry.is_some_and(|entry| entry.required && entry.is_active(&self.bound.evidence))
                && !self.tally.is_met(*place)
        });
        paths.map(|(_, path)| path.text.as_str())
    }
}
