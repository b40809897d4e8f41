//! The STREAM construction: chunks that can neither be reordered nor cut off.
//!
//! The nonce is the number of the part and of the chunk in it; that is safe because every transfer has a key of its own. The
//! associated data is transfer, chunk number, whether it is the last chunk, and the part. Part 0 is the body that lies in the
//! record, with associated data as it was before there were parts.

use std::io::{self, Write};

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use super::{DoesNotOpen, cipher};
use crate::keys::Secret;
use crate::words::TransferId;

/// The plaintext bytes of one chunk.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
/// The bytes of a whole chunk at rest.
pub(super) const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// What encryption adds to a chunk.
const TAG_BYTES: usize = 16;
/// The body in the record.
const BODY: u32 = 0;

/// How many chunks `length` bytes make: at least one, which says that there are no more.
pub(super) const fn chunks(length: u64) -> u64 {
    let chunks = length.div_ceil(CHUNK_BYTES as u64);
    if chunks == 0 { 1 } else { chunks }
}

/// How many bytes `length` bytes are at rest.
pub(super) const fn sealed_length(length: u64) -> u64 {
    length.saturating_add(chunks(length).saturating_mul(TAG_BYTES as u64))
}

/// Encrypts a part as it comes.
pub(crate) struct PartSealer {
    cipher: LessSafeKey,
    transfer: TransferId,
    part: u32,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
}

impl PartSealer {
    pub(super) fn new(key: &Secret, transfer: TransferId, part: u32) -> Result<Self, Unspecified> {
        let chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        Ok(Self { cipher: cipher(key)?, transfer, part, number: 0, chunk })
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        while !bytes.is_empty() {
            // A full chunk waits until it is known whether it is the last.
            if self.chunk.len() == CHUNK_BYTES {
                self.put(false, out)?;
            }
            let room = CHUNK_BYTES - self.chunk.len();
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// The last chunk, which says that it is.
    pub(crate) fn end(mut self, out: &mut impl Write) -> io::Result<()> {
        self.put(true, out)
    }

    fn put(&mut self, last: bool, out: &mut impl Write) -> io::Result<()> {
        let at = Place { transfer: self.transfer, part: self.part, number: self.number, last };
        let sealed = self.cipher.seal_in_place_append_tag(at.nonce(), at.associated(), &mut *self.chunk);
        sealed.map_err(|Unspecified| io::Error::other("the cipher has failed"))?;
        self.number += 1;
        let put = out.write_all(&self.chunk);
        self.chunk.clear();
        put
    }
}

/// Decrypts the chunk `number` of a part of `length` bytes.
pub(super) fn open_chunk(
    key: &LessSafeKey,
    (transfer, part): (TransferId, u32),
    (number, length): (u64, u64),
    sealed: &[u8],
) -> Result<Vec<u8>, DoesNotOpen> {
    let at = Place { transfer, part, number, last: number + 1 == chunks(length) };
    let mut chunk = sealed.to_vec();
    let opened = key.open_in_place(at.nonce(), at.associated(), &mut chunk).map_err(|_| DoesNotOpen)?;
    let opened = opened.len();
    chunk.truncate(opened);
    Ok(chunk)
}

pub(super) fn encrypt(key: &Secret, transfer: TransferId, plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let key = cipher(key)?;
    let chunks = plaintext.len().div_ceil(CHUNK_BYTES).max(1);
    let mut body = Vec::with_capacity(plaintext.len() + chunks * TAG_BYTES);
    for number in 0..chunks {
        let from = number * CHUNK_BYTES;
        let to = plaintext.len().min(from + CHUNK_BYTES);
        let mut chunk = plaintext.get(from..to).unwrap_or_default().to_vec();
        let at = Place::in_the_body(transfer, number, number + 1 == chunks);
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
        let at = Place::in_the_body(transfer, number, number + 1 == chunks);
        let opened = key.open_in_place(at.nonce(), at.associated(), &mut chunk).map_err(|_| DoesNotOpen)?;
        plaintext.extend_from_slice(opened);
    }
    Ok(plaintext)
}

/// A chunk's place.
struct Place {
    transfer: TransferId,
    part: u32,
    number: u64,
    last: bool,
}

impl Place {
    const fn in_the_body(transfer: TransferId, number: usize, last: bool) -> Self {
        Self { transfer, part: BODY, number: number as u64, last }
    }

    fn nonce(&self) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        if let Some(part) = nonce.first_chunk_mut::<4>() {
            *part = self.part.to_be_bytes();
        }
        if let Some(counter) = nonce.last_chunk_mut::<8>() {
            *counter = self.number.to_be_bytes();
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn associated(&self) -> Aad<Vec<u8>> {
        let mut bytes = self.transfer.as_bytes().to_vec();
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.push(u8::from(self.last));
        if self.part != BODY {
            bytes.extend_from_slice(&self.part.to_be_bytes());
        }
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
