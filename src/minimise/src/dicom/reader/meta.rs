//! What stands before the data set of a file, PS3.10 section 7.1: the preamble and the file meta information.

use super::super::event::{Header, Preamble};
use super::super::malformed::Reason;
use super::super::syntax::{Coding, TransferSyntax};
use super::super::tag::Tag;
use super::super::vr::Vr;
use super::{Pause, Reader, State, Token};

const PREAMBLE_BYTES: usize = 128;
const PREFIX: [u8; 4] = *b"DICM";
const GROUP: u16 = 0x0002;

/// How far the file meta information was read.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meta {
    /// Where it says that it ends.
    end: Option<u64>,
    last: Option<Tag>,
}

impl Reader {
    pub(super) fn preamble(&mut self) -> Result<Option<Token>, Pause> {
        match self.supply(PREAMBLE_BYTES + PREFIX.len()) {
            // What is too short to have a prefix is no file; what is longer may still come.
            Err(Pause::Fault(Reason::EndsEarly)) => return Err(Pause::Fault(Reason::NotDicom)),
            supplied => supplied?,
        }
        if self.window.peek(PREAMBLE_BYTES) != Some(PREFIX) {
            return Err(Pause::Fault(Reason::NotDicom));
        }
        let place = self.window.read(PREAMBLE_BYTES);
        let preamble = Preamble::of(self.window.bytes(place));
        self.window.read(PREFIX.len());
        self.state = State::Meta;
        Ok(preamble.map(Token::Preamble))
    }

    /// An element of the file meta information, or the beginning of the data set.
    pub(super) fn meta(&mut self) -> Result<Option<Token>, Pause> {
        let offset = self.window.offset();
        if self.meta.end == Some(offset) {
            return self.end_meta();
        }
        if self.meta.end.is_none() && self.window.unread() == 0 && !self.refill()? {
            return self.end_meta();
        }
        self.supply(8)?;
        let tag = self.peek_tag(Coding::EXPLICIT);
        if tag.group() != GROUP {
            return if self.meta.end.is_none() {
                self.end_meta()
            } else {
                Err(Pause::Fault(Reason::BadMetaLength))
            };
        }
        self.expect_order(self.meta.last, tag)?;
        let head = self.peek_head(tag, Coding::EXPLICIT)?;
        self.count()?;
        if head.vr == Vr::SQ || head.length.is_none() {
            return Err(Pause::Fault(Reason::BadMeta));
        }
        let length = head.length.unwrap_or_default();
        self.expect_even(length)?;
        let end = offset + head.bytes as u64 + u64::from(length);
        if self.meta.end.is_some_and(|meta_end| end > meta_end) {
            return Err(Pause::Fault(Reason::BadMetaLength));
        }
        if length > self.limits.value_bytes_max {
            return Err(Pause::Fault(Reason::ValueTooLong));
        }
        self.supply(head.bytes + length as usize)?;
        self.meta.last = Some(tag);
        self.window.read(head.bytes);
        let place = self.window.read(length as usize);
        let value = self.window.bytes(place.clone());
        match tag {
            Tag::META_LENGTH => {
                let (Vr::UL, Ok(bytes)) = (head.vr, value.try_into()) else {
                    return Err(Pause::Fault(Reason::BadMetaLength));
                };
                self.meta.end = Some(end + u64::from(u32::from_le_bytes(bytes)));
                return Ok(None);
            }
            Tag::TRANSFER_SYNTAX => {
                let uid = std::str::from_utf8(value).unwrap_or_default().trim_end_matches(['\0', ' ']);
                let syntax = TransferSyntax::of(uid);
                self.syntax = Some(syntax.ok_or(Pause::Fault(Reason::UnknownTransferSyntax))?);
            }
            _ => {}
        }
        let header = Header {
            tag,
            vr: head.vr,
            written_vr: head.vr,
            length: Some(length),
            byte_order: Coding::EXPLICIT.byte_order,
            is_in_chunks: false,
        };
        Ok(Some(Token::Meta(header, place.into())))
    }

    fn end_meta(&mut self) -> Result<Option<Token>, Pause> {
        let syntax = self.syntax.ok_or(Pause::Fault(Reason::NoTransferSyntax))?;
        self.begin(syntax);
        Ok(None)
    }
}
