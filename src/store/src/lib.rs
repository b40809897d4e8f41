//! The durable commit: ledger, outbox, standing and idempotency in one transaction.
//!
//! A store implements [`Recorder`](clearance::journey::Recorder): what it has acknowledged survives a crash at any point,
//! and every transfer it has accepted ends in exactly one final state. [`Sqlite`] is the one for a single node;
//! `docs/decisions.md` says why it is built as it is. The module `conformance` holds what every store must pass.
//!
//! Architecture invariant: a store judges nothing and opens nothing. It does not know what a policy is, holds no key, and
//! never sees what is in a body. It reads no clock: time is a parameter.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod folder;
mod operator;
mod sqlite;
mod views;

pub use folder::BodyFolder;
pub use operator::{Handled, Handling, Operator, Paused, Skipped};
pub use sqlite::{LedgerFile, OpenError, Settings, Sqlite};
pub use views::{
    Changed, Conclusion, Figures, IDEMPOTENCY_KEY_LIFE, PAGE_ROWS_MAX, PAGE_ROWS_SEEN_MAX, QueueDepth,
    Sighting, StandingChange, StandingRecorded, StoredEntry, TransferFilter, TransferPage, Withdrawal,
};
