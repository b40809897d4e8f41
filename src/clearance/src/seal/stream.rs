//! The STREAM construction: chunks that can neither be reordered nor cut off.
//!
//! The nonce is the chunk's number; that is safe because every body has a key of its own. The associated data is
//! transfer, chunk number and whether it is the last chunk.

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use super::{DoesNotOpen, cipher};
use crate::keys::Secret;
use crate::words::TransferId;

/// The plaintext bytes of one chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// What encryption adds to a chunk.
const TAG_BYTES: usize = 16;

pub(super) fn encrypt(key: &Secret, transfer: TransferId, plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let key = cipher(key)?;
    let chunks = plaintext.len().div_ceil(CHUNK_BYTES).max(1);
    let mut body = Vec::with_capacity(plaintext.len() + chunks * TAG_BYTES);
    for number in 0..chunks {
        let from = number * CHUNK_BYTES;
        let to = plaintext.len().min(from + CHUNK_BYTES);
        let mut chunk = plaintext.get(from..to).unwrap_or_default().to_vec();
        let at = Place::new(transfer, number, number + 1 == chunks);
        key.seal_in_place_append_tag(at.nonce(), at.associated(), &mut chunk)?;
        body.append(&mut chunk);
    }
    Ok(body)
}

pub(super) fn decrypt(
    key: &Secret,
    transfer: TransferId,
    body: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let key: LessSafeKey = cipher(key).map_err(|_| DoesNotOpen)?;
    let chunks = body.len().div_ceil(CHUNK_BYTES + TAG_BYTES);
    let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len()));
    if chunks == 0 {
        return Err(DoesNotOpen);
    }
    for (number, chunk) in body.chunks(CHUNK_BYTES + TAG_BYTES).enumerate() {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let at = Place::new(transfer, number, number + 1 == chunks);
        let opened = key.open_in_place(at.nonce(), at.associated(), &mut chunk).map_err(|_| DoesNotOpen)?;
        plaintext.extend_from_slice(opened);
    }
    Ok(plaintext)
}

/// A chunk's place in its body.
struct Place {
    transfer: TransferId,
    number: u64,
    last: bool,
}

impl Place {
    fn new(transfer: TransferId, number: usize, last: bool) -> Self {
        Self { transfer, number: number as u64, last }
    }

    fn nonce(&self) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        if let Some(counter) = nonce.last_chunk_mut::<8>() {
            *counter = self.number.to_be_bytes();
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn associated(&self) -> Aad<Vec<u8>> {
        let mut bytes = self.transfer.as_bytes().to_vec();
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.push(u8::from(self.last));
        Aad::from(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_every_size_around_a_chunk_come_back() {
        let key = Secret::new([5; 32]);
        let transfer = TransferId::from_bytes([1; 16]);
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let plaintext: Vec<u8> = (0..size).map(|byte| byte as u8).collect();
            let body = encrypt(&key, transfer, &plaintext).unwrap();
            assert_eq!(decrypt(&key, transfer, &body).unwrap().as_slice(), plaintext);
        }
    }

    #[test]
    fn chunks_cannot_be_cut_off_swapped_or_repeated() {
        let key = Secret::new([5; 32]);
        let transfer = TransferId::from_bytes([1; 16]);
        let body = encrypt(&key, transfer, &vec![7; 3 * CHUNK_BYTES]).unwrap();
        let sealed = CHUNK_BYTES + TAG_BYTES;
        let cut = body[..2 * sealed].to_vec();
        let swapped = [&body[sealed..2 * sealed], &body[..sealed], &body[2 * sealed..]].concat();
        let repeated = [&body[..sealed], &body[..]].concat();
        for broken in [cut, swapped, repeated, Vec::new()] {
            assert_eq!(decrypt(&key, transfer, &broken), Err(DoesNotOpen));
        }
    }
}
