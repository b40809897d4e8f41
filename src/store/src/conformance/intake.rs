//! Promises to intake.

use clearance::journey::{BeginRefusal, Recorder, RecorderError, Reservation};
use clearance::words::State;
use jiff::SignedDuration;
use ledger::{Administration, Entry, Kind, Outcome};

use super::{Candidate, House, Sample, at, ending, verifies};
use crate::views::{IDEMPOTENCY_KEY_LIFE, Withdrawal};

/// One effect for each key, and the same answer each time.
pub async fn a_repeated_request_gets_the_first_answer(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample::new(1);
    let scope = sample.idempotency();
    assert_eq!(store.reserve(&scope).await, Ok(Reservation::Fresh));
    assert_eq!(store.reserve(&scope).await, Ok(Reservation::InProgress));
    // A refusal does not use the key up.
    store.release(&scope);
    assert_eq!(store.reserve(&scope).await, Ok(Reservation::Fresh));

    let acceptance = sample.acceptance();
    let accepted = Reservation::Accepted {
        content: acceptance.content,
        transfer: acceptance.transfer,
        answer: acceptance.answer.clone(),
    };
    store.record(acceptance).await.expect("recorded");
    assert_eq!(store.reserve(&scope).await.as_ref(), Ok(&accepted));
    assert_eq!(store.reserve(&scope).await.as_ref(), Ok(&accepted));

    // A key is its client's.
    let other =
        clearance::journey::IdempotencyScope { client: "pacs".parse().expect("a name"), ..scope.clone() };
    assert_eq!(store.reserve(&other).await, Ok(Reservation::Fresh));
    drop(store);
    let store = house.open(at(1)).await;
    assert_eq!(store.reserve(&scope).await.as_ref(), Ok(&accepted));
    assert_eq!(store.reserve(&other).await, Ok(Reservation::Fresh));
}

/// Not before, not while the transfer waits.
pub async fn a_key_is_forgotten_a_week_after_the_end(house: &impl House) {
    let store = house.open(at(0)).await;
    let (ended, waiting) = (Sample::new(1), Sample::new(2));
    store.record(ended.acceptance()).await.expect("recorded");
    store.record(waiting.acceptance()).await.expect("recorded");
    store.end(ending(ended.transfer(), State::Expired, at(10))).await.expect("recorded");

    let forgotten_at = at(10) + IDEMPOTENCY_KEY_LIFE;
    assert_eq!(store.purge(forgotten_at - SignedDuration::from_secs(1)).await, Ok(0));
    assert_eq!(store.purge(forgotten_at).await, Ok(1));
    assert_eq!(store.reserve(&ended.idempotency()).await, Ok(Reservation::Fresh));
    assert!(matches!(store.reserve(&waiting.idempotency()).await, Ok(Reservation::Accepted { .. })));
}

/// Many commands, one commit, each for itself.
pub async fn a_command_that_fails_takes_no_other_with_it(house: &impl House) {
    let store = house.open(at(0)).await;
    let first = Sample::new(1);
    store.record(first.acceptance()).await.expect("recorded");
    let (one, other) = (Sample::new(2), Sample::new(3));
    let (good, twice, also_good) = tokio::join!(
        store.record(one.acceptance()),
        store.record(first.acceptance()),
        store.record(other.acceptance()),
    );
    assert!(matches!(twice, Err(RecorderError::Damaged(_))), "{twice:?}");
    assert!(good.is_ok() && also_good.is_ok());
    assert_eq!(verifies(&store).await.entries[&Kind::Disclosure], 3);
}

/// The ledger holds nothing that a verifier would refuse.
pub async fn an_entry_that_is_not_the_transfers_is_refused(house: &impl House) {
    let store = house.open(at(0)).await;
    let (mut of_another, mut no_entry) = (Sample::new(1).acceptance(), Sample::new(1).acceptance());
    of_another.leaf = Sample::new(2).acceptance().leaf;
    no_entry.leaf.push(b' ');
    for acceptance in [of_another, no_entry] {
        assert!(matches!(store.record(acceptance).await, Err(RecorderError::Damaged(_))));
    }
    assert_eq!(verifies(&store).await.size, 0);
}

