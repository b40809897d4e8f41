//! Parts at rest: documents that were sealed as they came, in memory up to a limit and beyond it in a body on disk, and
//! that are opened chunk by chunk.
//!
//! Nothing in the clear ever touches the disk. What was begun and not recorded is removed with its guard; what a crash
//! leaves is swept when the store is opened, because no row names it.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::LessSafeKey;
use bytes::Bytes;

use super::stream::{CHUNK_BYTES, PartSealer, SEALED_CHUNK_BYTES, chunks, open_chunk, sealed_length};
use super::{Bodies, NewBody, SealError, cipher};
use crate::clock::{Entropy, random};
use crate::keys::Secret;
use crate::words::TransferId;

/// So many chunks are read at once.
const WINDOW_CHUNKS: u64 = 16;

/// The sealed parts of a transfer. What this crate did not seal does not open.
#[derive(Clone, PartialEq, Eq)]
pub enum SealedParts {
    /// In the record, one after the other.
    InRecord(Vec<u8>),
    /// In the transfer's body, one after the other.
    InBody {
        /// The bytes of the body.
        length: u64,
    },
}

impl fmt::Debug for SealedParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InRecord(sealed) => write!(f, "InRecord({} bytes)", sealed.len()),
            Self::InBody { length } => write!(f, "InBody({length} bytes)"),
        }
    }
}

/// Where and under which key parts are sealed as they come.
#[derive(Debug)]
pub(crate) struct PartsSealer {
    key: Secret,
    transfer: TransferId,
    bodies: Arc<dyn Bodies>,
    memory_bytes_max: usize,
    held: Held,
}

/// Sealed bytes, as far as they have come.
#[derive(Debug)]
enum Held {
    Memory(Vec<u8>),
    Body { body: Box<dyn NewBody>, length: u64 },
}

/// All parts of a transfer, sealed and, where they are on disk, durable.
#[derive(Debug)]
pub(crate) struct PartsAtRest {
    key: Secret,
    pub(crate) transfer: TransferId,
    parts: Option<SealedParts>,
    body: Option<Body>,
}

/// A durable body that no row names yet: dropped, it is removed, unless it was entrusted to the record.
#[derive(Debug)]
struct Body {
    bodies: Arc<dyn Bodies>,
    transfer: TransferId,
    is_entrusted: bool,
}

impl PartsSealer {
    pub(crate) fn new(
        transfer: TransferId,
        bodies: Arc<dyn Bodies>,
        memory_bytes_max: usize,
        entropy: &dyn Entropy,
    ) -> Result<Self, SealError> {
        let key = Secret::new(random(entropy).map_err(|_| SealError::Cipher)?);
        Ok(Self { key, transfer, bodies, memory_bytes_max, held: Held::Memory(Vec::new()) })
    }

    /// Begins the part `number`, from 1, which is sealed into this; the one before has ended.
    pub(crate) fn begin(&self, number: u32) -> io::Result<PartSealer> {
        PartSealer::new(&self.key, self.transfer, number)
            .map_err(|_| io::Error::other("the cipher has failed"))
    }

    /// Makes all of it durable.
    pub(crate) fn finish(self) -> io::Result<PartsAtRest> {
        let Self { key, transfer, bodies, held, .. } = self;
        let (parts, body) = match held {
            Held::Memory(sealed) => (SealedParts::InRecord(sealed), None),
            Held::Body { body, length } => {
                body.keep()?;
                (SealedParts::InBody { length }, Some(Body { bodies, transfer, is_entrusted: false }))
            }
        };
        Ok(PartsAtRest { key, transfer, parts: Some(parts), body })
    }
}

