//! Inclusion and consistency proofs: made as RFC 6962 sections 2.1.1 and 2.1.2 define them, checked by the algorithms of
//! RFC 9162 sections 2.1.3.2 and 2.1.4.2.

use super::source::root;
use super::{HashSource, node_hash};
use crate::hash::Hash;
use crate::values::Count;

/// The most hashes a path may have.
pub const PATH_HASHES_MAX: usize = 63;

/// That a leaf stands at an index of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The index of the leaf.
    pub index: u64,
    /// The size of the tree.
    pub size: u64,
    /// From the leaf's sibling upwards.
    pub path: Vec<Hash>,
}

/// That a tree begins with all the leaves of a smaller one, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The size of the smaller tree.
    pub old_size: u64,
    /// The size of the larger tree.
    pub new_size: u64,
    /// The hashes, in the order of RFC 6962.
    pub path: Vec<Hash>,
}

/// Why a proof was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError<E> {
    /// The index is not below the size, the old size is above the new one, or a size is above 2^53 − 1.
    #[error("there is no such proof in a tree of this size")]
    OutOfRange,
    /// The hashes could not be read.
    #[error("the hashes of the tree cannot be read")]
    Source(#[source] E),
}

/// The proof does not prove what it states.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct ProofMismatch;

impl InclusionProof {
    /// Proves that the leaf at `index` is in the tree of `size` leaves.
    ///
    /// # Errors
    ///
    /// When there is no such leaf, or the source fails.
    pub fn generate<S: HashSource + ?Sized>(
        source: &S,
        index: u64,
        size: u64,
    ) -> Result<Self, ProofError<S::Error>> {
        if index >= size || size > Count::MAX.get() {
            return Err(ProofError::OutOfRange);
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = start + split(end - start);
            let sibling = if index < middle {
                let right = middle..end;
                end = middle;
                right
            } else {
                let left = start..middle;
                start = middle;
                left
            };
            path.push(root(source, sibling).map_err(ProofError::Source)?);
        }
        path.reverse();
        Ok(Self { index, size, path })
    }

    /// Checks that `leaf` is the hash of the leaf at the index, in the tree with this `root`.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn verify(&self, leaf: &Hash, root: &Hash) -> Result<(), ProofMismatch> {
        if self.index >= self.size {
            return Err(ProofMismatch);
        }
        let mut climb = Climb { index: self.index, last: self.size - 1 };
        let mut hash = *leaf;
        for sibling in &self.path {
            hash = match climb.up()? {
                Side::Left => node_hash(sibling, &hash),
                Side::Right => node_hash(&hash, sibling),
            };
        }
        if climb.is_at_the_top() && hash == *root { Ok(()) } else { Err(ProofMismatch) }
    }
}

impl ConsistencyProof {
    /// Proves that the first `old_size` of `new_size` leaves are the smaller tree.
    ///
    /// From an old size of 0 the proof is empty, as a C2SP witness wants it; [`verify`](Self::verify) refuses it.
    ///
    /// # Errors
    ///
    /// When the old size is above the new one, or the source fails.
    pub fn generate<S: HashSource + ?Sized>(
        source: &S,
        old_size: u64,
        new_size: u64,
    ) -> Result<Self, ProofError<S::Error>> {
        if old_size > new_size || new_size > Count::MAX.get() {
            return Err(ProofError::OutOfRange);
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, new_size);
        while old_size > 0 && end > old_size {
            let middle = start + split(end - start);
            let other = if old_size <= middle {
                let right = middle..end;
                end = middle;
                right
            } else {
                let left = start..middle;
                start = middle;
                left
            };
            path.push(root(source, other).map_err(ProofError::Source)?);
        }
        // What is left is a complete subtree of the old tree. Only when it is the whole of it is its root known already.
        if start > 0 {
            path.push(root(source, start..end).map_err(ProofError::Source)?);
        }
        path.reverse();
        Ok(Self { old_size, new_size, path })
    }

    /// Checks that the tree with `new_root` begins with the tree with `old_root`.
    ///
    /// # Errors
    ///
    /// When it does not, or when the old size is 0: everything begins with nothing, so that would prove nothing.
    pub fn verify(&self, old_root: &Hash, new_root: &Hash) -> Result<(), ProofMismatch> {
        if self.old_size == 0 || self.old_size > self.new_size {
            return Err(ProofMismatch);
        }
        if self.old_size == self.new_size {
            return if self.path.is_empty() && old_root == new_root { Ok(()) } else { Err(ProofMismatch) };
        }
        let known = self.old_size.is_power_of_two().then_some(old_root);
        let mut path = known.into_iter().chain(&self.path);
        let first = path.next().ok_or(ProofMismatch)?;

        let mut climb = Climb { index: self.old_size - 1, last: self.new_size - 1 };
        climb.skip(climb.index.trailing_ones());
        let (mut old, mut new) = (*first, *first);
        for sibling in path {
            match climb.up()? {
                Side::Left => {
                    old = node_hash(sibling, &old);
                    new = node_hash(sibling, &new);
                }
                Side::Right => new = node_hash(&new, sibling),
            }
        }
        let proved = climb.is_at_the_top() && old == *old_root && new == *new_root;
        if proved { Ok(()) } else { Err(ProofMismatch) }
    }
}

/// The largest power of two smaller than `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// On which side of the path a sibling stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: `fn` and `sn` of RFC 9162.
struct Climb {
    index: u64,
    last: u64,
}

impl Climb {
    /// Goes to the next node that has a sibling, and says where that stands.
    fn up(&mut self) -> Result<Side, ProofMismatch> {
        if self.is_at_the_top() {
            return Err(ProofMismatch);
        }
        let side = if self.index % 2 == 1 {
            Side::Left
        } else if self.index == self.last {
            // The right edge rises without siblings until its number is odd.
            self.skip(self.index.trailing_zeros());
            Side::Left
        } else {
            Side::Right
        };
        self.skip(1);
        Ok(side)
    }

    /// Rises by `levels`.
    fn skip(&mut self, levels: u32) {
        self.index = self.index.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }

    fn is_at_the_top(&self) -> bool {
        self.last == 0
    }
}
