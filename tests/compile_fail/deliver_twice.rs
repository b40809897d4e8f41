//! `deliver` takes what it sends by value.
use clearance::adapter::{Adapter, Means};
use clearance::journey::Cleared;

async fn twice(adapter: &dyn Adapter, cleared: Cleared, means: &Means<'_>) {
    adapter.deliver(cleared, means).await;
    adapter.deliver(cleared, means).await;
}

fn main() {}
