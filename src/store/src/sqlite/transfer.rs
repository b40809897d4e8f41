//! A transfer's row as the commands see it, and the one way in which it ends.

use std::collections::BTreeSet;

use clearance::fault::Fault;
use clearance::journey::{Ending, IdempotencyScope};
use clearance::words::{ClientId, DestinationName, State, TransferId};
use jiff::Timestamp;
use ledger::{Attempt, Code, Entry, Hash, Moment, Outcome};
use rusqlite::{OptionalExtension, Row};

use super::commit::Commit;
use super::fault::Abort;
use super::rows::{Column, name, word, word_or_null};
use crate::views::{Changed, IDEMPOTENCY_KEY_LIFE};

/// The columns of [`Kept`], from the transfers that `$which` names.
macro_rules! kept {
    ($which:literal) => {
        concat!(
            "SELECT t.entry, t.id, t.client, t.destination, t.subject, t.ordering, t.state, t.attempts,
                    t.perhaps_delivered, t.turn, t.lease_until,
                    EXISTS (SELECT 1 FROM entry e WHERE e.ends = t.entry) AS ended ",
            $which
        )
    };
}

const BY_ID: &str = kept!("FROM transfer t WHERE t.id = ?1");

// Only a transfer whose turn it is can be under way, so this reads the queue and not the archive.
pub(super) const UNDER_WAY: &str = kept!(
    "FROM transfer t INDEXED BY transfer_due WHERE t.turn = 1 AND t.lease_until IS NOT NULL ORDER BY t.entry"
);

/// A transfer as it is on record.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) entry: u64,
    pub(super) id: TransferId,
    pub(super) client: ClientId,
    pub(super) destination: DestinationName,
    pub(super) subject: [u8; 32],
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) perhaps_delivered: bool,
    pub(super) is_its_turn: bool,
    pub(super) lease_until: Option<Timestamp>,
    ordering: [u8; 32],
    ended: bool,
}

/// How a transfer, or an attempt at it, ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) at: Timestamp,
    pub(super) state: State,
    next_attempt_at: Option<Timestamp>,
    code: Option<String>,
    rule: Option<Code>,
    /// As JSON; of one that is not wrong, nothing.
    faults: Option<String>,
    reference: Option<String>,
    proof: Option<(Hash, Vec<u8>)>,
    parts_done: BTreeSet<u32>,
}

impl Kept {
    pub(super) fn find(commit: &Commit<'_>, id: TransferId) -> Result<Option<Self>, Abort> {
        let mut statement = commit.statement(BY_ID)?;
        let kept = statement.query_row([Column(id)], Self::read).optional()?;
        kept.map(Self::agreeing_with_the_ledger).transpose()
    }

