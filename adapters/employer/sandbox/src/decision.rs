//! The check of one document: nothing but the fields of `fields.rs`, each holding what it may, all that must be there, and the
//! references whole.
//!
//! It does not judge whether the decision is medically sensible.

use std::collections::BTreeMap;

use serde_json::Value;
use stand_in::json::{all, text};

use crate::fields::{
    AUTHOR, COMPOSITION, LISTS, OBSERVATION, OBSERVATIONS, Part, SECTION, SECTION_PARTS, SNOMED,
};
use crate::outcome::Issues;
use crate::shapes::{Shape, inside_div, is_personal_code};

const POSITIVE: [&str; 2] = ["160926000", "225891002"];
const ESTONIAN_PERSONAL_CODE: &str = "https://fhir.ee/sid/pid/est/ni";

/// What the employer's rules say of a document.
pub(crate) struct Judged {
    pub(crate) issues: Issues,
    /// The registry codes the document is addressed to.
    pub(crate) addressees: Vec<String>,
}

/// Judges `document`.
pub(crate) fn judge(document: &Value, allow_suggestions: bool) -> Judged {
    let mut judge = Judge { issues: Issues::default(), allow_suggestions };
    judge.composition(document);
    judge.contained(document);
    judge.sections(document);
    judge.presence(document);
    judge.references(document);
    Judged { issues: judge.issues, addressees: addressees(document) }
}

/// The employers named in the employer section and in the employment.
fn addressees(document: &Value) -> Vec<String> {
    let sections = all(document, &["section"]);
    let employer = sections
        .into_iter()
        .filter(|section| section_code(section) == Some("employer"))
        .filter_map(|section| inside_div(text(section, &["text", "div"])?));
    let performers = all(document, &["contained", "performer", "identifier", "value"]);
    employer
        .map(str::to_owned)
        .chain(performers.into_iter().filter_map(|code| Some(code.as_str()?.to_owned())))
        .collect()
}

struct Judge {
    issues: Issues,
    allow_suggestions: bool,
}

type Fields = [&'static [(&'static str, Shape)]; 2];

impl Judge {
    fn composition(&mut self, document: &Value) {
        let Some(members) = document.as_object() else {
            self.issues.add("structure", "", "the document is not an object");
            return;
        };
        for (name, value) in members {
            if name != "contained" && name != "section" {
                self.walk(value, "Composition", name, &[COMPOSITION, &[]]);
            }
        }
    }

    fn contained(&mut self, document: &Value) {
        for resource in self.list(document, "contained") {
            match part_of(resource) {
                Some((part, common)) => {
                    let at = format!("Composition.contained({})", part.name);
                    self.members(resource, &at, &[common, part.fields]);
                }
                None => self.issues.add(
                    "business-rule",
                    "Composition.contained",
                    "a contained resource that an employer has no right to",
                ),
            }
        }
    }

    fn sections(&mut self, document: &Value) {
        for section in self.list(document, "section") {
            let code = section_code(section);
            match SECTION_PARTS.iter().find(|part| Some(part.code) == code) {
                Some(part) => {
                    let at = format!("Composition.section({})", part.name);
                    self.members(section, &at, &[SECTION, part.fields]);
                }
                None => self.issues.add(
                    "business-rule",
                    "Composition.section",
                    "a section that an employer has no right to",
                ),
            }
        }
    }

