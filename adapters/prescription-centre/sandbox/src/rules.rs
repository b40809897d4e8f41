//! The rules of a prescription as a FHIR R5 MedicationRequest: the profile `ee-tis-prescription`, and the few rules of R5
//! itself that a sender gets wrong.
//!
//! It is no general validator: value sets that are not public are only checked for their form.

use serde_json::{Map, Value};
use stand_in::json::{all, text};
use stand_in::tis::codes::{day, is_professional_code, is_registry_code, is_token};
use stand_in::tis::outcome::Issues;

use crate::medicine_rules;
use crate::prescription::{EXTENSIONS, extensions, provider, requester, status, subject};

const SYSTEMS: &str = "https://fhir.ee/CodeSystem/";
const REPEATS: [&str; 4] = ["1", "2", "3", "6"];

const ALLOWED: [&str; 22] = [
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "contained",
    "extension",
    "identifier",
    "basedOn",
    "status",
    "statusReason",
    "statusChanged",
    "intent",
    "category",
    "medication",
    "subject",
    "informationSource",
    "supportingInformation",
    "authoredOn",
    "requester",
    "reason",
    "courseOfTherapyType",
];
const ALLOWED_TOO: [&str; 4] = ["note", "dosageInstruction", "dispenseRequest", "substitution"];

/// How an extension of the guide stands.
const EXTENSION_RULES: [(&str, usize); 6] = [
    ("dispensation-authorization", 1),
    ("lock-status", 1),
    ("unauthorized-product-request", 9),
    ("total-prescribed-amount", 9),
    ("reimbursement-rate", 9),
    ("prescription-change", 9),
];

/// All that is wrong with `prescription`, whoever sends it for whatever end.
pub(crate) fn check(prescription: &Value) -> Issues {
    let mut issues = Issues::default();
    let Some(members) = prescription.as_object() else {
        issues.add("structure", "", "the body is not a resource");
        return issues;
    };
    elements(members, &mut issues);
    header(prescription, &mut issues);
    concepts(prescription, &mut issues);
    people(prescription, &mut issues);
    own_extensions(prescription, &mut issues);
    medicine_rules::check(prescription, &mut issues);
    issues
}

fn elements(members: &Map<String, Value>, issues: &mut Issues) {
    let known = |name: &str| ALLOWED.contains(&name) || ALLOWED_TOO.contains(&name);
    for name in members.keys().filter(|name| !known(name)) {
        issues.add("structure", format!("MedicationRequest.{name}"), "is not in the profile");
    }
}

fn header(prescription: &Value, issues: &mut Issues) {
    if text(prescription, &["resourceType"]) != Some("MedicationRequest") {
        issues.add("structure", "", "the body is not a MedicationRequest");
    }
    if text(prescription, &["meta", "profile"])
        != Some("https://fhir.ee/StructureDefinition/ee-tis-prescription")
    {
        issues.add("required", "MedicationRequest.meta.profile", "is the profile of a prescription");
    }
    let is_request = !extensions(prescription, "unauthorized-product-request").is_empty();
    match text(prescription, &["intent"]) {
        Some("order") => {}
        Some("proposal") if is_request => {}
        _ => issues.add("value", "MedicationRequest.intent", "is `order`, or `proposal` with a request"),
    }
    let has_reason = prescription.get("statusReason").is_some();
    if has_reason != (status(prescription) == Some("cancelled")) {
        issues.add(
            "business-rule",
            "MedicationRequest.statusReason",
            "goes with `cancelled`, and only with it",
        );
    }
    if text(prescription, &["authoredOn"]).and_then(day).is_none() {
        issues.add("required", "MedicationRequest.authoredOn", "is a date or an instant with its offset");
    }
    let validity = |end| text(prescription, &["dispenseRequest", "validityPeriod", end]).and_then(day);
    match (validity("start"), validity("end")) {
        (Some(start), Some(end)) if start <= end => {}
        (Some(_), None) if all(prescription, &["dispenseRequest", "validityPeriod", "end"]).is_empty() => {}
        _ => issues.add("value", "MedicationRequest.dispenseRequest.validityPeriod", "is a period"),
    }
    if all(prescription, &["note"]).len() > 1 {
        issues.add("structure", "MedicationRequest.note", "is there once at most");
    }
}

