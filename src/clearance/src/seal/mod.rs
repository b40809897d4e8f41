//! Sealing: a body at rest is encrypted so that it opens only for the disclosure it was recorded under.
//!
//! The body is AES-256-GCM in chunks of 64 KiB (the STREAM construction) under a fresh data key. The data key is
//! wrapped by a daily key; the associated data of that wrapping binds transfer, destination, ledger entry and body, so
//! that a row edited, moved to another destination, copied or rolled back does not open. Daily keys lie in a
//! [`KeyRing`], outside the database; destroying one erases every copy of what was sealed under it.
//!
//! Documents that stream through are sealed in the same way and under the same data key, as parts beside the body; those
//! that are large lie in [`Bodies`]. What lists them is in the body, so that it is bound with it.

mod bodies;
mod parts;
mod ring;
mod stream;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256, digest};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use crate::clock::{Entropy, random};
use crate::keys::Secret;
use crate::words::{DestinationName, TransferId};

pub use self::bodies::{Bodies, NewBody};
pub(crate) use self::parts::{OpenParts, PartsAtRest, PartsSealer, places};
pub use self::parts::{PartFailure, PartReader, PartsCondition, SealedParts};
pub use self::ring::{Day, KeyRing, KeyRingError};
pub(crate) use self::stream::PartSealer;

/// What rests on disk of a transfer. Every value is fine: what this crate did not seal does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The transfer.
    pub transfer: TransferId,
    /// The destination it was recorded for.
    pub destination: DestinationName,
    /// The daily key that wraps the data key.
    pub day: Day,
    /// The wrapped data key: nonce, ciphertext and tag.
    pub key: Vec<u8>,
    /// The digest of `body`.
    pub body_digest: [u8; 32],
    /// The encrypted body.
    pub body: Vec<u8>,
    /// The documents that were sealed as they came, where the transfer has such.
    pub parts: Option<SealedParts>,
}

/// Why something could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no daily key, and none could be made.
    #[error("no daily key")]
    KeyRing(#[from] KeyRingError),
    /// The source of randomness or the cipher has failed.
    #[error("the cipher or the source of randomness has failed")]
    Cipher,
    /// Its parts were sealed for another transfer.
    #[error("the parts were sealed for another transfer")]
    AnotherTransfer,
    /// What streamed through was not kept, because it was to be checked only.
    #[error("the parts were not kept")]
    NotKept,
}

/// Something sealed does not open under a key: it is not what was sealed, or not for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not what was sealed under this key for this purpose")]
pub struct DoesNotOpen;

/// The hash of a ledger entry, which a seal binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryHash(pub(crate) [u8; 32]);

/// Seals `plaintext`, and under the same data key what of the transfer is at rest already.
pub(crate) fn seal(
    transfer: TransferId,
    destination: &DestinationName,
    entry: EntryHash,
    plaintext: &[u8],
    parts: Option<&mut PartsAtRest>,
    day: (Day, &Secret),
    entropy: &dyn Entropy,
) -> Result<Sealed, SealError> {
    let (day, daily_key) = day;
    let (data_key, parts) = match parts {
        // Chunks say whose they are: those of another transfer would never open.
        Some(parts) if parts.transfer != transfer => return Err(SealError::AnotherTransfer),
        Some(parts) => (parts.key().clone(), parts.take()),
        None => (Secret::new(random(entropy).map_err(|_| SealError::Cipher)?), None),
    };
    let body = stream::encrypt(&data_key, transfer, plaintext).map_err(|_| SealError::Cipher)?;
    let mut body_digest = [0; 32];
    body_digest.copy_from_slice(digest(&SHA256, &body).as_ref());
    let bound = binding(transfer, destination, entry, &body_digest);
    let nonce = random::<NONCE_LEN>(entropy).map_err(|_| SealError::Cipher)?;
    let key = wrap(daily_key, nonce, &bound, data_key.expose()).map_err(|_| SealError::Cipher)?;
    Ok(Sealed { transfer, destination: destination.clone(), day, key, body_digest, body, parts })
}

