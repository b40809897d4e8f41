//! Counts what the threads do.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::views::Figures;

#[derive(Debug, Default)]
pub(super) struct Counters {
    commits: AtomicU64,
    commands: AtomicU64,
    group_max: AtomicU64,
    checkpoints: AtomicU64,
}

impl Counters {
    pub(super) fn committed(&self, commands: u64) {
        self.commits.fetch_add(1, Relaxed);
        self.commands.fetch_add(commands, Relaxed);
        self.group_max.fetch_max(commands, Relaxed);
    }

    pub(super) fn checkpointed(&self) {
        self.checkpoints.fetch_add(1, Relaxed);
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            commits: self.commits.load(Relaxed),
            commands: self.commands.load(Relaxed),
            group_max: self.group_max.load(Relaxed),
            checkpoints: self.checkpoints.load(Relaxed),
        }
    }
}
