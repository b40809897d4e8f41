//! Reading one TOML table: what is missing, misspelt or of another kind is said with its place, and reading goes on.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ProfileFault;

/// Where faults are gathered.
#[derive(Debug)]
pub(super) struct Faults<'t> {
    profile: &'t str,
    toml: &'t str,
    found: Vec<(usize, String)>,
}

impl<'t> Faults<'t> {
    pub(super) const fn new(profile: &'t str, toml: &'t str) -> Self {
        Self { profile, toml, found: Vec::new() }
    }

    pub(super) fn add(&mut self, at: usize, says: impl Into<String>) {
        self.found.push((at, says.into()));
    }

    /// Everything found, in the order written.
    pub(super) fn into_list(mut self) -> Vec<ProfileFault> {
        self.found.sort();
        let place = |(at, says): (usize, String)| {
            let before = self.toml.get(..at).unwrap_or(self.toml);
            let (lines, line) = before.rsplit_once('\n').unwrap_or(("", before));
            let earlier = before.contains('\n').then(|| lines.matches('\n').count() + 1);
            ProfileFault {
                profile: self.profile.to_owned(),
                line: earlier.unwrap_or_default() + 1,
                column: line.chars().count() + 1,
                says,
            }
        };
        self.found.drain(..).map(place).collect()
    }
}

/// A table being read.
#[derive(Debug)]
pub(super) struct Table<'s, 't> {
    /// How messages call it.
    what: &'s str,
    at: usize,
    table: &'s DeTable<'t>,
}

/// A value and where it stands.
pub(super) type At<T> = (T, usize);

impl<'s, 't> Table<'s, 't> {
    pub(super) const fn new(what: &'s str, at: usize, table: &'s DeTable<'t>) -> Self {
        Self { what, at, table }
    }

    /// Says which keys are not among `known`.
    pub(super) fn knows_only(&self, known: &[&str], faults: &mut Faults<'_>) {
        for key in self.table.keys().filter(|key| !known.contains(&&**key.get_ref())) {
            let unknown = key.get_ref();
            let says = format!("unknown key `{unknown}` in {}{}", self.what, meant(unknown, known));
            faults.add(key.span().start, says);
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Says that `key` is missing, if it is.
    pub(super) fn requires(&self, key: &str, faults: &mut Faults<'_>) {
        if !self.has(key) {
            faults.add(self.at, format!("`{key}` is missing in {}", self.what));
        }
    }

    /// Where the value of `key` stands.
    pub(super) fn place_of(&self, key: &str) -> usize {
        self.find(key).map_or(self.at, |value| value.span().start)
    }

    /// The text at `key`, which must be there.
    pub(super) fn required_text(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<&'s str>> {
        self.requires(key, faults);
        let (text, at) = self.text(key, faults)?;
        if text.trim().is_empty() {
            faults.add(at, format!("`{key}` is empty"));
            return None;
        }
        Some((text, at))
    }

    pub(super) fn text(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<&'s str>> {
        self.read(key, "text in quotes", faults, |value| match value {
            DeValue::String(text) => Some(&**text),
            _ => None,
        })
    }

    pub(super) fn flag(&self, key: &str, faults: &mut Faults<'_>) -> bool {
        let read = self.read(key, "`true` or `false`", faults, |value| value.as_bool());
        read.is_some_and(|(is, _)| is)
    }

    pub(super) fn count(&self, key: &str, faults: &mut Faults<'_>) -> Option<usize> {
        let read = self.read(key, "a whole number from 1", faults, |value| match value {
            DeValue::Integer(number) => {
                let number = usize::from_str_radix(number.as_str(), number.radix()).ok();
                number.filter(|number| *number > 0)
            }
            _ => None,
        });
        read.map(|(number, _)| number)
    }

    /// The texts in the array at `key`; it must not be empty.
    pub(super) fn texts(&self, key: &str, faults: &mut Faults<'_>) -> Option<Vec<At<&'s str>>> {
        let texts = self.texts_or_none(key, faults)?;
        if texts.is_empty() {
            faults.add(self.place_of(key), format!("`{key}` must be a list of texts in quotes"));
        }
        Some(texts)
    }

    /// The texts at `key`, of which there may be none.
    pub(super) fn texts_or_none(&self, key: &str, faults: &mut Faults<'_>) -> Option<Vec<At<&'s str>>> {
        let wants = "a list of texts in quotes";
        let read = self.read(key, wants, faults, |value| {
            let items = value.as_array()?;
            let text = |item: &'s Spanned<DeValue<'t>>| match item.get_ref() {
                DeValue::String(text) => Some((&**text, item.span().start)),
                _ => None,
            };
            items.iter().map(text).collect()
        });
        read.map(|(texts, _)| texts)
    }

    /// The meaning of the word at `key`.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], faults: &mut Faults<'_>) -> Option<T> {
        let (text, at) = self.text(key, faults)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            faults.add(at, format!("`{key}` cannot be `{text}`{}", meant(text, &known)));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// The table at `key`.
    pub(super) fn table(&self, key: &'s str, faults: &mut Faults<'_>) -> Option<Table<'s, 't>> {
        let (table, at) = self.read(key, "a table", faults, |value| value.as_table())?;
        Some(Table::new(key, at, table))
    }

    /// The tables `[[key]]`.
    pub(super) fn tables(&self, key: &'s str, what: &'s str, faults: &mut Faults<'_>) -> Vec<Table<'s, 't>> {
        let read = self.read(key, "tables in double brackets", faults, |value| {
            let table = |item: &'s Spanned<DeValue<'t>>| {
                Some(Table::new(what, item.span().start, item.get_ref().as_table()?))
            };
            value.as_array()?.iter().map(table).collect()
        });
        read.map(|(tables, _)| tables).unwrap_or_default()
    }

    /// All keys with their texts.
    pub(super) fn texts_by_key(&self, faults: &mut Faults<'_>) -> Vec<(At<&'s str>, At<&'s str>)> {
        let keys = self.table.keys().map(|key| (&**key.get_ref(), key.span().start));
        keys.filter_map(|(key, at)| Some(((key, at), self.text(key, faults)?))).collect()
    }

    fn find(&self, key: &str) -> Option<&'s Spanned<DeValue<'t>>> {
        let found = self.table.iter().find(|(name, _)| name.get_ref() == key);
        found.map(|(_, value)| value)
    }

    fn read<T>(
        &self,
        key: &str,
        wants: &str,
        faults: &mut Faults<'_>,
        read: impl FnOnce(&'s DeValue<'t>) -> Option<T>,
    ) -> Option<At<T>> {
        let value = self.find(key)?;
        let Range { start, .. } = value.span();
        let found = read(value.get_ref());
        if found.is_none() {
            faults.add(start, format!("`{key}` must be {wants}"));
        }
        found.map(|found| (found, start))
    }
}

/// What was perhaps meant, or else what there is.
fn meant(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known) {
        Some(word) => format!("; did you mean `{word}`?"),
        None => {
            let listed: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("; there is {}", listed.join(", "))
        }
    }
}

/// The known word that is most like `unknown`, if one is.
pub(crate) fn nearest<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    let (distance, word) = known.iter().map(|word| (distance(unknown, word), *word)).min()?;
    (distance <= 2.max(unknown.len() / 3)).then_some(word)
}

/// How many characters must be changed, added or left out (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, a) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (b, above) in other.chars().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(a != b));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
