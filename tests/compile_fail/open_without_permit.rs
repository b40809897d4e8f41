//! Nothing opens without a permit.
use clearance::journey::Attempt;
use clearance::seal::{Bodies, KeyRing};
use std::sync::Arc;

fn open(attempt: Attempt, ring: &KeyRing, bodies: &Arc<dyn Bodies>) {
    let _ = attempt.open(ring, bodies);
}

fn main() {}
