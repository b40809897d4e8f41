//! Keys that a destination is pinned to.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{Error, ServerConfig};

use super::world::{Shown, World, days, shake};
use crate::handshake::Failure;
use crate::tls::{provider, versions};
use crate::{Fingerprint, NotPinned, Part, Pin, Reloader, Sources};

const PEER: &str = "employer";

/// The sources of `world`, with these pins for the one destination.
fn pinned(world: &World, pins: Vec<Pin>) -> Sources {
    let mut sources = world.sources();
    sources.destinations.get_mut(PEER).unwrap().spki_sha256 = pins;
    sources
}

/// The key of the destination's server.
fn key(world: &World) -> Fingerprint {
    Shown::from(&world.pki.destination_server(PEER)).registered(PEER).spki_sha256[0].sha256
}

/// Calls the destination as `reloader` says, and what comes of it.
fn called(world: &World, reloader: &Reloader) -> Result<(), Error> {
    let shown = Shown::from(&world.pki.destination_server(PEER));
    let server = ServerConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(versions(false))
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(shown.chain, shown.key)
        .unwrap();
    let client = reloader.current().destination(PEER).unwrap().config();
    shake(&client, &Arc::new(server)).map(drop).map_err(Failure::into_error)
}

#[test]
fn a_destination_is_called_by_its_chain_alone_unless_it_is_pinned_and_then_by_its_key_too() {
    let world = World::new();
    let (right, wrong) = (Pin::of(key(&world)), Pin::of(Fingerprint::of(b"another key")));
    for pins in [vec![], vec![right], vec![wrong, right]] {
        called(&world, &world.reloader_of(pinned(&world, pins))).unwrap();
    }
    let refused = called(&world, &world.reloader_of(pinned(&world, vec![wrong]))).unwrap_err();
    assert_eq!(NotPinned::in_error(&refused), Some(NotPinned { shown: key(&world) }), "{refused}");
}

#[test]
fn a_pinned_key_does_not_stand_in_for_a_chain() {
    let world = World::new();
    let mut sources = pinned(&world, vec![Pin::of(key(&world))]);
    // The clinic's own authorities have not certified the partner.
    sources.destinations.get_mut(PEER).unwrap().authorities = world.pki.client_authorities();
    sources.destinations.get_mut(PEER).unwrap().certificate = None;
    let refused = called(&world, &world.reloader_of(sources)).unwrap_err();
    assert_eq!(NotPinned::in_error(&refused), None, "{refused}");
    assert!(matches!(refused, Error::InvalidCertificate(_)), "{refused}");
}

#[test]
fn a_pin_holds_within_its_dates() {
    let world = World::new();
    let sha256 = key(&world);
    let dated = |not_before: Option<Timestamp>, not_after: Option<Timestamp>| {
        called(&world, &world.reloader_of(pinned(&world, vec![Pin { sha256, not_before, not_after }])))
    };
    dated(Some(world.now), Some(world.now)).unwrap();
    for (not_before, not_after) in [(Some(world.now + days(1)), None), (None, Some(world.now - days(1)))] {
        assert!(NotPinned::in_error(&dated(not_before, not_after).unwrap_err()).is_some());
    }
}

#[test]
fn other_pins_are_a_change_of_that_destination_and_the_same_are_none() {
    let world = World::new();
    let wrong = Pin::of(Fingerprint::of(b"the key of last year"));
    let reloader = world.reloader_of(pinned(&world, vec![wrong]));
    let both = pinned(&world, vec![wrong, Pin::of(key(&world))]);
    let changed = reloader.reload_with(both.clone(), world.now).unwrap();
    assert_eq!(changed.parts, [Part::Destination(PEER.to_owned())]);
    called(&world, &reloader).unwrap();
    assert_eq!(reloader.reload_with(both, world.now).unwrap().parts, []);
}
