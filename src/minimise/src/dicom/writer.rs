//! The writer: from events to bytes, in the transfer syntax in which they came.
//!
//! Values are written as they are given. Sequences and items are written without lengths, since a length is known only
//! when all is written that stays. A file begins with zeros and with file meta information that is made anew.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::event::Header;
use super::syntax::{Coding, TransferSyntax};
use super::tag::Tag;
use super::vr::Vr;

const UNDEFINED: u32 = 0xFFFF_FFFF;

/// A writer of one DICOM document into memory, from which it is [taken](Self::take) from time to time.
///
/// It writes what it is told: that tags ascend and what begins also ends is up to whoever tells.
pub struct Writer {
    /// What was written since it was last taken.
    written: Vec<u8>,
    /// Bytes written before.
    taken: u64,
    /// The codings of the data set and of the sequences that are open in it.
    codings: Vec<Coding>,
    deflater: Option<Deflater>,
}

/// What a file says of itself. All of it is ASCII.
#[derive(Debug, Clone, Copy)]
pub struct FileMeta<'a> {
    /// The class of the instance, (0008,0016).
    pub sop_class_uid: &'a str,
    /// The instance, (0008,0018).
    pub sop_instance_uid: &'a str,
    /// How the data set is written.
    pub transfer_syntax: &'static TransferSyntax,
    /// Who wrote the file: an identifier of ours.
    pub implementation_class_uid: &'a str,
    /// Its version, up to 16 characters.
    pub implementation_version_name: &'a str,
}

/// A place in what was written, to which one can go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    offset: u64,
    depth: usize,
}

impl Mark {
    /// Bytes written before it.
    pub(super) const fn offset(self) -> u64 {
        self.offset
    }
}

struct Deflater {
    stream: Compress,
    /// Bytes before the data set, which are not deflated.
    plain_bytes: usize,
    /// What is not yet deflated.
    block: Vec<u8>,
}

/// Bytes deflated at a time. What comes out depends on how it goes in: always in such pieces, the same document
/// gives the same bytes.
const BLOCK_BYTES: usize = 64 << 10;

impl Writer {
    /// A writer of a file.
    pub fn file(meta: &FileMeta<'_>) -> Self {
        let mut writer = Self::data_set(meta.transfer_syntax);
        writer.codings.push(Coding::EXPLICIT);
        writer.written.resize(128, 0);
        writer.written.extend_from_slice(b"DICM");
        writer.meta_element(Tag::META_LENGTH, Vr::UL, &[0; 4]);
        let from = writer.written.len();
        writer.meta_element(Tag::new(2, 0x0001), Vr::OB, &[0, 1]);
        writer.meta_element(Tag::new(2, 0x0002), Vr::UI, meta.sop_class_uid.as_bytes());
        writer.meta_element(Tag::new(2, 0x0003), Vr::UI, meta.sop_instance_uid.as_bytes());
        writer.meta_element(Tag::TRANSFER_SYNTAX, Vr::UI, meta.transfer_syntax.uid.as_bytes());
        writer.meta_element(Tag::new(2, 0x0012), Vr::UI, meta.implementation_class_uid.as_bytes());
        writer.meta_element(Tag::new(2, 0x0013), Vr::SH, meta.implementation_version_name.as_bytes());
        writer.set_meta_length(from);
        writer.codings.pop();
        if let Some(deflater) = &mut writer.deflater {
            deflater.plain_bytes = writer.written.len();
        }
        writer
    }

    /// A writer of a data set alone.
    pub fn data_set(syntax: &'static TransferSyntax) -> Self {
        let deflater = syntax.is_deflated.then(|| Deflater {
            stream: Compress::new(Compression::default(), false),
            plain_bytes: 0,
            block: Vec::new(),
        });
        Self { written: Vec::new(), taken: 0, codings: vec![syntax.coding], deflater }
    }

