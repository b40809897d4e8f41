//! Reading a request's body: the declaration first, then, once it is lawful, the document.
//!
//! Both forms, multipart and one JSON object, give the same two steps; of the document no byte is parsed, and in
//! multipart none is read, before the caller asks for it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::digest;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use clearance::journey::Document;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header};
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::Deserializer;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::digest_header::ExpectedDigests;
use super::problem::{Kind, Problem};
use crate::config::Limits;

/// The most that boundaries, part headers, preamble and epilogue of a multipart body may take together, in bytes.
const SURROUNDINGS_BYTES_MAX: usize = 256 * 1024;

/// A body that is being read.
pub(crate) struct Incoming {
    form: Form,
    deadline: Instant,
    declaration_bytes_max: usize,
    document_bytes_max: usize,
}

enum Form {
    Json { body: Bytes, rest_at: usize },
    Multipart { parts: Multipart<'static>, digests: DigestTap },
}

impl Incoming {
    /// Begins to read.
    pub(crate) async fn begin(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Self, Problem> {
        let deadline = Instant::now() + Duration::from_millis(limits.body_ms);
        let expected = ExpectedDigests::of(headers)?;
        let media_type =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let form = if essence(media_type) == "application/json" {
            let body = buffer(body.into_data_stream(), limits.json_body_bytes_max, deadline).await?;
            expected.check(&body)?;
            Form::Json { body, rest_at: 0 }
        } else if matches!(essence(media_type).as_str(), "multipart/form-data" | "multipart/related") {
            let boundary = boundary(media_type).ok_or_else(|| malformed("the media type has no boundary"))?;
            let digests = DigestTap::new(expected, body.into_data_stream());
            // What surrounds the parts is bounded too: a preamble would be held until its boundary comes.
            let whole = limits.declaration_bytes_max + limits.document_bytes_max + SURROUNDINGS_BYTES_MAX;
            let whole = SizeLimit::new().whole_stream(u64::try_from(whole).unwrap_or(u64::MAX));
            let constraints = Constraints::new().size_limit(whole);
            let parts = Multipart::with_constraints(digests.clone(), boundary, constraints);
            Form::Multipart { parts, digests }
        } else {
            return Err(malformed("the body is neither JSON nor multipart"));
        };
        Ok(Self {
            form,
            deadline,
            declaration_bytes_max: limits.declaration_bytes_max,
            document_bytes_max: limits.document_bytes_max,
        })
    }

    /// The bytes of the declaration.
    pub(crate) async fn declaration(&mut self) -> Result<Bytes, Problem> {
        let limit = self.declaration_bytes_max;
        match &mut self.form {
            Form::Json { body, rest_at } => {
                let (declaration, end) = first_member(body)?;
                *rest_at = end;
                if declaration.len() > limit {
                    return Err(too_large("the declaration", limit));
                }
                Ok(declaration)
            }
            Form::Multipart { parts, .. } => {
                let part = next_part(parts, self.deadline).await?;
                let part = part.ok_or_else(|| malformed("there is no part `declaration`"))?;
                if part.name().is_some_and(|name| name != "declaration") {
                    return Err(declaration_first());
                }
                read_part(part, "the declaration", limit, self.deadline).await
            }
        }
    }

    /// The document, after which nothing may follow.
    pub(crate) async fn document(mut self) -> Result<Document, Problem> {
        let limit = self.document_bytes_max;
        match &mut self.form {
            Form::Json { body, rest_at } => second_member(body, *rest_at),
            Form::Multipart { parts, digests } => {
                let part = next_part(parts, self.deadline).await?;
                let part = part.ok_or_else(|| malformed("there is no part `document`"))?;
                if part.name().is_some_and(|name| name != "document") {
                    return Err(malformed("the part after the declaration is not called `document`"));
                }
                let media_type = part.content_type().map(|of| of.essence_str().to_owned());
                let bytes = read_part(part, "the document", limit, self.deadline).await?;
                if next_part(parts, self.deadline).await?.is_some() {
                    return Err(malformed("this destination takes one document, and there are more parts"));
                }
                digests.read_to_the_end(self.deadline).await?;
                digests.check()?;
                let media_type = media_type.unwrap_or_else(|| "application/octet-stream".to_owned());
                Ok(Document { media_type, bytes })
            }
        }
    }
}

/// The first member of a JSON object, which is the declaration, and where the rest begins.
fn first_member(body: &Bytes) -> Result<(Bytes, usize), Problem> {
    let at = skip(body, 0, b'{').ok_or_else(|| malformed("the body is not a JSON object"))?;
    let (name, at) = value(body, at).ok_or_else(not_json)?;
    if name.as_ref() != br#""declaration""# {
        return Err(declaration_first());
    }
    let at = skip(body, at, b':').ok_or_else(not_json)?;
    value(body, at).ok_or_else(not_json)
}

/// The rest of the JSON object: `document`, and `media_type` when it is not FHIR.
fn second_member(body: &Bytes, at: usize) -> Result<Document, Problem> {
    let mut document = None;
    let mut media_type = None;
    let mut at = at;
    while let Some(next) = skip(body, at, b',') {
        let (name, next) = value(body, next).ok_or_else(not_json)?;
        let next = skip(body, next, b':').ok_or_else(not_json)?;
        let (member, next) = value(body, next).ok_or_else(not_json)?;
        let slot = match name.as_ref() {
            br#""document""# => &mut document,
            br#""media_type""# => &mut media_type,
            _ => return Err(malformed("beside `declaration` there may be `document` and `media_type` only")),
        };
        if slot.replace(member).is_some() {
            return Err(malformed("a member is there twice"));
        }
        at = next;
    }
    let end = skip(body, at, b'}').ok_or_else(not_json)?;
    if !body.iter().skip(end).all(u8::is_ascii_whitespace) {
        return Err(malformed("something follows the JSON object"));
    }
    let media_type = match media_type {
        Some(text) => serde_json::from_slice(&text).map_err(|_| malformed("`media_type` is not a text"))?,
        None => "application/fhir+json".to_owned(),
    };
    let bytes = document.ok_or_else(|| malformed("there is no `document`"))?;
    Ok(Document { media_type, bytes })
}

/// Past white space and `token`.
fn skip(body: &[u8], at: usize, token: u8) -> Option<usize> {
    let rest = body.get(at..)?;
    let white = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    (rest.get(white) == Some(&token)).then_some(at + white + 1)
}

/// One JSON value as it stands, and where it ends.
fn value(body: &Bytes, at: usize) -> Option<(Bytes, usize)> {
    let rest = body.get(at..)?;
    let mut values = Deserializer::from_slice(rest).into_iter::<&RawValue>();
    let text = values.next()?.ok()?.get();
    let end = at + values.byte_offset();
    Some((body.slice_ref(text.as_bytes()), end))
}

async fn buffer(mut stream: BodyDataStream, limit: usize, deadline: Instant) -> Result<Bytes, Problem> {
    let mut buffer = Vec::new();
    while let Some(chunk) = timeout_at(deadline, stream.next()).await.map_err(|_| timed_out())? {
        let chunk = chunk.map_err(|_| malformed("the body broke off"))?;
        if buffer.len() + chunk.len() > limit {
            return Err(too_large("the JSON body", limit));
        }
        buffer.extend_from_slice(&chunk);
    }
    Ok(buffer.into())
}

async fn next_part(
    parts: &mut Multipart<'static>,
    deadline: Instant,
) -> Result<Option<multer::Field<'static>>, Problem> {
    let next = timeout_at(deadline, parts.next_field()).await.map_err(|_| timed_out())?;
    next.map_err(|error| not_multipart(&error))
}

