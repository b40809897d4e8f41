//! What TIS's answers mean for a delivery: read from the body, then from the status, never from the status alone.
//!
//! Of an `OperationOutcome` only codes from closed lists are passed on; its texts may quote the document.

use clearance::adapter::{DestinationRefusal, Outcome, Reading, Reply, Setback};
use clearance::fault::Fault;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use crate::trouble::retry_after;

/// FHIR R5 IssueType, with whether the same document could pass later.
const ISSUES: [(&str, bool); 31] = [
    ("invalid", false),
    ("structure", false),
    ("required", false),
    ("value", false),
    ("invariant", false),
    ("security", false),
    ("login", false),
    ("unknown", false),
    ("expired", false),
    ("forbidden", false),
    ("suppressed", false),
    ("processing", false),
    ("not-supported", false),
    ("duplicate", false),
    ("multiple-matches", false),
    ("not-found", false),
    ("deleted", false),
    ("too-long", false),
    ("code-invalid", false),
    ("extension", false),
    ("too-costly", false),
    ("business-rule", false),
    ("conflict", false),
    ("limited-filter", false),
    ("transient", true),
    ("lock-error", true),
    ("no-store", true),
    ("exception", true),
    ("timeout", true),
    ("incomplete", true),
    ("throttled", true),
];

/// The elements that documents for TIS have: an expression with any other name is not repeated.
const ELEMENTS: [&str; 81] = [
    "Composition",
    "MedicationRequest",
    "Medication",
    "Observation",
    "Parameters",
    "PractitionerRole",
    "allowedBoolean",
    "author",
    "authoredOn",
    "boundsDuration",
    "category",
    "code",
    "coding",
    "component",
    "concept",
    "contained",
    "count",
    "courseOfTherapyType",
    "date",
    "denominator",
    "dispenseRequest",
    "dispenser",
    "display",
    "div",
    "doseAndRate",
    "doseForm",
    "doseQuantity",
    "dosageInstruction",
    "end",
    "entry",
    "event",
    "extension",
    "frequency",
    "id",
    "identifier",
    "informationSource",
    "ingredient",
    "intent",
    "isActive",
    "item",
    "medication",
    "meta",
    "name",
    "note",
    "numerator",
    "organization",
    "parameter",
    "patientInstruction",
    "period",
    "periodUnit",
    "practitioner",
    "profile",
    "reason",
    "reference",
    "repeat",
    "requester",
    "section",
    "start",
    "status",
    "statusReason",
    "strengthRatio",
    "subject",
    "substitution",
    "system",
    "text",
    "timeOfDay",
    "timing",
    "title",
    "totalVolume",
    "type",
    "unit",
    "url",
    "validityPeriod",
    "value",
    "valueBoolean",
    "valueCodeableConcept",
    "valueDateTime",
    "valueId",
    "valueQuantity",
    "valueReference",
    "valueString",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OperationOutcome {
    resource_type: String,
    #[serde(default)]
    issue: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    severity: Option<String>,
    code: Option<String>,
    details: Option<Details>,
    #[serde(default)]
    expression: Vec<String>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    code: Option<String>,
}

/// What a body says against a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Objection {
    /// No, and no again.
    Refusal(DestinationRefusal),
    /// Not now.
    Setback,
}

/// What `body` says against the request, if it is an `OperationOutcome` with an error.
pub fn objection(body: &[u8]) -> Option<Objection> {
    let outcome: OperationOutcome = serde_json::from_slice(body).ok()?;
    if outcome.resource_type != "OperationOutcome" {
        return None;
    }
    let is_error = |issue: &&Issue| matches!(issue.severity.as_deref(), Some("error" | "fatal"));
    let errors: Vec<&Issue> = outcome.issue.iter().filter(is_error).collect();
    let first = errors.first()?;
    if errors.iter().all(|issue| issue.may_pass_later()) {
        return Some(Objection::Setback);
    }
    let code = first.own_code().or(first.kind().map(|(code, _)| code)).unwrap_or("operation-outcome");
    let faults = errors.iter().map(|issue| issue.fault()).collect();
    Some(Objection::Refusal(DestinationRefusal { code: code.to_owned(), faults }))
}

/// The outcome of a call that carried the document, when its answer is no success.
pub fn no_success(reply: &Reply, now: Timestamp) -> Outcome {
    let code = format!("http-{}", reply.status.as_u16());
    let setback = Setback { retry_after: retry_after(&reply.headers, now), code: code.clone() };
    match reply.status {
        // Turned away at the door: nothing was done.
        StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED => Outcome::Failed(setback),
        StatusCode::REQUEST_TIMEOUT => Outcome::Unknown(setback),
        status if status.is_client_error() => match objection(&reply.body) {
            Some(Objection::Refusal(refusal)) => Outcome::Refused(refusal),
            Some(Objection::Setback) => Outcome::Failed(setback),
            None => Outcome::Refused(DestinationRefusal { code, faults: Vec::new() }),
        },
        status if status.is_redirection() => Outcome::Failed(setback),
        _ => Outcome::Unknown(setback),
    }
}

/// What an outcome means where nothing is delivered: a question changes nothing, so that one that may have arrived has failed
/// like one that did not.
pub fn of_a_question(outcome: Outcome) -> Reading {
    match outcome {
        Outcome::Refused(refusal) => Reading::Refused(refusal),
        Outcome::Failed(setback) | Outcome::Unknown(setback) => Reading::Failed(setback),
        Outcome::Delivered(_) | Outcome::Partly { .. } | Outcome::AnotherSubject => {
            Reading::Unreadable("answer-unreadable")
        }
    }
}

