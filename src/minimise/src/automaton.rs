//! The paths of a profile as one automaton: a step down a document is a step from states to states.
//!
//! A state stands for "this element is what these paths have named so far". It knows no format: what must be seen of an
//! element before a step can be taken is a [`Question`], and the format's reader answers it.

use super::names::{Names, Symbol};
use super::path::{Path, Predicate, Step};
use super::profile::Format;

/// The index of a state.
pub(crate) type StateId = usize;

/// All paths of a profile. State 0 is the whole document.
#[derive(Debug, Clone)]
pub(crate) struct Automaton {
    format: Format,
    states: Vec<State>,
    questions: Vec<Question>,
}

/// What paths end here, and which lead on.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// `[[keep]]` paths, by their place in the profile.
    pub(crate) keeps: Vec<Keep>,
    /// `[[drop]]` paths, by their place in the profile.
    pub(crate) drops: Vec<usize>,
    /// Values that stay because a condition tested them.
    pub(crate) labels: Vec<Label>,
    /// The path to here as manifests show it.
    pub(crate) shown: String,
    edges: Vec<Edge>,
}

/// The end of a `[[keep]]` path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// The path's place in the profile.
    pub(crate) path: usize,
    /// Set when the value only names an element so many steps up: it does not keep that element alive.
    pub(crate) label_of: Option<usize>,
}

/// A value that a condition tests. It stays with the element that it picks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// What it must be.
    pub(crate) value: String,
    /// How many steps up the element is.
    pub(crate) owner_up: usize,
    /// Whether the element is picked by the first such value, on the word that every other is the same.
    pub(crate) is_sole: bool,
}

/// A step that a path takes.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) name: Symbol,
    /// What must hold, by its place among the questions.
    pub(crate) question: Option<usize>,
    pub(crate) to: StateId,
    /// How much it says of the element: the most telling edge gives it its name in manifests.
    pub(crate) telling: usize,
    /// Boxed: edges are searched by name, and should lie close together.
    step: Box<Step>,
}

/// Where the name of an element leads, if it alone tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lead {
    /// No path goes there.
    Nowhere,
    /// One path does, to a value that it keeps or not.
    Value {
        /// The state behind the step.
        state: StateId,
        /// The path's place in the profile.
        path: usize,
    },
    /// Paths lead on through it, and none ends there.
    Element {
        /// The state behind the step.
        state: StateId,
    },
    /// More than the name must be known.
    Further,
}

/// What must hold of an element for a step to mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The resource type it must have.
    pub(crate) of_type: Option<String>,
    /// What must hold besides.
    pub(crate) tests: Vec<Test>,
    /// The members that must be seen to answer.
    pub(crate) needs: Vec<Symbol>,
    /// Whether the element's code must be seen, wherever it has it.
    pub(crate) asks_code: bool,
}

/// A predicate whose names are symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// The element's code is this one, in whatever system.
    Code(String),
    /// The element's code is this one.
    Token {
        /// Of this system.
        system: String,
        /// This code.
        code: String,
    },
    /// There is a value at this path, and every one is this.
    Child {
        /// The path from the element.
        names: Vec<Symbol>,
        /// The value.
        value: String,
    },
    /// There is a value at this path that is this.
    Any {
        /// The path from the element.
        names: Vec<Symbol>,
        /// The value.
        value: String,
    },
}

impl Automaton {
    /// The automaton of these paths, whose names are added to `names`.
    pub(crate) fn new(format: Format, root: &str, keeps: &[Path], drops: &[Path], names: &mut Names) -> Self {
        let whole = State { shown: root.to_owned(), ..State::default() };
        let mut automaton = Self { format, states: vec![whole], questions: Vec::new() };
        for (place, path) in keeps.iter().enumerate() {
            let end = automaton.insert(0, &path.steps, names);
            let keep = Keep { path: place, label_of: label_of(path, keeps) };
            automaton.change(end, |state| state.keeps.push(keep));
        }
        automaton.insert_labels(names);
        for (place, path) in drops.iter().enumerate() {
            let end = automaton.insert(0, &path.steps, names);
            automaton.change(end, |state| state.drops.push(place));
        }
        automaton
    }

