//! From text to tokens. It checks all that makes a document strict JSON, and knows neither profile nor meaning.
//!
//! It reads a window of the document that may grow at its end and be cut at its beginning between two tokens; what it hands
//! out are places in that window.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::malformed::{Malformed, Reason};
use super::text;
use crate::limits::Limits;
use crate::names::{Hasher, Names};

/// One step through a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// The name of the member that follows, and its hash.
    Name(Text, u64),
    /// Text.
    String(Text),
    /// A number, as written.
    Number(Text),
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
    /// The window ends within a token; nothing of that has been consumed.
    More,
    /// The end of the document.
    End,
}

/// A place in the window: between the quotes of a string, or all of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether it holds no escapes.
    pub(crate) is_plain: bool,
}

/// What follows the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// More of the document, perhaps.
    More,
    /// Nothing.
    End,
    /// Bytes that are not UTF-8.
    Broken,
}

/// Reads one document, token by token. After a fault it must not be read on.
#[derive(Debug)]
pub(crate) struct Lexer {
    limits: Limits,
    hasher: Hasher,
    at: usize,
    expects: Expect,
    /// What it expects behind a value, which is told by the innermost frame.
    behind: Expect,
    frames: Vec<Frame>,
    /// The hashes of the names of all open objects, outermost first; each frame knows where its own begin.
    hashes: Vec<u64>,
    /// The hash of the name that was read last.
    members: usize,
    before: Before,
    scratch: String,
    skipped: usize,
}

/// What was before the window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    pub(super) bytes: u64,
    pub(super) lines: usize,
    /// Characters of the line in which the window begins.
    pub(super) characters: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ItemOrEnd,
    NameOrEnd,
    Name,
    CommaOrBrace,
    CommaOrBracket,
    End,
}

#[derive(Debug)]
struct Frame {
    is_object: bool,
    names_from: usize,
    /// The hashes again, once they are too many to be searched one by one.
    many: Option<HashSet<u64, RandomState>>,
    items: usize,
}

/// Up to here a linear search beats hashing.
const FEW_NAMES: usize = 32;

