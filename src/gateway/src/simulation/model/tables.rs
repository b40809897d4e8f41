//! What the model remembers, and what each command does to it.
//!
//! It is written from what the traits and the suite promise, plainly: a turn is computed by looking, nothing is indexed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use clearance::basis::{Consent, Standing};
use clearance::fault::Fault;
use clearance::journey::{
    Acceptance, BeginRefusal, Begun, Content, Ending, IdempotencyScope, Recorded, RecorderError,
};
use clearance::keys::Pseudonym;
use clearance::seal::Sealed;
use clearance::words::{ClientId, DestinationName, InquiryId, PurposeName, State, TransferId};
use jiff::Timestamp;
use ledger::{Attempt, Change, Entry, Matter, Moment, Outcome};
use store::{Conclusion, IDEMPOTENCY_KEY_LIFE, Paused, StandingChange, StandingRecorded, Withdrawal};

use super::inquiries::Asked;

/// Everything that survives a crash, and the leases on idempotency keys, which do not.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The ledger: each entry and its leaf.
    pub(super) entries: Vec<(Entry, Vec<u8>)>,
    /// By the index of the disclosure, which is the order of acceptance.
    pub(super) rows: BTreeMap<u64, Row>,
    pub(super) keys: HashMap<IdempotencyScope, Key>,
    pub(super) leases: HashSet<IdempotencyScope>,
    pub(super) inquiries: BTreeMap<InquiryId, Asked>,
    pub(super) standings: BTreeMap<(Subject, DestinationName), Standing>,
    pub(super) paused: BTreeMap<DestinationName, Paused>,
    matters: BTreeMap<(Subject, DestinationName, Matter, String), Change>,
}

pub(super) type Subject = [u8; 32];

/// A transfer.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: TransferId,
    pub(super) client: ClientId,
    pub(super) destination: DestinationName,
    pub(super) purpose: PurposeName,
    pub(super) subject: Subject,
    ordering: [u8; 32],
    pub(super) accepted_at: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) state: State,
    pub(super) state_since: Timestamp,
    pub(super) attempts: u32,
    pub(super) perhaps_delivered: bool,
    pub(super) lease_until: Option<Timestamp>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) code: Option<String>,
    pub(super) faults: Vec<Fault>,
    pub(super) reference: Option<String>,
    /// Erased with the final state.
    pub(super) sealed: Option<Sealed>,
    /// The parts that the destination has confirmed.
    pub(super) parts_done: BTreeSet<u32>,
}

/// An idempotency key that has been used up.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) content: Content,
    pub(super) transfer: TransferId,
    pub(super) answer: Vec<u8>,
    pub(super) expires_at: Option<Timestamp>,
}

impl Tables {
    pub(super) fn record(&mut self, acceptance: Acceptance) -> Result<Recorded, RecorderError> {
        let entry = self.check(&acceptance)?;
        if let Some(predecessor) = acceptance.supersedes {
            let withdrawn = self.withdraw(predecessor, &acceptance.client, acceptance.accepted_at)?;
            if withdrawn != Withdrawal::Withdrawn {
                return Err(RecorderError::SupersedesNotPossible);
            }
        }
        let (transfer, at) = (acceptance.transfer, acceptance.accepted_at);
        let index = self.append(entry);
        let row = Row {
            id: transfer,
            client: acceptance.client,
            destination: acceptance.sealed.destination.clone(),
            purpose: acceptance.purpose,
            subject: acceptance.subject.0,
            ordering: acceptance.ordering,
            accepted_at: at,
            not_after: acceptance.not_after,
            state: State::Accepted,
            state_since: at,
            attempts: 0,
            perhaps_delivered: false,
            lease_until: None,
            due_at: Some(at),
            code: None,
            faults: Vec::new(),
            reference: None,
            sealed: Some(acceptance.sealed),
            parts_done: BTreeSet::new(),
        };
        self.rows.insert(index, row);
        self.leases.remove(&acceptance.idempotency);
        let key = Key { content: acceptance.content, transfer, answer: acceptance.answer, expires_at: None };
        self.keys.insert(acceptance.idempotency, key);
        Ok(Recorded { transfer, index })
    }

    /// Only the disclosure of this very transfer, once.
    fn check(&self, acceptance: &Acceptance) -> Result<Entry, RecorderError> {
        let Ok(Entry::Disclosure(disclosure)) = Entry::decode(&acceptance.leaf) else {
            return Err(damaged("the entry is not a disclosure"));
        };
        let is_its_own = disclosure.transfer.as_str() == acceptance.transfer.to_string()
            && disclosure.destination.as_str() == acceptance.sealed.destination.as_str()
            && acceptance.sealed.transfer == acceptance.transfer;
        if is_its_own && self.find(acceptance.transfer).is_none() {
            Ok(disclosure.into())
        } else {
            Err(damaged("the entry is another transfer's, or the transfer is there already"))
        }
    }

