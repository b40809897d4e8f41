//! Checkpoints: the root of the log at some size, signed (`docs/format.md` section 4).
//!
//! A [`SignedCheckpoint`] exists only if a key signed it here or a known key's signature was checked here. Whether a
//! checkpoint continues an earlier one is for [`Succession`](crate::Succession) to prove.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::keys::{Origin, Verifier};
use crate::note::{Note, NoteError, NoteSignature, SIGNATURES_MAX};
use crate::values::Count;

/// What a log was at some size. It prints as the text that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: Origin,
    /// How many leaves it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::NotACheckpoint);
        };
        Ok(Self {
            origin: origin.parse().map_err(|_| NoteError::NotACheckpoint)?,
            size: decimal(size).ok_or(NoteError::NotACheckpoint)?,
            root: Hash::from_base64(root).ok_or(NoteError::NotACheckpoint)?,
        })
    }
}

/// Reads a decimal as `docs/format.md` has it: up to 2^53 − 1, without sign or leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number = Count::try_from(text.parse::<u64>().ok()?).ok()?;
    (number.to_string() == text).then_some(number.get())
}

/// A checkpoint that a known key has signed, with all signatures under it, those of witnesses too.
///
/// It prints as the signed note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    // INVARIANT: the text of `note` is that of `checkpoint`, and a key of its origin signed it.
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    pub(crate) fn signed(checkpoint: Checkpoint, signature: NoteSignature) -> Self {
        let note = Note { text: checkpoint.to_string(), signatures: vec![signature] };
        Self { checkpoint, note }
    }

    /// Believes a note that one of `keys` has signed.
    ///
    /// Signatures of other keys are kept and not judged.
    ///
    /// # Errors
    ///
    /// When none of `keys` signed it, a signature of one of them is wrong, or it is not a checkpoint of that key's log.
    pub fn open(note: &str, keys: &[Verifier]) -> Result<Self, NoteError> {
        let note = Note::parse(note)?;
        let signer = note.signer(keys)?;
        let checkpoint: Checkpoint = note.text.parse()?;
        if checkpoint.origin == *signer.origin() {
            Ok(Self { checkpoint, note })
        } else {
            Err(NoteError::OtherOrigin)
        }
    }

    /// What was signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signatures, in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.note.signatures
    }

    /// Adds a signature, such as a witness's. It is kept, not judged.
    ///
    /// # Errors
    ///
    /// When there are [`SIGNATURES_MAX`] already.
    pub fn add_signature(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        let line = self.note.signatures.len() + 1;
        if line > SIGNATURES_MAX {
            return Err(NoteError::SignatureLine { line });
        }
        self.note.signatures.push(signature);
        Ok(())
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
