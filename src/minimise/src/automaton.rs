//! The paths of a profile as one automaton: a step down a document is a step from states to states.
//!
//! A state stands for "this element is what these paths have named so far". It knows nothing of how documents are
//! written; `tape` shows it an element's inside where a condition must be judged.

use std::collections::HashMap;

use super::path::{Path, Predicate, Step};
use super::tape::{Id, Tape, Value};

/// The index of a state.
pub(super) type StateId = usize;

/// All paths of a profile. State 0 is the resource.
#[derive(Debug, Clone, Default)]
pub(super) struct Automaton {
    states: Vec<State>,
    names: HashMap<String, usize>,
}

/// What paths end here.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// `[[keep]]` paths, by their place in the profile.
    pub(super) keeps: Vec<Keep>,
    /// Whether a `[[drop]]` path ends here, by its place in the profile.
    pub(super) drops: Vec<usize>,
    /// Values that stay because a condition tested them.
    pub(super) labels: Vec<Label>,
    edges: Vec<Edge>,
}

/// The end of a `[[keep]]` path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    /// The path's place in the profile.
    pub(super) path: usize,
    /// Set when the value only names an element so many steps up: it does not keep that element alive.
    pub(super) label_of: Option<usize>,
}

/// A value that a condition tests. It stays with the element that it picks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    /// What it must be.
    value: String,
    /// The member beside it, and what that must be: a system goes only with its code, and a code with its system.
    beside: Option<(&'static str, String)>,
    /// How many steps up the element is.
    pub(super) owner_up: usize,
}

impl Label {
    /// Whether the scalar at `id` is what the condition tested.
    pub(super) fn is(&self, tape: &Tape<'_>, id: Id) -> bool {
        let beside = self.beside.as_ref().is_none_or(|(name, value)| {
            let other = tape.member(tape.node(id).parent, name);
            other.and_then(|other| tape.text(other)) == Some(value)
        });
        beside && has_text(tape, id, &self.value)
    }
}

#[derive(Debug, Clone)]
struct Edge {
    name: usize,
    step: Step,
    conditions: String,
    to: StateId,
}

/// What a step down came to.
#[derive(Debug, Default)]
pub(super) struct Arrival<'m> {
    /// The states reached.
    pub(super) states: Vec<StateId>,
    /// The conditions that held, as the profile writes them; the most telling edge's.
    pub(super) conditions: &'m str,
    /// Whether an edge named the resource type.
    pub(super) is_typed: bool,
}

impl Automaton {
    /// The automaton of these paths.
    pub(super) fn new(keeps: &[Path], drops: &[Path]) -> Self {
        let mut automaton = Self { states: vec![State::default()], names: HashMap::new() };
        for (place, path) in keeps.iter().enumerate() {
            let end = automaton.insert(0, &path.steps);
            let keep = Keep { path: place, label_of: label_of(path, keeps) };
            automaton.change(end, |state| state.keeps.push(keep));
        }
        automaton.insert_labels();
        for (place, path) in drops.iter().enumerate() {
            let end = automaton.insert(0, &path.steps);
            automaton.change(end, |state| state.drops.push(place));
        }
        automaton
    }

    /// The state at `id`.
    pub(super) fn state(&self, id: StateId) -> Option<&State> {
        self.states.get(id)
    }

