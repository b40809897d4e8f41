//! The key ring: one key a day, wrapped by the master key, each in a file of its own outside the database.
//!
//! A day's key is destroyed when the last transfer sealed under it has ended: then what was erased is erased in the
//! write-ahead log, in free pages and in backups too.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{NONCE_LEN, unwrap_key, wrap};
use crate::clock::{Entropy, random};
use crate::keys::Secret;

/// A day in UTC, as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The day with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The day of `at`.
    pub fn of(at: Timestamp) -> Self {
        Self(u32::try_from(at.as_second() / 86_400).unwrap_or(0))
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> u32 {
        self.0
    }

    fn file_name(self) -> String {
        let noon = Timestamp::from_second(i64::from(self.0) * 86_400).unwrap_or_default();
        format!("{}.key", noon.to_zoned(TimeZone::UTC).date())
    }
}

/// Why a daily key could not be read, made or destroyed. None of these says that the key is gone: mended, it is there.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The file system said no.
    #[error("`{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file does not open under the master key: another one is configured, or the file is damaged.
    #[error("`{path}` does not open under the configured master key")]
    WrongMasterKey {
        /// The file.
        path: PathBuf,
    },
    /// The cipher or the source of randomness has failed.
    #[error("the cipher or the source of randomness has failed")]
    Cipher,
}

/// The daily keys, wrapped by a master key, in a folder.
#[derive(Debug)]
pub struct KeyRing {
    folder: PathBuf,
    master: Secret,
    open: RwLock<BTreeMap<Day, Arc<Secret>>>,
}

impl KeyRing {
    /// The ring in `folder`, which exists.
    pub fn new(folder: impl Into<PathBuf>, master: Secret) -> Self {
        Self { folder: folder.into(), master, open: RwLock::default() }
    }

    /// A key for what lies beside the ledger for the legal term (salts, reason, professional): derived from the master
    /// key, so that it outlives the days.
    pub fn aside_key(&self) -> Secret {
        Secret::new(self.master.mac("aside key", &[]))
    }

    /// The key of `day`; made when it is not there yet.
    ///
    /// # Errors
    /// When the file can be neither read nor made, or was wrapped by another master key.
    pub fn key_of(&self, day: Day, entropy: &dyn Entropy) -> Result<Arc<Secret>, KeyRingError> {
        if let Some(key) = self.opened(day) {
            return Ok(key);
        }
        match self.read(day)? {
            Some(key) => Ok(self.keep(day, key)),
            None => {
                self.make(day, entropy)?;
                let path = self.folder.join(day.file_name());
                // Read back: the key in memory is the one that a restart will find.
                let gone = || io_error(&path, io::ErrorKind::NotFound.into());
                let key = self.read(day)?.ok_or_else(gone)?;
                Ok(self.keep(day, key))
            }
        }
    }

    /// The key of `day`; `None` when it is not on the ring: destroyed, or never there.
    ///
    /// # Errors
    /// When it cannot be told, or does not open. That says nothing about what was sealed under it: try again when the
    /// ring is mended.
    pub fn existing(&self, day: Day) -> Result<Option<Arc<Secret>>, KeyRingError> {
        if let Some(key) = self.opened(day) {
            return Ok(Some(key));
        }
        Ok(self.read(day)?.map(|key| self.keep(day, key)))
    }

    /// Opens the keys of `days`, so that a start with a wrong master key or an unreadable ring ends before anything is
    /// taken or delivered. The answer is the days whose key is not on the ring: what was sealed under them is lost.
    ///
    /// # Errors
    /// The first key that is there and cannot be opened.
    pub fn open_all(&self, days: impl IntoIterator<Item = Day>) -> Result<Vec<Day>, KeyRingError> {
        let mut missing = Vec::new();
        for day in days {
            if self.existing(day)?.is_none() {
                missing.push(day);
            }
        }
        Ok(missing)
    }

