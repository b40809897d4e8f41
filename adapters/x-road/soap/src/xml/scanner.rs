//! The scanner: token after token, each checked against everything that came before it.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::Range;

use memchr::memchr;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::characters::{are_characters, is_blank, is_space};
use super::metered::{Exhausted, Metered};
use super::reference::{character, resolved};
use super::scope::Scope;
use super::start::StartTag;
use super::tag::{check_declaration, named};
use super::{XmlError, XmlLimit, XmlLimits};

/// What the scanner has come to. An empty element is a start and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// An element begins: see [`Scanner::name`], [`Scanner::attributes`].
    Start,
    /// It ends.
    End,
    /// Characters: see [`Scanner::characters`].
    Text,
    /// A comment or the XML declaration.
    Aside,
    /// The document has ended, and was well-formed.
    EndOfDocument,
}

/// Reads one document.
#[derive(Debug)]
pub(crate) struct Scanner<R> {
    tokens: Reader<Metered<R>>,
    pub(super) limits: XmlLimits,
    /// The present token as it stands in the document.
    raw: Vec<u8>,
    text: TextKind,
    element: StartTag,
    scope: Scope,
    open: OpenElements,
    place: Place,
    /// The present token is the start of an empty element, whose end comes next.
    is_empty: bool,
}

/// One attribute, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) namespace: Box<str>,
    pub(crate) local: Box<str>,
    pub(crate) value: Box<str>,
}

/// How the present text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextKind {
    Blank,
    Plain,
    Section,
    Reference(char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Beginning,
    Prolog,
    Inside,
    Epilog,
}

/// The names of the open elements, one after the other, and what was in scope before each.
#[derive(Debug, Default)]
struct OpenElements {
    names: String,
    marks: Vec<(usize, usize)>,
}

impl<R: BufRead> Scanner<R> {
    pub(crate) fn new(source: R, limits: XmlLimits) -> Self {
        let mut tokens = Reader::from_reader(Metered::new(source, limits.bytes_max, limits.token_bytes_max));
        let config = tokens.config_mut();
        // End tags are compared here, so that they come as they stand.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.trim_markup_names_in_closing_tags = false;
        Self {
            tokens,
            limits,
            raw: Vec::new(),
            text: TextKind::Plain,
            element: StartTag::none(),
            scope: Scope::default(),
            open: OpenElements::default(),
            place: Place::Beginning,
            is_empty: false,
        }
    }

    /// Goes to the next token.
    pub(crate) fn next(&mut self) -> Result<Token, XmlError> {
        self.raw.clear();
        if std::mem::take(&mut self.is_empty) {
            self.close();
            return Ok(Token::End);
        }
        self.tokens.get_mut().renew();
        let event = match self.tokens.read_event_into(&mut self.raw) {
            Ok(event) => event,
            Err(error) => return Err(self.failure(error)),
        };
        let first = self.place == Place::Beginning;
        if first {
            self.place = Place::Prolog;
        }
        match event {
            Event::Start(tag) => {
                self.element.read(&tag, &mut self.scope, &self.limits)?;
                self.open.push(named(&tag)?.0, self.element.outer);
                self.opened()
            }
            Event::Empty(tag) => {
                self.element.read(&tag, &mut self.scope, &self.limits)?;
                self.open.push(named(&tag)?.0, self.element.outer);
                self.is_empty = true;
                self.opened()
            }
            Event::End(tag) => {
                if self.open.last() != Some(tag.trim_end_matches(is_space)) {
                    return Err(XmlError::EndTag);
                }
                self.close();
                Ok(Token::End)
            }
            Event::Text(text) => {
                check_text(&text)?;
                self.text = if is_blank(&text) { TextKind::Blank } else { TextKind::Plain };
                self.characters_found()
            }
            Event::CData(text) => {
                if !are_characters(&text) {
                    return Err(XmlError::Character);
                }
                self.text = TextKind::Section;
                self.characters_found()
            }
            Event::GeneralRef(name) => {
                self.text = TextKind::Reference(character(&name)?);
                self.characters_found()
            }
            Event::Comment(text) => {
                if text.contains("--") || text.ends_with('-') {
                    return Err(XmlError::Markup);
                }
                if are_characters(&text) { Ok(Token::Aside) } else { Err(XmlError::Character) }
            }
            Event::Decl(declaration) => {
                let content = declaration.strip_prefix("xml").ok_or(XmlError::Declaration)?;
                if !first {
                    return Err(XmlError::Declaration);
                }
                check_declaration(content)?;
                Ok(Token::Aside)
            }
            Event::PI(_) => Err(XmlError::ProcessingInstruction),
            Event::DocType(_) => Err(XmlError::Doctype),
            Event::Eof if self.place == Place::Epilog => Ok(Token::EndOfDocument),
            Event::Eof => Err(XmlError::CutOff),
        }
    }

    /// Lets all tokens from here on share `bytes`, and not more.
    pub(crate) fn share_tokens(&mut self, bytes: usize) {
        self.tokens.get_mut().share(bytes);
    }

