//! The hash that ties an answer to its request (`requestHash`).
//!
//! It is taken over the bytes of the request's envelope: the body of the HTTP POST, or the content of the first part of
//! a multipart one. The provider's Security Server fills it in.

use std::fmt;

use aws_lc_rs::digest::{Algorithm, SHA224, SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::Text;

/// A hash, and how it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHash {
    /// The algorithm, as a URI of XML-DSIG.
    algorithm: Text,
    /// The hash in base64, without white space.
    value: Text,
}

/// How hashes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512, which Security Servers use.
    Sha512,
}

/// A hash that does not tie an answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The algorithm is none that is known, or none at all is named.
    #[error("the request hash was made with an unknown algorithm")]
    Algorithm,
    /// It is the hash of something else.
    #[error("the request hash is not that of the request")]
    Mismatch,
}

impl HashAlgorithm {
    const ALL: [Self; 4] = [Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its URI (XML Encryption, section 5.7; RFC 6931, section 2.1).
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Sha224 => "http://www.w3.org/2001/04/xmldsig-more#sha224",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    fn digest(self) -> &'static Algorithm {
        match self {
            Self::Sha224 => &SHA224,
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri())
    }
}

impl RequestHash {
    /// The hash of a request whose envelope is `envelope`.
    pub fn of(algorithm: HashAlgorithm, envelope: &[u8]) -> Self {
        let hash = STANDARD.encode(digest(algorithm.digest(), envelope));
        Self { algorithm: Text::fixed(algorithm.uri()), value: Text::fixed(&hash) }
    }

    /// A hash as it stands in a header. White space in it does not count: the protocol's own examples have some.
    pub(super) fn as_read(algorithm: Text, value: &str) -> Self {
        let value: String = value.split([' ', '\t', '\r', '\n']).collect();
        Self { algorithm, value: Text::fixed(&value) }
    }

    /// Whether the answer that bears this hash is to the request with the envelope `envelope`.
    ///
    /// # Errors
    /// When it is not, or that cannot be told.
    pub fn check(&self, envelope: &[u8]) -> Result<(), HashError> {
        let named = |known: &HashAlgorithm| known.uri() == self.algorithm.as_str();
        let algorithm = HashAlgorithm::ALL.into_iter().find(named).ok_or(HashError::Algorithm)?;
        if Self::of(algorithm, envelope) == *self { Ok(()) } else { Err(HashError::Mismatch) }
    }

    /// The algorithm's URI.
    pub fn algorithm(&self) -> &str {
        self.algorithm.as_str()
    }

    /// The hash in base64.
    pub fn value(&self) -> &str {
        self.value.as_str()
    }
}
