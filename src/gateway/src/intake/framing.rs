//! Requests whose end two readers could see at different places, or whose host. The HTTP library refuses what it cannot read; this
//! refuses what it reads well and what a lenient proxy in front of the gateway might read otherwise. Such a request is the
//! last on its connection, so that what hides in it is nobody's; so is one whose body nobody has read.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use clearance::fault::Fault;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, Version, header};
use http_body::{Body as _, Frame, SizeHint};

use super::problem::{Kind, Problem};

/// Refuses a request that is not clear about its length or its host.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    if !has_one_host(request) {
        let detail = "the request does not name one host".to_owned();
        return Err(unclear(
            "host-unclear",
            detail,
            "name the gateway in one `Host` header, or in `:authority`",
        ));
    }
    if let Some(name) = request.headers().keys().find(|name| is_like_framing(name)) {
        let alike = if name.as_str().starts_with('t') { "transfer-encoding" } else { "content-length" };
        let detail = format!("a header's name could be taken for `{alike}`");
        return Err(unclear(LENGTH, detail, "leave the header out, or give it a name of its own"));
    }
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    if !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        let detail = "the request has a transfer coding other than `chunked`".to_owned();
        return Err(unclear(LENGTH, detail, "send `Transfer-Encoding: chunked` alone, or `Content-Length`"));
    }
    let has_no_body = matches!(*request.method(), Method::GET | Method::HEAD);
    if has_no_body && !request.body().is_end_stream() {
        let detail = format!("a {} request has a body", request.method());
        return Err(unclear(
            LENGTH,
            detail,
            "send it without a body, `Content-Length` and `Transfer-Encoding`",
        ));
    }
    Ok(())
}

/// Whether something of a request's body is left to read. It stands before the next request of its connection, which is
/// closed therefore; a client that is not told so would send its next request there.
#[derive(Debug)]
pub(super) struct Rest(Arc<AtomicBool>);

impl Rest {
    /// Watches the body of `request`.
    pub(super) fn of(request: Request) -> (Request, Self) {
        let left = Arc::new(AtomicBool::new(!request.body().is_end_stream()));
        let rest = Self(Arc::clone(&left));
        (request.map(|body| Body::new(Watched { body, left })), rest)
    }

    /// Whether something is left now.
    pub(super) fn is_left(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Watched {
    body: Body,
    left: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.left.store(false, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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

/// Whether the request names one host, once. Which, is not asked: who comes is known by certificate (RFC 9112 § 3.2,
/// RFC 9113 § 8.3.1).
fn has_one_host(request: &Request) -> bool {
    let (version, named) = (request.version(), request.uri().authority());
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11 || (version >= Version::HTTP_2 && named.is_some()),
        (Some(host), None) => Authority::try_from(host.as_bytes()).is_ok_and(|host| {
            let is_plain = !host.as_str().contains('@');
            // In HTTP/1.1 the target's host is taken and the header ignored; in HTTP/2 both are one thing.
            is_plain && (version < Version::HTTP_2 || named.is_none_or(|named| *named == host))
        }),
        (Some(_), Some(_)) => false,
    }
}

fn unclear(rule: &'static str, detail: String, remedy: &'static str) -> Problem {
    let mut problem = Problem::new(Kind::RequestMalformed, detail.clone());
    problem.rule = Some(rule.to_owned());
    problem.faults = vec![Fault::new(rule, "", detail, remedy)];
    problem
}

/// The rule that a request breaks that is not clear about its length.
const LENGTH: &str = "length-unclear";

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
