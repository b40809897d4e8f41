//! The Health Insurance Fund in a playground: its stand-in behind a Security Server of its own, and the settings that fit it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use clearance::clock::{Clock, SystemClock};
use identity::example::ExamplePki;

use super::{Choices, WORKER, anywhere, fund_stand_in, organisation};

const PEER: &str = "health-insurance-fund";

/// Starts the stand-in. It knows the worker as insured, and two services.
pub(super) fn start(pki: &ExamplePki, choices: &Choices) -> io::Result<fund_stand_in::StandIn> {
    let server = pki.destination_server(PEER);
    fund_stand_in::StandIn::start(fund_stand_in::Settings {
        endpoint: fund_stand_in::Endpoint {
            listen: anywhere(),
            admin: choices.admin.then(anywhere),
            server_certificate_pem: std::fs::read(server.chain)?,
            server_key_pem: std::fs::read(server.key)?,
            client_ca_pem: std::fs::read(pki.partner_authorities())?,
            now: Arc::new(|| SystemClock.now()),
        },
        client: format!("ee-test/COM/{}/gateway", organisation(choices)),
        client_certificates_pem: std::fs::read(pki.destination_client(PEER).chain)?,
        provider: "ee-test/GOV/74000091/kirst".to_owned(),
        version: "v1".to_owned(),
        insured: vec![WORKER.code.to_owned()],
        services: vec!["3002".to_owned(), "7004".to_owned()],
    })
}

/// The settings of the peer and the destination.
pub(super) fn settings(address: SocketAddr, choices: &Choices) -> String {
    let organisation = organisation(choices);
    format!(
        r#"
[peers.{PEER}]
origin = "https://{address}"
ca = "certs/authority/partners.crt"
certificate = "certs/destinations/{PEER}/client/tls.crt"
key = "certs/destinations/{PEER}/client/tls.key"

[destinations.{PEER}]
adapter = "{PEER}"
peer = "{PEER}"
url = "https://{address}"
instance = "ee-test"
client = "COM/{organisation}/gateway"
subsystem = "GOV/74000091/kirst"
version = "v1"
"#
    )
}
