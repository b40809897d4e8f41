//! Contained resources leave only if something that leaves refers to them; a reference leaves only with what it refers to.

use std::collections::{HashMap, HashSet};

use super::excess::{Excess, Faults, Reason, Refused};
use super::profile::{OnExcess, Profile};
use super::select::{Fate, Selection};
use super::tape::{Id, Tape};
use super::value::{Kind, is_id};

/// Changes the fates of references and contained resources to what both rules allow: the most that can leave.
pub(super) fn settle(
    tape: &Tape<'_>,
    profile: &Profile,
    selection: &mut Selection<'_>,
    faults: &mut Faults<'_>,
) {
    let resources = Resources::new(tape, selection, faults);
    let references = references(tape, profile, selection, &resources);
    let lost = resources.lost(tape, selection, &references);
    for reference in &references {
        let is_lost = reference.target.is_none_or(|target| lost.contains(&target));
        let stays = reference.owner.is_none_or(|owner| !lost.contains(&owner));
        if is_lost && stays {
            drop_reference(tape, profile, selection, reference);
        }
    }
    for resource in resources.nodes.iter().filter(|resource| lost.contains(*resource)) {
        drop_resource(tape, profile, selection, *resource);
    }
}

/// The contained resources that the profile leads to.
struct Resources<'t> {
    nodes: Vec<Id>,
    by_id: HashMap<&'t str, Id>,
}

/// A reference to a contained resource.
struct Reference {
    node: Id,
    path: usize,
    /// The contained resource it stands in.
    owner: Option<Id>,
    /// What it refers to, if that is there.
    target: Option<Id>,
}

impl<'t> Resources<'t> {
    fn new(tape: &'t Tape<'_>, selection: &Selection<'_>, faults: &mut Faults<'_>) -> Self {
        let mut by_id = HashMap::new();
        // All of them, also those that no path leads to: a reference must not change whom it means.
        let all = tape.member(0, "contained").map(|contained| tape.items(contained));
        for resource in all.into_iter().flatten() {
            let id = tape.member(resource, "id").and_then(|id| tape.text(id));
            let Some(id) = id.filter(|id| is_id(id)) else { continue };
            if *by_id.entry(id).or_insert(resource) != resource {
                let remedy = "give each contained resource an id of its own";
                let detail = "two contained resources have one id";
                faults.add(resource, "contained-duplicate-id", detail, remedy);
            }
        }
        by_id.retain(|_, resource| selection.contained.binary_search(resource).is_ok());
        Self { nodes: selection.contained.clone(), by_id }
    }

    /// The contained resource in which `node` stands.
    fn around(&self, tape: &Tape<'_>, node: Id) -> Option<Id> {
        let before = self.nodes.partition_point(|resource| *resource <= node);
        let nearest = self.nodes.get(before.checked_sub(1)?)?;
        (node < tape.node(*nearest).after).then_some(*nearest)
    }

    /// Those that do not leave. Linear: each resource and each reference is looked at once per direction.
    fn lost(&self, tape: &Tape<'_>, selection: &Selection<'_>, references: &[Reference]) -> HashSet<Id> {
        let mut content: HashMap<Id, usize> = HashMap::new();
        for node in 1..tape.len() {
            if let (Fate::Stays { .. }, Some(owner)) = (selection.fate(node), self.around(tape, node)) {
                *content.entry(owner).or_default() += 1;
            }
        }
        let mut referring: HashMap<Id, Vec<Option<Id>>> = HashMap::new();
        let mut referred: HashMap<Option<Id>, Vec<Id>> = HashMap::new();
        let mut ends = Vec::new();
        for reference in references {
            match reference.target {
                Some(target) => {
                    referring.entry(target).or_default().push(reference.owner);
                    referred.entry(reference.owner).or_default().push(target);
                }
                None => ends.extend(reference.owner),
            }
        }
        // Backwards: what has nothing left to say is lost, and so is every reference to it.
        let mut lost = HashSet::new();
        let mut emptied: Vec<Id> =
            self.nodes.iter().copied().filter(|resource| !content.contains_key(resource)).collect();
        for owner in ends {
            emptied.extend(one_less(&mut content, owner));
        }
        while let Some(resource) = emptied.pop() {
            if lost.insert(resource) {
                let owners = referring.get(&resource).into_iter().flatten().flatten();
                emptied.extend(owners.filter_map(|owner| one_less(&mut content, *owner)));
            }
        }
        // Forwards: what nothing leads to is lost too.
        let mut reached = HashSet::new();
        let mut next: Vec<Option<Id>> = vec![None];
        while let Some(from) = next.pop() {
            for target in referred.get(&from).into_iter().flatten() {
                if !lost.contains(target) && reached.insert(*target) {
                    next.push(Some(*target));
                }
            }
        }
        lost.extend(self.nodes.iter().filter(|resource| !reached.contains(*resource)));
        lost
    }
}

/// Takes one value from `owner`; returns it when that was the last.
fn one_less(content: &mut HashMap<Id, usize>, owner: Id) -> Option<Id> {
    let count = content.get_mut(&owner)?;
    *count = count.saturating_sub(1);
    (*count == 0).then_some(owner)
}

fn references(
    tape: &Tape<'_>,
    profile: &Profile,
    selection: &Selection<'_>,
    resources: &Resources<'_>,
) -> Vec<Reference> {
    let found = (1..tape.len()).filter_map(|node| {
        let Fate::Stays { path } = selection.fate(node) else {
            return None;
        };
        let is_reference = tape.element_name(node) == "reference"
            || profile.entry_of(path).is_some_and(|entry| entry.conditions.kind == Kind::Reference);
        // `#` alone refers to the document itself.
        let id = tape.text(node).filter(|_| is_reference)?.strip_prefix('#').filter(|id| !id.is_empty())?;
        Some(Reference {
            node,
            path,
            owner: resources.around(tape, node),
            target: resources.by_id.get(id).copied(),
        })
    });
    found.collect()
}

fn drop_reference(tape: &Tape<'_>, profile: &Profile, selection: &mut Selection<'_>, reference: &Reference) {
    let on_excess = profile.entry_of(reference.path).map_or(OnExcess::Refuse, |entry| entry.on_excess);
    selection.set_fate(reference.node, Fate::Goes);
    let excess = Excess::whole(tape, reference.node, Reason::Dangling, on_excess, || Refused {
        rule: "dangling-reference",
        detail: "the contained resource referred to does not leave".to_owned(),
        remedy: "refer to a contained resource of which the profile keeps something".to_owned(),
    });
    selection.excess.push(excess);
}

fn drop_resource(tape: &Tape<'_>, profile: &Profile, selection: &mut Selection<'_>, resource: Id) {
    let inside = resource..tape.node(resource).after;
    let leaving: Vec<Id> = inside.filter(|node| selection.fate(*node) != Fate::Goes).collect();
    let refused = || Refused {
        rule: "unreferenced-contained",
        detail: "nothing that leaves refers to this contained resource".to_owned(),
        remedy: "leave it out, or refer to it".to_owned(),
    };
    let excess = Excess::whole(tape, resource, Reason::Unreferenced, profile.on_excess, refused);
    for node in &leaving {
        selection.set_fate(*node, Fate::Goes);
    }
    if !leaving.is_empty() {
        selection.excess.push(Excess { values: leaving.len(), ..excess });
    }
}
