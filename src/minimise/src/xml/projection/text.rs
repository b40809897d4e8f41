//! Texts: gathered until a tag that leaves, then decided on as one value, for they are one for the receiver.

use super::super::look::is_blank;
use super::super::trail::Crumb;
use super::Core;
use crate::manifest::Place;
use crate::value::{Kind, Scalar};
use crate::walk::Fate;

/// How much of a line is remembered: more than any personal code.
const LINE_BYTES_MAX: usize = 128;

impl Core<'_> {
    pub(super) fn read(&mut self, text: &str, offset: u64) {
        if self.subjects.reads_at(self.depth) {
            self.subjects.read(text);
        }
        if let Some(skipped) = &mut self.skipped {
            if !skipped.in_text && !is_blank(text) {
                (skipped.in_text, skipped.is_bare) = (true, false);
                skipped.values += 1;
            }
            return;
        }
        if self.text.is_empty() {
            if is_blank(text) && !self.takes_text() {
                return;
            }
            self.text_offset = offset;
        }
        self.text.push_str(text);
    }

    #[inline]
    fn takes_text(&self) -> bool {
        self.frames.last().is_some_and(|open| open.takes_text)
    }

    /// Decides on the text since the last tag that leaves. Whether the walk has arrived elsewhere by that.
    pub(super) fn write_text(&mut self, is_last: bool) -> bool {
        if self.text.is_empty() {
            return false;
        }
        let mut text = std::mem::take(&mut self.text);
        let has_arrived = self.decide_text(&mut text, is_last);
        text.clear();
        self.text = text;
        has_arrived
    }

    fn decide_text(&mut self, text: &mut String, is_last: bool) -> bool {
        let symbol = self.vocabulary.known.text;
        let is_blank = is_blank(text);
        if let Some(open) = self.frames.last_mut() {
            open.has_content |= !is_blank;
        }
        let crumb = Crumb { name: symbol, place: 0 };
        let offset = self.text_offset;
        if !self.takes_text() {
            if !is_blank {
                let shown = self.walk.top().map_or(0, |top| top.shown);
                let (trail, names) = (&self.trail, &self.profile.names);
                let pointer = || trail.pointer(names, &[crumb]);
                self.walk.not_named(Place::under(shown, symbol), 1, offset, pointer);
            }
            return false;
        }
        let arrival = self.walk.arrive(symbol, |_| true);
        let mut run = self.frames.last_mut().map(|open| std::mem::take(&mut open.run)).unwrap_or_default();
        if is_blank {
            if arrival.drop.is_none() {
                self.write_blank(&mut run);
            }
        } else if let Some(drop) = arrival.drop {
            let (trail, names) = (&self.trail, &self.profile.names);
            let pointer = || trail.pointer(names, &[crumb]);
            self.walk.named_drop(drop, Place::at(arrival.shown), 1, offset, pointer);
        } else {
            if self.walk.expects(Kind::Base64) {
                text.retain(|c| !c.is_ascii_whitespace());
            }
            let place = Place::at(arrival.shown);
            let line = std::mem::take(&mut self.line);
            // What was written before in the same text is judged again with what continues it.
            let written = run.len();
            run.push_str(text);
            let before = line.get(..line.len().saturating_sub(written)).unwrap_or_default();
            let judged = self.judge(&run, before, place, crumb, offset);
            self.line = line;
            if judged.is_none() {
                run.truncate(written);
            }
            if let Some(is_sound) = judged {
                self.writer.text(text);
                self.extend_line(text);
                // What was told is not told again of the rest of the line.
                if !is_sound {
                    self.line.clear();
                }
            }
        }
        if let Some(open) = self.frames.last_mut().filter(|_| !is_last) {
            open.run = run;
        }
        true
    }

    /// White space between elements is no value. Where text may stand, it keeps words apart.
    fn write_blank(&mut self, run: &mut String) {
        let is_text =
            matches!(self.walk.decide(&Scalar::Untyped(&format!("{run} "))), (Fate::Stays { .. }, None));
        if is_text && !self.walk.expects(Kind::Base64) && !run.ends_with([' ', '\n', '\t', '\r']) {
            self.writer.text(" ");
            self.extend_line(" ");
            run.push(' ');
        }
    }

    fn extend_line(&mut self, text: &str) {
        let from = text.ceil_char_boundary(text.len().saturating_sub(LINE_BYTES_MAX));
        self.line.push_str(text.get(from..).unwrap_or_default());
        let excess = self.line.len().saturating_sub(LINE_BYTES_MAX);
        if excess > 0 {
            let excess = self.line.ceil_char_boundary(excess);
            self.line.drain(..excess);
        }
    }
}