    /// Those of which an attempt has begun and not ended.
    pub(super) fn under_way(commit: &Commit<'_>) -> Result<Vec<Self>, Abort> {
        let mut statement = commit.statement(UNDER_WAY)?;
        let kept = statement.query_map([], Self::read)?.collect::<Result<Vec<_>, _>>()?;
        kept.into_iter().map(Self::agreeing_with_the_ledger).collect()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            entry: row.get("entry")?,
            id: word(row, "id")?,
            client: name(row, "client")?,
            destination: name(row, "destination")?,
            subject: row.get("subject")?,
            ordering: row.get("ordering")?,
            state: word(row, "state")?,
            attempts: row.get("attempts")?,
            perhaps_delivered: row.get("perhaps_delivered")?,
            is_its_turn: row.get::<_, Option<bool>>("turn")?.unwrap_or(false),
            lease_until: word_or_null(row, "lease_until")?,
            ended: row.get("ended")?,
        })
    }

    /// The numbers of the parts that the destination has confirmed.
    pub(super) fn parts_done(&self, commit: &Commit<'_>) -> Result<BTreeSet<u32>, Abort> {
        let mut statement = commit.statement("SELECT number FROM part_done WHERE transfer = ?1")?;
        let numbers = statement.query_map([self.entry], |row| row.get(0))?;
        Ok(numbers.collect::<Result<_, _>>()?)
    }

    /// A row rolled back to before its end would be sent again: the ledger has the last word.
    fn agreeing_with_the_ledger(self) -> Result<Self, Abort> {
        if self.ended == self.state.is_final() {
            Ok(self)
        } else {
            Err(Abort::damaged("a transfer's row and the ledger disagree on whether it has ended"))
        }
    }

    /// Begins an attempt.
    pub(super) fn begin(
        &mut self,
        commit: &mut Commit<'_>,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> Result<(), Abort> {
        self.attempts += 1;
        self.state = State::Delivering;
        self.lease_until = Some(lease_until);
        let attempt =
            Attempt { at: moment(at)?, transfer: self.transfer_code()?, number: self.attempts.into() };
        commit.append(&attempt.into())?;
        commit
            .statement(
                "UPDATE transfer SET state = ?2, state_since = ?3, attempts = ?4, lease_until = ?5, due_at = ?5
                 WHERE entry = ?1",
            )?
            .execute((self.entry, Column(self.state), Column(at), self.attempts, Column(lease_until)))?;
        self.tell(commit);
        Ok(())
    }

    /// Records that an attempt began of which nobody knows how it ended.
    pub(super) fn lose(&mut self, commit: &mut Commit<'_>, at: Timestamp) -> Result<(), Abort> {
        let end = End { next_attempt_at: Some(at), ..End::reaching(State::Unknown, at) };
        self.pause(commit, end)
    }

    /// Records how it, or an attempt at it, ended.
    pub(super) fn end(mut self, commit: &mut Commit<'_>, end: End) -> Result<(), Abort> {
        if end.state.is_final() { self.finish(commit, end) } else { self.pause(commit, end) }
    }

    fn pause(&mut self, commit: &mut Commit<'_>, end: End) -> Result<(), Abort> {
        for number in &end.parts_done {
            commit
                .statement("INSERT INTO part_done (transfer, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                .execute((self.entry, number))?;
        }
        self.state = end.state;
        self.lease_until = None;
        self.perhaps_delivered |= end.state == State::Unknown;
        if end.state == State::Unknown {
            let index = commit.append(&self.outcome(&end)?)?;
            self.lay_aside(commit, index, &end)?;
        }
        commit
            .statement(
                "UPDATE transfer SET state = ?2, state_since = ?3, perhaps_delivered = ?4, lease_until = NULL,
                     due_at = ?5, code = ?6, reference = coalesce(?7, reference)
                 WHERE entry = ?1",
            )?
            .execute((
                self.entry,
                Column(self.state),
                Column(end.at),
                self.perhaps_delivered,
                end.next_attempt_at.map(Column),
                end.code,
                end.reference,
            ))?;
        self.tell(commit);
        Ok(())
    }

    fn finish(mut self, commit: &mut Commit<'_>, end: End) -> Result<(), Abort> {
        self.state = end.state;
        let index = commit.append_ending(&self.outcome(&end)?, self.entry)?;
        self.lay_aside(commit, index, &end)?;
        commit
            .statement(
                "UPDATE transfer SET state = ?2, state_since = ?3, turn = NULL, lease_until = NULL, due_at = NULL,
                     code = ?4, reference = coalesce(?5, reference), faults = ?6
                 WHERE entry = ?1",
            )?
            .execute((
                self.entry,
                Column(self.state),
                Column(end.at),
                end.code,
                end.reference,
                end.faults,
            ))?;
        if commit.statement("DELETE FROM body WHERE transfer = ?1")?.execute([self.entry])? != 1 {
            return Err(Abort::damaged("a transfer that has not ended has no body"));
        }
        self.erase_parts(commit)?;
        let expires_at = end.at.saturating_add(IDEMPOTENCY_KEY_LIFE).unwrap_or(Timestamp::MAX);
        commit
            .statement("UPDATE idempotency SET expires_at = ?2 WHERE transfer = ?1")?
            .execute((self.entry, Column(expires_at)))?;
        self.pass_the_turn(commit)?;
        commit.effects().erased = true;
        self.tell(commit);
        Ok(())
    }

    /// A body outside the database goes once this is durable; with the row, its key is gone already.
    fn erase_parts(&self, commit: &mut Commit<'_>) -> Result<(), Abort> {
        let in_body = commit
            .statement("DELETE FROM parts WHERE transfer = ?1 RETURNING sealed IS NULL")?
            .query_row([self.entry], |row| row.get::<_, bool>(0))
            .optional()?;
        commit.statement("DELETE FROM part_done WHERE transfer = ?1")?.execute([self.entry])?;
        if in_body == Some(true) {
            commit.effects().bodies.push(self.id);
        }
        Ok(())
    }

    /// The next of its ordering key may go.
    fn pass_the_turn(&self, commit: &Commit<'_>) -> Result<(), Abort> {
        commit
            .statement(
                "UPDATE transfer SET turn = 1 WHERE entry = (
                     SELECT entry FROM transfer WHERE destination = ?1 AND ordering = ?2 AND turn IS NOT NULL
                     ORDER BY entry LIMIT 1)",
            )?
            .execute((self.destination.as_str(), self.ordering))?;
        Ok(())
    }

    fn outcome(&self, end: &End) -> Result<Entry, Abort> {
        let outcome = Outcome {
            at: moment(end.at)?,
            transfer: self.transfer_code()?,
            state: self.state,
            attempts: self.attempts.into(),
            acknowledgement: end.proof.as_ref().map(|(commitment, _)| *commitment),
            rule: end.rule.clone(),
        };
        Ok(outcome.into())
    }

    fn lay_aside(&self, commit: &Commit<'_>, index: u64, end: &End) -> Result<(), Abort> {
        match &end.proof {
            Some((_, sealed)) => lay_aside(commit, self.entry, index, sealed),
            None => Ok(()),
        }
    }

    fn transfer_code(&self) -> Result<Code, Abort> {
        self.id.to_string().parse().map_err(|_| Abort::damaged("a transfer's identity is not a code"))
    }

    fn tell(&self, commit: &mut Commit<'_>) {
        let (transfer, destination, state) = (self.id, self.destination.clone(), self.state);
        commit.effects().changed.push(Changed { transfer, destination, state });
    }
}

