//! Refusals in FHIR's form: an `OperationOutcome` with one issue per violation.

use http::StatusCode;
use serde_json::{Value, json};

use crate::Answer;

/// The media type of FHIR in JSON.
pub const FHIR_JSON: &str = "application/fhir+json";
/// What a feigned failure says.
pub const TOLD: &str = "the stand-in was told to fail";

/// One issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// FHIR's issue type: `required`, `value`, `business-rule`, …
    pub kind: &'static str,
    /// Where in the resource, or empty.
    pub expression: String,
    /// The partner's own code, when it is known.
    pub code: Option<&'static str>,
    /// What is wrong, for a human.
    pub text: String,
}

/// Issues as they are found; a check adds to them and goes on.
#[derive(Debug, Default)]
pub struct Issues(pub(crate) Vec<Issue>);

impl Issues {
    /// Adds an issue of `kind` at `expression`.
    pub fn add(&mut self, kind: &'static str, expression: impl Into<String>, text: impl Into<String>) {
        self.0.push(Issue { kind, expression: expression.into(), code: None, text: text.into() });
    }

    /// Nothing when there is no issue.
    ///
    /// # Errors
    /// The refusal.
    pub fn refuse(self, status: StatusCode) -> Result<(), Box<Answer>> {
        if self.0.is_empty() { Ok(()) } else { Err(Box::new(answer(status, &self.0))) }
    }
}

/// A refusal for one reason.
pub fn refusal(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Answer {
    answer(status, &[Issue { kind, expression: String::new(), code: None, text: text.into() }])
}

/// An answer whose body is the `OperationOutcome` of `issues`.
pub fn answer(status: StatusCode, issues: &[Issue]) -> Answer {
    Answer::json(status, FHIR_JSON, &outcome(issues))
}

/// A failure of the provider itself, or with 200 a success that is none.
pub fn failure(status: StatusCode) -> Answer {
    match status {
        StatusCode::OK => refusal(status, "processing", "the request was not processed"),
        StatusCode::TOO_MANY_REQUESTS => refusal(status, "throttled", "too many requests"),
        _ => refusal(status, "transient", TOLD),
    }
}

fn outcome(issues: &[Issue]) -> Value {
    let issues: Vec<Value> = issues.iter().map(issue).collect();
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

fn issue(issue: &Issue) -> Value {
    let mut details = json!({ "text": issue.text });
    if let (Some(code), Some(details)) = (issue.code, details.as_object_mut()) {
        details.insert("coding".into(), json!([{ "code": code }]));
    }
    let mut value = json!({ "severity": "error", "code": issue.kind, "details": details });
    if let (false, Some(value)) = (issue.expression.is_empty(), value.as_object_mut()) {
        value.insert("expression".into(), json!([issue.expression]));
    }
    value
}
