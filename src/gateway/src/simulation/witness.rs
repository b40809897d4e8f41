//! What must never happen: watched while a run goes on, and judged from the ledger and the registries when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clearance::clock::Clock;
use clearance::words::{DestinationName, State, TransferId};
use ledger::{Disclosure, Entry, Hash};
use store::StandingRecorded;

use super::chance::Time;
use super::model::Model;
use super::registries::Registries;

/// A person towards a destination.
type Concern = (Hash, String);

/// Sees everything, decides nothing.
#[derive(Debug)]
pub(super) struct Witness {
    model: Model,
    time: Arc<Time>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    violations: Vec<String>,
    trace: String,
    /// What was cleared, of every transfer that was accepted.
    accepted: BTreeMap<TransferId, Vec<Bytes>>,
    /// By the index of its entry: whom a change of standing concerns, and whether it stops what waits.
    changes: BTreeMap<u64, (Concern, bool)>,
    /// Where nothing may be sent now, but what was named as under way.
    stopped: BTreeMap<Concern, BTreeSet<TransferId>>,
    /// In the order in which the registries made reports of them.
    kept: Vec<TransferId>,
}

/// What a registry receives.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) transfer: TransferId,
    pub(super) attempt: u32,
    /// Which document it is, and of how many, where they come one by one.
    pub(super) part: Option<(u32, u32)>,
    /// None when it only asks.
    pub(super) body: Option<Bytes>,
}

impl Witness {
    pub(super) fn new(model: Model, time: Arc<Time>) -> Self {
        Self { model, time, seen: Mutex::default() }
    }

    /// Adds a line to the trace, from which runs are compared.
    pub(super) fn notes(&self, line: fmt::Arguments<'_>) {
        writeln!(self.seen.lock().unwrap().trace, "{} {line}", self.time.now()).unwrap();
    }

    pub(super) fn accuses(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().violations.push(what.into());
    }

    /// A client was told that its transfer is accepted.
    pub(super) fn accepted(&self, transfer: TransferId, leaving: Vec<Bytes>) {
        self.notes(format_args!("accepted {transfer}"));
        self.seen.lock().unwrap().accepted.insert(transfer, leaving);
    }

    /// A client was told that a consent or restriction is on record.
    pub(super) fn changed(
        &self,
        subject: Hash,
        destination: &DestinationName,
        stops: bool,
        recorded: StandingRecorded,
    ) {
        self.notes(format_args!("standing {} stops: {stops}", recorded.index));
        let mut seen = self.seen.lock().unwrap();
        let concern = (subject, destination.to_string());
        seen.changes.insert(recorded.index, (concern.clone(), stops));
        if stops {
            // What a change while it is stopped names again has been named before.
            seen.stopped.entry(concern).or_insert_with(|| recorded.under_way.into_iter().collect());
        } else {
            seen.stopped.remove(&concern);
        }
    }

    /// A registry receives something.
    pub(super) fn arrives(&self, sending: &Sending) {
        let Sending { transfer, attempt, part, body } = sending;
        if part.is_some_and(|(part, _)| self.model.parts_done(*transfer).contains(&part)) {
            self.accuses(format!("a document of {transfer} was sent again after it was confirmed"));
        }
        self.notes(format_args!("arrives {transfer} attempt {attempt} asks: {}", body.is_none()));
        if self.model.attempts_on_record(&transfer.to_string()) != Some(*attempt) {
            self.accuses(format!(
                "{transfer} was sent without this attempt on record before, or after its end"
            ));
        }
        let concern = self.model.entries().into_iter().find_map(|entry| match entry {
            Entry::Disclosure(of) if of.transfer.as_str() == transfer.to_string() => Some(concern(&of)),
            _ => None,
        });
        let seen = self.seen.lock().unwrap();
        let named = concern.and_then(|concern| seen.stopped.get(&concern));
        let is_late = named.is_some_and(|named| !named.contains(transfer));
        let at = part.map_or(0, |(part, _)| part as usize - 1);
        let cleared = seen.accepted.get(transfer).and_then(|leaving| leaving.get(at));
        let differs = body.as_ref().is_some_and(|body| cleared != Some(body));
        drop(seen);
        if is_late {
            self.accuses(format!("{transfer} was sent after the withdrawal, whose answer did not name it"));
        }
        if differs {
            self.accuses(format!("{transfer} arrived other than it was cleared"));
        }
    }

    /// A registry makes a report.
    pub(super) fn keeps(&self, transfer: TransferId) {
        self.notes(format_args!("keeps {transfer}"));
        self.seen.lock().unwrap().kept.push(transfer);
    }

    /// Judges a run that is over: what went wrong, and what was seen.
    pub(super) fn judges(&self, registries: &Registries) -> (Vec<String>, String) {
        self.judge_ends(registries);
        self.judge_ledger();
        let mut seen = self.seen.lock().unwrap();
        (std::mem::take(&mut seen.violations), std::mem::take(&mut seen.trace))
    }

