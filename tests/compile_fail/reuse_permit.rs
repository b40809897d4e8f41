//! A permit is used up by the attempt that it opens.
use clearance::basis::Permit;
use clearance::journey::Attempt;
use clearance::seal::{Bodies, KeyRing};
use std::sync::Arc;

fn open(first: Attempt, second: Attempt, permit: Permit, ring: &KeyRing, bodies: &Arc<dyn Bodies>) {
    let _ = first.open(permit, ring, bodies);
    let _ = second.open(permit, ring, bodies);
}

fn main() {}
