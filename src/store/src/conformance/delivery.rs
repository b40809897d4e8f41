//! Promises to delivery.

use clearance::fault::Fault;
use clearance::journey::{BeginRefusal, Begun, Due, Ending, Recorder};
use clearance::words::{DestinationName, State, TransferId};
use jiff::Timestamp;
use ledger::{Hash, Kind};

use super::{Candidate, House, Sample, at, ending, verifies};
use crate::views::Conclusion;

async fn accept(store: &impl Recorder, sample: &Sample) -> TransferId {
    store.record(sample.acceptance()).await.expect("recorded").transfer
}

async fn due(store: &impl Recorder, destination: &str, now: Timestamp) -> Vec<Due> {
    let destination: DestinationName = destination.parse().expect("a name");
    store.due(&destination, now, 100).await.expect("read")
}

async fn due_ids(store: &impl Recorder, now: Timestamp) -> Vec<TransferId> {
    due(store, "employer", now).await.iter().map(|due| due.transfer).collect()
}

async fn begin(
    store: &impl Recorder,
    transfer: TransferId,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Begun, BeginRefusal> {
    store.begin(transfer, 0, now, lease_until).await.expect("answered")
}

async fn state(store: &impl Recorder, transfer: TransferId) -> State {
    store.transfer(transfer).await.expect("read").expect("there").state
}

/// From the record to the destination's proof.
pub async fn an_accepted_transfer_is_due_begins_and_ends(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample::new(1);
    let transfer = accept(&store, &sample).await;
    let acceptance = sample.acceptance();

    assert!(due(&store, "employer", at(-1)).await.is_empty());
    let found = due(&store, "employer", at(0)).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].transfer, found[0].state, found[0].attempts), (transfer, State::Accepted, 0));
    assert_eq!(found[0].leaf, acceptance.leaf);
    assert_eq!((found[0].accepted_at, found[0].not_after), (at(0), acceptance.not_after));

    let begun = begin(&store, transfer, at(1), at(60)).await.expect("begun");
    assert_eq!((begun.number, begun.perhaps_delivered), (1, false));
    assert_eq!((begun.leaf, begun.sealed), (acceptance.leaf, acceptance.sealed));
    assert_eq!(state(&store, transfer).await, State::Delivering);

    let proof = Some((Hash::of(b"proof"), b"salt, encrypted".to_vec()));
    let reference = Some("their-number".to_owned());
    let delivered = Ending { proof, reference, ..ending(transfer, State::Delivered, at(2)) };
    store.end(delivered).await.expect("recorded");
    let view = store.transfer(transfer).await.expect("read").expect("there");
    assert_eq!((view.state, view.attempts, view.state_since), (State::Delivered, 1, at(2)));
    assert_eq!((view.next_attempt_at, view.reference.as_deref()), (None, Some("their-number")));
    assert!(due(&store, "employer", at(1000)).await.is_empty());
    assert!(store.undelivered_days().await.expect("read").is_empty());

    let report = verifies(&store).await;
    assert_eq!((report.size, report.open_transfers), (3, 0));
    assert_eq!((report.entries[&Kind::Attempt], report.entries[&Kind::Outcome]), (1, 1));
}

/// What a destination says against it is its client's to see.
pub async fn a_refusal_is_kept_item_by_item(house: &impl House) {
    let store = house.open(at(0)).await;
    let transfer = accept(&store, &Sample::new(1)).await;
    begin(&store, transfer, at(1), at(60)).await.expect("begun");
    let faults = vec![Fault::new("destination-refused", "/item[2]", "the code `R1`", "mend it")];
    let refused = Ending { faults: faults.clone(), ..ending(transfer, State::RefusedByDestination, at(2)) };
    store.end(refused).await.expect("recorded");
    assert_eq!(store.transfer(transfer).await.expect("read").expect("there").faults, faults);
    verifies(&store).await;
}

