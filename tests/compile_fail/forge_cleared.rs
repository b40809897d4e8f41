//! A document cannot be declared clear.
use clearance::journey::Cleared;

fn main() {
    let _ = Cleared { index_id: None };
}