    /// The state at `id`.
    #[inline]
    pub(crate) fn state(&self, id: StateId) -> Option<&State> {
        self.states.get(id)
    }

    /// The steps from `state` into elements called `name`.
    #[inline]
    pub(crate) fn edges(&self, state: StateId, name: Symbol) -> impl Iterator<Item = &Edge> {
        let edges = self.states.get(state).map_or(&[][..], |state| &state.edges);
        edges.iter().filter(move |edge| edge.name == name)
    }

    /// Where the name of a value leads from `state`, if it alone tells.
    #[inline]
    pub(crate) fn lead(&self, state: StateId, name: Symbol) -> Lead {
        let mut edges = self.edges(state, name);
        let (edge, state) = match (edges.next(), edges.next()) {
            (None, _) => return Lead::Nowhere,
            (Some(edge), None) if edge.question.is_none() => (edge, self.state(edge.to)),
            _ => return Lead::Further,
        };
        match state.map(|state| (state.keeps.as_slice(), state.drops.as_slice(), state.labels.as_slice())) {
            Some(([Keep { path, label_of: None }], [], [])) => Lead::Value { state: edge.to, path: *path },
            Some(([], [], [])) => Lead::Element { state: edge.to },
            _ => Lead::Further,
        }
    }

    /// The question at `place`.
    pub(crate) fn question(&self, place: usize) -> Option<&Question> {
        self.questions.get(place)
    }

    fn insert(&mut self, from: StateId, steps: &[Step], names: &mut Names) -> StateId {
        steps.iter().fold(from, |at, step| self.step_into(at, step, &step.conditions(), names))
    }

    /// The state behind `step`; `conditions` is what manifests show of it.
    fn step_into(&mut self, at: StateId, step: &Step, conditions: &str, names: &mut Names) -> StateId {
        let known = self.state(at).and_then(|state| state.edges.iter().find(|edge| *edge.step == *step));
        if let Some(edge) = known {
            return edge.to;
        }
        let above = self.state(at).map_or("", |state| state.shown.as_str());
        let shown = self.format.join(above, &format!("{}{conditions}", step.name));
        let to = self.states.len();
        self.states.push(State { shown, ..State::default() });
        let question = Question::new(step, names).map(|question| self.ask(question));
        let edge = Edge {
            name: names.add(&step.name),
            question,
            to,
            telling: conditions.len(),
            step: Box::new(step.clone()),
        };
        self.change(at, |state| state.edges.push(edge));
        to
    }

    fn ask(&mut self, question: Question) -> usize {
        let known = self.questions.iter().position(|known| *known == question);
        known.unwrap_or_else(|| {
            self.questions.push(question);
            self.questions.len() - 1
        })
    }

    /// What a condition on a `[[keep]]` path tests stays with the element it picks.
    fn insert_labels(&mut self, names: &mut Names) {
        let all = self.states.iter().enumerate();
        let edges: Vec<(StateId, Edge)> =
            all.flat_map(|(from, state)| state.edges.iter().map(move |edge| (from, edge.clone()))).collect();
        for (from, edge) in edges {
            let conditions = edge.step.conditions();
            for tested in edge.step.predicates.iter().flat_map(tested) {
                // A system goes only with its code, and a code with its system: both are asked of what they stand in.
                let (mut at, mut steps) = (edge.to, tested.steps);
                if let Some(beside) = tested.beside {
                    let (container, last) = match steps.split_last_mut() {
                        Some((last, [])) => (None, last),
                        Some((last, [.., container])) => (Some(container), last),
                        None => continue,
                    };
                    match container {
                        Some(container) => container.predicates.extend(beside),
                        None => {
                            let mut element = (*edge.step).clone();
                            element.predicates.extend(beside);
                            at = self.step_into(from, &element, &conditions, names);
                        }
                    }
                    debug_assert!(last.predicates.is_empty(), "a value takes no condition");
                }
                let label = Label { value: tested.value, owner_up: steps.len(), is_sole: tested.is_sole };
                for step in &steps {
                    at = self.step_into(at, step, "", names);
                }
                self.change(at, |state| state.labels.push(label));
            }
        }
    }

