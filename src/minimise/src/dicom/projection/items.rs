//! What becomes of sequences and of their items.

use super::super::event::Header;
use super::super::glimpse::Glimpse;
use super::super::writer::Writer;
use super::{Core, Next, pointer, words};
use crate::automaton::Lead;
use crate::automaton::Question;
use crate::manifest::Place;
use crate::names::Symbol;
use crate::walk::End;

impl<'p> Core<'p> {
    /// What paths ask of the item that begins.
    pub(super) fn questions(&self) -> impl Iterator<Item = &'p Question> {
        let automaton = &self.profile.automaton;
        let name = self.walk.top().map_or(Symbol::UNKNOWN, |top| top.name);
        self.walk.edges(name).filter_map(|edge| automaton.question(edge.question?))
    }

    /// Whether the item must be looked into before it is known what may stay of it.
    pub(super) fn asks_item(&self) -> bool {
        self.questions().next().is_some()
    }

    pub(super) fn glimpse(&self) -> Glimpse {
        Glimpse::item(self.questions())
    }

    pub(super) fn sequence(&mut self, header: &Header, offset: u64) -> Next {
        let (tag, name) = (header.tag, Symbol::of_tag(header.tag));
        if self.walk.edges(name).next().is_none() {
            let pointer = pointer(&self.path, tag);
            self.walk.not_named(self.place_under(tag), 1, offset, || pointer);
            return Next::Skip;
        }
        if !self.expect_registered(header, offset) {
            return Next::Skip;
        }
        let Some(writer) = &mut self.writer else { return Next::Skip };
        let mark = writer.mark();
        writer.start_sequence(header);
        let mark = self.mark(mark);
        self.walk.open_list(name, Lead::Further, mark);
        self.path.push(tag);
        Next::Read
    }

    pub(super) fn item(&mut self, glimpse: &Glimpse, offset: u64) -> Next {
        let name = self.walk.top().map_or(Symbol::UNKNOWN, |top| top.name);
        let arrival = self.walk.arrive(name, |question| glimpse.holds(question));
        let place = if arrival.is_led_to {
            Place::at(arrival.shown)
        } else {
            Place::under(self.walk.top().map_or(0, |top| top.shown), name)
        };
        let pointer = || words(&self.path);
        if let Some(drop) = arrival.drop {
            self.walk.named_drop(drop, place, 1, offset, pointer);
            return Next::Skip;
        }
        if !arrival.is_led_to {
            self.walk.not_named(place, 1, offset, pointer);
            return Next::Skip;
        }
        let Some(writer) = &mut self.writer else { return Next::Skip };
        let mark = writer.mark();
        writer.start_item();
        let mark = self.mark(mark);
        self.walk.open(name, arrival, mark, false);
        self.walk.name_element();
        Next::Read
    }

    /// What was opened last ends, written as `end` does unless nothing is left of it.
    pub(super) fn close(&mut self, end: impl FnOnce(&mut Writer)) {
        let (Some(mark), Some(writer)) = (self.marks.pop(), &mut self.writer) else { return };
        match self.walk.close() {
            End::Stays => end(writer),
            End::Gone => self.is_consistent &= writer.rewind(mark),
        }
    }
}
