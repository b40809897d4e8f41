//! The Merkle tree of RFC 6962 and RFC 9162 with SHA-256 (`docs/format.md` section 3).
//!
//! It knows hashes, not entries, and stores nothing: [`Frontier`] appends, [`HashSource`] is whatever holds the hashes,
//! [`InclusionProof`] and [`ConsistencyProof`] are made from it and checked without it.

mod frontier;
mod proof;
mod source;

pub use frontier::{Frontier, FrontierError};
pub use proof::{ConsistencyProof, InclusionProof, PATH_HASHES_MAX, ProofError, ProofMismatch};
pub use source::HashSource;

use crate::hash::Hash;

/// The hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash::of_parts(&[&[0], leaf])
}

/// The hash of a node from those of its children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::of_parts(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The hash over complete subtrees that stand side by side, the largest first.
fn fold(subtrees: &[Hash]) -> Option<Hash> {
    subtrees.iter().rev().copied().reduce(|right, left| node_hash(&left, &right))
}
