//! What is left of a document once every value's fate is known: no empty element stays, and no bare label.

use super::{Fate, Selection};
use crate::tape::{Id, Tape};

/// The nodes that leave.
#[derive(Debug)]
pub(in super::super) struct Alive(Vec<bool>);

impl Alive {
    pub(in super::super) fn has(&self, node: Id) -> bool {
        self.0.get(node).copied().unwrap_or(false)
    }

    fn mark(&mut self, node: Id) {
        if let Some(is) = self.0.get_mut(node) {
            *is = true;
        }
    }
}

impl Selection<'_> {
    /// The nodes that leave: every value that stays, the labels of elements of which something stays, and what holds them.
    pub(in super::super) fn alive(&self, tape: &Tape<'_>) -> Alive {
        let mut alive = Alive(vec![false; tape.len()]);
        // A node stands behind what holds it, so that one pass from the end reaches every ancestor.
        for node in (1..tape.len()).rev() {
            if matches!(self.fate(node), Fate::Stays { .. }) {
                alive.mark(node);
            }
            if alive.has(node) {
                alive.mark(tape.node(node).parent);
            }
        }
        let labels = (1..tape.len()).filter_map(|node| match self.fate(node) {
            Fate::Labels { owner, .. } => Some((node, owner)),
            Fate::Goes | Fate::Stays { .. } => None,
        });
        let living: Vec<Id> = labels.filter(|(_, owner)| alive.has(*owner)).map(|(node, _)| node).collect();
        for label in living {
            let mut at = label;
            // The owner is alive, so this ends there at the latest.
            while !alive.has(at) {
                alive.mark(at);
                at = tape.node(at).parent;
            }
        }
        alive
    }
}
