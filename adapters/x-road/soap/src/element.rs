//! One element that stands alone: the child of a body, or a header element of others.

use std::fmt;
use std::io::{self, BufRead, Write};

use bytes::Bytes;

use super::limits::Limits;
use super::xml::{Scanner, Token, XmlError, write_escaped};

/// An element that can be put anywhere, since it declares every prefix it uses.
///
/// INVARIANT: `xml` is one well-formed element and nothing beside it, in UTF-8, without document type declaration or
/// processing instruction. It is somebody's document and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    xml: Bytes,
    name: ElementName,
}

/// The name of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementName {
    namespace: Box<str>,
    local: Box<str>,
}

impl Element {
    /// The element that `xml` is. White space, comments and an XML declaration around it are left out.
    ///
    /// # Errors
    /// When it is not one well-formed element.
    pub fn parse(xml: &[u8], limits: &Limits) -> Result<Self, XmlError> {
        let mut scanner = Scanner::new(xml, limits.xml());
        while scanner.next()? != Token::Start {}
        let name = ElementName::of(&scanner);
        let mut element = Vec::with_capacity(xml.len());
        copy(&mut scanner, &mut element)?;
        while scanner.next()? != Token::EndOfDocument {}
        Ok(Self { xml: element.into(), name })
    }

    /// An element that was copied out of a document.
    pub(super) fn copied(xml: Vec<u8>, name: ElementName) -> Self {
        Self { xml: xml.into(), name }
    }

    /// The element as it is written.
    pub fn xml(&self) -> &Bytes {
        &self.xml
    }

    /// Its name.
    pub fn name(&self) -> &ElementName {
        &self.name
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element({} bytes)", self.xml.len())
    }
}

impl ElementName {
    /// The name of the element that has begun.
    pub(super) fn of<R: BufRead>(scanner: &Scanner<R>) -> Self {
        let (namespace, local) = scanner.name();
        Self { namespace: namespace.into(), local: local.into() }
    }

    /// The namespace; empty for none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name within its namespace.
    pub fn local(&self) -> &str {
        &self.local
    }
}

/// Why an element was not copied.
#[derive(Debug)]
pub(super) enum CopyError {
    Xml(XmlError),
    Sink(io::Error),
}

impl From<XmlError> for CopyError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        Self::Sink(error)
    }
}

impl From<CopyError> for XmlError {
    /// For copies into memory, where the sink does not fail.
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Xml(error) => error,
            CopyError::Sink(error) => Self::Source(error.kind()),
        }
    }
}

/// Copies the element that has begun, byte for byte, to `sink`; to its start tag the declarations in scope are added, so
/// that it stands alone.
pub(super) fn copy<R: BufRead>(scanner: &mut Scanner<R>, sink: &mut impl Write) -> Result<(), CopyError> {
    let (name, declarations, rest) = scanner.standing_alone();
    sink.write_all(name)?;
    for (prefix, namespace) in declarations {
        match prefix {
            // What undeclares the default namespace has nothing to undeclare where the element stands alone, yet is kept:
            // it may be put where there is one.
            "" => sink.write_all(b" xmlns=\"")?,
            prefix => write!(sink, " xmlns:{prefix}=\"")?,
        }
        write_escaped(namespace, sink)?;
        sink.write_all(b"\"")?;
    }
    sink.write_all(rest)?;
    let mut depth = 1_usize;
    while depth > 0 {
        match scanner.next()? {
            Token::Start => depth += 1,
            Token::End => depth -= 1,
            Token::Text | Token::Aside | Token::EndOfDocument => {}
        }
        sink.write_all(scanner.raw())?;
    }
    Ok(())
}
