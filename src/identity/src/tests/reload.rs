//! New material is proved before the old gives way, and part by part.

use std::fs;

use super::world::{Shown, World, clock, days, knock};
use crate::example::{Authority, BadCertificate, ExampleClient, ExampleNames, ExamplePki};
use crate::{Changed, Part, Reloader, Sources, Urgency};

#[test]
fn nothing_new_changes_nothing() {
    let world = World::new();
    let reloader = world.reloader();
    let before = reloader.current();
    let changed = reloader.reload(world.now).unwrap();
    assert_eq!(changed, Changed { generation: 1, parts: Vec::new() });
    assert!(std::sync::Arc::ptr_eq(&before, &reloader.current()));
}

#[test]
fn a_renewed_certificate_takes_over_and_those_who_are_in_stay() {
    let world = World::new();
    let reloader = world.reloader();
    let before = reloader.current();
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let admitted = knock(&world, before.server(), &ehr).unwrap();

    // The gateway's folder from another PKI; the clients stay with theirs.
    let other = World::new();
    copy_folder(&other, "server", &world);
    let changed = reloader.reload(world.now).unwrap();
    assert_eq!(changed.parts, [Part::ServerCertificate]);
    assert_eq!(changed.generation, 2);
    let after = reloader.current();
    assert_eq!(after.generation(), 2);
    after.server().still_valid(&admitted, world.now).unwrap();
    knock(&world, after.server(), &ehr).unwrap();
    assert_eq!(before.generation(), 1, "who holds the old trust goes on with it");
}

#[test]
fn broken_material_leaves_the_old_in_place_and_says_exactly_why() {
    let world = World::new();
    let reloader = world.reloader();
    let before = reloader.current();
    fs::copy(world.pki.client(ExampleClient::Ehr).key, world.pki.server().key).unwrap();

    let error = reloader.reload(world.now).unwrap_err();
    let folder = world.folder.path().display();
    assert_eq!(
        error.to_string(),
        format!(
            "the server certificate cannot be used: `{folder}/server/tls.key`: the private key does not \
             belong to the first certificate of `{folder}/server/tls.crt`; replace certificate and \
             key together"
        )
    );
    assert_eq!(error.changed, Changed { generation: 1, parts: Vec::new() });
    assert!(std::sync::Arc::ptr_eq(&before, &reloader.current()));
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    knock(&world, reloader.current().server(), &ehr).unwrap();
}

#[test]
fn a_revocation_does_not_wait_for_somebody_elses_mistake() {
    let world = World::new();
    let reloader = world.reloader();
    fs::write(world.pki.server().key, "").unwrap();
    fs::write(world.pki.destination_client("employer").chain, "").unwrap();
    // The lists of another PKI: fit to be loaded, signed by none of these authorities.
    let other = World::new();
    fs::copy(other.pki.revocation_list(), world.pki.revocation_list()).unwrap();

    let error = reloader.reload(world.now).unwrap_err();
    assert_eq!(error.changed.parts, [Part::RevocationLists]);
    let failed: Vec<_> = error.failures.iter().map(|failure| failure.part.clone()).collect();
    assert_eq!(failed, [Part::ServerCertificate, Part::Destination("employer".to_owned())]);
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    knock(&world, reloader.current().server(), &ehr).unwrap_err();
    assert!(reloader.current().destination("employer").is_some(), "the old one stays");
}

#[test]
fn material_that_will_not_do_is_never_swapped_in() {
    for (spoil, part) in [
        ("server/tls.crt", Part::ServerCertificate),
        ("server/tls.key", Part::ServerCertificate),
        ("server/ca.crt", Part::ServerCertificate),
        ("authority/clients.crt", Part::ClientAuthorities),
        ("authority/clients.crl", Part::RevocationLists),
        ("destinations/x-road/client/tls.crt", Part::Destination("x-road".to_owned())),
    ] {
        for content in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAA")] {
            let world = World::new();
            let reloader = world.reloader();
            match content {
                Some(content) => fs::write(world.path(spoil), content).unwrap(),
                None => fs::remove_file(world.path(spoil)).unwrap(),
            }
            let error = reloader.reload(world.now).unwrap_err();
            assert_eq!(error.failures.len(), 1, "{spoil}");
            assert_eq!(error.failures[0].part, part);
            assert!(error.to_string().contains(spoil), "{error}");
            assert_eq!(reloader.current().generation(), 1);
        }
    }
}

