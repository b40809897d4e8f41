//! Elements that do not leave: what they hold is counted, and whom they say the document is about is read, no more.

use super::super::event::Start;
use super::super::subject::At;
use super::super::trail::Crumb;
use super::Core;
use crate::manifest::Place;
use crate::names::Symbol;
use crate::walk::{Arrival, Walk};

/// An element that does not leave.
#[derive(Debug)]
pub(super) struct Skipped {
    place: Place,
    drop: Option<usize>,
    crumb: Crumb,
    offset: u64,
    pub(super) values: usize,
    /// Elements open below it.
    depth: usize,
    /// Whether the element begun last has nothing to it so far: then it counts itself.
    pub(super) is_bare: bool,
    pub(super) in_text: bool,
}

impl Core<'_> {
    /// The element that begins does not leave.
    pub(super) fn skip(
        &mut self,
        start: &Start<'_>,
        symbol: Symbol,
        arrival: Arrival,
        crumb: Crumb,
        offset: u64,
    ) {
        let shown = self.walk.top().map_or(0, |top| top.shown);
        let place = if arrival.is_led_to { Place::at(arrival.shown) } else { Place::under(shown, symbol) };
        let values = start.attributes().len();
        let (is_bare, drop) = (values == 0, arrival.drop);
        self.skipped =
            Some(Skipped { place, drop, crumb, offset, values, depth: 0, is_bare, in_text: false });
    }

    pub(super) fn start_skipped(&mut self, start: &Start<'_>, offset: u64) {
        let Some(skipped) = &mut self.skipped else { return };
        let values = start.attributes().len();
        skipped.depth += 1;
        skipped.values += values;
        (skipped.is_bare, skipped.in_text) = (values == 0, false);
        self.depth += 1;
        if self.subjects.follows_at(self.depth - 1) {
            let crumb = skipped.crumb;
            let symbol = self.vocabulary.element(&start.name());
            let pointer = || self.trail.pointer(&self.profile.names, &[crumb]);
            let at = At { depth: self.depth, offset, pointer: &pointer };
            let Walk { bound, faults, .. } = &mut self.walk;
            self.subjects.follow(symbol, start, at, &mut self.vocabulary, bound, faults);
        }
    }

    pub(super) fn end_skipped(&mut self) {
        let Some(skipped) = &mut self.skipped else { return };
        skipped.values += usize::from(skipped.is_bare);
        (skipped.is_bare, skipped.in_text) = (false, false);
        if skipped.depth > 0 {
            skipped.depth -= 1;
            return;
        }
        let Some(Skipped { place, drop, crumb, offset, values, .. }) = self.skipped.take() else { return };
        let (trail, names) = (&self.trail, &self.profile.names);
        let pointer = || trail.pointer(names, &[crumb]);
        match drop {
            Some(drop) => self.walk.named_drop(drop, place, values, offset, pointer),
            None => self.walk.not_named(place, values, offset, pointer),
        }
    }
}
