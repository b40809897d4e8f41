//! What is in the files, and what is not any more.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;

use clearance::journey::Recorder;
use clearance::words::State;
use ledger::verify::Fault;
use rusqlite::Connection;

use super::super::{OpenError, Sqlite};
use super::Folder;
use crate::conformance::{House, Sample, at, ending};

fn anywhere(folder: &Folder, needle: &[u8]) -> bool {
    let files = fs::read_dir(folder.0.path()).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[tokio::test]
async fn an_erased_body_is_in_no_file_any_more() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    let (erased, kept) = (Sample { body_bytes: 20_000, ..Sample::new(1) }, Sample::new(2));
    store.record(erased.acceptance()).await.unwrap();
    store.record(kept.acceptance()).await.unwrap();
    assert!(store.empty_log().await.unwrap());
    // Any part of it: a page of the database holds less than all of it.
    let body = erased.body();
    let parts = [&body[..32], &body[9_984..10_016], &body[19_968..]];
    assert!(parts.iter().all(|part| anywhere(&folder, part)));

    store.end(ending(erased.transfer(), State::Delivered, at(1))).await.unwrap();
    assert!(store.empty_log().await.unwrap());
    assert!(!parts.iter().any(|part| anywhere(&folder, part)));
    assert!(!anywhere(&folder, &erased.acceptance().sealed.key));
    assert!(anywhere(&folder, &kept.body()[..32]));
}

#[tokio::test]
async fn the_log_is_emptied_by_itself_after_an_erasure() {
    let folder = Folder::new();
    let settings = super::Settings { erased_within: std::time::Duration::ZERO, ..folder.settings() };
    let store = Sqlite::open(settings, at(0)).unwrap();
    let sample = Sample::new(1);
    store.record(sample.acceptance()).await.unwrap();
    let before = store.figures().checkpoints;
    store.end(ending(sample.transfer(), State::Delivered, at(1))).await.unwrap();
    while store.figures().checkpoints < before + 2 {
        tokio::task::yield_now().await;
    }
    drop(store);
    assert!(!anywhere(&folder, &sample.body()[..32]));
}

#[tokio::test]
async fn nothing_is_written_elsewhere_and_nobody_else_may_read_it() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    store.record(Sample::new(1).acceptance()).await.unwrap();
    let mut names = Vec::new();
    for file in fs::read_dir(folder.0.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        ["bodies", "clearance.db", "clearance.db-shm", "clearance.db-wal", "clearance.db.lock"]
    );
}

#[tokio::test]
async fn a_store_is_open_once() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    let again = Sqlite::open(folder.settings(), at(0));
    assert!(matches!(again, Err(OpenError::InUse { .. })), "{again:?}");
    store.shutdown().await;
    folder.open(at(0)).await;
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(Sqlite::open(folder.settings(), at(0)).unwrap());
    let connection = Connection::open(folder.path()).unwrap();
    connection.pragma_update(None, "user_version", 9).unwrap();
    let refused = Sqlite::open(folder.settings(), at(0)).unwrap_err();
    let message = "the store has schema 9, and this version knows schemas up to 6: run the newer version";
    assert_eq!(refused.to_string(), message);
}

#[tokio::test]
async fn a_flipped_byte_is_found_at_its_entry() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    // More than the page that an opening reads.
    for number in 0..1100 {
        store.record(Sample::new(number).acceptance()).await.unwrap();
    }
    assert_eq!(store.verify(Vec::new()).await.unwrap().unwrap().size, 1100);
    drop(store);

    let old = Sample::new(7);
    flip(&folder, old.transfer().to_string().as_bytes());
    let store = folder.open(at(1)).await;
    let finding = store.verify(Vec::new()).await.unwrap().unwrap_err();
    assert_eq!((finding.index, finding.fault), (7, Fault::Altered));
    drop(store);

    // At the end of the ledger, it does not even open.
    flip(&folder, Sample::new(1099).transfer().to_string().as_bytes());
    assert!(matches!(Sqlite::open(folder.settings(), at(1)), Err(OpenError::Unfit(_))));
}

/// Turns one bit of the last byte of `needle`, which stands once in the database.
fn flip(folder: &Folder, needle: &[u8]) {
    let mut bytes = Vec::new();
    File::open(folder.path()).unwrap().read_to_end(&mut bytes).unwrap();
    let found: Vec<_> =
        bytes.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle).collect();
    let [(position, _)] = found[..] else { panic!("{} times", found.len()) };
    let mut file = OpenOptions::new().write(true).open(folder.path()).unwrap();
    let last = position + needle.len() - 1;
    file.seek(SeekFrom::Start(u64::try_from(last).unwrap())).unwrap();
    file.write_all(&[bytes[last] ^ 1]).unwrap();
}

#[tokio::test]
async fn a_row_rolled_back_to_before_its_end_is_not_sent_again() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    let sample = Sample::new(1);
    store.record(sample.acceptance()).await.unwrap();
    store.end(ending(sample.transfer(), State::Expired, at(1))).await.unwrap();
    drop(store);
    let connection = Connection::open(folder.path()).unwrap();
    connection.execute("UPDATE transfer SET state = 'accepted', turn = 1, due_at = accepted_at", []).unwrap();
    drop(connection);

    let store = folder.open(at(2)).await;
    assert!(store.begin(sample.transfer(), 0, at(2), at(60)).await.is_err());
}

#[tokio::test]
async fn a_row_that_says_another_end_than_the_ledger_is_found() {
    for lie in [
        // Told as delivered, though nothing ended.
        "UPDATE transfer SET state = 'delivered' WHERE state = 'accepted'",
        // Told as delivered, though it expired.
        "UPDATE transfer SET state = 'delivered' WHERE state = 'expired'",
        // Rolled back to before its end.
        "UPDATE transfer SET state = 'accepted' WHERE state = 'expired'",
        // Moved to another transfer's name.
        "UPDATE transfer SET id = zeroblob(16) WHERE state = 'accepted'",
    ] {
        let folder = Folder::new();
        let store = folder.open(at(0)).await;
        store.record(Sample::new(1).acceptance()).await.unwrap();
        store.record(Sample::new(2).acceptance()).await.unwrap();
        store.end(ending(Sample::new(2).transfer(), State::Expired, at(1))).await.unwrap();
        assert!(store.verify(Vec::new()).await.unwrap().is_ok());
        assert_eq!(Connection::open(folder.path()).unwrap().execute(lie, []).unwrap(), 1, "{lie}");
        assert!(store.verify(Vec::new()).await.is_err(), "{lie}");
    }
}

#[test]
fn the_ledger_is_append_only_and_a_body_written_once() {
    let folder = Folder::new();
    drop(Sqlite::open(folder.settings(), at(0)).unwrap());
    let connection = Connection::open(folder.path()).unwrap();
    let entry = "INSERT INTO entry (idx, leaf, hash) VALUES (0, x'00', zeroblob(32))";
    connection.execute(entry, []).unwrap();
    for sql in ["UPDATE entry SET leaf = x'01'", "DELETE FROM entry"] {
        let refused = connection.execute(sql, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