    /// Ends what [`Self::share_tokens`] began.
    pub(crate) fn end_sharing(&mut self) {
        let bytes = self.limits.token_bytes_max;
        self.tokens.get_mut().allow(bytes);
    }

    /// The present token as it stands in the document; nothing for the end of an empty element.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The namespace and the local name of the element that has begun.
    pub(crate) fn name(&self) -> (&str, &str) {
        (self.scope.name(self.element.namespace), self.part(&self.element.local))
    }

    /// The attributes of the element that has begun, without namespace declarations.
    pub(crate) fn attributes(&self) -> Result<Vec<Attribute>, XmlError> {
        let attributes = self.element.attributes.iter().filter(|attribute| !attribute.declares);
        attributes
            .map(|attribute| {
                Ok(Attribute {
                    namespace: self.scope.name(attribute.namespace).into(),
                    local: self.part(&attribute.local).into(),
                    value: resolved(self.part(&attribute.value))?.into(),
                })
            })
            .collect()
    }

    /// The characters of the present text: references resolved, line ends as XML 1.0, section 2.11, has them.
    pub(crate) fn characters(&self) -> Cow<'_, str> {
        let raw = std::str::from_utf8(&self.raw).unwrap_or_default();
        match self.text {
            TextKind::Blank | TextKind::Plain => with_line_feeds(raw),
            TextKind::Section => {
                let content = raw.strip_prefix("<![CDATA[").and_then(|rest| rest.strip_suffix("]]>"));
                with_line_feeds(content.unwrap_or_default())
            }
            TextKind::Reference(character) => Cow::Owned(character.into()),
        }
    }

    /// Whether the present text is white space that stands for itself.
    pub(crate) fn is_blank(&self) -> bool {
        self.text == TextKind::Blank
    }

    /// The start tag up to the end of its name, the declarations that are in scope around it and not its own, and the
    /// rest of it: written one after the other, they stand alone.
    pub(crate) fn standing_alone(&self) -> (&[u8], impl Iterator<Item = (&str, &str)>, &[u8]) {
        let (name, rest) = self.raw.split_at_checked(self.element.name_end).unwrap_or((&self.raw, &[]));
        let outer = self.scope.outer(self.element.outer);
        (name, outer.map(|binding| (&*binding.prefix, &*binding.namespace)), rest)
    }

    fn opened(&mut self) -> Result<Token, XmlError> {
        match std::mem::replace(&mut self.place, Place::Inside) {
            Place::Epilog => Err(XmlError::BesideRoot),
            _ if self.open.len() > self.limits.depth_max => Err(XmlError::Limit(XmlLimit::Depth)),
            _ => Ok(Token::Start),
        }
    }

    fn close(&mut self) {
        self.scope.cut(self.open.pop());
        if self.open.len() == 0 {
            self.place = Place::Epilog;
        }
    }

    fn characters_found(&self) -> Result<Token, XmlError> {
        let allowed = self.place == Place::Inside || self.text == TextKind::Blank;
        if allowed { Ok(Token::Text) } else { Err(XmlError::BesideRoot) }
    }

    fn part(&self, range: &Range<usize>) -> &str {
        let bytes = self.raw.get(range.clone()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    fn failure(&mut self, error: quick_xml::Error) -> XmlError {
        match error {
            quick_xml::Error::Io(error) => match self.tokens.get_mut().exhausted() {
                Some(Exhausted::All) => XmlError::Limit(XmlLimit::Bytes),
                Some(Exhausted::Token) => XmlError::Limit(XmlLimit::TokenBytes),
                None => XmlError::Source(error.kind()),
            },
            quick_xml::Error::Encoding(_) => XmlError::Encoding,
            quick_xml::Error::IllFormed(quick_xml::errors::IllFormedError::UnclosedReference) => {
                XmlError::Reference
            }
            quick_xml::Error::Syntax(quick_xml::errors::SyntaxError::InvalidBangMarkup) => XmlError::Markup,
            quick_xml::Error::Syntax(_) => XmlError::CutOff,
            _ => XmlError::Markup,
        }
    }
}

impl OpenElements {
    fn len(&self) -> usize {
        self.marks.len()
    }

    fn push(&mut self, name: &str, in_scope: usize) {
        self.marks.push((self.names.len(), in_scope));
        self.names.push_str(name);
    }

    fn last(&self) -> Option<&str> {
        self.marks.last().and_then(|(start, _)| self.names.get(*start..))
    }

    /// Closes the innermost; returns how many declarations were in scope before it.
    fn pop(&mut self) -> usize {
        let (start, in_scope) = self.marks.pop().unwrap_or_default();
        self.names.truncate(start);
        in_scope
    }
}

fn check_text(text: &str) -> Result<(), XmlError> {
    // The search for three characters is costly to set up for short texts; few have the first of them.
    if memchr(b']', text.as_bytes()).is_some() && text.contains("]]>") {
        return Err(XmlError::Markup);
    }
    if are_characters(text) { Ok(()) } else { Err(XmlError::Character) }
}

/// `text` with every line end as a line feed.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}
