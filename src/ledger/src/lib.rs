//! The record of disclosures that cannot be altered unseen: entries, the Merkle tree over them, signed checkpoints,
//! proofs, and a verifier that needs nothing but the records and a public key.
//!
//! The format is public and stands in `docs/format.md`; `docs/decisions.md` says why it is so. The way through:
//!
//! - [`Entry`] is what is recorded; [`Entry::encode`] gives its leaf.
//! - [`tree::Frontier`] appends leaf hashes; its few bytes belong into the commit that stores the leaves.
//! - [`SigningKey::sign`] turns a frontier's root into a [`SignedCheckpoint`] that anyone with the [`Verifier`] can check.
//! - [`Receipt`] proves one entry, [`Succession`] that a later checkpoint continues an earlier one.
//! - [`export`] writes the whole ledger as text, and [`verify`] checks it and names the first bad record.
//!
//! Architecture invariant: this crate is pure. It does no I/O, reads no clock, draws no randomness, and knows nothing of
//! stores, networks or configuration.

pub mod export;
pub mod tree;
pub mod verify;

mod canonical;
mod checkpoint;
mod entry;
mod hash;
mod keys;
mod note;
mod receipt;
mod values;
mod vocabulary;

pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use entry::{
    Administration, Attempt, Commitments, Disclosure, Entry, EntryError, Inquiry, InquiryCommitments, Kind,
    LEAF_BYTES_MAX, NoRelease, Outcome, Profile, Refusal, Release, ReleaseCommitments, Standing,
};
pub use hash::{Hash, commit};
pub use keys::{KeyError, Origin, SigningFailure, SigningKey, Verifier};
pub use note::{NOTE_BYTES_MAX, NoteError, NoteSignature, SIGNATURES_MAX};
pub use receipt::{Receipt, ReceiptError, Succession};
pub use values::{Code, Count, Evidence, Moment, Pseudonym, Set, Text, ValueError};
pub use vocabulary::{Change, Hindrance, Matter, Source, State};

#[cfg(test)]
mod tests;
