//! What stands in a data set, PS3.5 section 7: elements, sequences of items, encapsulated pixel data.

use super::super::characters::CharacterSets;
use super::super::event::Header;
use super::super::malformed::Reason;
use super::super::syntax::Coding;
use super::super::tag::Tag;
use super::super::vr::Vr;
use super::{Frame, Kind, Pause, Place, Reader, State, Token};

/// The length that means that a delimiter follows.
const UNDEFINED: u32 = 0xFFFF_FFFF;
/// Bytes of the head of an item, of a delimiter, and of the shorter form of that of an element.
const HEAD_BYTES: usize = 8;
const LONG_HEAD_BYTES: usize = 12;

/// What stands before a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// As written, or implied.
    pub(super) vr: Vr,
    pub(super) length: Option<u32>,
    pub(super) bytes: usize,
}

impl Reader {
    pub(super) fn body(&mut self) -> Result<Option<Token>, Pause> {
        let Some(frame) = self.open.last().copied() else { return Ok(Some(Token::Done)) };
        if frame.end == Some(self.window.offset()) {
            return Ok(self.close());
        }
        match frame.kind {
            Kind::DataSet if self.window.unread() == 0 && !self.refill()? => Ok(Some(Token::Done)),
            Kind::DataSet | Kind::Item => self.element(&frame),
            Kind::Sequence => self.item(&frame).map(Some),
            Kind::Fragments => self.fragment(&frame).map(Some),
        }
    }

    /// The whole value of the element that was told.
    pub(super) fn value(&mut self, header: Header) -> Result<Token, Pause> {
        let length = header.length.unwrap_or_default();
        if length > self.limits.value_bytes_max {
            return Err(Pause::Fault(Reason::ValueTooLong));
        }
        self.supply(length as usize)?;
        self.state = State::Body;
        Ok(Token::Value(self.window.read(length as usize).into()))
    }

    /// As much of a long value as is there.
    pub(super) fn chunk(&mut self, remaining: u64) -> Result<Token, Pause> {
        let place = self.take(remaining)?;
        let taken = (place.1 - place.0) as u64;
        self.state = if taken == remaining { State::Body } else { State::Chunks(remaining - taken) };
        Ok(Token::Chunk(place))
    }

    pub(super) fn pass(&mut self, remaining: u64) -> Result<Option<Token>, Pause> {
        let mut remaining = remaining;
        while remaining > 0 {
            let place = self.take(remaining)?;
            remaining -= (place.1 - place.0) as u64;
            self.state = State::Passing(remaining);
        }
        self.state = State::Body;
        Ok(None)
    }

    /// Reads up to `remaining` bytes, and at least one.
    fn take(&mut self, remaining: u64) -> Result<Place, Pause> {
        self.supply(1)?;
        let ahead = self.window.kept().map(|kept| self.limits.look_ahead_bytes_max.saturating_sub(kept));
        let wanted = usize::try_from(remaining).unwrap_or(usize::MAX).min(ahead.unwrap_or(usize::MAX));
        Ok(self.window.read(wanted).into())
    }

    fn element(&mut self, frame: &Frame) -> Result<Option<Token>, Pause> {
        self.supply_within(frame, HEAD_BYTES)?;
        let tag = self.peek_tag(frame.coding);
        if tag.group() == Tag::ITEM.group() {
            return self.item_end(frame, tag);
        }
        expect_group(tag)?;
        self.expect_order(frame.last, tag)?;
        let head = self.peek_head(tag, frame.coding)?;
        self.expect_within(frame, head.bytes as u64 + u64::from(head.length.unwrap_or_default()))?;
        self.count()?;
        if let Some(length) = head.length {
            self.expect_even(length)?;
        }
        if tag.is_group_length() {
            return self.pass_group_length(tag, &head);
        }
        if tag == Tag::SPECIFIC_CHARACTER_SET {
            self.read_character_sets(&head)?;
        }
        self.note(tag);
        self.window.read(head.bytes);
        self.begin_value(frame, tag, &head).map(Some)
    }

