//! The model as a process meets it: others get in between, it may be full, and the process may die before or after a
//! commit, because each call can be dropped there.

use std::future::Future;
use std::sync::Arc;

use clearance::basis::Standing;
use clearance::journey::{
    Acceptance, BeginRefusal, Begun, Due, Ending, IdempotencyScope, Recorded, Recorder, RecorderError,
    Reservation, TransferView,
};
use clearance::keys::Pseudonym;
use clearance::words::{DestinationName, State, TransferId};
use jiff::Timestamp;
use ledger::Entry;

use super::chance::{Chance, give_way};
use super::model::Model;

/// Of so many calls one fails for want of space.
const FULL_ONE_IN: u64 = 40;

/// A model with interruptions.
#[derive(Debug)]
pub(super) struct Interrupted {
    pub(super) model: Model,
    pub(super) chance: Arc<Chance>,
    pub(super) sabotage: Option<Sabotage>,
}

/// Breaks a promise on purpose, to see that it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// An attempt is not told that an earlier one may have arrived.
    DoubtIsForgotten,
    /// The policy is not told of withdrawals.
    WithdrawalsAreHidden,
    /// Whatever was not refused counts as delivered.
    DoubtIsDelivery,
}

impl Interrupted {
    async fn call<T>(
        &self,
        commit: impl Future<Output = Result<T, RecorderError>>,
    ) -> Result<T, RecorderError> {
        self.pause().await;
        if self.chance.trouble(FULL_ONE_IN) {
            return Err(RecorderError::Full);
        }
        let committed = commit.await;
        self.pause().await;
        committed
    }

    async fn pause(&self) {
        if self.chance.one_in(2) {
            give_way().await;
        }
    }
}

impl Recorder for Interrupted {
    async fn reserve(&self, scope: &IdempotencyScope) -> Result<Reservation, RecorderError> {
        self.call(self.model.reserve(scope)).await
    }

    fn release(&self, scope: &IdempotencyScope) {
        self.model.release(scope);
    }

    async fn record(&self, acceptance: Acceptance) -> Result<Recorded, RecorderError> {
        self.call(self.model.record(acceptance)).await
    }

    async fn note(&self, entry: Entry) -> Result<u64, RecorderError> {
        self.call(self.model.note(entry)).await
    }

    async fn standing(
        &self,
        subject: Pseudonym,
        destination: &DestinationName,
    ) -> Result<Standing, RecorderError> {
        self.call(self.model.standing(subject, destination)).await
    }

    async fn due(
        &self,
        destination: &DestinationName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, RecorderError> {
        let mut due = self.call(self.model.due(destination, now, limit)).await?;
        if self.sabotage == Some(Sabotage::WithdrawalsAreHidden) {
            let hidden = |standing: Standing| Standing { version: standing.version, ..Standing::default() };
            due.iter_mut().for_each(|due| due.standing = hidden(due.standing));
        }
        Ok(due)
    }

    async fn begin(
        &self,
        transfer: TransferId,
        standing_version: u64,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Result<Begun, BeginRefusal>, RecorderError> {
        let mut begun = self.call(self.model.begin(transfer, standing_version, at, lease_until)).await?;
        if let (Ok(begun), Some(Sabotage::DoubtIsForgotten)) = (&mut begun, self.sabotage) {
            begun.perhaps_delivered = false;
        }
        Ok(begun)
    }

    async fn end(&self, mut ending: Ending) -> Result<(), RecorderError> {
        if self.sabotage == Some(Sabotage::DoubtIsDelivery) && !ending.state.is_final() {
            ending.state = State::Delivered;
        }
        self.call(self.model.end(ending)).await
    }

    async fn transfer(&self, transfer: TransferId) -> Result<Option<TransferView>, RecorderError> {
        self.call(self.model.transfer(transfer)).await
    }
}
