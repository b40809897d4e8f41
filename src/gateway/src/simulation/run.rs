//! One run: a seed decides what clients, registries, processes and the clock do, and in which order.
//!
//! Deliveries are polled by hand, one at a time, so that everything may happen between any two steps of a courier. A run
//! has a rough part, in which anything may fail, and a calm one, in which all that was accepted has to come to its end.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use clearance::clock::Clock;
use clearance::destination::Destination;
use clearance::journey::{Recorder, Vault};
use clearance::words::{State, TransferId};
use jiff::SignedDuration;
use ledger::{Change, Entry, Hash, Matter, Pseudonym};
use store::conformance::Candidate;
use store::conformance::at;
use store::{Handling, Operator, StandingChange, Withdrawal};

use super::chance::{Chance, GiveWay, Time};
use super::clinic::{Clinic, NoSignature, NotAccepted, Wish, person};
use super::interrupted::{Interrupted, Sabotage};
use super::model::{Disk, Model};
use super::registries::Registries;
use super::witness::Witness;
use super::{ARCHIVE, REFUSED_TITLE};
use crate::delivery::{Courier, Halt, Retry, Step, Terms};
use crate::playground::{DRIVER, WORKER};

const ROUGH_STEPS: u32 = 150;
/// More than any run needs to drain.
const CALM_STEPS: u32 = 10_000;
const TRANSFERS_MAX: usize = 12;
/// Deliveries to one destination at a time.
const CONCURRENT: usize = 4;
const SUBJECTS: [&str; 3] = [WORKER.code, DRIVER.code, "60001017869"];
const RETRY: Retry = Retry { first: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(60) };
const ATTEMPT: SignedDuration = SignedDuration::from_secs(10);

/// What a run came to.
#[derive(Debug)]
pub(super) struct Report {
    /// What must not have happened.
    pub(super) violations: Vec<String>,
    /// Everything that happened, down to the root of the ledger.
    pub(super) trace: String,
    /// The states that transfers ended in, and those they passed in doubt.
    pub(super) states: Vec<State>,
}

/// Runs a seed, with a promise broken on purpose or none.
pub(super) fn run(clinic: &Clinic, seed: u64, sabotage: Option<Sabotage>) -> Report {
    let mut run = Run::new(clinic, seed, sabotage);
    (0..ROUGH_STEPS).for_each(|_| run.anything());
    run.chance.calm_down();
    run.drain();
    let (violations, trace) = run.witness.judges(&run.registries);
    let outcome = |entry| match entry {
        Entry::Outcome(outcome) => Some(outcome.state),
        _ => None,
    };
    Report { violations, trace, states: run.model.entries().into_iter().filter_map(outcome).collect() }
}

struct Run<'a> {
    clinic: &'a Clinic,
    disk: Disk,
    model: Model,
    chance: Arc<Chance>,
    time: Arc<Time>,
    vault: Arc<Vault>,
    witness: Arc<Witness>,
    registries: Arc<Registries>,
    courier: Arc<Courier<Interrupted>>,
    accepted: Vec<TransferId>,
    under_way: Vec<Delivery<'a>>,
}

/// A courier on its way.
struct Delivery<'a> {
    destination: &'a Destination,
    runnable: Arc<Runnable>,
    courier: Pin<Box<dyn Future<Output = Result<Step, Halt>> + 'a>>,
}

/// Whether it wants to be polled.
struct Runnable(AtomicBool);

impl Wake for Runnable {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Run<'a> {
    fn new(clinic: &'a Clinic, seed: u64, sabotage: Option<Sabotage>) -> Self {
        let (chance, time) = (Arc::new(Chance::of(seed)), Arc::new(Time::starting(at(0))));
        let disk = Disk::default();
        let model = disk.boot(at(0)).unwrap();
        let witness = Arc::new(Witness::new(model.clone(), Arc::clone(&time)));
        let registries =
            Arc::new(Registries::new(Arc::clone(&time), Arc::clone(&chance), Arc::clone(&witness)));
        let vault = Arc::new(clinic.vault(Arc::clone(&chance) as _));
        let courier = Arc::new(Courier {
            recorder: Arc::new(Interrupted { model: model.clone(), chance: Arc::clone(&chance), sabotage }),
            vault: Arc::clone(&vault),
            bodies: clinic.bodies(),
            clock: Arc::clone(&time) as _,
            entropy: Arc::clone(&chance) as _,
            patience: Arc::new(GiveWay),
            transport: Arc::clone(&registries) as _,
            signer: Arc::new(NoSignature),
        });
        let (accepted, under_way) = (Vec::new(), Vec::new());
        Self { clinic, disk, model, chance, time, vault, witness, registries, courier, accepted, under_way }
    }

