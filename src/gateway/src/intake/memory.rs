//! What requests may take together: memory for bodies, and threads for documents that stream through.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::problem::{Kind, Problem};
use crate::config::{Limits, largest_body};

/// Memory is counted in these.
const UNIT_BYTES: usize = 1 << 10;

/// What there is of it.
#[derive(Debug)]
pub(crate) struct Room {
    bodies: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
}

/// A piece of it; dropped, it is given back.
pub(crate) type Taken = OwnedSemaphorePermit;

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let bodies = (limits.bodies_bytes_max / UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self {
            bodies: Arc::new(Semaphore::new(bodies)),
            uploads: Arc::new(Semaphore::new(limits.uploads_max)),
        }
    }

    /// Takes memory for a body before any of it is read: as much as it says it has, or as it may have at most.
    pub(crate) async fn for_a_body(&self, headers: &HeaderMap, limits: &Limits) -> Result<Taken, Problem> {
        let stated = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = stated.unwrap_or(usize::MAX).min(largest_body(limits));
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        take(&self.bodies, units, limits, "too many bodies are being read").await
    }

    /// Takes a thread for documents that stream through.
    pub(crate) async fn for_an_upload(&self, limits: &Limits) -> Result<Taken, Problem> {
        take(&self.uploads, 1, limits, "too many uploads are under way").await
    }
}

async fn take(of: &Arc<Semaphore>, units: u32, limits: &Limits, why: &str) -> Result<Taken, Problem> {
    let within = Duration::from_millis(limits.bodies_wait_ms);
    match timeout(within, Arc::clone(of).acquire_many_owned(units)).await {
        Ok(Ok(taken)) => Ok(taken),
        Ok(Err(_)) | Err(_) => {
            let detail = format!("not now: {why}");
            Err(Problem::new(Kind::NotAccepting, detail).retry_after(Duration::from_secs(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_for_which_there_is_no_memory_waits_a_moment_and_is_told_to_come_back() {
        let defaults: toml::Table = toml::from_str(crate::config::DEFAULTS).unwrap();
        let limits: Limits = defaults["limits"].clone().try_into().unwrap();
        let limits = Limits { bodies_bytes_max: 2 << 20, bodies_wait_ms: 10, ..limits };
        let room = Room::new(&limits);
        let stating = |bytes: usize| HeaderMap::from_iter([(header::CONTENT_LENGTH, bytes.into())]);
        let large = room.for_a_body(&HeaderMap::new(), &limits).await.unwrap();
        let small = room.for_a_body(&stating(4000), &limits).await.unwrap();
        let refused = room.for_a_body(&HeaderMap::new(), &limits).await.unwrap_err();
        assert_eq!((refused.kind, refused.retry_after), (Kind::NotAccepting, Some(Duration::from_secs(1))));
        drop(large);
        assert!(room.for_a_body(&stating(1 << 40), &limits).await.is_ok(), "no more than may be in memory");
        drop(small);
    }
}
