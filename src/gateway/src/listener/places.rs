//! How many connections each client has open: one that opens too many takes no place from the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::ClientId;

/// The places that are taken, by client.
#[derive(Debug, Default, Clone)]
pub(crate) struct Places(Arc<Mutex<BTreeMap<ClientId, usize>>>);

/// A place that is taken; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    of: Places,
    client: ClientId,
}

impl Places {
    /// Takes a place for `client`; `None` when it has `most` already.
    pub(super) fn take(&self, client: &ClientId, most: usize) -> Option<Place> {
        let mut taken = self.taken();
        let of_client = taken.entry(client.clone()).or_default();
        if *of_client >= most {
            return None;
        }
        *of_client += 1;
        Some(Place { of: self.clone(), client: client.clone() })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<ClientId, usize>> {
        // Every change is one step: what a panicking holder leaves is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        if let Some(of_client) = taken.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_its_places_and_no_more_and_takes_none_of_another() {
        let (places, ehr, pacs) = (Places::default(), "ehr".parse().unwrap(), "pacs".parse().unwrap());
        let (one, _two) = (places.take(&ehr, 2).unwrap(), places.take(&ehr, 2).unwrap());
        assert!(places.take(&ehr, 2).is_none());
        assert!(places.take(&pacs, 2).is_some());
        drop(one);
        assert!(places.take(&ehr, 2).is_some());
    }

    #[test]
    fn a_client_without_connections_takes_no_memory() {
        let (places, ehr) = (Places::default(), "ehr".parse().unwrap());
        drop(places.take(&ehr, 1));
        assert!(places.taken().is_empty());
    }
}
