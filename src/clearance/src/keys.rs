//! The gateway's own keys. They are separate: what one key protects, another cannot open.
//!
//! Keys are handed in by the caller; nothing here reads a file or makes a key up.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::person::Identifier;

/// A 256-bit secret. It does not print and its memory is wiped.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes the 32 bytes of a key.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for a cryptographic library.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id that records carry: the first eight bytes of the digest of the key under a label, in hex.
    pub fn id(&self) -> String {
        let mut labelled = Zeroizing::new(b"clearance key id v1".to_vec());
        labelled.extend_from_slice(self.0.as_slice());
        let id = digest(&SHA256, &labelled);
        hex::encode(id.as_ref().get(..8).unwrap_or_default())
    }

    /// A keyed digest of `parts`, each preceded by its length so that no two lists of parts collide.
    pub fn mac(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut context = hmac::Context::with_key(&key);
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        thirty_two(context.sign().as_ref())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A keyed digest of a person's identifier: the ledger and the store know persons by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pseudonym(pub [u8; 32]);

/// The key that makes pseudonyms. Destroying it unlinks every entry made under it.
#[derive(Debug, Clone)]
pub struct PseudonymKey(Secret);

impl PseudonymKey {
    /// The key with this secret.
    pub const fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The id that entries carry.
    pub fn id(&self) -> String {
        self.0.id()
    }

    /// The pseudonym of the person with `identifier`.
    pub fn pseudonym(&self, identifier: &Identifier) -> Pseudonym {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        let mut context = hmac::Context::with_key(&key);
        // A system is a URI, so the zero byte parts the two beyond doubt (the ledger's format, section 2).
        context.update(identifier.system.as_bytes());
        context.update(&[0]);
        context.update(identifier.value.expose().as_bytes());
        Pseudonym(thirty_two(context.sign().as_ref()))
    }

    /// The same as the ledger writes it, with the id of the key.
    ///
    /// # Errors
    /// When the id of the key is not one that the ledger can hold.
    pub fn for_ledger(&self, identifier: &Identifier) -> Result<ledger::Pseudonym, ledger::ValueError> {
        let value = ledger::Hash::from_bytes(self.pseudonym(identifier).0);
        Ok(ledger::Pseudonym { key: self.id().parse()?, value })
    }

    /// A keyed digest for what must be compared and not read: ordering keys, idempotency keys, document content.
    pub fn digest(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.0.mac(label, parts)
    }
}

fn thirty_two(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::Private;

    #[test]
    fn a_pseudonym_depends_on_key_system_and_value_and_nothing_shifts_between_them() {
        let person =
            |system: &str, value: &str| Identifier { system: system.into(), value: Private::new(value) };
        let key = PseudonymKey::new(Secret::new([1; 32]));
        let other = PseudonymKey::new(Secret::new([2; 32]));
        assert_eq!(key.pseudonym(&person("a", "bc")), key.pseudonym(&person("a", "bc")));
        assert_ne!(key.pseudonym(&person("a", "bc")), key.pseudonym(&person("ab", "c")));
        assert_ne!(key.pseudonym(&person("a", "bc")), other.pseudonym(&person("a", "bc")));
    }
}
