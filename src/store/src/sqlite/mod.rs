//! The store on SQLite, for one node: one writer's thread, a few readers, a thread for checkpoints.

mod checkpointer;
mod commands;
mod commit;
mod connection;
mod fault;
mod figures;
mod files;
mod inquiries;
mod leases;
mod ledger_file;
mod operator;
mod queries;
mod readers;
mod recorder;
mod room;
mod rows;
mod schema;
mod sightings;
#[cfg(test)]
mod tests;
mod transfer;
mod verify;
mod writer;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ::ledger::SignedCheckpoint;
use ::ledger::tree::Frontier;
use ::ledger::verify::{Finding, Report};
use clearance::journey::{Ending, RecorderError, TransferView};
use clearance::keys::Pseudonym;
use clearance::seal::{Bodies, Day};
use clearance::words::{ClientId, DestinationName, TransferId};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{broadcast, oneshot};

pub use self::ledger_file::LedgerFile;

use self::checkpointer::{Checkpointer, Nudge};
use self::fault::Latch;
use self::figures::Counters;
use self::leases::Leases;
use self::readers::Readers;
use self::room::Room;
use self::writer::{Queue, Writer};
use crate::views::{
    Changed, Conclusion, Figures, QueueDepth, StandingChange, StandingRecorded, StoredEntry, TransferFilter,
    TransferPage, Withdrawal,
};

/// A listener that falls behind by more than this is told that it has, and looks again.
const CHANGES_KEPT: usize = 4096;
/// SQLite's own, which the schema does not change.
const PAGE_BYTES: u64 = 4096;

/// Where the store is and what it may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database. Its log lies beside it under the same name with `-wal` and `-shm`, its lock with `.lock`; nothing
    /// is written elsewhere.
    pub path: PathBuf,
    /// So long after a body was erased its encrypted traces have left the log, unless a reader stands in the way.
    pub erased_within: Duration,
    /// The database does not grow beyond this; above it nothing is recorded.
    pub bytes_max: Option<u64>,
    /// Where what is too large for the database lies, until its transfer has ended.
    pub bodies: Arc<dyn Bodies>,
    /// While less than this is free, on the disk or below `bytes_max`, nothing new is recorded: it is kept for the
    /// attempts and outcomes of what has been accepted.
    pub bytes_reserved: u64,
}

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system said no.
    #[error("`{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the store is open in another process, which holds `{lock}`")]
    InUse {
        /// The lock.
        lock: PathBuf,
    },
    /// A newer version of the gateway has written it.
    #[error(
        "the store has schema {found}, and this version knows schemas up to {known}: run the newer version"
    )]
    Newer {
        /// The schema of the file.
        found: u64,
        /// The latest schema that this code knows.
        known: u64,
    },
    /// SQLite said no.
    #[error("the database could not be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// What is on disk is not what was written, or cannot be written.
    #[error("the store is not fit to record")]
    Unfit(#[from] RecorderError),
}

/// The store on SQLite.
///
/// It implements [`Recorder`](clearance::journey::Recorder); below is what the gateway needs beside the journey. It needs
/// a Tokio runtime. Dropping it carries out what waits and blocks until that is durable; [`shutdown`](Self::shutdown) does
/// the same without blocking.
#[derive(Debug)]
pub struct Sqlite {
    queue: Queue,
    readers: Readers,
    leases: Leases,
    changes: broadcast::Sender<Changed>,
    counters: Arc<Counters>,
    nudges: std::sync::mpsc::Sender<Nudge>,
    running: Arc<Mutex<Option<Running>>>,
}

/// What ends with the store.
#[derive(Debug)]
struct Running {
    writer: JoinHandle<()>,
    checkpointer: JoinHandle<()>,
    nudges: std::sync::mpsc::Sender<Nudge>,
    _lock: File,
}

