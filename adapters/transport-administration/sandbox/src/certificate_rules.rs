//! The rules of a health certificate as a FHIR R5 Composition: the profiles `ee-health-certificate`, `-driver` and
//! `-occupational`, and the few rules of R5 itself that a sender gets wrong.
//!
//! It is no general validator: extensions are let through and value sets that are not public are only checked for their form.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use stand_in::json::{all, text};

use crate::certificate::{category, contained_by_id, number, status, subject};
use crate::codes::day;
use crate::observation_rules::{self, Kind, SNOMED};
use crate::outcome::Issues;
use crate::section_rules;

const PROFILE: &str = "https://fhir.ee/hcert/StructureDefinition/ee-health-certificate-";
const CATEGORIES: &str = "https://fhir.ee/CodeSystem/labivaatuse-tyyp";
const NUMBERS: &str = "https://fhir.ee/hcert/health-certificate-number";

/// The decisions that need a period: two of a driver's, two of occupational health.
const POSITIVE: [&str; 4] = ["171353001", "156861000181108", "160926000", "225891002"];

const ALLOWED: [&str; 17] = [
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "contained",
    "extension",
    "identifier",
    "version",
    "status",
    "type",
    "category",
    "subject",
    "date",
    "author",
    "title",
    "section",
];

/// What R5 has and the profile takes away.
const TAKEN_AWAY: [&str; 10] = [
    "url",
    "implicitRules",
    "modifierExtension",
    "encounter",
    "useContext",
    "name",
    "note",
    "attester",
    "custodian",
    "relatesTo",
];

/// All that is wrong with `certificate`.
pub(crate) fn check(certificate: &Value) -> Issues {
    let mut issues = Issues::default();
    let Some(members) = certificate.as_object() else {
        issues.add("structure", "", "the body is not a resource");
        return issues;
    };
    let occupational = profile(certificate, &mut issues);
    elements(members, &mut issues);
    header(certificate, occupational, &mut issues);
    period(certificate, &mut issues);
    section_rules::check(certificate, occupational, &mut issues);
    contained(certificate, occupational, &mut issues);
    references(certificate, &mut issues);
    issues
}

/// Whether the certificate is of occupational health; the profile decides.
fn profile(certificate: &Value, issues: &mut Issues) -> bool {
    let profile = text(certificate, &["meta", "profile"]).and_then(|name| name.strip_prefix(PROFILE));
    if !matches!(profile, Some("driver" | "occupational")) {
        let why = "is exactly one profile of a certificate that can be filed";
        issues.add("required", "Composition.meta.profile", why);
    }
    profile == Some("occupational")
}

fn elements(members: &Map<String, Value>, issues: &mut Issues) {
    for name in members.keys().map(|name| name.trim_start_matches('_')) {
        if TAKEN_AWAY.contains(&name) {
            issues.add("structure", format!("Composition.{name}"), "must not be there");
        } else if !ALLOWED.contains(&name) && name != "event" {
            issues.add("structure", "Composition", "holds an element that R5 does not know");
        }
    }
    for name in ["identifier", "category", "subject", "author", "event", "section", "contained"] {
        if members.get(name).is_some_and(|value| !value.is_array()) {
            issues.add("structure", format!("Composition.{name}"), "is a list");
        }
    }
}

fn header(certificate: &Value, occupational: bool, issues: &mut Issues) {
    let mut expect = |fits: bool, name: &str, why: &str| {
        if !fits {
            issues.add("value", format!("Composition.{name}"), why);
        }
    };
    let is = |path: &[&str], value: &str| text(certificate, path) == Some(value);
    expect(is(&["resourceType"], "Composition"), "resourceType", "is `Composition`");
    expect(
        is(&["identifier", "system"], NUMBERS)
            && number(certificate).is_some_and(|number| !number.is_empty()),
        "identifier",
        "is exactly one certificate number",
    );
    expect(all(certificate, &["identifier", "use"]).is_empty(), "identifier.use", "must not be there");
    expect(
        matches!(status(certificate), Some("preliminary" | "final")),
        "status",
        "is `preliminary` or `final`; the others are reached by operations",
    );
    expect(
        is(&["type", "coding", "system"], SNOMED) && is(&["type", "coding", "code"], "772786005"),
        "type",
        "is SNOMED CT 772786005",
    );
    let known = match category(certificate) {
        Some("driver-group-I" | "driver-group-II") => !occupational,
        Some("occupational") => occupational,
        _ => false,
    };
    expect(
        known
            && is(&["category", "coding", "system"], CATEGORIES)
            && all(certificate, &["category"]).len() == 1,
        "category",
        "is exactly one category of the profile",
    );
    expect(
        all(certificate, &["subject"]).len() == 1 && subject(certificate).is_some(),
        "subject",
        "is exactly one reference `Patient/<id>`",
    );
    let date = text(certificate, &["date"]);
    expect(date.and_then(day).is_some(), "date", "is a day, or an instant with its offset");
    expect(
        text(certificate, &["title"]).is_some_and(|title| !title.trim().is_empty()),
        "title",
        "is required",
    );
}