    /// What follows a head: a value, a sequence, or fragments.
    fn begin_value(&mut self, frame: &Frame, tag: Tag, head: &Head) -> Result<Token, Pause> {
        // What is written with `UN` is written as without representations (PS3.5 section 6.2.2).
        let is_unknown = head.vr == Vr::UN;
        let coding = if is_unknown { Coding::IMPLICIT } else { frame.coding };
        let vr = if is_unknown { tag.implied_vr() } else { head.vr };
        let mut header = Header {
            tag,
            vr,
            written_vr: head.vr,
            length: head.length,
            byte_order: coding.byte_order,
            is_in_chunks: false,
        };
        match head.length {
            None if self.is_encapsulated(frame, &header) => {
                self.push(frame, &header, Kind::Fragments, frame.coding)?;
                Ok(Token::FragmentsStart(header))
            }
            None if !matches!(vr, Vr::SQ | Vr::UN) => Err(Pause::Fault(Reason::UndefinedLength)),
            length if vr == Vr::SQ || length.is_none() => {
                self.push(frame, &header, Kind::Sequence, coding)?;
                header.length = None;
                Ok(Token::SequenceStart(header))
            }
            length => {
                self.expect_encapsulated(frame, tag)?;
                let length = length.unwrap_or_default();
                header.is_in_chunks = (vr.is_bulk() && length > self.limits.whole_bytes_max)
                    || (vr.is_unlimited() && length > self.limits.value_bytes_max);
                self.state =
                    if header.is_in_chunks { State::Chunks(length.into()) } else { State::Value(header) };
                Ok(Token::Element(header))
            }
        }
    }

    /// An item of a sequence, or the end of it.
    fn item(&mut self, frame: &Frame) -> Result<Token, Pause> {
        let (tag, length) = self.item_head(frame)?;
        match (tag, length) {
            (Tag::ITEM, length) => {
                if let Some(length) = length {
                    self.expect_even(length)?;
                    self.expect_within(frame, HEAD_BYTES as u64 + u64::from(length))?;
                }
                self.count()?;
                self.window.read(HEAD_BYTES);
                let end = length.map(|length| self.window.offset() + u64::from(length));
                self.open.push(Frame {
                    kind: Kind::Item,
                    end,
                    bound: end.unwrap_or(frame.bound),
                    last: None,
                    ..*frame
                });
                Ok(Token::ItemStart)
            }
            (Tag::SEQUENCE_END, Some(0)) if frame.end.is_none() => self.end_by_delimiter(),
            (Tag::SEQUENCE_END | Tag::ITEM_END, _) => Err(Pause::Fault(Reason::MisplacedDelimiter)),
            _ => Err(Pause::Fault(Reason::ItemExpected)),
        }
    }

    /// A fragment of encapsulated pixel data, or the end of them.
    fn fragment(&mut self, frame: &Frame) -> Result<Token, Pause> {
        match self.item_head(frame)? {
            (Tag::ITEM, Some(length)) => {
                self.expect_even(length)?;
                self.expect_within(frame, HEAD_BYTES as u64 + u64::from(length))?;
                self.count()?;
                self.window.read(HEAD_BYTES);
                if length > 0 {
                    self.state = State::Chunks(length.into());
                }
                Ok(Token::Fragment(length))
            }
            (Tag::ITEM, None) => Err(Pause::Fault(Reason::UndefinedLength)),
            (Tag::SEQUENCE_END, Some(0)) => self.end_by_delimiter(),
            (Tag::SEQUENCE_END | Tag::ITEM_END, _) => Err(Pause::Fault(Reason::MisplacedDelimiter)),
            _ => Err(Pause::Fault(Reason::ItemExpected)),
        }
    }

