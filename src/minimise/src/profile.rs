//! A profile: what a document may carry to one destination for one purpose. The language is described in the module above.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::automaton::{Automaton, Question};
use super::names::{Names, Symbol};
use super::path::Path;
use super::value::Conditions;
pub(crate) use dicom::Instances;
#[cfg(test)]
pub(crate) use namespaces::XSI_URI;
pub(crate) use namespaces::{Namespaces, key};
pub(crate) use table::nearest;

mod dicom;
mod namespaces;
mod reading;
mod table;
#[cfg(test)]
mod tests;

/// A checked profile.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The resource type, or the path of the root element.
    pub(crate) resource: String,
    pub(crate) on_excess: OnExcess,
    pub(crate) format: Format,
    media_type: String,
    /// Those of XML.
    pub(crate) namespaces: Namespaces,
    /// What it says of DICOM.
    pub(crate) instances: Instances,
    pub(crate) names: Names,
    pub(crate) subject: Vec<SubjectPath>,
    /// What the format calls an identifier system, where that differs from how declarations call it.
    pub(crate) systems: BTreeMap<String, String>,
    pub(crate) entries: Vec<Entry>,
    /// The `[[keep]]` paths, braces spelled out; the automaton knows them by their place here.
    pub(crate) paths: Vec<KeptPath>,
    pub(crate) drops: Vec<DropPath>,
    pub(crate) automaton: Automaton,
}

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// FHIR as JSON.
    FhirJson,
    /// XML of any vocabulary.
    Xml,
    /// A DICOM file.
    Dicom,
}

impl Format {
    /// The formats as profiles write them.
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("fhir-json", Self::FhirJson), ("xml", Self::Xml), ("dicom", Self::Dicom)];

    /// The key under which a profile says what its documents begin with.
    pub(crate) const fn root_key(self) -> &'static str {
        match self {
            Self::FhirJson => "resource",
            Self::Xml => "root",
            Self::Dicom => "sop_classes",
        }
    }

    /// What stands between the steps of a path.
    pub(crate) const fn separator(self) -> char {
        match self {
            Self::FhirJson | Self::Dicom => '.',
            Self::Xml => '/',
        }
    }

    /// The marks between which a path's braces are text.
    pub(crate) const fn quotes(self) -> &'static str {
        match self {
            Self::FhirJson | Self::Dicom => "\"",
            Self::Xml => "\"'",
        }
    }

    /// The media type of documents, unless the profile says another.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::FhirJson => "application/fhir+json",
            Self::Xml => "application/xml",
            Self::Dicom => "application/dicom",
        }
    }

    /// The path to what is called `name` below `above`.
    pub(crate) fn join(self, above: &str, name: &str) -> String {
        if above.is_empty() { name.to_owned() } else { format!("{above}{}{name}", self.separator()) }
    }
}

/// A path to the subject.
#[derive(Debug, Clone)]
pub(crate) struct SubjectPath {
    pub(crate) text: String,
    /// The names from the document down, and what must hold of the elements.
    pub(crate) steps: Vec<(Symbol, Option<Question>)>,
}

impl SubjectPath {
    pub(crate) fn new(path: &Path, names: &mut Names) -> Self {
        let steps = path.steps.iter().map(|step| (names.add(&step.name), Question::new(step, names)));
        Self { text: path.to_string(), steps: steps.collect() }
    }
}

/// What becomes of what may not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnExcess {
    Strip,
    Refuse,
}

/// A `[[keep]]`.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) category: String,
    pub(crate) required: bool,
    pub(crate) requires_evidence: Option<String>,
    pub(crate) on_excess: OnExcess,
    pub(crate) conditions: Conditions,
}

/// One path of a `[[keep]]`.
#[derive(Debug, Clone)]
pub(crate) struct KeptPath {
    pub(crate) text: String,
    /// The `[[keep]]`, by its place in the profile.
    pub(crate) entry: usize,
}

/// One path of a `[[drop]]`.
#[derive(Debug, Clone)]
pub(crate) struct DropPath {
    pub(crate) text: String,
    pub(crate) why: String,
    pub(crate) on_excess: OnExcess,
}

/// Something wrong with a profile, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{profile}, line {line}, column {column}: {says}")]
pub struct ProfileFault {
    /// The name under which the profile was given.
    pub profile: String,
    /// The line, from 1.
    pub line: usize,
    /// The character in its line, from 1.
    pub column: usize,
    /// What is wrong, and where it can be guessed, what was meant.
    pub says: String,
}

impl Profile {
    /// Reads the profile `toml`; `name` is only for the messages.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order written.
    pub fn parse(name: &str, toml: &str) -> Result<Self, Vec<ProfileFault>> {
        reading::read(name, toml)
    }

    /// The profile's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The profile's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The paths that may leave, with the category of data of each.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &str)> {
        let category = |path: &KeptPath| self.entries.get(path.entry).map_or("", |entry| &entry.category);
        self.paths.iter().map(move |path| (path.text.as_str(), category(path)))
    }

    /// The categories of data that may leave when the declaration carries evidence of these kinds.
    pub fn categories<'e>(&self, evidence: impl IntoIterator<Item = &'e str>) -> BTreeSet<&str> {
        let evidence: BTreeSet<&str> = evidence.into_iter().collect();
        let active = self.entries.iter().filter(|entry| entry.is_active(&evidence));
        active.map(|entry| entry.category.as_str()).collect()
    }

    /// The media type of the documents it is for.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    pub(crate) fn entry_of(&self, path: usize) -> Option<&Entry> {
        self.entries.get(self.paths.get(path)?.entry)
    }
}

impl Entry {
    pub(crate) fn is_active(&self, evidence: &BTreeSet<&str>) -> bool {
        let kind = self.requires_evidence.as_deref();
        kind.is_none_or(|kind| evidence.contains(kind))
    }
}

impl fmt::Display for OnExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strip => "strip",
            Self::Refuse => "refuse",
        })
    }
}
