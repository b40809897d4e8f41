//! When the disk fails, or is full, or many come at once.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clearance::journey::{Ending, Recorder, RecorderError};
use clearance::words::State;
use ledger::Kind;
use rusqlite::ffi;

use super::super::Sqlite;
use super::super::fault::Abort;
use super::{Folder, Settings, settings};
use crate::conformance::{House, Sample, at, ending};

fn large(number: u64) -> Sample {
    Sample { body_bytes: 100_000, ..Sample::new(number) }
}

/// A store of 2 MiB, of which 256 KiB are kept for what has been accepted.
fn small(folder: &Folder) -> Settings {
    Settings { bytes_max: Some(2 << 20), bytes_reserved: 256 << 10, ..folder.settings() }
}

/// Records until the store is full, and says how many it has taken.
async fn fill(store: &Sqlite) -> u64 {
    for number in 0..1000 {
        match store.record(large(number).acceptance()).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, RecorderError::Full);
                return number;
            }
        }
    }
    panic!("it is never full");
}

/// Endings go through, and make room for others.
async fn recovers(store: &Sqlite, taken: u64) {
    for number in 0..taken {
        store.end(ending(large(number).transfer(), State::Delivered, at(1000))).await.unwrap();
    }
    store.record(large(taken).acceptance()).await.unwrap();
    let report = store.verify(Vec::new()).await.unwrap().unwrap();
    assert_eq!((report.entries[&Kind::Disclosure], report.open_transfers), (taken + 1, 1));
}

#[tokio::test]
async fn a_full_store_refuses_and_recovers_by_itself() {
    let folder = Folder::new();
    let store = Sqlite::open(small(&folder), at(0)).unwrap();
    let taken = fill(&store).await;
    assert!(taken > 3);
    recovers(&store, taken).await;
}

#[tokio::test]
async fn what_was_accepted_before_it_was_full_is_begun_and_ended_on_record() {
    let folder = Folder::new();
    let store = Sqlite::open(small(&folder), at(0)).unwrap();
    let taken = fill(&store).await;
    // Each is tried several times, and nothing is erased until the very end.
    for second in 1..8 {
        for number in 0..taken {
            let transfer = large(number).transfer();
            let begun = store.begin(transfer, 0, at(10 * second), at(10 * second + 5)).await;
            begun.expect("recorded").expect("begun");
            let setback = Ending {
                next_attempt_at: Some(at(10 * second + 10)),
                ..ending(transfer, State::Accepted, at(10 * second + 1))
            };
            store.end(setback).await.expect("recorded");
        }
        assert_eq!(store.record(large(taken).acceptance()).await, Err(RecorderError::Full));
    }
    recovers(&store, taken).await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_by_itself() {
    let folder = Folder::new();
    let disk = folder.0.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        println!("skipped: a file system of its own cannot be mounted here");
        return;
    }
    let settings = Settings { bytes_reserved: 512 << 10, ..settings(&disk.join("clearance.db")) };
    let store = Sqlite::open(settings, at(0)).unwrap();
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let taken = fill(&store).await;
    assert!(taken > 3);
    assert_eq!(store.record(large(taken).acceptance()).await, Err(RecorderError::Full));
    std::fs::remove_file(&ballast).unwrap();
    store.record(large(taken).acceptance()).await.unwrap();
    assert_eq!(store.verify(Vec::new()).await.unwrap().unwrap().size, taken + 1);
    drop(store);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
}

#[tokio::test]
async fn an_input_output_error_latches_until_it_is_opened_again() {
    for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CORRUPT, ffi::SQLITE_NOMEM] {
        let folder = Folder::new();
        let store = folder.open(at(0)).await;
        let (kept, lost) = (Sample::new(1), Sample::new(2));
        store.record(kept.acceptance()).await.unwrap();
        let failing = store.queue.write(move |commit| -> Result<(), Abort> {
            let _ = super::super::commands::record(commit, lost.acceptance())?;
            Err(Abort::Sql(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)))
        });
        // Another in the same group is not acknowledged either.
        let beside = Sample::new(3);
        let (failed, beside) = tokio::join!(failing, store.record(beside.acceptance()));
        assert_eq!((failed, beside), (Err(RecorderError::Latched), Err(RecorderError::Latched)));
        assert_eq!(store.transfer(kept.transfer()).await.err(), Some(RecorderError::Latched));
        assert_eq!(store.reserve(&kept.idempotency()).await, Err(RecorderError::Latched));
        drop(store);

        let store = folder.open(at(1)).await;
        assert!(store.transfer(kept.transfer()).await.unwrap().is_some());
        assert_eq!(store.verify(Vec::new()).await.unwrap().unwrap().size, 1);
    }
}

