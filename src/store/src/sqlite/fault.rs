//! What may go wrong in SQLite, and which of it latches (`docs/decisions.md`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clearance::journey::RecorderError;
use rusqlite::ErrorCode;

/// Why a command was not carried out; it is rolled back, those beside it are not.
#[derive(Debug)]
pub(super) enum Abort {
    /// SQLite said no.
    Sql(rusqlite::Error),
    /// The command may not be carried out.
    Refused(RecorderError),
}

impl Abort {
    /// The record contradicts itself, or the command contradicts it. `what` names no value.
    pub(super) fn damaged(what: &'static str) -> Self {
        Self::Refused(RecorderError::Damaged(what.into()))
    }
}

impl From<rusqlite::Error> for Abort {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Once set, everything is refused until the store is opened, and so verified, again.
#[derive(Debug, Clone, Default)]
pub(super) struct Latch(Arc<AtomicBool>);

impl Latch {
    pub(super) fn check(&self) -> Result<(), RecorderError> {
        if self.0.load(Ordering::Acquire) { Err(RecorderError::Latched) } else { Ok(()) }
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Says what an abort means to the caller, and latches when nobody can know what is on disk.
    pub(super) fn judge(&self, abort: Abort) -> RecorderError {
        let error = match abort {
            Abort::Refused(refused) => return refused,
            Abort::Sql(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => RecorderError::Full,
            // Somebody else holds the lock: nothing was begun, or all of it is rolled back.
            Some(ErrorCode::DatabaseBusy) => RecorderError::Busy,
            Some(ErrorCode::ConstraintViolation) => {
                RecorderError::Damaged("what was to be recorded contradicts what is on record".into())
            }
            None => RecorderError::Damaged("a row is not of its form".into()),
            // An input/output error, a corrupt page, and all that was not foreseen: it never guesses.
            Some(_) => {
                self.set();
                // The extended code alone: SQLite's own message may hold text of a row.
                let code = error.sqlite_error().map(|error| error.extended_code);
                tracing::error!(
                    sqlite.code = code,
                    "the store has failed and refuses until it is opened again"
                );
                RecorderError::Latched
            }
        }
    }
}
