//! Whom a document says it is about, read wherever the profile says, whether it leaves or not.
//!
//! A path to the subject ends at an element that identifies as HL7 v3 does (`@root`, `@extension`), or at an attribute or a
//! text that is the declared value itself. Identifiers in one element are of one person.

use std::collections::BTreeSet;

use super::event::Start;
use super::look::is_blank;
use super::vocabulary::Vocabulary;
use crate::automaton::{Question, Test};
use crate::excess::Faults;
use crate::guard::SubjectProof;
use crate::names::Symbol;
use crate::person::Private;
use crate::profile::Profile;
use crate::walk::Bound;

/// What the document has said so far.
#[derive(Debug)]
pub(super) struct Subjects<'p> {
    profile: &'p Profile,
    /// What the format calls the declared system.
    system: &'p str,
    /// Paths that have been followed down to an open element.
    following: Vec<Following>,
    /// One for each path.
    told: Vec<Option<Person>>,
    text: Option<Text>,
    elements: usize,
    is_told: bool,
}

/// A path that leads through the open element at a depth.
#[derive(Debug, Clone, Copy)]
struct Following {
    depth: usize,
    path: usize,
    done: usize,
    /// The element, by how many were followed before.
    element: usize,
}

/// Whoever was told of last by a path.
#[derive(Debug)]
struct Person {
    element: usize,
    verdict: Verdict,
    offset: u64,
    pointer: String,
}

/// A text that names the subject, while it is read.
#[derive(Debug)]
struct Text {
    depth: usize,
    path: usize,
    element: usize,
    value: String,
    offset: u64,
    pointer: String,
}

/// Whom identifiers name, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Nobody,
    Declared,
    Another,
}

/// Where an element stands.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) depth: usize,
    pub(super) offset: u64,
    /// The pointer to it, or to the element around it that does not leave.
    pub(super) pointer: &'a dyn Fn() -> String,
}

/// No identifier is longer.
const VALUE_BYTES_MAX: usize = 1 << 10;

impl<'p> Subjects<'p> {
    pub(super) fn new(profile: &'p Profile, bound: &Bound<'p>) -> Self {
        let declared = bound.subject_system;
        let by_profile = profile.systems.get(declared).map(String::as_str);
        Self {
            profile,
            system: by_profile.unwrap_or_else(|| declared.strip_prefix("urn:oid:").unwrap_or(declared)),
            following: Vec::new(),
            told: profile.subject.iter().map(|_| None).collect(),
            text: None,
            elements: 0,
            is_told: false,
        }
    }

    /// The root element begins.
    pub(super) fn root(
        &mut self,
        start: &Start<'_>,
        at: At<'_>,
        vocabulary: &mut Vocabulary<'p>,
        bound: &Bound<'_>,
        faults: &mut Faults,
    ) {
        for path in 0..self.profile.subject.len() {
            self.arrive(
                Following { depth: at.depth, path, done: 0, element: 0 },
                start,
                at,
                vocabulary,
                bound,
                faults,
            );
        }
    }

    /// Whether a path goes on from the open element at `depth`, the innermost.
    #[inline]
    pub(super) fn follows_at(&self, depth: usize) -> bool {
        self.following.last().is_some_and(|following| following.depth == depth)
    }

    /// Whether the text of the element at `depth` is wanted.
    #[inline]
    pub(super) fn reads_at(&self, depth: usize) -> bool {
        self.text.as_ref().is_some_and(|text| text.depth == depth)
    }

    /// An element called `name` begins below the innermost.
    pub(super) fn follow(
        &mut self,
        name: Symbol,
        start: &Start<'_>,
        at: At<'_>,
        vocabulary: &mut Vocabulary<'p>,
        bound: &Bound<'_>,
        faults: &mut Faults,
    ) {
        let profile = self.profile;
        for place in 0..self.following.len() {
            let Some(around) = self.following.get(place).copied() else { break };
            let path = profile.subject.get(around.path);
            let step = path.and_then(|path| path.steps.get(around.done));
            let Some((step, question)) = step.filter(|_| around.depth + 1 == at.depth) else { continue };
            let is_meant = |question: &Question| holds(question, start, vocabulary);
            if *step == name && question.as_ref().is_none_or(is_meant) {
                let reached = Following { depth: at.depth, done: around.done + 1, ..around };
                self.arrive(reached, start, at, vocabulary, bound, faults);
            }
        }
    }

    /// A path leads to the element that begins; `reached.element` is still the one around it.
    fn arrive(
        &mut self,
        reached: Following,
        start: &Start<'_>,
        at: At<'_>,
        vocabulary: &mut Vocabulary<'p>,
        bound: &Bound<'_>,
        faults: &mut Faults,
    ) {
        let path = self.profile.subject.get(reached.path);
        let rest = path.and_then(|path| path.steps.get(reached.done..)).unwrap_or_default();
        match rest {
            [] => {
                let (root, extension) = (vocabulary.known.root, vocabulary.known.extension);
                let is_system = vocabulary.value_of(start, root).as_deref() == Some(self.system);
                let is_value = vocabulary.value_of(start, extension).as_deref() == Some(bound.subject);
                let verdict = match (is_system, is_value) {
                    (false, _) => Verdict::Nobody,
                    (true, true) => Verdict::Declared,
                    (true, false) => Verdict::Another,
                };
                self.tell(
                    reached.path,
                    reached.element,
                    verdict,
                    at.offset,
                    (at.pointer)(),
                    "/@extension",
                    faults,
                );
            }
            [(leaf, _)] if *leaf == vocabulary.known.text => {
                self.text = Some(Text {
                    depth: at.depth,
                    path: reached.path,
                    element: reached.element,
                    value: String::new(),
                    offset: at.offset,
                    pointer: (at.pointer)(),
                });
            }
            [(leaf, _)] if self.profile.names.shown(*leaf).starts_with('@') => {
                let Some(value) = vocabulary.value_of(start, *leaf) else { return };
                let verdict = if value == bound.subject { Verdict::Declared } else { Verdict::Another };
                if self.is_repeated(reached.path, verdict) {
                    return;
                }
                let below = format!("/{}", self.profile.names.shown(*leaf));
                self.tell(reached.path, reached.element, verdict, at.offset, (at.pointer)(), &below, faults);
            }
            _ => {
                self.elements += 1;
                self.following.push(Following { element: self.elements, ..reached });
            }
        }
    }

