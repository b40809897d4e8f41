//! What operators do, each act on record in the commit of its effect.

use clearance::journey::RecorderError;
use clearance::words::{DestinationName, State, TransferId};
use rusqlite::Connection;

use super::Sqlite;
use super::commit::Commit;
use super::fault::Abort;
use super::rows::{Column, name, word};
use super::transfer::{End, Kept};
use crate::operator::{Handled, Handling, Operator, PAUSE, Paused, RESUME, Skipped};
use crate::views::PAGE_ROWS_MAX;

impl Sqlite {
    /// Sends nothing to a destination from here on: no attempt begins after the answer. `false` when it was paused before.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn pause(&self, destination: &DestinationName, by: Operator) -> Result<bool, RecorderError> {
        let destination = destination.clone();
        self.queue.write(move |commit| pause(commit, &destination, &by)).await
    }

    /// Sends to a destination again. `false` when it was not paused.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn resume(&self, destination: &DestinationName, by: Operator) -> Result<bool, RecorderError> {
        let destination = destination.clone();
        self.queue.write(move |commit| resume(commit, &destination, &by)).await
    }

    /// Retries or discards those of the transfers that it can be done to. Without an operator nothing is done: the answer is
    /// what would be.
    ///
    /// # Errors
    /// When that could not be recorded; then nothing was done.
    pub async fn handle(
        &self,
        transfers: Vec<TransferId>,
        handling: Handling,
        by: Option<Operator>,
    ) -> Result<Handled, RecorderError> {
        self.queue.write(move |commit| handle(commit, &transfers, handling, by.as_ref())).await
    }

    /// The destinations to which nothing is sent.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn paused(&self) -> Result<Vec<Paused>, RecorderError> {
        self.readers.read(paused).await
    }

    /// The acts of operators on a transfer, and its end: the leaves of the entries with their indexes, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, transfer: TransferId) -> Result<Vec<(u64, Vec<u8>)>, RecorderError> {
        self.readers.read(move |connection| history(connection, transfer)).await
    }

    /// Up to `limit` transfers to a destination that wait, the oldest first, with the indexes of their disclosures: those behind
    /// `after`, and those that say `code` where it is given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting(
        &self,
        destination: &DestinationName,
        code: Option<String>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, TransferId)>, RecorderError> {
        let (destination, limit) = (destination.clone(), limit.min(PAGE_ROWS_MAX));
        self.readers
            .read(move |connection| waiting(connection, &destination, code.as_deref(), after, limit))
            .await
    }
}

/// What a discarded transfer says.
const DISCARDED: &str = "discarded";

/// Nothing is sent to the destination from here on; `false` when nothing was before.
pub(super) fn pause(
    commit: &mut Commit<'_>,
    destination: &DestinationName,
    operator: &Operator,
) -> Result<bool, Abort> {
    let paused = commit
        .statement(
            "INSERT INTO paused (destination, since, who, reason) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute((
            destination.as_str(),
            Column(operator.at),
            operator.who.as_str(),
            operator.reason.as_str(),
        ))?;
    if paused > 0 {
        note(commit, operator, PAUSE, destination.as_str())?;
    }
    Ok(paused > 0)
}

/// It is sent to again; `false` when it was before.
pub(super) fn resume(
    commit: &mut Commit<'_>,
    destination: &DestinationName,
    operator: &Operator,
) -> Result<bool, Abort> {
    let resumed =
        commit.statement("DELETE FROM paused WHERE destination = ?1")?.execute([destination.as_str()])?;
    if resumed > 0 {
        note(commit, operator, RESUME, destination.as_str())?;
    }
    Ok(resumed > 0)
}

pub(super) fn is_paused(commit: &Commit<'_>, destination: &DestinationName) -> Result<bool, Abort> {
    let mut statement = commit.statement("SELECT EXISTS (SELECT 1 FROM paused WHERE destination = ?1)")?;
    Ok(statement.query_row([destination.as_str()], |row| row.get(0))?)
}

