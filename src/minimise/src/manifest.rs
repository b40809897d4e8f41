//! What minimisation kept and dropped, for the client, the ledger and the data protection officer: paths, reasons and
//! counts, never a value.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::excess::{Reason, place};
use super::limits::Limits;
use super::profile::Profile;
use super::select::{Alive, Fate, Selection};
use super::tape::Tape;

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
    pub(super) fn new(
        tape: &Tape<'_>,
        profile: &Profile,
        selection: &Selection<'_>,
        alive: &Alive,
        limits: &Limits,
    ) -> Self {
        let mut kept_by_path: BTreeMap<usize, usize> = BTreeMap::new();
        let mut implied_values = 0;
        for node in (1..tape.len()).filter(|node| alive.has(*node)) {
            match selection.fate(node) {
                Fate::Stays { path } | Fate::Labels { path: Some(path), .. } => {
                    *kept_by_path.entry(path).or_default() += 1;
                }
                Fate::Labels { path: None, .. } => implied_values += 1,
                Fate::Goes => {}
            }
        }
        let mut dropped: BTreeMap<(String, Reason), usize> = BTreeMap::new();
        for excess in &selection.excess {
            let path = place(tape, profile, selection, excess.node);
            *dropped.entry((path, excess.reason)).or_default() += excess.values;
        }
        let max = limits.manifest_paths_max;
        Self {
            profile: profile.name.clone(),
            version: profile.version.clone(),
            categories: categories(profile, kept_by_path.keys().copied()),
            kept_values: kept_by_path.values().sum(),
            implied_values,
            dropped_values: dropped.values().sum(),
            more_kept_paths: kept_by_path.len().saturating_sub(max),
            more_dropped_paths: dropped.len().saturating_sub(max),
            kept: kept_by_path.into_iter().take(max).filter_map(|kept| kept_at(profile, kept)).collect(),
            dropped: most(dropped, max),
        }
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
