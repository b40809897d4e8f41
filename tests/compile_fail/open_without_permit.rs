//! Nothing opens without a permit.
use clearance::journey::Attempt;
use clearance::seal::KeyRing;

fn open(attempt: Attempt, ring: &KeyRing) {
    let _ = attempt.open(ring);
}

fn main() {}
