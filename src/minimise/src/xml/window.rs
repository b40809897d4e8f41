//! The part of the document that is held: what was fed and is not yet done with, as text.
//!
//! It knows UTF-8, and where in the document it stands. It does not know XML.

use std::ops::Range;

use super::malformed::{Malformed, Reason};

/// A sliding window over the document.
#[derive(Debug, Default)]
pub(super) struct Window {
    text: String,
    /// What is before this place in `text` has been read.
    pub(super) at: usize,
    /// What is before this place in `text` is needed no more; the same as `at` unless someone looks ahead.
    kept_from: Option<usize>,
    /// The bytes of the document before `text`.
    gone: Place,
    /// The beginning of a character whose rest is still to come.
    begun: Vec<u8>,
    /// Bytes fed.
    fed: usize,
    /// Whether bytes beyond ASCII are refused.
    ascii_only: bool,
    /// Why no more is taken in after the end of `text`, if so.
    fault: Option<Reason>,
    has_ended: bool,
}

impl Window {
    /// Takes in the next bytes of the document, at most up to `bytes_max` in all.
    pub(super) fn feed(&mut self, chunk: &[u8], bytes_max: usize) {
        if self.has_ended || self.fault.is_some() {
            return;
        }
        self.compact();
        let taken = chunk.get(..bytes_max.saturating_sub(self.fed)).unwrap_or(chunk);
        let was = self.text.len();
        self.fed += taken.len();
        self.take_in(taken);
        if self.fault.is_none() && taken.len() < chunk.len() {
            self.fault = Some(Reason::DocumentTooLarge);
        }
        if self.ascii_only {
            self.refuse_beyond_ascii(was);
        }
    }

    /// Takes note that nothing follows.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
        if !self.begun.is_empty() {
            self.fault.get_or_insert(Reason::NotUtf8);
        }
    }

    /// Refuses every byte beyond ASCII from here on.
    pub(super) fn expect_ascii(&mut self) {
        self.ascii_only = true;
        self.refuse_beyond_ascii(self.at);
    }

    /// What is held and was not read yet.
    #[inline]
    pub(super) fn unread(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text between two places in the window.
    #[inline]
    pub(super) fn between(&self, places: &Range<usize>) -> &str {
        self.text.get(places.clone()).unwrap_or_default()
    }

    /// Whether nothing will be added to what is held.
    #[inline]
    pub(super) fn is_final(&self) -> bool {
        self.has_ended || self.fault.is_some()
    }

    /// Why it is final, when the document did not just end.
    pub(super) fn fault(&self) -> Option<Malformed> {
        self.fault.map(|reason| self.malformed(reason, self.text.len()))
    }

    /// Keeps all from `from` on, until [`rewind`](Self::rewind).
    pub(super) fn keep(&mut self, from: usize) {
        self.kept_from = Some(from);
    }

    /// From where it keeps, if it does.
    pub(super) fn kept_from(&self) -> Option<usize> {
        self.kept_from
    }

    /// Goes back to where it kept from.
    pub(super) fn rewind(&mut self) {
        self.at = self.kept_from.take().unwrap_or(self.at);
    }

    /// The fault `reason` at the place `at` in the window.
    pub(super) fn malformed(&self, reason: Reason, at: usize) -> Malformed {
        let mut place = self.gone;
        place.pass(self.text.get(..self.text.floor_char_boundary(at)).unwrap_or_default());
        Malformed {
            reason,
            offset: self.gone.bytes + at,
            line: place.lines + 1,
            column: place.characters + 1,
        }
    }

    /// Bytes of the document before the place `at` in the window.
    #[inline]
    pub(super) fn offset_of(&self, at: usize) -> usize {
        self.gone.bytes + at
    }

    /// Forgets what is done with. Only when that is at least half, so that each byte is moved once at most, whatever
    /// the size of the chunks.
    fn compact(&mut self) {
        let done = self.kept_from.unwrap_or(self.at);
        if done == 0 || done < self.text.len() - done {
            return;
        }
        self.gone.pass(self.text.get(..done).unwrap_or_default());
        self.text.drain(..done);
        self.at -= done;
        self.kept_from = self.kept_from.map(|from| from - done);
    }

    fn take_in(&mut self, chunk: &[u8]) {
        let rest = self.finish_character(chunk);
        // The fast check tells only whether; the one of the standard library tells where, and whether more may mend it.
        if let Ok(text) = simdutf8::basic::from_utf8(rest) {
            self.text.push_str(text);
            return;
        }
        let Err(error) = std::str::from_utf8(rest) else { return };
        let (whole, rest) = rest.split_at_checked(error.valid_up_to()).unwrap_or_default();
        self.text.push_str(std::str::from_utf8(whole).unwrap_or_default());
        match error.error_len() {
            None => self.begun.extend_from_slice(rest),
            Some(_) => self.refuse_encoding(rest),
        }
    }

    /// Adds bytes to the character that was begun until it is whole, and gives the rest of the bytes.
    fn finish_character<'a>(&mut self, mut chunk: &'a [u8]) -> &'a [u8] {
        while !self.begun.is_empty() {
            let Some((next, rest)) = chunk.split_first() else { break };
            self.begun.push(*next);
            chunk = rest;
            match std::str::from_utf8(&self.begun) {
                Ok(character) => self.text.push_str(character),
                Err(error) if error.error_len().is_none() => continue,
                Err(_) => {
                    self.fault = Some(Reason::NotUtf8);
                    return &[];
                }
            }
            self.begun.clear();
        }
        chunk
    }

    /// What UTF-16 begins with is told apart, so that the sender knows what to mend.
    fn refuse_encoding(&mut self, from: &[u8]) {
        let is_at_start = self.gone.bytes == 0 && self.text.is_empty();
        let is_mark = matches!(from.first(), Some(0xFE | 0xFF));
        self.fault = Some(if is_at_start && is_mark { Reason::OtherEncoding } else { Reason::NotUtf8 });
    }

    fn refuse_beyond_ascii(&mut self, from: usize) {
        let added = self.text.as_bytes().get(from..).unwrap_or_default();
        if let Some(beyond) = added.iter().position(|byte| !byte.is_ascii()) {
            self.text.truncate(from + beyond);
            self.fault = Some(Reason::NotAscii);
        }
    }
}

/// A place in a document, as far as it is known without the document.
#[derive(Debug, Default, Clone, Copy)]
struct Place {
    bytes: usize,
    lines: usize,
    /// Characters of the last line.
    characters: usize,
}

impl Place {
    /// Moves on over `text`.
    fn pass(&mut self, text: &str) {
        self.bytes += text.len();
        let last_line = match text.rsplit_once('\n') {
            Some((_, last_line)) => {
                self.lines += memchr::memchr_iter(b'\n', text.as_bytes()).count();
                self.characters = 0;
                last_line
            }
            None => text,
        };
        self.characters += last_line.chars().count();
    }
}
