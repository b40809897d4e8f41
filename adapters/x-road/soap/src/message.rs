//! A message: header and body, which agree.

use bytes::Bytes;

use super::element::{Element, ElementName};
use super::error::EnvelopeError;
use super::fault::Fault;
use super::hash::HashError;
use super::headers::Headers;
use super::names::Service;
use super::write::envelope;

/// What an envelope holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A request or an answer.
    Message(Box<Message>),
    /// A fault, in place of an answer.
    Fault(Fault),
}

/// A request or an answer.
///
/// INVARIANT: the child of the body is named after the service: as its code for a request, with `Response` added for an
/// answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    headers: Headers,
    body: Element,
    kind: Kind,
}

/// Whether a message asks or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It asks.
    Request,
    /// It answers.
    Answer,
}

/// An answer that is not one to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is a request itself.
    #[error("the message is not an answer")]
    NotAnAnswer,
    /// Its header is not that of the request.
    #[error("the header of the answer is not that of the request")]
    Headers,
    /// Its hash is not that of the request.
    #[error("the answer is not tied to the request")]
    Hash(#[from] HashError),
}

impl Message {
    /// A message with this header and the element `body` as the one child of its body.
    ///
    /// # Errors
    /// When the element is not named after the service.
    pub fn new(headers: Headers, body: Element) -> Result<Self, EnvelopeError> {
        let kind = Kind::of(&headers.service, body.name())?;
        Ok(Self { headers, body, kind })
    }

    /// The header.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The one child of the body.
    pub fn body(&self) -> &Element {
        &self.body
    }

    /// Whether it asks or answers.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The envelope.
    pub fn to_xml(&self) -> Bytes {
        envelope(&self.headers, &self.body)
    }

    /// Checks that this is the answer to a request with the header `request` and the envelope `sent`. A hash need not be
    /// there: whoever asks without a Security Server in between gets none.
    ///
    /// # Errors
    /// When it is not.
    pub fn answers(&self, request: &Headers, sent: &[u8]) -> Result<(), AnswerError> {
        if self.kind != Kind::Answer {
            return Err(AnswerError::NotAnAnswer);
        }
        if !self.headers.answers(request) {
            return Err(AnswerError::Headers);
        }
        self.headers.request_hash.as_ref().map_or(Ok(()), |hash| hash.check(sent))?;
        Ok(())
    }
}

impl Kind {
    /// What a body is whose child has the name `name`.
    pub(super) fn of(service: &Service, name: &ElementName) -> Result<Self, EnvelopeError> {
        match name.local().strip_prefix(service.code.as_str()) {
            Some("") => Ok(Self::Request),
            Some("Response") => Ok(Self::Answer),
            _ => Err(EnvelopeError::Inconsistent),
        }
    }
}