#[test]
fn certificates_that_are_bad_for_clients_are_not_shown_by_us_either() {
    for bad in BadCertificate::ALL {
        if bad == BadCertificate::WrongPurpose {
            // The purpose that is wrong for a client is right for a server.
            continue;
        }
        let world = World::new();
        let reloader = world.reloader();
        let (from, to) = (world.pki.bad(bad), world.pki.server());
        fs::copy(from.chain, to.chain).unwrap();
        fs::copy(from.key, to.key).unwrap();
        let error = reloader.reload(world.now).unwrap_err();
        assert_eq!(error.failures[0].part, Part::ServerCertificate);
        assert_eq!(reloader.current().generation(), 1);
    }
}

#[test]
fn at_the_start_every_fault_is_told_at_once() {
    let world = World::new();
    let mut sources = world.sources();
    sources.clients[0].organisation_identifier = None;
    sources.clients[1].id = sources.clients[2].id.clone();
    fs::write(world.pki.server().key, "").unwrap();
    fs::write(world.pki.client_authorities(), "").unwrap();
    let error = Reloader::new(sources, clock(world.now), world.now).unwrap_err();
    let text = error.to_string();
    for part in [
        "there is no private key in the file",
        "there is no certificate of an authority in the file",
        "client `ehr` has none of `organisation_identifier`, `dns_name` and `serial_number`",
        "client `pacs` is registered twice",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(error.failures.len(), 3);
}

#[test]
fn destinations_come_and_go_with_the_configuration() {
    let world = World::new();
    let reloader = world.reloader();
    let with_both = world.sources();
    let mut sources = with_both.clone();
    sources.destinations.remove("x-road");
    let changed = reloader.reload_with(sources, world.now).unwrap();
    assert_eq!(changed.parts, [Part::Destination("x-road".to_owned())]);
    assert!(reloader.current().destination("x-road").is_none());
    reloader.reload_with(with_both, world.now).unwrap();
    assert!(reloader.current().destination("x-road").is_some());
}

/// An authority laid beside the old one ahead of its time comes into force by itself.
#[test]
fn an_authority_whose_time_has_come_is_a_change() {
    let world = World::new();
    let coming = super::world::days_from(world.now + days(20), 10, 300);
    let next = Authority::root("Next", coming).unwrap();
    let file = world.pki.client_authorities();
    let bundle = fs::read_to_string(&file).unwrap() + &next.pem();
    fs::write(&file, bundle).unwrap();
    let reloader = world.reloader();
    assert_eq!(reloader.reload(world.now + days(9)).unwrap().parts, []);
    let changed = reloader.reload(world.now + days(11)).unwrap();
    assert_eq!(changed.parts, [Part::ClientAuthorities]);
}

#[test]
fn what_runs_out_first_stands_first() {
    let folder = tempfile::tempdir().unwrap();
    let now = super::world::moment();
    let pki = ExamplePki::create(folder.path(), now, &ExampleNames::default()).unwrap();
    let sources: Sources = pki.sources().unwrap();
    let trust = Reloader::new(sources, clock(now), now).unwrap().current();
    let found = trust.inventory(now + days(5));
    let told: Vec<_> = found.iter().map(|end| (end.name.as_str(), end.days_left, end.urgency)).collect();
    assert_eq!(
        told,
        [
            ("client revocation list 1", 25, Urgency::Days30),
            ("client revocation list 2", 25, Urgency::Days30),
            ("employer: client certificate", 85, Urgency::None),
            ("server certificate", 85, Urgency::None),
            ("x-road: client certificate", 85, Urgency::None),
            ("client authority 1", 3645, Urgency::None),
            ("employer: authority 1", 3645, Urgency::None),
            ("x-road: authority 1", 3645, Urgency::None),
        ]
    );
}

fn copy_folder(from: &World, folder: &str, to: &World) {
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        let name = format!("{folder}/{file}");
        fs::copy(from.path(&name), to.path(&name)).unwrap();
    }
}
