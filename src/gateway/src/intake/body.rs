//! Reading a request's body: the declaration first, then, once it is lawful, the document.
//!
//! Both forms, multipart and one JSON object, give the same two steps; of the document no byte is parsed, and in
//! multipart none is read, before the caller asks for it.

use std::fmt::Display;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use clearance::journey::Document;
use futures_util::StreamExt;
use http::{HeaderMap, header};
use serde_json::Deserializer;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::digest_header::ExpectedDigests;
use super::multipart::{Deadline, Part, Parts, boundary};
use super::problem::{Kind, Problem};
use crate::config::Limits;

/// A body that is being read.
pub(crate) struct Incoming {
    form: Form,
    declaration_bytes_max: usize,
    document_bytes_max: usize,
    upload_bytes_per_second_min: u64,
}

enum Form {
    Json { body: Bytes, rest_at: usize },
    Multipart(Box<Parts>),
}

impl Incoming {
    /// Begins to read.
    pub(crate) async fn begin(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Self, Problem> {
        let at = Instant::now() + Duration::from_millis(limits.body_ms);
        let expected = ExpectedDigests::of(headers)?;
        let media_type =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let form = if essence(media_type) == "application/json" {
            let body = buffer(body.into_data_stream(), limits.json_body_bytes_max, at).await?;
            expected.check(&body)?;
            Form::Json { body, rest_at: 0 }
        } else if matches!(essence(media_type).as_str(), "multipart/form-data" | "multipart/related") {
            let boundary = boundary(media_type).ok_or_else(|| malformed("the media type has no boundary"))?;
            let deadline = Deadline { at, bytes_per_second_min: None };
            Form::Multipart(Box::new(Parts::new(body, boundary, expected, deadline)))
        } else {
            return Err(malformed("the body is neither JSON nor multipart"));
        };
        Ok(Self {
            form,
            declaration_bytes_max: limits.declaration_bytes_max,
            document_bytes_max: limits.document_bytes_max,
            upload_bytes_per_second_min: limits.upload_bytes_per_second_min,
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
            Form::Multipart(parts) => {
                let part = parts.next().await?;
                let part = part.ok_or_else(|| malformed("there is no part `declaration`"))?;
                if !part.is_called("declaration") {
                    return Err(declaration_first());
                }
                parts.all_of(part, "the declaration", limit).await
            }
        }
    }

    /// The one document, in memory, after which nothing may follow.
    pub(crate) async fn document(self) -> Result<Document, Problem> {
        match self.form {
            Form::Json { body, rest_at } => second_member(&body, rest_at),
            Form::Multipart(mut parts) => {
                let part = parts.next().await?;
                let part = part.ok_or_else(|| malformed("there is no part `document`"))?;
                if !part.is_called("document") {
                    return Err(not_a_document());
                }
                let media_type = part.media_type();
                let bytes = parts.all_of(part, "the document", self.document_bytes_max).await?;
                if parts.next().await?.is_some() {
                    return Err(malformed("this destination takes one document, and there are more parts"));
                }
                parts.end().await?;
                Ok(Document { media_type, bytes })
            }
        }
    }

    /// The documents, to be read one after the other.
    pub(crate) fn documents(self) -> Result<Documents, Problem> {
        Ok(match self.form {
            Form::Json { body, rest_at } => Documents::Whole(Some(second_member(&body, rest_at)?)),
            Form::Multipart(mut parts) => {
                parts.streams(self.upload_bytes_per_second_min);
                Documents::Parts(parts)
            }
        })
    }
}

/// Documents on their way in.
pub(crate) enum Documents {
    /// One that came with the declaration.
    Whole(Option<Document>),
    /// The parts after the declaration.
    Parts(Box<Parts>),
}

/// One of them, of which some has been read.
pub(crate) enum OnItsWay {
    Whole(Bytes),
    Part(Box<Part>),
}

impl Documents {
    /// The next one and its media type.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, OnItsWay)>, Problem> {
        match self {
            Self::Whole(document) => Ok(document.take().map(|of| (of.media_type, OnItsWay::Whole(of.bytes)))),
            Self::Parts(parts) => match parts.next().await? {
                None => Ok(None),
                Some(part) if !part.is_called("document") => Err(not_a_document()),
                Some(part) => Ok(Some((part.media_type(), OnItsWay::Part(Box::new(part))))),
            },
        }
    }

    /// Its next bytes.
    pub(crate) async fn bytes_of(&self, document: &mut OnItsWay) -> Result<Option<Bytes>, Problem> {
        match (self, document) {
            (Self::Parts(parts), OnItsWay::Part(part)) => parts.bytes_of(part).await,
            (_, OnItsWay::Whole(bytes)) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            (Self::Whole(_), OnItsWay::Part(_)) => Ok(None),
        }
    }

    /// Nothing more may come, and all that came is what its digest says.
    pub(crate) async fn end(self) -> Result<(), Problem> {
        match self {
            Self::Whole(_) => Ok(()),
            Self::Parts(parts) => parts.end().await,
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

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

pub(super) fn malformed(detail: &str) -> Problem {
    Problem::new(Kind::RequestMalformed, detail)
}

fn not_a_document() -> Problem {
    malformed("a part after the declaration is not called `document`")
}

fn not_json() -> Problem {
    malformed("the body is not well-formed JSON")
}

fn declaration_first() -> Problem {
    malformed("the declaration does not come first: nothing of a document is read before its declaration")
}

pub(super) fn too_large(what: &str, limit: impl Display) -> Problem {
    Problem::new(Kind::TooLarge, format!("{what} is larger than {limit} bytes"))
}

pub(super) fn timed_out() -> Problem {
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
}
