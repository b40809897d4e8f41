//! Bodies outside the database: there while a row names them, and not a moment longer than its thread takes.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use clearance::journey::Recorder;
use clearance::seal::{Bodies, SealedParts};
use clearance::words::State;

use super::Folder;
use crate::BodyFolder;
use crate::conformance::{Sample, at, ending};
use crate::sqlite::{LedgerFile, Sqlite};
use crate::views::Withdrawal;

const LENGTH: u64 = 200_000;

/// A transfer whose parts lie in a body.
fn sample(number: u64) -> Sample {
    Sample { parts: Some(SealedParts::InBody { length: LENGTH }), ..Sample::new(number) }
}

fn put(bodies: &dyn Bodies, sample: &Sample) {
    let mut body = bodies.create(sample.transfer()).unwrap();
    body.write_all(&vec![9; usize::try_from(LENGTH).unwrap()]).unwrap();
    body.keep().unwrap();
}

fn left(bodies: &dyn Bodies) -> Vec<u64> {
    let mut left = bodies.list().unwrap();
    left.sort();
    left.iter().map(|id| (1..10).find(|number| Sample::new(*number).transfer() == *id).unwrap()).collect()
}

#[tokio::test]
async fn a_body_is_removed_when_its_transfer_has_ended_however_it_ended() {
    let folder = Folder::new();
    let settings = folder.settings();
    let bodies = Arc::clone(&settings.bodies);
    let store = Sqlite::open(settings, at(0)).unwrap();
    for number in 1..=4 {
        put(&*bodies, &sample(number));
        store.record(sample(number).acceptance()).await.unwrap();
    }
    for (number, state) in [(1, State::Delivered), (2, State::Expired)] {
        store.end(ending(sample(number).transfer(), state, at(1))).await.unwrap();
    }
    let withdrawn = store.withdraw(sample(3).transfer(), &"ehr".parse().unwrap(), at(1)).await;
    assert_eq!(withdrawn, Ok(Withdrawal::Withdrawn));
    drop(store);
    assert_eq!(left(&*bodies), [4]);
}

#[tokio::test]
async fn what_no_row_names_is_swept_at_the_start_and_what_one_names_is_not() {
    let folder = Folder::new();
    let bodies = folder.settings().bodies;
    let store = Sqlite::open(folder.settings(), at(0)).unwrap();
    for number in 1..=3 {
        put(&*bodies, &sample(number));
    }
    // One is recorded; one is recorded with all of it in the record; an upload of the third was cut off.
    store.record(sample(1).acceptance()).await.unwrap();
    let in_record = Sample { parts: Some(SealedParts::InRecord(vec![1])), ..Sample::new(2) };
    store.record(in_record.acceptance()).await.unwrap();
    drop(store);
    std::fs::write(folder.path().with_file_name("bodies").join("readme.txt"), "not ours").unwrap();
    drop(Sqlite::open(folder.settings(), at(1)).unwrap());
    assert_eq!(left(&*bodies), [1]);
}

#[tokio::test]
async fn a_body_that_is_missing_or_cut_is_reported_while_its_transfer_waits() {
    let folder = Folder::new();
    let bodies = folder.settings().bodies;
    let store = Sqlite::open(folder.settings(), at(0)).unwrap();
    for number in 1..=4 {
        put(&*bodies, &sample(number));
        store.record(sample(number).acceptance()).await.unwrap();
    }
    store.end(ending(sample(4).transfer(), State::Delivered, at(1))).await.unwrap();
    drop(store);
    let ledger = LedgerFile::open(&folder.path()).unwrap();
    assert_eq!(ledger.missing_bodies(&*bodies), Ok(Vec::new()));
    bodies.remove(sample(1).transfer()).unwrap();
    let cut = folder.path().with_file_name("bodies").join(format!("{}.sealed", sample(2).transfer()));
    std::fs::OpenOptions::new().write(true).open(cut).unwrap().set_len(LENGTH - 1).unwrap();
    let missing = ledger.missing_bodies(&*bodies).unwrap();
    assert_eq!(missing, [sample(1).transfer(), sample(2).transfer()]);
}

#[test]
fn bodies_do_not_grow_beyond_their_limit_and_what_did_not_fit_leaves_nothing() {
    let folder = Folder::new();
    let path = folder.path().with_file_name("bodies");
    let bodies = BodyFolder::open(&path, 2 * LENGTH).unwrap();
    put(&bodies, &sample(1));
    let mut begun = bodies.create(sample(2).transfer()).unwrap();
    begun.write_all(&[1; 100_000]).unwrap();
    let full = begun.write_all(&vec![1; 100_001]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    assert!(bodies.create(sample(2).transfer()).is_err(), "there is one already");
    drop(begun);
    assert_eq!(left(&bodies), [1]);
    put(&bodies, &sample(2));
    // What is there counts after a restart too, and what is removed does not any more.
    let bodies = BodyFolder::open(&path, 2 * LENGTH).unwrap();
    let refused = bodies.create(sample(3).transfer()).unwrap().write_all(b"x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    bodies.remove(sample(1).transfer()).unwrap();
    bodies.remove(sample(1).transfer()).unwrap();
    put(&bodies, &sample(3));
    let mode = |name: &str| std::fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode(&format!("{}.sealed", sample(3).transfer()))), (0o700, 0o600));
}

#[tokio::test]
async fn a_body_is_read_from_anywhere_and_a_missing_one_is_told_from_a_missing_folder() {
    let folder = Folder::new();
    let path = folder.path().with_file_name("bodies");
    let bodies = BodyFolder::open(&path, u64::MAX).unwrap();
    let mut body = bodies.create(sample(1).transfer()).unwrap();
    body.write_all(&[[1; 10], [2; 10]].concat()).unwrap();
    body.keep().unwrap();
    let read = |from, length| bodies.read(sample(1).transfer(), from, length);
    assert_eq!(read(8, 4).await.unwrap(), [1, 1, 2, 2]);
    assert_eq!(read(18, 4).await.unwrap(), [2, 2]);
    assert_eq!(bodies.length(sample(1).transfer()).unwrap(), Some(20));
    assert_eq!(bodies.length(sample(2).transfer()).unwrap(), None);
    std::fs::remove_dir_all(&path).unwrap();
    assert!(bodies.length(sample(1).transfer()).is_err());
    assert!(bodies.remove(sample(1).transfer()).is_err());
}
