//! From TOML to a checked profile. Everything wrong with it is found in one go.

use std::collections::{BTreeMap, HashMap};

use regex::{Regex, RegexBuilder};
use toml::de::DeTable;

use super::super::automaton::Automaton;
use super::super::names::Names;
use super::super::path::{self, Path};
use super::super::value::{Conditions, Equals, Kind, Precision};
use super::dicom::{self, Instances};
use super::table::{At, Faults, Table};
use super::{DropPath, Entry, Format, KeptPath, Namespaces, OnExcess, Profile, ProfileFault, SubjectPath};
use crate::xml::cda_names;

const ON_EXCESS: [(&str, OnExcess); 2] = [("strip", OnExcess::Strip), ("refuse", OnExcess::Refuse)];
/// The evidence that a declaration can carry.
const EVIDENCE: [(&str, &str); 5] = [
    ("order", "order"),
    ("consent", "consent"),
    ("inquiry", "inquiry"),
    ("release", "release"),
    ("prescription", "prescription"),
];
/// A compiled pattern may take so many bytes; enough for any code or number.
const PATTERN_BYTES_MAX: usize = 1 << 18;

const PROFILE_KEYS: [&str; 9] =
    ["profile", "version", "format", "media_type", "on_excess", "subject", "keep", "drop", "resource"];
const XML_PROFILE_KEYS: [&str; 10] = [
    "profile",
    "version",
    "format",
    "media_type",
    "on_excess",
    "subject",
    "keep",
    "drop",
    "root",
    "namespaces",
];
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

/// In what a profile's paths are written, and what they begin with.
struct Language {
    format: Format,
    namespaces: Namespaces,
    /// The resource type, or the path of the root element; empty when the profile does not say.
    root: String,
}

