//! The thread that brings the write-ahead log into the database, so that the writer does not wait for it.
//!
//! After an erasure it empties the log within a set time: until then the erased body, encrypted, is still in it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError};
use std::time::{Duration, Instant};

use clearance::journey::RecorderError;
use clearance::seal::Bodies;
use clearance::words::TransferId;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::Latch;
use super::figures::Counters;

/// Readers or the writer stood in the way: so long until the next try.
const RETRY: Duration = Duration::from_secs(1);
/// So long the end waits for a reader.
const LAST_BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// From this length on the log begins anew, even if the writer must wait a moment for it.
const LOG_PAGES_MAX: i64 = 4096;

/// Why there is something to do.
#[derive(Debug)]
pub(super) enum Nudge {
    /// The log has grown.
    Log,
    /// Bodies were erased.
    Erased,
    /// The bodies of these transfers outside the database are to go.
    Bodies(Vec<TransferId>),
    /// Somebody waits for the log to be emptied, and to hear whether it was.
    Now(oneshot::Sender<Result<bool, RecorderError>>),
    /// The store is closing.
    Close,
}

#[derive(Debug)]
pub(super) struct Checkpointer {
    pub(super) connection: Connection,
    pub(super) nudges: Receiver<Nudge>,
    pub(super) bodies: Arc<dyn Bodies>,
    pub(super) erased_within: Duration,
    pub(super) latch: Latch,
    pub(super) counters: Arc<Counters>,
}

impl Checkpointer {
    /// Serves until the store closes.
    pub(super) fn serve(self) {
        let mut empty_by: Option<Instant> = None;
        loop {
            let nudge = match empty_by {
                None => self.nudges.recv().map_err(|RecvError| RecvTimeoutError::Disconnected),
                Some(by) => self.nudges.recv_timeout(by.saturating_duration_since(Instant::now())),
            };
            match nudge {
                Ok(Nudge::Log) => self.bring_in(),
                Ok(Nudge::Erased) => {
                    empty_by.get_or_insert_with(|| Instant::now() + self.erased_within);
                }
                Ok(Nudge::Bodies(transfers)) => transfers.into_iter().for_each(|id| self.remove(id)),
                Ok(Nudge::Now(done)) => {
                    // Whoever asked may have gone.
                    let _ = done.send(self.empty());
                }
                Err(RecvTimeoutError::Timeout) => {
                    let emptied = self.empty().unwrap_or(true);
                    empty_by = (!emptied).then(|| Instant::now() + RETRY);
                }
                Ok(Nudge::Close) | Err(RecvTimeoutError::Disconnected) => {
                    // The writer has closed: what was erased does not stay in a log until the next start.
                    if !self.empty_at_last() {
                        tracing::warn!(
                            "the log was not emptied at the end: what was erased may be in it, encrypted"
                        );
                    }
                    return;
                }
            }
        }
    }

    /// Here and not in the writer's thread: removing a large file takes a while.
    fn remove(&self, transfer: TransferId) {
        if let Err(error) = self.bodies.remove(transfer) {
            tracing::warn!(event.action = "body-not-removed", transfer.id = %transfer, error.message = %error, "a body whose key is gone could not be removed; it is swept at the next start");
        }
    }

    fn bring_in(&self) {
        // In the first pass writers and readers go on; under load the log would grow for ever without the second.
        if let Ok(Some(pages)) = self.checkpoint("PASSIVE")
            && pages > LOG_PAGES_MAX
        {
            let _ = self.checkpoint("RESTART");
        }
    }

    /// Whether the log is empty now.
    fn empty(&self) -> Result<bool, RecorderError> {
        // What the first pass has brought in, nobody waits for in the second.
        self.checkpoint("PASSIVE")?;
        Ok(self.checkpoint("TRUNCATE")?.is_some())
    }

    /// At the end no writer is there to be held up: a reader of another process is waited for.
    fn empty_at_last(&self) -> bool {
        let patient = self.connection.busy_timeout(LAST_BUSY_TIMEOUT);
        patient.is_ok() && matches!(self.empty(), Ok(true))
    }

    /// The pages in the log, or nothing when somebody stood in the way.
    fn checkpoint(&self, mode: &str) -> Result<Option<i64>, RecorderError> {
        self.latch.check()?;
        let pragma = format!("PRAGMA wal_checkpoint({mode})");
        let row = self.connection.query_row(&pragma, [], |row| Ok((row.get::<_, bool>(0)?, row.get(1)?)));
        let (busy, pages) = row.map_err(|error| self.latch.judge(error.into()))?;
        self.counters.checkpointed();
        Ok((!busy).then_some(pages))
    }
}
