//! Where names lead from the states they were met in, remembered: most members have the name of one before them.

use crate::automaton::{Lead, StateId};
use crate::names::Symbol;

/// What the name of a member tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) symbol: Symbol,
    pub(super) lead: Lead,
    /// Whether an array by that name is read by position: that of extensions of a primitive's items.
    pub(super) is_positional: bool,
}

/// The names met last. A few dozen make up nearly all of a document.
#[derive(Debug)]
pub(super) struct Steps<'p> {
    slots: Vec<Slot<'p>>,
}

#[derive(Debug, Clone, Copy)]
struct Slot<'p> {
    hash: u64,
    /// The state, if there is but one.
    state: Option<StateId>,
    name: &'p str,
    step: Step,
}

/// Many more than names, so that no two of those often share one: where each stands is chance.
const SLOTS: usize = 256;

impl<'p> Steps<'p> {
    pub(super) fn new() -> Self {
        let step = Step { symbol: Symbol::UNKNOWN, lead: Lead::Further, is_positional: false };
        Self { slots: vec![Slot { hash: 0, state: None, name: "", step }; SLOTS] }
    }

    /// What `name` tells in `state`, if that is remembered. It may let a value stay, so the name itself is compared too.
    #[inline]
    pub(super) fn find(&self, state: Option<StateId>, hash: u64, name: &[u8]) -> Option<Step> {
        let slot = self.slots.get(place(state, hash))?;
        let is_it = slot.hash == hash && slot.state == state && slot.name.as_bytes() == name;
        is_it.then_some(slot.step)
    }

    pub(super) fn remember(&mut self, state: Option<StateId>, hash: u64, name: &'p str, step: Step) {
        if let Some(slot) = self.slots.get_mut(place(state, hash)) {
            *slot = Slot { hash, state, name, step };
        }
    }
}

#[inline]
fn place(state: Option<StateId>, hash: u64) -> usize {
    let mixed = hash ^ state.map_or(u64::MAX, |state| u64::try_from(state).unwrap_or_default());
    usize::try_from(mixed % SLOTS as u64).unwrap_or_default()
}
