//! What the writer can be told to do, each as one function within a commit.

use clearance::basis::{Consent, Standing};
use clearance::journey::{Acceptance, BeginRefusal, Begun, Ending, Recorded, RecorderError};
use clearance::keys::Pseudonym;
use clearance::seal::{Day, Sealed, SealedParts};
use clearance::words::{ClientId, DestinationName, State, TransferId};
use jiff::Timestamp;
use ledger::{Change, Entry, Matter, SignedCheckpoint};
use rusqlite::OptionalExtension;

use super::commit::Commit;
use super::fault::Abort;
use super::operator;
use super::rows::{Column, standing};
use super::transfer::{End, Kept, columns, lay_aside, moment};
use crate::views::{Changed, Conclusion, PAGE_ROWS_MAX, StandingChange, StandingRecorded, Withdrawal};

/// What a probe writes: about a small transfer.
const PROBE_BYTES: u64 = 64 << 10;

// It reads the destination's queue and not the archive.
pub(super) const CALL_FOR: &str = "
    UPDATE transfer SET due_at = ?2, code = NULL WHERE entry IN (
        SELECT entry FROM transfer INDEXED BY transfer_due
        WHERE destination = ?1 AND turn = 1 AND due_at > ?2 AND lease_until IS NULL AND code = ?3 LIMIT ?4)";

/// Commits the disclosure entry, the outbox row and the answer.
pub(super) fn record(commit: &mut Commit<'_>, acceptance: Acceptance) -> Result<Recorded, Abort> {
    commit.check_room()?;
    if let Some(predecessor) = acceptance.supersedes {
        supersede(commit, predecessor, &acceptance)?;
    }
    let index = commit.append_leaf(&acceptance.leaf, None)?;
    insert_transfer(commit, index, &acceptance)?;
    insert_body(commit, index, &acceptance.sealed)?;
    insert_parts(commit, index, acceptance.sealed.parts.as_ref())?;
    lay_aside(commit, index, index, &acceptance.aside)?;
    let (client, key) = columns(&acceptance.idempotency);
    commit
        .statement(
            "INSERT INTO idempotency (transfer, client, key, content, answer) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((index, client, key, acceptance.content.0, &acceptance.answer))?;

    let transfer = acceptance.transfer;
    let log_bytes = in_record(&acceptance.sealed) as u64;
    let effects = commit.effects();
    effects.changed.push(Changed {
        transfer,
        destination: acceptance.sealed.destination,
        state: State::Accepted,
    });
    effects.freed.push(acceptance.idempotency);
    effects.log_bytes += log_bytes;
    Ok(Recorded { transfer, index })
}

fn supersede(commit: &mut Commit<'_>, id: TransferId, by: &Acceptance) -> Result<(), Abort> {
    match withdraw(commit, id, &by.client, by.accepted_at)? {
        Withdrawal::Withdrawn => Ok(()),
        Withdrawal::UnderWay
        | Withdrawal::PerhapsDelivered
        | Withdrawal::AlreadyEnded(_)
        | Withdrawal::NotFound => Err(Abort::Refused(RecorderError::SupersedesNotPossible)),
    }
}

fn insert_transfer(commit: &Commit<'_>, index: u64, acceptance: &Acceptance) -> Result<(), Abort> {
    commit
        .statement(
            "INSERT INTO transfer (entry, id, client, destination, purpose, subject, ordering, accepted_at, not_after,
                 state, state_since, due_at, turn)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?8, ?8, NOT EXISTS (
                 SELECT 1 FROM transfer WHERE destination = ?4 AND ordering = ?7 AND turn IS NOT NULL))",
        )?
        .execute((
            index,
            Column(acceptance.transfer),
            acceptance.client.as_str(),
            acceptance.sealed.destination.as_str(),
            acceptance.purpose.as_str(),
            acceptance.subject.0,
            acceptance.ordering,
            Column(acceptance.accepted_at),
            Column(acceptance.not_after),
            Column(State::Accepted),
        ))?;
    Ok(())
}

