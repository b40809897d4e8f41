//! Which certificates clients come with: noted in memory at every request, on record once a minute.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use identity::Peer;
use jiff::{SignedDuration, Timestamp};
use store::Sighting;

use crate::gateway::Gateway;
use crate::telemetry::metrics;

/// The record may lag behind by this much: a request costs no commit of its own.
const RECORDED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The certificates that clients have come with, by their digest.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Mutex<BTreeMap<[u8; 32], Noted>>);

#[derive(Debug)]
struct Noted {
    sighting: Sighting,
    is_on_record: bool,
}

impl Sightings {
    /// Begins with what is on record.
    pub(crate) fn of(record: Vec<Sighting>) -> Self {
        let noted = |sighting: Sighting| (sighting.certificate, Noted { sighting, is_on_record: true });
        Self(Mutex::new(record.into_iter().map(noted).collect()))
    }

    /// Notes that a client was let in with its certificate.
    pub(crate) fn note(&self, peer: &Peer, now: Timestamp) {
        let certificate = peer.certificate();
        let mut seen = self.lock();
        if let Some(noted) = seen.get_mut(certificate.fingerprint.as_bytes()) {
            (noted.sighting.last_seen_at, noted.is_on_record) = (now, false);
            return;
        }
        // The settings have been read as both kinds of name.
        let Ok(client) = peer.client().as_str().parse() else { return };
        let sighting = Sighting {
            certificate: *certificate.fingerprint.as_bytes(),
            key: *certificate.spki.as_bytes(),
            client,
            not_after: certificate.validity.not_after,
            first_seen_at: now,
            last_seen_at: now,
        };
        seen.insert(sighting.certificate, Noted { sighting, is_on_record: false });
    }

    /// Shows of every client that `is_registered` when it was last seen, and until when the certificate lasts that it came
    /// with then.
    fn show(&self, is_registered: impl Fn(&str) -> bool) {
        let seen = self.lock();
        let mut latest: BTreeMap<&str, &Sighting> = BTreeMap::new();
        for Noted { sighting, .. } in seen.values().filter(|of| is_registered(of.sighting.client.as_str())) {
            let of_client = latest.entry(sighting.client.as_str()).or_insert(sighting);
            if of_client.last_seen_at < sighting.last_seen_at {
                *of_client = sighting;
            }
        }
        for (client, sighting) in latest {
            metrics::client(client, sighting.last_seen_at.as_second(), sighting.not_after.as_second());
        }
    }

    fn take_new(&self) -> Vec<Sighting> {
        let mut seen = self.lock();
        let new = seen.values_mut().filter(|noted| !noted.is_on_record);
        let taken = new.map(|noted| {
            noted.is_on_record = true;
            noted.sighting.clone()
        });
        taken.collect()
    }

    fn is_not_on_record(&self, sightings: &[Sighting]) {
        let mut seen = self.lock();
        for sighting in sightings {
            if let Some(noted) = seen.get_mut(&sighting.certificate) {
                noted.is_on_record = false;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows what was seen, and records it where that is due or the end has come. What cannot be recorded now is later.
pub(crate) async fn keep(gateway: &Gateway, last: &mut Timestamp, now: Timestamp, now_or_never: bool) {
    let rules = gateway.rules.load();
    gateway.sightings.show(|client| rules.client(client).is_some());
    let due = last.saturating_add(RECORDED_EVERY).unwrap_or(Timestamp::MAX) <= now;
    if !(due || now_or_never) {
        return;
    }
    *last = now;
    let new = gateway.sightings.take_new();
    if new.is_empty() {
        return;
    }
    if let Err(error) = gateway.store.note_sightings(new.clone()).await {
        tracing::debug!(event.action = "sightings-kept", error.message = %error, "sightings of certificates wait in memory");
        gateway.sightings.is_not_on_record(&new);
    }
}
