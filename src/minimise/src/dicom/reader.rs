//! The reader: from a window of bytes to events. What stands in a data set is read in `body`, what stands before it in
//! `meta`; how bytes come in is in `intake`; here is what is common: telling, skipping, looking ahead.

mod body;
mod intake;
mod meta;

use std::fmt;
use std::ops::Range;

use super::characters::CharacterSets;
use super::event::{Event, Header, Preamble, Step};
use super::inflate::Inflater;
use super::limits::Limits;
use super::malformed::{Malformed, Reason};
use super::syntax::{Coding, TransferSyntax};
use super::tag::Tag;
use super::window::Window;

/// A strict reader of one DICOM document, which is [fed](Self::feed) in chunks of any size.
///
/// What it answers does not depend on how the document was cut, but for the cutting of long values into chunks.
/// After [`Malformed`] it gives the same answer for ever.
pub struct Reader {
    limits: Limits,
    window: Window,
    inflater: Option<Box<Inflater>>,
    fed: u64,
    has_ended: bool,
    is_too_large: bool,
    state: State,
    syntax: Option<&'static TransferSyntax>,
    meta: meta::Meta,
    /// INVARIANT: the data set, and in it by turns a sequence and an item of it.
    open: Vec<Frame>,
    sequences: usize,
    elements: usize,
    /// What the last event began, if that was a sequence, an item or encapsulated pixel data.
    opened: Option<Token>,
    /// What is told again after going back.
    again: Option<Token>,
    /// All is passed over until so many are open.
    skipped_to: Option<usize>,
    marked: Option<Marked>,
    refused: Option<Malformed>,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A file (PS3.10): preamble, file meta information, data set.
    File,
    /// A data set alone, in this transfer syntax.
    DataSet(&'static TransferSyntax),
}

/// What is open.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: Kind,
    /// Where it ends, if that is known beforehand.
    end: Option<u64>,
    /// Where it ends at the latest, because something around it does.
    bound: u64,
    /// The tag of the element read last.
    last: Option<Tag>,
    coding: Coding,
    sets: CharacterSets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    DataSet,
    Sequence,
    Item,
    Fragments,
}

/// What is read next.
#[derive(Debug, Clone, Copy)]
enum State {
    Preamble,
    Meta,
    /// What follows in the frame open last.
    Body,
    /// The value of an element that was told.
    Value(Header),
    /// So many bytes of a value that is told in chunks.
    Chunks(u64),
    /// So many bytes that are not told.
    Passing(u64),
    /// Nothing: what is looked into has ended.
    Looked(Token),
}

/// A [`Step`] as places.
#[derive(Debug, Clone, Copy)]
enum Token {
    Preamble(Preamble),
    Meta(Header, Place),
    Element(Header),
    Value(Place),
    Chunk(Place),
    SequenceStart(Header),
    ItemStart,
    ItemEnd,
    SequenceEnd,
    FragmentsStart(Header),
    Fragment(u32),
    FragmentsEnd,
    Done,
}

/// Where bytes are in the window.
#[derive(Debug, Clone, Copy)]
struct Place(usize, usize);

/// Why there is no token yet.
#[derive(Debug, Clone, Copy)]
enum Pause {
    More,
    Fault(Reason),
}

/// What it takes to go back to where looking ahead began.
#[derive(Debug, Clone, Copy)]
struct Marked {
    token: Token,
    frame: Frame,
    depth: usize,
    sequences: usize,
    elements: usize,
}

impl Reader {
    /// A reader of a document that keeps within `limits`.
    pub fn new(source: Source, limits: &Limits) -> Self {
        let mut reader = Self {
            limits: *limits,
            window: Window::default(),
            inflater: None,
            fed: 0,
            has_ended: false,
            is_too_large: false,
            state: State::Preamble,
            syntax: None,
            meta: meta::Meta::default(),
            open: Vec::new(),
            sequences: 0,
            elements: 0,
            opened: None,
            again: None,
            skipped_to: None,
            marked: None,
            refused: None,
        };
        if let Source::DataSet(syntax) = source {
            reader.begin(syntax);
        }
        reader
    }

