//! What becomes of single values: judged, looked at by the guards, and written.

use super::super::lexer::{Text, Token};
use super::super::text;
use super::JsonProjection;
use crate::excess::{Excess, Reason, Refused};
use crate::guard::{self, Leaving};
use crate::manifest::Place;
use crate::names::Symbol;
use crate::profile::OnExcess;
use crate::value::{Kind, Scalar};
use crate::walk::{Fate, Label};

impl JsonProjection<'_> {
    /// Writes what stands before a value: the comma, and a member's name. Returns where the member begins.
    #[inline]
    pub(super) fn prefix(&mut self, window: &str) -> usize {
        let mark = self.walk.out.len();
        self.separate();
        if self.is_member() {
            self.write_text(window, self.lexer.name());
            self.walk.out.push(b':');
        }
        mark
    }

    #[inline]
    fn separate(&mut self) {
        let last = self.walk.out.last().copied().unwrap_or(self.last);
        if last != b'{' && last != b'[' {
            self.walk.out.push(b',');
        }
    }

    /// Writes the member or item that consists of `token`. A plain text right behind its name is written with it.
    #[inline]
    fn write_whole(&mut self, window: &str, token: Token) {
        let (name, text) = (self.lexer.name(), self.lexer.text());
        if token == Token::String
            && text.is_plain
            && name.is_plain
            && text.from == name.to + 3
            && self.is_member()
        {
            self.separate();
            let whole = name.from.saturating_sub(1)..text.to + 1;
            self.walk.out.extend_from_slice(window.as_bytes().get(whole).unwrap_or_default());
        } else {
            self.prefix(window);
            self.write(window, token);
        }
    }

    #[inline]
    fn write_text(&mut self, window: &str, text: Text) {
        let quoted = text.from.saturating_sub(1)..text.to + 1;
        match window.as_bytes().get(quoted).filter(|_| text.is_plain) {
            Some(quoted) => self.walk.out.extend_from_slice(quoted),
            None => {
                self.scratch.clear();
                text::unescape(window, text, &mut self.scratch);
                text::write_string(&self.scratch, &mut self.walk.out);
            }
        }
    }

    fn write(&mut self, window: &str, token: Token) {
        match token {
            Token::String => self.write_text(window, self.lexer.text()),
            _ => self.walk.out.extend_from_slice(place(window, self.lexer.text()).as_bytes()),
        }
    }

    /// The type of a resource that the profile names by type, or the id of a contained one: both stay with it.
    pub(super) fn implied(&mut self, window: &str, token: Token, is_spelled: bool, from: usize) {
        let label = Label { owner: self.walk.depth() - 1, path: None, is_spelled };
        let shown = self.walk.top().map_or(0, |top| top.shown);
        let place = Place::under(shown, self.name);
        self.label(window, token, label, place, from);
    }

    fn label(&mut self, window: &str, token: Token, label: Label, place: Place, from: usize) {
        if self.walk.is_lost() {
            self.walk.lose();
            return;
        }
        let kind = label.path.map_or(Kind::String, |path| self.walk.kind(path));
        let findings = self.look(window, token, kind, label.is_spelled, from);
        self.write_whole(window, token);
        self.walk.label(label, place, findings);
    }

    pub(super) fn scalar(&mut self, window: &str, token: Token, name: Symbol, place: Place, from: usize) {
        let mut unescaped = std::mem::take(&mut self.scratch);
        let (fate, differs) = self.walk.decide(&scalar(window, token, self.lexer.text(), &mut unescaped));
        self.scratch = unescaped;
        let offset = self.lexer.offset(from);
        let names = &self.profile.names;
        if let Some(equals) = differs {
            self.walk.differs(equals, offset, || self.lexer.pointer(names));
        }
        match fate {
            Fate::Goes(None) => self.walk.not_named(place, 1, offset, || self.lexer.pointer(names)),
            Fate::Goes(Some(unmet)) => self.walk.unmet(unmet, place, offset, || self.lexer.pointer(names)),
            Fate::Labels(label) => self.label(window, token, label, place, from),
            Fate::Stays { .. } if self.walk.is_lost() => self.walk.lose(),
            Fate::Stays { path } => self.stays(window, token, name, place, path, from),
        }
    }

    pub(super) fn stays(
        &mut self,
        window: &str,
        token: Token,
        name: Symbol,
        place: Place,
        path: usize,
        from: usize,
    ) {
        let kind = self.walk.kind(path);
        if (name == self.fhir.reference || kind == Kind::Reference)
            && let Some(target) = self.contained_target(window, token)
            && !self.contained.refer(target)
        {
            self.dangles(place, path, from);
            return;
        }
        let is_spelled = self.walk.spells_out(path);
        let findings = self.look(window, token, kind, is_spelled, from);
        self.write_whole(window, token);
        self.walk.stay(path, findings);
        self.contained.keep();
    }

    /// The hash of the id of the contained resource that is referred to; `#` alone refers to the document itself.
    fn contained_target(&mut self, window: &str, token: Token) -> Option<u64> {
        let text = self.lexer.text();
        if token != Token::String || text.is_plain && window.as_bytes().get(text.from) != Some(&b'#') {
            return None;
        }
        self.scratch.clear();
        text::unescape(window, text, &mut self.scratch);
        let id = self.scratch.strip_prefix('#').filter(|id| !id.is_empty())?;
        Some(self.hasher.hash(id.as_bytes()))
    }

    fn dangles(&mut self, place: Place, path: usize, from: usize) {
        let on_excess = self.profile.entry_of(path).map_or(OnExcess::Refuse, |entry| entry.on_excess);
        let refused = (on_excess == OnExcess::Refuse).then(|| Refused {
            rule: "dangling-reference",
            detail: "the contained resource referred to does not leave".to_owned(),
            remedy: "refer to a contained resource of which the profile keeps something".to_owned(),
        });
        let offset = self.lexer.offset(from);
        let excess = Excess { place, reason: Reason::Dangling, values: 1, offset, refused };
        self.walk.excess(excess, || self.lexer.pointer(&self.profile.names));
    }

    /// What the guards say of a value that would leave.
    #[inline]
    fn look(
        &mut self,
        window: &str,
        token: Token,
        kind: Kind,
        is_spelled: bool,
        from: usize,
    ) -> Option<guard::Findings> {
        let text = self.lexer.text();
        let text = match token {
            Token::String if !text.is_plain => {
                self.scratch.clear();
                text::unescape(window, text, &mut self.scratch);
                self.scratch.as_str()
            }
            Token::String | Token::Number => place(window, text),
            _ => return None,
        };
        let name =
            self.walk.top().map_or(Symbol::UNKNOWN, |top| if top.is_list { top.name } else { self.name });
        let leaving = Leaving { text, kind, is_spelled, is_reference: name == self.fhir.reference };
        let pointer = || self.lexer.pointer(&self.profile.names);
        guard::look(&leaving, &self.walk.bound, self.lexer.offset(from), pointer)
    }
}

/// The value of a token that is written as it reads.
#[inline]
pub(super) fn plain(window: &str, token: Token, text: Text) -> Option<Scalar<'_>> {
    match token {
        Token::String if !text.is_plain => None,
        Token::String => Some(Scalar::Text(place(window, text))),
        Token::Number => Some(Scalar::Number(place(window, text))),
        Token::True => Some(Scalar::Boolean(true)),
        Token::False => Some(Scalar::Boolean(false)),
        _ => Some(Scalar::Null),
    }
}

/// The value of a token, unescaped into `unescaped` if need be.
fn scalar<'s>(window: &'s str, token: Token, text: Text, unescaped: &'s mut String) -> Scalar<'s> {
    if token == Token::String && !text.is_plain {
        unescaped.clear();
        text::unescape(window, text, unescaped);
        return Scalar::Text(unescaped);
    }
    plain(window, token, text).unwrap_or(Scalar::Null)
}

fn place(window: &str, text: Text) -> &str {
    window.get(text.from..text.to).unwrap_or_default()
}
