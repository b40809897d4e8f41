//! Strings, numbers and literals: where they end, and that they are written as JSON has them.

use super::{Lexed, Lexer, Malformed, Reason, Tail, Text, Token};
use crate::json::text;

impl Lexer {
    /// Reads the string whose opening quote stands here, the name of a member or a value; nothing when the window ends in it.
    #[inline(always)]
    pub(super) fn string(&mut self, window: &str, tail: Tail) -> Result<Option<Text>, Box<Malformed>> {
        let bytes = window.as_bytes();
        let from = self.at + 1;
        let to = text::plain_end(bytes, from);
        if bytes.get(to) == Some(&b'"') && to - from <= self.limits.string_bytes_max {
            return Ok(Some(Text { from, to, is_plain: true }));
        }
        self.string_from(window, tail, to)
    }

    /// The same for a string that has been read up to `at`, where something stands that is not plain.
    #[cold]
    fn string_from(&self, window: &str, tail: Tail, mut at: usize) -> Result<Option<Text>, Box<Malformed>> {
        let from = self.at + 1;
        let bytes = window.as_bytes();
        let mut is_plain = true;
        loop {
            if at - from > self.limits.string_bytes_max {
                return Err(self.fault(window, Reason::StringTooLong, from));
            }
            match bytes.get(at) {
                Some(b'"') => return Ok(Some(Text { from, to: at, is_plain })),
                Some(b'\\') => {
                    is_plain = false;
                    match text::escape(bytes, at) {
                        Ok((_, length)) => at = text::plain_end(bytes, at + length),
                        Err(reason) if tail == Tail::End || at + 12 <= bytes.len() => {
                            return Err(self.fault(window, reason, at));
                        }
                        Err(_) => {
                            return self
                                .starved_at(window, tail, Reason::EndsEarly, bytes.len())
                                .map(|_| None);
                        }
                    }
                }
                Some(_) => return Err(self.fault(window, Reason::ControlCharacter, at)),
                None => return self.starved_at(window, tail, Reason::EndsEarly, at).map(|_| None),
            }
        }
    }

    pub(super) fn literal(&mut self, window: &str, tail: Tail, word: &str, token: Token) -> Lexed {
        let rest = window.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            if word.as_bytes().starts_with(rest) && tail != Tail::End {
                return self.starved_at(window, tail, Reason::ValueExpected, window.len());
            }
            return Err(self.fault(window, Reason::ValueExpected, self.at));
        }
        let text = Text { from: self.at, to: self.at + word.len(), is_plain: true };
        self.scalar(window, token, text, text.to)
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    pub(super) fn number(&mut self, window: &str, tail: Tail) -> Lexed {
        let bytes = window.as_bytes();
        let mut at = self.at;
        let eat = |at: &mut usize, wanted: &[u8]| {
            let found = bytes.get(*at).is_some_and(|byte| wanted.contains(byte));
            *at += usize::from(found);
            found
        };
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at > from
        };
        eat(&mut at, b"-");
        let mut is_sound = eat(&mut at, b"0") || digits(&mut at);
        if is_sound && eat(&mut at, b".") {
            is_sound = digits(&mut at);
        }
        if is_sound && eat(&mut at, b"eE") {
            eat(&mut at, b"+-");
            is_sound = digits(&mut at);
        }
        if at - self.at > self.limits.number_bytes_max {
            return Err(self.fault(window, Reason::NumberTooLong, self.at));
        }
        if at == bytes.len() && (tail != Tail::End || !is_sound) {
            return self.starved_at(window, tail, Reason::DigitExpected, at);
        }
        if !is_sound {
            return Err(self.fault(window, Reason::DigitExpected, at));
        }
        let text = Text { from: self.at, to: at, is_plain: true };
        self.scalar(window, Token::Number, text, at)
    }
}

/// The string whose opening quote stands at `at`, its escapes unchecked; nothing when it does not end.
#[inline]
pub(in crate::json) fn lenient_string(bytes: &[u8], at: usize) -> Option<Text> {
    let from = at + 1;
    let mut is_plain = true;
    let mut end = text::plain_end(bytes, from);
    loop {
        match bytes.get(end)? {
            b'"' => return Some(Text { from, to: end, is_plain }),
            b'\\' => {
                is_plain = false;
                end = text::plain_end(bytes, end + 2);
            }
            _ => end = text::plain_end(bytes, end + 1),
        }
    }
}
