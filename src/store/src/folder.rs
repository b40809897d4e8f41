//! Bodies on the local disk: one file for each transfer, in a folder of their own.
//!
//! A file's name is its transfer's id, which this crate writes and no client chooses. Everything in it is sealed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clearance::adapter::Promise;
use clearance::seal::{Bodies, NewBody};
use clearance::words::TransferId;

/// What a body's file is called after its transfer.
const SUFFIX: &str = ".sealed";

/// Bodies in a folder.
#[derive(Debug, Clone)]
pub struct BodyFolder {
    path: PathBuf,
    bytes_max: u64,
    used: Arc<AtomicU64>,
}

impl BodyFolder {
    /// The folder at `path`, which is made where there is none. All bodies together do not grow beyond `bytes_max`. Blocks.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let folder = Self { path: path.to_owned(), bytes_max, used: Arc::default() };
        for transfer in folder.list()? {
            let length = folder.length(transfer)?.unwrap_or(0);
            folder.used.fetch_add(length, Ordering::Relaxed);
        }
        Ok(folder)
    }

    fn file(&self, transfer: TransferId) -> PathBuf {
        self.path.join(format!("{transfer}{SUFFIX}"))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Takes room for `bytes` more.
    fn take(&self, bytes: u64) -> io::Result<()> {
        let room = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.bytes_max);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        taken.map(drop).map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _always = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Bodies for BodyFolder {
    fn create(&self, transfer: TransferId) -> io::Result<Box<dyn NewBody>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.file(transfer))?;
        Ok(Box::new(NewFile { file, folder: self.clone(), transfer, taken: 0, is_kept: false }))
    }

    fn read(&self, transfer: TransferId, from: u64, length: usize) -> Promise<'_, io::Result<Vec<u8>>> {
        let path = self.file(transfer);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || read_at(&path, from, length)).await;
            read.unwrap_or_else(|broken| Err(io::Error::other(broken)))
        })
    }

    fn length(&self, transfer: TransferId) -> io::Result<Option<u64>> {
        match fs::metadata(self.file(transfer)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            // A body that is missing is gone; a folder that is missing is only not where it is looked for.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.path.is_dir() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, transfer: TransferId) -> io::Result<()> {
        let Some(length) = self.length(transfer)? else { return Ok(()) };
        match fs::remove_file(self.file(transfer)) {
            Ok(()) => self.give_back(length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<TransferId>> {
        let mut transfers = Vec::new();
        for file in fs::read_dir(&self.path)? {
            let name = file?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            transfers.extend(id.and_then(|id| id.parse::<TransferId>().ok()));
        }
        Ok(transfers)
    }
}

fn read_at(path: &Path, from: u64, length: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = vec![0; length];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, from + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// A file that is being written.
#[derive(Debug)]
struct NewFile {
    file: File,
    folder: BodyFolder,
    transfer: TransferId,
    taken: u64,
    is_kept: bool,
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.folder.take(bytes.len() as u64)?;
        self.taken += bytes.len() as u64;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewBody for NewFile {
    fn keep(mut self: Box<Self>) -> io::Result<()> {
        // The file first, then its name: a row that names it must find it whole.
        self.file.sync_all()?;
        self.folder.sync()?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next start.
        if !self.is_kept && fs::remove_file(self.folder.file(self.transfer)).is_ok() {
            self.folder.give_back(self.taken);
        }
    }
}
