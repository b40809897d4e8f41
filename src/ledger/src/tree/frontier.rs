//! The right edge of the tree: what appending needs, small enough for the commit that stores the entries.

use super::{fold, node_hash};
use crate::hash::Hash;
use crate::values::Count;

/// A tree of some size, known by the roots of the complete subtrees it is a row of.
///
/// Appending takes O(log n) hashes at most and two on average; the encoding is at most 1,704 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    // INVARIANT: one root for each bit set in `size`, the largest subtree first.
    subtrees: Vec<Hash>,
}

/// Bytes that are not a frontier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a frontier is its size in 8 bytes and 32 bytes for each bit set in it")]
pub struct FrontierError;

impl Frontier {
    /// The empty tree.
    pub const fn new() -> Self {
        Self { size: 0, subtrees: Vec::new() }
    }

    /// How many leaves it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over all its leaves.
    pub fn root(&self) -> Hash {
        fold(&self.subtrees).unwrap_or_else(|| Hash::of(b""))
    }

    /// Adds a leaf.
    pub fn append(&mut self, leaf_hash: Hash) {
        let mut subtree = leaf_hash;
        // Each trailing one bit of the size is a complete subtree that the new one completes to one twice as large.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                subtree = node_hash(&left, &subtree);
            }
        }
        self.subtrees.push(subtree);
        // `decode` starts no higher than 2^53, and counting from there to overflow takes longer than there will be time.
        self.size += 1;
    }

    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        for subtree in &self.subtrees {
            bytes.extend_from_slice(subtree.as_bytes());
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are too few or too many for the size they state.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (size, hashes) = bytes.split_first_chunk::<8>().ok_or(FrontierError)?;
        let size = u64::from_be_bytes(*size);
        let (hashes, rest) = hashes.as_chunks::<32>();
        let complete = u32::try_from(hashes.len()) == Ok(size.count_ones()) && rest.is_empty();
        if complete && size <= Count::MAX.get() {
            Ok(Self { size, subtrees: hashes.iter().copied().map(Hash::from_bytes).collect() })
        } else {
            Err(FrontierError)
        }
    }
}
