//! From text to tokens. It checks all that makes a document strict JSON, and knows neither profile nor meaning.
//!
//! It reads a window of the document that may grow at its end and be cut at its beginning between two tokens; what it hands
//! out are places in that window.

mod nesting;
mod scalars;

use super::malformed::{Malformed, Reason};
use super::text;
use crate::limits::Limits;
use crate::names::{Hasher, Names};
use nesting::{Kind, Nesting};
pub(super) use scalars::lenient_string;

/// One step through a document: a value, or the end of one. What it is about stands in the lexer: [`Lexer::text`], and for
/// members [`Lexer::name`] and [`Lexer::hash`]. A token without fields is handed on in a register, and there are many.
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
    /// Text.
    String,
    /// A number, as written.
    Number,
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

/// A token, or the first thing that makes the document unreadable, or readable in two ways.
pub(crate) type Lexed = Result<Token, Box<Malformed>>;

/// A place in the window: between the quotes of a string, or all of another scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether it holds no escapes.
    pub(crate) is_plain: bool,
}

impl Text {
    /// The same in a window of which the first `count` bytes are gone.
    pub(super) const fn shifted(self, count: usize) -> Self {
        Self { from: self.from.saturating_sub(count), to: self.to.saturating_sub(count), ..self }
    }
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
    nesting: Nesting,
    /// Where the scalar stands that was read last.
    text: Text,
    /// Where the name stands that was read last, and its hash.
    name: Text,
    hash: u64,
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

/// What comes next, in what is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The first member or item, or the end.
    First,
    /// The name of a member.
    Name,
    Value,
    /// What follows a value: a comma, or the end.
    Behind,
}

impl Lexer {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            hasher: Hasher::new(),
            at: 0,
            expects: Expect::Value,
            nesting: Nesting::new(),
            text: Text { from: 0, to: 0, is_plain: true },
            name: Text { from: 0, to: 0, is_plain: true },
            hash: 0,
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

    /// From where on the window is still needed: where it stands, or the name of the member whose value comes next.
    pub(crate) fn needs_from(&self) -> usize {
        let is_named = self.expects == Expect::Value && self.nesting.kind() == Kind::Object;
        if is_named { self.name.from.saturating_sub(1) } else { self.at }
    }

    /// Where the scalar stands that was read last.
    #[inline]
    pub(crate) const fn text(&self) -> Text {
        self.text
    }

    /// Where the name stands that was read last: that of the value, if that is a member.
    #[inline]
    pub(crate) const fn name(&self) -> Text {
        self.name
    }

    /// The hash of the name that was read last.
    #[inline]
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    /// Where `at` is in the document.
    #[inline]
    pub(crate) fn offset(&self, at: usize) -> u64 {
        self.before.bytes + u64::try_from(at).unwrap_or_default()
    }

    /// How many objects and arrays are open.
    #[inline]
    pub(crate) const fn depth(&self) -> usize {
        self.nesting.depth()
    }