impl Lexer {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            hasher: Hasher::new(),
            at: 0,
            expects: Expect::Value,
            behind: Expect::End,
            frames: Vec::new(),
            hashes: Vec::new(),
            members: 0,
            before: Before::default(),
            scratch: String::new(),
            skipped: 0,
        }
    }

    /// Where it stands in the window.
    #[inline]
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Where `at` is in the document.
    #[inline]
    pub(crate) fn offset(&self, at: usize) -> u64 {
        self.before.bytes + u64::try_from(at).unwrap_or_default()
    }

    /// How many objects and arrays are open.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The window was cut: its first `count` bytes are gone.
    pub(crate) fn forget(&mut self, gone: &str) {
        self.at = self.at.saturating_sub(gone.len());
        self.before.bytes += u64::try_from(gone.len()).unwrap_or_default();
        let in_line = match memchr::memrchr(b'\n', gone.as_bytes()) {
            Some(newline) => {
                self.before.lines += memchr::memchr_iter(b'\n', gone.as_bytes()).count();
                self.before.characters = 0;
                gone.get(newline + 1..).unwrap_or_default()
            }
            None => gone,
        };
        self.before.characters += in_line.chars().count();
    }

    /// The next token.
    ///
    /// # Errors
    /// The first thing that makes the document unreadable, or readable in two ways.
    #[inline]
    pub(crate) fn next(&mut self, window: &str, tail: Tail) -> Result<Token, Malformed> {
        let bytes = window.as_bytes();
        self.at = text::skip_space(bytes, self.at);
        match (self.expects, bytes.get(self.at)) {
            (Expect::CommaOrBrace, Some(b',')) => {
                self.expects = Expect::Name;
                self.at = text::skip_space(bytes, self.at + 1);
                self.name(window, tail)
            }
            (Expect::CommaOrBracket, Some(b',')) => {
                self.expects = Expect::Value;
                self.at = text::skip_space(bytes, self.at + 1);
                self.value(window, tail)
            }
            (Expect::CommaOrBrace | Expect::NameOrEnd, Some(b'}'))
            | (Expect::CommaOrBracket | Expect::ItemOrEnd, Some(b']')) => Ok(self.close()),
            (Expect::Name | Expect::NameOrEnd, _) => self.name(window, tail),
            (Expect::Value | Expect::ItemOrEnd, _) => self.value(window, tail),
            (Expect::CommaOrBrace, _) => self.starved(window, tail, Reason::CommaOrBraceExpected),
            (Expect::CommaOrBracket, _) => self.starved(window, tail, Reason::CommaOrBracketExpected),
            (Expect::End, _) => self.end(window, tail),
        }
    }

    /// Reads on until the frame at `depth` has ended; `false` when the window ends before.
    ///
    /// # Errors
    /// As `next`.
    pub(crate) fn skip(&mut self, window: &str, tail: Tail, depth: usize) -> Result<bool, Malformed> {
        while self.frames.len() > depth {
            match self.next(window, tail)? {
                Token::More | Token::End => return Ok(false),
                Token::String(_) | Token::Number(_) | Token::True | Token::False | Token::Null => {
                    self.skipped += 1;
                }
                Token::Name(..)
                | Token::ObjectStart
                | Token::ObjectEnd
                | Token::ArrayStart
                | Token::ArrayEnd => {}
            }
        }
        Ok(true)
    }

    /// How many values were skipped since this was asked last.
    pub(crate) const fn take_skipped(&mut self) -> usize {
        std::mem::replace(&mut self.skipped, 0)
    }

    /// Where the lexer stands, as a JSON Pointer; names that are not known show as `*`, for a name can be a value.
    pub(crate) fn pointer(&self, names: &Names) -> String {
        self.pointer_to(names, self.frames.len())
    }

    fn pointer_to(&self, names: &Names, depth: usize) -> String {
        let mut pointer = String::new();
        let ends = self.frames.iter().skip(1).map(|frame| frame.names_from);
        for (frame, names_to) in self.frames.iter().zip(ends.chain([self.hashes.len()])).take(depth) {
            if frame.is_object {
                let own = self.hashes.get(frame.names_from..names_to);
                if let Some(hash) = own.and_then(<[_]>::last) {
                    pointer.push('/');
                    pointer.push_str(names.shown_by_hash(*hash));
                }
            } else if let Some(index) = frame.items.checked_sub(1) {
                pointer.push_str(&format!("/{index}"));
            }
        }
        pointer
    }

    /// Where a fault is that was met just now: as `pointer`, and the item that was to come.
    pub(crate) fn fault_pointer(&self, names: &Names) -> String {
        let is_to_come = matches!(self.expects, Expect::Value | Expect::ItemOrEnd);
        let list = self.frames.last().filter(|frame| !frame.is_object && is_to_come);
        let item = list.map(|list| format!("/{}", list.items)).unwrap_or_default();
        let around = list.map_or(self.frames.len(), |_| self.frames.len() - 1);
        self.pointer_to(names, around) + &item
    }

    fn end(&self, window: &str, tail: Tail) -> Result<Token, Malformed> {
        match tail {
            _ if self.at < window.len() => Err(self.fault(window, Reason::AfterTheEnd, self.at)),
            Tail::More => Ok(Token::More),
            Tail::End => Ok(Token::End),
            Tail::Broken => Err(self.fault(window, Reason::NotUtf8, self.at)),
        }
    }

    #[inline]
    fn name(&mut self, window: &str, tail: Tail) -> Result<Token, Malformed> {
        let bytes = window.as_bytes();
        let from = self.at;
        if bytes.get(from) != Some(&b'"') {
            return self.starved(window, tail, Reason::NameExpected);
        }
        let name = match self.plain_string(bytes) {
            Some(name) => name,
            None => match self.string(window, tail)? {
                Some(name) => name,
                None => return Ok(Token::More),
            },
        };
        let colon = text::skip_space(bytes, name.to + 1);
        if bytes.get(colon) != Some(&b':') {
            if colon < bytes.len() {
                return Err(self.fault(window, Reason::ColonExpected, colon));
            }
            return self.starved_at(window, tail, Reason::ColonExpected, colon);
        }
        self.count_member(window, from)?;
        let hash = if name.is_plain {
            self.hasher.hash(bytes.get(name.from..name.to).unwrap_or_default())
        } else {
            self.scratch.clear();
            text::unescape(window, name, &mut self.scratch);
            self.hasher.hash(self.scratch.as_bytes())
        };
        let is_new = self.is_new(hash);
        self.hashes.push(hash);
        if !is_new {
            return Err(self.fault(window, Reason::DuplicateName, from));
        }
        self.at = colon + 1;
        self.expects = Expect::Value;
        Ok(Token::Name(name, hash))
    }

    /// Whether the name is the first of its kind in the innermost object; remembers it where the names are many.
    #[inline]
    fn is_new(&mut self, hash: u64) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return false;
        };
        let own = self.hashes.get(frame.names_from..).unwrap_or_default();
        if own.len() < FEW_NAMES {
            return !own.contains(&hash);
        }
        frame.many.get_or_insert_with(|| own.iter().copied().collect()).insert(hash)
    }

    #[inline]
    fn value(&mut self, window: &str, tail: Tail) -> Result<Token, Malformed> {
        let from = self.at;
        let bytes = window.as_bytes();
        let token = match bytes.get(from) {
            Some(b'"') => {
                let text = match self.plain_string(bytes) {
                    Some(text) => text,
                    None => match self.string(window, tail)? {
                        Some(text) => text,
                        None => return Ok(Token::More),
                    },
                };
                self.at = text.to + 1;
                Token::String(text)
            }
            Some(bracket @ (b'{' | b'[')) => {
                self.count_item(window, from)?;
                return self.open(window, *bracket == b'{');
            }
            Some(b'-' | b'0'..=b'9') => match self.number(window, tail)? {
                Some(text) => {
                    self.at = text.to;
                    Token::Number(text)
                }
                None => return Ok(Token::More),
            },
            Some(b't') => return self.literal(window, tail, "true", Token::True),
            Some(b'f') => return self.literal(window, tail, "false", Token::False),
            Some(b'n') => return self.literal(window, tail, "null", Token::Null),
            _ => return self.starved(window, tail, Reason::ValueExpected),
        };
        self.count_item(window, from)?;
        self.expects = self.behind;
        Ok(token)
    }

    #[inline]
    fn count_item(&mut self, window: &str, at: usize) -> Result<(), Malformed> {
        if self.behind == Expect::CommaOrBrace {
            return Ok(());
        }
        match self.frames.last_mut() {
            Some(frame) if !frame.is_object => {
                frame.items += 1;
                self.count_member(window, at)
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn count_member(&mut self, window: &str, at: usize) -> Result<(), Malformed> {
        self.members += 1;
        if self.members > self.limits.members_max {
            return Err(self.fault(window, Reason::TooManyMembers, at));
        }
        Ok(())
    }

    fn open(&mut self, window: &str, is_object: bool) -> Result<Token, Malformed> {
        if self.frames.len() >= self.limits.depth_max {
            return Err(self.fault(window, Reason::TooDeep, self.at));
        }
        self.at += 1;
        self.frames.push(Frame { is_object, names_from: self.hashes.len(), many: None, items: 0 });
        let (expects, behind, token) = if is_object {
            (Expect::NameOrEnd, Expect::CommaOrBrace, Token::ObjectStart)
        } else {
            (Expect::ItemOrEnd, Expect::CommaOrBracket, Token::ArrayStart)
        };
        (self.expects, self.behind) = (expects, behind);
        Ok(token)
    }

    #[inline]
    fn close(&mut self) -> Token {
        self.at += 1;
        let Some(frame) = self.frames.pop() else { return Token::End };
        self.hashes.truncate(frame.names_from);
        self.behind = match self.frames.last() {
            Some(around) if around.is_object => Expect::CommaOrBrace,
            Some(_) => Expect::CommaOrBracket,
            None => Expect::End,
        };
        self.expects = self.behind;
        if frame.is_object { Token::ObjectEnd } else { Token::ArrayEnd }
    }

    /// The string whose opening quote stands here, if it is within the limits, ends here, and holds no escapes: most do.
    #[inline]
    fn plain_string(&self, bytes: &[u8]) -> Option<Text> {
        let from = self.at + 1;
        let to = text::plain_end(bytes, from);
        let is_it = bytes.get(to) == Some(&b'"') && to - from <= self.limits.string_bytes_max;
        is_it.then_some(Text { from, to, is_plain: true })
    }

    /// The string whose opening quote stands here; nothing when the window ends in it.
    #[cold]
    fn string(&self, window: &str, tail: Tail) -> Result<Option<Text>, Malformed> {
        let from = self.at + 1;
        let bytes = window.as_bytes();
        let mut at = text::plain_end(bytes, from);
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

    fn literal(&mut self, window: &str, tail: Tail, word: &str, token: Token) -> Result<Token, Malformed> {
        let rest = window.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            if word.as_bytes().starts_with(rest) && tail != Tail::End {
                return self.starved_at(window, tail, Reason::ValueExpected, window.len());
            }
            return Err(self.fault(window, Reason::ValueExpected, self.at));
        }
        self.count_item(window, self.at)?;
        self.at += word.len();
        self.expects = self.behind;
        Ok(token)
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&self, window: &str, tail: Tail) -> Result<Option<Text>, Malformed> {
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
            return self.starved_at(window, tail, Reason::DigitExpected, at).map(|_| None);
        }
        if !is_sound {
            return Err(self.fault(window, Reason::DigitExpected, at));
        }
        Ok(Some(Text { from: self.at, to: at, is_plain: true }))
    }

    /// What stands here is not what the grammar asks for: `reason`, or that it is not even text, or nothing yet.
    fn starved(&self, window: &str, tail: Tail, reason: Reason) -> Result<Token, Malformed> {
        self.starved_at(window, tail, reason, self.at)
    }

    fn starved_at(&self, window: &str, tail: Tail, reason: Reason, at: usize) -> Result<Token, Malformed> {
        match tail {
            _ if at < window.len() => Err(self.fault(window, reason, at)),
            Tail::More => Ok(Token::More),
            Tail::End => Err(self.fault(window, Reason::EndsEarly, at)),
            Tail::Broken => Err(self.fault(window, Reason::NotUtf8, at)),
        }
    }

    /// The string whose opening quote stands at `at`, its escapes unchecked; nothing when it does not end.
    #[inline]
    pub(super) fn lenient_string(bytes: &[u8], at: usize) -> Option<Text> {
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

    /// The fault `reason` at `at` in the window.
    pub(crate) fn fault(&self, window: &str, reason: Reason, at: usize) -> Malformed {
        Malformed::new(reason, self.before, window, at)
    }
}