    /// What comes next in the document.
    ///
    /// # Errors
    /// When the document is not strict DICOM within the limits.
    #[expect(clippy::should_implement_trait, reason = "what it gives borrows from it, as no iterator can")]
    pub fn next(&mut self) -> Result<Step<'_>, Malformed> {
        let Some(token) = self.advance()? else { return Ok(Step::More) };
        let event = match token {
            Token::Preamble(preamble) => Event::Preamble(preamble),
            Token::Meta(header, place) => Event::Meta(header, self.window.bytes(place.into())),
            Token::Element(header) => Event::Element(header),
            Token::Value(place) => Event::Value(self.window.bytes(place.into())),
            Token::Chunk(place) => Event::Chunk(self.window.bytes(place.into())),
            Token::SequenceStart(header) => Event::SequenceStart(header),
            Token::ItemStart => Event::ItemStart,
            Token::ItemEnd => Event::ItemEnd,
            Token::SequenceEnd => Event::SequenceEnd,
            Token::FragmentsStart(header) => Event::FragmentsStart(header),
            Token::Fragment(length) => Event::Fragment(length),
            Token::FragmentsEnd => Event::FragmentsEnd,
            Token::Done => return Ok(Step::Done),
        };
        Ok(Step::Event(event))
    }

    /// Passes over what the last event began and is not yet told: the value of an element or the rest of it, the rest
    /// of a fragment, the whole of a sequence, item or encapsulated pixel data whose start was the last event. None of
    /// it is told, its end neither. Does nothing after another event.
    ///
    /// What has a length is jumped over: how it is written inside is not looked at.
    pub fn skip(&mut self) {
        if self.opened.take().or(self.again.take()).is_none() {
            return self.pass_value();
        }
        let Some(frame) = self.open.last() else { return };
        if let Some(end) = frame.end {
            self.state = State::Passing(end.saturating_sub(self.window.offset()));
        }
        self.skipped_to = Some(self.open.len() - 1);
    }

    /// Begins to look into the item or sequence whose start was the last event: what follows is read and kept, until
    /// [`rewind`](Self::rewind). It does not read past it: at its end, the event of that is the answer for ever.
    /// Above [`Limits::look_ahead_bytes_max`] it refuses the document.
    ///
    /// One is looked into at a time. `false`, and nothing is changed, when the last event was no such start, or
    /// another is looked into.
    #[must_use]
    pub fn mark(&mut self) -> bool {
        let (Some(token), None, Some(frame)) = (self.opened, self.marked, self.open.last()) else {
            return false;
        };
        let depth = self.open.len();
        let frame = *frame;
        self.marked =
            Some(Marked { token, frame, depth, sequences: self.sequences, elements: self.elements });
        self.window.keep();
        true
    }

    /// Goes back to where [`mark`](Self::mark) was called: the next event is the same start again.
    pub fn rewind(&mut self) {
        let Some(marked) = self.marked.take() else { return };
        self.window.return_to_kept();
        // What was open outside was never left.
        self.open.truncate(marked.depth - 1);
        self.open.push(marked.frame);
        self.sequences = marked.sequences;
        self.elements = marked.elements;
        self.state = State::Body;
        self.skipped_to = None;
        self.opened = None;
        self.again = Some(marked.token);
    }

    /// Bytes of the document before what comes next; in a deflated data set they are counted as inflated.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Sequences open, encapsulated pixel data included.
    pub fn depth(&self) -> usize {
        self.sequences
    }

    /// The transfer syntax, once it is known.
    pub fn transfer_syntax(&self) -> Option<&'static TransferSyntax> {
        self.syntax
    }

    /// How characters are written in what is open: what (0008,0005) said there, or around it.
    pub fn character_sets(&self) -> &CharacterSets {
        const NONE: &CharacterSets = &CharacterSets::DEFAULT;
        self.open.last().map_or(NONE, |frame| &frame.sets)
    }

    /// Where the element read last stands: the keywords of the sequences around it and its own, parted by dots; `*` for
    /// tags that are not registered.
    pub fn pointer(&self) -> String {
        let tags =
            self.open.iter().filter(|frame| frame.kind != Kind::Sequence).filter_map(|frame| frame.last);
        let words: Vec<_> = tags.map(|tag| tag.keyword().unwrap_or("*")).collect();
        words.join(".")
    }

    /// Begins the data set.
    fn begin(&mut self, syntax: &'static TransferSyntax) {
        self.syntax = Some(syntax);
        self.state = State::Body;
        let mut bound = self.limits.document_bytes_max;
        if syntax.is_deflated {
            let offset = self.window.offset();
            let mut inflater = Box::new(Inflater::new());
            inflater.deflated = std::mem::replace(&mut self.window, Window::at(offset));
            self.inflater = Some(inflater);
            bound = self.limits.inflated_bytes_max.saturating_add(offset);
        }
        self.open.push(Frame {
            kind: Kind::DataSet,
            end: None,
            bound,
            last: None,
            coding: syntax.coding,
            sets: CharacterSets::DEFAULT,
        });
    }

    /// The next token; `None` when more must be fed.
    #[inline]
    fn advance(&mut self) -> Result<Option<Token>, Malformed> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        if let Some(token) = self.again.take() {
            self.opened = Some(token);
            return Ok(Some(token));
        }
        loop {
            match self.step() {
                Ok(None) => {}
                Ok(Some(token)) => {
                    self.opened = None;
                    if !self.is_skipped() {
                        self.opened = token.opens().then_some(token);
                        return Ok(Some(token));
                    }
                }
                Err(Pause::More) => return Ok(None),
                Err(Pause::Fault(reason)) => {
                    let refused = Malformed { reason, offset: self.window.offset() };
                    self.refused = Some(refused);
                    return Err(refused);
                }
            }
        }
    }

    /// Whether what was just read is not told. Its value is then passed over.
    fn is_skipped(&mut self) -> bool {
        let Some(outside) = self.skipped_to else { return false };
        if self.open.len() <= outside {
            self.skipped_to = None;
        } else {
            self.pass_value();
        }
        true
    }

    fn pass_value(&mut self) {
        match self.state {
            State::Value(header) => self.state = State::Passing(header.length.unwrap_or_default().into()),
            State::Chunks(remaining) => self.state = State::Passing(remaining),
            _ => {}
        }
    }

    fn step(&mut self) -> Result<Option<Token>, Pause> {
        match self.state {
            State::Body => self.body(),
            State::Value(header) => self.value(header).map(Some),
            State::Chunks(remaining) => self.chunk(remaining).map(Some),
            State::Passing(remaining) => self.pass(remaining),
            State::Preamble => self.preamble(),
            State::Meta => self.meta(),
            State::Looked(token) => Ok(Some(token)),
        }
    }
}

impl Token {
    fn opens(self) -> bool {
        matches!(self, Self::SequenceStart(_) | Self::ItemStart | Self::FragmentsStart(_))
    }
}

impl From<Range<usize>> for Place {
    fn from(range: Range<usize>) -> Self {
        Self(range.start, range.end)
    }
}

impl From<Place> for Range<usize> {
    fn from(place: Place) -> Self {
        place.0..place.1
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
