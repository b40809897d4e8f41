//! The rules of a certificate's sections: which there are, what each refers to, which have a text.

use serde_json::Value;
use stand_in::json::{all, text};

use crate::certificate::{DIV, contained_by_id, employer, section_code, section_text};
use crate::observation_rules::{self, Kind};
use crate::outcome::Issues;

const DECLARATIONS: &str = "https://fhir.ee/hcert/health-declaration-external-document-number";

/// What a section's entries are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entries {
    None,
    One(Kind),
    AnyOf(Kind),
    SomeOf(Kind),
    Declaration,
}

/// How a section's text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Optional,
    Required,
}

struct SectionRule {
    code: &'static str,
    entries: Entries,
    text: Text,
    occupational: bool,
    required: bool,
}

const fn section(code: &'static str, entries: Entries, text: Text) -> SectionRule {
    SectionRule { code, entries, text, occupational: false, required: false }
}

impl SectionRule {
    const fn occupational(self) -> Self {
        Self { occupational: true, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

const SECTION_RULES: [SectionRule; 11] = [
    section("health-declaration", Entries::Declaration, Text::Optional).required(),
    section("decision", Entries::One(Kind::Decision), Text::Optional),
    section("medical-restrictions", Entries::AnyOf(Kind::Restriction), Text::Optional),
    section("shortened-reason", Entries::None, Text::Required),
    section("reject-reason", Entries::None, Text::Required),
    section("change-reason", Entries::None, Text::Required),
    section("employer", Entries::One(Kind::Employment), Text::Required).occupational().required(),
    section("risk-factors", Entries::SomeOf(Kind::RiskFactor), Text::Optional).occupational(),
    section("work-additional-restrictions", Entries::SomeOf(Kind::Condition), Text::Optional).occupational(),
    section("employer-suggestions", Entries::None, Text::Required).occupational(),
    section("employee-suggestions", Entries::None, Text::Required).occupational(),
];

/// Checks the sections of `certificate`.
pub(crate) fn check(certificate: &Value, occupational: bool, issues: &mut Issues) {
    let sections = all(certificate, &["section"]);
    for (place, section) in sections.iter().enumerate() {
        let at = format!("Composition.section[{place}]");
        let code = section_code(section);
        match SECTION_RULES.iter().find(|rule| Some(rule.code) == code) {
            Some(rule) if rule.occupational && !occupational => {
                issues.add("business-rule", at, "belongs to a decision of occupational health");
            }
            Some(rule) => one_section(certificate, section, &at, rule, issues),
            None if matches!(code, Some("cancel-reason" | "suspend-reason")) => {
                issues.add("business-rule", at, "is set by the operation, not by the document");
            }
            None => issues.add("code-invalid", at, "is not a section of the profile"),
        }
    }
    for rule in SECTION_RULES.iter().filter(|rule| occupational || !rule.occupational) {
        let found = sections.iter().filter(|section| section_code(section) == Some(rule.code)).count();
        if found > 1 || (rule.required && found == 0) {
            let at = format!("Composition.section({})", rule.code);
            let why = if rule.required { "exactly one is required" } else { "at most one" };
            issues.add("required", at, why);
        }
    }
}

fn one_section(certificate: &Value, section: &Value, at: &str, rule: &SectionRule, issues: &mut Issues) {
    for name in ["modifierExtension", "section"] {
        if section.get(name).is_some() {
            issues.add("structure", format!("{at}.{name}"), "must not be there");
        }
    }
    let entries = all(section, &["entry"]);
    if !entries_fit(certificate, &entries, rule.entries) {
        issues.add("structure", format!("{at}.entry"), "is not what this section refers to");
    }
    match section.get("text") {
        Some(_) => {
            let additional = text(section, &["text", "status"]) == Some("additional");
            let div = text(section, &["text", "div"]);
            let whole = div.is_some_and(|div| div.starts_with(DIV) && div.ends_with("</div>"));
            if !(additional && whole) {
                issues.add("value", format!("{at}.text"), "is an additional text in an XHTML div");
            }
        }
        None if rule.text == Text::Required => {
            issues.add("required", format!("{at}.text"), "is required");
        }
        None if entries.is_empty() => {
            issues.add("structure", at, "a section has text or entries");
        }
        None => {}
    }
    if rule.code == "employer" && section_text(certificate, "employer") != employer(certificate) {
        let why = "is the registry code of the employment's employer";
        issues.add("business-rule", format!("{at}.text"), why);
    }
}

fn entries_fit(certificate: &Value, entries: &[&Value], rule: Entries) -> bool {
    let all_are = |kind: Kind| {
        entries.iter().all(|entry| {
            text(entry, &["reference"])
                .and_then(|reference| reference.strip_prefix('#'))
                .and_then(|id| contained_by_id(certificate, id))
                .and_then(observation_rules::kind)
                == Some(kind)
        })
    };
    match rule {
        Entries::None => entries.is_empty(),
        Entries::One(kind) => entries.len() == 1 && all_are(kind),
        Entries::AnyOf(kind) => all_are(kind),
        Entries::SomeOf(kind) => !entries.is_empty() && all_are(kind),
        Entries::Declaration => matches!(entries, [entry] if is_declaration(entry)),
    }
}

/// A questionnaire's answers in the system, or the number of a declaration held elsewhere.
fn is_declaration(entry: &Value) -> bool {
    let referred =
        text(entry, &["reference"]).is_some_and(|reference| reference.starts_with("QuestionnaireResponse/"));
    let numbered = text(entry, &["identifier", "system"]) == Some(DECLARATIONS)
        && text(entry, &["identifier", "value"]).is_some_and(|value| !value.is_empty())
        && all(entry, &["identifier", "use"]).is_empty();
    referred != numbered
}
