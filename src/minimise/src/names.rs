//! The names that documents and profiles use, as small numbers; and which of them may be printed.
//!
//! A name that neither FHIR R5 nor the profile has could be a value: it is [`Symbol::UNKNOWN`] and prints as `*`.

use std::hash::{BuildHasher, Hasher as _};
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::dicom::Tag;

/// A known name. Equal symbols of one profile are equal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// A name that must not be printed, and that no path has.
    pub(crate) const UNKNOWN: Self = Self(0);

    /// The symbol of the DICOM element with this tag, which is its number.
    pub(crate) const fn of_tag(tag: Tag) -> Self {
        Self(tag.number())
    }
}

/// The key of all hashes of names in this process: nobody outside can prepare names that collide.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Hashes names.
#[derive(Debug, Clone)]
pub(crate) struct Hasher(RandomState);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(KEY.clone())
    }

    /// The hash of a name. Two names of one document that differ have different hashes but for one case in 2⁶⁴.
    #[inline]
    pub(crate) fn hash(&self, name: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        // It mixes the length in by itself.
        hasher.write(name);
        hasher.finish()
    }
}

/// Names and their symbols, found by hash; open addressing, at most half full.
#[derive(Debug, Clone)]
struct Table {
    hasher: Hasher,
    slots: Vec<(u64, u32)>,
    names: Vec<String>,
}

impl Table {
    fn new() -> Self {
        Self { hasher: Hasher::new(), slots: vec![(0, 0); 16], names: Vec::new() }
    }

    /// The place of `name` among the names, from 1; 0 when it is not there.
    #[inline]
    fn find(&self, hash: u64, name: &[u8]) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = self.slot(hash);
        while let Some((own, place)) = self.slots.get(slot)
            && *place != 0
        {
            if *own == hash && self.name(*place).is_some_and(|known| known.as_bytes() == name) {
                return *place;
            }
            slot = (slot + 1) & mask;
        }
        0
    }

    /// The place of the name with this hash, from 1; 0 when there is none.
    fn find_hash(&self, hash: u64) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = self.slot(hash);
        while let Some((own, place)) = self.slots.get(slot)
            && *place != 0
        {
            if *own == hash {
                return *place;
            }
            slot = (slot + 1) & mask;
        }
        0
    }

    /// The slot of a hash, if it is free: the low bits.
    #[inline]
    fn slot(&self, hash: u64) -> usize {
        usize::try_from(hash & 0xffff_ffff).unwrap_or_default() & (self.slots.len() - 1)
    }

    fn name(&self, place: u32) -> Option<&str> {
        let index = usize::try_from(place).ok()?.checked_sub(1)?;
        self.names.get(index).map(String::as_str)
    }

    fn insert(&mut self, name: &str) -> u32 {
        let hash = self.hasher.hash(name.as_bytes());
        let known = self.find(hash, name.as_bytes());
        if known != 0 {
            return known;
        }
        self.names.push(name.to_owned());
        if self.names.len() * 2 > self.slots.len() {
            let doubled = vec![(0, 0); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, doubled);
            old.into_iter().filter(|(_, place)| *place != 0).for_each(|(hash, place)| self.put(hash, place));
        }
        let place = u32::try_from(self.names.len()).unwrap_or_default();
        self.put(hash, place);
        place
    }

    fn put(&mut self, hash: u64, place: u32) {
        let mask = self.slots.len() - 1;
        let mut slot = self.slot(hash);
        while self.slots.get(slot).is_some_and(|(_, place)| *place != 0) {
            slot = (slot + 1) & mask;
        }
        if let Some(free) = self.slots.get_mut(slot) {
            *free = (hash, place);
        }
    }
}

/// Element names and resource types of FHIR 5.0.0, as in the classes of the PyPI package `fhir.resources` 8.3.0, which are
/// generated from the specification. Each name of an element has a twin with `_` for the extensions of a primitive value.
static FHIR_R5: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for name in include_str!("fhir-r5-names.txt").split_ascii_whitespace() {
        table.insert(name);
        table.insert(&format!("_{name}"));
    }
    table
});

