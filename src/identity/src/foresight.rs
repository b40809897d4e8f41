//! What breaks when: everything that the settings name, proved as of another moment.
//!
//! It foresees what lies on this machine. What a client shows is known only when it comes: of clients, only the
//! registration itself is looked at.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

use crate::window::unix_time;
use crate::{ClientId, PartFailure, Reloader, Sources};

/// What would not work at one moment.
#[derive(Debug)]
pub struct Foresight {
    /// The parts that a start at that moment would not take, each with its reason.
    pub failures: Vec<PartFailure>,
    /// The clients of whom no pinned key or certificate is to be believed any more, or yet.
    pub clients_out: Vec<ClientId>,
}

/// Proves everything as of `at`.
#[must_use]
pub fn foresee(sources: &Sources, at: Timestamp) -> Foresight {
    let clock: Arc<dyn TimeProvider> = Arc::new(Standing(unix_time(at)));
    let failures = Reloader::new(sources.clone(), clock, at).err().map(|error| error.failures);
    let out = sources.clients.iter().filter(|client| !client.is_pinned_at(at));
    Foresight {
        failures: failures.unwrap_or_default(),
        clients_out: out.map(|client| client.id.clone()).collect(),
    }
}

/// A clock that stands.
#[derive(Debug)]
struct Standing(UnixTime);

impl TimeProvider for Standing {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::Part;
    use crate::example::{ExampleNames, ExamplePki};

    #[test]
    fn what_expires_first_breaks_first_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let made = Timestamp::from_second(1_800_000_000).unwrap();
        let pki = ExamplePki::create(&folder.path().join("pki"), made, &ExampleNames::default()).unwrap();
        let sources = pki.sources().unwrap();
        let after = |days: i64| made + SignedDuration::from_hours(24 * days);
        let parts = |at| -> Vec<Part> {
            foresee(&sources, at).failures.into_iter().map(|failure| failure.part).collect()
        };
        assert!(parts(after(1)).is_empty());
        // Revocation lists last thirty days, certificates ninety.
        assert_eq!(parts(after(31)), [Part::RevocationLists]);
        let late = parts(after(91));
        assert!(late.contains(&Part::ServerCertificate), "{late:?}");
        assert!(late.contains(&Part::Destination("employer".into())), "{late:?}");
        assert!(foresee(&sources, after(31)).failures[0].to_string().contains("revocation lists"));
    }

    #[test]
    fn a_client_whose_pins_are_over_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let made = Timestamp::from_second(1_800_000_000).unwrap();
        let pki = ExamplePki::create(&folder.path().join("pki"), made, &ExampleNames::default()).unwrap();
        let mut sources = pki.sources().unwrap();
        let end = made + SignedDuration::from_hours(24);
        let client = &mut sources.clients[0];
        for pin in client.certificate_sha256.iter_mut().chain(&mut client.spki_sha256) {
            pin.not_after = Some(end);
        }
        assert!(foresee(&sources, end).clients_out.is_empty());
        let out = foresee(&sources, end + SignedDuration::from_secs(1)).clients_out;
        assert_eq!(out, [sources.clients[0].id.clone()]);
    }
}
