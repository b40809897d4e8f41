//! Requests whose end two readers could see at different places. The HTTP library refuses what it cannot read; this
//! refuses what it reads well and what a lenient proxy in front of the gateway might read otherwise. Such a request is the
//! last on its connection, so that what hides in it is nobody's.

use axum::extract::Request;
use axum::response::Response;
use clearance::fault::Fault;
use http::{HeaderName, HeaderValue, Method, Version, header};
use http_body::Body as _;

use super::problem::{Kind, Problem};

/// Refuses a request that is not clear about its length.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    if let Some(name) = request.headers().keys().find(|name| is_like_framing(name)) {
        let alike = if name.as_str().starts_with('t') { "transfer-encoding" } else { "content-length" };
        let detail = format!("a header's name could be taken for `{alike}`");
        return Err(unclear(detail, "leave the header out, or give it a name of its own"));
    }
    let has_no_body = matches!(*request.method(), Method::GET | Method::HEAD);
    if has_no_body && !request.body().is_end_stream() {
        let detail = format!("a {} request has a body", request.method());
        return Err(unclear(detail, "send it without a body, `Content-Length` and `Transfer-Encoding`"));
    }
    Ok(())
}

/// Closes the connection after the answer, where the version of HTTP says so in a header.
pub(super) fn last_of_its_connection(version: Version, mut answer: Response) -> Response {
    if version < Version::HTTP_2 {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Whether a name has the letters of a header that says where a body ends, and is not that header.
fn is_like_framing(name: &HeaderName) -> bool {
    let is_alike = |other: &str| {
        let letters = name.as_str().bytes().filter(u8::is_ascii_alphanumeric);
        letters.eq(other.bytes().filter(u8::is_ascii_alphanumeric)) && name.as_str() != other
    };
    is_alike(header::TRANSFER_ENCODING.as_str()) || is_alike(header::CONTENT_LENGTH.as_str())
}

fn unclear(detail: String, remedy: &'static str) -> Problem {
    let mut problem = Problem::new(Kind::RequestMalformed, detail.clone());
    problem.rule = Some("length-unclear".to_owned());
    problem.faults = vec![Fault::new("length-unclear", "", detail, remedy)];
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_could_be_misread_are_alike() {
        for (name, alike) in [
            ("transfer-encoding", false),
            ("content-length", false),
            ("transfer_encoding", true),
            ("transfer---encoding", true),
            ("content.length", true),
            ("x-content-length", false),
            ("content-type", false),
        ] {
            assert_eq!(is_like_framing(&HeaderName::from_static(name)), alike, "{name}");
        }
    }
}