fn period(certificate: &Value, issues: &mut Issues) {
    let events = all(certificate, &["event"]);
    if events.len() > 1 {
        issues.add("structure", "Composition.event", "at most one");
    }
    for name in ["detail", "modifierExtension"] {
        if events.iter().any(|event| event.get(name).is_some()) {
            issues.add("structure", format!("Composition.event.{name}"), "must not be there");
        }
    }
    let periods = all(certificate, &["event", "period"]);
    let bound = |name| text(certificate, &["event", "period", name]).and_then(day);
    match (periods.as_slice(), bound("start"), bound("end")) {
        ([], _, _) => {
            let decisions = all(certificate, &["contained"]);
            let mut decisions = decisions.into_iter().filter_map(observation_rules::decision);
            if decisions.any(|code| POSITIVE.contains(&code)) {
                let why = "a positive decision says from when until when";
                issues.add("required", "Composition.event.period", why);
            }
        }
        ([_], Some(start), Some(end)) if start <= end => {}
        _ => {
            let why = "has a start and an end, in this order";
            issues.add("value", "Composition.event.period", why);
        }
    }
}

fn contained(certificate: &Value, occupational: bool, issues: &mut Issues) {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, resource) in all(certificate, &["contained"]).into_iter().enumerate() {
        let at = format!("Composition.contained[{place}]");
        observation_rules::check(resource, &at, occupational, issues);
        let name = match observation_rules::kind(resource) {
            Some(Kind::Author) => "author",
            Some(Kind::Decision) => "decision",
            Some(Kind::Employment) => "employment",
            _ => continue,
        };
        *counted.entry(name).or_default() += 1;
    }
    let count = |name| counted.get(name).copied().unwrap_or_default();
    let mut expect = |fits: bool, name: &str, why: &str| {
        if !fits {
            issues.add("required", format!("Composition.contained({name})"), why);
        }
    };
    expect(count("author") == 1, "author", "exactly one is required");
    expect(count("decision") <= 1, "decision", "at most one");
    expect(!occupational || count("employment") == 1, "employment", "exactly one is required");
}

/// R5's dom-3, and the author's reference: whatever is contained is referred to, whatever is referred to is there.
fn references(certificate: &Value, issues: &mut Issues) {
    let local = |path: &[&str]| -> Vec<String> {
        all(certificate, path)
            .into_iter()
            .filter_map(|reference| reference.as_str()?.strip_prefix('#').map(str::to_owned))
            .collect()
    };
    let authors = local(&["author", "reference"]);
    let author =
        authors.first().and_then(|id| contained_by_id(certificate, id)).and_then(observation_rules::kind);
    if all(certificate, &["author"]).len() != 1 || author != Some(Kind::Author) {
        let why = "is exactly one reference to the contained role";
        issues.add("structure", "Composition.author", why);
    }
    let entries = local(&["section", "entry", "reference"]);
    for (place, resource) in all(certificate, &["contained"]).into_iter().enumerate() {
        let id = text(resource, &["id"]);
        let referred = |id: &str| authors.iter().chain(&entries).any(|known| known == id);
        if !id.is_some_and(|id| referred(id) && contained_by_id(certificate, id).is_some()) {
            let at = format!("Composition.contained[{place}]");
            issues.add("structure", at, "is referred to, under an id of its own");
        }
    }
}
