//! What is released cannot be copied.
use clearance::journey::Released;

fn twice(released: Released) -> (Released, Released) {
    (released.clone(), released)
}

fn main() {}
