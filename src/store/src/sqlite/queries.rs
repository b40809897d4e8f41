//! What readers ask. Each question is answered by an index, whatever the age of the store.

use std::collections::BTreeSet;

use clearance::basis::Standing;
use clearance::fault::Fault;
use clearance::journey::{Content, Due, IdempotencyScope, Reservation, TransferView};
use clearance::keys::Pseudonym;
use clearance::seal::Day;
use clearance::words::{DestinationName, State, TransferId};
use jiff::Timestamp;
use ledger::Hash;
use ledger::tree::Frontier;
use rusqlite::types::{ToSqlOutput, Type};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::fault::Abort;
use super::rows::{Column, name, standing, word, word_or_null};
use super::transfer::columns;
use crate::views::{
    PAGE_ROWS_MAX, PAGE_ROWS_SEEN_MAX, QueueDepth, StoredEntry, TransferFilter, TransferPage,
};

/// The columns of [`Due`], of the transfers that `$which` names.
macro_rules! due {
    ($which:literal) => {
        concat!(
            "SELECT t.id, e.leaf, t.state, t.attempts, t.accepted_at, t.not_after, t.lease_until, t.subject,
                    s.consent, s.restricted, s.version,
                    EXISTS (SELECT 1 FROM part_done d WHERE d.transfer = t.entry) AS is_partly_done
             FROM transfer t
             JOIN entry e ON e.idx = t.entry
             LEFT JOIN standing s ON s.subject = t.subject AND s.destination = t.destination ",
            $which
        )
    };
}

/// The oldest of the due come first: those that have been due for longest. While nothing is sent to the destination, those
/// whose deadline has passed.
pub(super) const DUE: &str = due!(
    "WHERE t.destination = ?1 AND t.turn = 1 AND t.due_at <= ?2
         AND (t.not_after < ?2 OR NOT EXISTS (SELECT 1 FROM paused p WHERE p.destination = ?1))
     ORDER BY t.due_at, t.entry LIMIT ?3"
);

/// Those behind another whose deadline has passed: they have nothing left to wait for but their end.
pub(super) const OVERDUE: &str = due!(
    "WHERE t.destination = ?1 AND t.turn = 0 AND t.not_after < ?2 ORDER BY t.not_after, t.entry LIMIT ?3"
);

pub(super) const NEXT_DUE: &str = "SELECT due_at FROM transfer WHERE destination = ?1 AND turn = 1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";

/// Each day once, by leaps through the index.
pub(super) const UNDELIVERED_DAYS: &str = "
    WITH RECURSIVE days (day) AS (
        SELECT min(day) FROM body
        UNION ALL
        SELECT (SELECT min(day) FROM body WHERE day > days.day) FROM days WHERE days.day IS NOT NULL
    )
    SELECT day FROM days WHERE day IS NOT NULL";

// A partial index is used only where its condition is spelt out.
pub(super) const STATUS: &str = "
    SELECT q.destination, q.pending, o.accepted_at,
           (SELECT count(*) FROM transfer d WHERE d.destination = q.destination AND d.turn = 1 AND d.due_at <= ?1)
               AS due,
           (SELECT count(*) FROM transfer u
               WHERE u.state <> 'delivered' AND u.state = 'unknown' AND u.destination = q.destination) AS unknown
    FROM (SELECT destination, count(*) AS pending, min(entry) AS oldest
          FROM transfer WHERE turn IS NOT NULL GROUP BY destination) q
    JOIN transfer o ON o.entry = q.oldest
    ORDER BY q.destination";

const VIEW: &str = "
    SELECT entry, id, client, destination, purpose, state, attempts, accepted_at, state_since, due_at, lease_until,
           not_after, code, faults, reference
    FROM transfer";

/// What is known of an idempotency key; the lease on it is the caller's.
pub(super) fn reservation(connection: &Connection, scope: &IdempotencyScope) -> Result<Reservation, Abort> {
    let mut statement = connection.prepare_cached(
        "SELECT i.content, i.answer, t.id FROM idempotency i JOIN transfer t ON t.entry = i.transfer
         WHERE i.client = ?1 AND i.key = ?2",
    )?;
    let accepted = |row: &Row<'_>| {
        Ok(Reservation::Accepted {
            content: Content(row.get("content")?),
            transfer: word(row, "id")?,
            answer: row.get("answer")?,
        })
    };
    Ok(statement.query_row(columns(scope), accepted).optional()?.unwrap_or(Reservation::Fresh))
}

pub(super) fn standing_towards(
    connection: &Connection,
    subject: Pseudonym,
    destination: &DestinationName,
) -> Result<Standing, Abort> {
    let mut statement = connection.prepare_cached(
        "SELECT consent, restricted, version FROM standing WHERE subject = ?1 AND destination = ?2",
    )?;
    let known = statement.query_row((subject.0, destination.as_str()), standing).optional()?;
    Ok(known.unwrap_or_default())
}

