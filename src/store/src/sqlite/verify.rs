//! Whether the ledger in the file is the one that was written: its end at each opening, all of it on demand.

use clearance::words::{State, TransferId};
use ledger::tree::{Frontier, leaf_hash};
use ledger::verify::{Fault, Finding, Record, Report, Verification};
use ledger::{Disclosure, Entry, Outcome, SignedCheckpoint};
use rusqlite::{Connection, OptionalExtension};

use super::fault::Abort;
use super::rows::Column;
use super::{inquiries, queries};
use crate::views::{PAGE_ROWS_MAX, StoredEntry};

/// The entries that an opening reads: a complete subtree of this many is believed, what comes after it is recomputed.
const TAIL: u64 = PAGE_ROWS_MAX as u64;

/// Checks the last entries against their hashes and the frontier.
pub(super) fn tail(connection: &Connection) -> Result<Frontier, Abort> {
    let frontier = queries::frontier(connection)?;
    let size = frontier.size();
    let last: Option<u64> = connection.query_row("SELECT max(idx) FROM entry", [], |row| row.get(0))?;
    if last.map_or(0, |last| last + 1) != size {
        return Err(Abort::damaged("the ledger and its frontier differ in size"));
    }
    let loose = size % TAIL;
    let from = if loose == 0 { size.saturating_sub(TAIL) } else { size - loose };
    let mut edge = Frontier::new();
    for stored in queries::entries(connection, from, size)? {
        if leaf_hash(&stored.leaf) != stored.hash {
            return Err(Abort::damaged("an entry at the end of the ledger does not have its stored hash"));
        }
        edge.append(stored.hash);
    }
    // The subtrees that are smaller than the page are those of the entries just read.
    let (known, recomputed) = (frontier.encode(), edge.encode());
    let agrees = loose == 0 || recomputed.get(8..).is_some_and(|edge| known.ends_with(edge));
    if agrees && edge.size() == size - from {
        Ok(frontier)
    } else {
        Err(Abort::damaged("the end of the ledger does not have the root that was written"))
    }
}

/// Checks every entry, and that the outbox agrees with the ledger on what has ended.
pub(super) fn whole(
    connection: &Connection,
    checkpoints: &[SignedCheckpoint],
) -> Result<Result<Report, Finding>, Abort> {
    let frontier = queries::frontier(connection)?;
    let report = match entries(connection, checkpoints, frontier.size())? {
        Ok(report) => report,
        Err(finding) => return Ok(Err(finding)),
    };
    rows(connection)?;
    let size = frontier.size();
    if report.size != size {
        return Ok(Err(Finding { index: report.size, fault: Fault::Missing { size } }));
    }
    if report.root != frontier.root() {
        return Ok(Err(Finding { index: report.signed_size, fault: Fault::Root { size } }));
    }
    Ok(Ok(report))
}

fn entries(
    connection: &Connection,
    checkpoints: &[SignedCheckpoint],
    size: u64,
) -> Result<Result<Report, Finding>, Abort> {
    let mut verification = Verification::new();
    for checkpoint in checkpoints {
        verification = match verification.checkpoint(checkpoint) {
            Ok(verification) => verification,
            Err(finding) => return Ok(Err(finding)),
        };
    }
    let mut from = 0;
    loop {
        let page = queries::entries(connection, from, size)?;
        let Some(last) = page.last() else {
            return Ok(verification.finish());
        };
        from = last.index + 1;
        for StoredEntry { index, leaf, hash } in page {
            let record = Record { index, leaf: &leaf, hash: Some(hash) };
            verification = match verification.record(record) {
                Ok(verification) => verification,
                Err(finding) => return Ok(Err(finding)),
            };
            match Entry::decode(&leaf) {
                Ok(Entry::Disclosure(disclosure)) => has_row(connection, index, &disclosure)?,
                Ok(Entry::Outcome(outcome)) => ending(connection, index, &outcome)?,
                Ok(Entry::Inquiry(asked)) => inquiries::has_row(connection, index, &asked)?,
                Ok(entry) => inquiries::is_tied(connection, index, &entry)?,
                // The verification has refused it already.
                Err(_) => {}
            }
        }
    }
}

/// A disclosure without its transfer would be a promise that nobody keeps.
fn has_row(connection: &Connection, index: u64, disclosure: &Disclosure) -> Result<(), Abort> {
    let row = connection
        .prepare_cached("SELECT id FROM transfer WHERE entry = ?1")?
        .query_row([index], |row| row.get(0).map(|Column::<TransferId>(id)| id))
        .optional()?;
    if row.is_some_and(|id| id.to_string() == disclosure.transfer.as_str()) {
        Ok(())
    } else {
        Err(Abort::damaged("a disclosure has no transfer, or that of another"))
    }
}

/// A final outcome is tied to the disclosure of its transfer, so that a row rolled back cannot be sent again; and the row
/// tells its client the same.
fn ending(connection: &Connection, index: u64, outcome: &Outcome) -> Result<(), Abort> {
    let tied = connection
        .prepare_cached(
            "SELECT t.id, t.state FROM entry e JOIN transfer t ON t.entry = e.ends WHERE e.idx = ?1",
        )?
        .query_row([index], |row| {
            let (Column(id), Column(state)): (Column<TransferId>, Column<State>) = (row.get(0)?, row.get(1)?);
            Ok((id, state))
        })
        .optional()?;
    let expected = outcome.state.is_final().then(|| (outcome.transfer.as_str().to_owned(), outcome.state));
    if tied.map(|(id, state)| (id.to_string(), state)) == expected {
        Ok(())
    } else {
        Err(Abort::damaged(
            "a final outcome is not tied to the disclosure of its transfer, or its row says another",
        ))
    }
}

/// No row says that a transfer has ended of which the ledger holds no end, nor the other way round.
fn rows(connection: &Connection) -> Result<(), Abort> {
    let differ: bool = connection.query_row(
        "SELECT EXISTS (
             SELECT 1 FROM transfer t
             WHERE (t.state NOT IN ('accepted', 'delivering', 'unknown'))
                <> EXISTS (SELECT 1 FROM entry e WHERE e.ends = t.entry))",
        [],
        |row| row.get(0),
    )?;
    if differ {
        return Err(Abort::damaged("a transfer's row and the ledger disagree on whether it has ended"));
    }
    Ok(())
}