    /// An element and its whole value; it is padded to an even length.
    pub fn element(&mut self, header: &Header, value: &[u8]) {
        let padding: &[u8] = if value.len().is_multiple_of(2) { &[] } else { &[header.vr.padding()] };
        // INVARIANT: what is written here was read under a length of 32 bits, or is shorter.
        let length = u32::try_from(value.len() + padding.len()).unwrap_or(UNDEFINED - 1);
        self.head(header.tag, header.written_vr, length);
        self.written.extend_from_slice(value);
        self.written.extend_from_slice(padding);
    }

    /// An element whose value follows in [chunks](Self::chunk) that are together of the length of the header.
    pub fn element_in_chunks(&mut self, header: &Header) {
        self.head(header.tag, header.written_vr, header.length.unwrap_or_default());
    }

    /// A piece of a value or fragment.
    #[inline]
    pub fn chunk(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
    }

    /// Notes that a chunk goes out beside the writer, right after what was [taken](Self::take) last, and so is not
    /// copied. `false` when it must be written as a [chunk](Self::chunk): something is not taken yet, or it is
    /// deflated.
    #[must_use]
    pub fn pass(&mut self, bytes: &[u8]) -> bool {
        let may_pass = self.written.is_empty() && self.deflater.is_none();
        if may_pass {
            self.taken += bytes.len() as u64;
        }
        may_pass
    }

    /// Begins a sequence.
    pub fn start_sequence(&mut self, header: &Header) {
        self.head(header.tag, header.written_vr, UNDEFINED);
        let coding = if header.written_vr == Vr::UN { Coding::IMPLICIT } else { self.coding() };
        self.codings.push(coding);
    }

    /// Begins an item of the sequence open last.
    pub fn start_item(&mut self) {
        self.item_head(Tag::ITEM, UNDEFINED);
    }

    /// Ends the item.
    pub fn end_item(&mut self) {
        self.item_head(Tag::ITEM_END, 0);
    }

    /// Ends the sequence open last.
    pub fn end_sequence(&mut self) {
        self.item_head(Tag::SEQUENCE_END, 0);
        self.codings.pop();
    }

    /// Begins encapsulated pixel data.
    pub fn start_fragments(&mut self, header: &Header) {
        self.head(header.tag, header.written_vr, UNDEFINED);
    }

    /// Begins a fragment of so many bytes, which follow in [chunks](Self::chunk).
    pub fn fragment(&mut self, length: u32) {
        self.item_head(Tag::ITEM, length);
    }

    /// Ends the encapsulated pixel data.
    pub fn end_fragments(&mut self) {
        self.item_head(Tag::SEQUENCE_END, 0);
    }

    /// The place up to which is written.
    pub fn mark(&self) -> Mark {
        Mark { offset: self.taken + self.written.len() as u64, depth: self.codings.len() }
    }

    /// Takes back all that was written after `mark`. `false`, and nothing is taken back, when some of it was
    /// [taken](Self::take) already.
    #[must_use]
    pub fn rewind(&mut self, mark: Mark) -> bool {
        let Some(length) = mark.offset.checked_sub(self.taken) else { return false };
        self.written.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        self.codings.truncate(mark.depth);
        true
    }

    /// Bytes written and not taken; in a deflated data set, before it is deflated.
    pub fn pending(&self) -> usize {
        self.written.len()
    }

    /// Moves what was written to the end of `into`. Nothing of it is taken back any more.
    ///
    /// Into an empty vector it is not copied: the two change places, so that no room is lost.
    pub fn take(&mut self, into: &mut Vec<u8>) {
        self.taken += self.written.len() as u64;
        match &mut self.deflater {
            Some(deflater) => deflater.deflate(&self.written, FlushCompress::None, into),
            None if into.is_empty() => std::mem::swap(&mut self.written, into),
            None => into.extend_from_slice(&self.written),
        }
        self.written.clear();
    }

    /// Moves what was written before `offset` to the end of `into`; see [`take`](Self::take).
    pub(super) fn take_to(&mut self, offset: u64, into: &mut Vec<u8>) {
        let count = usize::try_from(offset.saturating_sub(self.taken)).unwrap_or(usize::MAX);
        if count == 0 {
            return;
        }
        let rest = self.written.split_off(count.min(self.written.len()));
        self.take(into);
        self.written = rest;
    }

