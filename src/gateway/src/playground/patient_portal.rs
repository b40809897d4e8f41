//! The patient portal in the playground: a Security Server of its own, with the service for CDA documents behind it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use clearance::clock::{Clock, SystemClock};
use identity::example::ExamplePki;
use patient_portal_sandbox::{Endpoint, Professional, Rules, StandIn};

use super::{Choices, DOCTOR, DRIVER, WORKER, anywhere, organisation};

/// The root of personal codes in HL7 v3.
const PERSONAL_CODES: &str = "1.3.6.1.4.1.28284.6.2.2.1";
/// The clinic's system: below the OID for examples.
const SENDER: (&str, &str) = ("2.999.10990009.3", "clearance");
const RECEIVER: &str = "1.3.6.1.4.1.28284.6.2.2.18.2";

/// Starts the stand-in.
pub(super) fn start(pki: &ExamplePki, choices: &Choices) -> io::Result<StandIn> {
    let client = pki.destination_client("security-server");
    let server = pki.destination_server("security-server");
    let endpoint = Endpoint {
        listen: anywhere(),
        admin: choices.admin.then(anywhere),
        server_certificate_pem: std::fs::read(server.chain)?,
        server_key_pem: std::fs::read(server.key)?,
        client_ca_pem: std::fs::read(pki.partner_authorities())?,
        now: Arc::new(|| SystemClock.now()),
    };
    let organisation = organisation(choices);
    let rules = Rules {
        clients: vec![(format!("ee-test/COM/{organisation}/gateway"), std::fs::read(client.chain)?)],
        service: "ee-test/GOV/70009770/digilugu/hl7/v1".to_owned(),
        professionals: vec![Professional {
            personal_code: DOCTOR.1.to_owned(),
            code: DOCTOR.0.to_owned(),
            organisation: organisation.to_owned(),
        }],
        patients: [WORKER, DRIVER].map(|of| (PERSONAL_CODES.to_owned(), of.code.to_owned())).into(),
        senders: vec![(SENDER.0.to_owned(), SENDER.1.to_owned())],
        receiver: RECEIVER.to_owned(),
        processing: "T".to_owned(),
    };
    StandIn::start(endpoint, rules)
}

/// The settings of a gateway that reaches it at `address`.
pub(super) fn settings(address: SocketAddr, organisation: &str) -> String {
    let (sender, extension) = SENDER;
    format!(
        r#"
[peers.portal-security-server]
origin = "https://{address}"
ca = "certs/authority/partners.crt"
certificate = "certs/destinations/security-server/client/tls.crt"
key = "certs/destinations/security-server/client/tls.key"

[destinations.patient-portal]
adapter = "patient-portal"

[destinations.patient-portal.hl7]
peer = "portal-security-server"
url = "https://{address}"
instance = "ee-test"
client = "COM/{organisation}/gateway"
service = "GOV/70009770/digilugu/hl7"
version = "v1"
processing = "T"
sender = {{ root = "{sender}", extension = "{extension}" }}
receiver = {{ root = "{RECEIVER}" }}
"#
    )
}
