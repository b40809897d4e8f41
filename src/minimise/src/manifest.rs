//! What minimisation kept and dropped, for the client, the ledger and the data protection officer: paths, reasons and
//! counts, never a value.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use serde::Serialize;

use super::automaton::StateId;
use super::excess::Reason;
use super::limits::Limits;
use super::names::Symbol;
use super::profile::Profile;

/// Where something stood, as a manifest shows it: a place of the profile, or what stands under one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The state by which the profile leads there.
    pub(crate) state: StateId,
    /// What stands under it, if the profile does not lead further, with its type if that is known.
    pub(crate) under: Option<(Symbol, Symbol)>,
}

impl Place {
    /// A place to which the profile leads.
    pub(crate) const fn at(state: StateId) -> Self {
        Self { state, under: None }
    }

    /// What stands under `state` by the name of `name`.
    pub(crate) const fn under(state: StateId, name: Symbol) -> Self {
        Self { state, under: Some((name, Symbol::UNKNOWN)) }
    }

    fn shown(&self, profile: &Profile) -> String {
        let above = profile.automaton.state(self.state).map_or("", |state| state.shown.as_str());
        match self.under {
            None => above.to_owned(),
            Some((name, Symbol::UNKNOWN)) => profile.format.join(above, profile.names.shown(name)),
            Some((name, of_type)) => {
                let typed = format!("{}({})", profile.names.shown(name), profile.names.shown(of_type));
                profile.format.join(above, &typed)
            }
        }
    }
}

/// Counts what is kept and dropped. Its size is bounded by the profile and the names that are known.
#[derive(Debug)]
pub(crate) struct Tally {
    kept: Vec<usize>,
    met: Vec<bool>,
    implied: usize,
    dropped: HashMap<(Place, Reason), usize, RandomState>,
}

impl Tally {
    pub(crate) fn new(paths: usize) -> Self {
        Self { kept: vec![0; paths], met: vec![false; paths], implied: 0, dropped: HashMap::default() }
    }

    /// A value stays: by this path, or because it names what stays.
    #[inline]
    pub(crate) fn kept(&mut self, path: Option<usize>) {
        match path.and_then(|path| self.kept.get_mut(path)) {
            Some(count) => *count += 1,
            None => self.implied += 1,
        }
    }

    /// Something of an element that this path names stays.
    pub(crate) fn met(&mut self, path: usize) {
        if let Some(is) = self.met.get_mut(path) {
            *is = true;
        }
    }

    pub(crate) fn is_met(&self, path: usize) -> bool {
        self.met.get(path).copied().unwrap_or(false) || self.kept.get(path).is_some_and(|count| *count > 0)
    }

    pub(crate) fn dropped(&mut self, place: Place, reason: Reason, values: usize) {
        *self.dropped.entry((place, reason)).or_default() += values;
    }
}

/// What was kept and dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    profile: String,
    version: String,
    categories: BTreeSet<String>,
    kept: Vec<Kept>,
    dropped: Vec<Dropped>,
    kept_values: usize,
    implied_values: usize,
    dropped_values: usize,
    #[serde(skip_serializing_if = "is_zero")]
    more_kept_paths: usize,
    #[serde(skip_serializing_if = "is_zero")]
    more_dropped_paths: usize,
}

/// Values kept by one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Kept {
    /// The path, as the profile has it.
    pub path: String,
    /// Its category of data.
    pub category: String,
    /// How many values it kept.
    pub values: usize,
}

/// Elements dropped at one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Dropped {
    /// The path, without any value; a name that neither the profile nor FHIR R5 has is `*`.
    pub path: String,
    /// Why.
    pub reason: Reason,
    /// How many values went.
    pub values: usize,
}

impl Manifest {
    pub(crate) fn new(profile: &Profile, tally: &Tally, limits: &Limits) -> Self {
        let kept: Vec<(usize, usize)> =
            tally.kept.iter().copied().enumerate().filter(|(_, values)| *values > 0).collect();
        let mut dropped: BTreeMap<(String, Reason), usize> = BTreeMap::new();
        for ((place, reason), values) in &tally.dropped {
            *dropped.entry((place.shown(profile), *reason)).or_default() += values;
        }
        let max = limits.manifest_paths_max;
        Self {
            profile: profile.name.clone(),
            version: profile.version.clone(),
            categories: categories(profile, kept.iter().map(|(path, _)| *path)),
            kept_values: kept.iter().map(|(_, values)| values).sum(),
            implied_values: tally.implied,
            dropped_values: dropped.values().sum(),
            more_kept_paths: kept.len().saturating_sub(max),
            more_dropped_paths: dropped.len().saturating_sub(max),
            kept: kept.into_iter().take(max).filter_map(|kept| kept_at(profile, kept)).collect(),
            dropped: most(dropped, max),
        }
    }

    /// Adds what was kept and dropped of another document under the same profile.
    pub fn join(&mut self, other: Self, limits: &Limits) {
        let max = limits.manifest_paths_max;
        self.categories.extend(other.categories);
        for kept in other.kept {
            match self.kept.iter().position(|before| before.path == kept.path) {
                Some(at) => self.kept.get_mut(at).into_iter().for_each(|before| before.values += kept.values),
                None if self.kept.len() < max => self.kept.push(kept),
                None => self.more_kept_paths += 1,
            }
        }
        for dropped in other.dropped {
            let same = |before: &Dropped| (&before.path, before.reason) == (&dropped.path, dropped.reason);
            match self.dropped.iter().position(same) {
                Some(at) => {
                    self.dropped.get_mut(at).into_iter().for_each(|before| before.values += dropped.values)
                }
                None if self.dropped.len() < max => self.dropped.push(dropped),
                None => self.more_dropped_paths += 1,
            }
        }
        self.dropped.sort();
        self.kept_values += other.kept_values;
        self.implied_values += other.implied_values;
        self.dropped_values += other.dropped_values;
        // Paths that are not listed may be the same in several documents: no fewer than of any one.
        self.more_kept_paths = self.more_kept_paths.max(other.more_kept_paths);
        self.more_dropped_paths = self.more_dropped_paths.max(other.more_dropped_paths);
    }

    /// The profile's name.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The profile's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The categories of data that the document still holds.
    pub fn categories(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(String::as_str)
    }

    /// What was kept, in the order of the profile.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// What was dropped, by path.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// How many values were kept by the profile's paths, how many stay with them (resource types, ids, what conditions
    /// tested), and how many were dropped: together, all values of the document.
    pub const fn values(&self) -> (usize, usize, usize) {
        (self.kept_values, self.implied_values, self.dropped_values)
    }

    /// The manifest as JSON; the same manifest gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers only: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn categories(profile: &Profile, paths: impl Iterator<Item = usize>) -> BTreeSet<String> {
    paths.filter_map(|path| profile.entry_of(path)).map(|entry| entry.category.clone()).collect()
}

fn kept_at(profile: &Profile, (path, values): (usize, usize)) -> Option<Kept> {
    Some(Kept {
        path: profile.paths.get(path)?.text.clone(),
        category: profile.entry_of(path)?.category.clone(),
        values,
    })
}

/// The places where most went, by path.
fn most(dropped: BTreeMap<(String, Reason), usize>, max: usize) -> Vec<Dropped> {
    let all = dropped.into_iter().map(|((path, reason), values)| Dropped { path, reason, values });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|dropped| std::cmp::Reverse(dropped.values));
    all.truncate(max);
    all.sort();
    all
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}
