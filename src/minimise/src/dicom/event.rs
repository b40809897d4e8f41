//! What a reader tells of a document. All of it borrows from the reader and lasts until it is asked again.
//!
//! Nothing here prints what stands in a document: `Debug` names kinds and tags only.

use std::fmt;

use super::syntax::ByteOrder;
use super::tag::Tag;
use super::vr::Vr;

/// The answer of [`Reader::next`](super::Reader::next).
#[derive(Debug)]
pub enum Step<'a> {
    /// Something stands there.
    Event(Event<'a>),
    /// More must be fed, or the end be told.
    More,
    /// The document ended, and was well-formed.
    Done,
}

/// Something in a document.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// The 128 bytes before a file are not zero: it may be a document of another kind too.
    Preamble(Preamble),
    /// An element of the file meta information, without that of its length.
    Meta(Header, &'a [u8]),
    /// An element begins. Its [`Value`](Self::Value) follows, or [`Chunk`](Self::Chunk)s if
    /// [`Header::is_in_chunks`].
    Element(Header),
    /// The whole value of the element.
    Value(&'a [u8]),
    /// A piece of the value of the element, or of the fragment. No piece is empty.
    Chunk(&'a [u8]),
    /// A sequence begins, of which [`ItemStart`](Self::ItemStart)s follow. Its header has no length, whatever is written.
    SequenceStart(Header),
    /// An item begins: elements follow.
    ItemStart,
    /// The item that began last and has not ended ends.
    ItemEnd,
    /// The sequence that began last and has not ended ends.
    SequenceEnd,
    /// Encapsulated pixel data begin, of which [`Fragment`](Self::Fragment)s follow; the first is the offset table.
    FragmentsStart(Header),
    /// A fragment of this many bytes begins. [`Chunk`](Self::Chunk)s follow.
    Fragment(u32),
    /// The encapsulated pixel data end.
    FragmentsEnd,
}

/// The beginning of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its tag.
    pub tag: Tag,
    /// What its value is: as written, or as the standard has it where nothing or `UN` is written.
    pub vr: Vr,
    /// What its value is said to be: `UN` where nothing is written and the standard does not know the tag.
    pub written_vr: Vr,
    /// Bytes of its value. `None` for sequences and fragments.
    pub length: Option<u32>,
    /// How numbers in the value are written.
    pub byte_order: ByteOrder,
    /// Whether its value is told in chunks.
    pub is_in_chunks: bool,
}

impl Header {
    /// Whether the representation written is one that the standard lets the tag have. `None` for a tag that is not
    /// registered.
    ///
    /// Some readers believe what is written and some the standard: an element for which this is `Some(false)` may be
    /// two different things.
    pub fn is_as_registered(&self) -> Option<bool> {
        self.tag.registered().map(|registered| registered.allows(self.vr))
    }
}

/// What the 128 bytes before a file seem to be, by how they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preamble {
    /// A TIFF image, as whole-slide images have it (PS3.10 section 7.1).
    Tiff,
    /// A program: PE, ELF or Mach-O.
    Program,
    /// A script, or text in a markup language.
    Script,
    /// Anything else.
    Other,
}

impl Preamble {
    /// `None` for zeros.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.iter().all(|byte| *byte == 0) {
            return None;
        }
        let is_one_of = |starts: &[&[u8]]| starts.iter().any(|start| bytes.starts_with(start));
        Some(if is_one_of(&[b"II\x2A\0", b"MM\0\x2A", b"II\x2B\0", b"MM\0\x2B"]) {
            Self::Tiff
        } else if is_one_of(&[
            b"MZ",
            b"\x7FELF",
            b"\xCF\xFA\xED\xFE",
            b"\xCE\xFA\xED\xFE",
            b"\xCA\xFE\xBA\xBE",
        ]) {
            Self::Program
        } else if is_one_of(&[b"#!", b"<", b"\xEF\xBB\xBF", b"%PDF", b"%!"]) {
            Self::Script
        } else {
            Self::Other
        })
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preamble(preamble) => write!(f, "Preamble({preamble:?})"),
            Self::Meta(header, _) => write!(f, "Meta({}, …)", header.tag),
            Self::Element(header) => write!(f, "Element({}, {:?})", header.tag, header.vr),
            Self::Value(_) => f.write_str("Value(…)"),
            Self::Chunk(_) => f.write_str("Chunk(…)"),
            Self::SequenceStart(header) => write!(f, "SequenceStart({})", header.tag),
            Self::ItemStart => f.write_str("ItemStart"),
            Self::ItemEnd => f.write_str("ItemEnd"),
            Self::SequenceEnd => f.write_str("SequenceEnd"),
            Self::FragmentsStart(header) => write!(f, "FragmentsStart({})", header.tag),
            Self::Fragment(length) => write!(f, "Fragment({length})"),
            Self::FragmentsEnd => f.write_str("FragmentsEnd"),
        }
    }
}
