//! An answer on its way out: status, headers, body, and what the journal should remember about the request.

use std::fmt;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

/// One answer.
#[derive(Clone, Default)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// What the journal should remember about the request.
    pub remarks: Vec<&'static str>,
}

impl Answer {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    /// An answer with a JSON body.
    pub fn json(status: StatusCode, media_type: &str, body: &Value) -> Self {
        let mut answer = Self::empty(status).with(CONTENT_TYPE, media_type);
        answer.body = body.to_string().into_bytes();
        answer
    }

    /// Adds a header; a value that no header can hold is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds what the journal should remember.
    #[must_use]
    pub fn remarking(mut self, remark: &'static str) -> Self {
        self.remarks.push(remark);
        self
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("remarks", &self.remarks)
            .finish_non_exhaustive()
    }
}

impl From<Answer> for Response<Body> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::new(Body::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        response
    }
}
