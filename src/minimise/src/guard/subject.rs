//! The wrong-patient guard: what leaves is about the declared subject, and about nobody else.

use std::collections::BTreeSet;

use crate::automaton::find;
use crate::excess::Faults;
use crate::person::Private;
use crate::profile::Profile;
use crate::project::Declared;
use crate::select::Alive;
use crate::tape::{Id, Tape};
use crate::value::index_id;

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

/// Proves that the document is about the declared subject, or says why not.
pub(in super::super) fn prove(
    tape: &Tape<'_>,
    profile: &Profile,
    declared: &Declared<'_>,
    alive: &Alive,
    faults: &mut Faults<'_>,
) -> Option<SubjectProof> {
    let mut said = Said::default();
    for node in profile.subject.iter().flat_map(|path| find(tape, path)) {
        let here = Reading { tape, declared, node }.read(faults);
        said.is_fully_identified &= here.is_identified;
        said.count += 1;
        said.arrays.extend(here.siblings.filter(|siblings| *siblings > 1).map(|_| node));
        said.index_ids.extend(here.index_id);
    }
    if profile.subject.is_empty() {
        return leaving_index_ids(tape, alive, faults).is_empty().then_some(SubjectProof::AtDestination);
    }
    if said.count == 0 {
        let paths: Vec<_> = profile.subject.iter().map(|path| format!("`{path}`")).collect();
        let detail = format!("the document does not say whom it is about in {}", paths.join(" or "));
        faults.add(0, "subject-missing", detail, "name the subject by its identifier or as `Patient/<id>`");
        return None;
    }
    let leaving = leaving_index_ids(tape, alive, faults);
    let all: BTreeSet<&str> = said.index_ids.union(&leaving).copied().collect();
    if all.len() > 1 || !said.arrays.is_empty() {
        let at = said.arrays.first().copied().unwrap_or_default();
        faults.add(
            at,
            "several-subjects",
            "the document is about more than one person",
            "send one document per person",
        );
        return None;
    }
    match all.first() {
        Some(id) if !said.is_fully_identified || !leaving.is_empty() => {
            Some(SubjectProof::ByIndex(Private::new(*id)))
        }
        _ => Some(SubjectProof::ByIdentifier),
    }
}

/// The patients that what leaves refers to. A reference to a patient in another form cannot be compared with the index.
fn leaving_index_ids<'t>(tape: &'t Tape<'_>, alive: &Alive, faults: &mut Faults<'_>) -> BTreeSet<&'t str> {
    let mut ids = BTreeSet::new();
    for node in (1..tape.len()).filter(|node| alive.has(*node)) {
        let text = tape.text(node).unwrap_or_default();
        let is_reference = tape.element_name(node) == "reference";
        if let Some(id) = index_id(text) {
            ids.insert(id);
        } else if is_reference && text.to_ascii_lowercase().contains("patient/") {
            faults.add(node, "subject-unreadable", "a reference to a patient is of no known form", REFER);
        }
    }
    ids
}

const REFER: &str = "refer to the subject as `Patient/<id>`, or to a contained Patient";

/// What the document says at all its subject paths.
struct Said<'t> {
    is_fully_identified: bool,
    count: usize,
    arrays: Vec<Id>,
    index_ids: BTreeSet<&'t str>,
}

impl Default for Said<'_> {
    fn default() -> Self {
        Self { is_fully_identified: true, count: 0, arrays: Vec::new(), index_ids: BTreeSet::new() }
    }
}

struct Reading<'r, 't> {
    tape: &'t Tape<'t>,
    declared: &'r Declared<'r>,
    node: Id,
}

/// What one subject element says.
struct Here<'t> {
    is_identified: bool,
    index_id: Option<&'t str>,
    /// How many stand beside one another, itself included, if it is an item.
    siblings: Option<usize>,
}

impl<'t> Reading<'_, 't> {
    fn read(&self, faults: &mut Faults<'_>) -> Here<'t> {
        let tape = self.tape;
        let array = tape.node(self.node).parent;
        let is_item = tape.node(self.node).name.is_none() && self.node != 0;
        let siblings = is_item.then(|| tape.inside(array).count());
        let reference = tape.member(self.node, "reference");
        let text = reference.and_then(|reference| tape.text(reference));
        let patient = match text.and_then(|text| text.strip_prefix('#')) {
            Some(id) => self.contained_patient(id),
            None => self.is_patient(self.node).then_some(self.node),
        };
        let index_id = text.and_then(index_id);
        let is_readable = reference.is_none() || index_id.is_some() || patient.is_some();
        if !is_readable {
            faults.add(
                self.node,
                "subject-unreadable",
                "the reference to the subject is of no known form",
                REFER,
            );
        }
        let of_element = self.identified_by(self.node);
        let of_patient = patient.map(|patient| self.identified_by(patient));
        let verdicts = [Some(of_element), of_patient.filter(|_| patient != Some(self.node))];
        let verdicts: Vec<_> = verdicts.into_iter().flatten().collect();
        let is_identified = verdicts.contains(&Verdict::Declared);
        if verdicts.contains(&Verdict::Another) {
            let remedy = "declare the person whom the document is about, or send that person's document";
            faults.add(
                self.node,
                "wrong-patient",
                "the document is about another person than declared",
                remedy,
            );
        } else if !is_identified && index_id.is_none() && is_readable {
            let remedy = "name the subject by its identifier or as `Patient/<id>`";
            faults.add(
                self.node,
                "subject-missing",
                "the document does not say whom it is about here",
                remedy,
            );
        }
        Here { is_identified, index_id, siblings }
    }

    fn is_patient(&self, node: Id) -> bool {
        let own = self.tape.member(node, "resourceType");
        own.and_then(|own| self.tape.text(own)) == Some("Patient")
    }

    fn contained_patient(&self, id: &str) -> Option<Id> {
        let contained = self.tape.member(0, "contained")?;
        let has_id = |resource: &Id| {
            let own = self.tape.member(*resource, "id");
            own.and_then(|own| self.tape.text(own)) == Some(id)
        };
        self.tape.items(contained).find(|resource| has_id(resource) && self.is_patient(*resource))
    }

    /// What the identifiers of a Reference or a Patient say. A Reference has one, and it must be the declared one; a Patient may
    /// have others, of other systems.
    fn identified_by(&self, node: Id) -> Verdict {
        let subject = self.declared.subject;
        let Some(identifiers) = self.tape.member(node, "identifier") else {
            return Verdict::Nobody;
        };
        let mut verdict = Verdict::Nobody;
        for identifier in self.tape.items(identifiers) {
            let text = |name| self.tape.member(identifier, name).and_then(|member| self.tape.text(member));
            let is_system = text("system") == Some(subject.system.as_str());
            let is_value = text("value") == Some(subject.value.expose());
            match (is_system, is_value) {
                (true, true) => verdict = verdict.max(Verdict::Declared),
                (false, _) if self.is_patient(node) => {}
                _ => verdict = Verdict::Another,
            }
        }
        verdict
    }
}

/// Whom identifiers name, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Nobody,
    Declared,
    Another,
}
