//! Nothing is clear by default.
use clearance::journey::Cleared;

fn main() {
    let _ = Cleared::default();
}
