//! An answer cannot be declared released.
use clearance::journey::Released;

fn main() {
    let _ = Released { documents: Vec::new() };
}
