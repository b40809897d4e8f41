//! What holds while a connection lives, when a session is resumed, and on calls to destinations.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Error, HandshakeKind, PeerIncompatible, ServerConfig,
    ServerConnection,
};
use rustls_pki_types::ServerName;

use super::world::{Lab, Shown, World, clock, days, days_from, knock, roots_in, shake};
use crate::example::ExampleClient;
use crate::handshake::{Failure, complete};
use crate::tls::{provider, versions};
use crate::{AdmissionError, ChainError, IdentityError, Resumption, Sources};

#[test]
fn whoever_was_let_in_stays_while_nothing_changes() {
    let world = World::new();
    let trust = world.reloader().current();
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let admitted = knock(&world, trust.server(), &ehr).unwrap();
    for later in [0, 1, 29] {
        let still = trust.server().still_valid(&admitted, world.now + days(later));
        assert_eq!(still.unwrap().peer().client().as_str(), "ehr");
    }
}

#[test]
fn a_revocation_list_that_runs_out_lets_nobody_go_on() {
    let world = World::new();
    let trust = world.reloader().current();
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let admitted = knock(&world, trust.server(), &ehr).unwrap();
    let later = trust.server().still_valid(&admitted, world.now + days(30));
    assert_eq!(later.unwrap_err(), ChainError::RevocationListExpired.into());
}

#[test]
fn a_revocation_reaches_those_who_are_in() {
    let lab = Lab::new();
    let window = days_from(lab.world.now, 1, 30);
    let list = |revoked: &[_], validity| {
        let list = lab.authority.revocation_list(revoked, validity).unwrap();
        std::fs::write(lab.world.path("lab.crl"), list).unwrap();
    };
    list(&[], window);
    let issued = lab.authority.issue(&lab.leaf()).unwrap();
    let shown = Shown::of(&issued);
    let reloader = lab.world.reloader_of(Sources {
        client_authorities: lab.world.path("lab.crt"),
        revocation_lists: vec![lab.world.path("lab.crl")],
        clients: vec![shown.registered("ehr")],
        ..lab.world.sources()
    });
    let admitted = knock(&lab.world, reloader.current().server(), &shown).unwrap();

    list(&[issued.serial], window);
    reloader.reload(lab.world.now).unwrap();

    let still = reloader.current().server().still_valid(&admitted, lab.world.now);
    assert!(still.unwrap_err().is_revocation());
}

#[test]
fn whoever_is_struck_from_the_registry_does_not_go_on() {
    let world = World::new();
    let reloader = world.reloader();
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let admitted = knock(&world, reloader.current().server(), &ehr).unwrap();

    let mut sources = world.sources();
    sources.clients.retain(|client| client.id.as_str() != "ehr");
    reloader.reload_with(sources.clone(), world.now).unwrap();
    let still = reloader.current().server().still_valid(&admitted, world.now);
    assert!(matches!(still, Err(AdmissionError::Identity(IdentityError::Unregistered { .. }))));

    sources.clients.push(ehr.registered("somebody-else"));
    reloader.reload_with(sources, world.now).unwrap();
    let still = reloader.current().server().still_valid(&admitted, world.now);
    assert_eq!(still.unwrap_err(), AdmissionError::OtherClient);
}

#[test]
fn sessions_are_not_resumed_unless_asked_for() {
    let world = World::new();
    let trust = world.reloader().current();
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let client = client_with_memory(&world, &ehr);
    for _ in 0..3 {
        let (kind, _) = visit(&client, &trust.server().intake());
        assert_eq!(kind, HandshakeKind::Full);
    }
}

#[test]
fn a_resumed_session_is_decided_about_again_and_ends_with_the_trust() {
    let world = World::new();
    let mut sources = world.sources();
    sources.tls.resumption = Resumption::InMemory { sessions_max: 64 };
    let reloader = world.reloader_of(sources.clone());
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let client = client_with_memory(&world, &ehr);
    let before = reloader.current();
    assert_eq!(visit(&client, &before.server().intake()).0, HandshakeKind::Full);

    // rustls does not call its verifier now, and brings the certificate along all the same.
    let (kind, presented) = visit(&client, &before.server().intake());
    assert_eq!(kind, HandshakeKind::Resumed);
    before.server().admit(&presented, world.now).unwrap();
    let late = before.server().admit(&presented, world.now + days(91));
    assert_eq!(late.unwrap_err(), ChainError::Expired.into());

    sources.clients.retain(|client| client.id.as_str() != "pacs");
    reloader.reload_with(sources, world.now).unwrap();
    let after = reloader.current();
    assert_eq!(visit(&client, &after.server().intake()).0, HandshakeKind::Full);
}

