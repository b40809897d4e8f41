//! Tests of what the parts promise together. All data in them is made up.

mod entries;
mod fixtures;
mod format_page;
mod notes;
mod receipts;
mod samples;
mod tampering;
mod trees;
mod verification;
