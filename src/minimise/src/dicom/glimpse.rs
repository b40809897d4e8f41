//! Looking ahead: what stands in an item decides which paths mean it, and that must be known before it is written.
//!
//! It gathers the values at a few places and remembers nothing else. How far it may look is the reader's limit.

use super::event::Header;
use super::tag::Tag;
use super::value::Text;
use crate::automaton::{Question, Test};
use crate::dicom::CharacterSets;
use crate::names::Symbol;

/// What was seen of an item, or of all items of a sequence.
#[derive(Debug, Default)]
pub(super) struct Glimpse {
    /// Where values are wanted, by the tags from the item down.
    wanted: Vec<Vec<Symbol>>,
    /// The sequences that are open in what is looked into.
    open: Vec<Symbol>,
    is_sequence: bool,
    /// The place, among those wanted, of the value that comes next.
    next: Option<(usize, Header, CharacterSets)>,
    /// Values by their places; what is no text, or more than one, has none.
    seen: Vec<(usize, Option<String>)>,
}

/// What is to be done with what begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It is to be read.
    Into,
    /// It is to be passed over.
    Past,
    /// Nothing that comes can be wanted.
    Enough,
}

impl Glimpse {
    /// Begins to look into an item, for what these questions ask.
    pub(super) fn item<'q>(questions: impl Iterator<Item = &'q Question>) -> Self {
        let mut glimpse = Self::default();
        for test in questions.flat_map(|question| &question.tests) {
            if let Test::Child { names, .. } = test
                && !glimpse.wanted.contains(names)
            {
                glimpse.wanted.push(names.clone());
            }
        }
        glimpse
    }

    /// Begins to look into a sequence, for the values of this element in its items.
    pub(super) fn sequence(element: Tag) -> Self {
        Self { wanted: vec![vec![Symbol::of_tag(element)]], is_sequence: true, ..Self::default() }
    }

    /// An element begins.
    pub(super) fn element(&mut self, header: &Header, sets: CharacterSets) -> Look {
        let name = Symbol::of_tag(header.tag);
        if self.is_over(name) {
            return Look::Enough;
        }
        let is_here = |wanted: &Vec<Symbol>| {
            wanted.split_last().is_some_and(|(last, above)| *last == name && *above == self.open)
        };
        let Some(place) = self.wanted.iter().position(is_here) else { return Look::Past };
        if header.is_in_chunks {
            self.seen.push((place, None));
            return Look::Past;
        }
        self.next = Some((place, *header, sets));
        Look::Into
    }

    /// The value of that element.
    pub(super) fn value(&mut self, bytes: &[u8]) {
        let Some((place, header, sets)) = self.next.take() else { return };
        let text = Text::of(&header, bytes, &sets).ok().filter(|text| text.values().nth(1).is_none());
        self.seen.push((place, text.and_then(|text| text.values().next().map(str::to_owned))));
    }

    /// A sequence begins.
    pub(super) fn sequence_start(&mut self, tag: Tag) -> Look {
        let name = Symbol::of_tag(tag);
        if self.is_over(name) {
            return Look::Enough;
        }
        let leads = |wanted: &Vec<Symbol>| {
            let below = wanted.strip_prefix(self.open.as_slice());
            below.is_some_and(|below| below.len() > 1 && below.first() == Some(&name))
        };
        if !self.wanted.iter().any(leads) {
            return Look::Past;
        }
        self.open.push(name);
        Look::Into
    }

    /// A sequence ends; `true` when it is the one that is looked into.
    pub(super) fn sequence_end(&mut self) -> bool {
        self.open.pop().is_none()
    }

    /// An item ends; `true` when it is the one that is looked into.
    pub(super) const fn item_end(&self) -> bool {
        self.open.is_empty() && !self.is_sequence
    }

    /// Whether the item looked into has no more that is wanted: its elements ascend.
    fn is_over(&self, name: Symbol) -> bool {
        let last = self.wanted.iter().filter_map(|wanted| wanted.first()).max();
        self.open.is_empty() && !self.is_sequence && last.is_none_or(|last| name > *last)
    }

    /// The answer to a question about the item.
    pub(super) fn holds(&self, question: &Question) -> bool {
        let holds = |test: &Test| match test {
            Test::Child { names, value } => {
                let mut values = self.at(names).peekable();
                values.peek().is_some() && values.all(|seen| seen == Some(value))
            }
            // Paths into DICOM ask nothing else.
            Test::Code(_) | Test::Token { .. } | Test::Any { .. } => false,
        };
        question.of_type.is_none() && question.tests.iter().all(holds)
    }

    /// All values seen.
    pub(super) fn values(&self) -> impl Iterator<Item = Option<&str>> {
        self.seen.iter().map(|(_, value)| value.as_deref())
    }

    fn at(&self, names: &[Symbol]) -> impl Iterator<Item = Option<&str>> {
        let place = self.wanted.iter().position(|wanted| wanted == names);
        let seen = self.seen.iter().filter(move |(at, _)| Some(*at) == place);
        seen.map(|(_, value)| value.as_deref())
    }
}