pub(super) fn due(
    connection: &Connection,
    destination: &DestinationName,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, Abort> {
    let limit = limit.min(PAGE_ROWS_MAX);
    let mut found = due_by(connection, DUE, destination, now, limit)?;
    found.extend(due_by(connection, OVERDUE, destination, now, limit - found.len())?);
    Ok(found)
}

fn due_by(
    connection: &Connection,
    query: &str,
    destination: &DestinationName,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, Abort> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map((destination.as_str(), Column(now), limit), |row| {
        Ok(Due {
            transfer: word(row, "id")?,
            leaf: row.get("leaf")?,
            subject: Pseudonym(row.get("subject")?),
            standing: standing(row)?,
            state: state(row)?,
            attempts: row.get("attempts")?,
            accepted_at: word(row, "accepted_at")?,
            not_after: word(row, "not_after")?,
            is_partly_done: row.get("is_partly_done")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a transfer has a body outside the database on record.
pub(super) fn has_body(connection: &Connection, id: TransferId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM transfer t JOIN parts p ON p.transfer = t.entry
                 WHERE t.id = ?1 AND p.sealed IS NULL)",
        )?
        .query_row([Column(id)], |row| row.get(0))
}

/// The transfers that have a body outside the database, and its length.
pub(super) fn bodies(connection: &Connection) -> Result<Vec<(TransferId, u64)>, Abort> {
    let mut statement = connection.prepare_cached(
        "SELECT t.id, p.length FROM parts p JOIN transfer t ON t.entry = p.transfer WHERE p.sealed IS NULL",
    )?;
    let rows = statement.query_map([], |row| Ok((word(row, "id")?, row.get("length")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A transfer that is due although an attempt is under way is one whose lease has run out.
fn state(row: &Row<'_>) -> rusqlite::Result<State> {
    match word_or_null::<Timestamp>(row, "lease_until")? {
        Some(_) => Ok(State::Unknown),
        None => word(row, "state"),
    }
}

pub(super) fn next_due(
    connection: &Connection,
    destination: &DestinationName,
) -> Result<Option<Timestamp>, Abort> {
    let mut statement = connection.prepare_cached(NEXT_DUE)?;
    Ok(statement.query_row([destination.as_str()], |row| word(row, "due_at")).optional()?)
}

pub(super) fn transfer(connection: &Connection, id: TransferId) -> Result<Option<TransferView>, Abort> {
    let mut statement = connection.prepare_cached(&format!("{VIEW} WHERE id = ?1"))?;
    Ok(statement.query_row([Column(id)], view).optional()?)
}

/// The newest first.
pub(super) fn transfers(
    connection: &Connection,
    filter: &TransferFilter,
    limit: usize,
) -> Result<Vec<TransferView>, Abort> {
    let (sql, values) = listing(filter, limit.min(PAGE_ROWS_MAX));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), view)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn listing(filter: &TransferFilter, limit: usize) -> (String, Vec<ToSqlOutput<'static>>) {
    let (mut conditions, mut values) = (Vec::new(), Vec::<ToSqlOutput<'static>>::new());
    if let Some(client) = &filter.client {
        conditions.push("client = ?");
        values.push(client.as_str().to_owned().into());
    }
    if let Some(destination) = &filter.destination {
        conditions.push("destination = ?");
        values.push(destination.as_str().to_owned().into());
    }
    if let Some(state) = filter.state {
        // A partial index is used only where its condition is spelt out.
        conditions.push(if state == State::Delivered {
            "state = ?"
        } else {
            "state <> 'delivered' AND state = ?"
        });
        values.push(state.code().to_owned().into());
    }
    if let Some(before) = filter.before {
        conditions.push("entry < ?");
        values.push(i64::try_from(before).unwrap_or(i64::MAX).into());
    }
    let conditions = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    (format!("{VIEW} WHERE {conditions} ORDER BY entry DESC LIMIT ?"), values)
}

/// The newest first. Rows are found by one index and looked through, so many at most: the cost of a page grows neither with
/// the age of the store nor with how few fit.
pub(super) fn page(
    connection: &Connection,
    filter: &TransferFilter,
    limit: usize,
) -> Result<TransferPage, Abort> {
    let (sql, values) = listing(&found_by(filter), PAGE_ROWS_SEEN_MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut transfers, mut seen) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let view = view(row)?;
        let index = view.index;
        seen += 1;
        if fits(filter, &view) {
            transfers.push(view);
        }
        if transfers.len() >= limit.clamp(1, PAGE_ROWS_MAX) || seen == PAGE_ROWS_SEEN_MAX {
            return Ok(TransferPage { transfers, next: Some(index) });
        }
    }
    Ok(TransferPage { transfers, next: None })
}

/// The part of the filter that the best index knows: of those not delivered there are few.
fn found_by(filter: &TransferFilter) -> TransferFilter {
    match filter.state {
        Some(state) if state != State::Delivered => {
            TransferFilter { client: None, destination: None, ..filter.clone() }
        }
        _ => TransferFilter { destination: None, state: None, ..filter.clone() },
    }
}

fn fits(filter: &TransferFilter, view: &TransferView) -> bool {
    filter.client.as_ref().is_none_or(|client| view.client == *client)
        && filter.destination.as_ref().is_none_or(|destination| view.destination == *destination)
        && filter.state.is_none_or(|state| view.state == state)
}

fn view(row: &Row<'_>) -> rusqlite::Result<TransferView> {
    let under_way = word_or_null::<Timestamp>(row, "lease_until")?.is_some();
    let due_at = word_or_null(row, "due_at")?;
    Ok(TransferView {
        transfer: word(row, "id")?,
        client: name(row, "client")?,
        destination: name(row, "destination")?,
        purpose: name(row, "purpose")?,
        state: word(row, "state")?,
        attempts: row.get("attempts")?,
        accepted_at: word(row, "accepted_at")?,
        state_since: word(row, "state_since")?,
        next_attempt_at: if under_way { None } else { due_at },
        not_after: word(row, "not_after")?,
        code: row.get("code")?,
        faults: faults(row)?,
        reference: row.get("reference")?,
        index: row.get("entry")?,
    })
}

fn faults(row: &Row<'_>) -> rusqlite::Result<Vec<Fault>> {
    let Some(text) = row.get::<_, Option<String>>("faults")? else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|error| {
        let column = row.as_ref().column_index("faults").unwrap_or_default();
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

pub(super) fn status(connection: &Connection, now: Timestamp) -> Result<Vec<QueueDepth>, Abort> {
    let mut statement = connection.prepare_cached(STATUS)?;
    let rows = statement.query_map([Column(now)], |row| {
        Ok(QueueDepth {
            destination: name(row, "destination")?,
            pending: row.get("pending")?,
            due: row.get("due")?,
            unknown: row.get("unknown")?,
            oldest_accepted_at: word(row, "accepted_at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn undelivered_days(connection: &Connection) -> Result<BTreeSet<Day>, Abort> {
    let mut statement = connection.prepare_cached(UNDELIVERED_DAYS)?;
    let days = statement.query_map([], |row| row.get(0).map(Day::new))?;
    Ok(days.collect::<Result<_, _>>()?)
}

pub(super) fn frontier(connection: &Connection) -> Result<Frontier, Abort> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached("SELECT bytes FROM frontier WHERE one = 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let bytes = bytes.ok_or_else(|| Abort::damaged("the frontier of the ledger is missing"))?;
    Frontier::decode(&bytes).map_err(|_| Abort::damaged("the frontier of the ledger is not one"))
}

/// The entries from `from` up to `to`, at most a page of them.
pub(super) fn entries(connection: &Connection, from: u64, to: u64) -> Result<Vec<StoredEntry>, Abort> {
    let mut statement = connection.prepare_cached(
        "SELECT idx, leaf, hash FROM entry WHERE idx >= ?1 AND idx < ?2 ORDER BY idx LIMIT ?3",
    )?;
    let rows = statement.query_map((from, to, PAGE_ROWS_MAX), stored_entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn stored_entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry {
        index: row.get("idx")?,
        leaf: row.get("leaf")?,
        hash: Hash::from_bytes(row.get("hash")?),
    })
}

/// The disclosures about one subject, the newest first.
pub(super) fn disclosures(
    connection: &Connection,
    subject: Pseudonym,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<StoredEntry>, Abort> {
    let mut statement = connection.prepare_cached(
        "SELECT e.idx, e.leaf, e.hash FROM transfer t JOIN entry e ON e.idx = t.entry
         WHERE t.subject = ?1 AND t.entry < ?2 ORDER BY t.entry DESC LIMIT ?3",
    )?;
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let rows = statement.query_map((subject.0, before, limit.min(PAGE_ROWS_MAX)), stored_entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What lies beside a transfer's entries, encrypted, by the index of the entry.
pub(super) fn asides(connection: &Connection, id: TransferId) -> Result<Vec<(u64, Vec<u8>)>, Abort> {
    let mut statement = connection.prepare_cached(
        "SELECT a.entry, a.sealed FROM aside a JOIN transfer t ON t.entry = a.transfer WHERE t.id = ?1 ORDER BY a.entry",
    )?;
    let rows = statement.query_map([Column(id)], |row| Ok((row.get("entry")?, row.get("sealed")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The latest checkpoint, as a signed note.
pub(super) fn latest_checkpoint(connection: &Connection) -> Result<Option<String>, Abort> {
    let mut statement =
        connection.prepare_cached("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// The checkpoints of more than `above` entries, the smallest first, with the sizes.
pub(super) fn checkpoints(connection: &Connection, above: u64) -> Result<Vec<(u64, String)>, Abort> {
    let mut statement = connection
        .prepare_cached("SELECT size, note FROM checkpoint WHERE size > ?1 ORDER BY size LIMIT ?2")?;
    let rows = statement.query_map((above, PAGE_ROWS_MAX), |row| Ok((row.get("size")?, row.get("note")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
