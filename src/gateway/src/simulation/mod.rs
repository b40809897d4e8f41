//! The delivery core under a seed: the real journey, policy and courier, between a store, registries, a clock and chance
//! that are made up. The same seed gives the same run.
//!
//! | to read about | see |
//! |---|---|
//! | what happens in a run | [`run`] |
//! | what must never happen | [`witness`] |
//! | the store, and how it is interrupted | [`model`], [`interrupted`] |
//! | the registries and their adapter | [`registries`], [`adapter`] |
//! | what clients submit | [`clinic`] |
//!
//! It does not cover intake's HTTP, the loop in `delivery::worker`, real stores (these have crash tests of their own), nor
//! proofs by a patient index. `CLEARANCE_SEEDS=10000` runs more seeds, `CLEARANCE_SEED=17` one and prints what happened.

mod adapter;
mod chance;
mod clinic;
mod interrupted;
mod model;
mod registries;
mod run;
mod sealed;
mod witness;

use std::collections::BTreeSet;
use std::env;
use std::ops::Range;

use clearance::words::State;
use ledger::Hash;
use store::conformance::at;

use self::clinic::Clinic;
use self::interrupted::Sabotage;
use self::run::run;

/// The registry that makes a report of everything it gets.
const REGISTRY: &str = "registry";
/// The registry that recognises what it has.
const ARCHIVE: &str = "archive";
/// The registry that takes the documents of a transfer one by one.
const SHELF: &str = "shelf";
/// Reports that begin so are refused.
const REFUSED_TITLE: &str = "Unwelcome";

/// How many seeds run unless told otherwise.
const SEEDS: u64 = 200;

#[test]
fn no_seed_breaks_a_promise() {
    let (seeds, is_one) = seeds();
    let clinic = Clinic::open(at(0));
    let mut reached = BTreeSet::new();
    for seed in seeds {
        let report = run(&clinic, seed, None);
        if is_one {
            println!("{}", report.trace);
        }
        assert!(
            report.violations.is_empty(),
            "seed {seed}: {:#?}\nrun it again: CLEARANCE_SEED={seed} cargo test -p gateway no_seed_breaks -- --nocapture",
            report.violations
        );
        reached.extend(report.states);
    }
    // A simulation in which nothing happens proves nothing.
    let every: BTreeSet<_> =
        State::ALL.iter().copied().filter(|state| state.is_final() || *state == State::Unknown).collect();
    assert!(is_one || reached == every, "only these were reached: {reached:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let clinic = Clinic::open(at(0));
    let trace = |seed| Hash::of(run(&clinic, seed, None).trace.as_bytes());
    for seed in 0..10 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
    assert_ne!(trace(0), trace(1));
}

#[test]
fn a_broken_promise_is_noticed() {
    let clinic = Clinic::open(at(0));
    let broken = [
        (Sabotage::DoubtIsForgotten, "reported 2 times"),
        (Sabotage::WithdrawalsAreHidden, "begun after a withdrawal"),
        (Sabotage::DoubtIsDelivery, "is delivered (connection-broken), and reported 0 times"),
    ];
    for (sabotage, accusation) in broken {
        let mut violations = (0..SEEDS).flat_map(|seed| run(&clinic, seed, Some(sabotage)).violations);
        assert!(violations.any(|violation| violation.contains(accusation)), "{sabotage:?}");
    }
}

fn seeds() -> (Range<u64>, bool) {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("CLEARANCE_SEED") {
        Some(seed) => (seed..seed + 1, true),
        None => (0..number("CLEARANCE_SEEDS").unwrap_or(SEEDS), false),
    }
}