/// The names of a profile, and those of its format.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    hasher: Hasher,
    /// FHIR's, if documents are FHIR.
    of_format: Option<&'static Table>,
    own: Table,
    /// Whether names are DICOM's tags, whose symbols need no table.
    are_tags: bool,
}

impl Names {
    /// FHIR's names.
    pub(crate) fn fhir() -> Self {
        Self { hasher: Hasher::new(), of_format: Some(&FHIR_R5), own: Table::new(), are_tags: false }
    }

    /// No names but those that will be added.
    pub(crate) fn own() -> Self {
        Self { hasher: Hasher::new(), of_format: None, own: Table::new(), are_tags: false }
    }

    /// DICOM's tags.
    pub(crate) fn dicom() -> Self {
        Self { are_tags: true, ..Self::own() }
    }

    /// The symbol of `name`, which is added if it is new.
    pub(crate) fn add(&mut self, name: &str) -> Symbol {
        if self.are_tags {
            return Tag::named(name).map_or(Symbol::UNKNOWN, Symbol::of_tag);
        }
        let known = self.symbol(name);
        if known != Symbol::UNKNOWN {
            return known;
        }
        Symbol(self.of_format_count() + self.own.insert(name))
    }

    /// The symbol of `name`.
    pub(crate) fn symbol(&self, name: &str) -> Symbol {
        self.find(self.hasher.hash(name.as_bytes()), name.as_bytes())
    }

    /// The symbol of `name`, whose hash is known.
    #[inline]
    pub(crate) fn find(&self, hash: u64, name: &[u8]) -> Symbol {
        if let Some(table) = self.of_format {
            let place = table.find(hash, name);
            if place != 0 {
                return Symbol(place);
            }
        }
        match self.own.find(hash, name) {
            0 => Symbol::UNKNOWN,
            place => Symbol(self.of_format_count() + place),
        }
    }

    /// The name with this hash as it may be printed.
    pub(crate) fn shown_by_hash(&self, hash: u64) -> &str {
        let of_format = self.of_format.and_then(|table| table.name(table.find_hash(hash)));
        of_format.or_else(|| self.own.name(self.own.find_hash(hash))).unwrap_or("*")
    }

    /// The name of a known symbol.
    pub(crate) fn name(&self, symbol: Symbol) -> Option<&str> {
        Some(self.shown(symbol)).filter(|_| symbol != Symbol::UNKNOWN)
    }

    /// The name as it may be printed.
    pub(crate) fn shown(&self, symbol: Symbol) -> &str {
        if self.are_tags {
            return Tag::of_number(symbol.0).keyword().unwrap_or("*");
        }
        let count = self.of_format_count();
        let of_format = self.of_format.filter(|_| symbol.0 <= count).and_then(|table| table.name(symbol.0));
        of_format.or_else(|| self.own.name(symbol.0.checked_sub(count)?)).unwrap_or("*")
    }

    fn of_format_count(&self) -> u32 {
        self.of_format.map_or(0, |table| u32::try_from(table.names.len()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_fhir_and_of_the_profile_are_shown() {
        let mut names = Names::fhir();
        let local = names.add("local");
        for name in ["resourceType", "valueCodeableConcept", "_birthDate", "Observation", "div", "local"] {
            assert_eq!(names.shown(names.symbol(name)), name);
        }
        for name in ["39901012239", "", "_", "sеction", "section\u{200b}", "Tamm", "_local"] {
            assert_eq!(names.symbol(name), Symbol::UNKNOWN, "{name}");
            assert_eq!(names.shown(names.symbol(name)), "*");
        }
        assert_eq!(names.add("local"), local);
    }

    #[test]
    fn every_name_is_found_again() {
        let mut names = Names::own();
        let symbols: Vec<Symbol> = (0..1000).map(|n| names.add(&format!("n{n}"))).collect();
        for (n, symbol) in symbols.iter().enumerate() {
            let name = format!("n{n}");
            assert_eq!((names.symbol(&name), names.shown(*symbol)), (*symbol, name.as_str()));
        }
    }
}
