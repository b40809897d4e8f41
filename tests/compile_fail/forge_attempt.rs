//! An attempt comes from a commit only.
use clearance::journey::Attempt;

fn main() {
    let _ = Attempt { number: 1 };
}
