//! kill -9: what was acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use clearance::journey::{Recorder, RecorderError};
use clearance::words::State;

use super::super::Sqlite;
use super::{Folder, settings};
use crate::conformance::{House, Sample, at, ending};
use crate::views::TransferFilter;

/// Names the store to the child that is to be killed.
const CHILD: &str = "CLEARANCE_STORE_TEST_CHILD";
const WRITERS: u64 = 8;
const KILLS: u64 = 5;
const ACKNOWLEDGED_BEFORE_THE_KILL: usize = 200;

/// Not a test: the child that the tests below start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes_until_it_is_killed() {
    let Some(given) = std::env::var_os(CHILD) else {
        return;
    };
    let given = given.into_string().unwrap();
    let (round, path) = given.split_once(' ').unwrap();
    let start = round.parse::<u64>().unwrap() * 1_000_000;
    let store = Arc::new(Sqlite::open(settings(&PathBuf::from(path)), at(0)).unwrap());
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for number in (start + writer..).step_by(WRITERS as usize) {
                if let Err(error) = serve(&store, number).await {
                    return acknowledge(&format!("{error:?}"), number);
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

async fn serve(store: &Sqlite, number: u64) -> Result<(), RecorderError> {
    let sample = Sample::new(number);
    store.record(sample.acceptance()).await?;
    acknowledge("accepted", number);
    if number.is_multiple_of(2) {
        store.begin(sample.transfer(), 0, at(1), at(60)).await?.unwrap();
        store.end(ending(sample.transfer(), State::Delivered, at(2))).await?;
        acknowledge("delivered", number);
    }
    Ok(())
}

fn acknowledge(state: &str, number: u64) {
    // One write, so that the kill cannot tear a line that has been begun.
    std::io::stdout().lock().write_all(format!("{state} {number}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = Folder::new();
    for round in 0..KILLS {
        let said = listen(child(Command::new(this_binary()), round, &folder), ACKNOWLEDGED_BEFORE_THE_KILL);
        assert!(said.len() >= ACKNOWLEDGED_BEFORE_THE_KILL);
        is_all_there(&folder, &said).await;
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_write_failed_is_there_and_then_all_are_refused() {
    let folder = Folder::new();
    // A file may not grow beyond 2 MiB: the write fails with EFBIG, which SQLite reports as an input/output error.
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"trap "" XFSZ; ulimit -f 4096; exec "$0" "$@""#]).arg(this_binary());
    let said = listen(child(limited, 0, &folder), usize::MAX);
    let refused = said.iter().filter(|(state, _)| state == "Latched").count();
    assert_eq!(refused, usize::try_from(WRITERS).unwrap());
    assert!(said.len() > refused);
    is_all_there(&folder, &said).await;
}

/// What was acknowledged is on record, nothing is half done, and the ledger is without fault.
async fn is_all_there(folder: &Folder, said: &[(String, u64)]) {
    let store = folder.open(at(10)).await;
    for (state, number) in said.iter().filter(|(state, _)| state != "Latched") {
        let view = store.transfer(Sample::new(*number).transfer()).await.unwrap();
        let view = view.expect("an acknowledged transfer is there");
        assert!(state != "delivered" || view.state == State::Delivered);
    }
    let delivering = TransferFilter { state: Some(State::Delivering), ..TransferFilter::default() };
    assert!(store.transfers(delivering, 1).await.unwrap().is_empty());
    store.verify(Vec::new()).await.unwrap().unwrap();
}

fn this_binary() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn child(mut command: Command, round: u64, folder: &Folder) -> Child {
    command
        .args(["--exact", "sqlite::tests::crash::child_that_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, format!("{round} {}", folder.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the child says until it ends, or is killed after so many lines, in the middle of its work.
fn listen(mut child: Child, lines_max: usize) -> Vec<(String, u64)> {
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((state @ ("accepted" | "delivered" | "Latched"), number)) = line.split_once(' ') else {
            continue;
        };
        said.push((state.to_owned(), number.parse().unwrap()));
        if said.len() == lines_max {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    said
}
