//! One permit, one send: what is cleared cannot be copied.
use clearance::journey::Cleared;

fn twice(cleared: Cleared) -> (Cleared, Cleared) {
    (cleared.clone(), cleared)
}

fn main() {}