    /// Whether some path has this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The step from `states` into `element`, a member called `name` or an item of the array so called.
    pub(super) fn step(&self, tape: &Tape<'_>, states: &[StateId], name: &str, element: Id) -> Arrival<'_> {
        let mut arrival = Arrival::default();
        let Some(name) = self.names.get(name) else {
            return arrival;
        };
        for edge in states.iter().filter_map(|id| self.state(*id)).flat_map(|state| &state.edges) {
            if edge.name != *name || !holds(tape, element, &edge.step) {
                continue;
            }
            arrival.states.push(edge.to);
            arrival.is_typed |= edge.step.of_type.is_some();
            if edge.conditions.len() > arrival.conditions.len() {
                arrival.conditions = &edge.conditions;
            }
        }
        arrival
    }

    /// Whether a path leads from `states` to a member called `name`.
    pub(super) fn leads(&self, states: &[StateId], name: &str) -> bool {
        let Some(name) = self.names.get(name) else {
            return false;
        };
        let edges = states.iter().filter_map(|id| self.state(*id)).flat_map(|state| &state.edges);
        edges.into_iter().any(|edge| edge.name == *name)
    }

    fn insert(&mut self, from: StateId, steps: &[Step]) -> StateId {
        let mut at = from;
        for step in steps {
            let names = self.names.len();
            let name = *self.names.entry(step.name.clone()).or_insert(names);
            let known = self.state(at).and_then(|state| state.edges.iter().find(|edge| edge.step == *step));
            at = if let Some(edge) = known {
                edge.to
            } else {
                let to = self.states.len();
                self.states.push(State::default());
                let edge = Edge { name, step: step.clone(), conditions: step.conditions(), to };
                self.change(at, |state| state.edges.push(edge));
                to
            };
        }
        at
    }

    /// What a condition on a `[[keep]]` path tests stays with the element it picks.
    fn insert_labels(&mut self) {
        let edges: Vec<Edge> = self.states.iter().flat_map(|state| state.edges.clone()).collect();
        for edge in edges {
            for (steps, label) in edge.step.predicates.iter().flat_map(labels) {
                let end = self.insert(edge.to, &steps);
                self.change(end, |state| state.labels.push(label));
            }
        }
    }

    fn change(&mut self, id: StateId, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.states.get_mut(id) {
            change(state);
        }
    }
}

/// How many steps up the element is that this path's value only labels: a path into the `code` of an element picked by
/// its code, where other paths name something else there, says what the element is and not what it says.
fn label_of(path: &Path, all: &[Path]) -> Option<usize> {
    path.steps.iter().enumerate().find_map(|(depth, step)| {
        let by_code = |predicate: &Predicate| !matches!(predicate, Predicate::Child { .. });
        let below = path.steps.get(depth + 1..).filter(|below| below.len() > 1)?;
        let is_label = step.predicates.iter().any(by_code) && below.first()?.name == "code";
        let up_to_here = path.steps.get(..=depth)?;
        let elsewhere = all.iter().filter_map(|other| other.steps.strip_prefix(up_to_here));
        let has_content = elsewhere.filter_map(<[Step]>::first).any(|next| next.name != "code");
        (is_label && has_content).then_some(below.len())
    })
}

/// The values that a condition tests, with the steps to them from the element.
fn labels(predicate: &Predicate) -> Vec<(Vec<Step>, Label)> {
    let at = |names: &[&str], value: &str, beside: Option<(&'static str, &str)>| {
        let label = Label {
            value: value.to_owned(),
            beside: beside.map(|(name, value)| (name, value.to_owned())),
            owner_up: names.len(),
        };
        (names.iter().map(|name| Step::plain(name)).collect(), label)
    };
    match predicate {
        Predicate::Code(code) => {
            CODINGS.iter().map(|above| at(&[above, &["code"][..]].concat(), code, None)).collect()
        }
        Predicate::Token { system, code } => {
            let both = |above: &&[&str]| {
                [
                    at(&[above, &["system"][..]].concat(), system, Some(("code", code))),
                    at(&[above, &["code"][..]].concat(), code, Some(("system", system))),
                ]
            };
            CODINGS.iter().flat_map(both).collect()
        }
        Predicate::Child { names, value } => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            vec![at(&names, value, None)]
        }
    }
}

/// Where an element's coding is: itself (also when its `code` is a mere code), or below.
const CODINGS: [&[&str]; 4] = [&[], &["coding"], &["code"], &["code", "coding"]];

fn holds(tape: &Tape<'_>, element: Id, step: &Step) -> bool {
    let typed = step.of_type.as_deref().is_none_or(|of_type| {
        let own = tape.member(element, "resourceType");
        own.and_then(|own| tape.text(own)) == Some(of_type)
    });
    typed && step.predicates.iter().all(|predicate| predicate_holds(tape, element, predicate))
}

fn predicate_holds(tape: &Tape<'_>, element: Id, predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Code(code) => one_coding_is(tape, element, None, code),
        Predicate::Token { system, code } => one_coding_is(tape, element, Some(system), code),
        Predicate::Child { names, value } => {
            let values = tape.below(element, names);
            !values.is_empty() && values.iter().all(|id| has_text(tape, *id, value))
        }
    }
}

/// Whether the element's code is `code`, and no other coding of the same system says otherwise.
fn one_coding_is(tape: &Tape<'_>, element: Id, system: Option<&str>, code: &str) -> bool {
    let codings: Vec<_> = codings(tape, element);
    let is_it = |(of, its): &(Option<&str>, &str)| *its == code && (system.is_none() || *of == system);
    let Some((found_system, _)) = codings.iter().find(|coding| is_it(coding)) else {
        return false;
    };
    codings.iter().filter(|(of, _)| of == found_system).all(|(_, its)| *its == code)
}

/// The codings of an element that has a `code` (a code, a Coding or a CodeableConcept) or is one: system and code.
fn codings<'t>(tape: &'t Tape<'_>, element: Id) -> Vec<(Option<&'t str>, &'t str)> {
    let coding = |id| {
        let text = |name| tape.member(id, name).and_then(|member| tape.text(member));
        Some((text("system"), text("code")?))
    };
    let inner = |id| tape.member(id, "coding");
    match (tape.member(element, "code"), inner(element)) {
        (Some(code), _) if !tape.is_object(code) => coding(element).into_iter().collect(),
        (Some(code), _) => {
            let of_concept = inner(code).unwrap_or(code);
            tape.items(of_concept).filter_map(coding).collect()
        }
        (None, Some(own)) => tape.items(own).filter_map(coding).collect(),
        (None, None) => Vec::new(),
    }
}

/// Whether the node is the scalar that a profile writes as `wanted`.
fn has_text(tape: &Tape<'_>, id: Id, wanted: &str) -> bool {
    match &tape.node(id).value {
        Value::String(text) => text == wanted,
        Value::Number(text) => *text == wanted,
        Value::Boolean(is) => wanted == if *is { "true" } else { "false" },
        Value::Object | Value::Array | Value::Null => false,
    }
}

/// Every element of the document that `path` means.
pub(super) fn find(tape: &Tape<'_>, path: &Path) -> Vec<Id> {
    let mut found = vec![0];
    for step in &path.steps {
        let members = found.iter().filter_map(|id| tape.member(*id, &step.name));
        let items = members.flat_map(|member| tape.items(member));
        found = items.filter(|item| holds(tape, *item, step)).collect();
    }
    found
}
