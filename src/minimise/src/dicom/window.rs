//! The part of the document that is held: what was fed and is not yet done with.
//!
//! It knows where in the document it stands. It does not know DICOM.

use std::ops::Range;

/// A sliding window over the document.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Room for bytes, of which those before `end` are of the document.
    bytes: Vec<u8>,
    end: usize,
    /// What is before this place in `bytes` has been read.
    at: usize,
    /// What is before this place in `bytes` is needed no more; the same as `at` unless someone looks ahead.
    kept_from: Option<usize>,
    /// Bytes of the document before `bytes`.
    gone: u64,
}

impl Window {
    /// A window that begins `offset` bytes after the start of the document.
    pub(super) fn at(offset: u64) -> Self {
        Self { gone: offset, ..Self::default() }
    }

    /// Room for `bytes_min` more bytes, which [`filled`](Self::filled) takes in.
    pub(super) fn room(&mut self, bytes_min: usize) -> &mut [u8] {
        self.compact();
        let wanted = self.end.saturating_add(bytes_min);
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        self.bytes.get_mut(self.end..wanted).unwrap_or_default()
    }

    /// Takes in as many bytes as were put into the [`room`](Self::room).
    pub(super) fn filled(&mut self, bytes: usize) {
        self.end = self.end.saturating_add(bytes).min(self.bytes.len());
    }

    /// Takes in a copy of `chunk`.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        self.room(chunk.len()).copy_from_slice(chunk);
        self.filled(chunk.len());
    }

    /// Bytes held and not yet read.
    #[inline]
    pub(super) fn unread(&self) -> usize {
        self.end - self.at
    }

    /// What is held and was not yet read.
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    /// The `N` bytes that stand `skipped` bytes after what is read next.
    #[inline]
    pub(super) fn peek<const N: usize>(&self, skipped: usize) -> Option<[u8; N]> {
        self.rest().get(skipped..)?.first_chunk().copied()
    }

    /// Reads the next `bytes`, or as many as are held, and says where they are.
    #[inline]
    pub(super) fn read(&mut self, bytes: usize) -> Range<usize> {
        let from = self.at;
        self.at += bytes.min(self.unread());
        from..self.at
    }

    /// The bytes at a place that [`read`](Self::read) gave.
    #[inline]
    pub(super) fn bytes(&self, place: Range<usize>) -> &[u8] {
        self.bytes.get(place).unwrap_or_default()
    }

    /// Notes that bytes of the document are passed over that never came here. Only when all held is read and
    /// nothing is kept.
    pub(super) fn pass_outside(&mut self, bytes: u64) {
        self.gone += bytes;
    }

    /// Keeps all that is read from here on, until [`return_to_kept`](Self::return_to_kept).
    pub(super) fn keep(&mut self) {
        self.kept_from = Some(self.at);
    }

    /// Ends the keeping, and goes back to where it began.
    pub(super) fn return_to_kept(&mut self) {
        if let Some(from) = self.kept_from.take() {
            self.at = from;
        }
    }

    /// Bytes read and kept.
    #[inline]
    pub(super) fn kept(&self) -> Option<usize> {
        self.kept_from.map(|from| self.at - from)
    }

    /// Bytes of the document before what is read next.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.gone + self.at as u64
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Forgets what is done with. Only when that is at least half, so that each byte is moved once at most, whatever
    /// the size of the chunks.
    fn compact(&mut self) {
        let done = self.kept_from.unwrap_or(self.at);
        if done == 0 || done < self.end - done {
            return;
        }
        self.gone += done as u64;
        self.bytes.copy_within(done..self.end, 0);
        self.end -= done;
        self.at -= done;
        self.kept_from = self.kept_from.map(|from| from - done);
    }
}
