//! The answers to what paths ask of one element: from its tag where that says enough, otherwise by looking into it, once
//! for all questions and no further than they need.
//!
//! A question that wants every value of one path to be the same is answered by the first of them: should a later one
//! differ, the projection refuses the document. So a section that begins with its code need not be looked through.

use super::event::{Event, Start};
use super::vocabulary::Vocabulary;
use crate::automaton::{Question, Test};
use crate::names::Symbol;

/// Longer texts are no values of conditions.
const TEXT_BYTES_MAX: usize = 4 << 10;

/// The questions on one element, and what is known so far.
#[derive(Debug, Default)]
pub(super) struct Look<'p> {
    asked: Vec<(&'p Question, Option<bool>)>,
    waiting: Vec<Waiting<'p>>,
    /// Elements open below the one that is looked into.
    depth: usize,
    is_open: bool,
}

/// A test whose value stands inside the element.
#[derive(Debug)]
struct Waiting<'p> {
    /// The question, by its place among those asked.
    of: usize,
    names: &'p [Symbol],
    value: &'p str,
    any: bool,
    /// The text of the element where the look is, if that is asked for: all that is its own.
    text: String,
    /// How many of the names lead to where the look is.
    done: usize,
}

impl<'p> Look<'p> {
    /// Whether an element is being looked into.
    #[inline]
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether questions were asked and not forgotten.
    #[inline]
    pub(super) const fn has_answers(&self) -> bool {
        !self.asked.is_empty()
    }

    #[inline]
    pub(super) fn forget(&mut self) {
        self.asked.clear();
    }

    /// The answer to a question that was asked.
    pub(super) fn holds(&self, question: &Question) -> bool {
        self.asked.iter().any(|(asked, answer)| std::ptr::eq(*asked, question) && *answer == Some(true))
    }

    /// Asks a question of the element that begins with `start`.
    pub(super) fn ask(&mut self, question: &'p Question, start: &Start<'_>, vocabulary: &mut Vocabulary<'p>) {
        if self.asked.iter().any(|(asked, _)| std::ptr::eq(*asked, question)) {
            return;
        }
        let of = self.asked.len();
        let waits_from = self.waiting.len();
        let mut answer = Some(true);
        for test in &question.tests {
            let (names, value, any) = match test {
                Test::Child { names, value } => (names, value, false),
                Test::Any { names, value } => (names, value, true),
                // Of FHIR only.
                Test::Code(_) | Test::Token { .. } => {
                    answer = Some(false);
                    break;
                }
            };
            match names.as_slice() {
                [own] if *own != vocabulary.known.text => {
                    if vocabulary.value_of(start, *own).as_deref() != Some(value) {
                        answer = Some(false);
                        break;
                    }
                }
                names => {
                    answer = None;
                    self.waiting.push(Waiting { of, names, value, any, text: String::new(), done: 0 });
                }
            }
        }
        if answer == Some(false) {
            self.waiting.truncate(waits_from);
        }
        self.asked.push((question, answer));
    }

    /// Begins to look into the element, if that is needed.
    pub(super) fn begin(&mut self) -> bool {
        self.is_open = !self.waiting.is_empty();
        self.depth = 0;
        self.is_open
    }

    /// Takes note of what stands in the element. Whether that is enough.
    pub(super) fn see(&mut self, event: &Event<'_>, vocabulary: &mut Vocabulary<'p>) -> bool {
        match event {
            Event::Start(start) => {
                self.depth += 1;
                self.enter(start, vocabulary);
            }
            Event::End => {
                self.end_text(vocabulary);
                self.leave();
            }
            Event::Text(text) => {
                let known = vocabulary.known.text;
                for waiting in &mut self.waiting {
                    let is_wanted = waiting.done == self.depth && waiting.wants() == Some(known);
                    if is_wanted && waiting.text.len() <= TEXT_BYTES_MAX {
                        waiting.text.push_str(text);
                    }
                }
            }
            Event::Comment(_) | Event::ProcessingInstruction { .. } => {}
        }
        self.is_open = !self.waiting.is_empty();
        !self.is_open
    }

    fn enter(&mut self, start: &Start<'_>, vocabulary: &mut Vocabulary<'p>) {
        let above = self.depth - 1;
        if !self.waiting.iter().any(|waiting| waiting.done == above && waiting.leads_on()) {
            return;
        }
        let symbol = vocabulary.element(&start.name());
        let mut place = 0;
        while let Some(waiting) = self.waiting.get_mut(place) {
            place += 1;
            if waiting.done != above || !waiting.leads_on() || waiting.wants() != Some(symbol) {
                continue;
            }
            waiting.done += 1;
            let wanted =
                waiting.wants().filter(|wanted| *wanted != vocabulary.known.text && !waiting.leads_on());
            if let Some(value) = wanted.and_then(|wanted| vocabulary.value_of(start, wanted))
                && self.settle(place - 1, &value)
            {
                // Others may have gone with it.
                place = 0;
            }
        }
    }

    fn leave(&mut self) {
        if self.depth == 0 {
            // What was never seen is not so.
            for waiting in self.waiting.drain(..) {
                if let Some((_, answer)) = self.asked.get_mut(waiting.of) {
                    *answer = Some(false);
                }
            }
            return;
        }
        self.waiting
            .iter_mut()
            .filter(|waiting| waiting.done == self.depth)
            .for_each(|waiting| waiting.done -= 1);
        self.depth -= 1;
    }

    /// The element where the look is ends, and with it its text.
    fn end_text(&mut self, vocabulary: &Vocabulary<'_>) {
        let mut place = 0;
        while let Some(waiting) = self.waiting.get_mut(place) {
            let is_meant = waiting.done == self.depth && waiting.wants() == Some(vocabulary.known.text);
            let text = if is_meant { std::mem::take(&mut waiting.text) } else { String::new() };
            place = if !is_blank(&text) && self.settle(place, &text) { 0 } else { place + 1 };
        }
    }

    /// A value was found for the test at `place`. Whether that settles it.
    fn settle(&mut self, place: usize, value: &str) -> bool {
        let Some(waiting) = self.waiting.get(place) else { return false };
        let (of, is_it, any) = (waiting.of, waiting.value == value, waiting.any);
        if any && !is_it {
            return false;
        }
        if is_it {
            self.waiting.remove(place);
        } else {
            self.waiting.retain(|waiting| waiting.of != of);
        }
        let is_settled = !self.waiting.iter().any(|waiting| waiting.of == of);
        if let Some((_, answer)) = self.asked.get_mut(of).filter(|_| is_settled) {
            *answer = Some(is_it);
        }
        true
    }
}

impl Waiting<'_> {
    fn wants(&self) -> Option<Symbol> {
        self.names.get(self.done).copied()
    }

    /// Whether the next name is that of an element.
    fn leads_on(&self) -> bool {
        self.done + 1 < self.names.len()
    }
}

/// Whether a text is white space only.
#[inline]
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r'))
}
