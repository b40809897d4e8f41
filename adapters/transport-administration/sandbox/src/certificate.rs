//! A health certificate as a FHIR Composition: where its parts are.
//!
//! It reads; whether what it reads is allowed is for the rules to say.

use serde_json::Value;
use stand_in::json::{all, text};

use crate::observation_rules::{self, Kind};

const SECTIONS: &str = "https://fhir.ee/CodeSystem/tervisetoendi-sektsioon";
/// How the text of a section begins.
pub(crate) const DIV: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";

/// The number of `certificate`.
pub(crate) fn number(certificate: &Value) -> Option<&str> {
    text(certificate, &["identifier", "value"])
}

/// The status of `certificate`.
pub(crate) fn status(certificate: &Value) -> Option<&str> {
    text(certificate, &["status"])
}

/// The index id of the person, when the one subject is `Patient/<id>`, with or without a version.
pub(crate) fn subject(certificate: &Value) -> Option<&str> {
    let rest = text(certificate, &["subject", "reference"])?.strip_prefix("Patient/")?;
    match rest.split_once('/') {
        None => Some(rest),
        Some((id, version)) => version.strip_prefix("_history/").map(|_| id),
    }
}

/// The author's `Practitioner/…` and `Organization/…`, without their types.
pub(crate) fn author(certificate: &Value) -> Option<(&str, &str)> {
    let roles = all(certificate, &["contained"]);
    let role = roles.into_iter().find(|resource| observation_rules::kind(resource) == Some(Kind::Author))?;
    let practitioner = text(role, &["practitioner", "reference"])?.strip_prefix("Practitioner/")?;
    let organisation = text(role, &["organization", "reference"])?.strip_prefix("Organization/")?;
    Some((practitioner, organisation))
}

/// The code of the category.
pub(crate) fn category(certificate: &Value) -> Option<&str> {
    text(certificate, &["category", "coding", "code"])
}

/// The code of a section.
pub(crate) fn section_code(section: &Value) -> Option<&str> {
    all(section, &["code", "coding"])
        .into_iter()
        .find(|coding| text(coding, &["system"]) == Some(SECTIONS))
        .and_then(|coding| text(coding, &["code"]))
}

/// The text of the section `code`, without its `div`.
pub(crate) fn section_text<'c>(certificate: &'c Value, code: &str) -> Option<&'c str> {
    let sections = all(certificate, &["section"]);
    let section = sections.into_iter().find(|section| section_code(section) == Some(code))?;
    text(section, &["text", "div"])?.strip_prefix(DIV)?.strip_suffix("</div>")
}

/// All free text in `certificate`: section texts and notes.
pub(crate) fn free_texts(certificate: &Value) -> Vec<String> {
    let divs = all(certificate, &["section", "text", "div"]);
    let notes = all(certificate, &["contained", "note", "text"]);
    divs.into_iter()
        .chain(notes)
        .filter_map(Value::as_str)
        .map(|text| text.trim_start_matches(DIV).trim_end_matches("</div>").to_owned())
        .collect()
}

/// A section with a text and nothing else, as the operations add it.
pub(crate) fn text_section(code: &str, text: &str) -> Value {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    serde_json::json!({
        "code": { "coding": [{ "system": SECTIONS, "code": code }] },
        "text": { "status": "additional", "div": format!("{DIV}{escaped}</div>") },
    })
}

/// The registry code of the employer in the employment.
pub(crate) fn employer(certificate: &Value) -> Option<&str> {
    let contained = all(certificate, &["contained"]);
    let employment =
        contained.into_iter().find(|resource| observation_rules::kind(resource) == Some(Kind::Employment))?;
    text(employment, &["performer", "identifier", "value"])
}

/// The contained resource `id`, if there is exactly one.
pub(crate) fn contained_by_id<'c>(certificate: &'c Value, id: &str) -> Option<&'c Value> {
    let mut found = all(certificate, &["contained"]);
    found.retain(|resource| text(resource, &["id"]) == Some(id));
    match found.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}