    fn change(&mut self, id: StateId, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.states.get_mut(id) {
            change(state);
        }
    }
}

impl Question {
    /// What `step` asks of an element, if anything.
    pub(crate) fn new(step: &Step, names: &mut Names) -> Option<Self> {
        if step.of_type.is_none() && step.predicates.is_empty() {
            return None;
        }
        let mut needs = Vec::new();
        if step.of_type.is_some() {
            needs.push(names.add("resourceType"));
        }
        let mut tests = Vec::new();
        for predicate in &step.predicates {
            tests.push(match predicate {
                Predicate::Code(code) => Test::Code(code.clone()),
                Predicate::Token { system, code } => {
                    Test::Token { system: system.clone(), code: code.clone() }
                }
                Predicate::Child { names: path, value } => {
                    let path: Vec<Symbol> = path.iter().map(|name| names.add(name)).collect();
                    needs.extend(path.first().copied());
                    Test::Child { names: path, value: value.clone() }
                }
                Predicate::Node { any, names: path, value } => {
                    let names: Vec<Symbol> = path.iter().map(|name| names.add(name)).collect();
                    needs.extend(names.first().copied());
                    let value = value.clone();
                    if *any { Test::Any { names, value } } else { Test::Child { names, value } }
                }
            });
        }
        needs.sort_unstable();
        needs.dedup();
        let asks_code = tests.iter().any(|test| matches!(test, Test::Code(_) | Test::Token { .. }));
        Some(Self { of_type: step.of_type.clone(), tests, needs, asks_code })
    }
}

/// How many steps up the element is that this path's value only labels: a path into the `code` of an element picked by
/// its code, where other paths name something else there, says what the element is and not what it says.
fn label_of(path: &Path, all: &[Path]) -> Option<usize> {
    path.steps.iter().enumerate().find_map(|(depth, step)| {
        let by_code =
            |predicate: &Predicate| matches!(predicate, Predicate::Code(_) | Predicate::Token { .. });
        let below = path.steps.get(depth + 1..).filter(|below| below.len() > 1)?;
        if !step.predicates.iter().any(by_code) || below.first()?.name != "code" {
            return None;
        }
        let up_to_here = path.steps.get(..=depth)?;
        let elsewhere = all.iter().filter_map(|other| other.steps.strip_prefix(up_to_here));
        let has_content = elsewhere.filter_map(<[Step]>::first).any(|next| next.name != "code");
        has_content.then_some(below.len())
    })
}

/// A value that a condition tests: the steps to it from the element, and what must hold of what it stands in.
struct Tested {
    steps: Vec<Step>,
    value: String,
    beside: Option<[Predicate; 2]>,
    is_sole: bool,
}

fn tested(predicate: &Predicate) -> Vec<Tested> {
    let at = |names: &[&str], value: &str, beside: Option<[Predicate; 2]>| Tested {
        steps: names.iter().map(|name| Step::plain(name)).collect(),
        value: value.to_owned(),
        beside,
        is_sole: false,
    };
    match predicate {
        Predicate::Code(code) => {
            CODINGS.iter().map(|above| at(&[above, &["code"][..]].concat(), code, None)).collect()
        }
        Predicate::Token { system, code } => {
            let is = |name: &str, value: &str| Predicate::Child {
                names: vec![name.to_owned()],
                value: value.to_owned(),
            };
            let both = |above: &&[&str]| {
                [("system", system), ("code", code)].map(|(name, value)| {
                    let beside = [is("system", system), is("code", code)];
                    at(&[above, &[name][..]].concat(), value, Some(beside))
                })
            };
            CODINGS.iter().flat_map(both).collect()
        }
        Predicate::Child { names, value } => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            vec![at(&names, value, None)]
        }
        Predicate::Node { any, names, value } => {
            // Attributes of the element itself are seen all at once.
            let is_sole = !any && !matches!(names.as_slice(), [own] if own.starts_with('@'));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            vec![Tested { is_sole, ..at(&names, value, None) }]
        }
    }
}

/// Where an element's coding is: itself (also when its `code` is a mere code), or below.
const CODINGS: [&[&str]; 4] = [&[], &["coding"], &["code"], &["code", "coding"]];
