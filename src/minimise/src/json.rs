//! A strict reader of JSON: bytes in, events out.
//!
//! The receiver must see the document that was judged, so whatever two readers could understand differently is refused:
//! duplicate member names (however they are spelled), lone surrogates, byte order marks, bytes that are not UTF-8. Numbers are
//! never converted. It builds no tree and knows no profile; its memory is bounded by the depth and the names of open objects.

use std::borrow::Cow;
use std::collections::HashSet;

use super::limits::Limits;

mod malformed;
#[cfg(test)]
mod tests;
mod text;

pub use malformed::{Malformed, Reason};
pub use text::write_string;

/// One step through a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// The name of the member that follows, unescaped.
    Name(Cow<'a, str>),
    /// Text, unescaped.
    String(Cow<'a, str>),
    /// A number, as written.
    Number(&'a str),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`
    Null,
}

/// Reads one document, event by event. After a fault it must not be read on.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// The part of `bytes` that is UTF-8: all of it, or all before the fault.
    text: &'a str,
    limits: Limits,
    at: usize,
    expects: Expect,
    frames: Vec<Frame<'a>>,
    /// The names of all open objects, outermost first; each frame knows where its own begin.
    names: Vec<Cow<'a, str>>,
    members: usize,
}

#[derive(Debug, Clone, Copy)]
enum Expect {
    Value,
    ItemOrEnd,
    NameOrEnd,
    Name,
    Separator,
}

#[derive(Debug)]
struct Frame<'a> {
    is_object: bool,
    names_from: usize,
    /// The names again, once they are too many to be searched one by one.
    many: Option<HashSet<Cow<'a, str>>>,
    items: usize,
}

/// Up to here a linear search beats hashing.
const FEW_NAMES: usize = 16;

impl<'a> Reader<'a> {
    /// A reader of `bytes`.
    pub fn new(bytes: &'a [u8], limits: &Limits) -> Self {
        Self {
            bytes,
            text: longest_text(bytes),
            limits: *limits,
            at: 0,
            expects: Expect::Value,
            frames: Vec::new(),
            names: Vec::new(),
            members: 0,
        }
    }

    /// The next event; `None` after the document's end.
    ///
    /// # Errors
    /// The first thing that makes the document unreadable, or readable in two ways.
    pub fn read(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        if self.at == 0 {
            self.check_beginning()?;
        }
        self.skip_space();
        if let Expect::Separator = self.expects {
            let Some(frame) = self.frames.last() else {
                return self.end();
            };
            let is_object = frame.is_object;
            if !self.eat(b',') {
                return self.close(is_object).map(Some);
            }
            self.expects = if is_object { Expect::Name } else { Expect::Value };
            self.skip_space();
        }
        match (self.expects, self.peek()) {
            (Expect::ItemOrEnd, Some(b']')) => self.close(false),
            (Expect::NameOrEnd, Some(b'}')) => self.close(true),
            (Expect::NameOrEnd | Expect::Name, _) => self.name(),
            _ => self.value(),
        }
        .map(Some)
    }

    /// Where the reader stands, as a JSON Pointer; names that are not `known` show as `*`, for a name can be a value.
    pub fn pointer(&self, known: impl Fn(&str) -> bool) -> String {
        let mut pointer = String::new();
        let ends = self.frames.iter().skip(1).map(|frame| frame.names_from);
        for (frame, names_to) in self.frames.iter().zip(ends.chain([self.names.len()])) {
            if frame.is_object {
                let own = self.names.get(frame.names_from..names_to);
                if let Some(name) = own.and_then(<[_]>::last) {
                    pointer.push('/');
                    pointer.push_str(if known(name) { name } else { "*" });
                }
            } else if let Some(index) = frame.items.checked_sub(1) {
                pointer.push_str(&format!("/{index}"));
            }
        }
        pointer
    }

    fn check_beginning(&self) -> Result<(), Malformed> {
        if self.bytes.len() > self.limits.document_bytes_max {
            return Err(self.fault(Reason::DocumentTooLarge, 0));
        }
        if self.bytes.starts_with(b"\xEF\xBB\xBF") {
            return Err(self.fault(Reason::ByteOrderMark, 0));
        }
        Ok(())
    }