    /// The days whose keys are on the ring.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn days(&self) -> Result<Vec<Day>, KeyRingError> {
        let failed = |source| io_error(&self.folder, source);
        let mut days = Vec::new();
        for file in fs::read_dir(&self.folder).map_err(failed)? {
            let name = file.map_err(failed)?.file_name();
            let date = name.to_str().and_then(|name| name.strip_suffix(".key"));
            let date = date.and_then(|date| date.parse::<jiff::civil::Date>().ok());
            if let Some(noon) = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()) {
                days.push(Day::of(noon.timestamp()));
            }
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Destroys the key of `day`: overwritten, synced, removed.
    ///
    /// On storage that keeps old blocks (copy-on-write, flash) the wrapped key may linger; it opens only under the
    /// master key.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn destroy(&self, day: Day) -> Result<(), KeyRingError> {
        let path = self.folder.join(day.file_name());
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&day);
        let failed = |source| io_error(&path, source);
        let length = fs::metadata(&path).map_err(failed)?.len();
        let mut file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
        io::copy(&mut io::repeat(0).take(length), &mut file).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::remove_file(&path).map_err(failed)?;
        sync_folder(&self.folder)
    }

    fn opened(&self, day: Day) -> Option<Arc<Secret>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&day).cloned()
    }

    fn keep(&self, day: Day, key: Secret) -> Arc<Secret> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(open.entry(day).or_insert_with(|| Arc::new(key)))
    }

    fn read(&self, day: Day) -> Result<Option<Secret>, KeyRingError> {
        let path = self.folder.join(day.file_name());
        let mut wrapped = Vec::new();
        match File::open(&path).and_then(|mut file| file.read_to_end(&mut wrapped)) {
            Ok(_) => {}
            // A key that is missing from the ring is gone; a ring that is missing is only not where it is looked for.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.folder.is_dir() => return Ok(None),
            Err(source) => return Err(io_error(&path, source)),
        }
        unwrap_key(&self.master, day.file_name().as_bytes(), &wrapped)
            .map(Some)
            .map_err(|_| KeyRingError::WrongMasterKey { path })
    }

    fn make(&self, day: Day, entropy: &dyn Entropy) -> Result<(), KeyRingError> {
        let key = Secret::new(random(entropy).map_err(|_| KeyRingError::Cipher)?);
        let nonce = random::<NONCE_LEN>(entropy).map_err(|_| KeyRingError::Cipher)?;
        let wrapped = wrap(&self.master, nonce, day.file_name().as_bytes(), key.expose())
            .map_err(|_| KeyRingError::Cipher)?;
        let path = self.folder.join(day.file_name());
        let draft = self.folder.join(format!("{}.{}", day.file_name(), hex::encode(nonce)));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| file.write_all(&wrapped).and_then(|()| file.sync_all()))
            // Whoever links first has made the day's key; a second maker finds it there and reads it.
            .and_then(|()| match fs::hard_link(&draft, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            });
        let removed = fs::remove_file(&draft);
        written.and(removed).map_err(|source| io_error(&path, source))?;
        sync_folder(&self.folder)
    }
}

fn sync_folder(folder: &Path) -> Result<(), KeyRingError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io_error(folder, source))
}

fn io_error(path: &Path, source: io::Error) -> KeyRingError {
    KeyRingError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn a_day_keeps_its_key_over_restarts_until_it_is_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let master = Secret::new([1; 32]);
        let day = Day::of("2026-11-22T10:00:00Z".parse().unwrap());
        let first = KeyRing::new(folder.path(), master.clone());
        let key = first.key_of(day, &SystemEntropy).unwrap();
        let second = KeyRing::new(folder.path(), master);
        assert_eq!(second.key_of(day, &SystemEntropy).unwrap().expose(), key.expose());
        assert_eq!(second.days().unwrap(), [day]);
        second.destroy(day).unwrap();
        assert!(second.existing(day).unwrap().is_none());
        assert!(second.days().unwrap().is_empty());
    }

    #[test]
    fn a_ring_does_not_open_under_another_master_key() {
        let folder = tempfile::tempdir().unwrap();
        let day = Day::new(20_000);
        KeyRing::new(folder.path(), Secret::new([1; 32])).key_of(day, &SystemEntropy).unwrap();
        let other = KeyRing::new(folder.path(), Secret::new([2; 32]));
        assert!(matches!(other.key_of(day, &SystemEntropy), Err(KeyRingError::WrongMasterKey { .. })));
        assert!(matches!(other.existing(day), Err(KeyRingError::WrongMasterKey { .. })));
    }

    #[test]
    fn a_ring_that_cannot_be_read_is_not_taken_for_one_without_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let day = Day::new(20_000);
        let elsewhere = KeyRing::new(folder.path().join("not-mounted"), Secret::new([1; 32]));
        assert!(matches!(elsewhere.existing(day), Err(KeyRingError::Io { .. })));
        fs::create_dir(folder.path().join(day.file_name())).unwrap();
        let unreadable = KeyRing::new(folder.path(), Secret::new([1; 32]));
        assert!(matches!(unreadable.existing(day), Err(KeyRingError::Io { .. })));
    }

    #[test]
    fn a_start_learns_which_days_are_lost_and_whether_the_others_open() {
        let folder = tempfile::tempdir().unwrap();
        let (there, lost) = (Day::new(20_000), Day::new(20_001));
        KeyRing::new(folder.path(), Secret::new([1; 32])).key_of(there, &SystemEntropy).unwrap();
        let restarted = KeyRing::new(folder.path(), Secret::new([1; 32]));
        assert_eq!(restarted.open_all([there, lost]).unwrap(), [lost]);
        let mistaken = KeyRing::new(folder.path(), Secret::new([2; 32]));
        assert!(matches!(mistaken.open_all([lost, there]), Err(KeyRingError::WrongMasterKey { .. })));
    }
}