impl Sqlite {
    /// Opens the store, makes it where there is none, brings its schema up to date and checks the end of its ledger.
    ///
    /// Attempts that were under way when the process ended become `unknown` as of `now`, and their transfers due. Bodies that
    /// no row names are removed: what a crash has left of uploads, and of what had ended. It blocks.
    ///
    /// # Errors
    /// When it is open elsewhere, is newer than this code, or is not fit to record.
    pub fn open(settings: Settings, now: Timestamp) -> Result<Self, OpenError> {
        let path = settings.path;
        let lock = files::lock(&path)?;
        files::make(&path)?;
        let mut connection = connection::writing(&path)?;
        if let Some(bytes) = settings.bytes_max {
            connection.pragma_update(None, "max_page_count", bytes / PAGE_BYTES)?;
        }
        schema::migrate(&mut connection)?;
        let latch = Latch::default();
        let frontier = verify::tail(&connection).map_err(|abort| latch.judge(abort))?;

        let readers = Readers::open(&path, latch.clone())?;
        let (queue, commands) = Queue::new(latch.clone());
        let (nudges, nudged) = std::sync::mpsc::channel();
        let (leases, counters) = (Leases::default(), Arc::new(Counters::default()));
        let changes = broadcast::Sender::new(CHANGES_KEPT);
        let checkpointer = Checkpointer {
            connection: connection::checkpointing(&path)?,
            nudges: nudged,
            bodies: Arc::clone(&settings.bodies),
            erased_within: settings.erased_within,
            latch: latch.clone(),
            counters: Arc::clone(&counters),
        };
        let mut writer = Writer {
            connection,
            frontier,
            room: Room::new(&path, settings.bytes_reserved, settings.bytes_max),
            latch,
            leases: leases.clone(),
            changes: changes.clone(),
            counters: Arc::clone(&counters),
            nudges: nudges.clone(),
            log_bytes: 0,
        };
        let lost = writer.carry_out_one(move |commit| commands::recover(commit, now))?;
        sweep(&writer.connection, &*settings.bodies)
            .map_err(|source| OpenError::Io { path: path.clone(), source })?;
        if lost > 0 {
            tracing::warn!(transfers = lost, "attempts were under way when the store was last open");
        }
        // Bodies erased shortly before the end may still be in the log.
        let _ = nudges.send(Nudge::Erased);

        let start = |name: &str, serve: Box<dyn FnOnce() + Send>| {
            let thread = thread::Builder::new().name(name.to_owned()).spawn(serve);
            thread.map_err(|source| OpenError::Io { path: path.clone(), source })
        };
        let running = Running {
            writer: start("store-writer", Box::new(move || writer.serve(&commands)))?,
            checkpointer: start("store-checkpoint", Box::new(move || checkpointer.serve()))?,
            nudges: nudges.clone(),
            _lock: lock,
        };
        let running = Arc::new(Mutex::new(Some(running)));
        Ok(Self { queue, readers, leases, changes, counters, nudges, running })
    }

    /// Carries out what waits and closes; whoever asks afterwards is answered [`RecorderError::Latched`].
    pub async fn shutdown(&self) {
        self.close();
        let running = Arc::clone(&self.running);
        // It fails only when the runtime is ending; then dropping waits.
        let _ = tokio::task::spawn_blocking(move || join(&running)).await;
    }

    fn close(&self) {
        self.queue.close();
        self.readers.close();
    }

    /// Tells of every state that a transfer reaches, after it is durable.
    pub fn changes(&self) -> broadcast::Receiver<Changed> {
        self.changes.subscribe()
    }

    /// What it has done since it was opened.
    pub fn figures(&self) -> Figures {
        self.counters.figures()
    }

    /// Records how an attempt, or the transfer, ended, as [`end`](clearance::journey::Recorder::end) does, and says
    /// whether that was the first final state. The first one stands: a later one changes and records nothing.
    ///
    /// # Errors
    /// When nothing was recorded.
    pub async fn conclude(&self, ending: Ending) -> Result<Conclusion, RecorderError> {
        self.queue.write(move |commit| commands::conclude(commit, ending)).await
    }

