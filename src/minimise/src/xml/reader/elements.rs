//! The part of the reader that begins and ends elements.

use super::content::cut;
use super::{NamespaceId, Open, Pause, Phase, Reader, Reason, Stop, Token};
use crate::xml::classes::{self, SPACE};
use crate::xml::namespaces::Scope;
use crate::xml::tag::Tag;

impl Reader {
    pub(super) fn start_tag(&mut self) -> Result<Token, Pause> {
        let (text, is_cut) = cut(self.window.unread(), self.limits.tag_bytes_max);
        let to = match self.tag.read(text, &self.limits) {
            Ok(to) => to,
            Err(stop) => return Err(self.pause_in(stop, is_cut, Reason::TagTooLong)),
        };
        let at = self.window.at;
        if self.open.len() >= self.limits.depth_max {
            return Err(self.fault(Reason::TooDeep, at));
        }
        if self.elements >= self.limits.elements_max {
            return Err(self.fault(Reason::TooManyElements, at));
        }
        let outside = self.scope.level();
        if let Err((reason, from)) = self.bind() {
            return Err(self.fault(reason, at + from));
        }
        let text = self.window.unread();
        self.open.push(Open { name_from: self.names.len(), outside });
        self.names.push_str(self.tag.name.whole(text));
        self.phase = Phase::Content;
        self.elements += 1;
        self.text_bytes = 0;
        self.must_end = self.tag.is_empty;
        self.tag_at = at;
        self.window.at += to;
        self.is_at_start = true;
        Ok(Token::Start)
    }

    /// Makes the declarations of the tag that was read last, and finds the namespaces of its names. A fault comes with
    /// its place in the tag.
    #[inline]
    fn bind(&mut self) -> Result<(), (Reason, usize)> {
        let text = self.window.unread();
        if self.tag.has_namespaces {
            bind(&mut self.tag, text, &mut self.scope)?;
        }
        if self.tag.has_duplicates(text, &mut self.order) {
            return Err((Reason::DuplicateAttribute, 0));
        }
        if self.tag.has_namespaces {
            self.tag.attributes.retain(|attribute| attribute.namespace != NamespaceId::XMLNS);
        }
        let name = self.tag.name;
        self.element = match name.is_prefixed() {
            false => self.scope.default(),
            true => match self.scope.resolve(name.prefix(text)) {
                None => return Err((Reason::UndeclaredPrefix, name.from)),
                Some(NamespaceId::XMLNS) => return Err((Reason::ReservedPrefix, name.from)),
                Some(namespace) => namespace,
            },
        };
        Ok(())
    }

    pub(super) fn end_tag(&mut self) -> Result<Token, Pause> {
        let Some(open) = self.open.last() else {
            return Err(self.fault(Reason::MismatchedEnd, self.window.at));
        };
        let (text, is_cut) = cut(self.window.unread(), self.limits.tag_bytes_max);
        let name = self.names.get(open.name_from..).unwrap_or_default().as_bytes();
        match closes(text.as_bytes(), name) {
            Ok(to) => Ok(self.leave(to)),
            Err(stop) => Err(self.pause_in(stop, is_cut, Reason::TagTooLong)),
        }
    }

    /// Ends the innermost element, whose end tag has `bytes`.
    #[inline]
    pub(super) fn leave(&mut self, bytes: usize) -> Token {
        if self.look.is_some_and(|look| look.depth == self.open.len()) {
            return Token::End;
        }
        self.must_end = false;
        self.text_bytes = 0;
        self.window.at += bytes;
        if let Some(open) = self.open.pop() {
            self.scope.leave(open.outside);
            self.names.truncate(open.name_from);
        }
        if self.open.is_empty() {
            self.phase = Phase::Epilog;
        }
        Token::End
    }
}

/// Where the end tag at the start of `bytes` ends, which must be that of `name`.
#[inline]
fn closes(bytes: &[u8], name: &[u8]) -> Result<usize, Stop> {
    let found = bytes.get("</".len()..).unwrap_or_default();
    let Some(after) = found.strip_prefix(name) else {
        let may_come = name.starts_with(found);
        return Err(if may_come { Stop::Incomplete } else { Stop::Fault(Reason::MismatchedEnd, 0) });
    };
    let space = classes::skip(after, 0, SPACE);
    match after.get(space) {
        None => Err(Stop::Incomplete),
        Some(b'>') => Ok("</".len() + name.len() + space + 1),
        Some(_) if space > 0 => Err(Stop::Fault(Reason::TagEndExpected, "</".len() + name.len() + space)),
        Some(_) => Err(Stop::Fault(Reason::MismatchedEnd, 0)),
    }
}

/// Makes the declarations of a tag, and finds the namespaces of its attributes. A fault comes with its place in `text`.
#[cold]
fn bind(tag: &mut Tag, text: &str, scope: &mut Scope) -> Result<(), (Reason, usize)> {
    let Tag { attributes, values, .. } = tag;
    for attribute in attributes.iter_mut() {
        let (prefix, local) = (attribute.name.prefix(text), attribute.name.local(text));
        let declared = match (prefix, local) {
            ("xmlns", prefix) => Some(prefix),
            ("", "xmlns") => None,
            _ => continue,
        };
        let uri = attribute.value.of(text, values);
        scope.declare(declared, uri).map_err(|reason| (reason, attribute.name.from))?;
        attribute.namespace = NamespaceId::XMLNS;
    }
    for attribute in attributes.iter_mut() {
        if attribute.name.is_prefixed() && attribute.namespace != NamespaceId::XMLNS {
            let namespace = scope.resolve(attribute.name.prefix(text));
            attribute.namespace = namespace.ok_or((Reason::UndeclaredPrefix, attribute.name.from))?;
        }
    }
    Ok(())
}