    /// Text in the innermost element.
    pub(super) fn read(&mut self, text: &str) {
        if let Some(wanted) = self.text.as_mut().filter(|wanted| wanted.value.len() <= VALUE_BYTES_MAX) {
            wanted.value.push_str(text);
        }
    }

    /// The innermost element, at `depth`, ends.
    #[inline]
    pub(super) fn close(&mut self, depth: usize, bound: &Bound<'_>, faults: &mut Faults) {
        while self.following.pop_if(|following| following.depth >= depth).is_some() {}
        if self.reads_at(depth) {
            self.end_text(bound, faults);
        }
    }

    fn end_text(&mut self, bound: &Bound<'_>, faults: &mut Faults) {
        let Some(text) = self.text.take().filter(|text| !is_blank(&text.value)) else { return };
        let verdict = if text.value == bound.subject { Verdict::Declared } else { Verdict::Another };
        if !self.is_repeated(text.path, verdict) {
            self.tell(text.path, text.element, verdict, text.offset, text.pointer, "/text()", faults);
        }
    }

    /// Whether the declared value was told before by this path: it names the same person wherever it stands, as in each
    /// of the bills of one patient.
    fn is_repeated(&self, path: usize, verdict: Verdict) -> bool {
        let told = self.told.get(path).and_then(Option::as_ref);
        verdict == Verdict::Declared && told.is_some_and(|person| person.verdict == Verdict::Declared)
    }

    #[expect(clippy::too_many_arguments, reason = "what was told, and where")]
    fn tell(
        &mut self,
        path: usize,
        element: usize,
        verdict: Verdict,
        offset: u64,
        pointer: String,
        below: &str,
        faults: &mut Faults,
    ) {
        self.is_told = true;
        if verdict == Verdict::Another {
            let remedy = "declare the person whom the document is about, or send that person's document";
            let detail = "the document is about another person than declared";
            faults.add(offset, || format!("{pointer}{below}"), "wrong-patient", detail, remedy);
        }
        let Some(person) = self.told.get_mut(path) else { return };
        match person {
            Some(person) if person.element == element => person.verdict = person.verdict.max(verdict),
            earlier => {
                if let Some(earlier) =
                    earlier.replace(Person { element, verdict, offset, pointer: pointer.clone() })
                {
                    judge(&earlier, faults);
                    let detail = "the document is about more than one person";
                    faults.add(
                        offset,
                        || pointer,
                        "several-subjects",
                        detail,
                        "send one document per person",
                    );
                }
            }
        }
    }

    /// How the document names its subject, `leaving` being the patients of the index that what leaves refers to.
    pub(super) fn prove(self, leaving: &BTreeSet<String>, faults: &mut Faults) -> Option<SubjectProof> {
        let paths = &self.profile.subject;
        if paths.is_empty() {
            return leaving.is_empty().then_some(SubjectProof::AtDestination);
        }
        if !self.is_told {
            let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.text)).collect();
            let detail = format!("the document does not say whom it is about in {}", paths.join(" or "));
            faults.add(0, String::new, "subject-missing", detail, REMEDY);
            return None;
        }
        self.told.iter().flatten().for_each(|person| judge(person, faults));
        let mut leaving = leaving.iter();
        match (leaving.next(), leaving.next()) {
            (None, _) => Some(SubjectProof::ByIdentifier),
            (Some(id), None) => Some(SubjectProof::ByIndex(Private::new(id.as_str()))),
            (Some(_), Some(_)) => {
                let detail = "the document is about more than one person";
                faults.add(0, String::new, "several-subjects", detail, "send one document per person");
                None
            }
        }
    }
}

const REMEDY: &str = "name the subject by the declared identifier";

/// Somebody whom no identifier names is nobody.
fn judge(person: &Person, faults: &mut Faults) {
    if person.verdict == Verdict::Nobody {
        let detail = "the document does not say whom it is about here";
        faults.add(person.offset, || person.pointer.clone(), "subject-missing", detail, REMEDY);
    }
}

/// Whether the element's own attributes answer with yes.
fn holds(question: &Question, start: &Start<'_>, vocabulary: &mut Vocabulary<'_>) -> bool {
    question.tests.iter().all(|test| match test {
        Test::Child { names, value } | Test::Any { names, value } => {
            let own = names.first().and_then(|name| vocabulary.value_of(start, *name));
            own.as_deref() == Some(value)
        }
        Test::Code(_) | Test::Token { .. } => false,
    })
}
