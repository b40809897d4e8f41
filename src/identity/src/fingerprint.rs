//! SHA-256 over a certificate or its public key: the name a certificate goes by in the registry,
//! in logs and in metrics. Not a secret, and not a person's identifier.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

/// The text is not a SHA-256 fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 fingerprint has 64 hexadecimal digits, with or without colons between the bytes")]
pub struct FingerprintError;

impl Fingerprint {
    /// The digest of these DER bytes.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        // SHA-256 yields exactly 32 bytes, so the zip covers all of them.
        for (to, from) in bytes.iter_mut().zip(digest(&SHA256, der).as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Accepts what `openssl x509 -fingerprint -sha256` prints (colons, upper case) and plain hex.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.split(':').collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| FingerprintError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_back_in_every_usual_spelling() {
        let fingerprint = Fingerprint::of(b"abc");
        let plain = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fingerprint.to_string(), plain);

        let bytes: Vec<_> = fingerprint.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let colons = bytes.join(":");
        for spelling in [plain.to_owned(), plain.to_uppercase(), colons.clone(), colons.to_uppercase()] {
            assert_eq!(spelling.parse(), Ok(fingerprint), "{spelling}");
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        for text in ["", "ba78", &"g".repeat(64), &"0".repeat(66)] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}
