//! The idempotency keys of requests that are being served: in memory, because they end with the process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clearance::journey::IdempotencyScope;

#[derive(Debug, Clone, Default)]
pub(super) struct Leases(Arc<Mutex<HashSet<IdempotencyScope>>>);

/// A lease that is given back unless it is kept.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    leases: &'a Leases,
    scope: Option<&'a IdempotencyScope>,
}

impl Leases {
    /// Takes the lease, if nobody has it.
    pub(super) fn take<'a>(&'a self, scope: &'a IdempotencyScope) -> Option<Lease<'a>> {
        let taken = self.set().insert(scope.clone());
        // Made only when it was taken: a lease that is dropped is given back.
        taken.then(|| Lease { leases: self, scope: Some(scope) })
    }

    pub(super) fn free<'a>(&self, scopes: impl IntoIterator<Item = &'a IdempotencyScope>) {
        let mut set = self.set();
        for scope in scopes {
            set.remove(scope);
        }
    }

    fn set(&self) -> MutexGuard<'_, HashSet<IdempotencyScope>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// Keeps it until the transfer is recorded or the lease released.
    pub(super) fn keep(mut self) {
        self.scope = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.leases.free(self.scope);
    }
}
