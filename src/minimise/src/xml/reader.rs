//! The reader: from a window of bytes to events, with everything checked that has to do with the whole document:
//! nesting, namespaces in scope, order of the parts, limits.

mod content;
mod elements;

use std::fmt;
use std::ops::Range;

use super::event::{Attribute, Event, Name, Start, Step};
use super::limits::Limits;
use super::malformed::{Malformed, Reason, Stop};
use super::names::Qualified;
use super::namespaces::{Level, NamespaceId, Scope};
use super::tag::{RawAttribute, Tag};
use super::window::Window;

/// A strict reader of one XML document, which is [fed](Self::feed) in chunks of any size.
///
/// What it answers does not depend on how the document was cut, but for the cutting of text into pieces.
/// After [`Malformed`] it gives the same answer for ever.
pub struct Reader {
    limits: Limits,
    window: Window,
    phase: Phase,
    in_section: bool,
    scope: Scope,
    /// The start tag that was read last, and where it begins in the window.
    tag: Tag,
    tag_at: usize,
    /// The namespace of its element.
    element: NamespaceId,
    /// Whether the last answer was that start.
    is_at_start: bool,
    /// Places in the window that the last token is about.
    told: Range<usize>,
    target: Range<usize>,
    /// What is wrong, when something was found to be.
    fault: (Reason, usize),
    /// Whether the element that began last is empty, and its end was not yet told.
    must_end: bool,
    open: Vec<Open>,
    /// INVARIANT: the names of `open`, one after the other.
    names: String,
    elements: usize,
    text_bytes: usize,
    /// Set while an element is looked into.
    look: Option<Look>,
    /// Bytes unread that it takes to try once more what was incomplete.
    wanted: usize,
    /// The character that the reference read last stands for.
    resolved: String,
    /// A buffer for finding duplicates.
    order: Vec<u32>,
    refused: Option<Malformed>,
}

/// An open element.
#[derive(Debug, Clone, Copy)]
struct Open {
    name_from: usize,
    outside: Level,
}

/// What was so when an element began to be looked into.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Elements open, that one included.
    depth: usize,
    elements: usize,
    /// Where its tag begins, in the document.
    offset: usize,
}

/// How far the document has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Beginning,
    Prolog,
    Content,
    Epilog,
}

/// The kind of a [`Step`]. What it is about stands in the reader: answers without fields are handed from function to
/// function in a register; handing the places along in memory took a third of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Start,
    End,
    Text,
    Newline,
    Resolved,
    Comment,
    Instruction,
    More,
    Done,
    /// Something that tells nothing.
    Nothing,
}

/// Why there is no token yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// More must be fed.
    More,
    /// It is not well-formed: see [`Reader::fault`].
    Fault,
}

