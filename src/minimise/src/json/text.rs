//! Strings of JSON: read with every escape checked, written with one form of escape.

use std::borrow::Cow;

use super::{Malformed, Reader, Reason};

impl<'a> Reader<'a> {
    /// Reads the string whose opening quote stands here. Borrows where nothing is escaped.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let from = self.at + 1;
        let (mut at, mut plain_from) = (from, from);
        let mut unescaped: Option<String> = None;
        loop {
            let rest = self.text.as_bytes().get(at..).unwrap_or_default();
            let stop = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            let Some((stop, byte)) = stop.and_then(|stop| Some((stop, *rest.get(stop)?))) else {
                self.at = self.text.len();
                return Err(self.unexpected(Reason::EndsEarly));
            };
            at += stop;
            if at - from > self.limits.string_bytes_max {
                return Err(self.fault(Reason::StringTooLong, from));
            }
            let plain = self.text.get(plain_from..at).unwrap_or_default();
            match byte {
                b'"' => {
                    self.at = at + 1;
                    return Ok(match unescaped {
                        Some(text) => Cow::Owned(text + plain),
                        None => Cow::Borrowed(plain),
                    });
                }
                b'\\' => {
                    let (character, length) = self.escape(at)?;
                    let text = unescaped.get_or_insert_default();
                    text.push_str(plain);
                    text.push(character);
                    at += length;
                    plain_from = at;
                }
                _ => return Err(self.fault(Reason::ControlCharacter, at)),
            }
        }
    }

    /// The character that the escape at `at` stands for, and the escape's length.
    fn escape(&self, at: usize) -> Result<(char, usize), Malformed> {
        let character = match self.bytes.get(at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(at),
            _ => return Err(self.fault(Reason::UnknownEscape, at)),
        };
        Ok((character, 2))
    }

    fn unicode_escape(&self, at: usize) -> Result<(char, usize), Malformed> {
        let unknown = || self.fault(Reason::UnknownEscape, at);
        let lone = || self.fault(Reason::LoneSurrogate, at);
        let first = self.unit(at).ok_or_else(unknown)?;
        if let Some(character) = char::from_u32(first) {
            return Ok((character, 6));
        }
        // The second half is looked for only behind a first one: `\udc00` first is as lone as `\ud800` last.
        let second = self.unit(at + 6).ok_or_else(lone)?;
        let halves = [first, second].map(|half| u16::try_from(half).unwrap_or_default());
        match char::decode_utf16(halves).next() {
            Some(Ok(character)) => Ok((character, 12)),
            _ => Err(lone()),
        }
    }

    /// The number in `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let escape = self.bytes.get(at..at + 6)?;
        let (mark, digits) = escape.split_at_checked(2)?;
        (mark == b"\\u").then_some(())?;
        digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
    }
}

/// Appends `text` as a JSON string: only what must be escaped is, and always in the same form.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
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
