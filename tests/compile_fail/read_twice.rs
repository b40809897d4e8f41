//! One permit, one question.
use clearance::adapter::{Adapter, Means};
use clearance::journey::Inquiry;

async fn twice(adapter: &dyn Adapter, inquiry: Inquiry, means: &Means<'_>) {
    adapter.read(inquiry, means).await;
    adapter.read(inquiry, means).await;
}

fn main() {}
