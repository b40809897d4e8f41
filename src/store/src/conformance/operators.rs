//! Promises to operators.

use clearance::journey::{BeginRefusal, Recorder};
use clearance::words::{DestinationName, State, TransferId};
use ledger::{Kind, Text};

use super::{Candidate, House, Sample, at, ending, verifies};
use crate::operator::{Handled, Handling, Operator, Skipped};

const DISCARD: Handling = Handling::Discard { cleared_up: false };

fn operator(seconds: i64) -> Operator {
    let reason: Text = "their certificate has expired".parse().expect("a text");
    Operator { who: "night-shift".parse().expect("a code"), at: at(seconds), reason }
}

fn employer() -> DestinationName {
    "employer".parse().expect("a name")
}

async fn accept(store: &impl Recorder, sample: &Sample) -> TransferId {
    store.record(sample.acceptance()).await.expect("recorded").transfer
}

async fn due(store: &impl Recorder, seconds: i64) -> Vec<TransferId> {
    let due = store.due(&employer(), at(seconds), 100).await.expect("read");
    due.iter().map(|due| due.transfer).collect()
}

fn skipped(transfer: TransferId, why: Skipped) -> Handled {
    Handled { done: Vec::new(), skipped: vec![(transfer, why)] }
}

/// After the answer no attempt begins; what is under way ends; what expires, expires; a crash changes nothing.
pub async fn a_paused_destination_begins_nothing_until_it_is_resumed(house: &impl House) {
    let store = house.open(at(0)).await;
    let (first, second) = (accept(&store, &Sample::new(1)).await, accept(&store, &Sample::new(2)).await);
    let elsewhere = accept(&store, &Sample { destination: "image-bank", ..Sample::new(3) }).await;
    store.begin(first, 0, at(1), at(60)).await.expect("answered").expect("begun");
    assert!(store.pause(&employer(), operator(2)).await.expect("recorded"));
    assert!(!store.pause(&employer(), operator(3)).await.expect("recorded"), "it is paused already");
    store.end(ending(first, State::Delivered, at(4))).await.expect("recorded");
    assert!(due(&store, 5).await.is_empty());
    drop(store);

    let store = house.open(at(6)).await;
    let refused = store.begin(second, 0, at(7), at(60)).await.expect("answered");
    assert_eq!(refused.expect_err("not begun"), BeginRefusal::Paused);
    store.begin(elsewhere, 0, at(7), at(60)).await.expect("answered").expect("another destination's begins");
    store.end(ending(elsewhere, State::Delivered, at(8))).await.expect("recorded");
    let paused = store.paused().await.expect("read");
    assert_eq!((paused.len(), &paused[0].destination), (1, &employer()));
    assert_eq!((paused[0].since, paused[0].who.as_str()), (at(2), "night-shift"));
    assert_eq!(due(&store, 4 * 24 * 3600).await, [second], "its deadline has passed");

    assert!(store.resume(&employer(), operator(9)).await.expect("recorded"));
    assert!(!store.resume(&employer(), operator(9)).await.expect("recorded"));
    assert_eq!(due(&store, 10).await, [second]);
    assert_eq!(verifies(&store).await.entries[&Kind::Administration], 2);
}

/// A transfer that waits for its next attempt is tried now; others say why not. A preview does nothing.
pub async fn what_waits_is_tried_when_an_operator_says_so(house: &impl House) {
    let store = house.open(at(0)).await;
    let first = accept(&store, &Sample::new(1)).await;
    let behind = accept(&store, &Sample { ordered_with: 1, ..Sample::new(2) }).await;
    let nobody = Sample::new(9).transfer();
    store.begin(first, 0, at(1), at(60)).await.expect("answered").expect("begun");
    let under_way = store.handle(vec![first], Handling::Retry, Some(operator(2))).await.expect("recorded");
    assert_eq!(under_way, skipped(first, Skipped::UnderWay));
    let failed = clearance::journey::Ending {
        next_attempt_at: Some(at(900)),
        ..ending(first, State::Accepted, at(3))
    };
    store.end(failed).await.expect("recorded");
    assert!(due(&store, 10).await.is_empty());

    let all = vec![first, behind, nobody];
    let preview = store.handle(all.clone(), Handling::Retry, None).await.expect("read");
    assert_eq!(preview.done, [first]);
    assert_eq!(preview.skipped, [(behind, Skipped::Behind), (nobody, Skipped::NotFound)]);
    assert!(due(&store, 10).await.is_empty());
    assert_eq!(store.handle(all, Handling::Retry, Some(operator(10))).await.expect("recorded"), preview);
    assert_eq!(due(&store, 10).await, [first]);
    assert_eq!(verifies(&store).await.entries[&Kind::Administration], 1);
}

/// What is discarded ends once, makes room for the next of its key, and is never what may have arrived.
pub async fn what_may_have_arrived_is_discarded_only_once_it_is_cleared_up(house: &impl House) {
    let store = house.open(at(0)).await;
    let (first, doubtful) = (accept(&store, &Sample::new(1)).await, accept(&store, &Sample::new(2)).await);
    let behind = accept(&store, &Sample { ordered_with: 1, ..Sample::new(3) }).await;
    store.begin(doubtful, 0, at(1), at(60)).await.expect("answered").expect("begun");
    store.end(ending(doubtful, State::Unknown, at(2))).await.expect("recorded");

    let handled = store.handle(vec![first, doubtful], DISCARD, Some(operator(3))).await.expect("recorded");
    assert_eq!(
        (&handled.done[..], &handled.skipped[..]),
        (&[first][..], &[(doubtful, Skipped::PerhapsDelivered)][..])
    );
    let view = store.transfer(first).await.expect("read").expect("there");
    assert_eq!((view.state, view.code.as_deref()), (State::Withdrawn, Some("discarded")));
    let again = store.handle(vec![first], DISCARD, Some(operator(4))).await.expect("recorded");
    assert_eq!(again, skipped(first, Skipped::Ended));
    assert!(due(&store, 5).await.contains(&behind));

    let cleared_up = Handling::Discard { cleared_up: true };
    let handled = store.handle(vec![doubtful], cleared_up, Some(operator(6))).await.expect("recorded");
    assert_eq!(handled.done, [doubtful]);
    assert_eq!(verifies(&store).await.entries[&Kind::Administration], 2);
}
