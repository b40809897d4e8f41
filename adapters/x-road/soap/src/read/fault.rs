//! The fault of SOAP 1.1 (section 4.4), with what X-Road adds.

use std::io::BufRead;

use super::field::{next_child, skip};
use crate::SOAP;
use crate::error::EnvelopeError;
use crate::fault::{Fault, FaultCode};
use crate::xml::{Scanner, Token};

/// As much of a fault's text is kept, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// Reads the fault that has begun.
pub(super) fn read_fault<R: BufRead>(scanner: &mut Scanner<R>) -> Result<Fault, EnvelopeError> {
    let (mut code, mut string, mut actor, mut detail) = (None, None, None, None);
    while next_child(scanner, EnvelopeError::Fault)? {
        let (namespace, local) = scanner.name();
        // SOAP 1.1 has these in no namespace; some services put them into that of the envelope.
        let known = if namespace.is_empty() || namespace == SOAP { local } else { "" };
        match known {
            "faultcode" => once(&mut code, read_words(scanner)?)?,
            "faultstring" => once(&mut string, read_words(scanner)?)?,
            "faultactor" => once(&mut actor, read_words(scanner)?)?,
            "detail" => once(&mut detail, read_detail(scanner)?)?,
            _ => skip(scanner)?,
        }
    }
    let code = code.ok_or(EnvelopeError::Fault)?;
    Ok(Fault {
        actor: actor.map(Into::into),
        detail: detail.flatten().map(Into::into),
        ..Fault::new(FaultCode::new(&code), &string.unwrap_or_default())
    })
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), EnvelopeError> {
    if slot.replace(value).is_some() { Err(EnvelopeError::Fault) } else { Ok(()) }
}

/// What X-Road put into the detail that has begun.
fn read_detail<R: BufRead>(scanner: &mut Scanner<R>) -> Result<Option<String>, EnvelopeError> {
    let mut detail = None;
    let mut depth = 1_usize;
    while depth > 0 {
        match scanner.next()? {
            Token::Start if depth == 1 && detail.is_none() && scanner.name().1 == "faultDetail" => {
                detail = Some(read_words(scanner)?);
            }
            Token::Start => depth += 1,
            Token::End => depth -= 1,
            Token::Text | Token::Aside | Token::EndOfDocument => {}
        }
    }
    Ok(detail)
}

/// The text of the element that has begun and of those in it, cut where it is too long.
fn read_words<R: BufRead>(scanner: &mut Scanner<R>) -> Result<String, EnvelopeError> {
    let mut words = String::new();
    let mut depth = 1_usize;
    while depth > 0 {
        match scanner.next()? {
            Token::Start => depth += 1,
            Token::End => depth -= 1,
            Token::Text => {
                let characters = scanner.characters();
                let room = TEXT_BYTES_MAX.saturating_sub(words.len());
                let end = characters.floor_char_boundary(room);
                words.push_str(characters.get(..end).unwrap_or_default());
            }
            Token::Aside | Token::EndOfDocument => {}
        }
    }
    Ok(words)
}
