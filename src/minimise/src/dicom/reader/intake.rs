//! How the bytes of a document come in, and that enough of them are held.

use super::super::inflate::Inflated;
use super::super::malformed::Reason;
use super::super::window::Window;
use super::{Pause, Reader, State};

impl Reader {
    /// Takes in a copy of the next bytes of the document. Bytes of what is [skipped](Self::skip) are not copied.
    pub fn feed(&mut self, chunk: &[u8]) {
        let mut taken = chunk.get(..self.allowance(chunk.len())).unwrap_or_default();
        self.is_too_large |= taken.len() < chunk.len();
        self.fed += taken.len() as u64;
        if let Some(rest) = taken.get(self.pass_outside(taken.len())..) {
            taken = rest;
        }
        self.intake().feed(taken);
    }

    /// Room for at least `bytes_min` (and not less than one) bytes of the document, to be put there without another
    /// copy and then [told](Self::filled).
    pub fn room(&mut self, bytes_min: usize) -> &mut [u8] {
        self.intake().room(bytes_min.max(1))
    }

    /// Takes in the first `bytes` of the [`room`](Self::room) as the next of the document.
    pub fn filled(&mut self, bytes: usize) {
        let taken = self.allowance(bytes);
        self.is_too_large |= taken < bytes;
        self.fed += taken as u64;
        self.intake().filled(taken);
    }

    /// Tells that the document has no more bytes.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// Bytes of memory that it takes for the document.
    #[cfg(test)]
    pub(in super::super) fn held(&self) -> usize {
        self.window.held() + self.inflater.as_ref().map_or(0, |inflater| inflater.deflated.held())
    }

    /// Where bytes of the document go.
    fn intake(&mut self) -> &mut Window {
        match &mut self.inflater {
            Some(inflater) => &mut inflater.deflated,
            None => &mut self.window,
        }
    }

    /// How many of `bytes` are taken in.
    fn allowance(&self, bytes: usize) -> usize {
        if self.has_ended || self.refused.is_some() || self.is_too_large {
            return 0;
        }
        let left = self.limits.document_bytes_max.saturating_sub(self.fed);
        usize::try_from(left).map_or(bytes, |left| bytes.min(left))
    }

    /// How many of `bytes` need not come in, because they are passed over.
    fn pass_outside(&mut self, bytes: usize) -> usize {
        let State::Passing(remaining) = self.state else { return 0 };
        if self.window.unread() > 0 || self.inflater.is_some() || self.marked.is_some() {
            return 0;
        }
        let passed = remaining.min(bytes as u64);
        self.state = State::Passing(remaining - passed);
        self.window.pass_outside(passed);
        usize::try_from(passed).unwrap_or(bytes)
    }

    /// Sees to it that so many bytes are held.
    #[inline]
    pub(super) fn supply(&mut self, bytes: usize) -> Result<(), Pause> {
        while self.window.unread() < bytes {
            if !self.refill()? {
                return Err(Pause::Fault(Reason::EndsEarly));
            }
        }
        self.keep_within_look_ahead(bytes)
    }

    /// Gets at more bytes; `false` when there are no more.
    pub(super) fn refill(&mut self) -> Result<bool, Pause> {
        if let Some(inflater) = &mut self.inflater {
            match inflater.inflate(&mut self.window, &self.limits).map_err(Pause::Fault)? {
                Inflated::Some => return Ok(true),
                Inflated::Nothing if self.has_ended => return Ok(false),
                Inflated::More if self.has_ended => return Err(Pause::Fault(Reason::EndsEarly)),
                Inflated::Nothing | Inflated::More => {}
            }
        }
        if self.is_too_large {
            Err(Pause::Fault(Reason::DocumentTooLarge))
        } else if self.has_ended {
            Ok(false)
        } else {
            Err(Pause::More)
        }
    }

    #[inline]
    fn keep_within_look_ahead(&self, bytes: usize) -> Result<(), Pause> {
        match self.window.kept() {
            Some(kept) if kept.saturating_add(bytes) > self.limits.look_ahead_bytes_max => {
                Err(Pause::Fault(Reason::LookAheadExceeded))
            }
            _ => Ok(()),
        }
    }
}
