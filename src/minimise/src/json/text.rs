//! Strings of JSON: their end found eight bytes at a time, every escape checked, written with one form of escape.

use super::lexer::Text;
use super::malformed::Reason;

/// The next byte from `at` that is no white space.
#[inline]
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    if bytes.get(at).is_some_and(|byte| *byte > b' ') {
        return at;
    }
    while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The next quote, backslash or control character from `at`, or the end.
#[inline]
pub(super) fn plain_end(bytes: &[u8], at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // A byte that is below what is subtracted borrows from its highest bit. Bytes above a marked one may be marked
        // wrongly: the lowest counts. With this bit turned, the quote and all controls, and nothing else, are below 0x21.
        let quotes_and_controls = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        let backslashes = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let found = (quotes_and_controls | backslashes) & !word & HIGHS;
        if found != 0 {
            let before = usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
            return bytes.len() - rest.len() + before;
        }
        rest = after;
    }
    let stop = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    stop.map_or(bytes.len(), |stop| bytes.len() - rest.len() + stop)
}

/// The character that the escape at `at` stands for, and the escape's length.
pub(super) fn escape(bytes: &[u8], at: usize) -> Result<(char, usize), Reason> {
    let character = match bytes.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(bytes, at),
        _ => return Err(Reason::UnknownEscape),
    };
    Ok((character, 2))
}

fn unicode_escape(bytes: &[u8], at: usize) -> Result<(char, usize), Reason> {
    let first = unit(bytes, at).ok_or(Reason::UnknownEscape)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    // The second half is looked for only behind a first one: `\udc00` first is as lone as `\ud800` last.
    let second = unit(bytes, at + 6).ok_or(Reason::LoneSurrogate)?;
    let halves = [first, second].map(|half| u16::try_from(half).unwrap_or_default());
    match char::decode_utf16(halves).next() {
        Some(Ok(character)) => Ok((character, 12)),
        _ => Err(Reason::LoneSurrogate),
    }
}

/// The number in `\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    let (mark, digits) = escape.split_at_checked(2)?;
    (mark == b"\\u").then_some(())?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// Appends what `text`, which has been read, stands for.
pub(super) fn unescape(window: &str, text: Text, out: &mut String) {
    let bytes = window.as_bytes();
    let mut at = text.from;
    while at < text.to {
        let end = plain_end(bytes, at).min(text.to);
        out.push_str(window.get(at..end).unwrap_or_default());
        at = end;
        if at < text.to {
            // It was checked when it was read.
            let (character, length) = escape(bytes, at).unwrap_or((char::REPLACEMENT_CHARACTER, 1));
            out.push(character);
            at += length;
        }
    }
}

/// Appends `text` as a JSON string: only what must be escaped is, and always in the same form.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => {
                out.extend_from_slice(b"\\u00");
                let halves = [byte >> 4, byte & 0xf];
                out.extend(halves.iter().filter_map(|half| HEX.get(usize::from(*half))));
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
