//! Those that wait for news of a transfer (`Prefer: wait`, `…/events`): each is woken by news of its own, not of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clearance::words::TransferId;
use store::Changed;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};

/// Who waits, by transfer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<TransferId, Waiters>>>);

#[derive(Debug, Default)]
struct Waiters {
    count: usize,
    news: Arc<Notify>,
}

/// A place among those that wait; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    of: Waiting,
    transfer: TransferId,
    news: Arc<Notify>,
}

impl Waiting {
    /// Waits for `transfer`; `None` when `most` transfers are waited for already. To be called before looking at the
    /// transfer, so that no news is missed.
    pub(crate) fn place(&self, transfer: TransferId, most: usize) -> Option<Place> {
        let mut waiting = self.waiting();
        if waiting.len() >= most && !waiting.contains_key(&transfer) {
            return None;
        }
        let waiters = waiting.entry(transfer).or_default();
        waiters.count += 1;
        Some(Place { of: self.clone(), transfer, news: Arc::clone(&waiters.news) })
    }

    /// Hands news on until `stop` is set.
    pub(crate) async fn hand_on(
        &self,
        mut changes: broadcast::Receiver<Changed>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match change {
                Ok(changed) => self.tell(|transfer| *transfer == changed.transfer),
                // Some were missed: whoever waits looks again.
                Err(RecvError::Lagged(_)) => self.look_again(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Has everybody look again: what they go by besides the transfer has changed.
    pub(crate) fn look_again(&self) {
        self.tell(|_| true);
    }

    fn tell(&self, whom: impl Fn(&TransferId) -> bool) {
        for (_, waiters) in self.waiting().iter().filter(|(transfer, _)| whom(transfer)) {
            waiters.news.notify_waiters();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<TransferId, Waiters>> {
        // Every change is one step: what a panicking holder leaves is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Comes back at the next news. It is to be made before looking, and awaited after.
    pub(crate) fn news(&self) -> tokio::sync::futures::OwnedNotified {
        Arc::clone(&self.news).notified_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.of.waiting();
        if let Some(waiters) = waiting.get_mut(&self.transfer) {
            waiters.count -= 1;
            if waiters.count == 0 {
                waiting.remove(&self.transfer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clearance::words::State;
    use tokio::time::timeout;

    use super::*;

    fn transfer(number: u128) -> TransferId {
        uuid::Uuid::from_u128(number).to_string().parse().unwrap()
    }

    #[tokio::test]
    async fn news_wakes_whoever_waits_for_it_and_nobody_else() {
        let (waiting, (sender, changes)) = (Waiting::default(), broadcast::channel(4));
        let (_stop, stopped) = watch::channel(false);
        let (one, other) = (waiting.place(transfer(1), 9).unwrap(), waiting.place(transfer(2), 9).unwrap());
        let (news, no_news) = (one.news(), other.news());
        let destination = "employer".parse().unwrap();
        sender.send(Changed { transfer: transfer(1), destination, state: State::Delivered }).unwrap();
        let look =
            async { (timeout(Duration::from_secs(5), news).await, timeout(Duration::ZERO, no_news).await) };
        let (told, not_told) = tokio::select! {
            () = waiting.hand_on(changes, stopped) => panic!("it goes on"),
            told = look => told,
        };
        assert!(told.is_ok() && not_told.is_err());
    }

    #[test]
    fn no_more_wait_than_may_and_a_place_given_back_is_free() {
        let waiting = Waiting::default();
        let first = waiting.place(transfer(1), 1).unwrap();
        assert!(waiting.place(transfer(2), 1).is_none());
        assert!(waiting.place(transfer(1), 1).is_some(), "the same transfer takes no further place");
        drop(first);
        assert!(waiting.place(transfer(2), 1).is_some());
    }
}