/// Retries or discards those of the transfers that it can be done to. Without an operator nothing is done: the answer is what
/// would be.
pub(super) fn handle(
    commit: &mut Commit<'_>,
    transfers: &[TransferId],
    handling: Handling,
    operator: Option<&Operator>,
) -> Result<Handled, Abort> {
    let mut handled = Handled::default();
    for id in transfers {
        match (candidate(commit, *id, handling)?, operator) {
            (Err(skipped), _) => handled.skipped.push((*id, skipped)),
            (Ok(_), None) => handled.done.push(*id),
            (Ok(kept), Some(operator)) => {
                act(commit, kept, handling, operator)?;
                handled.done.push(*id);
            }
        }
    }
    Ok(handled)
}

fn candidate(
    commit: &Commit<'_>,
    id: TransferId,
    handling: Handling,
) -> Result<Result<Kept, Skipped>, Abort> {
    let Some(kept) = Kept::find(commit, id)? else { return Ok(Err(Skipped::NotFound)) };
    if kept.state.is_final() {
        return Ok(Err(Skipped::Ended));
    }
    if kept.lease_until.is_some() {
        return Ok(Err(Skipped::UnderWay));
    }
    let in_doubt = kept.perhaps_delivered || !kept.parts_done(commit)?.is_empty();
    Ok(match handling {
        Handling::Retry if !kept.is_its_turn => Err(Skipped::Behind),
        Handling::Discard { cleared_up: false } if in_doubt => Err(Skipped::PerhapsDelivered),
        Handling::Retry | Handling::Discard { .. } => Ok(kept),
    })
}

fn act(commit: &mut Commit<'_>, kept: Kept, handling: Handling, operator: &Operator) -> Result<(), Abort> {
    let entry = note(commit, operator, handling.code(), &kept.id.to_string())?;
    commit.statement("INSERT INTO act (transfer, entry) VALUES (?1, ?2)")?.execute((kept.entry, entry))?;
    match handling {
        Handling::Retry => {
            commit
                .statement("UPDATE transfer SET due_at = ?2 WHERE entry = ?1")?
                .execute((kept.entry, Column(operator.at)))?;
            Ok(())
        }
        Handling::Discard { .. } => {
            kept.end(commit, End::reaching(State::Withdrawn, operator.at).because(DISCARDED))
        }
    }
}

fn note(commit: &mut Commit<'_>, operator: &Operator, action: &str, object: &str) -> Result<u64, Abort> {
    let entry = operator.entry(action, object);
    let entry = entry.map_err(|_| Abort::damaged("an act of an operator cannot be recorded"))?;
    commit.append(&entry.into())
}

/// The destinations to which nothing is sent.
pub(super) fn paused(connection: &Connection) -> Result<Vec<Paused>, Abort> {
    let mut statement = connection
        .prepare_cached("SELECT destination, since, who, reason FROM paused ORDER BY destination")?;
    let rows = statement.query_map([], |row| {
        Ok(Paused {
            destination: name(row, "destination")?,
            since: word(row, "since")?,
            who: row.get("who")?,
            reason: row.get("reason")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The leaves of the acts on a transfer and of its end, the oldest first, each with its index.
fn history(connection: &Connection, id: TransferId) -> Result<Vec<(u64, Vec<u8>)>, Abort> {
    let mut statement = connection.prepare_cached(
        "SELECT e.idx, e.leaf FROM act a JOIN transfer t ON t.entry = a.transfer JOIN entry e ON e.idx = a.entry
             WHERE t.id = ?1
         UNION ALL
         SELECT e.idx, e.leaf FROM transfer t JOIN entry e ON e.ends = t.entry WHERE t.id = ?1
         ORDER BY 1",
    )?;
    let rows = statement.query_map([Column(id)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn waiting(
    connection: &Connection,
    destination: &DestinationName,
    code: Option<&str>,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<(u64, TransferId)>, Abort> {
    let mut statement = connection.prepare_cached(WAITING)?;
    // Entries count from 0.
    let after = after.and_then(|after| i64::try_from(after).ok()).unwrap_or(-1);
    let rows = statement.query_map((destination.as_str(), code, after, limit), |row| {
        Ok((row.get("entry")?, word(row, "id")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// It looks at what waits for the destination, and not at the archive.
pub(super) const WAITING: &str = "SELECT entry, id FROM transfer INDEXED BY transfer_queue
    WHERE destination = ?1 AND turn IS NOT NULL AND entry > ?3 AND (?2 IS NULL OR code = ?2) ORDER BY entry LIMIT ?4";
