//! The rules of what a health certificate contains: the author's role and the observations
//! (profiles `ee-health-certificate-contained-observation` and those below it).

use serde_json::Value;
use stand_in::json::{all, text};

use crate::codes::is_token;
use crate::outcome::Issues;

pub(crate) const SNOMED: &str = "http://snomed.info/sct";
const RESTRICTIONS: &str = "https://fhir.ee/CodeSystem/tervisetoendi-piirangud";
const RISK_FACTORS: &str = "https://fhir.ee/CodeSystem/toolaadi-ja-tookeskkonnaga-seotud-ohutegurid";
const CONDITIONS: &str = "https://fhir.ee/CodeSystem/tootamiseks-vajalikud-lisatingimused";
const OCCUPATIONS: &str = "https://fhir.ee/CodeSystem/ametite-klassifikaator";
const ORGANISATIONS: &str = "https://fhir.ee/sid/org/est/br";

/// The decisions of occupational health: fit, fit with conditions, not fit.
const OCCUPATIONAL_DECISIONS: [&str; 3] = ["160926000", "225891002", "160910001"];

/// What R5 allows in an observation and the profile does not take away; `note`, `performer`, `component` and the value are
/// each kind's own.
const ALLOWED: [&str; 11] = [
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "extension",
    "status",
    "code",
    "hasMember",
    "derivedFrom",
    "valueCodeableConcept",
];

/// What R5 has and the profile takes away.
const TAKEN_AWAY: [&str; 27] = [
    "referenceRange",
    "implicitRules",
    "contained",
    "modifierExtension",
    "basedOn",
    "triggeredBy",
    "partOf",
    "category",
    "subject",
    "focus",
    "encounter",
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveTiming",
    "effectiveInstant",
    "issued",
    "dataAbsentReason",
    "interpretation",
    "bodySite",
    "bodyStructure",
    "method",
    "specimen",
    "device",
    "identifier",
    "instantiatesCanonical",
    "instantiatesReference",
    "note",
];

/// What a contained resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Author,
    Decision,
    Restriction,
    RiskFactor,
    Condition,
    Employment,
}

/// What `resource` is, by its type and code.
pub(crate) fn kind(resource: &Value) -> Option<Kind> {
    match text(resource, &["resourceType"])? {
        "PractitionerRole" => Some(Kind::Author),
        "Observation" => all(resource, &["code", "coding"])
            .into_iter()
            .filter(|coding| text(coding, &["system"]) == Some(SNOMED))
            .find_map(|coding| match text(coding, &["code"])? {
                "419183001" => Some(Kind::Decision),
                "146861000181105" => Some(Kind::Restriction),
                "80943009" => Some(Kind::RiskFactor),
                "225891002" => Some(Kind::Condition),
                "184104002" => Some(Kind::Employment),
                _ => None,
            }),
        _ => None,
    }
}

/// The decision's code, if `resource` is a decision with one.
pub(crate) fn decision(resource: &Value) -> Option<&str> {
    (kind(resource) == Some(Kind::Decision))
        .then(|| coded_in(resource, &["valueCodeableConcept"], SNOMED))
        .flatten()
}

/// Checks `resource`, found at `at`, as a certificate of occupational health or a driver's.
pub(crate) fn check(resource: &Value, at: &str, occupational: bool, issues: &mut Issues) {
    if resource.get("contained").is_some() {
        issues.add("structure", at, "a contained resource contains no other");
    }
    match kind(resource) {
        None => issues.add("structure", at, "neither the author's role nor a known observation"),
        Some(Kind::Author) => author(resource, at, issues),
        Some(kind) => {
            members(resource, at, kind, issues);
            if text(resource, &["status"]) != Some("final") {
                issues.add("value", format!("{at}.status"), "is `final`");
            }
            observation(resource, at, kind, occupational, issues);
        }
    }
}

fn author(role: &Value, at: &str, issues: &mut Issues) {
    for name in ["practitioner", "organization"] {
        if text(role, &[name, "reference"]).is_none() {
            issues.add("required", format!("{at}.{name}"), "one reference is required");
        }
    }
    for name in ["implicitRules", "modifierExtension"] {
        if role.get(name).is_some() {
            issues.add("structure", format!("{at}.{name}"), "must not be there");
        }
    }
}

fn members(resource: &Value, at: &str, kind: Kind, issues: &mut Issues) {
    let Some(members) = resource.as_object() else {
        return;
    };
    for name in members.keys().map(|name| name.trim_start_matches('_')) {
        let own = match kind {
            Kind::Restriction => matches!(name, "component" | "note"),
            Kind::Employment => matches!(name, "performer" | "component"),
            _ => false,
        };
        let value = name == "valueCodeableConcept" && matches!(kind, Kind::Restriction | Kind::Employment);
        if TAKEN_AWAY.contains(&name) && !own {
            issues.add("structure", format!("{at}.{name}"), "must not be there");
        } else if value || !(own || ALLOWED.contains(&name)) {
            issues.add("structure", at, "holds an element that is not the profile's");
        }
    }
}

