//! Content as it is meant: base64 decoded piece by piece.

use std::io::{self, BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{MimeError, TransferEncoding};

/// Copies the content of a part to `sink`, decoded, at most `bytes_max` bytes; returns how many.
pub(crate) fn copy_decoded(
    mut content: impl BufRead,
    encoding: TransferEncoding,
    sink: &mut impl Write,
    bytes_max: u64,
) -> Result<u64, MimeError> {
    let mut copied = 0_u64;
    let mut put = |piece: &[u8]| {
        copied += piece.len() as u64;
        if copied > bytes_max {
            return Err(MimeError::AttachmentTooLarge);
        }
        sink.write_all(piece).map_err(|error| MimeError::Sink(error.kind()))
    };
    let mut base64 = Base64::default();
    loop {
        let piece = match content.fill_buf() {
            Ok([]) => break,
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(MimeError::Source(error.kind())),
        };
        let length = piece.len();
        match encoding {
            TransferEncoding::Identity => put(piece)?,
            TransferEncoding::Base64 => put(base64.feed(piece)?)?,
        }
        content.consume(length);
    }
    put(base64.finish()?)?;
    Ok(copied)
}

/// Base64 that comes in pieces. White space in it does not count; nothing comes after padding.
#[derive(Default)]
struct Base64 {
    digits: Vec<u8>,
    decoded: Vec<u8>,
    padded: bool,
}

impl Base64 {
    fn feed(&mut self, piece: &[u8]) -> Result<&[u8], MimeError> {
        self.digits.extend(piece.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')));
        self.decode(self.digits.len() / 4 * 4)
    }

    fn finish(&mut self) -> Result<&[u8], MimeError> {
        self.decode(self.digits.len())
    }

    /// Decodes the first `length` digits.
    fn decode(&mut self, length: usize) -> Result<&[u8], MimeError> {
        self.decoded.clear();
        if length > 0 && self.padded {
            return Err(MimeError::Base64);
        }
        let digits = self.digits.get(..length).unwrap_or_default();
        self.padded |= digits.ends_with(b"=");
        STANDARD.decode_vec(digits, &mut self.decoded).map_err(|_| MimeError::Base64)?;
        self.digits.drain(..length);
        Ok(&self.decoded)
    }
}