fn insert_body(commit: &Commit<'_>, index: u64, sealed: &Sealed) -> Result<(), Abort> {
    commit
        .statement("INSERT INTO body (transfer, day, key, digest, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((index, sealed.day.number(), &sealed.key, sealed.body_digest, &sealed.body))?;
    Ok(())
}

fn insert_parts(commit: &Commit<'_>, index: u64, parts: Option<&SealedParts>) -> Result<(), Abort> {
    let (length, sealed) = match parts {
        None => return Ok(()),
        Some(SealedParts::InRecord(sealed)) => (sealed.len() as u64, Some(sealed)),
        Some(SealedParts::InBody { length }) => (*length, None),
    };
    commit
        .statement("INSERT INTO parts (transfer, length, sealed) VALUES (?1, ?2, ?3)")?
        .execute((index, length, sealed))?;
    Ok(())
}

/// How much of it goes into the database.
fn in_record(sealed: &Sealed) -> usize {
    let parts = match &sealed.parts {
        Some(SealedParts::InRecord(parts)) => parts.len(),
        Some(SealedParts::InBody { .. }) | None => 0,
    };
    sealed.body.len() + parts
}

/// Begins an attempt, if it may.
pub(super) fn begin(
    commit: &mut Commit<'_>,
    id: TransferId,
    standing_version: u64,
    at: Timestamp,
    lease_until: Timestamp,
) -> Result<Result<Begun, BeginRefusal>, Abort> {
    let Some(mut kept) = Kept::find(commit, id)?.filter(|kept| kept.is_its_turn) else {
        return Ok(Err(BeginRefusal::NotPending));
    };
    if kept.lease_until.is_some_and(|until| until > at) {
        return Ok(Err(BeginRefusal::NotPending));
    }
    if operator::is_paused(commit, &kept.destination)? {
        return Ok(Err(BeginRefusal::Paused));
    }
    if standing_of(commit, &kept)?.version != standing_version {
        return Ok(Err(BeginRefusal::StandingChanged));
    }
    if kept.lease_until.is_some() {
        kept.lose(commit, at)?;
    }
    let perhaps_delivered = kept.perhaps_delivered;
    kept.begin(commit, at, lease_until)?;
    let (leaf, sealed) = sealed(commit, &kept)?;
    let parts_done = kept.parts_done(commit)?;
    let subject = Pseudonym(kept.subject);
    Ok(Ok(Begun { number: kept.attempts, perhaps_delivered, subject, leaf, sealed, parts_done }))
}

fn standing_of(commit: &Commit<'_>, kept: &Kept) -> Result<Standing, Abort> {
    let known = commit
        .statement(
            "SELECT consent, restricted, version FROM standing WHERE subject = ?1 AND destination = ?2",
        )?
        .query_row((kept.subject, kept.destination.as_str()), standing)
        .optional()?;
    Ok(known.unwrap_or_default())
}

/// The disclosure as the ledger has it, and the body.
fn sealed(commit: &Commit<'_>, kept: &Kept) -> Result<(Vec<u8>, Sealed), Abort> {
    let found = commit
        .statement(
            "SELECT e.leaf, b.day, b.key, b.digest, b.body, p.length, p.sealed
             FROM entry e JOIN body b ON b.transfer = e.idx LEFT JOIN parts p ON p.transfer = e.idx
             WHERE e.idx = ?1",
        )?
        .query_row([kept.entry], |row| {
            let sealed = Sealed {
                transfer: kept.id,
                destination: kept.destination.clone(),
                day: Day::new(row.get("day")?),
                key: row.get("key")?,
                body_digest: row.get("digest")?,
                body: row.get("body")?,
                parts: match (row.get("length")?, row.get("sealed")?) {
                    (None, _) => None,
                    (Some(_), Some(sealed)) => Some(SealedParts::InRecord(sealed)),
                    (Some(length), None) => Some(SealedParts::InBody { length }),
                },
            };
            Ok((row.get("leaf")?, sealed))
        })
        .optional()?;
    found.ok_or_else(|| Abort::damaged("a transfer that has not ended has no body"))
}

/// Records how an attempt, or the transfer, ended. The first final state stands.
pub(super) fn conclude(commit: &mut Commit<'_>, ending: Ending) -> Result<Conclusion, Abort> {
    let Some(mut kept) = Kept::find(commit, ending.transfer)? else {
        return Err(Abort::damaged("an ending belongs to no transfer"));
    };
    if kept.state.is_final() {
        return Ok(Conclusion::AlreadyEnded(kept.state));
    }
    // An attempt whose lease has run out may have arrived: the ledger says so before it says how the transfer ended.
    if kept.lease_until.is_some_and(|until| until <= ending.at) {
        kept.lose(commit, ending.at)?;
    }
    kept.end(commit, End::of(ending)?)?;
    Ok(Conclusion::Recorded)
}

/// Withdraws a transfer of `client`, if nothing of it can have left.
pub(super) fn withdraw(
    commit: &mut Commit<'_>,
    id: TransferId,
    client: &ClientId,
    at: Timestamp,
) -> Result<Withdrawal, Abort> {
    let Some(kept) = Kept::find(commit, id)?.filter(|kept| kept.client == *client) else {
        return Ok(Withdrawal::NotFound);
    };
    if kept.state.is_final() {
        return Ok(Withdrawal::AlreadyEnded(kept.state));
    }
    // An attempt whose lease has run out has not come back either.
    if kept.lease_until.is_some() {
        return Ok(Withdrawal::UnderWay);
    }
    if kept.perhaps_delivered || !kept.parts_done(commit)?.is_empty() {
        return Ok(Withdrawal::PerhapsDelivered);
    }
    kept.end(commit, End::reaching(State::Withdrawn, at))?;
    Ok(Withdrawal::Withdrawn)
}

/// Puts a transfer back that cannot be tried now, for the reason `code`. That is no step of it: nothing goes on record,
/// unless an attempt has been lost.
pub(super) fn put_back(
    commit: &mut Commit<'_>,
    id: TransferId,
    at: Timestamp,
    until: Timestamp,
    code: &str,
) -> Result<(), Abort> {
    let Some(mut kept) = Kept::find(commit, id)?.filter(|kept| kept.is_its_turn) else {
        return Ok(());
    };
    match kept.lease_until {
        Some(lease_until) if lease_until > at => return Ok(()),
        Some(_) => kept.lose(commit, at)?,
        None => {}
    }
    commit.statement("UPDATE transfer SET due_at = ?2, code = ?3 WHERE entry = ?1")?.execute((
        kept.entry,
        Column(until),
        code,
    ))?;
    Ok(())
}

/// Makes due a page of what was put back for the reason `code`, and says how many.
pub(super) fn call_for(
    commit: &mut Commit<'_>,
    destination: &DestinationName,
    at: Timestamp,
    code: &str,
) -> Result<usize, Abort> {
    let called =
        commit.statement(CALL_FOR)?.execute((destination.as_str(), Column(at), code, PAGE_ROWS_MAX))?;
    Ok(called)
}

/// After a crash: what was under way has perhaps been delivered, and may be tried again at once.
pub(super) fn recover(commit: &mut Commit<'_>, at: Timestamp) -> Result<usize, Abort> {
    let mut lost = Kept::under_way(commit)?;
    for kept in &mut lost {
        kept.lose(commit, at)?;
    }
    Ok(lost.len())
}

/// Appends an entry that belongs to no transfer and no subject's standing.
pub(super) fn note(commit: &mut Commit<'_>, entry: &Entry) -> Result<u64, Abort> {
    match entry {
        Entry::Refusal(_) => {
            commit.check_room()?;
            commit.append(entry)
        }
        // What an operator does may be what makes room.
        Entry::Administration(_) => commit.append(entry),
        Entry::Disclosure(_)
        | Entry::Attempt(_)
        | Entry::Outcome(_)
        | Entry::Inquiry(_)
        | Entry::Release(_)
        | Entry::NoRelease(_)
        | Entry::Standing(_) => {
            Err(Abort::damaged("an entry of this kind is written with what it records, not by itself"))
        }
    }
}

/// Records a consent or restriction, and what follows from all of the subject's.
pub(super) fn change_standing(
    commit: &mut Commit<'_>,
    change: StandingChange,
) -> Result<StandingRecorded, Abort> {
    let (subject, destination) = (*change.subject.value.as_bytes(), change.destination.as_str());
    commit
        .statement(
            "INSERT INTO matter (subject, destination, matter, id, change) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET change = excluded.change",
        )?
        .execute((subject, destination, change.matter.code(), change.id.as_str(), change.change.code()))?;
    // The version is the subject's, over all destinations: the ledger's verifier sees one row of versions.
    let version: u64 = commit
        .statement("SELECT coalesce(max(version), 0) + 1 FROM standing WHERE subject = ?1")?
        .query_row([subject], |row| row.get(0))?;
    let has = |matter: Matter, change: Change| -> Result<bool, Abort> {
        Ok(commit
            .statement(
                "SELECT EXISTS (SELECT 1 FROM matter
                     WHERE subject = ?1 AND destination = ?2 AND matter = ?3 AND change = ?4)",
            )?
            .query_row((subject, destination, matter.code(), change.code()), |row| row.get(0))?)
    };
    let consent = if has(Matter::Consent, Change::Given)? {
        Consent::Given
    } else if has(Matter::Consent, Change::Withdrawn)? {
        Consent::Withdrawn
    } else {
        Consent::None
    };
    let standing = Standing { consent, restricted: has(Matter::Restriction, Change::Given)?, version };
    commit
        .statement(
            "INSERT INTO standing (subject, destination, consent, restricted, version) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET
                 consent = excluded.consent, restricted = excluded.restricted, version = excluded.version",
        )?
        .execute((subject, destination, Column(consent), standing.restricted, version))?;
    let under_way = under_way_of(commit, subject, destination)?;
    let index = commit.append(
        &ledger::Standing {
            at: moment(change.at)?,
            matter: change.matter,
            change: change.change,
            id: change.id,
            subject: change.subject,
            version: version
                .try_into()
                .map_err(|_| Abort::damaged("a version is too large for the ledger"))?,
        }
        .into(),
    )?;
    Ok(StandingRecorded { index, standing, under_way })
}