impl Reader {
    /// A reader of a document that keeps within `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            window: Window::default(),
            phase: Phase::Beginning,
            in_section: false,
            scope: Scope::new(limits.namespaces_max, limits.declarations_max),
            tag: Tag::default(),
            tag_at: 0,
            element: NamespaceId::NONE,
            is_at_start: false,
            told: 0..0,
            target: 0..0,
            fault: (Reason::EndsEarly, 0),
            must_end: false,
            open: Vec::new(),
            names: String::new(),
            elements: 0,
            text_bytes: 0,
            look: None,
            wanted: 0,
            resolved: String::new(),
            order: Vec::new(),
            refused: None,
        }
    }

    /// The number that `uri` has for this reader. Asked for before the document is fed, in one order, the numbers are
    /// the same for every document. `None` when there are too many.
    pub fn know(&mut self, uri: &str) -> Option<NamespaceId> {
        self.scope.know(uri).ok()
    }

    /// Takes in the next bytes of the document.
    pub fn feed(&mut self, chunk: &[u8]) {
        // The window may drop the tag that was read last.
        self.is_at_start = false;
        self.window.feed(chunk, self.limits.document_bytes_max);
    }

    /// Tells that the document has no more bytes.
    pub fn end(&mut self) {
        self.window.end();
    }

    /// What comes next in the document.
    ///
    /// # Errors
    /// When the document is not strict XML within the limits.
    #[expect(clippy::should_implement_trait, reason = "what it gives borrows from it, as no iterator can")]
    pub fn next(&mut self) -> Result<Step<'_>, Malformed> {
        let token = self.advance()?;
        let event = match token {
            Token::Start => Event::Start(Start { reader: self }),
            Token::End => Event::End,
            Token::Text => Event::Text(self.window.between(&self.told)),
            Token::Newline => Event::Text("\n"),
            Token::Resolved => Event::Text(&self.resolved),
            Token::Comment => Event::Comment(self.window.between(&self.told)),
            Token::Instruction => Event::ProcessingInstruction {
                target: self.window.between(&self.target),
                data: self.window.between(&self.told),
            },
            Token::More | Token::Nothing => return Ok(Step::More),
            Token::Done => return Ok(Step::Done),
        };
        Ok(Step::Event(event))
    }

    /// Bytes of the document before what comes next.
    pub fn offset(&self) -> usize {
        self.window.offset_of(self.window.at)
    }

    /// Elements open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Begins to look into the element whose [`Start`] was the last answer: what follows is read and kept, until
    /// [`rewind`](Self::rewind). It does not read past the element: at its end [`Event::End`] is the answer for ever.
    /// Above [`Limits::look_ahead_bytes_max`] the document is refused.
    ///
    /// One element is looked into at a time. `false`, and nothing is changed, when the last answer was no start (or
    /// something was fed since), or an element is being looked into.
    #[must_use]
    pub fn mark(&mut self) -> bool {
        if !self.is_at_start || self.look.is_some() {
            return false;
        }
        let offset = self.window.offset_of(self.tag_at);
        self.look = Some(Look { depth: self.open.len(), elements: self.elements - 1, offset });
        self.window.keep(self.tag_at);
        true
    }

    /// Goes back to where [`mark`](Self::mark) was called: the next event is the same [`Start`] again.
    pub fn rewind(&mut self) {
        let Some(look) = self.look.take() else { return };
        // INVARIANT: an element that is looked into is not left, so that it and all around it are still known.
        let depth = look.depth - 1;
        if let Some(entered) = self.open.get(depth).copied() {
            self.scope.leave(entered.outside);
            self.names.truncate(entered.name_from);
            self.open.truncate(depth);
        }
        self.window.rewind();
        self.elements = look.elements;
        self.phase = if depth == 0 { Phase::Prolog } else { Phase::Content };
        self.in_section = false;
        self.must_end = false;
        self.is_at_start = false;
        self.wanted = 0;
    }

    #[inline]
    pub(super) fn element_name(&self) -> Name<'_> {
        self.name(self.tag_text(), self.tag.name, self.element)
    }

    #[inline]
    pub(super) fn attributes(&self) -> (&str, &[RawAttribute]) {
        (self.tag_text(), &self.tag.attributes)
    }

    #[inline]
    pub(super) fn attribute<'a>(&'a self, text: &'a str, raw: &RawAttribute) -> Attribute<'a> {
        let value = raw.value.of(text, &self.tag.values);
        Attribute { name: self.name(text, raw.name, raw.namespace), value }
    }

    pub(super) fn resolve(&self, prefix: &str) -> Option<(NamespaceId, &str)> {
        let namespace = match prefix {
            "" => self.scope.default(),
            prefix => self.scope.resolve(prefix)?,
        };
        Some((namespace, self.scope.uri(namespace)))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.tag.is_empty
    }

    #[inline]
    fn tag_text(&self) -> &str {
        self.window.between(&(self.tag_at..self.window.at))
    }

    #[inline]
    fn name<'a>(&'a self, text: &'a str, name: Qualified, namespace: NamespaceId) -> Name<'a> {
        Name { namespace, uri: self.scope.uri(namespace), prefix: name.prefix(text), local: name.local(text) }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("offset", &self.offset())
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}
