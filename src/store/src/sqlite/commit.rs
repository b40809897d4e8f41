//! One command within a group: what it writes, and what follows once that is durable.

use clearance::journey::IdempotencyScope;
use clearance::words::TransferId;
use ledger::tree::{Frontier, leaf_hash};
use ledger::{Entry, LEAF_BYTES_MAX};
use rusqlite::{CachedStatement, Connection};

use super::fault::Abort;
use super::room::Room;
use crate::views::Changed;

/// A command's view of the transaction. What it writes is rolled back unless the whole group is committed.
#[derive(Debug)]
pub(super) struct Commit<'c> {
    connection: &'c Connection,
    room: &'c Room,
    frontier: Frontier,
    effects: Effects,
}

/// What follows a commit, and never precedes it.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// States to tell of.
    pub(super) changed: Vec<Changed>,
    /// Leases on idempotency keys that are over.
    pub(super) freed: Vec<IdempotencyScope>,
    /// Whether bodies were erased, so that their traces in the log must go.
    pub(super) erased: bool,
    /// Transfers whose bodies outside the database go.
    pub(super) bodies: Vec<TransferId>,
    /// About how much the log has grown.
    pub(super) log_bytes: u64,
}

impl<'c> Commit<'c> {
    pub(super) fn new(connection: &'c Connection, room: &'c Room, frontier: Frontier) -> Self {
        Self { connection, room, frontier, effects: Effects::default() }
    }

    pub(super) fn finish(self) -> (Frontier, Effects) {
        (self.frontier, self.effects)
    }

    pub(super) fn statement(&self, sql: &str) -> Result<CachedStatement<'c>, Abort> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// Whether something new may be written; what brings a transfer to its end always may.
    pub(super) fn check_room(&self) -> Result<(), Abort> {
        self.room.check(self.connection)
    }

    pub(super) fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    /// How many entries there are.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Appends an entry and gives its index.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<u64, Abort> {
        self.append_leaf(&entry.encode(), None)
    }

    /// Appends the final outcome of the transfer whose disclosure is at `disclosure`.
    pub(super) fn append_ending(&mut self, entry: &Entry, disclosure: u64) -> Result<u64, Abort> {
        self.append_leaf(&entry.encode(), Some(disclosure))
    }

    /// Appends a leaf. INVARIANT: it is that of an entry; who calls has encoded or decoded it.
    pub(super) fn append_leaf(&mut self, leaf: &[u8], ends: Option<u64>) -> Result<u64, Abort> {
        if leaf.len() > LEAF_BYTES_MAX {
            return Err(Abort::damaged("an entry is longer than the ledger can hold"));
        }
        let (index, hash) = (self.frontier.size(), leaf_hash(leaf));
        self.statement("INSERT INTO entry (idx, leaf, hash, ends) VALUES (?1, ?2, ?3, ?4)")?.execute((
            index,
            leaf,
            hash.as_bytes(),
            ends,
        ))?;
        self.frontier.append(hash);
        Ok(index)
    }
}

impl Effects {
    pub(super) fn join(&mut self, mut other: Self) {
        self.changed.append(&mut other.changed);
        self.freed.append(&mut other.freed);
        self.bodies.append(&mut other.bodies);
        self.erased |= other.erased;
        self.log_bytes = self.log_bytes.saturating_add(other.log_bytes);
    }
}
