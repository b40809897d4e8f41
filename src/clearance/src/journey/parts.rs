//! Documents that stream through: what an adapter sees of them on the way in, and how it reads them on the way out.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::seal::{OpenParts, PartReader, PartsAtRest, PartsCondition, SealError, places};

/// The most that an adapter sees of the beginning of one document, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// The most that is held of the beginnings of all documents of a transfer, in bytes.
const HEADS_BYTES_MAX: usize = 8 << 20;

/// What is left of one of several documents, or of a large one. Its `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    number: u32,
    media_type: String,
    measured: Measured,
    head: Bytes,
}

/// What is known of a document once all of it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) length: u64,
    pub(super) sha256: [u8; 32],
}

/// How much is kept of the beginning of each of up to `documents` documents.
pub(super) fn head_bytes(documents: usize) -> usize {
    (HEADS_BYTES_MAX / documents.max(1)).min(HEAD_BYTES_MAX)
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({}, {} bytes)", self.number, self.measured.length)
    }
}

impl Part {
    pub(super) const fn new(number: u32, media_type: String, measured: Measured, head: Bytes) -> Self {
        Self { number, media_type, measured, head }
    }

    /// Its number in the request, from 1.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its bytes that leave.
    pub const fn length(&self) -> u64 {
        self.measured.length
    }

    /// The SHA-256 of the bytes that leave.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.measured.sha256
    }

    /// The first bytes that leave: [`HEAD_BYTES_MAX`], or fewer where the purpose takes more than 128 documents, so that all
    /// beginnings together stay within 8 MiB.
    pub fn head(&self) -> &[u8] {
        &self.head
    }
}

/// The parts of a submission.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) list: Vec<Part>,
    /// Where they rest; a check keeps nothing.
    pub(super) at_rest: Option<PartsAtRest>,
}

impl Parts {
    pub(super) fn length(&self) -> u64 {
        self.list.iter().map(Part::length).sum()
    }

    /// What a check did not keep cannot be recorded.
    pub(super) fn at_rest(&mut self) -> Result<&mut PartsAtRest, SealError> {
        self.at_rest.as_mut().ok_or(SealError::NotKept)
    }

    pub(super) fn entrust(&mut self) {
        self.at_rest.iter_mut().for_each(PartsAtRest::entrust);
    }

    pub(super) fn take_back(&mut self) {
        self.at_rest.iter_mut().for_each(PartsAtRest::take_back);
    }
}

/// As the envelope lists them.
pub(super) fn listed(parts: &[Part]) -> Vec<ListedPart> {
    let listed = parts.iter().map(|part| ListedPart {
        media_type: part.media_type.clone(),
        length: part.measured.length,
        sha256: hex::encode(part.measured.sha256),
    });
    listed.collect()
}

/// A part as the envelope lists it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListedPart {
    media_type: String,
    length: u64,
    sha256: String,
}

/// The digest to which the ledger commits when documents stream through: over what the adapter built and over each part, in
/// order, by its digest. The page of the ledger's format has it too.
pub(super) fn digest_of_all(built: &[u8], parts: &[Part]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"clearance parts v1");
    context.update(ledger::Hash::of(built).as_bytes());
    for part in parts {
        context.update(&part.measured.sha256);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// What is at rest of a cleared transfer.
#[derive(Debug)]
pub(super) struct PartsToSend {
    list: Vec<PartToSend>,
    open: OpenParts,
}

#[derive(Debug)]
struct PartToSend {
    number: u32,
    media_type: String,
    measured: Measured,
    from: u64,
    is_done: bool,
}

impl PartsToSend {
    /// Nothing when the list is not one of ours.
    pub(super) fn new(listed: Vec<ListedPart>, open: OpenParts, done: &BTreeSet<u32>) -> Option<Self> {
        let from: Vec<_> = places(listed.iter().map(|part| part.length)).collect();
        let list = (1..).zip(listed).zip(from).map(|((number, part), from)| {
            let sha256 = hex::decode(part.sha256).ok()?.try_into().ok()?;
            let measured = Measured { length: part.length, sha256 };
            let is_done = done.contains(&number);
            Some(PartToSend { number, media_type: part.media_type, measured, from, is_done })
        });
        Some(Self { list: list.collect::<Option<_>>()?, open })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ClearedPart<'_>> {
        self.list.iter().map(|part| ClearedPart { part, open: &self.open })
    }

    pub(super) const fn condition(&self) -> &PartsCondition {
        self.open.condition()
    }
}

/// One part of a cleared transfer.
#[derive(Debug)]
pub struct ClearedPart<'c> {
    part: &'c PartToSend,
    open: &'c OpenParts,
}

impl ClearedPart<'_> {
    /// Its number in the request, from 1.
    pub const fn number(&self) -> u32 {
        self.part.number
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.part.media_type
    }

    /// Its bytes.
    pub const fn length(&self) -> u64 {
        self.part.measured.length
    }

    /// The SHA-256 of its bytes.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.part.measured.sha256
    }

    /// Whether the destination has confirmed it in an earlier attempt: then it is not sent again.
    pub const fn is_done(&self) -> bool {
        self.part.is_done
    }

    /// Reads it from its beginning.
    pub fn read(&self) -> PartReader {
        self.open.reader(self.part.number, self.part.measured.length, self.part.from)
    }
}
