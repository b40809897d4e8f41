//! The store's files: for their owner only, and open in one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::OpenError;

/// Two processes on one store would each take the other's attempts for lost.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    let lock = PathBuf::from(lock);
    let file = open_private(&lock)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { lock }),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path: lock, source }),
    }
}

/// Makes the file where there is none, for its owner only, and syncs its name: SQLite does neither.
pub(super) fn make(path: &Path) -> Result<(), OpenError> {
    open_private(path)?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| OpenError::Io { path: folder.to_owned(), source })
}

fn open_private(path: &Path) -> Result<File, OpenError> {
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(|source| OpenError::Io { path: path.to_owned(), source })
}