#[test]
fn tls_1_2_is_spoken_only_if_configured() {
    let world = World::new();
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let old = Arc::new(ehr.config(&world.path("server/ca.crt"), world.now, true));
    let strict = world.reloader().current();
    assert!(matches!(
        shake(&old, &strict.server().intake()),
        Err(Failure::Server(Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled)))
    ));

    let mut sources = world.sources();
    sources.tls.tls12 = true;
    let lenient = world.reloader_of(sources).current();
    let server = shake(&old, &lenient.server().intake()).unwrap();
    lenient.server().admit(server.peer_certificates().unwrap(), world.now).unwrap();
}

#[test]
fn the_tls_only_listener_asks_for_no_certificate_and_intake_insists() {
    let world = World::new();
    let trust = world.reloader().current();
    let anonymous = Arc::new(
        ClientConfig::builder_with_details(Arc::clone(provider()), clock(world.now))
            .with_protocol_versions(versions(false))
            .unwrap()
            .with_root_certificates(roots_in(&world.path("server/ca.crt")))
            .with_no_client_auth(),
    );
    let open = shake(&anonymous, &trust.server().tls_only()).unwrap();
    assert!(open.peer_certificates().is_none());
    assert!(matches!(
        shake(&anonymous, &trust.server().intake()),
        Err(Failure::Server(Error::NoCertificatesPresented))
    ));
}

#[test]
fn a_destination_is_called_by_its_name_under_its_own_authorities_with_our_certificate() {
    let world = World::new();
    let trust = world.reloader().current();
    let config = trust.destination("employer").unwrap().config();
    let call = |server: &Arc<ServerConfig>| shake(&config, server);

    let employer = destination(&world, "destinations/employer/server", world.now);
    let server = call(&employer).unwrap();
    let ours = Shown::from(&world.pki.destination_client("employer"));
    assert_eq!(server.peer_certificates().unwrap(), ours.chain);

    // Known to intake, and no destination.
    let gateway = destination(&world, "server", world.now);
    assert!(matches!(
        call(&gateway),
        Err(Failure::Client(Error::InvalidCertificate(CertificateError::UnknownIssuer)))
    ));
    assert!(trust.destination("court").is_none());
}

#[test]
fn a_destination_under_another_name_is_not_spoken_to() {
    let world = World::new();
    let config = world.reloader().current().destination("employer").unwrap().config();
    let employer = destination(&world, "destinations/employer/server", world.now);
    let name = ServerName::try_from("employer.example").unwrap();
    let mut client = ClientConnection::new(config, name).unwrap();
    let mut server = ServerConnection::new(employer).unwrap();
    assert!(matches!(
        complete(&mut client, &mut server),
        Err(Failure::Client(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })))
    ));
}

/// The stand-in of a destination: shows what lies in the folder, asks for the partners' clients.
fn destination(world: &World, folder: &str, now: Timestamp) -> Arc<ServerConfig> {
    let shown = Shown::from(&crate::MaterialFiles::in_folder(&world.path(folder)));
    let roots = Arc::new(roots_in(&world.pki.partner_authorities()));
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider()));
    let config = ServerConfig::builder_with_details(Arc::clone(provider()), clock(now))
        .with_protocol_versions(versions(false))
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(shown.chain, shown.key)
        .unwrap();
    Arc::new(config)
}

fn client_with_memory(world: &World, shown: &Shown) -> Arc<ClientConfig> {
    Arc::new(shown.config(&world.path("server/ca.crt"), world.now, false))
}

/// A connection on which the server has said something, so that its tickets have arrived.
fn visit(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> (HandshakeKind, Vec<rustls_pki_types::CertificateDer<'static>>) {
    let server = shake(client, server).unwrap();
    let presented = server.peer_certificates().unwrap().to_vec();
    (server.handshake_kind().unwrap(), presented)
}