async fn read_part(
    mut part: multer::Field<'static>,
    what: &str,
    limit: usize,
    deadline: Instant,
) -> Result<Bytes, Problem> {
    let mut buffer = Vec::new();
    loop {
        let chunk = timeout_at(deadline, part.chunk()).await.map_err(|_| timed_out())?;
        match chunk.map_err(|error| not_multipart(&error))? {
            Some(chunk) if buffer.len() + chunk.len() > limit => return Err(too_large(what, limit)),
            Some(chunk) => buffer.extend_from_slice(&chunk),
            None => return Ok(buffer.into()),
        }
    }
}

/// Hashes a body as it passes, so that `Content-Digest` is checked without holding it.
#[derive(Clone)]
struct DigestTap(Arc<Mutex<Tap>>);

struct Tap {
    stream: BodyDataStream,
    expected: ExpectedDigests,
    sha256: digest::Context,
    sha512: digest::Context,
}

impl DigestTap {
    fn new(expected: ExpectedDigests, stream: BodyDataStream) -> Self {
        Self(Arc::new(Mutex::new(Tap {
            stream,
            expected,
            sha256: digest::Context::new(&digest::SHA256),
            sha512: digest::Context::new(&digest::SHA512),
        })))
    }

    fn tap(&self) -> MutexGuard<'_, Tap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A multipart reader stops at the last boundary; the digest is that of everything.
    async fn read_to_the_end(&self, deadline: Instant) -> Result<(), Problem> {
        let mut rest = self.clone();
        while let Some(chunk) = timeout_at(deadline, rest.next()).await.map_err(|_| timed_out())? {
            chunk.map_err(|_| malformed("the body broke off"))?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Problem> {
        let tap = self.tap();
        tap.expected.compare(tap.sha256.clone().finish().as_ref(), tap.sha512.clone().finish().as_ref())
    }
}

impl Stream for DigestTap {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut tap = self.tap();
        let next = tap.stream.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            if tap.expected.wants_sha256() {
                tap.sha256.update(chunk);
            }
            if tap.expected.wants_sha512() {
                tap.sha512.update(chunk);
            }
        }
        next
    }
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

fn boundary(media_type: &str) -> Option<String> {
    let parameters = media_type.split(';').skip(1);
    let boundary =
        parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
        })?;
    // RFC 2046: 1 to 70 characters.
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Kind::RequestMalformed, detail)
}

