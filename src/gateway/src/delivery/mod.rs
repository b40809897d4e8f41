//! Delivery: from the outbox to the destination, until it has confirmed.
//!
//! [`Courier`] is the core: what one due transfer comes to. It takes its clock, store, transport and randomness as
//! parameters, and waits for nothing but them, so that a seeded simulation can drive it. [`run`] is the loop around it.

mod bells;
mod courier;
mod retry;
mod worker;

use std::fmt::Debug;
use std::time::Duration;

use clearance::adapter::Promise;

pub(crate) use self::bells::Bells;
pub(crate) use self::courier::{Courier, Halt, Step, Terms};
pub(crate) use self::retry::Retry;
pub(crate) use self::worker::run;

/// Lets time pass, for real or in a simulation.
pub(crate) trait Patience: Send + Sync + Debug {
    /// Comes back after `time`.
    fn wait(&self, time: Duration) -> Promise<'static, ()>;
}

/// The runtime's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RealPatience;

impl Patience for RealPatience {
    fn wait(&self, time: Duration) -> Promise<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