impl End {
    /// An end of which there is nothing more to say.
    pub(super) fn reaching(state: State, at: Timestamp) -> Self {
        Self {
            at,
            state,
            next_attempt_at: None,
            code: None,
            rule: None,
            faults: None,
            reference: None,
            proof: None,
            parts_done: BTreeSet::new(),
        }
    }

    /// The same, with a code that says why.
    pub(super) fn because(self, code: &str) -> Self {
        Self { code: Some(code.to_owned()), ..self }
    }

    pub(super) fn of(ending: Ending) -> Result<Self, Abort> {
        let rule = ending.rule.map(|rule| rule.parse::<Code>()).transpose();
        Ok(Self {
            at: ending.at,
            state: ending.state,
            next_attempt_at: ending.next_attempt_at,
            code: ending.code,
            rule: rule.map_err(|_| Abort::damaged("the rule of an ending is not a code"))?,
            faults: faults(&ending.faults)?,
            reference: ending.reference,
            proof: ending.proof,
            parts_done: ending.parts_done,
        })
    }
}

fn faults(faults: &[Fault]) -> Result<Option<String>, Abort> {
    let written = (!faults.is_empty()).then(|| serde_json::to_string(faults)).transpose();
    written.map_err(|_| Abort::damaged("faults that cannot be written"))
}

/// Puts what is encrypted beside the tree, next to the entry it belongs to.
pub(super) fn lay_aside(commit: &Commit<'_>, transfer: u64, entry: u64, sealed: &[u8]) -> Result<(), Abort> {
    commit
        .statement("INSERT INTO aside (transfer, entry, sealed) VALUES (?1, ?2, ?3)")?
        .execute((transfer, entry, sealed))?;
    Ok(())
}

pub(super) fn moment(at: Timestamp) -> Result<Moment, Abort> {
    at.try_into().map_err(|_| Abort::damaged("a time before 1970 cannot be recorded"))
}

/// A scope as the columns `client` and `key`.
pub(super) fn columns(scope: &IdempotencyScope) -> (&str, [u8; 32]) {
    (scope.client.as_str(), scope.key)
}