    fn anything(&mut self) {
        match self.chance.below(100) {
            0..18 => self.submit(),
            18..22 => self.change_standing(),
            22..24 => self.withdraw(),
            24..27 => self.operate(),
            27..40 => self.look(),
            40..78 => drop(self.step()),
            78..95 => drop(self.pass_time()),
            95 => self.crash(),
            96 => self.lose_one(),
            97 => self.go_away(),
            _ => self.pass_a_while(),
        }
    }

    fn submit(&mut self) {
        if self.accepted.len() == TRANSFERS_MAX {
            return;
        }
        let now = self.time.now();
        let transfer = TransferId::new(now, &*self.chance).unwrap();
        let not_after = now + self.seconds(20, 1_800);
        let title = if self.chance.one_in(8) { REFUSED_TITLE } else { "Report" };
        let wish = Wish {
            subject: self.subject(),
            destination: self.destination(),
            title: format!("{title} {}", self.accepted.len()),
            documents: 1 + self.chance.below(4) as usize,
            supersedes: if self.chance.one_in(12) { self.one_accepted() } else { None },
        };
        let particulars = self.clinic.particulars(transfer, now, not_after, &self.vault);
        let before = self.model.entries().len();
        let submitted = self.clinic.submit(&wish, &*self.courier.recorder, &self.vault, particulars);
        match finish(submitted) {
            Ok(leaving) => {
                self.witness.accepted(transfer, leaving);
                self.accepted.push(transfer);
            }
            Err(not_accepted) => {
                let why = match &not_accepted {
                    NotAccepted::Refused(refusal) => refusal.rule.clone(),
                    NotAccepted::NotRecorded(failure) => format!("{failure:?}"),
                };
                self.witness.notes(format_args!("not accepted {transfer} {why}"));
                if self.model.entries().len() != before {
                    self.witness.accuses("a transfer that was not accepted is on record");
                }
            }
        }
    }

    /// Consents matter to the registry, restrictions to the archive; each change turns what stands round.
    ///
    /// Never both to one: of two rules that both forbid, the policy names either, and runs would differ.
    fn change_standing(&mut self) {
        let (subject, destination) = (self.subject(), self.destination());
        let pseudonym = self.vault.pseudonyms.pseudonym(&person(subject));
        let standing = finish(self.model.standing(pseudonym, destination.name())).unwrap();
        let is_archive = destination.name().as_str() == ARCHIVE;
        let stops = if is_archive {
            !standing.restricted
        } else {
            standing.consent != clearance::basis::Consent::Withdrawn
        };
        let value = Hash::from_bytes(pseudonym.0);
        let change = StandingChange {
            at: self.time.now(),
            subject: Pseudonym { key: self.vault.pseudonyms.id().parse().unwrap(), value },
            destination: destination.name().clone(),
            matter: if is_archive { Matter::Restriction } else { Matter::Consent },
            change: if stops == is_archive { Change::Given } else { Change::Withdrawn },
            id: "of-the-subject".parse().unwrap(),
        };
        let recorded = self.model.change_now(change).unwrap();
        self.witness.changed(value, destination.name(), stops, recorded);
    }

    fn withdraw(&mut self) {
        let Some(transfer) = self.one_accepted() else {
            return;
        };
        let answer = self.model.withdraw_now(transfer, &"ehr".parse().unwrap(), self.time.now()).unwrap();
        self.witness.notes(format_args!("withdrawal of {transfer}: {answer:?}"));
        let state = self.model.view(transfer).unwrap().state;
        if answer == Withdrawal::Withdrawn && state != State::Withdrawn {
            self.witness.accuses(format!("{transfer} was withdrawn, and is {state}"));
        }
    }

    /// An operator pauses a destination or resumes it, or retries or discards a transfer.
    fn operate(&mut self) {
        let operator = self.operator();
        let destination = self.destination().name().clone();
        match (self.chance.below(4), self.one_accepted()) {
            (0, _) => self.note_act("pause", finish(self.model.pause(&destination, operator)).is_ok()),
            (1, _) => self.note_act("resume", finish(self.model.resume(&destination, operator)).is_ok()),
            (2, Some(transfer)) => self.handle(transfer, Handling::Retry, operator),
            (_, Some(transfer)) => self.handle(transfer, Handling::Discard { cleared_up: false }, operator),
            (_, None) => {}
        }
    }

    fn handle(&self, transfer: TransferId, handling: Handling, operator: Operator) {
        let handled = finish(self.model.handle(vec![transfer], handling, Some(operator))).unwrap();
        self.note_act(handling.code(), !handled.done.is_empty());
    }