/// In one commit with its successor, or not at all.
pub async fn a_transfer_replaces_one_that_waits_and_no_other(house: &impl House) {
    let store = house.open(at(0)).await;
    let (waiting, sent) = (Sample::new(1), Sample::new(2));
    store.record(waiting.acceptance()).await.expect("recorded");
    store.record(sent.acceptance()).await.expect("recorded");
    store.begin(sent.transfer(), 0, at(1), at(60)).await.expect("answered").expect("begun");

    let successor = Sample { supersedes: Some(waiting.transfer()), ordered_with: 1, ..Sample::new(3) };
    store.record(successor.acceptance()).await.expect("recorded");
    let replaced = store.transfer(waiting.transfer()).await.expect("read").expect("there");
    assert_eq!(replaced.state, State::Withdrawn);
    assert!(store.begin(successor.transfer(), 0, at(1), at(60)).await.expect("answered").is_ok());

    let too_late = Sample { supersedes: Some(sent.transfer()), ..Sample::new(4) };
    assert_eq!(store.record(too_late.acceptance()).await, Err(RecorderError::SupersedesNotPossible));
    assert_eq!(store.transfer(too_late.transfer()).await.expect("read").map(|view| view.index), None);
    let report = verifies(&store).await;
    assert_eq!((report.entries[&Kind::Disclosure], report.entries[&Kind::Outcome]), (3, 1));
}

/// Nobody is told that something was withdrawn which may have arrived.
pub async fn only_what_cannot_have_left_is_withdrawn(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample::new(1);
    let (transfer, ehr, pacs) =
        (sample.transfer(), "ehr".parse().expect("a name"), "pacs".parse().expect("a name"));
    store.record(sample.acceptance()).await.expect("recorded");
    assert_eq!(store.withdraw(transfer, &pacs, at(1)).await, Ok(Withdrawal::NotFound));
    store.begin(transfer, 0, at(1), at(60)).await.expect("answered").expect("begun");
    assert_eq!(store.withdraw(transfer, &ehr, at(2)).await, Ok(Withdrawal::UnderWay));
    assert_eq!(store.withdraw(transfer, &ehr, at(61)).await, Ok(Withdrawal::UnderWay));
    store.end(ending(transfer, State::Unknown, at(62))).await.expect("recorded");
    assert_eq!(store.withdraw(transfer, &ehr, at(63)).await, Ok(Withdrawal::PerhapsDelivered));

    let other = Sample::new(2);
    store.record(other.acceptance()).await.expect("recorded");
    assert_eq!(store.withdraw(other.transfer(), &ehr, at(3)).await, Ok(Withdrawal::Withdrawn));
    let again = store.withdraw(other.transfer(), &ehr, at(4)).await;
    assert_eq!(again, Ok(Withdrawal::AlreadyEnded(State::Withdrawn)));
    let begun = store.begin(other.transfer(), 0, at(5), at(60)).await.expect("answered");
    assert_eq!(begun.err(), Some(BeginRefusal::NotPending));
    verifies(&store).await;
}

/// What belongs to a transfer or a standing is written with it.
pub async fn notes_are_kept_and_only_of_kinds_that_stand_alone(house: &impl House) {
    let store = house.open(at(0)).await;
    let act = Administration {
        at: at(0).try_into().expect("after 1970"),
        who: "ops-1".parse().expect("a code"),
        action: "pause".parse().expect("a code"),
        object: "employer".parse().expect("a text"),
    };
    assert_eq!(store.note(act.clone().into()).await, Ok(0));
    assert_eq!(store.note(act.into()).await, Ok(1));
    let outcome = Outcome {
        at: at(0).try_into().expect("after 1970"),
        transfer: Sample::new(1).transfer().to_string().parse().expect("a code"),
        state: State::Delivered,
        attempts: 0.into(),
        acknowledgement: None,
        rule: None,
    };
    assert!(store.note(Entry::Outcome(outcome)).await.is_err());
    assert_eq!(verifies(&store).await.size, 2);
}
