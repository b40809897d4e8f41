//! A store in memory, for one thread at a time: what the real ones promise, without a file, a thread or a runtime.
//!
//! It passes the suite that every store passes, so that what holds over it may be expected of them.

mod inquiries;
mod operators;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use clearance::basis::Standing;
use clearance::journey::{
    Acceptance, BeginRefusal, Begun, Due, Ending, IdempotencyScope, Recorded, Recorder, RecorderError,
    Reservation, TransferView,
};
use clearance::keys::Pseudonym;
use clearance::seal::Day;
use clearance::words::{ClientId, DestinationName, State, TransferId};
use jiff::Timestamp;
use ledger::Entry;
use ledger::verify::{Finding, Record, Report, verify};
use store::conformance::{Candidate, House};
use store::{
    Conclusion, Handled, Handling, Operator, Paused, QueueDepth, StandingChange, StandingRecorded, Withdrawal,
};

use self::tables::{Row, Tables, damaged};

/// Where a model lies: what a crash leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<Tables>>);

/// An open model.
#[derive(Debug, Clone)]
pub(super) struct Model(Disk);

impl Disk {
    /// Opens it, as after a crash when it was open before.
    pub(super) fn boot(&self, now: Timestamp) -> Result<Model, RecorderError> {
        let model = Model(self.clone());
        model.tables().recover(now)?;
        Ok(model)
    }
}

impl Model {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.0.lock().unwrap()
    }

    /// The entries of the ledger, in order.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.tables().entries.iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// How many attempts of a transfer are on record, if it has been disclosed and has not ended.
    pub(super) fn attempts_on_record(&self, transfer: &str) -> Option<u32> {
        let tables = self.tables();
        let mut on_record = None;
        for (entry, _) in &tables.entries {
            match entry {
                Entry::Disclosure(of) if of.transfer.as_str() == transfer => on_record = Some(0),
                Entry::Attempt(of) if of.transfer.as_str() == transfer => {
                    on_record = on_record.map(|attempts| attempts + 1);
                }
                Entry::Outcome(of) if of.transfer.as_str() == transfer && of.state.is_final() => return None,
                _ => {}
            }
        }
        on_record
    }

    /// The transfers, in the order of acceptance.
    pub(super) fn transfers(&self) -> Vec<TransferView> {
        self.tables().rows.iter().map(|(index, row)| row.view(*index)).collect()
    }

    /// The same as [`Recorder::transfer`], without waiting.
    pub(super) fn view(&self, id: TransferId) -> Option<TransferView> {
        let tables = self.tables();
        tables.find(id).map(|index| tables.rows[&index].view(index))
    }

    /// The parts of a transfer that are on record as confirmed.
    pub(super) fn parts_done(&self, id: TransferId) -> BTreeSet<u32> {
        let tables = self.tables();
        tables.find(id).map(|index| tables.rows[&index].parts_done.clone()).unwrap_or_default()
    }

    /// Whether any body is still kept.
    pub(super) fn keeps_bodies(&self) -> bool {
        self.tables().rows.values().any(|row| row.sealed.is_some())
    }

    /// When something is due next, whatever the destination.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let tables = self.tables();
        let rows = tables.rows.iter().filter(|(index, _)| tables.has_turn(**index));
        rows.filter_map(|(_, row)| row.due_at).min()
    }

    /// The verifier's judgement over the whole ledger.
    pub(super) fn audit(&self) -> Result<Report, Finding> {
        let tables = self.tables();
        let leaves = (0..).zip(&tables.entries);
        verify(leaves.map(|(index, (_, leaf))| Record { index, leaf, hash: None }), &[])
    }

    /// Withdraws a client's transfer.
    pub(super) fn withdraw_now(
        &self,
        id: TransferId,
        client: &ClientId,
        at: Timestamp,
    ) -> Result<Withdrawal, RecorderError> {
        self.tables().withdraw(id, client, at)
    }

    /// Records a consent or restriction.
    pub(super) fn change_now(&self, change: StandingChange) -> Result<StandingRecorded, RecorderError> {
        self.tables().change_standing(change)
    }
}

impl Row {
    fn view(&self, index: u64) -> TransferView {
        TransferView {
            transfer: self.id,
            client: self.client.clone(),
            destination: self.destination.clone(),
            purpose: self.purpose.clone(),
            state: self.state,
            attempts: self.attempts,
            accepted_at: self.accepted_at,
            state_since: self.state_since,
            next_attempt_at: if self.lease_until.is_some() { None } else { self.due_at },
            not_after: self.not_after,
            code: self.code.clone(),
            faults: self.faults.clone(),
            reference: self.reference.clone(),
            index,
        }
    }

    fn due(&self, leaf: &[u8], standing: Standing) -> Due {
        // One that is due although an attempt is under way is one whose lease has run out.
        let state = if self.lease_until.is_some() { State::Unknown } else { self.state };
        Due {
            transfer: self.id,
            leaf: leaf.to_vec(),
            subject: Pseudonym(self.subject),
            standing,
            state,
            attempts: self.attempts,
            accepted_at: self.accepted_at,
            not_after: self.not_after,
            is_partly_done: !self.parts_done.is_empty(),
        }
    }
}

impl Recorder for Model {
    async fn reserve(&self, scope: &IdempotencyScope) -> Result<Reservation, RecorderError> {
        let mut tables = self.tables();
        if let Some(key) = tables.keys.get(scope) {
            let (content, transfer, answer) = (key.content, key.transfer, key.answer.clone());
            return Ok(Reservation::Accepted { content, transfer, answer });
        }
        let taken = tables.leases.insert(scope.clone());
        Ok(if taken { Reservation::Fresh } else { Reservation::InProgress })
    }

