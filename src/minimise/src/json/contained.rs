//! Contained resources leave only if something that leaves refers to them; a reference leaves only with what it refers to.
//!
//! Which do is known when the document has been read. Nearly always all do; otherwise the document is read again, with
//! what was learned.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

type Set<T> = HashSet<T, RandomState>;
type Map<K, V> = HashMap<K, V, RandomState>;

/// The contained resources of a document and what refers to them, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Contained {
    resources: Vec<Resource>,
    /// The resource that has the id with this hash, by its place among the resources.
    by_id: Map<u64, usize>,
    references: Vec<Reference>,
    /// What an earlier reading found out.
    verdict: Option<Verdict>,
    /// The resource that is open, and the depth at which it is.
    open: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Resource {
    id: Option<u64>,
    /// Whether the profile leads to it.
    is_led_to: bool,
    /// How many values stay in it.
    content: usize,
}

/// A reference to a contained resource.
#[derive(Debug, Clone, Copy)]
struct Reference {
    /// The contained resource it stands in, by its place among the resources.
    owner: Option<usize>,
    /// The hash of the id it refers to.
    target: u64,
}

/// What leaves of the contained resources.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    lost: Set<usize>,
    live_ids: Set<u64>,
}

impl Contained {
    /// For reading a document again.
    pub(super) fn knowing(verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), ..Self::default() }
    }

    /// The next resource begins; says whether another had its id.
    pub(super) fn begin(&mut self, id: Option<u64>) -> bool {
        let place = self.resources.len();
        self.resources.push(Resource { id, is_led_to: false, content: 0 });
        id.is_some_and(|id| *self.by_id.entry(id).or_insert(place) != place)
    }

    /// The resource begun last is opened at `depth`; says whether it is lost.
    pub(super) fn open(&mut self, depth: usize) -> bool {
        let place = self.resources.len().saturating_sub(1);
        if let Some(resource) = self.resources.get_mut(place) {
            resource.is_led_to = true;
        }
        self.open = Some((place, depth));
        self.verdict.as_ref().is_some_and(|verdict| verdict.lost.contains(&place))
    }

    /// Whether a resource is open.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What was open at `depth` ends; says whether it was a resource.
    pub(super) fn close(&mut self, depth: usize) -> bool {
        self.open.take_if(|(_, own)| *own == depth).is_some()
    }

    /// A value stays.
    #[inline]
    pub(super) fn keep(&mut self) {
        if let Some(resource) = self.open.and_then(|(place, _)| self.resources.get_mut(place)) {
            resource.content += 1;
        }
    }

    /// A reference to the id with this hash would stay; says whether it may.
    pub(super) fn refer(&mut self, target: u64) -> bool {
        match &self.verdict {
            Some(verdict) => verdict.live_ids.contains(&target),
            None => {
                self.references.push(Reference { owner: self.open.map(|(place, _)| place), target });
                true
            }
        }
    }

    /// Nothing if all that was kept may stay; otherwise what must be known to read the document again.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        if self.verdict.is_some() {
            return None;
        }
        let is_led_to = |place: &usize| self.resources.get(*place).is_some_and(|resource| resource.is_led_to);
        let target = |reference: &Reference| self.by_id.get(&reference.target).copied().filter(is_led_to);
        let lost = self.lost(target);
        let dangles = |reference: &Reference| target(reference).is_none_or(|target| lost.contains(&target));
        if lost.is_empty() && !self.references.iter().any(dangles) {
            return None;
        }
        let live = self.resources.iter().enumerate();
        let live = live.filter(|(place, resource)| resource.is_led_to && !lost.contains(place));
        let live_ids = live.filter_map(|(_, resource)| resource.id).collect();
        Some(Verdict { lost, live_ids })
    }

    /// The resources that do not leave. Linear: each resource and each reference is looked at once per direction.
    fn lost(&self, target: impl Fn(&Reference) -> Option<usize>) -> Set<usize> {
        let mut content: Vec<usize> = self.resources.iter().map(|resource| resource.content).collect();
        let mut referring: Map<usize, Vec<Option<usize>>> = Map::default();
        let mut referred: Map<Option<usize>, Vec<usize>> = Map::default();
        let led_to = || self.resources.iter().enumerate().filter(|(_, resource)| resource.is_led_to);
        // Backwards: what has nothing left to say is lost, and so is every reference to it.
        let mut emptied: Vec<usize> =
            led_to().filter(|(_, resource)| resource.content == 0).map(|(place, _)| place).collect();
        for reference in &self.references {
            match target(reference) {
                Some(target) => {
                    referring.entry(target).or_default().push(reference.owner);
                    referred.entry(reference.owner).or_default().push(target);
                }
                None => emptied.extend(reference.owner.and_then(|owner| one_less(&mut content, owner))),
            }
        }
        let mut lost = Set::default();
        while let Some(resource) = emptied.pop() {
            if lost.insert(resource) {
                let owners = referring.get(&resource).into_iter().flatten().flatten();
                emptied.extend(owners.filter_map(|owner| one_less(&mut content, *owner)));
            }
        }
        // Forwards: what nothing leads to is lost too.
        let mut reached: Set<usize> = Set::default();
        let mut next: Vec<Option<usize>> = vec![None];
        while let Some(from) = next.pop() {
            for target in referred.get(&from).into_iter().flatten() {
                if !lost.contains(target) && reached.insert(*target) {
                    next.push(Some(*target));
                }
            }
        }
        lost.extend(led_to().map(|(place, _)| place).filter(|place| !reached.contains(place)));
        lost
    }
}

/// Takes one value from `owner`; returns it when that was the last.
fn one_less(content: &mut [usize], owner: usize) -> Option<usize> {
    let count = content.get_mut(owner)?;
    *count = count.saturating_sub(1);
    (*count == 0).then_some(owner)
}