fn observation(resource: &Value, at: &str, kind: Kind, occupational: bool, issues: &mut Issues) {
    match kind {
        Kind::Decision => decision_value(resource, at, occupational, issues),
        Kind::RiskFactor => listed_value(resource, at, RISK_FACTORS, issues),
        Kind::Condition => listed_value(resource, at, CONDITIONS, issues),
        Kind::Restriction => restriction(resource, at, issues),
        Kind::Employment => employment(resource, at, issues),
        Kind::Author => {}
    }
    if !occupational && matches!(kind, Kind::RiskFactor | Kind::Condition | Kind::Employment) {
        issues.add("business-rule", at, "belongs to a decision of occupational health");
    }
}

/// The driver's value set is not public beyond its positive codes: any SNOMED CT code but the occupational ones is taken.
fn decision_value(resource: &Value, at: &str, occupational: bool, issues: &mut Issues) {
    let known = decision(resource)
        .is_some_and(|code| is_token(code) && OCCUPATIONAL_DECISIONS.contains(&code) == occupational);
    if !known {
        let at = format!("{at}.value");
        issues.add("code-invalid", at, "is not one decision of the profile's value set");
    }
}

fn listed_value(resource: &Value, at: &str, list: &str, issues: &mut Issues) {
    if coded_in(resource, &["valueCodeableConcept"], list).is_none() {
        issues.add("code-invalid", format!("{at}.value"), "is not one code of its list");
    }
}

fn restriction(resource: &Value, at: &str, issues: &mut Issues) {
    let components = all(resource, &["component"]);
    let [component] = components.as_slice() else {
        issues.add("required", format!("{at}.component"), "exactly one is required");
        return;
    };
    let code = coded_in(component, &["code"], RESTRICTIONS);
    if !code.is_some_and(is_restriction) {
        let at = format!("{at}.component.code");
        issues.add("code-invalid", at, "is not one restriction of its list");
    }
    let values: Vec<&str> = component
        .as_object()
        .into_iter()
        .flat_map(|members| members.keys())
        .map(String::as_str)
        .filter(|name| name.starts_with("value"))
        .collect();
    if !matches!(values.as_slice(), [] | ["valueQuantity"] | ["valueCodeableConcept"]) {
        let at = format!("{at}.component.value");
        issues.add("structure", at, "is a quantity, a code or absent");
    }
    if component.get("modifierExtension").is_some() {
        let at = format!("{at}.component.modifierExtension");
        issues.add("structure", at, "must not be there");
    }
    if all(resource, &["note"]).len() > 1 {
        issues.add("structure", format!("{at}.note"), "at most one");
    }
}

/// A number, perhaps with two more digits after a dot: `586`, `00.98`.
fn is_restriction(code: &str) -> bool {
    let mut parts = code.split('.');
    parts.clone().count() <= 2 && parts.all(crate::codes::is_number)
}

fn employment(resource: &Value, at: &str, issues: &mut Issues) {
    let performers = all(resource, &["performer"]);
    let performer = match performers.as_slice() {
        [performer] => *performer,
        _ => &Value::Null,
    };
    if text(performer, &["identifier", "system"]) != Some(ORGANISATIONS)
        || text(performer, &["identifier", "value"]).is_none()
    {
        let at = format!("{at}.performer.identifier");
        issues.add("required", at, "the employer's registry code is required");
    }
    if text(performer, &["display"]).is_none() {
        issues.add("required", format!("{at}.performer.display"), "the employer's name is required");
    }
    let components = all(resource, &["component"]);
    let called = |code: &str| -> Vec<&Value> {
        let is = |component: &&&Value| coded_in(component, &["code"], SNOMED) == Some(code);
        components.iter().filter(is).copied().collect()
    };
    let (jobs, rates) = (called("160922003"), called("224374003"));
    if jobs.len() > 1 || rates.len() > 1 || components.len() > 2 {
        issues.add("structure", format!("{at}.component"), "a job and a rate at most");
    }
    let job_known = |job: &&Value| coded_in(job, &["valueCodeableConcept"], OCCUPATIONS).is_some();
    let rate_known = |rate: &&Value| {
        rate.get("valueQuantity").is_some_and(|quantity| {
            quantity.get("value").is_some_and(Value::is_number) && quantity.get("comparator").is_none()
        })
    };
    if !jobs.iter().all(job_known) || !rates.iter().all(rate_known) {
        issues.add("value", format!("{at}.component.value"), "is not what a job or a rate may hold");
    }
}

/// The only code of `system` in the concept at `path`.
fn coded_in<'v>(value: &'v Value, path: &[&str], system: &str) -> Option<&'v str> {
    let path: Vec<&str> = path.iter().copied().chain(["coding"]).collect();
    let mut codes = all(value, &path)
        .into_iter()
        .filter(|coding| text(coding, &["system"]) == Some(system))
        .map(|coding| text(coding, &["code"]));
    match (codes.next(), codes.next()) {
        (Some(code), None) => code.filter(|code| is_token(code)),
        _ => None,
    }
}
