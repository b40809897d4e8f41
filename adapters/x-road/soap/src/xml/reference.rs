//! References: the five entities that XML predefines, and characters by their number.

use std::borrow::Cow;
use std::io::{self, Write};

use super::XmlError;
use super::characters::are_characters;

/// The character that `&name;` stands for.
pub(super) fn character(name: &str) -> Result<char, XmlError> {
    let number = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => name.strip_prefix('#').ok_or(XmlError::Reference)?,
    };
    let (digits, base) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // `from_str_radix` would take a sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(XmlError::Reference);
    }
    let character = u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
    character
        .filter(|character| are_characters(character.encode_utf8(&mut [0; 4])))
        .ok_or(XmlError::Reference)
}

/// An attribute's value: references resolved, white space as XML 1.0, section 3.3.3, has it.
pub(super) fn resolved(raw: &str) -> Result<Cow<'_, str>, XmlError> {
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Ok(Cow::Borrowed(raw));
    }
    let lines = raw.replace("\r\n", " ");
    let mut value = String::with_capacity(raw.len());
    let mut rest = lines.as_str();
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';').ok_or(XmlError::Reference)?;
        value.extend(before.chars().map(spaced));
        value.push(character(name)?);
        rest = after;
    }
    value.extend(rest.chars().map(spaced));
    Ok(Cow::Owned(value))
}

fn spaced(character: char) -> char {
    if matches!(character, '\t' | '\n' | '\r') { ' ' } else { character }
}

/// Writes `text` such that it reads back the same, in an element as in a double-quoted attribute.
pub(crate) fn write_escaped(text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut rest = text;
    while let Some(place) = rest.find(['&', '<', '>', '"', '\t', '\n', '\r']) {
        let (before, from) = rest.split_at_checked(place).unwrap_or((rest, ""));
        out.write_all(before.as_bytes())?;
        let mut characters = from.chars();
        out.write_all(match characters.next() {
            Some('&') => b"&amp;",
            Some('<') => b"&lt;",
            Some('>') => b"&gt;",
            Some('"') => b"&quot;",
            Some('\t') => b"&#9;",
            Some('\n') => b"&#10;",
            _ => b"&#13;",
        })?;
        rest = characters.as_str();
    }
    out.write_all(rest.as_bytes())
}

/// `text` as it can be put into an element or a double-quoted attribute. Characters that XML does not allow are left out:
/// no reference could stand for them.
pub fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let allowed: String = text.chars().filter(|c| are_characters(c.encode_utf8(&mut [0; 4]))).collect();
    // INVARIANT: writing into memory does not fail.
    let written = write_escaped(&allowed, &mut out);
    debug_assert!(written.is_ok());
    String::from_utf8_lossy(&out).into_owned()
}