/// The body in the clear, and the data key, which opens the parts.
pub(crate) fn open(
    sealed: &Sealed,
    entry: EntryHash,
    daily_key: &Secret,
) -> Result<(Zeroizing<Vec<u8>>, Secret), DoesNotOpen> {
    if digest(&SHA256, &sealed.body).as_ref() != sealed.body_digest {
        return Err(DoesNotOpen);
    }
    let bound = binding(sealed.transfer, &sealed.destination, entry, &sealed.body_digest);
    let data_key = unwrap_key(daily_key, &bound, &sealed.key)?;
    let body = stream::decrypt(&data_key, sealed.transfer, &sealed.body)?;
    Ok((body, data_key))
}

/// What the wrapping of the data key binds. Each part has a fixed length or is last.
fn binding(
    transfer: TransferId,
    destination: &DestinationName,
    entry: EntryHash,
    body_digest: &[u8; 32],
) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"clearance seal v1");
    context.update(transfer.as_bytes());
    context.update(&entry.0);
    context.update(body_digest);
    context.update(destination.as_str().as_bytes());
    let mut bound = [0; 32];
    bound.copy_from_slice(context.finish().as_ref());
    bound
}

/// Encrypts `plaintext` under `key`; the answer is nonce, ciphertext and tag.
pub(crate) fn wrap(
    key: &Secret,
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let mut sealed = plaintext.to_vec();
    let nonce_alone = Nonce::assume_unique_for_key(nonce);
    cipher(key)?.seal_in_place_append_tag(nonce_alone, Aad::from(associated), &mut sealed)?;
    let mut wrapped = nonce.to_vec();
    wrapped.append(&mut sealed);
    Ok(wrapped)
}

/// Opens what [`wrap`] made.
pub(crate) fn unwrap(
    key: &Secret,
    associated: &[u8],
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let (nonce, sealed) = wrapped.split_at_checked(NONCE_LEN).ok_or(DoesNotOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
    let mut opened = Zeroizing::new(sealed.to_vec());
    let length = cipher(key)
        .and_then(|cipher| {
            cipher.open_in_place(nonce, Aad::from(associated), &mut opened).map(|text| text.len())
        })
        .map_err(|_| DoesNotOpen)?;
    opened.truncate(length);
    Ok(opened)
}

fn unwrap_key(key: &Secret, associated: &[u8], wrapped: &[u8]) -> Result<Secret, DoesNotOpen> {
    let opened = unwrap(key, associated, wrapped)?;
    opened.as_slice().try_into().map(Secret::new).map_err(|_| DoesNotOpen)
}

fn cipher(key: &Secret) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, key.expose()).map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    fn sealed() -> (Sealed, Secret) {
        let daily = Secret::new([9; 32]);
        let day = (Day::new(20_000), &daily);
        let sealed = seal(
            TransferId::from_bytes([1; 16]),
            &"employer".parse().unwrap(),
            EntryHash([2; 32]),
            b"what leaves",
            None,
            day,
            &SystemEntropy,
        );
        (sealed.unwrap(), daily)
    }

    #[test]
    fn what_was_sealed_opens_for_its_own_entry() {
        let (sealed, daily) = sealed();
        let (opened, _) = open(&sealed, EntryHash([2; 32]), &daily).unwrap();
        assert_eq!(opened.as_slice(), b"what leaves");
        assert!(!sealed.body.windows(4).any(|window| window == b"what"));
    }

    #[test]
    fn a_row_edited_moved_or_copied_does_not_open() {
        let (good, daily) = sealed();
        let entry = EntryHash([2; 32]);
        let mut moved = good.clone();
        moved.destination = "insurer".parse().unwrap();
        let mut copied = good.clone();
        copied.transfer = TransferId::from_bytes([3; 16]);
        let mut edited = good.clone();
        edited.body[0] ^= 1;
        let mut edited_with_digest = edited.clone();
        edited_with_digest.body_digest.copy_from_slice(digest(&SHA256, &edited.body).as_ref());
        for row in [moved, copied, edited, edited_with_digest] {
            assert!(open(&row, entry, &daily).is_err());
        }
        assert!(open(&good, EntryHash([4; 32]), &daily).is_err());
        assert!(open(&good, entry, &Secret::new([8; 32])).is_err());
    }
}