    /// The end of an item that has no length.
    fn item_end(&mut self, frame: &Frame, tag: Tag) -> Result<Option<Token>, Pause> {
        let (_, length) = self.item_head(frame)?;
        match (tag, frame.kind, frame.end, length) {
            (Tag::ITEM_END, Kind::Item, None, Some(0)) => self.end_by_delimiter().map(Some),
            _ => Err(Pause::Fault(Reason::MisplacedDelimiter)),
        }
    }

    fn end_by_delimiter(&mut self) -> Result<Token, Pause> {
        self.window.read(HEAD_BYTES);
        self.close().ok_or(Pause::Fault(Reason::MisplacedDelimiter))
    }

    /// Closes what was opened last.
    fn close(&mut self) -> Option<Token> {
        let frame = self.open.pop()?;
        let token = match frame.kind {
            Kind::DataSet => Token::Done,
            Kind::Item => Token::ItemEnd,
            Kind::Sequence => Token::SequenceEnd,
            Kind::Fragments => Token::FragmentsEnd,
        };
        if matches!(frame.kind, Kind::Sequence | Kind::Fragments) {
            self.sequences -= 1;
        }
        if self.marked.is_some_and(|marked| self.open.len() < marked.depth) {
            self.state = State::Looked(token);
        }
        Some(token)
    }

    fn push(&mut self, around: &Frame, header: &Header, kind: Kind, coding: Coding) -> Result<(), Pause> {
        if self.sequences >= self.limits.depth_max {
            return Err(Pause::Fault(Reason::TooDeep));
        }
        self.sequences += 1;
        let end = header.length.map(|length| self.window.offset() + u64::from(length));
        let bound = end.unwrap_or(around.bound);
        self.open.push(Frame { kind, end, bound, last: None, coding, sets: around.sets });
        Ok(())
    }

    /// Passes over the length of a group: it says nothing that the elements do not, and may be wrong.
    fn pass_group_length(&mut self, tag: Tag, head: &Head) -> Result<Option<Token>, Pause> {
        if head.length != Some(4) || !matches!(head.vr, Vr::UL | Vr::UN) {
            return Err(Pause::Fault(Reason::BadGroupLength));
        }
        self.note(tag);
        self.window.read(head.bytes);
        self.state = State::Passing(4);
        Ok(None)
    }

    /// Looks at (0008,0005) before it is told, so that it holds whether it is skipped or not.
    fn read_character_sets(&mut self, head: &Head) -> Result<(), Pause> {
        let length = head.length.ok_or(Pause::Fault(Reason::UndefinedLength))?;
        if length > self.limits.character_sets_bytes_max {
            return Err(Pause::Fault(Reason::ValueTooLong));
        }
        self.supply(head.bytes + length as usize)?;
        let value = self.window.rest().get(head.bytes..).and_then(|rest| rest.get(..length as usize));
        let sets = CharacterSets::of(value.unwrap_or_default());
        if let Some(frame) = self.open.last_mut() {
            frame.sets = sets;
        }
        Ok(())
    }

    fn note(&mut self, tag: Tag) {
        if let Some(frame) = self.open.last_mut() {
            frame.last = Some(tag);
        }
    }

    /// Whether what has no length are fragments of pixel data (PS3.5 annex A.4).
    fn is_encapsulated(&self, frame: &Frame, header: &Header) -> bool {
        header.tag == Tag::PIXEL_DATA
            && matches!(header.written_vr, Vr::OB | Vr::OW)
            && frame.coding.is_explicit
            && self.syntax.is_some_and(|syntax| syntax.is_encapsulated)
    }

    /// The pixel data of an icon may be as they are, those of the image itself may not.
    fn expect_encapsulated(&self, frame: &Frame, tag: Tag) -> Result<(), Pause> {
        let is_encapsulated = self.syntax.is_some_and(|syntax| syntax.is_encapsulated);
        if tag == Tag::PIXEL_DATA && frame.kind == Kind::DataSet && is_encapsulated {
            return Err(Pause::Fault(Reason::PixelsNotEncapsulated));
        }
        Ok(())
    }

