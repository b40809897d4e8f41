//! A permit is used up by the attempt that it opens.
use clearance::basis::Permit;
use clearance::journey::Attempt;
use clearance::seal::KeyRing;

fn open(first: Attempt, second: Attempt, permit: Permit, ring: &KeyRing) {
    let _ = first.open(permit, ring);
    let _ = second.open(permit, ring);
}

fn main() {}
