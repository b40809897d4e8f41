//! What one due transfer comes to: asked again, begun on record, opened, proved, sent once, and ended on record.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clearance::adapter::{Means, Outcome, PayloadSigner, Setback, SubjectIndex, Transport};
use clearance::basis::{Policy, Question};
use clearance::clock::{Clock, Entropy};
use clearance::destination::Destination;
use clearance::fault::Fault;
use clearance::journey::{
    Attempt, BeginRefusal, Cleared, Due, Ending, OpenRefusal, Opened, Recorder, RecorderError, Unproven,
    Vault,
};
use clearance::seal::{Bodies, KeyRingError, PartFailure};
use clearance::words::{DestinationName, State, TransferId};
use jiff::{SignedDuration, Timestamp};
use ledger::Entry;
use tracing::Instrument;

use super::{Patience, Retry};
use crate::serve::causes;
use crate::telemetry::{metrics, trace};

/// Why a transfer waits for its client to be configured again.
pub(crate) const CLIENT_NOT_CONFIGURED: &str = "client-not-configured";
/// Why a transfer waits for policies that can be evaluated.
pub(crate) const POLICY_FAILED: &str = "policy-evaluation-failed";
/// Why a transfer waits for an index to be configured that can prove its subject.
pub(crate) const SUBJECT_UNPROVABLE: &str = "subject-unprovable";
/// Why a transfer waits whose record is damaged.
pub(crate) const DAMAGED: &str = "record-damaged";
/// Why a transfer waits whose day's key is not on the ring.
pub(crate) const KEY_GONE: &str = "key-gone";
/// Why a transfer waits whose body does not open.
pub(crate) const DOES_NOT_OPEN: &str = "does-not-open";
/// Why a transfer waits that a later version has sealed.
pub(crate) const UNKNOWN_ENVELOPE: &str = "unknown-envelope";
/// Why a transfer is tried again while the ring is being mended.
const KEY_RING_UNUSABLE: &str = "key-ring-unusable";
/// Why a transfer is tried again of which the disk did not give a part.
const PART_UNREADABLE: &str = "part-unreadable";

/// How long an outcome that cannot be recorded is held before it is offered again, and how often that is done: about
/// as long as a lease lasts, after which nobody may rely on it any more.
const HELD_FOR: Duration = Duration::from_secs(1);
const HELD_TRIES: u32 = 60;

/// Carries transfers to destinations.
#[derive(Debug)]
pub(crate) struct Courier<R> {
    pub(crate) recorder: Arc<R>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) bodies: Arc<dyn Bodies>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) patience: Arc<dyn Patience>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) signer: Arc<dyn PayloadSigner>,
}

/// The terms under which a destination is delivered to now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) destination: &'a Destination,
    pub(crate) policy: &'a Policy,
    pub(crate) index: Option<&'a dyn SubjectIndex>,
    pub(crate) retry: Retry,
    /// How long one attempt may last.
    pub(crate) attempt: SignedDuration,
    /// How many bytes give an attempt a second more.
    pub(crate) bytes_per_second: u64,
}

impl Terms<'_> {
    /// How long an attempt at this disclosure may last.
    fn lasts(&self, leaf: &[u8]) -> SignedDuration {
        let bytes = match Entry::decode(leaf) {
            Ok(Entry::Disclosure(disclosure)) => disclosure.size.get(),
            _ => 0,
        };
        let seconds = i64::try_from(bytes / self.bytes_per_second.max(1)).unwrap_or(i64::MAX);
        self.attempt.saturating_add(SignedDuration::from_secs(seconds))
    }
}

/// What an attempt came to, in the words of the record.
struct Verdict {
    state: State,
    code: Option<String>,
    rule: Option<String>,
    faults: Vec<Fault>,
    reference: Option<String>,
    proof: Option<bytes::Bytes>,
    retry_after: Option<std::time::Duration>,
    parts_done: BTreeSet<u32>,
    /// It goes on at once: what is left was not tried.
    goes_on: bool,
    /// It waits, body and all, until somebody has mended what stands in its way, or its deadline has passed.
    parked: Option<&'static str>,
}