    /// The window was cut: its first `count` bytes are gone.
    pub(crate) fn forget(&mut self, gone: &str) {
        self.at = self.at.saturating_sub(gone.len());
        self.text = self.text.shifted(gone.len());
        self.name = self.name.shifted(gone.len());
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
    pub(crate) fn next(&mut self, window: &str, tail: Tail) -> Lexed {
        let bytes = window.as_bytes();
        self.at = text::skip_space(bytes, self.at);
        if self.expects == Expect::Value {
            return self.value(window, tail);
        }
        let kind = self.nesting.kind();
        if self.expects != Expect::Name {
            match (bytes.get(self.at), kind) {
                (Some(b'}'), Kind::Object) => return Ok(self.close(Token::ObjectEnd)),
                (Some(b']'), Kind::Array) => return Ok(self.close(Token::ArrayEnd)),
                _ if self.expects == Expect::First => {}
                (_, Kind::Document) => return self.end(window, tail),
                (Some(b','), _) => {
                    self.expects = if kind == Kind::Object { Expect::Name } else { Expect::Value };
                    self.at = text::skip_space(bytes, self.at + 1);
                }
                (_, Kind::Object) => return self.starved(window, tail, Reason::CommaOrBraceExpected),
                (_, Kind::Array) => return self.starved(window, tail, Reason::CommaOrBracketExpected),
            }
        }
        if kind == Kind::Object && !self.member(window, tail)? {
            return Ok(Token::More);
        }
        self.value(window, tail)
    }

    /// Reads on until the frame at `depth` has ended; `false` when the window ends before.
    ///
    /// # Errors
    /// As `next`.
    pub(crate) fn skip(&mut self, window: &str, tail: Tail, depth: usize) -> Result<bool, Box<Malformed>> {
        while self.depth() > depth {
            match self.next(window, tail)? {
                Token::More | Token::End => return Ok(false),
                Token::String | Token::Number | Token::True | Token::False | Token::Null => {
                    self.skipped += 1;
                }
                Token::ObjectStart | Token::ObjectEnd | Token::ArrayStart | Token::ArrayEnd => {}
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
        self.nesting.pointer(names)
    }

    /// Where a fault is that was met just now: as `pointer`, and the item that was to come.
    pub(crate) fn fault_pointer(&self, names: &Names) -> String {
        let is_to_come = matches!(self.expects, Expect::Value | Expect::First);
        if is_to_come && self.nesting.kind() == Kind::Array {
            return self.nesting.pointer_to_next(names);
        }
        self.nesting.pointer(names)
    }

    fn end(&self, window: &str, tail: Tail) -> Lexed {
        match tail {
            _ if self.at < window.len() => Err(self.fault(window, Reason::AfterTheEnd, self.at)),
            Tail::More => Ok(Token::More),
            Tail::End => Ok(Token::End),
            Tail::Broken => Err(self.fault(window, Reason::NotUtf8, self.at)),
        }
    }

    /// Reads the name of a member and what stands between that and its value; `false` when the window ends before.
    #[inline]
    fn member(&mut self, window: &str, tail: Tail) -> Result<bool, Box<Malformed>> {
        let bytes = window.as_bytes();
        let from = self.at;
        if bytes.get(from) != Some(&b'"') {
            return self.starved(window, tail, Reason::NameExpected).map(|_| false);
        }
        let Some(name) = self.string(window, tail)? else { return Ok(false) };
        let mut colon = name.to + 1;
        if bytes.get(colon) != Some(&b':') {
            colon = text::skip_space(bytes, colon);
            if bytes.get(colon) != Some(&b':') {
                return self.starved_at(window, tail, Reason::ColonExpected, colon).map(|_| false);
            }
        }
        self.count_member(window, from)?;
        self.hash = if name.is_plain {
            self.hasher.hash(bytes.get(name.from..name.to).unwrap_or_default())
        } else {
            self.scratch.clear();
            text::unescape(window, name, &mut self.scratch);
            self.hasher.hash(self.scratch.as_bytes())
        };
        if !self.nesting.name(self.hash) {
            return Err(self.fault(window, Reason::DuplicateName, from));
        }
        self.name = name;
        self.at = text::skip_space(bytes, colon + 1);
        self.expects = Expect::Value;
        Ok(true)
    }

    #[inline]
    fn value(&mut self, window: &str, tail: Tail) -> Lexed {
        match window.as_bytes().get(self.at) {
            Some(b'"') => match self.string(window, tail)? {
                Some(text) => self.scalar(window, Token::String, text, text.to + 1),
                None => Ok(Token::More),
            },
            Some(b'{') => self.open(window, Kind::Object, Token::ObjectStart),
            Some(b'[') => self.open(window, Kind::Array, Token::ArrayStart),
            Some(b'-' | b'0'..=b'9') => self.number(window, tail),
            Some(b't') => self.literal(window, tail, "true", Token::True),
            Some(b'f') => self.literal(window, tail, "false", Token::False),
            Some(b'n') => self.literal(window, tail, "null", Token::Null),
            _ => self.starved(window, tail, Reason::ValueExpected),
        }
    }

    /// The scalar at `text` was read, and ends at `end`.
    #[inline]
    fn scalar(&mut self, window: &str, token: Token, text: Text, end: usize) -> Lexed {
        self.count_item(window)?;
        self.text = text;
        self.at = end;
        self.expects = Expect::Behind;
        Ok(token)
    }

    #[inline]
    fn count_item(&mut self, window: &str) -> Result<(), Box<Malformed>> {
        if self.nesting.kind() != Kind::Array {
            return Ok(());
        }
        self.nesting.item();
        self.count_member(window, self.at)
    }

    #[inline]
    fn count_member(&mut self, window: &str, at: usize) -> Result<(), Box<Malformed>> {
        self.members += 1;
        if self.members > self.limits.members_max {
            return Err(self.fault(window, Reason::TooManyMembers, at));
        }
        Ok(())
    }

    #[inline]
    fn open(&mut self, window: &str, kind: Kind, token: Token) -> Lexed {
        self.count_item(window)?;
        if self.nesting.depth() >= self.limits.depth_max {
            return Err(self.fault(window, Reason::TooDeep, self.at));
        }
        self.at += 1;
        self.nesting.open(kind);
        self.expects = Expect::First;
        Ok(token)
    }

    #[inline]
    fn close(&mut self, token: Token) -> Token {
        self.at += 1;
        self.nesting.close();
        self.expects = Expect::Behind;
        token
    }

    /// What stands here is not what the grammar asks for: `reason`, or that it is not even text, or nothing yet.
    #[cold]
    fn starved(&self, window: &str, tail: Tail, reason: Reason) -> Lexed {
        self.starved_at(window, tail, reason, self.at)
    }

    #[cold]
    fn starved_at(&self, window: &str, tail: Tail, reason: Reason, at: usize) -> Lexed {
        match tail {
            _ if at < window.len() => Err(self.fault(window, reason, at)),
            Tail::More => Ok(Token::More),
            Tail::End => Err(self.fault(window, Reason::EndsEarly, at)),
            Tail::Broken => Err(self.fault(window, Reason::NotUtf8, at)),
        }
    }

    /// The fault `reason` at `at` in the window.
    #[cold]
    pub(crate) fn fault(&self, window: &str, reason: Reason, at: usize) -> Box<Malformed> {
        Box::new(Malformed::new(reason, self.before, window, at))
    }
}
