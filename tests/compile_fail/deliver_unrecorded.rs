//! An adapter cannot be handed what is not on record.
use clearance::adapter::{Adapter, Means};
use clearance::journey::Outgoing;

async fn unrecorded(adapter: &dyn Adapter, outgoing: Outgoing, means: &Means<'_>) {
    adapter.deliver(outgoing, means).await;
}

fn main() {}
