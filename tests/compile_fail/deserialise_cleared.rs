//! What is cleared does not come out of a file.
use clearance::journey::Cleared;

fn read<'de, T: serde::Deserialize<'de>>() {}

fn main() {
    read::<Cleared>();
}
