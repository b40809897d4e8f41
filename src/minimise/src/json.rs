//! FHIR as JSON: read strictly, and projected in the same pass.
//!
//! The receiver must see the document that was judged, so whatever two readers could understand differently is refused:
//! duplicate member names (however they are spelled), lone surrogates, byte order marks, bytes that are not UTF-8. Numbers are
//! never converted. No tree is built; memory is bounded by the depth, the names of open objects, and what must be looked at ahead.

mod contained;
mod glimpse;
mod lexer;
mod malformed;
mod projection;
mod subject;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use lexer::{Lexer, Tail, Token};
pub(crate) use malformed::Malformed;
pub(crate) use projection::{Ended, JsonProjection};

use crate::fault::Fault;
use crate::limits::Limits;
use crate::names::Names;
use lexer::Before;
use malformed::Reason;

/// Whether `bytes` are strict JSON within the default limits. Names in the fault's pointer are shown only if FHIR has them.
///
/// # Errors
/// The first fault.
pub fn check_json(bytes: &[u8]) -> Result<(), Fault> {
    check_json_within(bytes, &Limits::default())
}

/// Whether `bytes` are strict JSON within these limits.
///
/// # Errors
/// The first fault.
pub fn check_json_within(bytes: &[u8], limits: &Limits) -> Result<(), Fault> {
    check_beginning(bytes, limits).map_err(|fault| fault.at(String::new()))?;
    let (text, tail) = text_of(bytes);
    let mut lexer = Lexer::new(limits);
    loop {
        match lexer.next(text, tail) {
            Ok(Token::End | Token::More) => return Ok(()),
            Ok(_) => {}
            Err(fault) => return Err(fault.at(lexer.fault_pointer(&Names::fhir()))),
        }
    }
}

/// The part of `bytes` that is UTF-8, and what follows it.
pub(crate) fn text_of(bytes: &[u8]) -> (&str, Tail) {
    simdutf8::compat::from_utf8(bytes).map_or_else(
        |fault| {
            let sound = bytes.get(..fault.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(sound).unwrap_or_default(), Tail::Broken)
        },
        |text| (text, Tail::End),
    )
}

/// Whether a document may begin with `bytes`.
pub(crate) fn check_beginning(bytes: &[u8], limits: &Limits) -> Result<(), Malformed> {
    if bytes.len() > limits.document_bytes_max {
        return Err(too_large());
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(Malformed::new(Reason::ByteOrderMark, Before::default(), "", 0));
    }
    Ok(())
}

/// The document has more bytes than allowed.
pub(crate) fn too_large() -> Malformed {
    Malformed::new(Reason::DocumentTooLarge, Before::default(), "", 0)
}
