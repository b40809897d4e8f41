//! An adapter cannot be handed a document whose subject is unproved.
use clearance::adapter::{Adapter, Means};
use clearance::journey::Opened;

async fn unproved(adapter: &dyn Adapter, opened: Opened, means: &Means<'_>) {
    adapter.deliver(opened, means).await;
}

fn main() {}
