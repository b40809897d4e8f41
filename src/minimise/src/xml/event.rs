//! What a reader tells of a document. All of it borrows from the reader and lasts until it is asked again.
//!
//! Nothing here prints what stands in a document: `Debug` names kinds only.

use std::fmt;

use super::namespaces::NamespaceId;
use super::reader::Reader;
use super::tag::RawAttribute;

/// The answer of [`Reader::next`].
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
pub enum Event<'a> {
    /// An element begins. Its [`End`](Self::End) follows in any case, also when it is written `<a/>`.
    Start(Start<'a>),
    /// The element that began last and has not ended ends.
    End,
    /// Text in an element: references are resolved, CDATA sections are text, line ends are `\n`. The text between
    /// two tags may come in several pieces, cut anywhere between two characters; no piece is empty.
    Text(&'a str),
    /// A comment, as written.
    Comment(&'a str),
    /// A processing instruction.
    ProcessingInstruction {
        /// What it is for.
        target: &'a str,
        /// What it says, as written.
        data: &'a str,
    },
}

/// The start of an element.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    pub(super) reader: &'a Reader,
}

impl<'a> Start<'a> {
    /// The element's name.
    #[inline]
    pub fn name(&self) -> Name<'a> {
        self.reader.element_name()
    }

    /// Its attributes in the order in which they stand, namespace declarations left out.
    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        let (text, raw) = self.reader.attributes();
        Attributes { reader: self.reader, text, raw: raw.iter() }
    }

    /// Whether it is written `<a/>`.
    pub fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    /// What `prefix` (`""`: none) means in this element: for values that are names, such as that of `xsi:type`.
    pub fn resolve(&self, prefix: &str) -> Option<(NamespaceId, &'a str)> {
        self.reader.resolve(prefix)
    }
}

/// The attributes of an element.
#[derive(Clone)]
pub struct Attributes<'a> {
    reader: &'a Reader,
    text: &'a str,
    raw: std::slice::Iter<'a, RawAttribute>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        let raw = self.raw.next()?;
        Some(self.reader.attribute(self.text, raw))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.raw.size_hint()
    }
}

impl ExactSizeIterator for Attributes<'_> {}

/// An attribute.
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    /// Its name; without a prefix it is in no namespace.
    pub name: Name<'a>,
    /// Its value, normalised: references are resolved, white space as written is spaces.
    pub value: &'a str,
}

/// The name of an element or attribute.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    /// Its namespace, as a number of the reader.
    pub namespace: NamespaceId,
    /// Its namespace; empty for none.
    pub uri: &'a str,
    /// The prefix as written; empty for none.
    pub prefix: &'a str,
    /// The name without its prefix.
    pub local: &'a str,
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start(_) => "Start(…)",
            Self::End => "End",
            Self::Text(_) => "Text(…)",
            Self::Comment(_) => "Comment(…)",
            Self::ProcessingInstruction { .. } => "ProcessingInstruction(…)",
        })
    }
}

macro_rules! print_no_more_than_the_kind {
    ($($kind:ident)+) => {$(
        impl fmt::Debug for $kind<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($kind), "(…)"))
            }
        }
    )+};
}

print_no_more_than_the_kind! { Start Attributes Attribute Name }
