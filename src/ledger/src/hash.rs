//! SHA-256 values and the two ways they are written: hex inside leaves, base64 around the tree.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// 32 bytes that came out of SHA-256 or HMAC-SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Takes the bytes of a hash computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self::of_parts(&[content])
    }

    /// The SHA-256 of `parts`, one after the other.
    pub(crate) fn of_parts(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        Self::from_output(context.finish().as_ref())
    }

    /// The HMAC-SHA-256 of `parts`, one after the other, under `key`.
    pub(crate) fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> Self {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in parts {
            context.update(part);
        }
        Self::from_output(context.sign().as_ref())
    }

    fn from_output(output: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(output);
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hex digits, lower case.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads what [`to_hex`](Self::to_hex) writes, and nothing else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let hash = Self(bytes);
        (hash.to_hex() == text).then_some(hash)
    }

    /// Base64 of RFC 4648 section 4, padded.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads what [`to_base64`](Self::to_base64) writes, and nothing else.
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.to_hex())
    }
}

/// The commitment to content with the SHA-256 `digest`, under a random `salt` that is kept apart from the ledger.
///
/// It is made from the digest, so that a document that is hashed anyway need not be read again.
pub fn commit(salt: &[u8; 32], digest: &Hash) -> Hash {
    Hash::keyed(salt, &[digest.as_bytes()])
}
