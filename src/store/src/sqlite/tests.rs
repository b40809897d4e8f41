//! The promises of every store, and those that only SQLite makes.

mod bodies;
mod crash;
mod faults;
mod files;
mod lists;
mod plans;
mod sightings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clearance::journey::{Ending, RecorderError};
use clearance::seal::Day;
use clearance::words::{ClientId, DestinationName, TransferId};
use jiff::Timestamp;
use ledger::verify::{Finding, Report};
use tempfile::TempDir;

use super::{Settings, Sqlite};
use crate::BodyFolder;
use crate::conformance::{Candidate, House};
use crate::operator::{Handled, Handling, Operator, Paused};
use crate::views::{Conclusion, QueueDepth, StandingChange, StandingRecorded, Withdrawal};

crate::conforms!(Folder::new());

/// A folder of its own, gone with the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("clearance.db")
    }

    fn settings(&self) -> Settings {
        settings(&self.path())
    }
}

fn settings(path: &Path) -> Settings {
    let bodies = BodyFolder::open(&path.with_file_name("bodies"), u64::MAX).unwrap();
    Settings {
        path: path.to_owned(),
        erased_within: Duration::from_secs(30),
        bytes_max: None,
        bodies: Arc::new(bodies),
        bytes_reserved: 0,
    }
}

impl House for Folder {
    type Store = Sqlite;

    async fn open(&self, now: Timestamp) -> Sqlite {
        Sqlite::open(self.settings(), now).unwrap()
    }
}

impl Candidate for Sqlite {
    async fn conclude(&self, ending: Ending) -> Result<Conclusion, RecorderError> {
        Sqlite::conclude(self, ending).await
    }

    async fn withdraw(
        &self,
        transfer: TransferId,
        client: &ClientId,
        at: Timestamp,
    ) -> Result<Withdrawal, RecorderError> {
        Sqlite::withdraw(self, transfer, client, at).await
    }

    async fn put_back(
        &self,
        transfer: TransferId,
        at: Timestamp,
        until: Timestamp,
        code: &'static str,
    ) -> Result<(), RecorderError> {
        Sqlite::put_back(self, transfer, at, until, code).await
    }

    async fn call_for(
        &self,
        destination: &DestinationName,
        at: Timestamp,
        code: &'static str,
    ) -> Result<usize, RecorderError> {
        Sqlite::call_for(self, destination, at, code).await
    }

    async fn change_standing(&self, change: StandingChange) -> Result<StandingRecorded, RecorderError> {
        Sqlite::change_standing(self, change).await
    }

    async fn pause(&self, destination: &DestinationName, by: Operator) -> Result<bool, RecorderError> {
        Sqlite::pause(self, destination, by).await
    }

    async fn resume(&self, destination: &DestinationName, by: Operator) -> Result<bool, RecorderError> {
        Sqlite::resume(self, destination, by).await
    }

    async fn handle(
        &self,
        transfers: Vec<TransferId>,
        handling: Handling,
        by: Option<Operator>,
    ) -> Result<Handled, RecorderError> {
        Sqlite::handle(self, transfers, handling, by).await
    }

    async fn paused(&self) -> Result<Vec<Paused>, RecorderError> {
        Sqlite::paused(self).await
    }

    async fn purge(&self, now: Timestamp) -> Result<usize, RecorderError> {
        Sqlite::purge(self, now).await
    }

    async fn status(&self, now: Timestamp) -> Result<Vec<QueueDepth>, RecorderError> {
        Sqlite::status(self, now).await
    }

    async fn next_due(&self, destination: &DestinationName) -> Result<Option<Timestamp>, RecorderError> {
        Sqlite::next_due(self, destination).await
    }

    async fn undelivered_days(&self) -> Result<BTreeSet<Day>, RecorderError> {
        Sqlite::undelivered_days(self).await
    }

    async fn verify(&self) -> Result<Result<Report, Finding>, RecorderError> {
        Sqlite::verify(self, Vec::new()).await
    }
}