/// How far a due transfer was carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// One step.
    Taken,
    /// An attempt was begun and ended; for this reason the next one waits for somebody to mend what stood in its way.
    Parked(&'static str),
    /// No attempt was begun, and nothing recorded: for this reason it has to wait for other settings.
    Waits(&'static str),
}

/// Why delivery cannot go on. It says nothing about the transfer that was being carried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    #[error(transparent)]
    Record(#[from] RecorderError),
    #[error("the key ring cannot be used")]
    Ring(#[source] KeyRingError),
}

impl<R: Recorder> Courier<R> {
    /// Carries one due transfer one step further.
    pub(crate) async fn carry(&self, due: Due, terms: Terms<'_>) -> Result<Step, Halt> {
        let now = self.clock.now();
        if now > due.not_after {
            self.expire(&due, terms.destination.name()).await?;
            return Ok(Step::Taken);
        }
        // Asked again at each attempt: a transfer that is no longer lawful is withheld, and that is recorded.
        let question = Question::of_entry(&due.leaf, due.subject, due.standing)?;
        // A mistake in the settings is mended; a transfer that it ended would be lost for good.
        if !terms.policy.knows(&question.client) {
            return Ok(Step::Waits(CLIENT_NOT_CONFIGURED));
        }
        let permit = match terms.policy.decide(question) {
            Ok(permit) => permit,
            Err(denial) if denial.rule == POLICY_FAILED => return Ok(Step::Waits(POLICY_FAILED)),
            Err(denial) => {
                let verdict =
                    Verdict::withheld(denial.rule).after(due.is_partly_done, due.state == State::Unknown);
                return Ok(self.end(&due, due.attempts, verdict, terms).await?);
            }
        };
        let lasts = terms.lasts(&due.leaf);
        let deadline = now.saturating_add(lasts).unwrap_or(Timestamp::MAX);
        // The lease outlives the deadline, so that nobody begins another attempt while this one is under way.
        let lease_until = deadline.saturating_add(lasts).unwrap_or(Timestamp::MAX);
        let begun = Attempt::begin(&*self.recorder, due.transfer, &permit, now, lease_until).await?;
        let attempt = match begun {
            Ok(attempt) => attempt,
            // The next look finds the new standing, or that nothing is left to do.
            Err(BeginRefusal::StandingChanged | BeginRefusal::Paused | BeginRefusal::NotPending) => {
                return Ok(Step::Taken);
            }
        };
        let (number, partly, perhaps) =
            (attempt.number(), attempt.is_partly_done(), attempt.perhaps_delivered());
        let verdict = match attempt.open(permit, &self.vault.ring, &self.bodies) {
            // It says nothing about the transfer: nothing was sent, and it is tried again once the ring is mended.
            Err(OpenRefusal::Ring(error)) => {
                let verdict = Verdict::of(State::Delivering).because(KEY_RING_UNUSABLE);
                self.end(&due, number, verdict.after(partly, perhaps), terms).await?;
                return Err(Halt::Ring(error));
            }
            Err(refusal) => {
                tracing::error!(event.action = "does-not-open", transfer.id = %due.transfer, error.message = causes(&refusal), "a sealed transfer does not open; it is parked, and its body kept");
                Verdict::not_opened(&refusal)
            }
            Ok(opened) => {
                let span = tracing::info_span!(
                    "deliver",
                    otel.kind = "producer",
                    transfer.id = %due.transfer,
                    destination.name = %terms.destination.name(),
                    transfer.attempts = number,
                );
                trace::continue_from(&span, opened.traceparent());
                self.prove_and_deliver(opened, deadline, terms).instrument(span).await
            }
        };
        Ok(self.end(&due, number, verdict.after(partly, perhaps), terms).await?)
    }

    /// Ends a transfer whose deadline has passed, also when its destination is not configured any more.
    pub(crate) async fn expire(&self, due: &Due, destination: &DestinationName) -> Result<(), RecorderError> {
        let verdict = Verdict::of(State::Expired).because("deadline-passed");
        let verdict = verdict.after(due.is_partly_done, due.state == State::Unknown);
        self.conclude(due, due.attempts, verdict, destination, None).await
    }

    async fn prove_and_deliver(&self, opened: Opened, deadline: Timestamp, terms: Terms<'_>) -> Verdict {
        let means =
            Means { clock: &*self.clock, deadline, transport: &*self.transport, signer: &*self.signer };
        match opened.prove(terms.index, &means).await {
            Ok(cleared) => self.deliver(cleared, &means, terms).await,
            Err(unproven) => Verdict::unproven(unproven),
        }
    }

    async fn deliver(&self, cleared: Cleared, means: &Means<'_>, terms: Terms<'_>) -> Verdict {
        let started = self.clock.now();
        let (transfer, condition) = (cleared.transfer(), cleared.parts_condition());
        let outcome = terms.destination.adapter().deliver(cleared, means).await;
        let verdict = match condition.failure() {
            None => Verdict::from(outcome),
            // Whatever the destination says: it has not had what was recorded.
            Some(failure) => {
                tracing::error!(event.action = "does-not-open", transfer.id = %transfer, error.message = %failure, "a part of a sealed transfer could not be read; it was not sent whole");
                Verdict::from(outcome).but_not_read(failure)
            }
        };
        let taken = self.clock.now().duration_since(started);
        metrics::attempted(terms.destination.name(), verdict.class(), taken);
        verdict
    }

    async fn end(
        &self,
        due: &Due,
        attempts: u32,
        verdict: Verdict,
        terms: Terms<'_>,
    ) -> Result<Step, RecorderError> {
        let (now, last, parked) = (self.clock.now(), after(due.not_after), verdict.parked);
        let next = match verdict.state {
            state if state.is_final() => None,
            _ if parked.is_some() => Some(last),
            _ if verdict.goes_on => Some(now),
            _ => Some(terms.retry.next(now, attempts, verdict.retry_after, &*self.entropy).min(last)),
        };
        self.conclude(due, attempts, verdict, terms.destination.name(), next).await?;
        Ok(parked.map_or(Step::Taken, Step::Parked))
    }

    async fn conclude(
        &self,
        due: &Due,
        attempts: u32,
        verdict: Verdict,
        destination: &DestinationName,
        next_attempt_at: Option<Timestamp>,
    ) -> Result<(), RecorderError> {
        let ending = Ending {
            transfer: due.transfer,
            at: self.clock.now(),
            state: verdict.state,
            next_attempt_at,
            code: verdict.code,
            rule: verdict.rule,
            faults: verdict.faults,
            reference: verdict.reference,
            proof: self.commit_proof(due.transfer, verdict.proof.as_deref()),
            parts_done: verdict.parts_done,
        };
        // Told once it is on record: a figure that was counted before would be counted again by the next try.
        self.record_end(&ending).await?;
        log(due, attempts, &ending, destination);
        metrics::ended(destination, ending.state, ending.at.duration_since(due.accepted_at));
        Ok(())
    }

    /// Without its outcome a transfer that has arrived would be sent again: one that there is no room for is held, and
    /// offered again.
    async fn record_end(&self, ending: &Ending) -> Result<(), RecorderError> {
        for _ in 0..HELD_TRIES {
            match self.recorder.end(ending.clone()).await {
                Err(RecorderError::Full | RecorderError::Busy) => {
                    tracing::error!(event.action = "outcome-held", transfer.id = %ending.transfer, "an outcome cannot be recorded yet; it is held");
                    self.patience.wait(HELD_FOR).await;
                }
                recorded => return recorded,
            }
        }
        self.recorder.end(ending.clone()).await
    }

    /// A delivered transfer without a commitment to its proof is better than one delivered twice.
    fn commit_proof(&self, transfer: TransferId, proof: Option<&[u8]>) -> Option<(ledger::Hash, Vec<u8>)> {
        match self.vault.commit_proof(transfer, proof?) {
            Ok(committed) => Some(committed),
            Err(error) => {
                tracing::error!(event.action = "proof-not-committed", transfer.id = %transfer, error.message = %error, "the destination's proof could not be committed to");
                None
            }
        }
    }
}

fn log(due: &Due, attempts: u32, ending: &Ending, destination: &DestinationName) {
    tracing::info!(
        event.action = "delivery",
        transfer.id = %due.transfer,
        transfer.state = ending.state.code(),
        transfer.attempts = attempts,
        destination.name = %destination,
        code = ending.code.as_deref().unwrap_or_default(),
        rule.name = ending.rule.as_deref().unwrap_or_default(),
        "a transfer was carried one step"
    );
}

/// One step past the deadline, where the transfer is looked at once more and expires.
pub(super) fn after(deadline: Timestamp) -> Timestamp {
    deadline.saturating_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX)
}

impl Verdict {
    const fn of(state: State) -> Self {
        Self {
            state,
            code: None,
            rule: None,
            faults: Vec::new(),
            reference: None,
            proof: None,
            retry_after: None,
            parts_done: BTreeSet::new(),
            goes_on: false,
            parked: None,
        }
    }

    fn because(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// What was sent was not all of what was recorded: that is no delivery, and no refusal of it.
    fn but_not_read(self, failure: PartFailure) -> Self {
        let state = match self.state {
            State::Delivered | State::Unknown => State::Unknown,
            _ => State::Delivering,
        };
        let parts_done = self.parts_done;
        match failure {
            PartFailure::DoesNotOpen => Self { parts_done, state, ..Self::parked(DOES_NOT_OPEN) },
            PartFailure::Unreadable => Self { parts_done, ..Self::of(state).because(PART_UNREADABLE) },
        }
    }

    /// What ends while parts of it are confirmed, or while nobody knows whether an earlier attempt arrived, says so; and what
    /// goes on stays in doubt.
    fn after(self, partly_done: bool, perhaps_delivered: bool) -> Self {
        let verdict = self.after_doubt(perhaps_delivered);
        match verdict.state {
            State::Withheld | State::Expired | State::RefusedByDestination
                if partly_done || !verdict.parts_done.is_empty() =>
            {
                verdict.because("partly-delivered")
            }
            _ => verdict,
        }
    }

    fn after_doubt(self, perhaps_delivered: bool) -> Self {
        match self.state {
            _ if !perhaps_delivered => self,
            State::Delivering => Self { state: State::Unknown, ..self },
            State::Withheld | State::Expired => self.because("perhaps-delivered"),
            State::Accepted
            | State::Delivered
            | State::RefusedByDestination
            | State::Withdrawn
            | State::Unknown => self,
        }
    }

    fn parked(code: &'static str) -> Self {
        Self { parked: Some(code), ..Self::of(State::Delivering).because(code) }
    }

    fn not_opened(refusal: &OpenRefusal) -> Self {
        Self::parked(match refusal {
            OpenRefusal::Damaged(_) | OpenRefusal::PermitIsForAnother => DAMAGED,
            OpenRefusal::KeyGone => KEY_GONE,
            OpenRefusal::DoesNotOpen => DOES_NOT_OPEN,
            OpenRefusal::UnknownEnvelope => UNKNOWN_ENVELOPE,
            OpenRefusal::Ring(_) => KEY_RING_UNUSABLE,
        })
    }

    fn withheld(rule: impl Into<String>) -> Self {
        let rule = rule.into();
        Self { rule: Some(rule.clone()), ..Self::of(State::Withheld).because(rule) }
    }

    fn later(state: State, setback: Setback) -> Self {
        Self { retry_after: setback.retry_after, ..Self::of(state).because(setback.code) }
    }

    fn unproven(unproven: Unproven) -> Self {
        match unproven {
            Unproven::AnotherSubject => Self::withheld("wrong-patient"),
            Unproven::NoIndex => Self::parked(SUBJECT_UNPROVABLE),
            Unproven::Setback(setback) => Self::later(State::Delivering, setback),
        }
    }

    /// The class that metrics count.
    const fn class(&self) -> &'static str {
        match self.state {
            State::Delivered => "delivered",
            State::RefusedByDestination => "refused",
            State::Withheld => "withheld",
            State::Unknown => "unknown",
            State::Accepted | State::Delivering | State::Withdrawn | State::Expired => "failed",
        }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered(acknowledgement) => Self {
                reference: acknowledgement.reference,
                proof: Some(acknowledgement.proof),
                ..Self::of(State::Delivered)
            },
            Outcome::Refused(refusal) => {
                Self { faults: refusal.faults, ..Self::of(State::RefusedByDestination).because(refusal.code) }
            }
            Outcome::Failed(setback) => Self::later(State::Delivering, setback),
            Outcome::Unknown(setback) => Self::later(State::Unknown, setback),
            Outcome::AnotherSubject => Self::withheld("wrong-patient"),
            Outcome::Partly { done, setback: Some(setback) } => {
                Self { parts_done: done, ..Self::later(State::Delivering, setback) }
            }
            // Without progress it would go round for ever.
            Outcome::Partly { done, setback: None } => {
                Self { goes_on: !done.is_empty(), parts_done: done, ..Self::of(State::Delivering) }
            }
        }
    }
}
