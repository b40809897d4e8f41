//! The promises of the gateway, tested from outside.

mod crash;
mod doors;
mod markers;
mod partners;
mod peers;
mod refusals;
mod samples;
mod tidy;
mod transfers;

/// The gateway's binary, built for these tests.
const BINARY: &str = env!("CARGO_BIN_EXE_clearance-under-test");
