//! The employer's refusals: an `OperationOutcome` with one issue per violation.

use http::StatusCode;
use serde_json::{Value, json};
use stand_in::Answer;

/// The media type of the documents taken and of every refusal.
pub(crate) const FHIR_JSON: &str = "application/fhir+json";

/// Issues as they are found; a check adds to them and goes on.
#[derive(Debug, Default)]
pub(crate) struct Issues(Vec<Value>);

impl Issues {
    /// Adds an issue of `kind`, one of FHIR's issue types, at `expression`: where in the document, or empty.
    pub(crate) fn add(&mut self, kind: &str, expression: impl Into<String>, text: impl Into<String>) {
        self.0.push(issue(kind, &expression.into(), &text.into()));
    }

    /// The refusal when there is an issue.
    pub(crate) fn refuse(self, status: StatusCode) -> Result<(), Box<Answer>> {
        if self.0.is_empty() { Ok(()) } else { Err(Box::new(answer(status, &self.0))) }
    }
}

/// A refusal for one reason.
pub(crate) fn refusal(status: StatusCode, kind: &str, text: &str) -> Answer {
    answer(status, &[issue(kind, "", text)])
}

/// A failure of the employer itself, or with 200 a success that is none.
pub(crate) fn failure(status: StatusCode) -> Answer {
    match status {
        StatusCode::OK => refusal(status, "processing", "the request was not processed"),
        StatusCode::TOO_MANY_REQUESTS => refusal(status, "throttled", "too many requests"),
        _ => refusal(status, "transient", "the stand-in was told to fail"),
    }
}

fn answer(status: StatusCode, issues: &[Value]) -> Answer {
    Answer::json(status, FHIR_JSON, &json!({ "resourceType": "OperationOutcome", "issue": issues }))
}

fn issue(kind: &str, expression: &str, text: &str) -> Value {
    let mut issue = json!({ "severity": "error", "code": kind, "details": { "text": text } });
    if let (false, Some(members)) = (expression.is_empty(), issue.as_object_mut()) {
        members.insert("expression".into(), json!([expression]));
    }
    issue
}
