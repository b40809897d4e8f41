//! From TOML to a checked profile. Everything wrong with it is found in one go.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};
use toml::de::DeTable;

use super::super::automaton::Automaton;
use super::super::names::Names;
use super::super::path::{self, Path};
use super::super::value::{Conditions, Equals, Kind, Precision};
use super::table::{At, Faults, Table};
use super::{DropPath, Entry, Format, KeptPath, OnExcess, Profile, ProfileFault, SubjectPath};

const ON_EXCESS: [(&str, OnExcess); 2] = [("strip", OnExcess::Strip), ("refuse", OnExcess::Refuse)];
/// The evidence that a declaration can carry.
const EVIDENCE: [(&str, &str); 4] =
    [("order", "order"), ("consent", "consent"), ("inquiry", "inquiry"), ("release", "release")];
const FORMATS: [(&str, ()); 1] = [("fhir-json", ())];
/// A compiled pattern may take so many bytes; enough for any code or number.
const PATTERN_BYTES_MAX: usize = 1 << 18;

const PROFILE_KEYS: [&str; 8] =
    ["profile", "version", "format", "resource", "on_excess", "subject", "keep", "drop"];
const KEEP_KEYS: [&str; 13] = [
    "path",
    "category",
    "ground",
    "required",
    "requires_evidence",
    "on_excess",
    "kind",
    "one_of",
    "pattern",
    "max_length",
    "coded_only",
    "date_precision",
    "equals",
];
const DROP_KEYS: [&str; 3] = ["path", "why", "on_excess"];

pub(super) fn read(name: &str, toml: &str) -> Result<Profile, Vec<ProfileFault>> {
    let (document, broken) = DeTable::parse_recoverable(toml);
    let mut faults = Faults::new(name, toml);
    for fault in &broken {
        faults.add(fault.span().map_or(0, |span| span.start), format!("not TOML: {}", fault.message()));
    }
    if !broken.is_empty() {
        return Err(faults.into_list());
    }
    let profile = Table::new("the profile", 0, document.get_ref());
    let read = read_profile(&profile, &mut faults);
    let faults = faults.into_list();
    match read {
        Some(profile) if faults.is_empty() => Ok(profile),
        _ => Err(faults),
    }
}

