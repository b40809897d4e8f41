//! Whom a document says it is about.
//!
//! It is read wherever the profile says, whether it leaves or not. A reference to a contained Patient is settled at the end,
//! since that may stand anywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::glimpse::{Fhir, Glimpse, Id};
use crate::excess::Faults;
use crate::guard::{REFER, SubjectProof};
use crate::person::Private;
use crate::profile::SubjectPath;
use crate::value::index_id;
use crate::walk::Bound;

/// What the document has said so far.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// Paths that have been followed down to an open element or list, and how far.
    pub(super) following: Vec<Following>,
    count: usize,
    /// Whether each names the declared identifier.
    is_fully_identified: bool,
    several_at: Option<Told>,
    index_ids: BTreeSet<String>,
    /// Those that refer to a contained resource, by its id and by what they say themselves.
    deferred: BTreeMap<(String, Verdict), Told>,
    /// What the contained patients say, by id.
    patients: BTreeMap<String, Verdict>,
}

/// A path that leads through the element or list at a depth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Following {
    pub(super) depth: usize,
    /// The path, by its place in the profile.
    pub(super) path: usize,
    /// How many of its steps have been taken.
    pub(super) done: usize,
}

/// Where something was told.
#[derive(Debug, Clone)]
struct Told {
    offset: u64,
    pointer: String,
}

/// Whom identifiers name, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Nobody,
    Declared,
    Another,
}

/// What reading an element needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) window: &'a str,
    pub(super) fhir: &'a Fhir,
    pub(super) bound: &'a Bound<'a>,
    pub(super) offset: u64,
    /// The element's or the array's own pointer.
    pub(super) pointer: &'a str,
}

/// No document has more contained patients than this; those beyond are not looked at, and so nobody is found to be meant.
const PATIENTS_MAX: usize = 1000;

impl Subjects {
    pub(super) fn new(paths: &[SubjectPath]) -> Self {
        let following = (0..paths.len()).map(|path| Following { depth: 1, path, done: 0 }).collect();
        Self { following, is_fully_identified: true, ..Self::default() }
    }

    /// Whether a path goes on from the element or list at `depth`, the innermost.
    #[inline]
    pub(super) fn follows_at(&self, depth: usize) -> bool {
        self.following.last().is_some_and(|following| following.depth == depth)
    }

    /// The open element or list at `depth` has ended.
    #[inline]
    pub(super) fn close(&mut self, depth: usize) {
        while self.following.pop_if(|following| following.depth >= depth && depth > 1).is_some() {}
    }

    /// Reads the subject in what was seen of an element or of a list of them, down the steps of `path` from the one at `done` on.
    pub(super) fn read(
        &mut self,
        glimpse: &Glimpse,
        around: &Around<'_>,
        path: &SubjectPath,
        done: usize,
        faults: &mut Faults,
    ) {
        let mut found: Vec<(Id, Option<usize>, usize)> = Vec::new();
        let holds = |id: Id, step: usize| {
            let question = path.steps.get(step).and_then(|(_, question)| question.as_ref());
            question.is_none_or(|question| glimpse.holds(around.window, around.fhir, id, question))
        };
        let items = |array: Id, step: usize| -> Vec<(Id, Option<usize>, usize)> {
            let count = glimpse.count(array);
            let is_array = !glimpse.items(array).any(|item| item == array);
            let all = glimpse.items(array).enumerate().filter(|(_, item)| holds(*item, step));
            all.map(|(index, item)| (item, is_array.then_some(index), if is_array { count } else { 1 }))
                .collect()
        };
        found.extend(items(0, done));
        for step in done + 1..path.steps.len() {
            let Some((name, _)) = path.steps.get(step) else { break };
            let members: Vec<Id> =
                found.iter().filter_map(|(element, ..)| glimpse.member(*element, *name)).collect();
            found = members.into_iter().flat_map(|member| items(member, step)).collect();
        }
        let is_here = done + 1 == path.steps.len();
        for (element, index, siblings) in found {
            let index = index.filter(|_| is_here).map(|index| format!("/{index}")).unwrap_or_default();
            let pointer = format!("{}{index}", around.pointer);
            self.element(glimpse, around, element, siblings, Told { offset: around.offset, pointer }, faults);
        }
    }