fn under_way_of(commit: &Commit<'_>, subject: [u8; 32], destination: &str) -> Result<Vec<TransferId>, Abort> {
    let mut statement = commit.statement(
        "SELECT id FROM transfer WHERE subject = ?1 AND destination = ?2 AND lease_until IS NOT NULL ORDER BY entry",
    )?;
    let ids = statement.query_map((subject, destination), |row| row.get(0).map(|Column(id)| id))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Keeps a checkpoint of the ledger as it is or was. The same with more signatures takes its place.
pub(super) fn keep_checkpoint(commit: &mut Commit<'_>, signed: &SignedCheckpoint) -> Result<(), Abort> {
    let checkpoint = signed.checkpoint();
    if checkpoint.size > commit.size() {
        return Err(Abort::damaged("a checkpoint counts more entries than there are"));
    }
    let kept = commit
        .statement(
            "INSERT INTO checkpoint (size, root, note) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET note = excluded.note WHERE root = excluded.root",
        )?
        .execute((checkpoint.size, checkpoint.root.as_bytes(), signed.to_string()))?;
    if kept == 1 {
        Ok(())
    } else {
        Err(Abort::damaged("there is a checkpoint of this size with another root"))
    }
}

/// Forgets idempotency keys whose time is over, a page at a time, and says how many.
pub(super) fn purge(commit: &mut Commit<'_>, now: Timestamp) -> Result<usize, Abort> {
    let purged = commit
        .statement(
            "DELETE FROM idempotency WHERE transfer IN (
                 SELECT transfer FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute((Column(now), PAGE_ROWS_MAX))?;
    Ok(purged)
}

/// Writes and deletes a row that is nobody's. Pages that were touched go to the log, so that a full disk shows.
pub(super) fn probe(commit: &mut Commit<'_>) -> Result<(), Abort> {
    commit.check_room()?;
    commit
        .statement(
            "INSERT INTO matter (subject, destination, matter, id, change)
             VALUES (zeroblob(32), '-', 'probe', '-', hex(zeroblob(?1)))",
        )?
        .execute([PROBE_BYTES / 2])?;
    commit.statement("DELETE FROM matter WHERE subject = zeroblob(32) AND matter = 'probe'")?.execute([])?;
    commit.effects().log_bytes += PROBE_BYTES;
    Ok(())
}

/// The disclosure of this very transfer, and nothing else, may stand at its index.
pub(super) fn check_leaf(acceptance: &Acceptance) -> Result<(), RecorderError> {
    let fault = |what: &str| RecorderError::Damaged(what.to_owned());
    match Entry::decode(&acceptance.leaf) {
        Ok(Entry::Disclosure(disclosure))
            if disclosure.transfer.as_str() == acceptance.transfer.to_string()
                && disclosure.destination.as_str() == acceptance.sealed.destination.as_str()
                && acceptance.sealed.transfer == acceptance.transfer =>
        {
            Ok(())
        }
        Ok(_) => Err(fault("the entry is not the disclosure of this transfer")),
        Err(_) => Err(fault("the entry is not one that the ledger can hold")),
    }
}