    /// The tag that comes next. Eight bytes must be held.
    pub(super) fn peek_tag(&self, coding: Coding) -> Tag {
        let order = coding.byte_order;
        let number = |at| order.u16(self.window.peek(at).unwrap_or_default());
        Tag::new(number(0), number(2))
    }

    /// What stands before the value of the element that comes next. Eight bytes must be held.
    pub(super) fn peek_head(&mut self, tag: Tag, coding: Coding) -> Result<Head, Pause> {
        let order = coding.byte_order;
        if !coding.is_explicit {
            let length = order.u32(self.window.peek(4).unwrap_or_default());
            return Ok(Head { vr: tag.implied_vr(), length: defined(length), bytes: HEAD_BYTES });
        }
        let letters = self.window.peek(4).unwrap_or_default();
        let vr = Vr::from_letters(letters).ok_or(Pause::Fault(Reason::UnknownVr))?;
        if !vr.has_long_length() {
            let length = order.u16(self.window.peek(6).unwrap_or_default());
            return Ok(Head { vr, length: Some(length.into()), bytes: HEAD_BYTES });
        }
        if self.window.peek(6) != Some([0, 0]) {
            return Err(Pause::Fault(Reason::ReservedNotZero));
        }
        self.supply(LONG_HEAD_BYTES)?;
        let length = order.u32(self.window.peek(HEAD_BYTES).unwrap_or_default());
        Ok(Head { vr, length: defined(length), bytes: LONG_HEAD_BYTES })
    }

    /// The tag and length of what begins or ends an item or sequence.
    fn item_head(&mut self, frame: &Frame) -> Result<(Tag, Option<u32>), Pause> {
        self.supply_within(frame, HEAD_BYTES)?;
        let length = frame.coding.byte_order.u32(self.window.peek(4).unwrap_or_default());
        Ok((self.peek_tag(frame.coding), defined(length)))
    }

    fn supply_within(&mut self, frame: &Frame, bytes: usize) -> Result<(), Pause> {
        // The document itself has an end that is told, not a length.
        if frame.kind != Kind::DataSet {
            self.expect_within(frame, bytes as u64)?;
        }
        self.supply(bytes)
    }

    fn expect_within(&self, frame: &Frame, bytes: u64) -> Result<(), Pause> {
        let left = frame.bound.saturating_sub(self.window.offset());
        if bytes > left { Err(Pause::Fault(Reason::LengthBeyond)) } else { Ok(()) }
    }

    pub(super) fn expect_even(&self, length: u32) -> Result<(), Pause> {
        if length.is_multiple_of(2) { Ok(()) } else { Err(Pause::Fault(Reason::OddLength)) }
    }

    pub(super) fn expect_order(&self, last: Option<Tag>, tag: Tag) -> Result<(), Pause> {
        match last {
            Some(last) if last == tag => Err(Pause::Fault(Reason::DuplicateTag)),
            Some(last) if last > tag => Err(Pause::Fault(Reason::OutOfOrder)),
            _ => Ok(()),
        }
    }

    pub(super) fn count(&mut self) -> Result<(), Pause> {
        self.elements += 1;
        if self.elements > self.limits.elements_max {
            return Err(Pause::Fault(Reason::TooManyElements));
        }
        Ok(())
    }
}

/// Refuses the groups of commands and of file meta information, and those that may not be private.
fn expect_group(tag: Tag) -> Result<(), Pause> {
    match tag.group() {
        0x0000..=0x0003 | 0x0005 | 0x0007 | 0xFFFF => Err(Pause::Fault(Reason::ForbiddenGroup)),
        _ => Ok(()),
    }
}

fn defined(length: u32) -> Option<u32> {
    (length != UNDEFINED).then_some(length)
}