/// Retries are data.
pub async fn a_failed_attempt_waits_for_its_next(house: &impl House) {
    let store = house.open(at(0)).await;
    let transfer = accept(&store, &Sample::new(1)).await;
    begin(&store, transfer, at(1), at(60)).await.expect("begun");
    let setback = Ending {
        next_attempt_at: Some(at(30)),
        code: Some("unreachable".into()),
        ..ending(transfer, State::Accepted, at(2))
    };
    store.end(setback).await.expect("recorded");

    let employer = "employer".parse().expect("a name");
    assert_eq!(store.next_due(&employer).await, Ok(Some(at(30))));
    assert!(due_ids(&store, at(29)).await.is_empty());
    assert_eq!(due_ids(&store, at(30)).await, [transfer]);
    let view = store.transfer(transfer).await.expect("read").expect("there");
    assert_eq!((view.next_attempt_at, view.code.as_deref()), (Some(at(30)), Some("unreachable")));
    let begun = begin(&store, transfer, at(30), at(90)).await.expect("begun");
    assert_eq!((begun.number, begun.perhaps_delivered), (2, false));
    verifies(&store).await;
}

/// It was no attempt: it leaves no entry, keeps its state and its place, and says why it waits.
pub async fn what_is_put_back_waits_until_it_is_called_for(house: &impl House) {
    let store = house.open(at(0)).await;
    let first = accept(&store, &Sample::new(1)).await;
    accept(&store, &Sample { ordered_with: 1, ..Sample::new(2) }).await;
    let other = accept(&store, &Sample::new(3)).await;
    store.put_back(first, at(1), at(500), "away").await.expect("recorded");
    store.put_back(other, at(1), at(600), "closed").await.expect("recorded");
    let view = store.transfer(first).await.expect("read").expect("there");
    assert_eq!((view.state, view.attempts, view.state_since), (State::Accepted, 0, at(0)));
    assert_eq!((view.next_attempt_at, view.code.as_deref()), (Some(at(500)), Some("away")));
    assert!(due_ids(&store, at(499)).await.is_empty());
    assert_eq!(due_ids(&store, at(500)).await, [first]);

    let employer = "employer".parse().expect("a name");
    assert_eq!(store.call_for(&"image-bank".parse().expect("a name"), at(2), "away").await, Ok(0));
    assert_eq!(store.call_for(&employer, at(2), "away").await, Ok(1));
    assert_eq!(store.call_for(&employer, at(2), "away").await, Ok(0));
    assert_eq!(due_ids(&store, at(2)).await, [first]);
    assert_eq!(store.transfer(first).await.expect("read").expect("there").code, None);
    assert_eq!(verifies(&store).await.size, 3);
}

/// An attempt that was lost is on record before its transfer waits again.
pub async fn what_is_under_way_or_has_ended_is_not_put_back(house: &impl House) {
    let store = house.open(at(0)).await;
    let employer = "employer".parse().expect("a name");
    let transfer = accept(&store, &Sample::new(1)).await;
    begin(&store, transfer, at(1), at(60)).await.expect("begun");
    store.put_back(transfer, at(59), at(500), "away").await.expect("answered");
    assert_eq!(store.next_due(&employer).await, Ok(Some(at(60))));
    store.put_back(transfer, at(60), at(500), "away").await.expect("recorded");
    assert_eq!(state(&store, transfer).await, State::Unknown);
    assert_eq!(store.next_due(&employer).await, Ok(Some(at(500))));
    assert!(begin(&store, transfer, at(61), at(120)).await.expect("begun").perhaps_delivered);
    store.end(ending(transfer, State::Delivered, at(62))).await.expect("recorded");
    store.put_back(transfer, at(63), at(500), "away").await.expect("answered");
    assert_eq!(store.call_for(&employer, at(63), "away").await, Ok(0));
    assert_eq!((state(&store, transfer).await, due_ids(&store, at(900)).await), (State::Delivered, vec![]));
    verifies(&store).await;
}

