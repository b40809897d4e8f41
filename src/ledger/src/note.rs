//! C2SP signed notes: a text and the signatures under it (<https://c2sp.org/signed-note>).
//!
//! It splits and joins notes and finds the signatures of known keys. What the text means is `checkpoint`'s business.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::keys::{Verifier, is_key_name};

/// The longest note that is read, in bytes: room for [`SIGNATURES_MAX`] signatures of the longest kind, ML-DSA.
pub const NOTE_BYTES_MAX: usize = 262_144;

/// The most signatures a note may carry.
pub const SIGNATURES_MAX: usize = 64;

const SIGNATURE_START: &str = "— ";

/// Why a signed note, or the checkpoint in it, is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// Not a text, a blank line and signatures, or there are control characters.
    #[error("the note is not a text, a blank line and signature lines")]
    Form,
    /// A signature line is not of its form, or there are more than [`SIGNATURES_MAX`].
    #[error("signature line {line} of the note is not of its form, or one too many")]
    SignatureLine {
        /// Which one, counted from 1.
        line: usize,
    },
    /// A known key's signature is not one over this text.
    #[error("the signature of a known key does not fit the note")]
    WrongSignature,
    /// No known key signed it.
    #[error("no known key has signed the note")]
    NoKnownKey,
    /// The text is not origin, size and root.
    #[error("the note is not a checkpoint")]
    NotACheckpoint,
    /// The key that signed it is that of another log.
    #[error("the checkpoint is signed by the key of another origin")]
    OtherOrigin,
}

/// One signature under a note, perhaps of a key we do not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    // INVARIANT: `is_key_name(name)`, and `signature` is not empty.
    name: String,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl NoteSignature {
    pub(crate) fn new(name: &str, key_id: [u8; 4], signature: Vec<u8>) -> Self {
        Self { name: name.to_owned(), key_id, signature }
    }

    /// Reads a signature line, without its newline: what a witness answers.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_START)?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (key_id, signature) = decoded.split_first_chunk::<4>()?;
        (is_key_name(name) && !signature.is_empty()).then(|| Self::new(name, *key_id, signature.to_vec()))
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key.
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// The signature itself.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Display for NoteSignature {
    /// The signature line, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([self.key_id.as_slice(), &self.signature].concat());
        write!(f, "{SIGNATURE_START}{} {encoded}", self.name)
    }
}

/// A text with signatures, none of them checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// The text, with its last newline.
    pub(crate) text: String,
    /// The signatures, in their order.
    pub(crate) signatures: Vec<NoteSignature>,
}

impl Note {
    /// Splits a note.
    pub(crate) fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Form);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
        let signatures = (1..).zip(signatures.split('\n')).map(|(line, signature)| {
            let parsed = NoteSignature::parse(signature).filter(|_| line <= SIGNATURES_MAX);
            parsed.ok_or(NoteError::SignatureLine { line })
        });
        Ok(Self { text: format!("{text}\n"), signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// The first of `keys` that signed it. A wrong signature of any of them condemns the note.
    pub(crate) fn signer<'k>(&self, keys: &'k [Verifier]) -> Result<&'k Verifier, NoteError> {
        let mut signer = None;
        for signature in &self.signatures {
            for key in keys.iter().filter(|key| key.claims(signature)) {
                if !key.verifies(self.text.as_bytes(), signature) {
                    return Err(NoteError::WrongSignature);
                }
                signer = signer.or(Some(key));
            }
        }
        signer.ok_or(NoteError::NoKnownKey)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
