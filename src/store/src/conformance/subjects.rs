//! Promises to subjects: consents and restrictions.

use clearance::basis::{Consent, Standing};
use clearance::journey::{BeginRefusal, Recorder};
use ledger::{Change, Kind, Matter};

use super::{Candidate, House, Sample, at, verifies};
use crate::views::StandingChange;

fn change(sample: &Sample, matter: Matter, change: Change, id: &str) -> StandingChange {
    StandingChange {
        at: at(0),
        subject: sample.ledger_subject(),
        destination: sample.destination.parse().expect("a name"),
        matter,
        change,
        id: id.parse().expect("a code"),
    }
}

async fn standing(store: &impl Recorder, sample: &Sample) -> Standing {
    let destination = sample.destination.parse().expect("a name");
    store.standing(sample.subject(), &destination).await.expect("read")
}

/// Between the policy's answer and the attempt there is no gap.
pub async fn an_attempt_does_not_begin_under_a_standing_that_has_changed(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample::new(1);
    store.record(sample.acceptance()).await.expect("recorded");
    let seen = standing(&store, &sample).await;
    assert_eq!(seen, Standing::default());
    store.change_standing(change(&sample, Matter::Consent, Change::Withdrawn, "c1")).await.expect("recorded");

    let late = store.begin(sample.transfer(), seen.version, at(1), at(60)).await.expect("answered");
    assert_eq!(late.err(), Some(BeginRefusal::StandingChanged));
    let now = standing(&store, &sample).await;
    assert_eq!((now.consent, now.version), (Consent::Withdrawn, 1));
    let due = store.due(&sample.destination.parse().expect("a name"), at(1), 10).await.expect("read");
    assert_eq!(due[0].standing, now);
    assert!(store.begin(sample.transfer(), now.version, at(1), at(60)).await.expect("answered").is_ok());
    verifies(&store).await;
}

/// Whoever withdraws is told what it is too late for.
pub async fn a_change_of_standing_names_the_attempts_under_way(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample::new(1);
    for sample in [sample.clone(), Sample { about: 1, ..Sample::new(2) }, Sample::new(3)] {
        store.record(sample.acceptance()).await.expect("recorded");
    }
    for number in [1, 3] {
        let transfer = Sample::new(number).transfer();
        store.begin(transfer, 0, at(1), at(60)).await.expect("answered").expect("begun");
    }
    let recorded = store.change_standing(change(&sample, Matter::Restriction, Change::Given, "r1")).await;
    assert_eq!(recorded.expect("recorded").under_way, [sample.transfer()]);
    assert_eq!(verifies(&store).await.entries[&Kind::Standing], 1);
}

/// Lifting one restriction does not lift another.
pub async fn each_restriction_stands_for_itself(house: &impl House) {
    let store = house.open(at(0)).await;
    let sample = Sample::new(1);
    let steps = [
        (Matter::Restriction, Change::Given, "r1", (Consent::None, true)),
        (Matter::Restriction, Change::Given, "r2", (Consent::None, true)),
        (Matter::Restriction, Change::Withdrawn, "r1", (Consent::None, true)),
        (Matter::Consent, Change::Given, "c1", (Consent::Given, true)),
        (Matter::Restriction, Change::Withdrawn, "r2", (Consent::Given, false)),
        (Matter::Consent, Change::Given, "c2", (Consent::Given, false)),
        (Matter::Consent, Change::Withdrawn, "c1", (Consent::Given, false)),
        (Matter::Consent, Change::Withdrawn, "c2", (Consent::Withdrawn, false)),
    ];
    for (version, (matter, what, id, expected)) in (1..).zip(steps) {
        store.change_standing(change(&sample, matter, what, id)).await.expect("recorded");
        let now = standing(&store, &sample).await;
        assert_eq!(((now.consent, now.restricted), now.version), (expected, version));
    }
    verifies(&store).await;
}

/// The ledger's verifier sees one row of versions for each subject.
pub async fn versions_grow_over_all_destinations_of_a_subject(house: &impl House) {
    let store = house.open(at(0)).await;
    let here = Sample::new(1);
    let there = Sample { destination: "image-bank", ..here.clone() };
    for (sample, version) in [(&here, 1), (&there, 2), (&here, 3)] {
        let recorded = store.change_standing(change(sample, Matter::Consent, Change::Given, "c1")).await;
        let recorded = recorded.expect("recorded");
        assert_eq!(recorded.standing, standing(&store, sample).await);
        assert_eq!(recorded.standing.version, version);
    }
    assert_eq!((standing(&store, &here).await.version, standing(&store, &there).await.version), (3, 2));
    assert_eq!(standing(&store, &Sample::new(2)).await, Standing::default());
    verifies(&store).await;
}
