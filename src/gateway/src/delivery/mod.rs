//! Delivery: from the outbox to the destination, until it has confirmed.
//!
//! [`Courier`] is the core: what one due transfer comes to. It takes its clock, store, transport and randomness as
//! parameters, and waits for nothing but them, so that a seeded simulation can drive it. [`run`] is the loop around it.

mod courier;
mod retry;
mod worker;

pub(crate) use self::courier::{Courier, Halt, Step, Terms};
pub(crate) use self::retry::Retry;
pub(crate) use self::worker::run;
