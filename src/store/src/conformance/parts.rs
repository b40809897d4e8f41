//! Promises to documents that stream through.

use std::collections::BTreeSet;

use clearance::journey::{Ending, Recorder};
use clearance::seal::SealedParts;
use clearance::words::State;

use super::{Candidate, House, Sample, at, ending, verifies};
use crate::views::Withdrawal;

/// In the record and outside it.
pub async fn parts_are_begun_as_they_were_recorded(house: &impl House) {
    let store = house.open(at(0)).await;
    let places = [SealedParts::InRecord(vec![7; 100_000]), SealedParts::InBody { length: 1 << 40 }];
    for (number, parts) in (1..).zip(places) {
        let sample = Sample { parts: Some(parts), ..Sample::new(number) };
        store.record(sample.acceptance()).await.expect("recorded");
        let begun = store.begin(sample.transfer(), 0, at(1), at(60)).await.expect("answered").expect("begun");
        assert_eq!((begun.sealed, begun.parts_done), (sample.acceptance().sealed, BTreeSet::new()));
        store.end(ending(sample.transfer(), State::Delivered, at(2))).await.expect("recorded");
    }
    verifies(&store).await;
}

/// Batch by batch, through a crash.
pub async fn a_part_that_was_confirmed_is_remembered_to_the_end(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample { parts: Some(SealedParts::InBody { length: 3 }), ..Sample::new(1) };
    let (transfer, destination) = (sample.transfer(), "employer".parse().expect("a name"));
    store.record(sample.acceptance()).await.expect("recorded");
    let partly = |numbers: &[u32], seconds| Ending {
        parts_done: numbers.iter().copied().collect(),
        next_attempt_at: Some(at(seconds)),
        ..ending(transfer, State::Delivering, at(seconds))
    };
    let begun = |begun: clearance::journey::Begun| (begun.number, begun.perhaps_delivered, begun.parts_done);
    store.begin(transfer, 0, at(1), at(60)).await.expect("answered").expect("begun");
    store.end(partly(&[2], 2)).await.expect("recorded");
    let due = store.due(&destination, at(2), 10).await.expect("read");
    assert!(due[0].is_partly_done);
    let again = store.begin(transfer, 0, at(2), at(60)).await.expect("answered").expect("begun");
    assert_eq!(begun(again), (2, false, BTreeSet::from([2])));
    store.end(partly(&[1, 2], 3)).await.expect("recorded");
    drop(store);

    let store = house.open(at(10)).await;
    let again = store.begin(transfer, 0, at(10), at(60)).await.expect("answered").expect("begun");
    assert_eq!(begun(again), (3, false, BTreeSet::from([1, 2])));
    store.end(ending(transfer, State::Delivered, at(11))).await.expect("recorded");
    verifies(&store).await;
}

/// Of what has arrived in part, nobody can say that it was withdrawn.
pub async fn what_has_arrived_in_part_is_not_withdrawn(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample { parts: Some(SealedParts::InRecord(vec![1])), ..Sample::new(1) };
    let (transfer, client) = (sample.transfer(), "ehr".parse().expect("a name"));
    store.record(sample.acceptance()).await.expect("recorded");
    store.begin(transfer, 0, at(1), at(60)).await.expect("answered").expect("begun");
    let partly = Ending {
        parts_done: BTreeSet::from([1]),
        next_attempt_at: Some(at(3)),
        ..ending(transfer, State::Delivering, at(2))
    };
    store.end(partly).await.expect("recorded");
    assert_eq!(store.withdraw(transfer, &client, at(2)).await, Ok(Withdrawal::PerhapsDelivered));
    verifies(&store).await;
}