    fn end(&self) -> Result<Option<Event<'a>>, Malformed> {
        if self.at == self.bytes.len() { Ok(None) } else { Err(self.unexpected(Reason::AfterTheEnd)) }
    }

    fn name(&mut self) -> Result<Event<'a>, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected(Reason::NameExpected));
        }
        let from = self.at;
        self.count_member(from)?;
        let name = self.string()?;
        let is_new = self.is_new(name.clone());
        self.names.push(name.clone());
        if !is_new {
            return Err(self.fault(Reason::DuplicateName, from));
        }
        self.skip_space();
        if !self.eat(b':') {
            return Err(self.unexpected(Reason::ColonExpected));
        }
        self.expects = Expect::Value;
        Ok(Event::Name(name))
    }

    /// Whether `name` is the first of its kind in the innermost object; remembers it where the names are many.
    fn is_new(&mut self, name: Cow<'a, str>) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return false;
        };
        let own = self.names.get(frame.names_from..).unwrap_or_default();
        if own.len() < FEW_NAMES {
            return !own.contains(&name);
        }
        frame.many.get_or_insert_with(|| own.iter().cloned().collect()).insert(name)
    }

    fn value(&mut self) -> Result<Event<'a>, Malformed> {
        let from = self.at;
        if let Some(frame) = self.frames.last_mut().filter(|frame| !frame.is_object) {
            frame.items += 1;
            self.count_member(from)?;
        }
        self.expects = Expect::Separator;
        match self.peek() {
            Some(b'{') => self.open(true),
            Some(b'[') => self.open(false),
            Some(b'"') => self.string().map(Event::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Event::Number),
            Some(b't') => self.literal("true", Event::Boolean(true)),
            Some(b'f') => self.literal("false", Event::Boolean(false)),
            Some(b'n') => self.literal("null", Event::Null),
            _ => Err(self.unexpected(Reason::ValueExpected)),
        }
    }

    fn count_member(&mut self, at: usize) -> Result<(), Malformed> {
        self.members += 1;
        if self.members > self.limits.members_max {
            return Err(self.fault(Reason::TooManyMembers, at));
        }
        Ok(())
    }

    fn open(&mut self, is_object: bool) -> Result<Event<'a>, Malformed> {
        if self.frames.len() >= self.limits.depth_max {
            return Err(self.fault(Reason::TooDeep, self.at));
        }
        self.at += 1;
        self.frames.push(Frame { is_object, names_from: self.names.len(), many: None, items: 0 });
        let (expects, event) = if is_object {
            (Expect::NameOrEnd, Event::ObjectStart)
        } else {
            (Expect::ItemOrEnd, Event::ArrayStart)
        };
        self.expects = expects;
        Ok(event)
    }

    fn close(&mut self, is_object: bool) -> Result<Event<'a>, Malformed> {
        let (bracket, event, reason) = if is_object {
            (b'}', Event::ObjectEnd, Reason::CommaOrBraceExpected)
        } else {
            (b']', Event::ArrayEnd, Reason::CommaOrBracketExpected)
        };
        if !self.eat(bracket) {
            return Err(self.unexpected(reason));
        }
        if let Some(frame) = self.frames.pop() {
            self.names.truncate(frame.names_from);
        }
        self.expects = Expect::Separator;
        Ok(event)
    }

    fn literal(&mut self, word: &str, event: Event<'a>) -> Result<Event<'a>, Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.unexpected(Reason::ValueExpected));
        }
        self.at += word.len();
        Ok(event)
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<&'a str, Malformed> {
        let from = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        if self.at - from > self.limits.number_bytes_max {
            return Err(self.fault(Reason::NumberTooLong, from));
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.iter().take_while(|b| b.is_ascii_digit()).count() {
            0 => Err(self.unexpected(Reason::DigitExpected)),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }

    fn skip_space(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let space = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        self.at += rest.iter().take_while(space).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// What stands here is not what the grammar asks for: `reason`, or that it is not even text, or nothing.
    fn unexpected(&self, reason: Reason) -> Malformed {
        let reason = if self.at >= self.bytes.len() {
            Reason::EndsEarly
        } else if self.at >= self.text.len() {
            Reason::NotUtf8
        } else {
            reason
        };
        self.fault(reason, self.at)
    }

    fn fault(&self, reason: Reason, offset: usize) -> Malformed {
        Malformed::new(reason, offset, self.bytes)
    }
}

fn longest_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_else(|fault| {
        let valid = bytes.get(..fault.valid_up_to()).unwrap_or_default();
        std::str::from_utf8(valid).unwrap_or_default()
    })
}
