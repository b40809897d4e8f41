//! Envelopes as they are read: in one pass, header first, the body passed on as it comes.

mod fault;
mod field;
mod header;

use std::io::{BufRead, Write};

use self::fault::read_fault;
use self::field::{next_child, read_service, skip};
use self::header::Found;
use super::element::{CopyError, Element, ElementName, copy};
use super::error::EnvelopeError;
use super::fault::Fault;
use super::headers::Headers;
use super::limits::Limits;
use super::message::{Envelope, Kind, Message};
use super::names::Service;
use super::xml::{Scanner, Token, XmlError, XmlLimit};
use super::{SOAP, X_ROAD};

/// What an envelope holds whose body was passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A request or an answer.
    Message {
        /// The header.
        headers: Box<Headers>,
        /// The name of the one child of its body, which was passed on.
        body: ElementName,
        /// Whether it asks or answers.
        kind: Kind,
    },
    /// A fault; nothing was passed on.
    Fault(Fault),
}

/// The envelope that `xml` is.
///
/// # Errors
/// When it is not an envelope of the X-Road message protocol 4.0.
pub fn read(xml: &[u8], limits: &Limits) -> Result<Envelope, EnvelopeError> {
    let mut body = Vec::new();
    match read_into(xml, limits, &mut body)? {
        Head::Message { headers, body: name, .. } => {
            let message = Message::new(*headers, Element::copied(body, name))?;
            Ok(Envelope::Message(Box::new(message)))
        }
        Head::Fault(fault) => Ok(Envelope::Fault(fault)),
    }
}

/// Reads an envelope from `source` and writes the one child of its body to `body` as it comes, such that it stands alone:
/// the namespace declarations in scope are added to its start tag, everything else is left byte for byte. No more than
/// the longest tag or text is held in memory.
///
/// # Errors
/// When it is not an envelope of the X-Road message protocol 4.0. What was written by then is of no use: that a document
/// is well-formed is only known at its end.
pub fn read_into(source: impl BufRead, limits: &Limits, mut body: impl Write) -> Result<Head, EnvelopeError> {
    let mut scanner = Scanner::new(source, limits.xml());
    scanner.share_tokens(limits.header_bytes_max);
    let found = read_until_body(&mut scanner).map_err(|error| match error {
        EnvelopeError::Xml(XmlError::Limit(XmlLimit::TokenBytes)) => EnvelopeError::HeaderTooLong,
        error => error,
    })?;
    scanner.end_sharing();
    let head = read_body(&mut scanner, found, &mut body)?;
    if next_child(&mut scanner, EnvelopeError::NotAnEnvelope)? {
        return Err(EnvelopeError::NotAnEnvelope);
    }
    while scanner.next()? != Token::EndOfDocument {}
    Ok(head)
}

/// The services in `list`, which is the body of an answer to `listMethods` or `allowedMethods`.
///
/// # Errors
/// When one of them is malformed.
pub fn read_services(list: &Element) -> Result<Vec<Service>, EnvelopeError> {
    let limits = Limits { envelope_bytes_max: u64::MAX, ..Limits::default() };
    let mut scanner = Scanner::new(&**list.xml(), limits.xml());
    let mut services = Vec::new();
    next_child(&mut scanner, EnvelopeError::Body)?;
    while next_child(&mut scanner, EnvelopeError::Body)? {
        if scanner.name() == (X_ROAD, "service") {
            services.push(read_service(&mut scanner)?);
        } else {
            skip(&mut scanner)?;
        }
    }
    Ok(services)
}

/// Reads up to the start of the body, with the header if there is one.
fn read_until_body<R: BufRead>(scanner: &mut Scanner<R>) -> Result<Option<Found>, EnvelopeError> {
    read_root(scanner)?;
    let mut found = None;
    if !next_child(scanner, EnvelopeError::NotAnEnvelope)? {
        return Err(EnvelopeError::MissingHeader);
    }
    if scanner.name() == (SOAP, "Header") {
        found = Some(Found::read(scanner)?);
        if !next_child(scanner, EnvelopeError::NotAnEnvelope)? {
            return Err(EnvelopeError::MissingBody);
        }
    }
    if scanner.name() == (SOAP, "Body") { Ok(found) } else { Err(EnvelopeError::NotAnEnvelope) }
}

fn read_root<R: BufRead>(scanner: &mut Scanner<R>) -> Result<(), EnvelopeError> {
    loop {
        match scanner.next() {
            Ok(Token::Start) if scanner.name() == (SOAP, "Envelope") => return Ok(()),
            // A document that ends before it has begun is no envelope rather than half of one.
            Ok(Token::Start) | Err(XmlError::CutOff) => return Err(EnvelopeError::NotAnEnvelope),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_body<R: BufRead>(
    scanner: &mut Scanner<R>,
    found: Option<Found>,
    body: &mut impl Write,
) -> Result<Head, EnvelopeError> {
    if !next_child(scanner, EnvelopeError::Body)? {
        return Err(EnvelopeError::Body);
    }
    let head = if scanner.name() == (SOAP, "Fault") {
        let headers = found.and_then(|found| found.complete().ok()).map(Box::new);
        Head::Fault(Fault { headers, ..read_fault(scanner)? })
    } else {
        let headers = found.ok_or(EnvelopeError::MissingHeader)?.complete()?;
        let name = ElementName::of(scanner);
        let kind = Kind::of(&headers.service, &name)?;
        copy(scanner, body).map_err(|error| match error {
            CopyError::Xml(error) => EnvelopeError::Xml(error),
            CopyError::Sink(error) => EnvelopeError::Sink(error.kind()),
        })?;
        Head::Message { headers: Box::new(headers), body: name, kind }
    };
    if next_child(scanner, EnvelopeError::Body)? { Err(EnvelopeError::Body) } else { Ok(head) }
}
