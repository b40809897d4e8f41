//! The log's name and its Ed25519 key: the secret half signs, the public half is handed out as a vkey.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::hash::Hash;
use crate::note::NoteSignature;

/// The signature type of C2SP signed notes for Ed25519.
const ED25519_TYPE: u8 = 1;

/// Why text or bytes are not a name or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an [`Origin`].
    #[error("an origin is 1 to 255 bytes without white space, control characters and `+`")]
    Origin,
    /// Not a seed that Ed25519 takes.
    #[error("the seed of the ledger's signing key cannot be used")]
    Seed,
    /// Not a vkey, or not one for Ed25519.
    #[error("a vkey is `<origin>+<key id>+<key>` with an Ed25519 key")]
    Vkey,
    /// The key id in a vkey is not that of its name and key.
    #[error("the key id in the vkey is not that of its origin and key")]
    KeyId,
}

/// The cryptographic library would not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint could not be signed")]
pub struct SigningFailure;

/// The name of a log, which is also the name of its key; best a URL without its scheme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        if name.len() <= 255 && is_key_name(name) { Ok(Self(name.into())) } else { Err(KeyError::Origin) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether signed notes allow `name` as the name of a key.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// The key that signs the checkpoints of one log.
///
/// It does not print, cannot be copied, and its memory is wiped when it is dropped (by aws-lc, which clears what it frees).
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl SigningKey {
    /// The key of the log `origin` with this secret seed (RFC 8032 section 5.1.5: the private key).
    ///
    /// # Errors
    ///
    /// When the cryptographic library refuses the seed.
    pub fn from_seed(origin: Origin, seed: Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyError::Seed)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Seed)?;
        Ok(Self { pair, verifier: Verifier::new(origin, public) })
    }

    /// What others need to check its signatures.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs that the log has this `root` at this `size`.
    ///
    /// The caller sees to it that all it ever signs is consistent: sign only what is committed, from one frontier.
    ///
    /// # Errors
    ///
    /// When the cryptographic library fails.
    pub fn sign(&self, size: u64, root: Hash) -> Result<SignedCheckpoint, SigningFailure> {
        let checkpoint = Checkpoint { origin: self.verifier.origin.clone(), size, root };
        let signature = self.pair.try_sign(checkpoint.to_string().as_bytes()).map_err(|_| SigningFailure)?;
        let Verifier { origin, key_id, .. } = &self.verifier;
        let signature = NoteSignature::new(origin.as_str(), *key_id, signature.as_ref().to_vec());
        Ok(SignedCheckpoint::signed(checkpoint, signature))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, …)", self.verifier)
    }
}

/// The public half of a log's key. It reads and prints as a vkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    origin: Origin,
    // INVARIANT: derived from `origin` and `public`.
    key_id: [u8; 4],
    public: [u8; 32],
}

impl Verifier {
    fn new(origin: Origin, public: [u8; 32]) -> Self {
        let hash = Hash::of_parts(&[origin.as_str().as_bytes(), &[b'\n', ED25519_TYPE], &public]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        Self { origin, key_id: [a, b, c, d], public }
    }

    /// The log whose key it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether `signature` says that it was made by this key.
    pub(crate) fn claims(&self, signature: &NoteSignature) -> bool {
        signature.name() == self.origin.as_str() && signature.key_id() == self.key_id
    }

    /// Whether `signature` is one of this key over `text`.
    pub(crate) fn verifies(&self, text: &[u8], signature: &NoteSignature) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(text, signature.signature()).is_ok()
    }
}

impl FromStr for Verifier {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        // Base64 may hold a `+`, the name may not.
        let mut parts = vkey.splitn(3, '+');
        let (Some(origin), Some(key_id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Vkey);
        };
        let key = STANDARD.decode(key).map_err(|_| KeyError::Vkey)?;
        let Some((&ED25519_TYPE, public)) = key.split_first() else {
            return Err(KeyError::Vkey);
        };
        let verifier = Self::new(origin.parse()?, public.try_into().map_err(|_| KeyError::Vkey)?);
        if hex::encode(verifier.key_id) == key_id { Ok(verifier) } else { Err(KeyError::KeyId) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([[ED25519_TYPE].as_slice(), &self.public].concat());
        write!(f, "{}+{}+{key}", self.origin, hex::encode(self.key_id))
    }
}