/// Until the destination has said what it has, an earlier attempt may have arrived, whatever became of this one.
pub fn still_unknown(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed(setback) => Outcome::Unknown(setback),
        Outcome::Refused(refusal) => Outcome::Unknown(Setback::new(refusal.code)),
        Outcome::Delivered(_) | Outcome::Unknown(_) | Outcome::AnotherSubject | Outcome::Partly { .. } => {
            outcome
        }
    }
}

impl Issue {
    fn kind(&self) -> Option<(&'static str, bool)> {
        let code = self.code.as_deref()?;
        ISSUES.into_iter().find(|(known, _)| *known == code)
    }

    fn may_pass_later(&self) -> bool {
        self.kind().is_some_and(|(_, later)| later)
    }

    /// The destination's own code, such as `HCERT-008`, if it looks like one.
    fn own_code(&self) -> Option<&str> {
        let codings = self.details.as_ref().map_or(&[][..], |details| &details.coding);
        codings.iter().filter_map(|coding| coding.code.as_deref()).find(|code| is_own_code(code))
    }

    fn fault(&self) -> Fault {
        let kind = self.kind().map_or("unknown", |(kind, _)| kind);
        let own = self.own_code().map(|code| format!(" with the code `{code}`")).unwrap_or_default();
        let pointer = self.expression.iter().find_map(|expression| pointer(expression)).unwrap_or_default();
        Fault::new(
            "destination-refused",
            pointer,
            format!("the destination refuses it as `{kind}`{own}"),
            "mend the document by the destination's rules and send it anew",
        )
    }
}

/// Two to ten capital letters, perhaps a hyphen, one to five digits.
fn is_own_code(text: &str) -> bool {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let rest = text.get(letters..).unwrap_or_default();
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    (2..=10).contains(&letters)
        && (1..=5).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// `Composition.section[1].entry` as `/section/1/entry`, if it has known names and indices only.
fn pointer(expression: &str) -> Option<String> {
    let mut pointer = String::new();
    for (place, step) in expression.split('.').enumerate() {
        let (name, index) = match step.split_once('[') {
            None => (step, None),
            Some((name, index)) => (name, Some(index.strip_suffix(']')?.parse::<u16>().ok()?)),
        };
        if !ELEMENTS.contains(&name) {
            return None;
        }
        if place > 0 {
            pointer.push_str(&format!("/{name}"));
            pointer.extend(index.map(|index| format!("/{index}")));
        }
    }
    Some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};
    use serde_json::json;

    fn outcome(severity: &str, code: &str) -> String {
        json!({ "resourceType": "OperationOutcome", "issue": [ {
            "severity": severity, "code": code, "diagnostics": "Jaan Tamm has epilepsy",
            "details": { "text": "Jaan Tamm", "coding": [ { "system": "https://example.org/issue", "code": "HCERT-008" } ] },
            "expression": ["Composition.section[1].entry[0]"] } ] })
        .to_string()
    }

    #[test]
    fn an_objection_passes_on_codes_and_places_and_no_text() {
        let Some(Objection::Refusal(refusal)) = objection(outcome("error", "required").as_bytes()) else {
            panic!("no refusal");
        };
        assert_eq!(refusal.code, "HCERT-008");
        assert_eq!(refusal.faults[0].pointer, "/section/1/entry/0");
        assert_eq!(
            refusal.faults[0].detail,
            "the destination refuses it as `required` with the code `HCERT-008`"
        );
        assert!(!format!("{refusal:?}").contains("Tamm"));
    }

    #[test]
    fn nothing_that_is_not_on_a_list_is_repeated() {
        for expression in
            ["Composition.where(value='Jaan')", "Composition.Jaan", "Composition.section[Jaan]", "Jaan"]
        {
            assert_eq!(pointer(expression), None, "{expression}");
        }
        for code in ["Jaan", "J45.1", "39901012239", "HCERT-008 Jaan", "A1", ""] {
            assert!(!is_own_code(code), "{code}");
        }
        for code in ["HCERT-008", "MPI-029", "XRR200"] {
            assert!(is_own_code(code), "{code}");
        }
    }

    #[test]
    fn warnings_are_no_objection_and_what_passes_is_no_refusal() {
        assert_eq!(objection(outcome("warning", "required").as_bytes()), None);
        assert_eq!(objection(outcome("fatal", "throttled").as_bytes()), Some(Objection::Setback));
        assert_eq!(objection(b"{}"), None);
        assert_eq!(objection(b"<html>"), None);
    }

    #[test]
    fn each_status_says_whether_the_document_was_taken() {
        for (status, body, expected) in [
            (429, String::new(), "Failed"),
            (401, String::new(), "Failed"),
            (307, String::new(), "Failed"),
            (408, String::new(), "Unknown"),
            (500, outcome("error", "invalid"), "Unknown"),
            (503, String::new(), "Unknown"),
            (400, outcome("error", "invalid"), "Refused"),
            (403, String::new(), "Refused"),
            (422, outcome("error", "business-rule"), "Refused"),
            (422, outcome("error", "lock-error"), "Failed"),
        ] {
            let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_static("9"))]);
            let reply =
                Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from(body) };
            let outcome = no_success(&reply, Timestamp::UNIX_EPOCH);
            assert!(format!("{outcome:?}").starts_with(expected), "{status}");
            if let Outcome::Failed(setback) | Outcome::Unknown(setback) = outcome {
                assert_eq!(setback.retry_after, Some(std::time::Duration::from_secs(9)));
            }
        }
    }
}
