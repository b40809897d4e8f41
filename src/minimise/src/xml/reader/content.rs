//! The steps of the reader: what stands next in the window, part by part of the grammar.

use super::{Malformed, Pause, Phase, Reader, Reason, Stop, Token};
use crate::xml::classes::{self, SECTION_STOP, SPACE, TEXT_STOP};
use crate::xml::{aside, declaration, reference};

const BYTE_ORDER_MARK: char = '\u{FEFF}';

impl Reader {
    /// Reads the next token.
    pub(super) fn advance(&mut self) -> Result<Token, Malformed> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        self.is_at_start = false;
        match self.token() {
            Ok(token) => {
                self.wanted = 0;
                if self.is_beyond_look(self.window.at) {
                    return Err(self.refuse_look());
                }
                Ok(token)
            }
            Err(Pause::More) if self.window.is_final() => Err(self.refuse_end()),
            Err(Pause::More) => {
                // What is incomplete is read again from its start. Waiting until there is twice as much of it keeps that
                // linear, whatever the size of the chunks.
                if self.window.unread().len() >= self.wanted {
                    self.wanted = 2 * self.window.unread().len();
                }
                Ok(Token::More)
            }
            // In smaller chunks, text would have been told up to the limit, which is before the fault.
            Err(Pause::Fault) if self.is_beyond_look(self.fault.1) => Err(self.refuse_look()),
            Err(Pause::Fault) => Err(self.refuse(self.window.malformed(self.fault.0, self.fault.1))),
        }
    }

    #[inline]
    fn token(&mut self) -> Result<Token, Pause> {
        loop {
            let token = self.step()?;
            if token != Token::Nothing {
                return Ok(token);
            }
        }
    }

    /// Reads what stands next, which may be nothing to be told.
    #[inline]
    fn step(&mut self) -> Result<Token, Pause> {
        if self.must_end {
            return Ok(self.leave(0));
        }
        if self.window.unread().len() < self.wanted && !self.window.is_final() {
            return Err(Pause::More);
        }
        match self.phase {
            Phase::Content => self.content(),
            Phase::Beginning => self.beginning(),
            Phase::Prolog | Phase::Epilog => self.around(),
        }
    }

    /// What stands before everything else: a byte order mark, which is dropped, and a declaration.
    #[cold]
    fn beginning(&mut self) -> Result<Token, Pause> {
        let text = self.window.unread();
        if text.is_empty() {
            return Err(Pause::More);
        }
        // The first character of XML can but be `<`, white space or the mark: this is UTF-16.
        if matches!(text.as_bytes(), [0, ..] | [b'<', 0, ..]) {
            return Err(self.fault(Reason::OtherEncoding, self.window.at));
        }
        let after_mark = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mark = text.len() - after_mark.len();
        let declaration = declaration::read(after_mark).map_err(|stop| self.pause(stop, mark))?;
        self.window.at += mark;
        if let Some(declaration) = declaration {
            self.window.at += declaration.to;
            if declaration.is_ascii {
                self.window.expect_ascii();
            }
        }
        self.phase = Phase::Prolog;
        self.around()
    }

    /// What stands before and after the root element.
    fn around(&mut self) -> Result<Token, Pause> {
        let bytes = self.window.unread().as_bytes();
        let space = classes::skip(bytes, 0, SPACE);
        let next = bytes.get(space).copied();
        self.window.at += space;
        match next {
            Some(b'<') => self.markup(),
            Some(_) => Err(self.fault(Reason::TextOutside, self.window.at)),
            None if self.phase == Phase::Epilog
                && self.window.is_final()
                && self.window.fault().is_none() =>
            {
                Ok(Token::Done)
            }
            None => Err(Pause::More),
        }
    }

    /// What stands in the root element.
    #[inline]
    fn content(&mut self) -> Result<Token, Pause> {
        if self.in_section {
            return self.text(SECTION_STOP);
        }
        match self.window.unread().as_bytes().first() {
            Some(b'<') => self.markup(),
            Some(b'&') => self.reference(),
            Some(_) => self.text(TEXT_STOP),
            None => Err(Pause::More),
        }
    }

    /// Text up to the next byte of the class `stops` that is not just text.
    fn text(&mut self, stops: u16) -> Result<Token, Pause> {
        let bytes = self.window.unread().as_bytes();
        let mut to = classes::find(bytes, 0, stops);
        let mut fault = None;
        while let Some(stop) = bytes.get(to) {
            match stop {
                b'<' | b'&' | b'\r' => break,
                b']' => match bytes.get(to + 1..to + 3) {
                    Some(b"]>") if self.in_section => break,
                    Some(b"]>") => fault = Some(Reason::SectionEndInText),
                    None if bytes.get(to + 1).is_none_or(|next| *next == b']') => break,
                    _ => {}
                },
                0xEF if !classes::is_noncharacter(bytes, to) => {}
                _ => fault = Some(Reason::IllegalCharacter),
            }
            if fault.is_some() {
                break;
            }
            to = classes::find(bytes, to + 1, stops);
        }
        let first = (bytes.first().copied(), bytes.get(1).copied());
        self.count_text(to)?;
        match (fault, to, first) {
            (Some(reason), ..) => Err(self.fault(reason, self.window.at + to)),
            (None, 1.., _) => {
                self.told = self.window.at..self.window.at + to;
                self.window.at += to;
                Ok(Token::Text)
            }
            (None, 0, (Some(b'\r'), Some(second))) => {
                self.count_text(1)?;
                self.window.at += if second == b'\n' { 2 } else { 1 };
                Ok(Token::Newline)
            }
            (None, 0, (Some(b']'), Some(b']'))) if self.window.unread().starts_with("]]>") => {
                self.window.at += "]]>".len();
                self.in_section = false;
                Ok(Token::Nothing)
            }
            (None, 0, _) => Err(Pause::More),
        }
    }

    /// A reference in text.
    fn reference(&mut self) -> Result<Token, Pause> {
        let (character, to) = reference::read(self.window.unread(), 0).map_err(|stop| self.pause(stop, 0))?;
        self.count_text(character.len_utf8())?;
        self.resolved.clear();
        self.resolved.push(character);
        self.window.at += to;
        Ok(Token::Resolved)
    }

    #[inline]
    fn count_text(&mut self, bytes: usize) -> Result<(), Pause> {
        let room = self.limits.text_bytes_max.saturating_sub(self.text_bytes);
        if bytes > room {
            return Err(self.fault(Reason::TextTooLong, self.window.at + room));
        }
        self.text_bytes += bytes;
        Ok(())
    }

    /// What begins with `<`.
    #[inline]
    fn markup(&mut self) -> Result<Token, Pause> {
        match self.window.unread().as_bytes().get(1) {
            None => Err(Pause::More),
            Some(b'/') => self.end_tag(),
            Some(b'!') => self.declaration_like(),
            Some(b'?') => self.instruction(),
            Some(_) if self.phase == Phase::Epilog => Err(self.fault(Reason::SecondRoot, self.window.at)),
            Some(_) => self.start_tag(),
        }
    }

    /// What begins with `<!`.
    fn declaration_like(&mut self) -> Result<Token, Pause> {
        const COMMENT: &str = "<!--";
        const SECTION: &str = "<![CDATA[";
        const DOCTYPE: &str = "<!DOCTYPE";
        let text = self.window.unread();
        if text.starts_with(COMMENT) {
            return self.comment();
        }
        if text.starts_with(SECTION) {
            if self.phase != Phase::Content {
                return Err(self.fault(Reason::TextOutside, self.window.at));
            }
            self.window.at += SECTION.len();
            self.in_section = true;
            return Ok(Token::Nothing);
        }
        Err(match text {
            _ if text.starts_with(DOCTYPE) => self.fault(Reason::Doctype, self.window.at),
            _ if [COMMENT, SECTION, DOCTYPE].iter().any(|opens| opens.starts_with(text)) => Pause::More,
            _ => self.fault(Reason::UnknownMarkup, self.window.at),
        })
    }

    fn comment(&mut self) -> Result<Token, Pause> {
        let (text, is_cut) = cut(self.window.unread(), self.limits.comment_bytes_max);
        let content = match aside::comment(text) {
            Ok(content) => content,
            Err(stop) => return Err(self.pause_in(stop, is_cut, Reason::CommentTooLong)),
        };
        let at = self.window.at;
        self.window.at += content.end + "-->".len();
        self.told = at + content.start..at + content.end;
        Ok(Token::Comment)
    }

    fn instruction(&mut self) -> Result<Token, Pause> {
        let (text, is_cut) = cut(self.window.unread(), self.limits.comment_bytes_max);
        let (target, data) = match aside::instruction(text, self.limits.name_bytes_max) {
            Ok(instruction) => instruction,
            Err(stop) => return Err(self.pause_in(stop, is_cut, Reason::CommentTooLong)),
        };
        let at = self.window.at;
        self.window.at += data.end + "?>".len();
        self.target = at + target.start..at + target.end;
        self.told = at + data.start..at + data.end;
        Ok(Token::Instruction)
    }

    /// What a scanner found that got no more than a token may have, and less than there is if `is_cut`.
    #[cold]
    pub(super) fn pause_in(&mut self, stop: Stop, is_cut: bool, too_long: Reason) -> Pause {
        match stop {
            Stop::Incomplete if is_cut => self.fault(too_long, self.window.at),
            stop => self.pause(stop, 0),
        }
    }

    /// What a scanner found `skipped` bytes after what is read next.
    #[cold]
    fn pause(&mut self, stop: Stop, skipped: usize) -> Pause {
        match stop {
            Stop::Incomplete => Pause::More,
            Stop::Fault(reason, at) => self.fault(reason, self.window.at + skipped + at),
        }
    }

    /// Something is wrong, at this place of the window.
    #[cold]
    pub(super) fn fault(&mut self, reason: Reason, at: usize) -> Pause {
        self.fault = (reason, at);
        Pause::Fault
    }

    #[inline]
    fn is_beyond_look(&self, at: usize) -> bool {
        let limit = self.limits.look_ahead_bytes_max;
        self.look.is_some_and(|look| self.window.offset_of(at) - look.offset > limit)
    }

    #[cold]
    fn refuse_look(&mut self) -> Malformed {
        let at = self.window.kept_from().unwrap_or(self.window.at);
        self.refuse(self.window.malformed(Reason::LookAheadExceeded, at))
    }

    #[cold]
    fn refuse_end(&mut self) -> Malformed {
        let end = self.window.at + self.window.unread().len();
        let malformed = self.window.fault().unwrap_or_else(|| self.window.malformed(Reason::EndsEarly, end));
        self.refuse(malformed)
    }

    fn refuse(&mut self, malformed: Malformed) -> Malformed {
        self.refused = Some(malformed);
        malformed
    }
}

/// What a token may take of `text`, and whether that is less than there is.
#[inline]
pub(super) fn cut(text: &str, bytes_max: usize) -> (&str, bool) {
    match text.get(..text.floor_char_boundary(bytes_max)) {
        Some(within) => (within, within.len() < text.len()),
        None => (text, false),
    }
}
