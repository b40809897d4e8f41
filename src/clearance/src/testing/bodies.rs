//! Bodies in memory, and documents that arrive at once.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use crate::adapter::Promise;
use crate::journey::{Arriving, BrokenOff};
use crate::seal::{Bodies, NewBody};
use crate::words::TransferId;

/// Bodies in memory: what was not kept is gone at once.
#[derive(Debug, Clone, Default)]
pub struct MemoryBodies(Arc<Mutex<BTreeMap<TransferId, Vec<u8>>>>);

#[derive(Debug)]
struct Begun {
    bodies: MemoryBodies,
    transfer: TransferId,
    is_kept: bool,
}

impl MemoryBodies {
    /// The body of each transfer, to look at and to tamper with.
    pub fn all(&self) -> MutexGuard<'_, BTreeMap<TransferId, Vec<u8>>> {
        self.0.lock().unwrap()
    }
}

impl Bodies for MemoryBodies {
    fn create(&self, transfer: TransferId) -> io::Result<Box<dyn NewBody>> {
        self.all().insert(transfer, Vec::new());
        Ok(Box::new(Begun { bodies: self.clone(), transfer, is_kept: false }))
    }

    fn read(&self, transfer: TransferId, from: u64, length: usize) -> Promise<'_, io::Result<Vec<u8>>> {
        let all = self.all();
        let read = all.get(&transfer).map(|body| {
            let rest = body.iter().skip(usize::try_from(from).unwrap());
            rest.take(length).copied().collect()
        });
        Box::pin(std::future::ready(read.ok_or_else(|| io::ErrorKind::NotFound.into())))
    }

    fn length(&self, transfer: TransferId) -> io::Result<Option<u64>> {
        Ok(self.all().get(&transfer).map(|body| body.len() as u64))
    }

    fn remove(&self, transfer: TransferId) -> io::Result<()> {
        self.all().remove(&transfer);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<TransferId>> {
        Ok(self.all().keys().copied().collect())
    }
}

impl Write for Begun {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bodies.all().entry(self.transfer).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewBody for Begun {
    fn keep(mut self: Box<Self>) -> io::Result<()> {
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.is_kept {
            self.bodies.all().remove(&self.transfer);
        }
    }
}

/// Documents with their media types, each in chunks as they come.
#[derive(Debug)]
pub struct Arrived(VecDeque<(String, VecDeque<Bytes>)>);

impl Arrived {
    /// These documents, in chunks of `chunk_bytes`.
    pub fn of(documents: &[(&str, &[u8])], chunk_bytes: usize) -> Self {
        let chunked = |document: &[u8]| document.chunks(chunk_bytes).map(Bytes::copy_from_slice).collect();
        Self(documents.iter().map(|(media_type, bytes)| ((*media_type).to_owned(), chunked(bytes))).collect())
    }
}

impl Arriving for Arrived {
    fn next_document(&mut self) -> Result<Option<String>, BrokenOff> {
        Ok(self.0.front_mut().map(|(media_type, _)| std::mem::take(media_type)))
    }

    fn next_bytes(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        let Some((_, chunks)) = self.0.front_mut() else { return Ok(None) };
        let next = chunks.pop_front();
        if next.is_none() {
            self.0.pop_front();
        }
        Ok(next)
    }
}