    /// Withdraws a client's transfer, if nothing of it can have left.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn withdraw(
        &self,
        transfer: TransferId,
        client: &ClientId,
        at: Timestamp,
    ) -> Result<Withdrawal, RecorderError> {
        let client = client.clone();
        self.queue.write(move |commit| commands::withdraw(commit, transfer, &client, at)).await
    }

    /// Puts a transfer back that cannot be tried now: it is due at `until`, unless [`call_for`](Self::call_for) asks for
    /// it earlier. `code` says why, to its client too. Of one that has ended, or of which an attempt is under way, nothing
    /// changes.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn put_back(
        &self,
        transfer: TransferId,
        at: Timestamp,
        until: Timestamp,
        code: &'static str,
    ) -> Result<(), RecorderError> {
        self.queue.write(move |commit| commands::put_back(commit, transfer, at, until, code)).await
    }

    /// Makes due, as of `at`, up to [`PAGE_ROWS_MAX`](crate::PAGE_ROWS_MAX) of the transfers to a destination that were
    /// put back for the reason `code`, and says how many.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn call_for(
        &self,
        destination: &DestinationName,
        at: Timestamp,
        code: &'static str,
    ) -> Result<usize, RecorderError> {
        let destination = destination.clone();
        self.queue.write(move |commit| commands::call_for(commit, &destination, at, code)).await
    }

    /// Records a consent or restriction. From its answer on, no attempt begins under the standing before.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn change_standing(&self, change: StandingChange) -> Result<StandingRecorded, RecorderError> {
        self.queue.write(move |commit| commands::change_standing(commit, change)).await
    }

    /// Forgets up to [`PAGE_ROWS_MAX`](crate::PAGE_ROWS_MAX) idempotency keys whose time is over, and says how many.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn purge(&self, now: Timestamp) -> Result<usize, RecorderError> {
        self.queue.write(move |commit| commands::purge(commit, now)).await
    }

    /// Writes about as much as a small transfer takes and deletes it again, in a synced commit: what this can do, recording
    /// can.
    ///
    /// # Errors
    /// When nothing could be recorded now either.
    pub async fn probe(&self) -> Result<(), RecorderError> {
        self.queue.write(commands::probe).await
    }

    /// Keeps a checkpoint of the ledger. The same with more signatures takes its place.
    ///
    /// # Errors
    /// When it counts more entries than there are, or contradicts another of its size.
    pub async fn keep_checkpoint(&self, signed: SignedCheckpoint) -> Result<(), RecorderError> {
        self.queue.write(move |commit| commands::keep_checkpoint(commit, &signed)).await
    }

    /// The latest checkpoint, as a signed note; [`SignedCheckpoint::open`] believes it or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn latest_checkpoint(&self) -> Result<Option<String>, RecorderError> {
        self.readers.read(queries::latest_checkpoint).await
    }

    /// A page of the checkpoints of more than `above` entries, the smallest first, each with its size.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn checkpoints(&self, above: u64) -> Result<Vec<(u64, String)>, RecorderError> {
        self.readers.read(move |connection| queries::checkpoints(connection, above)).await
    }

    /// The size and root of the ledger.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn head(&self) -> Result<Frontier, RecorderError> {
        self.readers.read(queries::frontier).await
    }

    /// A page of the entries from `from` up to `to`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn entries(&self, from: u64, to: u64) -> Result<Vec<StoredEntry>, RecorderError> {
        self.readers.read(move |connection| queries::entries(connection, from, to)).await
    }

    /// Up to `limit` disclosures about a subject whose index is below `before`, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn disclosures(
        &self,
        subject: Pseudonym,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, RecorderError> {
        self.readers.read(move |connection| queries::disclosures(connection, subject, before, limit)).await
    }

    /// What lies beside the entries of a transfer, encrypted, each with the index of its entry.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn asides(&self, transfer: TransferId) -> Result<Vec<(u64, Vec<u8>)>, RecorderError> {
        self.readers.read(move |connection| queries::asides(connection, transfer)).await
    }

    /// What waits, by destination; those for which nothing waits are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn status(&self, now: Timestamp) -> Result<Vec<QueueDepth>, RecorderError> {
        self.readers.read(move |connection| queries::status(connection, now)).await
    }

    /// When something is due next for a destination; in the past if it is already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next_due(&self, destination: &DestinationName) -> Result<Option<Timestamp>, RecorderError> {
        let destination = destination.clone();
        self.readers.read(move |connection| queries::next_due(connection, &destination)).await
    }

    /// The days under whose keys a body is still sealed: those of all other days may be destroyed.
    ///
    /// # Errors
    /// When the store cannot be read; then no key may be destroyed.
    pub async fn undelivered_days(&self) -> Result<BTreeSet<Day>, RecorderError> {
        self.readers.read(queries::undelivered_days).await
    }

    /// Up to `limit` transfers, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn transfers(
        &self,
        filter: TransferFilter,
        limit: usize,
    ) -> Result<Vec<TransferView>, RecorderError> {
        self.readers.read(move |connection| queries::transfers(connection, &filter, limit)).await
    }

    /// A page of the transfers that fit, up to `limit` of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn page(&self, filter: TransferFilter, limit: usize) -> Result<TransferPage, RecorderError> {
        self.readers.read(move |connection| queries::page(connection, &filter, limit)).await
    }

    /// Verifies the whole ledger against `checkpoints`, which the caller believes. It reads every entry.
    ///
    /// # Errors
    /// When the store cannot be read, or outbox and ledger disagree. What is wrong with the ledger is a [`Finding`].
    pub async fn verify(
        &self,
        checkpoints: Vec<SignedCheckpoint>,
    ) -> Result<Result<Report, Finding>, RecorderError> {
        self.readers.read(move |connection| verify::whole(connection, &checkpoints)).await
    }

    /// Empties the log at once, and says whether it could: a reader may have stood in the way.
    ///
    /// # Errors
    /// When the store has failed.
    pub async fn empty_log(&self) -> Result<bool, RecorderError> {
        let (done, emptied) = oneshot::channel();
        self.nudges.send(Nudge::Now(done)).map_err(|_| RecorderError::Latched)?;
        emptied.await.unwrap_or(Err(RecorderError::Latched))
    }
}

/// Removes the bodies that no row names.
fn sweep(connection: &Connection, bodies: &dyn Bodies) -> io::Result<()> {
    for transfer in bodies.list()? {
        if !queries::has_body(connection, transfer).map_err(io::Error::other)? {
            bodies.remove(transfer)?;
            tracing::info!(event.action = "body-swept", transfer.id = %transfer, "a body that belongs to nothing on record was removed");
        }
    }
    Ok(())
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
        join(&self.running);
    }
}

/// Waits for the threads, then gives the lock back.
fn join(running: &Mutex<Option<Running>>) {
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(Running { writer, checkpointer, nudges, _lock }) = running.take() {
        // One after the other: the last to close brings the log in, and of two at once neither would.
        // A thread that panicked has answered nobody; its callers were refused.
        let _ = writer.join();
        let _ = nudges.send(Nudge::Close);
        let _ = checkpointer.join();
    }
}