/// Takes what is sealed.
impl Write for PartsSealer {
    fn write(&mut self, sealed: &[u8]) -> io::Result<usize> {
        if let Held::Memory(before) = &mut self.held {
            if before.len() + sealed.len() <= self.memory_bytes_max {
                before.extend_from_slice(sealed);
                return Ok(sealed.len());
            }
            let mut body = self.bodies.create(self.transfer)?;
            body.write_all(before)?;
            self.held = Held::Body { body, length: before.len() as u64 };
        }
        match &mut self.held {
            Held::Memory(_) => Err(io::Error::other("nothing is held in memory any more")),
            Held::Body { body, length } => {
                body.write_all(sealed)?;
                *length += sealed.len() as u64;
                Ok(sealed.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PartsAtRest {
    /// The key under which the transfer's body in the record is sealed too.
    pub(crate) const fn key(&self) -> &Secret {
        &self.key
    }

    /// What goes into the record.
    pub(crate) fn take(&mut self) -> Option<SealedParts> {
        self.parts.take()
    }

    /// From here on the record decides what becomes of the body: its commit is under way, or nobody knows how it ended.
    pub(crate) fn entrust(&mut self) {
        if let Some(body) = &mut self.body {
            body.is_entrusted = true;
        }
    }

    /// The commit has not come about.
    pub(crate) fn take_back(&mut self) {
        if let Some(body) = &mut self.body {
            body.is_entrusted = false;
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.is_entrusted {
            // What cannot be removed now is swept at the next start.
            let _swept = self.bodies.remove(self.transfer);
        }
    }
}

/// Why a part could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum PartFailure {
    /// The disk did not give it; a later attempt may succeed.
    #[error("a part at rest could not be read")]
    Unreadable,
    /// It is missing, or not what was sealed: changed, cut or swapped.
    #[error("a part at rest is not what was sealed")]
    DoesNotOpen,
}

/// Knows afterwards whether every part that was read opened.
#[derive(Debug, Clone, Default)]
pub struct PartsCondition(Arc<Mutex<Option<PartFailure>>>);

impl PartsCondition {
    /// The worst that was met; nothing: all that was read was what had been sealed.
    pub fn failure(&self) -> Option<PartFailure> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self, failure: PartFailure) -> PartFailure {
        let mut worst = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *worst = (*worst).max(Some(failure));
        failure
    }
}

/// The parts of a transfer that is opened.
#[derive(Debug)]
pub(crate) struct OpenParts {
    transfer: TransferId,
    key: Secret,
    source: Source,
    condition: PartsCondition,
}

#[derive(Debug, Clone)]
enum Source {
    Record(Bytes),
    Bodies(Arc<dyn Bodies>),
}

impl OpenParts {
    pub(crate) fn new(
        transfer: TransferId,
        key: Secret,
        parts: SealedParts,
        bodies: &Arc<dyn Bodies>,
    ) -> Self {
        let source = match parts {
            SealedParts::InRecord(sealed) => Source::Record(sealed.into()),
            SealedParts::InBody { .. } => Source::Bodies(Arc::clone(bodies)),
        };
        Self { transfer, key, source, condition: PartsCondition::default() }
    }

    pub(crate) const fn condition(&self) -> &PartsCondition {
        &self.condition
    }

    /// A reader of the part `number` of `length` bytes, which lies at `from`.
    pub(crate) fn reader(&self, number: u32, length: u64, from: u64) -> PartReader {
        PartReader {
            transfer: self.transfer,
            number,
            length,
            from,
            key: self.key.clone(),
            source: self.source.clone(),
            condition: self.condition.clone(),
            next: 0,
            window: Bytes::new(),
        }
    }
}

/// Reads one part in order, decrypting chunk by chunk. Its `Debug` shows no content.
///
/// What fails here fails the attempt, whatever the destination answers.
pub struct PartReader {
    transfer: TransferId,
    number: u32,
    length: u64,
    from: u64,
    key: Secret,
    source: Source,
    condition: PartsCondition,
    /// The chunk that comes next.
    next: u64,
    /// Sealed chunks that were read already.
    window: Bytes,
}

impl fmt::Debug for PartReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartReader({}, {} bytes)", self.number, self.length)
    }
}

impl PartReader {
    /// How many bytes it gives in all.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The next bytes; nothing at the end.
    ///
    /// # Errors
    /// When they cannot be had, or are not what was sealed. Nothing that comes after may then be sent.
    pub async fn next(&mut self) -> Result<Option<Bytes>, PartFailure> {
        if self.next == chunks(self.length) {
            return Ok(None);
        }
        if self.window.is_empty() {
            self.window = self.read().await.map_err(|failure| self.condition.met(failure))?;
        }
        let sealed = self.window.split_to(SEALED_CHUNK_BYTES.min(self.window.len()));
        let opened = cipher(&self.key).map_err(|_| PartFailure::Unreadable).and_then(|key: LessSafeKey| {
            let place = (self.transfer, self.number);
            open_chunk(&key, place, (self.next, self.length), &sealed).map_err(|_| PartFailure::DoesNotOpen)
        });
        let chunk = opened.map_err(|failure| self.condition.met(failure))?;
        if chunk.len() as u64 != (self.length - self.next * CHUNK_BYTES as u64).min(CHUNK_BYTES as u64) {
            return Err(self.condition.met(PartFailure::DoesNotOpen));
        }
        self.next += 1;
        Ok(Some(chunk.into()))
    }

    async fn read(&self) -> Result<Bytes, PartFailure> {
        let done = self.next * SEALED_CHUNK_BYTES as u64;
        let left = sealed_length(self.length).saturating_sub(done);
        let length = left.min(WINDOW_CHUNKS * SEALED_CHUNK_BYTES as u64);
        let (from, length) = (self.from + done, usize::try_from(length).unwrap_or(usize::MAX));
        let read = match &self.source {
            Source::Record(sealed) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                let to = from.saturating_add(length).min(sealed.len());
                if from < to { sealed.slice(from..to) } else { Bytes::new() }
            }
            Source::Bodies(bodies) => match bodies.read(self.transfer, from, length).await {
                Ok(read) => read.into(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Bytes::new(),
                Err(_) => return Err(PartFailure::Unreadable),
            },
        };
        if read.len() == length { Ok(read) } else { Err(PartFailure::DoesNotOpen) }
    }
}

/// Where each of the parts with these lengths begins at rest.
pub(crate) fn places(lengths: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
    lengths.scan(0_u64, |next, length| {
        let from = *next;
        *next = from.saturating_add(sealed_length(length));
        Some(from)
    })
}
