//! The journal: what arrived, in order, so that a test can ask what really left the gateway.
//!
//! It keeps whole requests in memory and forgets the oldest above [`KEPT_MAX`]; nothing is written anywhere.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use jiff::Timestamp;

use crate::Asked;

/// How many requests the journal keeps.
const KEPT_MAX: usize = 10_000;

/// One request that reached the stand-in, whatever became of it.
#[derive(Clone)]
pub struct Received {
    /// When it was complete.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path and query as sent.
    pub path: String,
    /// Its headers, in the order they came; names in lower case.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// SHA-256 of the client's certificate, in lower-case hexadecimal.
    pub peer_sha256: String,
    /// The status it was answered with; none while it is worked on, or when the connection was closed instead.
    pub status: Option<u16>,
    /// What the stand-in noted without refusing it.
    pub remarks: Vec<&'static str>,
}

impl Received {
    /// A header's first value, when it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// The path without the query, which may hold an identifier.
    pub fn path_only(&self) -> &str {
        self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("at", &self.at)
            .field("method", &self.method)
            .field("path", &self.path_only())
            .field("body_bytes", &self.body.len())
            .field("status", &self.status)
            .field("remarks", &self.remarks)
            .finish_non_exhaustive()
    }
}

/// The journal.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    kept: VecDeque<Received>,
    forgotten: u64,
}

impl Journal {
    /// Enters `asked` and returns its number.
    pub(crate) fn enter(&self, asked: &Asked, at: Timestamp) -> u64 {
        let mut pages = self.lock();
        pages.kept.push_back(Received {
            at,
            method: asked.method.to_string(),
            path: asked.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: asked.headers.clone(),
            body: asked.body.to_vec(),
            peer_sha256: asked.peer.clone(),
            status: None,
            remarks: Vec::new(),
        });
        if pages.kept.len() > KEPT_MAX {
            pages.kept.pop_front();
            pages.forgotten += 1;
        }
        pages.forgotten + pages.kept.len() as u64 - 1
    }

    /// Completes entry `number`.
    pub(crate) fn complete(&self, number: u64, status: Option<u16>, remarks: &[&'static str]) {
        let mut pages = self.lock();
        let place = number.checked_sub(pages.forgotten).map(usize::try_from);
        if let Some(Ok(place)) = place
            && let Some(received) = pages.kept.get_mut(place)
        {
            received.status = status;
            received.remarks.extend_from_slice(remarks);
        }
    }

    /// All entries still kept, oldest first.
    pub(crate) fn entries(&self) -> Vec<Received> {
        self.lock().kept.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