    pub(super) fn begin(
        &mut self,
        id: TransferId,
        standing_version: u64,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Result<Begun, BeginRefusal>, RecorderError> {
        let Some(index) = self.find(id).filter(|index| self.has_turn(*index)) else {
            return Ok(Err(BeginRefusal::NotPending));
        };
        let row = &self.rows[&index];
        if row.lease_until.is_some_and(|until| until > at) {
            return Ok(Err(BeginRefusal::NotPending));
        }
        if self.paused.contains_key(&row.destination) {
            return Ok(Err(BeginRefusal::Paused));
        }
        if self.standing(row.subject, &row.destination).version != standing_version {
            return Ok(Err(BeginRefusal::StandingChanged));
        }
        if row.lease_until.is_some() {
            self.pause(index, lost(id, at))?;
        }
        let row = self.row(index)?;
        row.attempts += 1;
        (row.state, row.state_since) = (State::Delivering, at);
        (row.lease_until, row.due_at) = (Some(lease_until), Some(lease_until));
        let (number, perhaps_delivered) = (row.attempts, row.perhaps_delivered);
        let subject = Pseudonym(row.subject);
        let sealed = row.sealed.clone().ok_or_else(|| damaged("a pending transfer has no body"))?;
        self.append(Attempt { at: moment(at)?, transfer: code(id)?, number: number.into() });
        let leaf = self.leaf(index).to_vec();
        let parts_done = self.row(index)?.parts_done.clone();
        Ok(Ok(Begun { number, perhaps_delivered, subject, leaf, sealed, parts_done }))
    }

    pub(super) fn conclude(&mut self, ending: Ending) -> Result<Conclusion, RecorderError> {
        let index = self.find(ending.transfer).ok_or_else(|| damaged("an ending belongs to no transfer"))?;
        let state = self.rows[&index].state;
        if state.is_final() {
            return Ok(Conclusion::AlreadyEnded(state));
        }
        if self.rows[&index].lease_until.is_some_and(|until| until <= ending.at) {
            self.pause(index, lost(ending.transfer, ending.at))?;
        }
        if ending.state.is_final() {
            self.finish(index, ending)?
        } else {
            self.pause(index, ending)?
        }
        Ok(Conclusion::Recorded)
    }

    fn pause(&mut self, index: u64, ending: Ending) -> Result<(), RecorderError> {
        let in_doubt = ending.state == State::Unknown;
        if in_doubt {
            self.append_outcome(index, &ending)?;
        }
        let row = self.row(index)?;
        (row.state, row.state_since) = (ending.state, ending.at);
        row.perhaps_delivered |= in_doubt;
        row.parts_done.extend(ending.parts_done);
        (row.lease_until, row.due_at) = (None, ending.next_attempt_at);
        row.code = ending.code;
        row.reference = ending.reference.or(row.reference.take());
        Ok(())
    }

    pub(super) fn finish(&mut self, index: u64, ending: Ending) -> Result<(), RecorderError> {
        self.append_outcome(index, &ending)?;
        let row = self.row(index)?;
        (row.state, row.state_since) = (ending.state, ending.at);
        (row.lease_until, row.due_at, row.sealed) = (None, None, None);
        row.parts_done.clear();
        (row.code, row.faults) = (ending.code, ending.faults);
        row.reference = ending.reference.or(row.reference.take());
        for key in self.keys.values_mut().filter(|key| key.transfer == ending.transfer) {
            key.expires_at = Some(ending.at + IDEMPOTENCY_KEY_LIFE);
        }
        Ok(())
    }

    fn append_outcome(&mut self, index: u64, ending: &Ending) -> Result<(), RecorderError> {
        let rule = ending.rule.as_ref().map(|rule| rule.parse()).transpose();
        let outcome = Outcome {
            at: moment(ending.at)?,
            transfer: code(ending.transfer)?,
            state: ending.state,
            attempts: self.row(index)?.attempts.into(),
            acknowledgement: ending.proof.as_ref().map(|(commitment, _)| *commitment),
            rule: rule.map_err(|_| damaged("a rule is not a code"))?,
        };
        self.append(outcome);
        Ok(())
    }

    pub(super) fn withdraw(
        &mut self,
        id: TransferId,
        client: &ClientId,
        at: Timestamp,
    ) -> Result<Withdrawal, RecorderError> {
        let Some(index) = self.find(id).filter(|index| self.rows[index].client == *client) else {
            return Ok(Withdrawal::NotFound);
        };
        let row = &self.rows[&index];
        if row.state.is_final() {
            return Ok(Withdrawal::AlreadyEnded(row.state));
        }
        if row.lease_until.is_some() {
            return Ok(Withdrawal::UnderWay);
        }
        if row.perhaps_delivered || !row.parts_done.is_empty() {
            return Ok(Withdrawal::PerhapsDelivered);
        }
        self.finish(index, ending(id, State::Withdrawn, at))?;
        Ok(Withdrawal::Withdrawn)
    }

    pub(super) fn put_back(
        &mut self,
        id: TransferId,
        at: Timestamp,
        until: Timestamp,
        code: &str,
    ) -> Result<(), RecorderError> {
        let Some(index) = self.find(id).filter(|index| self.has_turn(*index)) else {
            return Ok(());
        };
        match self.rows[&index].lease_until {
            Some(lease_until) if lease_until > at => return Ok(()),
            Some(_) => self.pause(index, lost(id, at))?,
            None => {}
        }
        let row = self.row(index)?;
        (row.due_at, row.code) = (Some(until), Some(code.to_owned()));
        Ok(())
    }

    pub(super) fn call_for(&mut self, destination: &DestinationName, at: Timestamp, code: &str) -> usize {
        let rows = self.rows.values_mut().filter(|row| {
            row.destination == *destination
                && row.code.as_deref() == Some(code)
                && row.lease_until.is_none()
                && row.due_at.is_some_and(|due_at| due_at > at)
        });
        rows.map(|row| (row.due_at, row.code) = (Some(at), None)).count()
    }

    pub(super) fn change_standing(
        &mut self,
        change: StandingChange,
    ) -> Result<StandingRecorded, RecorderError> {
        let subject = *change.subject.value.as_bytes();
        let place = (subject, change.destination.clone());
        let matter = (subject, change.destination, change.matter, change.id.to_string());
        self.matters.insert(matter, change.change);
        let versions = self.standings.iter().filter(|((of, _), _)| *of == subject);
        let version = versions.map(|(_, standing)| standing.version).max().unwrap_or(0) + 1;
        let has = |matter, change| {
            let mut matters = self.matters.iter();
            matters
                .any(|((of, to, what, _), is)| (*of, to, *what, *is) == (place.0, &place.1, matter, change))
        };
        let consent = match (has(Matter::Consent, Change::Given), has(Matter::Consent, Change::Withdrawn)) {
            (true, _) => Consent::Given,
            (false, true) => Consent::Withdrawn,
            (false, false) => Consent::None,
        };
        let standing = Standing { consent, restricted: has(Matter::Restriction, Change::Given), version };
        let concerned =
            self.rows.values().filter(|row| (row.subject, &row.destination) == (place.0, &place.1));
        let under_way = concerned.filter(|row| row.lease_until.is_some()).map(|row| row.id).collect();
        self.standings.insert(place, standing);
        let index = self.append(ledger::Standing {
            at: moment(change.at)?,
            matter: change.matter,
            change: change.change,
            id: change.id,
            subject: change.subject,
            version: version.try_into().map_err(|_| damaged("a version is too large"))?,
        });
        Ok(StandingRecorded { index, standing, under_way })
    }

    /// After a crash: leases end with the process, and what was under way has perhaps been delivered.
    pub(super) fn recover(&mut self, at: Timestamp) -> Result<(), RecorderError> {
        self.leases.clear();
        let rows = self.rows.iter().filter(|(_, row)| row.lease_until.is_some());
        let under_way: Vec<_> = rows.map(|(index, row)| (*index, row.id)).collect();
        under_way.into_iter().try_for_each(|(index, id)| self.pause(index, lost(id, at)))
    }

    pub(super) fn find(&self, id: TransferId) -> Option<u64> {
        self.rows.iter().find(|(_, row)| row.id == id).map(|(index, _)| *index)
    }

    /// Whether nothing before it of the same ordering key waits.
    pub(super) fn has_turn(&self, index: u64) -> bool {
        let row = &self.rows[&index];
        let of_its_key = |other: &Row| other.destination == row.destination && other.ordering == row.ordering;
        let first = self.rows.iter().find(|(_, other)| of_its_key(other) && !other.state.is_final());
        first.is_some_and(|(first, _)| *first == index)
    }

    pub(super) fn standing(&self, subject: Subject, destination: &DestinationName) -> Standing {
        self.standings.get(&(subject, destination.clone())).copied().unwrap_or_default()
    }

    pub(super) fn append(&mut self, entry: impl Into<Entry>) -> u64 {
        let entry = entry.into();
        let leaf = entry.encode();
        self.entries.push((entry, leaf));
        self.entries.len() as u64 - 1
    }

    pub(super) fn leaf(&self, index: u64) -> &[u8] {
        &self.entries[usize::try_from(index).unwrap()].1
    }

    pub(super) fn row(&mut self, index: u64) -> Result<&mut Row, RecorderError> {
        self.rows.get_mut(&index).ok_or_else(|| damaged("a row is missing"))
    }
}

fn lost(transfer: TransferId, at: Timestamp) -> Ending {
    Ending { next_attempt_at: Some(at), ..ending(transfer, State::Unknown, at) }
}

pub(super) fn ending(transfer: TransferId, state: State, at: Timestamp) -> Ending {
    let (next_attempt_at, proof, faults) = (None, None, Vec::new());
    let (code, rule, reference, parts_done) = (None, None, None, BTreeSet::new());
    Ending { transfer, at, state, next_attempt_at, code, rule, faults, reference, proof, parts_done }
}

fn moment(at: Timestamp) -> Result<Moment, RecorderError> {
    at.try_into().map_err(|_| damaged("a time before 1970"))
}

fn code(transfer: TransferId) -> Result<ledger::Code, RecorderError> {
    transfer.to_string().parse().map_err(|_| damaged("an identity that is not a code"))
}

pub(super) fn damaged(what: &str) -> RecorderError {
    RecorderError::Damaged(what.to_owned())
}
