//! The promises of the gateway, tested from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test that cannot go on ends, and one that is skipped says so"
)]

mod browser;
mod certificates;
mod collector;
mod commands;
mod connections;
mod console;
mod crash;
mod disclosures;
mod docs;
mod documented;
mod doors;
mod floods;
mod following;
mod handshakes;
mod health_insurance_fund;
mod image_bank;
mod kit;
mod limits;
mod markers;
mod mutations;
mod neighbours;
mod operations;
mod partners;
mod patient_portal;
mod peers;
mod pins;
mod prescription_centre;
mod profiles;
mod promises;
mod refusals;
mod reload;
mod requests;
mod restore;
mod rotations;
mod samples;
mod service;
mod smuggling;
mod standing;
mod tidy;
mod transfers;
mod uploads;

/// The gateway's binary, built for these tests.
const BINARY: &str = env!("CARGO_BIN_EXE_clearance-under-test");