/// The coded elements: one coding each, of the system that the guide binds.
fn concepts(prescription: &Value, issues: &mut Issues) {
    let mut seen = [0; 2];
    for (place, category) in all(prescription, &["category"]).into_iter().enumerate() {
        let at = format!("MedicationRequest.category[{place}]");
        let code = text(category, &["coding", "code"]).unwrap_or_default();
        let system = text(category, &["coding", "system"]).and_then(|system| system.strip_prefix(SYSTEMS));
        let kind = match system {
            Some("retsepti-liik") if is_token(code) => 0,
            Some("retsepti-kordsus") if REPEATS.contains(&code) => 1,
            _ => {
                issues.add("code-invalid", at, "is no kind and no number of repeats");
                continue;
            }
        };
        if let Some(count) = seen.get_mut(kind) {
            *count += 1;
            if *count > 1 {
                issues.add("structure", at, "is there twice");
            }
        }
    }
    let reasons = all(prescription, &["reason"]);
    let diagnosis = reasons.first().and_then(|reason| coded(reason, &["concept"], "rhk10"));
    if reasons.len() != 1 || !diagnosis.is_some_and(is_diagnosis) {
        issues.add("required", "MedicationRequest.reason", "is one diagnosis of RHK-10");
    }
    for (name, path, system) in [
        ("statusReason", &["statusReason"][..], "retsepti-annulleerimise-pohjus"),
        ("courseOfTherapyType", &["courseOfTherapyType"][..], "ravikuuri-tyyp"),
        ("substitution.reason", &["substitution", "reason"][..], "ravimi-asendamatuse-pohjus"),
    ] {
        if !all(prescription, path).is_empty() && coded(prescription, path, system).is_none() {
            issues.add("code-invalid", format!("MedicationRequest.{name}"), "is not a code of its system");
        }
    }
}

fn people(prescription: &Value, issues: &mut Issues) {
    if subject(prescription).is_none() {
        issues.add("required", "MedicationRequest.subject", "is a patient of the index");
    }
    if !requester(prescription).is_some_and(are_codes) {
        issues.add(
            "required",
            "MedicationRequest.requester",
            "is a contained PractitionerRole with both codes",
        );
    }
    for source in all(prescription, &["informationSource"]) {
        if !provider(prescription, source).is_some_and(are_codes) {
            issues.add("value", "MedicationRequest.informationSource", "is a contained PractitionerRole");
        }
    }
}

fn own_extensions(prescription: &Value, issues: &mut Issues) {
    let at = "MedicationRequest.extension";
    for extension in all(prescription, &["extension"]) {
        let name = text(extension, &["url"]).and_then(|url| url.strip_prefix(EXTENSIONS));
        if !EXTENSION_RULES.iter().any(|(known, _)| Some(*known) == name) {
            issues.add("extension", at, "is not one of the profile");
        }
    }
    for (name, most) in EXTENSION_RULES {
        if extensions(prescription, name).len() > most {
            issues.add("structure", at, format!("`{name}` is there more than {most} times"));
        }
    }
    match extensions(prescription, "dispensation-authorization").as_slice() {
        [one] if coded(one, &["valueCodeableConcept"], "retsepti-volituse-liik").is_some() => {}
        _ => issues.add("required", at, "`dispensation-authorization` is there once, as a code"),
    }
    let is_request = !extensions(prescription, "unauthorized-product-request").is_empty();
    if !is_request && !extensions(prescription, "lock-status").is_empty() {
        issues.add("business-rule", at, "`lock-status` is for a product without authorisation");
    }
    for request in extensions(prescription, "unauthorized-product-request") {
        let told = |url: &str| all(request, &["extension"]).iter().any(|of| text(of, &["url"]) == Some(url));
        if !told("requestReason") || !told("requestDate") {
            issues.add("required", at, "a request has a reason and a date");
        }
    }
    for rate in extensions(prescription, "reimbursement-rate") {
        if all(rate, &["extension"]).is_empty() {
            issues.add("required", at, "`reimbursement-rate` says something");
        }
    }
}

/// The one code of the concept at `path`, when it is of `system`.
pub(crate) fn coded<'v>(value: &'v Value, path: &[&str], system: &str) -> Option<&'v str> {
    let at = |last: &'static str| [path, &["coding", last]].concat();
    let is_of = text(value, &at("system")).and_then(|of| of.strip_prefix(SYSTEMS)) == Some(system);
    is_of.then(|| text(value, &at("code")))?.filter(|code| is_token(code))
}

fn are_codes((professional, organisation): (&str, &str)) -> bool {
    is_professional_code(professional) && is_registry_code(organisation)
}

/// A letter, two digits, perhaps a dot and one or two more.
fn is_diagnosis(code: &str) -> bool {
    let (category, detail) = code.split_once('.').unwrap_or((code, "0"));
    let digits = category.strip_prefix(|c: char| c.is_ascii_uppercase());
    digits.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()))
        && (1..=2).contains(&detail.len())
        && detail.bytes().all(|b| b.is_ascii_digit())
}