/// Same order in, same order out.
pub async fn of_one_ordering_key_only_the_first_is_due(house: &impl House) {
    let store = house.open(at(0)).await;
    let first = accept(&store, &Sample::new(1)).await;
    let second = accept(&store, &Sample { ordered_with: 1, ..Sample::new(2) }).await;
    let third = accept(&store, &Sample { ordered_with: 1, ..Sample::new(3) }).await;

    assert_eq!(due_ids(&store, at(1)).await, [first]);
    assert_eq!(begin(&store, second, at(1), at(60)).await.err(), Some(BeginRefusal::NotPending));
    // One in the middle ends first; the order of the others stays.
    store.end(ending(second, State::Withheld, at(2))).await.expect("recorded");
    assert_eq!(due_ids(&store, at(3)).await, [first]);
    store.end(ending(first, State::Expired, at(4))).await.expect("recorded");
    assert_eq!(due_ids(&store, at(5)).await, [third]);
    verifies(&store).await;
}

/// A poisoned transfer holds up those behind it, and nobody else.
pub async fn a_parked_transfer_parks_its_ordering_key_alone(house: &impl House) {
    let store = house.open(at(0)).await;
    let poisoned = accept(&store, &Sample::new(1)).await;
    accept(&store, &Sample { ordered_with: 1, ..Sample::new(2) }).await;
    let other = accept(&store, &Sample::new(3)).await;
    begin(&store, poisoned, at(1), at(60)).await.expect("begun");
    store.end(ending(poisoned, State::Accepted, at(2))).await.expect("recorded");
    assert_eq!(due_ids(&store, at(100_000)).await, [other]);
    verifies(&store).await;
}

/// What could only expire does not wait for its turn to do so.
pub async fn a_transfer_behind_another_is_due_once_its_deadline_has_passed(house: &impl House) {
    let store = house.open(at(0)).await;
    let first = accept(&store, &Sample::new(1)).await;
    let behind = accept(&store, &Sample { ordered_with: 1, ..Sample::new(2) }).await;
    let deadline = 72 * 3600;
    begin(&store, first, at(1), at(60)).await.expect("begun");
    store.end(ending(first, State::Accepted, at(2))).await.expect("recorded");
    assert!(due_ids(&store, at(deadline)).await.is_empty());
    assert_eq!(due_ids(&store, at(deadline + 1)).await, [behind]);
    assert_eq!(
        begin(&store, behind, at(deadline + 1), at(deadline + 60)).await.err(),
        Some(BeginRefusal::NotPending)
    );
    store.end(ending(behind, State::Expired, at(deadline + 1))).await.expect("recorded");
    assert!(due_ids(&store, at(deadline + 2)).await.is_empty());
    verifies(&store).await;
}

/// A lease is one process's and ends.
pub async fn nobody_begins_a_second_attempt_while_one_is_under_way(house: &impl House) {
    let store = house.open(at(0)).await;
    let transfer = accept(&store, &Sample::new(1)).await;
    begin(&store, transfer, at(1), at(60)).await.expect("begun");
    assert!(due_ids(&store, at(59)).await.is_empty());
    assert_eq!(begin(&store, transfer, at(59), at(90)).await.err(), Some(BeginRefusal::NotPending));
    let never = Sample::new(9).transfer();
    assert_eq!(begin(&store, never, at(1), at(60)).await.err(), Some(BeginRefusal::NotPending));
    assert_eq!(verifies(&store).await.entries[&Kind::Attempt], 1);
}

