//! Whether there is room for one more transfer.
//!
//! What has been accepted has to be brought to its end, and each attempt and outcome is an entry too. Were the last page
//! given to a new transfer, an acknowledgement could not be recorded, and its document would be sent again.

use std::path::{Path, PathBuf};

use clearance::journey::RecorderError;
use rusqlite::Connection;

use super::PAGE_BYTES;
use super::fault::Abort;

/// What is kept for those that have been accepted.
#[derive(Debug, Clone)]
pub(super) struct Room {
    folder: PathBuf,
    reserve: u64,
    bytes_max: Option<u64>,
}

impl Room {
    pub(super) fn new(database: &Path, reserve: u64, bytes_max: Option<u64>) -> Self {
        let folder = database.parent().map(Path::to_owned).unwrap_or_default();
        Self { folder, reserve, bytes_max }
    }

    /// Refuses where what is new would be written at the cost of what is under way.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), Abort> {
        let left = self.on_disk()?.min(self.in_database(connection)?);
        if left < self.reserve { Err(Abort::Refused(RecorderError::Full)) } else { Ok(()) }
    }

    /// What the file system has left: the log grows whatever is free inside the database.
    fn on_disk(&self) -> Result<u64, Abort> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        let system = rustix::fs::statvfs(folder)
            .map_err(|_| Abort::damaged("the file system cannot be asked for its room"))?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    /// What its own limit leaves the database.
    fn in_database(&self, connection: &Connection) -> Result<u64, Abort> {
        let Some(bytes_max) = self.bytes_max else { return Ok(u64::MAX) };
        let count = |pragma: &str| -> Result<u64, Abort> {
            Ok(connection.prepare_cached(pragma)?.query_row([], |row| row.get(0))?)
        };
        let used = count("PRAGMA page_count")?.saturating_sub(count("PRAGMA freelist_count")?);
        Ok(bytes_max.saturating_sub(used.saturating_mul(PAGE_BYTES)))
    }
}