    fn list<'d>(&mut self, document: &'d Value, name: &str) -> Vec<&'d Value> {
        match document.get(name) {
            Some(Value::Array(items)) => items.iter().collect(),
            None => Vec::new(),
            Some(_) => {
                self.issues.add("structure", format!("Composition.{name}"), "not a list");
                Vec::new()
            }
        }
    }

    fn members(&mut self, value: &Value, at: &str, fields: &Fields) {
        match value.as_object() {
            Some(members) => {
                for (name, value) in members {
                    self.walk(value, at, name, fields);
                }
            }
            None => self.issues.add("structure", at, "not an object"),
        }
    }

    /// Goes down to the leaves; `path` is what the tables call the element.
    fn walk(&mut self, value: &Value, at: &str, path: &str, fields: &Fields) {
        let known = fields
            .iter()
            .flat_map(|fields| fields.iter())
            .any(|(field, _)| *field == path || field.starts_with(&format!("{path}.")));
        if !known {
            let last = path.rsplit('.').next().unwrap_or_default();
            let above = path.strip_suffix(last).unwrap_or_default();
            self.issues.add(
                "business-rule",
                format!("{at}.{above}{}", printable(last)),
                "not among the fields an employer may get",
            );
            return;
        }
        if value.is_array() != LISTS.contains(&path) || is_empty(value) {
            self.issues.add("structure", format!("{at}.{path}"), "a list or not, contrary to FHIR, or empty");
            return;
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.single(item, at, path, fields);
                }
            }
            single => self.single(single, at, path, fields),
        }
    }

    fn single(&mut self, value: &Value, at: &str, path: &str, fields: &Fields) {
        if let Value::Object(members) = value {
            if !is_whole(path, value) {
                self.issues.add("required", format!("{at}.{path}"), "half of a pair is missing");
            }
            for (name, value) in members {
                self.walk(value, at, &format!("{path}.{name}"), fields);
            }
            return;
        }
        let holds = fields
            .iter()
            .flat_map(|fields| fields.iter())
            .any(|(field, shape)| *field == path && shape.holds(value, self.allow_suggestions));
        if !holds {
            self.issues.add("value", format!("{at}.{path}"), "not what the field may hold");
        }
    }

    fn presence(&mut self, document: &Value) {
        let once: [&[&str]; 12] = [
            &["resourceType"],
            &["identifier", "value"],
            &["status"],
            &["type", "coding", "code"],
            &["category", "coding", "code"],
            &["subject", "identifier", "value"],
            &["date"],
            &["author", "reference"],
            &["title"],
            &["contained", "practitioner"],
            &["contained", "organization"],
            &["contained", "performer", "identifier", "value"],
        ];
        for path in once {
            self.exactly_one(all(document, path).len(), "Composition", &path.join("."));
        }
        for name in ["author", "employment", "decision"] {
            let found = parts(document).filter(|(_, part)| *part == name).count();
            self.exactly_one(found, "Composition.contained", name);
        }
        for name in ["employer", "decision"] {
            let entries =
                sections_called(document, name).into_iter().flat_map(|section| all(section, &["entry"]));
            self.exactly_one(entries.count(), "Composition.section", name);
        }
        for (resource, part) in parts(document).filter(|(_, part)| *part == "decision") {
            let values = all(resource, &["valueCodeableConcept", "coding", "code"]).len();
            self.exactly_one(values, "Composition.contained", part);
        }
        for section in SECTION_PARTS {
            if sections_called(document, section.code).len() > 1 {
                let at = format!("Composition.section({})", section.name);
                self.issues.add("structure", at, "more than once");
            }
        }
        self.subject(document);
        self.period(document);
    }

    fn exactly_one(&mut self, found: usize, at: &str, name: &str) {
        if found != 1 {
            self.issues.add("required", format!("{at}.{name}"), "must be there exactly once");
        }
    }

    fn subject(&mut self, document: &Value) {
        let system = text(document, &["subject", "identifier", "system"]);
        let value = text(document, &["subject", "identifier", "value"]);
        if let (Some(ESTONIAN_PERSONAL_CODE), Some(value)) = (system, value)
            && !is_personal_code(value)
        {
            let at = "Composition.subject.identifier.value";
            self.issues.add("value", at, "not a personal code");
        }
    }

    fn period(&mut self, document: &Value) {
        let positive = parts(document)
            .filter(|(_, part)| *part == "decision")
            .flat_map(|(resource, _)| all(resource, &["valueCodeableConcept", "coding"]))
            .filter(|coding| text(coding, &["system"]) == Some(SNOMED))
            .filter_map(|coding| text(coding, &["code"]))
            .any(|code| POSITIVE.contains(&code));
        let start = text(document, &["event", "period", "start"]);
        let end = text(document, &["event", "period", "end"]);
        if positive && (start.is_none() || end.is_none()) {
            let at = "Composition.event.period";
            self.issues.add("required", at, "a positive decision says from when until when");
        }
    }

    /// Each reference leads to a contained resource of its section's name, each contained resource is referred to.
    fn references(&mut self, document: &Value) {
        let mut unseen: BTreeMap<&str, &str> = BTreeMap::new();
        for (resource, part) in parts(document) {
            let id = text(resource, &["id"]).unwrap_or_default();
            if unseen.insert(id, part).is_some() {
                let at = "Composition.contained.id";
                self.issues.add("structure", at, "missing or the same twice");
            }
        }
        let known = unseen.clone();
        let author = all(document, &["author", "reference"]);
        let mut referred: Vec<(&Value, &str)> =
            author.into_iter().map(|reference| (reference, "author")).collect();
        for section in all(document, &["section"]) {
            let name = match section_code(section) {
                Some("employer") => "employment",
                other => other.unwrap_or_default(),
            };
            referred
                .extend(all(section, &["entry", "reference"]).into_iter().map(|reference| (reference, name)));
        }
        for (reference, name) in referred {
            let id = reference.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap_or_default();
            unseen.remove(id);
            if known.get(id) != Some(&name) {
                let at = format!("Composition.section({})", printable(name));
                self.issues.add("not-found", at, "leads to no contained resource of its kind");
            }
        }
        if !unseen.is_empty() {
            let at = "Composition.contained";
            self.issues.add("structure", at, "a contained resource nothing refers to");
        }
    }
}

fn parts(document: &Value) -> impl Iterator<Item = (&Value, &'static str)> {
    all(document, &["contained"])
        .into_iter()
        .filter_map(|resource| part_of(resource).map(|(part, _)| (resource, part.name)))
}

fn part_of(resource: &Value) -> Option<(&'static Part, &'static [(&'static str, Shape)])> {
    match text(resource, &["resourceType"])? {
        "PractitionerRole" => Some((&AUTHOR, &[])),
        "Observation" => {
            let code = text(resource, &["code", "coding", "code"])?;
            let part = OBSERVATIONS.iter().find(|part| part.code == code)?;
            Some((part, OBSERVATION))
        }
        _ => None,
    }
}

fn section_code(section: &Value) -> Option<&str> {
    text(section, &["code", "coding", "code"])
}

fn sections_called<'d>(document: &'d Value, code: &str) -> Vec<&'d Value> {
    let mut sections = all(document, &["section"]);
    sections.retain(|section| section_code(section) == Some(code));
    sections
}

/// A coding says of which system its code is, an identifier of which its value is.
fn is_whole(path: &str, value: &Value) -> bool {
    let other = match path.rsplit('.').next() {
        Some("coding") => "code",
        Some("identifier") => "value",
        _ => return true,
    };
    value.get("system").is_some() && value.get(other).is_some()
}

/// A member's name may itself be a value: only what looks like an element's name is repeated.
fn printable(name: &str) -> &str {
    let ordinary = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-');
    if ordinary { name } else { "*" }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() || items.iter().any(is_empty),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