    fn release(&self, scope: &IdempotencyScope) {
        self.tables().leases.remove(scope);
    }

    async fn record(&self, acceptance: Acceptance) -> Result<Recorded, RecorderError> {
        self.tables().record(acceptance)
    }

    async fn note(&self, entry: Entry) -> Result<u64, RecorderError> {
        match entry {
            Entry::Refusal(_) | Entry::Administration(_) => Ok(self.tables().append(entry)),
            _ => Err(damaged("an entry of this kind is written with what it records")),
        }
    }

    async fn standing(
        &self,
        subject: Pseudonym,
        destination: &DestinationName,
    ) -> Result<Standing, RecorderError> {
        Ok(self.tables().standing(subject.0, destination))
    }

    async fn due(
        &self,
        destination: &DestinationName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, RecorderError> {
        let tables = self.tables();
        let is_due = |index: u64, row: &Row| {
            let in_turn = tables.has_turn(index);
            row.destination == *destination
                && row.due_at.is_some_and(|at| at <= now)
                && (row.not_after < now || in_turn && !tables.paused.contains_key(destination))
        };
        let mut due: Vec<_> = tables.rows.iter().filter(|(index, row)| is_due(**index, row)).collect();
        due.sort_by_key(|(index, row)| (row.due_at, **index));
        let due = due
            .into_iter()
            .take(limit)
            .map(|(index, row)| row.due(tables.leaf(*index), tables.standing(row.subject, &row.destination)));
        Ok(due.collect())
    }

    async fn begin(
        &self,
        transfer: TransferId,
        standing_version: u64,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Result<Begun, BeginRefusal>, RecorderError> {
        self.tables().begin(transfer, standing_version, at, lease_until)
    }

    async fn end(&self, ending: Ending) -> Result<(), RecorderError> {
        self.tables().conclude(ending).map(drop)
    }

    async fn transfer(&self, transfer: TransferId) -> Result<Option<TransferView>, RecorderError> {
        Ok(self.view(transfer))
    }
}

impl House for Disk {
    type Store = Model;

    async fn open(&self, now: Timestamp) -> Model {
        self.boot(now).unwrap()
    }
}

impl Candidate for Model {
    async fn conclude(&self, ending: Ending) -> Result<Conclusion, RecorderError> {
        self.tables().conclude(ending)
    }

    async fn withdraw(
        &self,
        transfer: TransferId,
        client: &ClientId,
        at: Timestamp,
    ) -> Result<Withdrawal, RecorderError> {
        self.withdraw_now(transfer, client, at)
    }

    async fn put_back(
        &self,
        transfer: TransferId,
        at: Timestamp,
        until: Timestamp,
        code: &'static str,
    ) -> Result<(), RecorderError> {
        self.tables().put_back(transfer, at, until, code)
    }

    async fn call_for(
        &self,
        destination: &DestinationName,
        at: Timestamp,
        code: &'static str,
    ) -> Result<usize, RecorderError> {
        Ok(self.tables().call_for(destination, at, code))
    }

    async fn change_standing(&self, change: StandingChange) -> Result<StandingRecorded, RecorderError> {
        self.change_now(change)
    }

    async fn pause(&self, destination: &DestinationName, by: Operator) -> Result<bool, RecorderError> {
        self.tables().pause_destination(destination, &by)
    }

    async fn resume(&self, destination: &DestinationName, by: Operator) -> Result<bool, RecorderError> {
        self.tables().resume_destination(destination, &by)
    }

    async fn handle(
        &self,
        transfers: Vec<TransferId>,
        handling: Handling,
        by: Option<Operator>,
    ) -> Result<Handled, RecorderError> {
        self.tables().handle(&transfers, handling, by.as_ref())
    }

    async fn paused(&self) -> Result<Vec<Paused>, RecorderError> {
        Ok(self.tables().paused.values().cloned().collect())
    }

    async fn purge(&self, now: Timestamp) -> Result<usize, RecorderError> {
        let mut tables = self.tables();
        let before = tables.keys.len();
        tables.keys.retain(|_, key| key.expires_at.is_none_or(|at| at > now));
        Ok(before - tables.keys.len())
    }

    async fn status(&self, now: Timestamp) -> Result<Vec<QueueDepth>, RecorderError> {
        let tables = self.tables();
        let mut depths = BTreeMap::<DestinationName, QueueDepth>::new();
        for (index, row) in tables.rows.iter().filter(|(_, row)| !row.state.is_final()) {
            let depth = depths.entry(row.destination.clone()).or_insert_with(|| QueueDepth {
                destination: row.destination.clone(),
                pending: 0,
                due: 0,
                unknown: 0,
                oldest_accepted_at: row.accepted_at,
            });
            depth.pending += 1;
            depth.due += u64::from(tables.has_turn(*index) && row.due_at.is_some_and(|at| at <= now));
            depth.unknown += u64::from(row.state == State::Unknown);
        }
        Ok(depths.into_values().collect())
    }

    async fn next_due(&self, destination: &DestinationName) -> Result<Option<Timestamp>, RecorderError> {
        let tables = self.tables();
        let rows = tables
            .rows
            .iter()
            .filter(|(index, row)| row.destination == *destination && tables.has_turn(**index));
        Ok(rows.filter_map(|(_, row)| row.due_at).min())
    }

    async fn undelivered_days(&self) -> Result<BTreeSet<Day>, RecorderError> {
        Ok(self.tables().rows.values().filter_map(|row| row.sealed.as_ref()).map(|body| body.day).collect())
    }

    async fn verify(&self) -> Result<Result<Report, Finding>, RecorderError> {
        Ok(self.audit())
    }
}

mod tests {
    use super::Disk;

    store::conforms!(Disk::default());
}
