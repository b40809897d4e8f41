//! Where sealed parts lie that are too large for the record: on the local disk, or wherever else an implementation puts
//! them. What is there is sealed, so it may be read by anybody and believed by nobody.

use std::fmt::Debug;
use std::io::{self, Write};

use crate::adapter::Promise;
use crate::words::TransferId;

/// Keeps the parts of transfers: one body for each transfer, written once, until it is removed.
pub trait Bodies: Send + Sync + Debug {
    /// Begins the body of `transfer`. Blocks.
    ///
    /// # Errors
    /// When there is one already, or it cannot be written.
    fn create(&self, transfer: TransferId) -> io::Result<Box<dyn NewBody>>;

    /// `length` bytes of the body of `transfer` from `from` on; fewer at its end.
    fn read(&self, transfer: TransferId, from: u64, length: usize) -> Promise<'_, io::Result<Vec<u8>>>;

    /// How many bytes the body of `transfer` has; nothing where there is none. Blocks.
    ///
    /// # Errors
    /// When that cannot be told.
    fn length(&self, transfer: TransferId) -> io::Result<Option<u64>>;

    /// Removes the body of `transfer`, if there is one. Blocks.
    ///
    /// # Errors
    /// When it is still there.
    fn remove(&self, transfer: TransferId) -> io::Result<()>;

    /// The transfers that have a body, whole or begun. Blocks.
    ///
    /// # Errors
    /// When that cannot be told.
    fn list(&self) -> io::Result<Vec<TransferId>>;
}

/// A body that is being written. One that is dropped before it is kept is removed.
pub trait NewBody: Write + Send + Debug {
    /// Makes it durable, its name included. Blocks.
    ///
    /// # Errors
    /// When nobody knows whether it would survive a crash; it is removed.
    fn keep(self: Box<Self>) -> io::Result<()>;
}
