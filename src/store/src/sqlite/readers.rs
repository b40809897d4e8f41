//! A small pool of read-only connections, used on threads that may block.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use clearance::journey::RecorderError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use super::fault::{Abort, Latch};

/// More than this many reads at once wait for one another.
const READERS: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct Readers {
    // INVARIANT: whoever holds a permit finds a connection here.
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    latch: Latch,
}

impl Readers {
    pub(super) fn open(path: &Path, latch: Latch) -> rusqlite::Result<Self> {
        let idle = (0..READERS).map(|_| connection::reading(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(READERS)), latch })
    }

    /// Reads one state of the store: that of the last commit, or a later one.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Abort> + Send + 'static,
    ) -> Result<T, RecorderError> {
        self.latch.check()?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| RecorderError::Latched)?;
        let (idle, latch) = (Arc::clone(&self.idle), self.latch.clone());
        let reading = move || {
            let _permit = permit;
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = connection.ok_or(RecorderError::Latched)?;
            let answer = in_one_state(&connection, read);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer.map_err(|abort| latch.judge(abort))
        };
        tokio::task::spawn_blocking(reading).await.unwrap_or(Err(RecorderError::Latched))
    }

    /// Closes the connections; whoever reads afterwards is refused.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn in_one_state<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Abort>,
) -> Result<T, Abort> {
    let transaction = connection.unchecked_transaction()?;
    let answer = read(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}
