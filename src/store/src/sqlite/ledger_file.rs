//! The ledger of a store and what lies beside it, read only: for verifying it while a gateway has it open, or from a backup.

use std::path::Path;

use clearance::journey::RecorderError;
use clearance::seal::Bodies;
use clearance::words::TransferId;
use ledger::SignedCheckpoint;
use ledger::verify::{Finding, Report};
use rusqlite::Connection;

use super::fault::{Abort, Latch};
use super::{OpenError, connection, queries, verify};

/// The ledger in a file. It writes nothing and takes no lock that a gateway would wait for: while it
/// reads, only the emptying of the write-ahead log waits.
#[derive(Debug)]
pub struct LedgerFile {
    connection: Connection,
}

impl LedgerFile {
    /// Opens the ledger in the store's file.
    ///
    /// # Errors
    /// When there is no such store, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { connection: connection::reading(path)? })
    }

    /// The checkpoints of more than `above` entries, the smallest first, with the sizes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn checkpoints(&self, above: u64) -> Result<Vec<(u64, String)>, RecorderError> {
        self.read(|connection| queries::checkpoints(connection, above))
    }

    /// Verifies the whole ledger against `checkpoints`, which the caller believes.
    ///
    /// # Errors
    /// When the store cannot be read, or outbox and ledger disagree. What is wrong with the ledger is a [`Finding`].
    pub fn verify(&self, checkpoints: &[SignedCheckpoint]) -> Result<Result<Report, Finding>, RecorderError> {
        self.read(|connection| verify::whole(connection, checkpoints))
    }

    /// The undelivered transfers whose body is missing from `bodies`, or is not as long as it was. What was delivered or withdrawn
    /// while this looks is not among them.
    ///
    /// # Errors
    /// When store or bodies cannot be read.
    pub fn missing_bodies(&self, bodies: &dyn Bodies) -> Result<Vec<TransferId>, RecorderError> {
        let mut missing = Vec::new();
        for (transfer, length) in self.read(queries::bodies)? {
            let found = bodies.length(transfer);
            let found = found.map_err(|_| RecorderError::Damaged("the bodies cannot be read".into()))?;
            let is_on_record =
                || self.read(|connection| queries::has_body(connection, transfer).map_err(Abort::from));
            if found != Some(length) && is_on_record()? {
                missing.push(transfer);
            }
        }
        Ok(missing)
    }

    /// Reads one state of the store, whatever is committed meanwhile.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Abort>,
    ) -> Result<T, RecorderError> {
        let judged = |abort| Latch::default().judge(abort);
        let transaction = self.connection.unchecked_transaction().map_err(|error| judged(error.into()))?;
        read(&transaction).map_err(judged)
    }
}
