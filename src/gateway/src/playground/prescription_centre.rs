//! The prescription centre's part of a playground: its stand-in, and the settings by which a gateway reaches it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use clearance::clock::{Clock, SystemClock};
use identity::example::ExamplePki;

use super::prescription_stand_in::{Endpoint, Patient, RegisteredClient, Right, Settings, StandIn};
use super::{CLINIC, Choices, DOCTOR, DRIVER, WORKER, anywhere, organisation};

/// The name of the peer and of its certificates.
const PEER: &str = "prescription-centre";

pub(super) fn start(pki: &ExamplePki, choices: &Choices) -> io::Result<StandIn> {
    let server = pki.destination_server(PEER);
    let patient = |person: super::Person| Patient {
        system: clearance::person::ESTONIAN_PERSONAL_CODE.to_owned(),
        value: person.code.to_owned(),
        id: Some(person.index_id.to_owned()),
        given: person.given.to_owned(),
        family: person.family.to_owned(),
        birth_date: person.born.to_owned(),
    };
    StandIn::start(Settings {
        endpoint: Endpoint {
            listen: anywhere(),
            admin: choices.admin.then(anywhere),
            server_certificate_pem: std::fs::read(server.chain)?,
            server_key_pem: std::fs::read(server.key)?,
            client_ca_pem: std::fs::read(pki.partner_authorities())?,
            now: Arc::new(|| SystemClock.now()),
        },
        instance: "ee-test".to_owned(),
        clients: vec![RegisteredClient {
            client: format!("ee-test/COM/{}/gateway", organisation(choices)),
            certificates_pem: std::fs::read(pki.destination_client(PEER).chain)?,
        }],
        rights: vec![Right {
            personal_code: DOCTOR.1.to_owned(),
            professional_code: Some(DOCTOR.0.to_owned()),
            organisation: CLINIC.to_owned(),
            role: "doctor".to_owned(),
            represented: Vec::new(),
        }],
        patients: [WORKER, DRIVER].map(patient).into(),
        token_lifetime: Duration::from_secs(300),
    })
}

pub(super) fn settings(stand_in: &StandIn, choices: &Choices) -> String {
    format!(
        r#"
[peers.{PEER}]
origin = "https://{address}"
ca = "certs/authority/partners.crt"
certificate = "certs/destinations/{PEER}/client/tls.crt"
key = "certs/destinations/{PEER}/client/tls.key"

[destinations.{PEER}]
adapter = "prescription-centre"

[destinations.{PEER}.tis]
peer = "{PEER}"
url = "https://{address}"
instance = "ee-test"
client = "COM/{organisation}/gateway"
organisation = "{organisation}"
application = "clearance"
"#,
        address = stand_in.address(),
        organisation = organisation(choices),
    )
}
