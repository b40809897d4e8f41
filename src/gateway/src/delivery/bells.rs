//! Calls the worker of one destination, or all of them. What is rung for one costs the others nothing, however many there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use clearance::words::DestinationName;
use tokio::sync::Notify;

/// A bell for each destination. Ringing wakes whoever listens at that moment; nothing is kept for who comes later.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    // Of destinations that have been configured since the start, or that something waited for: a few.
    bells: Mutex<BTreeMap<DestinationName, Arc<Notify>>>,
}

impl Bells {
    /// The bell of a destination.
    pub(crate) fn of(&self, destination: &DestinationName) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        match bells.get(destination) {
            Some(bell) => Arc::clone(bell),
            None => Arc::clone(bells.entry(destination.clone()).or_default()),
        }
    }

    /// Something is new for this destination.
    pub(crate) fn ring(&self, destination: &DestinationName) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(destination) {
            bell.notify_waiters();
        }
    }

    /// Something is new for all of them.
    pub(crate) fn ring_all(&self) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        for bell in bells.values() {
            bell.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_listens_hears_its_own_bell_and_that_for_all() {
        let bells = Bells::default();
        let [employer, portal] = ["employer", "patient-portal"].map(|name| name.parse().unwrap());
        let (at_employer, at_portal) = (bells.of(&employer), bells.of(&portal));
        let (hears, hears_not) = (at_employer.notified(), at_portal.notified());
        bells.ring(&employer);
        hears.await;
        let waited = tokio::time::timeout(std::time::Duration::from_millis(20), hears_not).await;
        assert!(waited.is_err(), "what is for one destination wakes no other");
        let (one, other) = (at_employer.notified(), at_portal.notified());
        bells.ring_all();
        one.await;
        other.await;
    }
}
