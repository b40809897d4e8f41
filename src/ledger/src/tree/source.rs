//! Where proofs take their hashes from: a column of leaf hashes, or tiles, or both.

use std::convert::Infallible;
use std::ops::Range;

use super::{Frontier, fold};
use crate::hash::Hash;

/// Something that holds the hashes of a tree.
///
/// Leaf hashes are enough. A source that also stores inner nodes, as tiles do, overrides [`subtree`](Self::subtree), and
/// a proof then costs it O(log n) reads instead of O(n).
pub trait HashSource {
    /// Why a read failed.
    type Error;

    /// The hashes of the leaves in `range`, in order: all of them, or an error.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    fn leaves(&self, range: Range<u64>) -> Result<Vec<Hash>, Self::Error>;

    /// The root of the complete subtree over the leaves from `index · 2^level` up to `(index + 1) · 2^level`.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn subtree(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let (start, end) = (index << level, (index + 1) << level);
        let mut frontier = Frontier::new();
        let mut at = start;
        while at < end {
            let next = end.min(at + LEAVES_AT_ONCE);
            self.leaves(at..next)?.into_iter().for_each(|leaf| frontier.append(leaf));
            at = next;
        }
        Ok(frontier.root())
    }
}

/// How many leaf hashes are read at once: 32 KiB.
const LEAVES_AT_ONCE: u64 = 1024;

/// Leaf hashes in memory. Those beyond the end do not exist: the proof over them will not verify.
impl HashSource for [Hash] {
    type Error = Infallible;

    fn leaves(&self, range: Range<u64>) -> Result<Vec<Hash>, Infallible> {
        let bound = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        Ok(self.get(bound(range.start)..bound(range.end)).unwrap_or_default().to_vec())
    }
}

/// The root over the leaves in `range`.
///
/// Its start is a multiple of the smallest power of two that is not less than its length, as in all ranges that the
/// definitions of RFC 6962 section 2.1 split off.
pub(super) fn root<S: HashSource + ?Sized>(source: &S, range: Range<u64>) -> Result<Hash, S::Error> {
    let mut subtrees = Vec::new();
    let mut at = range.start;
    while let Some(level) = range.end.saturating_sub(at).checked_ilog2() {
        subtrees.push(source.subtree(level, at >> level)?);
        at += 1 << level;
    }
    Ok(fold(&subtrees).unwrap_or_else(|| Frontier::new().root()))
}