    /// Ends the document: moves the rest of it to the end of `into`.
    pub fn finish(mut self, into: &mut Vec<u8>) {
        let Some(mut deflater) = self.deflater.take() else { return self.take(into) };
        deflater.deflate(&self.written, FlushCompress::Finish, into);
        // A deflated data set is of even length too (PS3.5 annex A.5).
        if deflater.stream.total_out() % 2 == 1 {
            into.push(0);
        }
    }

    fn coding(&self) -> Coding {
        self.codings.last().copied().unwrap_or(Coding::EXPLICIT)
    }

    fn head(&mut self, tag: Tag, vr: Vr, length: u32) {
        let Coding { is_explicit, byte_order: order } = self.coding();
        self.written.extend_from_slice(&order.bytes_of_u16(tag.group()));
        self.written.extend_from_slice(&order.bytes_of_u16(tag.element()));
        if !is_explicit {
            return self.written.extend_from_slice(&order.bytes_of_u32(length));
        }
        let short = u16::try_from(length).ok().filter(|_| !vr.has_long_length());
        // A value too long for the length of its representation is written as unknown (PS3.5 section 6.2.2).
        let vr = if short.is_none() && !vr.has_long_length() { Vr::UN } else { vr };
        self.written.extend_from_slice(vr.name().as_bytes());
        match short {
            Some(length) => self.written.extend_from_slice(&order.bytes_of_u16(length)),
            None => {
                self.written.extend_from_slice(&[0, 0]);
                self.written.extend_from_slice(&order.bytes_of_u32(length));
            }
        }
    }

    fn item_head(&mut self, tag: Tag, length: u32) {
        let order = self.coding().byte_order;
        self.written.extend_from_slice(&order.bytes_of_u16(tag.group()));
        self.written.extend_from_slice(&order.bytes_of_u16(tag.element()));
        self.written.extend_from_slice(&order.bytes_of_u32(length));
    }

    fn meta_element(&mut self, tag: Tag, vr: Vr, value: &[u8]) {
        let header = Header {
            tag,
            vr,
            written_vr: vr,
            length: None,
            byte_order: Coding::EXPLICIT.byte_order,
            is_in_chunks: false,
        };
        self.element(&header, value);
    }

    /// Sets the length of the file meta information, whose elements but that of the length begin at `from`.
    fn set_meta_length(&mut self, from: usize) {
        let length = u32::try_from(self.written.len() - from).unwrap_or_default();
        if let Some(place) = self.written.get_mut(from - 4..from) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }
}

impl Deflater {
    fn deflate(&mut self, written: &[u8], flush: FlushCompress, into: &mut Vec<u8>) {
        let (plain, rest) = written.split_at_checked(self.plain_bytes).unwrap_or((written, &[]));
        self.plain_bytes -= plain.len();
        into.extend_from_slice(plain);
        self.block.extend_from_slice(rest);
        let all = std::mem::take(&mut self.block);
        let (blocks, rest) = all.as_chunks::<BLOCK_BYTES>();
        blocks.iter().for_each(|block| self.compress(block, FlushCompress::None, into));
        match flush {
            FlushCompress::Finish => self.compress(rest, flush, into),
            _ => self.block.extend_from_slice(rest),
        }
    }

    fn compress(&mut self, mut rest: &[u8], flush: FlushCompress, into: &mut Vec<u8>) {
        loop {
            into.reserve(32 << 10);
            let before = self.stream.total_in();
            let status = self.stream.compress_vec(rest, into, flush);
            let taken = self.stream.total_in() - before;
            rest = rest.get(usize::try_from(taken).unwrap_or(usize::MAX)..).unwrap_or_default();
            let has_room = into.len() < into.capacity();
            match status {
                Ok(Status::StreamEnd) | Err(_) => return,
                Ok(_) if rest.is_empty() && has_room && !matches!(flush, FlushCompress::Finish) => return,
                Ok(_) => {}
            }
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("pending", &self.pending()).finish_non_exhaustive()
    }
}