    fn note_act(&self, act: &str, done: bool) {
        self.witness.notes(format_args!("{act}: {done}"));
    }

    fn operator(&self) -> Operator {
        Operator {
            who: "night-shift".parse().unwrap(),
            at: self.time.now(),
            reason: "a test".parse().unwrap(),
        }
    }

    /// As the worker does: all that is due, a few at a time, and the next look when they are done.
    fn look(&mut self) {
        for destination in &self.clinic.destinations {
            if self.under_way.iter().any(|delivery| delivery.destination.name() == destination.name()) {
                continue;
            }
            let due = self.courier.recorder.due(destination.name(), self.time.now(), CONCURRENT);
            let Ok(due) = finish(due) else {
                continue;
            };
            let policy = &self.clinic.policy;
            let (retry, attempt) = (RETRY, ATTEMPT);
            let terms = Terms { destination, policy, index: None, retry, attempt, bytes_per_second: 1 << 20 };
            for due in due {
                let courier = Arc::clone(&self.courier);
                self.under_way.push(Delivery {
                    destination,
                    runnable: Arc::new(Runnable(AtomicBool::new(true))),
                    courier: Box::pin(async move { courier.carry(due, terms).await }),
                });
            }
        }
    }

    /// Lets one courier go on; false when all of them wait for time to pass.
    fn step(&mut self) -> bool {
        let ready = |of: &Delivery<'_>| of.runnable.0.load(Ordering::Relaxed);
        let runnable: Vec<_> = (0..self.under_way.len()).filter(|at| ready(&self.under_way[*at])).collect();
        if runnable.is_empty() {
            return false;
        }
        let chosen = runnable[self.chance.below(runnable.len() as u64) as usize];
        let delivery = &mut self.under_way[chosen];
        delivery.runnable.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&delivery.runnable));
        if let Poll::Ready(carried) = delivery.courier.as_mut().poll(&mut Context::from_waker(&waker)) {
            let destination = self.under_way.remove(chosen).destination;
            if carried.is_err() {
                // As in the worker: the others on their way are not given up.
                self.witness.notes(format_args!("given up: one to {}", destination.name()));
            }
        }
        true
    }

    /// On to the next moment at which something happens; false when nothing will.
    fn pass_time(&mut self) -> bool {
        let now = self.time.now();
        let next = [self.time.next_alarm(), self.model.next_due().filter(|due| *due > now)];
        let Some(next) = next.into_iter().flatten().min() else {
            return false;
        };
        self.time.go_on_to(next);
        self.wake_all();
        true
    }

    fn pass_a_while(&mut self) {
        self.time.go_on_to(self.time.now() + self.seconds(1, 30));
        self.wake_all();
    }

    fn wake_all(&self) {
        self.under_way.iter().for_each(|delivery| delivery.runnable.0.store(true, Ordering::Relaxed));
    }

    /// The process dies and comes back: its couriers are gone, and what they had begun is in doubt.
    fn crash(&mut self) {
        self.witness.notes(format_args!("crash with {} under way", self.under_way.len()));
        self.under_way.clear();
        self.time.go_on_to(self.time.now() + self.seconds(0, 40));
        self.disk.boot(self.time.now()).unwrap();
    }

    /// A courier is never heard of again, as when its node is lost: only its lease tells.
    fn lose_one(&mut self) {
        if !self.under_way.is_empty() {
            let lost = self.chance.below(self.under_way.len() as u64) as usize;
            self.under_way.remove(lost);
        }
    }

    fn go_away(&mut self) {
        let until = self.time.now() + self.seconds(5, 300);
        self.registries.go_away(self.destination().name().as_str(), until);
    }

    /// Lets everything come to its end.
    fn drain(&mut self) {
        for destination in &self.clinic.destinations {
            finish(self.model.resume(destination.name(), self.operator())).unwrap();
        }
        for _ in 0..CALM_STEPS {
            self.look();
            if !self.step() && !self.pass_time() {
                return;
            }
        }
        self.witness.accuses("it does not drain");
    }

    fn destination(&self) -> &'a Destination {
        &self.clinic.destinations[self.chance.below(3) as usize]
    }

    fn subject(&self) -> &'static str {
        SUBJECTS[self.chance.below(SUBJECTS.len() as u64) as usize]
    }

    fn one_accepted(&self) -> Option<TransferId> {
        let count = self.accepted.len() as u64;
        (count > 0).then(|| self.accepted[self.chance.below(count) as usize])
    }

    fn seconds(&self, from: u64, to: u64) -> SignedDuration {
        SignedDuration::from_secs((from + self.chance.below(to - from)) as i64)
    }
}

/// Waits for what only gives way and never waits for time.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return answer;
        }
    }
}
