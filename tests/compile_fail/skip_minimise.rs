//! What is lawful is not yet minimal.
use clearance::adapter::Adapter;
use clearance::journey::Lawful;

fn skip(adapter: &dyn Adapter, lawful: Lawful) {
    let _ = adapter.shape(lawful);
}

fn main() {}
