//! The XML declaration (production 23): version 1.0, and UTF-8 or its part ASCII.

use super::classes::{self, SPACE};
use super::malformed::{Reason, Stop};

/// Bytes of the longest declaration that is read; white space may make it longer than it needs to be.
const BYTES_MAX: usize = 256;

/// A declaration that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declaration {
    /// Where it ends.
    pub(super) to: usize,
    /// Whether the document says that it is ASCII.
    pub(super) is_ascii: bool,
}

/// Reads the declaration that `text` begins with, or says that it has none.
pub(super) fn read(text: &str) -> Result<Option<Declaration>, Stop> {
    const OPENS: &str = "<?xml";
    let within = text.get(..text.floor_char_boundary(BYTES_MAX)).unwrap_or_default();
    let Some(rest) = within.strip_prefix(OPENS) else {
        let may_come = OPENS.starts_with(text);
        return if may_come { Err(Stop::Incomplete) } else { Ok(None) };
    };
    match rest.as_bytes().first() {
        None => return Err(Stop::Incomplete),
        Some(byte) if classes::is(*byte, SPACE) => {}
        // Another target that begins alike, such as `xml-stylesheet`; anything else is found to be wrong there.
        Some(_) => return Ok(None),
    }
    let Some(length) = rest.find("?>") else {
        let is_too_long = text.len() > within.len();
        return Err(if is_too_long { Stop::Fault(Reason::BadDeclaration, 0) } else { Stop::Incomplete });
    };
    let mut rest = rest.get(..length).unwrap_or_default();
    let read = parts(&mut rest).map_err(|reason| Stop::Fault(reason, OPENS.len() + length - rest.len()))?;
    Ok(Some(Declaration { to: OPENS.len() + length + "?>".len(), is_ascii: read }))
}

/// Reads the parts in their order, and says whether the document declares itself ASCII.
fn parts(rest: &mut &str) -> Result<bool, Reason> {
    match part(rest, "version")? {
        Some("1.0") => {}
        Some(_) => return Err(Reason::OtherVersion),
        None => return Err(Reason::BadDeclaration),
    }
    let is_ascii = match part(rest, "encoding")? {
        Some(name) if name.eq_ignore_ascii_case("utf-8") => false,
        Some(name) if name.eq_ignore_ascii_case("us-ascii") || name.eq_ignore_ascii_case("ascii") => true,
        Some(name) if is_encoding_name(name) => return Err(Reason::OtherEncoding),
        Some(_) => return Err(Reason::BadDeclaration),
        None => false,
    };
    let standalone = part(rest, "standalone")?;
    *rest = rest.trim_start_matches(is_space);
    match standalone {
        None | Some("yes" | "no") if rest.is_empty() => Ok(is_ascii),
        _ => Err(Reason::BadDeclaration),
    }
}

/// Reads ` name="value"` when it stands at the start of `rest`.
fn part<'a>(rest: &mut &'a str, name: &str) -> Result<Option<&'a str>, Reason> {
    let trimmed = rest.trim_start_matches(is_space);
    let Some(after) = trimmed.strip_prefix(name) else { return Ok(None) };
    if trimmed.len() == rest.len() {
        return Err(Reason::BadDeclaration);
    }
    let value = after
        .trim_start_matches(is_space)
        .strip_prefix('=')
        .map(|after| after.trim_start_matches(is_space))
        .and_then(|after| {
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            after.get(1..)?.split_once(quote)
        });
    let (value, after) = value.ok_or(Reason::BadDeclaration)?;
    *rest = after;
    Ok(Some(value))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Production 81.
fn is_encoding_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}