fn read_profile(table: &Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Profile> {
    let name = table.required_text("profile", faults);
    let version = table.required_text("version", faults);
    let _has_format = table.required_text("format", faults);
    let format = table.word("format", &Format::WORDS, faults).unwrap_or(Format::FhirJson);
    match format {
        Format::FhirJson => table.knows_only(&PROFILE_KEYS, faults),
        Format::Xml => table.knows_only(&XML_PROFILE_KEYS, faults),
        Format::Dicom => table.knows_only(&dicom::PROFILE_KEYS, faults),
    }
    let language = read_language(table, format, faults);
    let media_type = table.text("media_type", faults).map_or(format.media_type(), |(text, _)| text);
    let on_excess = table.word("on_excess", &ON_EXCESS, faults);
    // A missing `on_excess` is the strict one.
    let on_excess = on_excess.unwrap_or(OnExcess::Refuse);

    let (subject, systems) = read_subject(table, &language, faults);
    let mut keeps = Keeps::default();
    let entries = table.tables("keep", "a `[[keep]]`", faults);
    if entries.is_empty() {
        faults.add(0, "no `[[keep]]`: nothing could leave");
    }
    for entry in &entries {
        keeps.read(entry, &language, on_excess, faults);
    }
    let (drops, drop_paths) = read_drops(table, &language, on_excess, faults);
    let mut names = match format {
        Format::FhirJson => Names::fhir(),
        Format::Xml => cda_names(&language.namespaces),
        Format::Dicom => Names::dicom(),
    };
    names.add(language.root.trim_start_matches('/'));
    let subject = subject.iter().map(|path| SubjectPath::new(path, &mut names)).collect();
    let instances = match format {
        Format::Dicom => Instances::read(table, faults),
        Format::FhirJson | Format::Xml => Instances::default(),
    };
    Some(Profile {
        name: name?.0.to_owned(),
        version: version?.0.to_owned(),
        automaton: Automaton::new(format, &language.root, &keeps.paths, &drop_paths, &mut names),
        resource: language.root,
        on_excess,
        subject,
        systems,
        format,
        media_type: media_type.to_owned(),
        namespaces: language.namespaces,
        instances,
        names,
        entries: keeps.entries,
        paths: keeps.kept,
        drops,
    })
}

fn read_language(table: &Table<'_, '_>, format: Format, faults: &mut Faults<'_>) -> Language {
    let root = match format {
        Format::Dicom => None,
        Format::FhirJson | Format::Xml => table.required_text(format.root_key(), faults),
    };
    let mut language = Language {
        format,
        namespaces: Namespaces::default(),
        root: root.map_or("", |(root, _)| root).to_owned(),
    };
    if format == Format::Xml {
        read_namespaces(table, &mut language.namespaces, faults);
        if let Some((root, at)) = root {
            match path::xml::element(root, &language.namespaces) {
                Ok(root) => language.root = format!("/{root}"),
                Err(says) => faults.add(at, format!("in `{root}`: {says}")),
            }
        }
    }
    language
}

fn read_namespaces(table: &Table<'_, '_>, namespaces: &mut Namespaces, faults: &mut Faults<'_>) {
    let Some(declared) = table.table("namespaces", faults) else { return };
    for ((prefix, at), (uri, uri_at)) in declared.texts_by_key(faults) {
        let is_name = prefix.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            && !prefix.starts_with(|c: char| !c.is_ascii_alphabetic() && c != '_');
        if !is_name || prefix.to_ascii_lowercase().starts_with("xml") {
            faults.add(at, format!("`{prefix}` is no prefix for a namespace"));
        } else if uri.is_empty()
            || uri.starts_with("http://www.w3.org/XML/1998")
            || uri.starts_with("http://www.w3.org/2000/xmlns")
        {
            faults.add(uri_at, format!("`{uri}` is no namespace to declare"));
        } else {
            namespaces.declare(prefix, uri);
        }
    }
}

fn read_subject(
    table: &Table<'_, '_>,
    language: &Language,
    faults: &mut Faults<'_>,
) -> (Vec<Path>, BTreeMap<String, String>) {
    let Some(subject) = table.table("subject", faults) else {
        if !table.has("subject") {
            faults.add(0, "`[subject]` is missing: where does the document say whom it is about?");
        }
        return Default::default();
    };
    let is_xml = language.format == Format::Xml;
    let has_systems = language.format != Format::FhirJson;
    subject.knows_only(if has_systems { &["paths", "systems"] } else { &["paths"] }, faults);
    subject.requires("paths", faults);
    let texts = subject.texts_or_none("paths", faults).unwrap_or_default();
    let mut paths = Vec::new();
    for text in texts {
        let read = read_paths(text, language, faults);
        if is_xml && !read.iter().all(is_read_from_tags) {
            faults.add(text.1, "a path to the subject may test only attributes of its own elements");
        }
        if language.format == Format::Dicom {
            dicom::check_subject(&read, text.1, faults);
        }
        paths.extend(read);
    }
    let systems = subject.table("systems", faults).filter(|_| has_systems);
    let systems = systems.map(|systems| systems.texts_by_key(faults)).unwrap_or_default();
    let owned = |((system, _), (root, _)): (At<&str>, At<&str>)| (system.to_owned(), root.to_owned());
    (paths, systems.into_iter().map(owned).collect())
}

/// Whether its conditions can be judged on each element's own start tag.
fn is_read_from_tags(path: &Path) -> bool {
    let tests = path.steps.iter().flat_map(|step| &step.predicates);
    tests.into_iter().all(|test| {
        matches!(test, path::Predicate::Node { names, .. }
            if names.len() == 1 && names.first().is_some_and(|name| name.starts_with('@')))
    })
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
    fn read(
        &mut self,
        table: &Table<'_, '_>,
        language: &Language,
        on_excess: OnExcess,
        faults: &mut Faults<'_>,
    ) {
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
        let paths = read_paths(text, language, faults);
        if let Some(entry) = self.entries.last_mut() {
            settle_types(&mut entry.conditions, &paths, language, text.1, faults);
            if language.format == Format::Dicom {
                dicom::check_keep(&entry.conditions, &paths, text.1, faults);
            }
        }
        for path in paths {
            let printed = path.to_string();
            if path.steps.is_empty() {
                faults.add(text.1, format!("`{printed}` names the whole document; name what is inside it"));
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
    language: &Language,
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
        for path in read_paths(text, language, faults) {
            if path.steps.is_empty() {
                faults.add(text.1, "a `[[drop]]` of the whole document drops everything");
            }
            drops.push(DropPath { text: path.to_string(), why: why.to_owned(), on_excess });
            paths.push(path);
        }
    }
    (drops, paths)
}

fn read_paths((text, at): At<&str>, language: &Language, faults: &mut Faults<'_>) -> Vec<Path> {
    let Language { format, namespaces, root } = language;
    let alternatives = path::alternatives(text, format.quotes()).unwrap_or_else(|says| {
        faults.add(at, format!("in `{text}`: {says}"));
        Vec::new()
    });
    let mut paths = Vec::new();
    for alternative in alternatives {
        let parsed = match format {
            Format::FhirJson => path::parse(&alternative),
            Format::Xml => path::xml::parse(&alternative, namespaces),
            Format::Dicom => path::dicom::parse(&alternative),
        };
        match parsed {
            Err(says) => faults.add(at, format!("in `{alternative}`: {says}")),
            Ok(path) if path.resource != *root && !root.is_empty() => {
                let key = format.root_key();
                faults.add(at, format!("`{alternative}` must begin with `{root}`, the profile's `{key}`"));
            }
            Ok(path) => paths.push(path),
        }
    }
    paths
}

/// The values of `xsi:type` are names: those of `one_of` are compared by what they name.
fn settle_types(
    conditions: &mut Conditions,
    paths: &[Path],
    language: &Language,
    at: usize,
    faults: &mut Faults<'_>,
) {
    let key = language.namespaces.type_key();
    let is_type = |path: &Path| path.steps.last().map(|step| &step.name) == key.as_ref();
    if key.is_none() || !paths.iter().any(is_type) {
        return;
    }
    if !paths.iter().all(is_type) {
        faults.add(at, "a type is kept by a `[[keep]]` of its own, for its value is a name");
    }
    for listed in conditions.one_of.iter_mut().flatten() {
        match language.namespaces.type_name(listed) {
            Ok(named) => *listed = named,
            Err(says) => faults.add(at, format!("in `{listed}`: {says}")),
        }
    }
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
    if conditions.date_precision.is_some()
        && !matches!(conditions.kind, Kind::Date | Kind::Instant | Kind::Timestamp)
    {
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
