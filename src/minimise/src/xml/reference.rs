//! References: to the five entities that XML has without declarations, and to characters by number.

use super::classes;
use super::malformed::{Reason, Stop};
use super::names;

/// Bytes of the longest reference that is read, from `&` to `;`. The longest that says anything has ten; leading
/// zeros may make it longer.
const BYTES_MAX: usize = 64;

/// Reads the reference at `at`, where `&` stands: the character it stands for, and where it ends.
pub(super) fn read(text: &str, at: usize) -> Result<(char, usize), Stop> {
    let to = text.floor_char_boundary(at + BYTES_MAX);
    let within = text.get(..to).unwrap_or_default();
    let read = match within.as_bytes().get(at + 1) {
        Some(b'#') => by_number(within.as_bytes(), at),
        _ => by_name(within, at),
    };
    match read {
        Err(Stop::Incomplete) if to < text.len() => Err(Stop::Fault(Reason::BadReference, at)),
        read => read,
    }
}

fn by_name(text: &str, at: usize) -> Result<(char, usize), Stop> {
    let to = match names::unqualified(text, at + 1) {
        Err(Stop::Fault(..)) => return Err(Stop::Fault(Reason::BadReference, at)),
        to => to?,
    };
    if text.as_bytes().get(to) != Some(&b';') {
        return Err(Stop::Fault(Reason::BadReference, at));
    }
    let character = match text.get(at + 1..to) {
        Some("lt") => '<',
        Some("gt") => '>',
        Some("amp") => '&',
        Some("apos") => '\'',
        Some("quot") => '"',
        _ => return Err(Stop::Fault(Reason::UndeclaredEntity, at)),
    };
    Ok((character, to + 1))
}

fn by_number(bytes: &[u8], at: usize) -> Result<(char, usize), Stop> {
    let (radix, from) = match bytes.get(at + 2) {
        Some(b'x') => (16, at + 3),
        _ => (10, at + 2),
    };
    let mut number = 0_u32;
    let mut to = from;
    loop {
        match bytes.get(to) {
            None => return Err(Stop::Incomplete),
            Some(b';') if to > from => break,
            Some(byte) => match char::from(*byte).to_digit(radix) {
                // Saturated is beyond Unicode, and stays there.
                Some(digit) => number = number.saturating_mul(radix).saturating_add(digit),
                None => return Err(Stop::Fault(Reason::BadReference, at)),
            },
        }
        to += 1;
    }
    match char::from_u32(number) {
        Some(character) if classes::is_character(character) => Ok((character, to + 1)),
        _ => Err(Stop::Fault(Reason::IllegalCharacter, at)),
    }
}
