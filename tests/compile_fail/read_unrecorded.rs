//! A destination cannot be asked what is not on record.
use clearance::adapter::{Adapter, Means};
use clearance::journey::Asking;

async fn unrecorded(adapter: &dyn Adapter, asking: Asking, means: &Means<'_>) {
    adapter.read(asking, means).await;
}

fn main() {}
