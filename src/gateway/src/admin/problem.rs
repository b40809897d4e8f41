//! Noes of the admin API, as problem documents (RFC 9457).

use axum::response::{IntoResponse, Response};
use clearance::journey::RecorderError;
use http::{StatusCode, header};
use serde_json::json;

/// A no.
#[derive(Debug)]
pub(super) struct AdminProblem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl AdminProblem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    pub(super) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request-malformed", detail)
    }

    pub(super) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(super) fn too_many(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", detail)
    }

    pub(super) fn unsupported_media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "send `application/json`")
    }
}

impl From<RecorderError> for AdminProblem {
    fn from(error: RecorderError) -> Self {
        let detail = match error {
            RecorderError::Damaged(_) => "the record is damaged; the log says where".to_owned(),
            error => error.to_string(),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "record-unusable", detail)
    }
}

impl IntoResponse for AdminProblem {
    fn into_response(self) -> Response {
        let document = json!({
            "type": format!("tag:clearance,2026:{}", self.code),
            "title": self.code,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], document.to_string())
            .into_response()
    }
}