    fn judge_ends(&self, registries: &Registries) {
        let transfers = self.model.transfers();
        let accepted: Vec<_> = self.seen.lock().unwrap().accepted.keys().copied().collect();
        let on_record: BTreeSet<_> = transfers.iter().map(|view| view.transfer).collect();
        if !accepted.iter().eq(on_record.iter()) {
            self.accuses("what was accepted is not what is on record");
        }
        if self.model.keeps_bodies() {
            self.accuses("a body has outlived its delivery");
        }
        for view in transfers {
            let (transfer, state, kept) = (view.transfer, view.state, registries.kept(view.transfer));
            let code = view.code.as_deref().unwrap_or_default();
            let expected = match state {
                State::Delivered => 1..=1,
                State::Withheld | State::Expired if code == "perhaps-delivered" => 0..=1,
                State::Withheld | State::Expired | State::RefusedByDestination
                    if code == "partly-delivered" =>
                {
                    self.judge_parts(transfer, registries.shelved(transfer) > 0);
                    continue;
                }
                State::Withheld | State::Expired | State::RefusedByDestination | State::Withdrawn => 0..=0,
                State::Accepted | State::Delivering | State::Unknown => {
                    self.accuses(format!("{transfer} has not ended: {state}"));
                    continue;
                }
            };
            let in_doubt = code == "perhaps-delivered";
            self.judge_parts(transfer, in_doubt || kept > 0 || registries.shelved(transfer) == 0);
            if !expected.contains(&kept) {
                self.accuses(format!("{transfer} is {state} ({code}), and reported {kept} times"));
            }
        }
    }

    /// What has ended says whether anything of it has arrived.
    fn judge_parts(&self, transfer: TransferId, told: bool) {
        if !told {
            self.accuses(format!("{transfer} says other than is true of the documents that have arrived"));
        }
    }

    fn judge_ledger(&self) {
        match self.model.audit() {
            Ok(report) if report.open_transfers == 0 => self.notes(format_args!("root {:?}", report.root)),
            Ok(report) => self.accuses(format!("{} transfers are open in the ledger", report.open_transfers)),
            Err(finding) => self.accuses(format!("the ledger does not verify: {finding}")),
        }
        let seen = self.seen.lock().unwrap();
        let mut reading = Reading::default();
        let mut found = Vec::new();
        for (index, entry) in (0..).zip(self.model.entries()) {
            found.extend(reading.entry(index, &entry, &seen.changes));
        }
        found.extend(reading.compare(&self.model, &seen.kept));
        drop(seen);
        found.into_iter().for_each(|violation| self.accuses(violation));
    }
}

fn concern(disclosure: &Disclosure) -> Concern {
    (disclosure.subject.value, disclosure.destination.to_string())
}

/// The ledger read from its beginning.
#[derive(Debug, Default)]
struct Reading {
    concerns: BTreeMap<String, Concern>,
    /// Of each concern, in the order of acceptance: a subject's transfers to one destination keep their order.
    waiting: BTreeMap<Concern, Vec<String>>,
    accepted: Vec<String>,
    ends: BTreeMap<String, State>,
    stopped: BTreeSet<Concern>,
    /// Destinations that an operator has paused.
    paused: BTreeSet<String>,
}

impl Reading {
    fn entry(
        &mut self,
        index: u64,
        entry: &Entry,
        changes: &BTreeMap<u64, (Concern, bool)>,
    ) -> Option<String> {
        match entry {
            Entry::Disclosure(disclosure) => {
                let (transfer, concern) = (disclosure.transfer.to_string(), concern(disclosure));
                self.accepted.push(transfer.clone());
                self.waiting.entry(concern.clone()).or_default().push(transfer.clone());
                self.concerns.insert(transfer, concern);
            }
            Entry::Attempt(attempt) => return self.attempt(attempt.transfer.as_str()),
            Entry::Outcome(outcome) if outcome.state.is_final() => {
                let transfer = outcome.transfer.to_string();
                if let Some(waiting) = self.waiting.get_mut(self.concerns.get(&transfer)?) {
                    waiting.retain(|other| *other != transfer);
                }
                self.ends.insert(transfer, outcome.state);
            }
            Entry::Standing(_) => match changes.get(&index) {
                Some((concern, true)) => drop(self.stopped.insert(concern.clone())),
                Some((concern, false)) => drop(self.stopped.remove(concern)),
                None => return Some(format!("record {index} is a change that nobody made")),
            },
            Entry::Outcome(_)
            | Entry::Refusal(_)
            | Entry::Inquiry(_)
            | Entry::Release(_)
            | Entry::NoRelease(_) => {}
            Entry::Administration(act) => {
                let destination = act.object.as_str().split(':').next()?.to_owned();
                match act.action.as_str() {
                    "pause" => drop(self.paused.insert(destination)),
                    "resume" => drop(self.paused.remove(&destination)),
                    _ => {}
                }
            }
        }
        None
    }

    fn attempt(&self, transfer: &str) -> Option<String> {
        let concern = self.concerns.get(transfer)?;
        if self.paused.contains(&concern.1) {
            return Some(format!("{transfer} was begun while its destination was paused"));
        }
        if self.stopped.contains(concern) {
            return Some(format!("{transfer} was begun after a withdrawal"));
        }
        let first = self.waiting.get(concern)?.first()?;
        (first != transfer)
            .then(|| format!("{transfer} was begun before {first}, which was accepted before it"))
    }

    /// Compares what the ledger says with the outbox and with the registries.
    fn compare(&self, model: &Model, kept: &[TransferId]) -> Vec<String> {
        let transfers = model.transfers();
        let differ =
            transfers.iter().filter(|view| self.ends.get(&view.transfer.to_string()) != Some(&view.state));
        let mut found: Vec<_> = differ
            .map(|view| format!("{} is {}, and the ledger does not say so", view.transfer, view.state))
            .collect();
        for concern in self.waiting.keys() {
            let of_concern = |transfer: &&String| self.concerns.get(*transfer) == Some(concern);
            let kept: Vec<_> = kept.iter().map(ToString::to_string).collect();
            let kept: Vec<_> = kept.iter().filter(of_concern).collect();
            let accepted = self.accepted.iter().filter(of_concern).filter(|transfer| kept.contains(transfer));
            if !accepted.eq(kept.iter().copied()) {
                found.push("reports about one person were made out of order".to_owned());
            }
        }
        found
    }
}