fn read_profile(table: &Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Profile> {
    table.knows_only(&PROFILE_KEYS, faults);
    let name = table.required_text("profile", faults);
    let version = table.required_text("version", faults);
    let _has_format = table.required_text("format", faults);
    let _is_known = table.word("format", &FORMATS, faults);
    let resource = table.required_text("resource", faults);
    let on_excess = table.word("on_excess", &ON_EXCESS, faults);
    // A missing `on_excess` is the strict one.
    let on_excess = on_excess.unwrap_or(OnExcess::Refuse);
    let root = resource.map_or("", |(resource, _)| resource);

    let subject = read_subject(table, root, faults);
    let mut keeps = Keeps::default();
    let entries = table.tables("keep", "a `[[keep]]`", faults);
    if entries.is_empty() {
        faults.add(0, "no `[[keep]]`: nothing could leave");
    }
    for entry in &entries {
        keeps.read(entry, root, on_excess, faults);
    }
    let (drops, drop_paths) = read_drops(table, root, on_excess, faults);
    let mut names = Names::fhir();
    let subject = subject.iter().map(|path| SubjectPath::new(path, &mut names)).collect();
    Some(Profile {
        name: name?.0.to_owned(),
        version: version?.0.to_owned(),
        resource: root.to_owned(),
        on_excess,
        subject,
        format: Format::FhirJson,
        automaton: Automaton::new(root, &keeps.paths, &drop_paths, &mut names),
        names,
        entries: keeps.entries,
        paths: keeps.kept,
        drops,
    })
}

fn read_subject(table: &Table<'_, '_>, root: &str, faults: &mut Faults<'_>) -> Vec<Path> {
    let Some(subject) = table.table("subject", faults) else {
        if !table.has("subject") {
            faults.add(0, "`[subject]` is missing: where does the document say whom it is about?");
        }
        return Vec::new();
    };
    subject.knows_only(&["paths"], faults);
    subject.requires("paths", faults);
    let texts = subject.texts_or_none("paths", faults).unwrap_or_default();
    texts.into_iter().flat_map(|text| read_paths(text, root, faults)).collect()
}

#[derive(Default)]
struct Keeps {
    entries: Vec<Entry>,
    paths: Vec<Path>,
    kept: Vec<KeptPath>,
    /// Paths with their conditions on evidence, to find what is said twice.
    seen: HashMap<(String, Option<&'static str>), ()>,
}

impl Keeps {
    fn read(&mut self, table: &Table<'_, '_>, root: &str, on_excess: OnExcess, faults: &mut Faults<'_>) {
        table.knows_only(&KEEP_KEYS, faults);
        let text = table.required_text("path", faults);
        let category = table.required_text("category", faults);
        let _ground = table.required_text("ground", faults);
        let evidence = table.word("requires_evidence", &EVIDENCE, faults);
        if let Some((category, at)) = category.filter(|(category, _)| !is_name(category)) {
            faults.add(at, format!("`{category}` is no category: small letters, digits, `-` and `.`"));
        }
        let place = self.entries.len();
        self.entries.push(Entry {
            category: category.map_or("", |(category, _)| category).to_owned(),
            required: table.flag("required", faults),
            requires_evidence: evidence.map(str::to_owned),
            on_excess: table.word("on_excess", &ON_EXCESS, faults).unwrap_or(on_excess),
            conditions: read_conditions(table, faults),
        });
        let Some(text) = text else { return };
        for path in read_paths(text, root, faults) {
            let printed = path.to_string();
            if path.steps.is_empty() {
                faults.add(text.1, format!("`{printed}` names the whole resource; name what is inside it"));
            }
            if self.seen.insert((printed.clone(), evidence), ()).is_some() {
                faults.add(text.1, format!("`{printed}` is kept twice"));
            }
            self.kept.push(KeptPath { text: printed, entry: place });
            self.paths.push(path);
        }
    }
}

fn read_drops(
    table: &Table<'_, '_>,
    root: &str,
    on_excess: OnExcess,
    faults: &mut Faults<'_>,
) -> (Vec<DropPath>, Vec<Path>) {
    let (mut drops, mut paths) = (Vec::new(), Vec::new());
    for entry in table.tables("drop", "a `[[drop]]`", faults) {
        entry.knows_only(&DROP_KEYS, faults);
        let text = entry.required_text("path", faults);
        let why = entry.required_text("why", faults);
        let on_excess = entry.word("on_excess", &ON_EXCESS, faults).unwrap_or(on_excess);
        let (Some(text), Some((why, _))) = (text, why) else {
            continue;
        };
        for path in read_paths(text, root, faults) {
            if path.steps.is_empty() {
                faults.add(text.1, "a `[[drop]]` of the whole resource drops everything");
            }
            drops.push(DropPath { text: path.to_string(), why: why.to_owned(), on_excess });
            paths.push(path);
        }
    }
    (drops, paths)
}

fn read_paths((text, at): At<&str>, root: &str, faults: &mut Faults<'_>) -> Vec<Path> {
    let alternatives = path::alternatives(text).unwrap_or_else(|says| {
        faults.add(at, format!("in `{text}`: {says}"));
        Vec::new()
    });
    let mut paths = Vec::new();
    for alternative in alternatives {
        match path::parse(&alternative) {
            Err(says) => faults.add(at, format!("in `{alternative}`: {says}")),
            Ok(path) if path.resource != root && !root.is_empty() => {
                faults.add(at, format!("`{alternative}` must begin with `{root}`, the profile's `resource`"));
            }
            Ok(path) => paths.push(path),
        }
    }
    paths
}

fn read_conditions(table: &Table<'_, '_>, faults: &mut Faults<'_>) -> Conditions {
    let texts = table.texts("one_of", faults);
    let owned = |texts: Vec<At<&str>>| texts.into_iter().map(|(text, _)| text.to_owned()).collect();
    let conditions = Conditions {
        kind: table.word("kind", &Kind::WORDS, faults).unwrap_or_default(),
        one_of: texts.map(owned),
        pattern: read_pattern(table, faults),
        max_length: table.count("max_length", faults),
        coded_only: table.flag("coded_only", faults),
        date_precision: table.word("date_precision", &Precision::WORDS, faults),
        equals: table.word("equals", &Equals::WORDS, faults),
    };
    if conditions.date_precision.is_some() && !matches!(conditions.kind, Kind::Date | Kind::Instant) {
        faults.add(table.place_of("date_precision"), "`date_precision` needs `kind = \"date\"`");
    }
    conditions
}

fn read_pattern(table: &Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Regex> {
    let (text, at) = table.text("pattern", faults)?;
    // Compiled alone first, so that brackets cannot reach out of the group that anchors it.
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
    match build(text).and_then(|_| build(&format!(r"\A(?:{text})\z"))) {
        Ok(pattern) => Some(pattern),
        Err(fault) => {
            let last = fault.to_string();
            let last = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
            faults.add(at, format!("`{text}` is no pattern: {last}"));
            None
        }
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
    text.len() <= 64 && text.bytes().all(allowed) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}
