//! Proofs as text: the receipt of one entry and the succession of checkpoints (`docs/format.md` sections 5 and 6).
//!
//! Both types exist only when the proof holds, whether it was made here or read. They are C2SP formats, so that public
//! tools and witnesses read them as they are.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{SignedCheckpoint, decimal};
use crate::entry::{Entry, EntryError, LEAF_BYTES_MAX};
use crate::hash::Hash;
use crate::keys::Verifier;
use crate::note::{NOTE_BYTES_MAX, NoteError};
use crate::tree::{ConsistencyProof, InclusionProof, PATH_HASHES_MAX, ProofMismatch, leaf_hash};

const RECEIPT_HEAD: &str = "c2sp.org/tlog-proof@v1";
const RECEIPT_BYTES_MAX: usize = NOTE_BYTES_MAX + 2 * LEAF_BYTES_MAX;

/// Why a receipt or succession is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The text is not laid out as it should be.
    #[error("line {line} of the proof is not of its form")]
    Line {
        /// Which one, counted from 1.
        line: usize,
    },
    /// Longer than any proof can be.
    #[error("the proof is longer than {RECEIPT_BYTES_MAX} bytes")]
    TooLong,
    /// The checkpoint in it is not believed.
    #[error("the checkpoint of the proof is not valid")]
    Checkpoint(#[from] NoteError),
    /// The leaf is not an entry.
    #[error("the leaf of the proof is not an entry")]
    Entry(#[from] EntryError),
    /// It is from another log than the checkpoint one holds.
    #[error("the proof is about another log")]
    OtherOrigin,
    /// The proof is about other sizes, or its hashes do not lead to the root.
    #[error(transparent)]
    Mismatch(#[from] ProofMismatch),
}

/// The proof that an entry is in the ledger. It prints as a C2SP tlog-proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    // INVARIANT: `path` leads from the leaf of `entry` at `index` to the root of `checkpoint`.
    entry: Entry,
    index: u64,
    path: Vec<Hash>,
    checkpoint: SignedCheckpoint,
}

impl Receipt {
    /// Joins the parts of a receipt.
    ///
    /// # Errors
    ///
    /// When `proof` does not prove that `entry` is in the tree of `checkpoint`.
    pub fn new(
        entry: Entry,
        proof: InclusionProof,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, ProofMismatch> {
        let head = checkpoint.checkpoint();
        if proof.size != head.size {
            return Err(ProofMismatch);
        }
        proof.verify(&entry.leaf_hash(), &head.root)?;
        Ok(Self { entry, index: proof.index, path: proof.path, checkpoint })
    }

    /// Reads a receipt and checks all of it: form, leaf, path and signature.
    ///
    /// # Errors
    ///
    /// When anything is not as it should be.
    pub fn open(text: &str, keys: &[Verifier]) -> Result<Self, ReceiptError> {
        let mut lines = Lines::of(text)?;
        lines.expect(|line| (line == RECEIPT_HEAD).then_some(()))?;
        let leaf = lines.expect(|line| STANDARD.decode(line.strip_prefix("extra ")?).ok())?;
        let index = lines.expect(|line| decimal(line.strip_prefix("index ")?))?;
        let path = lines.path()?;
        let checkpoint = SignedCheckpoint::open(lines.rest, keys)?;

        let head = checkpoint.checkpoint();
        let proof = InclusionProof { index, size: head.size, path };
        proof.verify(&leaf_hash(&leaf), &head.root)?;
        Ok(Self { entry: Entry::decode(&leaf)?, index, path: proof.path, checkpoint })
    }

    /// The entry that is proved.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Where it stands in the ledger.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The checkpoint it is proved against.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = STANDARD.encode(self.entry.encode());
        writeln!(f, "{RECEIPT_HEAD}\nextra {leaf}\nindex {}", self.index)?;
        write_path(f, &self.path)?;
        self.checkpoint.fmt(f)
    }
}

/// The proof that a checkpoint continues an earlier one. It prints as what a C2SP witness is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    // INVARIANT: `path` proves that the tree of `checkpoint` begins with that of the earlier one, of `old_size` leaves.
    old_size: u64,
    path: Vec<Hash>,
    checkpoint: SignedCheckpoint,
}

impl Succession {
    /// Joins the parts of a succession from `old` to `new`.
    ///
    /// # Errors
    ///
    /// When they are of different logs, or `path` does not prove it.
    pub fn new(old: &SignedCheckpoint, new: SignedCheckpoint, path: Vec<Hash>) -> Result<Self, ReceiptError> {
        let (old, head) = (old.checkpoint(), new.checkpoint());
        if old.origin != head.origin {
            return Err(ReceiptError::OtherOrigin);
        }
        let proof = ConsistencyProof { old_size: old.size, new_size: head.size, path };
        proof.verify(&old.root, &head.root)?;
        Ok(Self { old_size: old.size, path: proof.path, checkpoint: new })
    }

    /// Reads a succession from the checkpoint one holds, and checks all of it.
    ///
    /// # Errors
    ///
    /// When anything is not as it should be, or it starts from another size than `old`.
    pub fn open(text: &str, old: &SignedCheckpoint, keys: &[Verifier]) -> Result<Self, ReceiptError> {
        let mut lines = Lines::of(text)?;
        let old_size = lines.expect(|line| decimal(line.strip_prefix("old ")?))?;
        let path = lines.path()?;
        let new = SignedCheckpoint::open(lines.rest, keys)?;
        if old_size == old.checkpoint().size { Self::new(old, new, path) } else { Err(ProofMismatch.into()) }
    }

    /// The size it starts from.
    pub fn old_size(&self) -> u64 {
        self.old_size
    }

    /// The later checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

impl fmt::Display for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        write_path(f, &self.path)?;
        self.checkpoint.fmt(f)
    }
}

/// One hash a line, and a blank line.
fn write_path(f: &mut fmt::Formatter<'_>, path: &[Hash]) -> fmt::Result {
    path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
    writeln!(f)
}

/// The lines of a proof, read one by one.
struct Lines<'t> {
    rest: &'t str,
    read: usize,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Result<Self, ReceiptError> {
        if text.len() <= RECEIPT_BYTES_MAX {
            Ok(Self { rest: text, read: 0 })
        } else {
            Err(ReceiptError::TooLong)
        }
    }

    /// Reads the next line by `form`.
    fn expect<T>(&mut self, form: impl FnOnce(&'t str) -> Option<T>) -> Result<T, ReceiptError> {
        self.read += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or(ReceiptError::Line { line: self.read })?;
        self.rest = rest;
        form(line).ok_or(ReceiptError::Line { line: self.read })
    }

    /// Reads hashes up to and including the blank line.
    fn path(&mut self) -> Result<Vec<Hash>, ReceiptError> {
        let mut path = Vec::new();
        loop {
            let full = path.len() == PATH_HASHES_MAX;
            let hash = self.expect(|line| match line {
                "" => Some(None),
                _ if full => None,
                hash => Hash::from_base64(hash).map(Some),
            })?;
            match hash {
                Some(hash) => path.push(hash),
                None => return Ok(path),
            }
        }
    }
}
