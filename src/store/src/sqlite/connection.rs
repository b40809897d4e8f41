//! Connections, all set up alike: what they share decides what survives a crash and what is really erased.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// A reader waits this long for the moment in which a log is reset, the writer for the end of a checkpoint.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// A checkpoint that resets the log holds the write lock while it waits for readers: it gives up long before the writer.
const CHECKPOINT_BUSY_TIMEOUT: Duration = Duration::from_millis(20);
/// The write-ahead log is cut back to this when it starts anew.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Enough for every statement of ours.
const STATEMENTS_MAX: usize = 64;
/// Negative: kibibytes.
const WRITER_CACHE: i64 = -16_384;

/// Opens for writing, and makes the file where there is none.
pub(super) fn writing(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(path, flags)?;
    // What is deleted is overwritten with zeroes.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // NORMAL does not sync on commit: 0 of 200 acknowledged commits survived a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    // A thread of its own does that; here it would make the slowest percent of answers.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(connection)
}

/// Opens for checkpoints what [`writing`] has made: it steps back from whoever stands in the way.
pub(super) fn checkpointing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = writing(path)?;
    connection.busy_timeout(CHECKPOINT_BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Opens for reading what [`writing`] has made.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Else SQLite holds each new value against the partial indexes, and plans the statement anew for it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Nothing is written but the database and its log.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}