/// After its lease, an attempt of which nothing was heard has perhaps arrived.
pub async fn an_attempt_that_never_ended_has_perhaps_arrived(house: &impl House) {
    let store = house.open(at(0)).await;
    let transfer = accept(&store, &Sample::new(1)).await;
    begin(&store, transfer, at(1), at(60)).await.expect("begun");
    assert_eq!(due(&store, "employer", at(60)).await[0].state, State::Unknown);
    let begun = begin(&store, transfer, at(60), at(90)).await.expect("begun");
    assert_eq!((begun.number, begun.perhaps_delivered), (2, true));
    // Once in doubt, always in doubt: a later attempt that surely failed says nothing of the first.
    let setback = Ending { next_attempt_at: Some(at(91)), ..ending(transfer, State::Accepted, at(61)) };
    store.end(setback).await.expect("recorded");
    assert!(begin(&store, transfer, at(91), at(120)).await.expect("begun").perhaps_delivered);
    let report = verifies(&store).await;
    assert_eq!((report.entries[&Kind::Attempt], report.entries[&Kind::Outcome]), (3, 1));
}

/// Leases end with the process.
pub async fn what_was_under_way_at_a_crash_is_unknown_and_due(house: &impl House) {
    let store = house.open(at(0)).await;
    let transfer = accept(&store, &Sample::new(1)).await;
    let waiting = accept(&store, &Sample::new(2)).await;
    begin(&store, transfer, at(1), at(1_000_000)).await.expect("begun");
    drop(store);

    let store = house.open(at(10)).await;
    assert_eq!(state(&store, transfer).await, State::Unknown);
    assert_eq!(state(&store, waiting).await, State::Accepted);
    assert_eq!(due_ids(&store, at(10)).await, [waiting, transfer]);
    assert!(begin(&store, transfer, at(10), at(60)).await.expect("begun").perhaps_delivered);
    verifies(&store).await;
}

/// Whoever ends it first.
pub async fn a_transfer_reaches_exactly_one_final_state(house: &impl House) {
    let store = house.open(at(0)).await;
    let transfer = accept(&store, &Sample::new(1)).await;
    begin(&store, transfer, at(1), at(60)).await.expect("begun");
    let (one, other) = tokio::join!(
        store.conclude(ending(transfer, State::Delivered, at(2))),
        store.conclude(ending(transfer, State::Expired, at(2))),
    );
    let reached = state(&store, transfer).await;
    assert!(reached.is_final());
    let expected = [Conclusion::Recorded, Conclusion::AlreadyEnded(reached)];
    let found = [one.expect("answered"), other.expect("answered")];
    assert!(found == expected || found == [expected[1], expected[0]], "{found:?}");

    // Nothing brings it back.
    let again = Ending { next_attempt_at: Some(at(3)), ..ending(transfer, State::Accepted, at(3)) };
    store.end(again).await.expect("answered");
    assert_eq!(begin(&store, transfer, at(70), at(90)).await.err(), Some(BeginRefusal::NotPending));
    assert_eq!(state(&store, transfer).await, reached);
    drop(store);
    let store = house.open(at(100)).await;
    assert_eq!(state(&store, transfer).await, reached);
    assert_eq!(verifies(&store).await.entries[&Kind::Outcome], 1);
}

/// Queues are apart.
pub async fn a_destination_does_not_see_what_is_for_another(house: &impl House) {
    let store = house.open(at(0)).await;
    accept(&store, &Sample::new(1)).await;
    // The same ordering key, towards somebody else.
    let sample = Sample { destination: "image-bank", ordered_with: 1, accepted_at: at(5), ..Sample::new(2) };
    let elsewhere = accept(&store, &sample).await;
    assert_eq!(due(&store, "image-bank", at(5)).await[0].transfer, elsewhere);
    assert!(due(&store, "prescription-centre", at(5)).await.is_empty());

    let status = store.status(at(1)).await.expect("read");
    let depths: Vec<_> =
        status.iter().map(|of| (of.destination.as_str(), of.pending, of.due, of.unknown)).collect();
    assert_eq!(depths, [("employer", 1, 1, 0), ("image-bank", 1, 0, 0)]);
    assert_eq!(status[1].oldest_accepted_at, at(5));
}