fn not_multipart(error: &multer::Error) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { limit } => {
            Problem::new(Kind::TooLarge, format!("the multipart body is larger than {limit} bytes"))
        }
        _ => malformed("the multipart body is not well-formed or broke off"),
    }
}

fn not_json() -> Problem {
    malformed("the body is not well-formed JSON")
}

fn declaration_first() -> Problem {
    malformed("the declaration does not come first: nothing of a document is read before its declaration")
}

fn too_large(what: &str, limit: usize) -> Problem {
    Problem::new(Kind::TooLarge, format!("{what} is larger than {limit} bytes"))
}

fn timed_out() -> Problem {
    Problem::new(Kind::TimedOut, "the body did not arrive in time")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(body: &'static str) -> Result<(String, String, String), String> {
        let body = Bytes::from_static(body.as_bytes());
        let (declaration, at) = first_member(&body).map_err(|problem| problem.detail)?;
        let document = second_member(&body, at).map_err(|problem| problem.detail)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((text(&declaration), text(&document.bytes), document.media_type))
    }

    #[test]
    fn one_json_object_holds_the_declaration_and_the_document_as_they_stand() {
        let (declaration, document, media_type) =
            both(r#" { "declaration" : {"a": 1.50} , "document":{"b":[1e2]}} "#).unwrap();
        assert_eq!(declaration, r#"{"a": 1.50}"#);
        assert_eq!(document, r#"{"b":[1e2]}"#);
        assert_eq!(media_type, "application/fhir+json");
    }

    #[test]
    fn a_document_before_its_declaration_or_anything_else_is_refused() {
        for body in [
            r#"{"document":{},"declaration":{}}"#,
            r#"{"declaration":{}}"#,
            r#"{"declaration":{},"document":{},"document":{}}"#,
            r#"{"declaration":{},"document":{},"more":1}"#,
            r#"{"declaration":{},"document":{}} x"#,
            r#"{"declaration":{},"document":{}"#,
            "[]",
            "",
        ] {
            assert!(both(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_boundary_is_found_in_both_spellings() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("multipart/related; type=x; Boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(boundary("multipart/form-data"), None);
    }
}