#[tokio::test]
async fn a_reader_that_takes_its_time_delays_no_record() {
    let folder = Folder::new();
    let store = Arc::new(folder.open(at(0)).await);
    store.record(Sample::new(1).acceptance()).await.unwrap();
    let reader = rusqlite::Connection::open(folder.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM transfer").unwrap();
    let _: u64 = reader.query_row("SELECT count(*) FROM transfer", [], |row| row.get(0)).unwrap();
    store.end(ending(Sample::new(1).transfer(), State::Delivered, at(1))).await.unwrap();
    let emptying = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.empty_log().await }
    });
    for number in 2..20 {
        let recorded = store.record(Sample::new(number).acceptance());
        tokio::time::timeout(Duration::from_secs(3), recorded).await.expect("in time").unwrap();
    }
    assert_eq!(emptying.await.unwrap(), Ok(false));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(store.empty_log().await, Ok(true));
}

#[tokio::test]
async fn a_lock_that_somebody_else_holds_refuses_and_does_not_latch() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    let busy = store.queue.write(|_| -> Result<(), Abort> {
        Err(Abort::Sql(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)))
    });
    assert_eq!(busy.await, Err(RecorderError::Busy));
    store.record(Sample::new(1).acceptance()).await.unwrap();
}

#[tokio::test]
async fn a_probe_finds_a_store_full_in_which_forgetting_nothing_would_have_succeeded() {
    let folder = Folder::new();
    let store = Sqlite::open(small(&folder), at(0)).unwrap();
    store.probe().await.unwrap();
    let taken = fill(&store).await;
    // Down to the reserve.
    let mut number = 10_000;
    while store.record(Sample::new(number).acceptance()).await.is_ok() {
        number += 1;
    }
    assert_eq!(store.purge(at(1)).await, Ok(0));
    assert_eq!(store.probe().await, Err(RecorderError::Full));
    for number in 0..taken {
        store.end(ending(large(number).transfer(), State::Delivered, at(1))).await.unwrap();
    }
    store.probe().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_share_a_commit() {
    let folder = Folder::new();
    let store = Arc::new(folder.open(at(0)).await);
    let mut changes = store.changes();
    let before = store.figures();
    let tasks: Vec<_> = (0..400)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.record(Sample::new(number).acceptance()).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let figures = store.figures();
    assert_eq!(figures.commands - before.commands, 400);
    assert!(figures.commits - before.commits < 200, "{figures:?}");
    assert!(figures.group_max > 2, "{figures:?}");
    assert_eq!(store.verify(Vec::new()).await.unwrap().unwrap().size, 400);
    for _ in 0..400 {
        assert_eq!(changes.recv().await.unwrap().state, State::Accepted);
    }
}

#[tokio::test]
async fn shutting_down_carries_out_what_waits_and_refuses_what_comes_later() {
    let folder = Folder::new();
    let store = Arc::new(folder.open(at(0)).await);
    let waiting: Vec<_> = (0..50).map(|number| Sample::new(number).acceptance()).collect();
    let recording = waiting.into_iter().map(|acceptance| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.record(acceptance).await })
    });
    let recording: Vec<_> = recording.collect();
    tokio::task::yield_now().await;
    store.shutdown().await;
    let mut acknowledged = 0;
    for task in recording {
        match task.await.unwrap() {
            Ok(_) => acknowledged += 1,
            Err(error) => assert_eq!(error, RecorderError::Latched),
        }
    }
    assert_eq!(store.record(Sample::new(99).acceptance()).await, Err(RecorderError::Latched));
    let reopened = folder.open(at(1)).await;
    assert_eq!(reopened.verify(Vec::new()).await.unwrap().unwrap().size, acknowledged);
}
