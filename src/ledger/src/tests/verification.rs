//! The verifier on ledgers nobody has tampered with, and on entries that cannot follow each other.

use zeroize::Zeroizing;

use super::fixtures::{
    attempt, busy, checkpoint, disclosure, example, frontier, inquiry, leaves, no_release, other_key,
    outcome, records, release, standing, v,
};
use crate::verify::{Fault, Finding, Report, Verification, verify};
use crate::{Count, Entry, Kind, SigningKey, State};

fn judge(entries: &[Entry]) -> Result<Report, Finding> {
    verify(records(&leaves(entries.iter().cloned())), &[])
}

fn fault(entries: &[Entry]) -> (u64, Fault) {
    let finding = judge(entries).unwrap_err();
    (finding.index, finding.fault)
}

#[test]
fn a_good_ledger_is_reported_with_what_is_in_it() {
    let leaves = busy();
    let checkpoints = [checkpoint(&leaves, 4), checkpoint(&leaves, 0), checkpoint(&leaves, 9)];
    let report = verify(records(&leaves), &checkpoints).unwrap();
    assert_eq!(report.size, 15);
    assert_eq!(report.root, frontier(&leaves).root());
    assert_eq!(report.entries[&Kind::Disclosure], 2);
    assert_eq!(report.entries.values().sum::<u64>(), 15);
    assert_eq!((report.checkpoints, report.signed_size, report.open_transfers), (3, 9, 0));
    assert_eq!(report.open_inquiries, 0);
}

#[test]
fn an_empty_ledger_is_good() {
    let report = verify([], &[checkpoint(&[], 0)]).unwrap();
    assert_eq!((report.size, report.signed_size), (0, 0));
}

#[test]
fn transfers_without_an_end_are_counted_as_open() {
    let report = judge(&[
        disclosure("a").into(),
        disclosure("b").into(),
        attempt("a", 1).into(),
        outcome("a", State::Unknown).into(),
    ]);
    assert_eq!(report.unwrap().open_transfers, 2);
}

#[test]
fn nothing_is_delivered_that_was_not_disclosed() {
    assert_eq!(fault(&[attempt("a", 1).into()]), (0, Fault::NotOpen));
    for state in State::ALL {
        let entries = [disclosure("b").into(), outcome("a", *state).into()];
        assert_eq!(fault(&entries), (1, Fault::NotOpen));
    }
}

#[test]
fn a_transfer_ends_once() {
    for state in State::ALL.iter().filter(|state| state.is_final()) {
        let ended: [Entry; 2] = [disclosure("a").into(), outcome("a", *state).into()];
        for next in [outcome("a", *state).into(), outcome("a", State::Unknown).into(), attempt("a", 2).into()]
        {
            assert_eq!(fault(&[&ended[..], &[next]].concat()), (2, Fault::NotOpen));
        }
    }
}

#[test]
fn a_transfer_that_is_not_at_its_end_goes_on() {
    for state in State::ALL.iter().filter(|state| !state.is_final()) {
        assert!(
            judge(&[
                disclosure("a").into(),
                attempt("a", 1).into(),
                outcome("a", *state).into(),
                attempt("a", 2).into(),
                outcome("a", State::Delivered).into(),
            ])
            .is_ok()
        );
    }
}

#[test]
fn a_transfer_is_disclosed_once() {
    let entries = [disclosure("a").into(), disclosure("b").into(), disclosure("a").into()];
    assert_eq!(fault(&entries), (2, Fault::DisclosedTwice));
}

#[test]
fn an_inquiry_that_never_ended_is_counted_as_open() {
    let report = judge(&[inquiry("i").into(), inquiry("j").into(), release("j").into()]);
    assert_eq!(report.unwrap().open_inquiries, 1);
}

#[test]
fn nothing_is_released_that_was_not_asked_for_and_nothing_twice() {
    let ends: [Entry; 2] = [release("i").into(), no_release("i").into()];
    for end in &ends {
        assert_eq!(fault(std::slice::from_ref(end)), (0, Fault::NotInquired));
        assert_eq!(fault(&[inquiry("j").into(), end.clone()]), (1, Fault::NotInquired));
        for again in &ends {
            let entries = [inquiry("i").into(), end.clone(), again.clone()];
            assert_eq!(fault(&entries), (2, Fault::NotInquired));
        }
    }
    assert_eq!(fault(&[inquiry("i").into(), inquiry("i").into()]), (1, Fault::InquiredTwice));
}

#[test]
fn transfers_and_inquiries_are_told_apart() {
    assert_eq!(fault(&[inquiry("a").into(), attempt("a", 1).into()]), (1, Fault::NotOpen));
    assert_eq!(fault(&[disclosure("a").into(), release("a").into()]), (1, Fault::NotInquired));
}

#[test]
fn a_subjects_standing_only_goes_forward() {
    let (one, two) = ("38001085718", "47101010033");
    let entries = [(one, 1), (two, 1), (one, 5), (two, 2)].map(|(p, n)| standing(p, n).into());
    assert!(judge(&entries).is_ok());
    for (last, found) in [(5, 4), (5, 5), (1, 0)] {
        let entries = [standing(one, last).into(), standing(two, 9).into(), standing(one, found).into()];
        let (last, found) = (Count::from(last), Count::from(found));
        assert_eq!(fault(&entries), (2, Fault::StandingBackwards { last, found }));
    }
}

#[test]
fn checkpoints_must_agree_with_each_other_and_come_in_time() {
    let leaves = example();
    let forked = other_key().sign(2, frontier(&leaves[1..]).root()).unwrap();
    let finding = verify(records(&leaves), &[checkpoint(&leaves, 2), forked]).unwrap_err();
    assert_eq!(finding.fault, Fault::Forked { size: 2 });

    let elsewhere = SigningKey::from_seed(v("other.example"), Zeroizing::new([1; 32])).unwrap();
    let other = elsewhere.sign(3, frontier(&leaves).root()).unwrap();
    let finding = verify(records(&leaves), &[checkpoint(&leaves, 2), other]).unwrap_err();
    assert_eq!(finding.fault, Fault::OtherOrigin);

    let verification = records(&leaves).into_iter().try_fold(Verification::new(), Verification::record);
    let finding = verification.unwrap().checkpoint(&checkpoint(&leaves, 1)).unwrap_err();
    assert_eq!(finding, Finding { index: 3, fault: Fault::Late { size: 1 } });
}

#[test]
fn a_checkpoint_may_come_when_its_size_is_reached_and_more_than_once() {
    let leaves = example();
    let rows = records(&leaves);
    let verification = Verification::new().record(rows[0]).unwrap();
    let verification = verification.checkpoint(&checkpoint(&leaves, 1)).unwrap();
    let verification = verification.checkpoint(&checkpoint(&leaves, 1)).unwrap();
    let verification = verification.record(rows[1]).unwrap().record(rows[2]).unwrap();
    assert_eq!(verification.finish().unwrap().signed_size, 1);
}

#[test]
fn a_finding_reads_as_a_sentence() {
    let finding = Finding { index: 4, fault: Fault::Misplaced { found: 5 } };
    let sentence = "record 4: record 5 stands in its place: it is missing, or the order is not kept";
    assert_eq!(finding.to_string(), sentence);
}