    /// Reads the element at `id`, which is a subject.
    fn element(
        &mut self,
        glimpse: &Glimpse,
        around: &Around<'_>,
        id: Id,
        siblings: usize,
        told: Told,
        faults: &mut Faults,
    ) {
        self.count += 1;
        if siblings > 1 {
            self.several_at.get_or_insert_with(|| told.clone());
        }
        let reference = glimpse.text_of(around.window, id, around.fhir.reference);
        let verdict = identified_by(glimpse, around, id);
        if let Some(contained) = reference.and_then(|reference| reference.strip_prefix('#')) {
            self.deferred.entry((contained.to_owned(), verdict)).or_insert(told);
            return;
        }
        let index_id = reference.and_then(index_id);
        let has_reference = glimpse.member(id, around.fhir.reference).is_some();
        let is_readable = !has_reference || index_id.is_some() || is_patient(glimpse, around, id);
        self.index_ids.extend(index_id.map(str::to_owned));
        self.judge(verdict, index_id.is_some(), is_readable, &told, faults);
    }

    fn judge(
        &mut self,
        verdict: Verdict,
        has_index_id: bool,
        is_readable: bool,
        told: &Told,
        faults: &mut Faults,
    ) {
        self.is_fully_identified &= verdict == Verdict::Declared;
        let mut add = |rule, detail, remedy: &str| {
            faults.add(told.offset, || told.pointer.clone(), rule, detail, remedy);
        };
        if !is_readable {
            add("subject-unreadable", "the reference to the subject is of no known form", REFER);
        }
        if verdict == Verdict::Another {
            let remedy = "declare the person whom the document is about, or send that person's document";
            add("wrong-patient", "the document is about another person than declared", remedy);
        } else if verdict == Verdict::Nobody && !has_index_id && is_readable {
            let remedy = "name the subject by its identifier or as `Patient/<id>`";
            add("subject-missing", "the document does not say whom it is about here", remedy);
        }
    }

    /// Remembers a contained patient.
    pub(super) fn patient(&mut self, glimpse: &Glimpse, around: &Around<'_>) {
        let id = glimpse.text_of(around.window, 0, around.fhir.id);
        if let Some(id) = id.filter(|_| self.patients.len() < PATIENTS_MAX) {
            let verdict = identified_by(glimpse, around, 0);
            self.patients.entry(id.to_owned()).or_insert(verdict);
        }
    }

    /// How the document names its subject, `leaving` being the patients that what leaves refers to.
    pub(super) fn prove(
        mut self,
        paths: &[SubjectPath],
        leaving: &BTreeSet<String>,
        faults: &mut Faults,
    ) -> Option<SubjectProof> {
        if paths.is_empty() {
            return leaving.is_empty().then_some(SubjectProof::AtDestination);
        }
        for ((contained, own), told) in std::mem::take(&mut self.deferred) {
            let patient = self.patients.get(&contained).copied();
            let verdict = patient.map_or(own, |patient| own.max(patient));
            self.judge(verdict, false, patient.is_some(), &told, faults);
        }
        if self.count == 0 {
            let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.text)).collect();
            let detail = format!("the document does not say whom it is about in {}", paths.join(" or "));
            let remedy = "name the subject by its identifier or as `Patient/<id>`";
            faults.add(0, String::new, "subject-missing", detail, remedy);
            return None;
        }
        let all: BTreeSet<&String> = self.index_ids.union(leaving).collect();
        if all.len() > 1 || self.several_at.is_some() {
            let told = self.several_at.unwrap_or(Told { offset: 0, pointer: String::new() });
            let detail = "the document is about more than one person";
            faults.add(
                told.offset,
                || told.pointer,
                "several-subjects",
                detail,
                "send one document per person",
            );
            return None;
        }
        match all.first() {
            Some(id) if !self.is_fully_identified || !leaving.is_empty() => {
                Some(SubjectProof::ByIndex(Private::new(id.as_str())))
            }
            _ => Some(SubjectProof::ByIdentifier),
        }
    }
}

fn is_patient(glimpse: &Glimpse, around: &Around<'_>, id: Id) -> bool {
    glimpse.text_of(around.window, id, around.fhir.resource_type) == Some("Patient")
}

/// What the identifiers of a Reference or a Patient say. A Reference has one, and it must be the declared one; a Patient may
/// have others, of other systems.
fn identified_by(glimpse: &Glimpse, around: &Around<'_>, id: Id) -> Verdict {
    let Around { window, fhir, bound, .. } = *around;
    let Some(identifiers) = glimpse.member(id, fhir.identifier) else {
        return Verdict::Nobody;
    };
    let is_patient = is_patient(glimpse, around, id);
    let mut verdict = Verdict::Nobody;
    for identifier in glimpse.items(identifiers) {
        let is_system = glimpse.text_of(window, identifier, fhir.system) == Some(bound.subject_system);
        let is_value = glimpse.text_of(window, identifier, fhir.value) == Some(bound.subject);
        match (is_system, is_value) {
            (true, true) => verdict = verdict.max(Verdict::Declared),
            (false, _) if is_patient => {}
            _ => verdict = Verdict::Another,
        }
    }
    verdict
}
