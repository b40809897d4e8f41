//! A gateway's surroundings, made up: a PKI, keys, stand-ins for the destinations, and settings that fit them.
//!
//! The commands `demo` and `sandbox` and the end-to-end tests start from here. Persons and organisations are invented;
//! their codes have valid check digits.

mod health_insurance_fund;
mod image_bank;
mod patient_portal;
mod prescription_centre;
pub mod samples;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clearance::clock::{Clock, SystemClock, SystemEntropy};
use identity::MaterialFiles;
use identity::example::{BadCertificate, ExampleClient, ExampleNames, ExamplePki, Lifetimes};

use crate::secrets::{Secrets, Signer};

pub use employer_sandbox as employer_stand_in;
pub use health_insurance_fund_sandbox as fund_stand_in;
pub use image_bank_sandbox as image_bank_stand_in;
pub use patient_portal_sandbox as portal_stand_in;
pub use prescription_centre_sandbox as prescription_stand_in;
pub use transport_administration_sandbox as tis_stand_in;

/// The clinic's registry code.
pub const CLINIC: &str = "10990009";
/// The employer's registry code.
pub const EMPLOYER: &str = "16997774";
/// The doctor's code and personal code.
pub const DOCTOR: (&str, &str) = ("D01234", "47605090025");
/// A worker: personal code, given and family name, index id, day of birth.
pub const WORKER: Person =
    Person { code: "49003120231", given: "Mari", family: "Maasikas", index_id: "700001", born: "1990-03-12" };
/// A driver.
pub const DRIVER: Person =
    Person { code: "38507140418", given: "Jaan", family: "Tamm", index_id: "700002", born: "1985-07-14" };

/// The Transport Administration's register, as a subsystem of the X-Road.
const REGISTER: &str = "GOV/70001490/liiklusregister";

/// An invented person.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// The personal code.
    pub code: &'static str,
    /// The given name.
    pub given: &'static str,
    /// The family name.
    pub family: &'static str,
    /// The id in the patient index.
    pub index_id: &'static str,
    /// The day of birth.
    pub born: &'static str,
}

/// The surroundings of one gateway, in a folder.
#[derive(Debug)]
pub struct Playground {
    folder: PathBuf,
    pki: ExamplePki,
    /// The Security Server with TIS behind it, and the transport administration's register.
    pub tis: tis_stand_in::StandIn,
    /// The employer's endpoint.
    pub employer: employer_stand_in::StandIn,
    /// Another Security Server, with the service for CDA documents behind it.
    pub portal: portal_stand_in::StandIn,
    /// The prescription centre, behind a Security Server of its own.
    pub prescriptions: prescription_stand_in::StandIn,
    /// The Health Insurance Fund.
    pub fund: fund_stand_in::StandIn,
    /// The image bank.
    pub image_bank: image_bank_stand_in::StandIn,
}

/// Why a playground could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlaygroundError {
    /// The PKI.
    #[error("the example PKI")]
    Pki(#[from] identity::example::ExampleError),
    /// The keys.
    #[error("the keys: {0}")]
    Keys(String),
    /// A file or a listener.
    #[error("a file or a listener")]
    Io(#[from] io::Error),
}

/// What differs between playgrounds.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// More persons whom the patient index knows: system, code, index id.
    pub patients: Vec<(String, String, String)>,
    /// More doctors: personal code and organisation.
    pub doctors: Vec<(String, String)>,
    /// Whom the clients may speak for: code and personal code of doctors. Empty: whomever they name.
    pub vouched: Vec<(String, String)>,
    /// Another employer's registry code.
    pub employer: Option<String>,
    /// Another organisation, which tokens are asked for and the gateway's subsystem belongs to.
    pub organisation: Option<String>,
    /// Whether the stand-ins can be told to fail by plain HTTP on loopback.
    pub admin: bool,
    /// Whether the Transport Administration is sent its slim record directly, instead of by TIS.
    pub direct: bool,
    /// The origin of another image bank than the stand-in.
    pub image_bank: Option<String>,
    /// How many instances a request to the image bank carries at most.
    pub image_bank_batch: Option<u32>,
    /// More settings, in TOML, behind those of the playground.
    pub settings: String,
}

impl Playground {
    /// Makes the surroundings in `folder`, which is empty, and starts the stand-ins. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When something cannot be written or started.
    pub fn start(folder: &Path, choices: &Choices) -> Result<Self, PlaygroundError> {
        let pki = ExamplePki::create(&folder.join("certs"), SystemClock.now(), &names())?;
        let keys = folder.join("keys");
        Secrets::init(&keys, &SystemEntropy).map_err(|error| PlaygroundError::Keys(error.to_string()))?;
        let secrets = Secrets::read(&keys).map_err(|error| PlaygroundError::Keys(error.to_string()))?;
        let signer =
            Signer::new(&secrets.payload).map_err(|error| PlaygroundError::Keys(error.to_string()))?;
        let tis = tis_stand_in::StandIn::start(tis_settings(&pki, choices)?)?;
        let employer = employer_stand_in::StandIn::start(employer_settings(&pki, choices, &signer)?)?;
        let portal = patient_portal::start(&pki, choices)?;
        let prescriptions = prescription_centre::start(&pki, choices)?;
        let fund = health_insurance_fund::start(&pki, choices)?;
        let image_bank = image_bank::start(&pki, choices)?;
        let playground =
            Self { folder: folder.to_owned(), pki, tis, employer, portal, prescriptions, fund, image_bank };
        std::fs::write(playground.settings(), playground.settings_text(choices)?)?;
        Ok(playground)
    }

    /// The settings of a gateway in these surroundings; its ports are chosen by the system.
    pub fn settings(&self) -> PathBuf {
        self.folder.join("clearance.toml")
    }

    /// The certificate of a client.
    pub fn client(&self, client: ExampleClient) -> MaterialFiles {
        self.pki.client(client)
    }

    /// A certificate that has to be refused.
    pub fn bad(&self, bad: BadCertificate) -> MaterialFiles {
        self.pki.bad(bad)
    }

    /// The authorities that a client believes when it calls the gateway.
    pub fn authorities(&self) -> PathBuf {
        self.folder.join("certs/server/ca.crt")
    }

    fn settings_text(&self, choices: &Choices) -> Result<String, PlaygroundError> {
        let mut text = format!(
            r#"# Made by `clearance`: settings for trying it out.
[intake]
listen = "127.0.0.1:0"
certificate = "certs/server/tls.crt"
key = "certs/server/tls.key"
client_ca = "certs/authority/clients.crt"
crl = ["certs/authority/clients.crl"]

[admin]
listen = "127.0.0.1:0"
plain_roles = ["read", "ops", "certs", "dpo"]

[tls_only]
listen = "127.0.0.1:0"

[policy]
check_digits = "warn"

[delivery]
retry_first_ms = 200
retry_max_seconds = 5

[ledger]
origin = "clearance.example/playground"
checkpoint_seconds = 1

[peers.security-server]
origin = "https://{tis}"
ca = "certs/authority/partners.crt"
certificate = "certs/destinations/security-server/client/tls.crt"
key = "certs/destinations/security-server/client/tls.key"

[peers.employer]
origin = "https://{employer}"
ca = "certs/authority/partners.crt"
certificate = "certs/destinations/employer/client/tls.crt"
key = "certs/destinations/employer/client/tls.key"

[x_road]
peer = "security-server"
url = "https://{tis}"
instance = "ee-test"
client = "COM/{organisation}/gateway"
organisation = "{organisation}"
application = "clearance"

{transport_administration}
{prescription_centre}
[destinations.employer]
adapter = "employer"

[destinations.employer.endpoints.{employer_code}]
peer = "employer"
url = "https://{employer}/health-check-decisions"
"#,
            tis = self.tis.address(),
            employer = self.employer.address(),
            employer_code = employer_code(choices),
            organisation = organisation(choices),
            transport_administration = self.transport_administration(choices),
            prescription_centre = prescription_centre::settings(&self.prescriptions, choices),
        );
        text.push_str(&image_bank::settings(&self.image_bank, choices));
        text.push_str(&health_insurance_fund::settings(self.fund.address(), choices));
        const ALL: &str = r#"["employer", "health-insurance-fund", "image-bank", "patient-portal", "prescription-centre", "transport-administration"]"#;
        for (client, destinations) in [(ExampleClient::Ehr, ALL), (ExampleClient::Pacs, "[]")] {
            let registered = self.pki.registration(client)?;
            let keys: Vec<_> = registered
                .spki_sha256
                .iter()
                .map(|pin| format!("{{ sha256 = \"{}\" }}", pin.sha256))
                .collect();
            text.push_str(&format!(
                "\n[[clients]]\nid = \"{}\"\norganisation = \"{CLINIC}\"\nspki_sha256 = [{}]\n\
                 organisation_identifier = \"NTREE-{CLINIC}\"\ndestinations = {destinations}\n{}\n",
                registered.id,
                keys.join(", "),
                professionals(choices),
            ));
        }
        text.push_str(&patient_portal::settings(self.portal.address(), organisation(choices)));
        text.push('\n');
        text.push_str(&choices.settings);
        Ok(text)
    }
}

/// Whom a client may speak for, in the settings' words.
fn professionals(choices: &Choices) -> String {
    if choices.vouched.is_empty() {
        return "dangerous_any_professional = true".to_owned();
    }
    let doctors = choices.vouched.iter().map(|(code, personal_code)| {
        format!("{{ code = \"{code}\", personal_code = \"{personal_code}\", roles = [\"doctor\"] }}")
    });
    format!("professionals = [{}]", doctors.collect::<Vec<_>>().join(", "))
}

impl Playground {
    fn transport_administration(&self, choices: &Choices) -> String {
        let route = if choices.direct { "direct" } else { "tis" };
        let mut text = format!(
            "[destinations.transport-administration]\nadapter = \"transport-administration\"\nroute = \"{route}\""
        );
        if choices.direct {
            text.push_str(&format!(
                r#"

[destinations.transport-administration.direct]
peer = "security-server"
url = "https://{tis}"
instance = "ee-test"
client = "COM/{organisation}/gateway"
service = "{REGISTER}/driver-fitness""#,
                tis = self.tis.address(),
                organisation = organisation(choices),
            ));
        }
        text
    }
}

fn names() -> ExampleNames {
    let here = || vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()];
    ExampleNames {
        server: here(),
        destinations: BTreeMap::from([
            ("security-server".to_owned(), here()),
            ("employer".to_owned(), here()),
            ("prescription-centre".to_owned(), here()),
            ("health-insurance-fund".to_owned(), here()),
            (image_bank::NAME.to_owned(), here()),
        ]),
        clinic_code: 1_099_000,
        lifetimes: Lifetimes { authorities_days: 365, certificates_days: 90, revocation_lists_days: 30 },
    }
}

fn organisation(choices: &Choices) -> &str {
    choices.organisation.as_deref().unwrap_or(CLINIC)
}

fn employer_code(choices: &Choices) -> &str {
    choices.employer.as_deref().unwrap_or(EMPLOYER)
}

fn tis_settings(pki: &ExamplePki, choices: &Choices) -> io::Result<tis_stand_in::Settings> {
    let right = |personal_code: &str, code: Option<&str>, organisation: &str| tis_stand_in::Right {
        personal_code: personal_code.to_owned(),
        professional_code: code.map(str::to_owned),
        organisation: organisation.to_owned(),
        role: "doctor".to_owned(),
        represented: Vec::new(),
    };
    let mut rights = vec![right(DOCTOR.1, Some(DOCTOR.0), CLINIC)];
    rights.extend(choices.doctors.iter().map(|(code, organisation)| right(code, None, organisation)));
    let patient = |system: &str, code: &str, id: &str, person: Option<Person>| tis_stand_in::Patient {
        system: system.to_owned(),
        value: code.to_owned(),
        id: Some(id.to_owned()),
        given: person.map_or("Test", |person| person.given).to_owned(),
        family: person.map_or("Test", |person| person.family).to_owned(),
        birth_date: person.map_or("1980-01-01", |person| person.born).to_owned(),
    };
    let system = clearance::person::ESTONIAN_PERSONAL_CODE;
    let mut patients: Vec<_> =
        [WORKER, DRIVER].iter().map(|of| patient(system, of.code, of.index_id, Some(*of))).collect();
    patients.extend(choices.patients.iter().map(|(system, code, id)| patient(system, code, id, None)));
    let client = pki.destination_client("security-server");
    Ok(tis_stand_in::Settings {
        endpoint: tis_stand_in::Endpoint {
            listen: anywhere(),
            admin: choices.admin.then(anywhere),
            server_certificate_pem: std::fs::read(pki.destination_server("security-server").chain)?,
            server_key_pem: std::fs::read(pki.destination_server("security-server").key)?,
            client_ca_pem: std::fs::read(pki.partner_authorities())?,
            now: Arc::new(|| SystemClock.now()),
        },
        instance: "ee-test".to_owned(),
        clients: vec![tis_stand_in::RegisteredClient {
            client: format!("ee-test/COM/{}/gateway", organisation(choices)),
            certificates_pem: std::fs::read(client.chain)?,
        }],
        rights,
        patients,
        register: REGISTER.to_owned(),
        token_lifetime: Duration::from_secs(300),
    })
}

fn employer_settings(
    pki: &ExamplePki,
    choices: &Choices,
    signer: &Signer,
) -> io::Result<employer_stand_in::Settings> {
    let key = signer.public_key().try_into().map_err(|_| io::Error::other("an Ed25519 key has 32 bytes"))?;
    Ok(employer_stand_in::Settings {
        endpoint: employer_stand_in::Endpoint {
            listen: anywhere(),
            admin: choices.admin.then(anywhere),
            server_certificate_pem: std::fs::read(pki.destination_server("employer").chain)?,
            server_key_pem: std::fs::read(pki.destination_server("employer").key)?,
            client_ca_pem: std::fs::read(pki.partner_authorities())?,
            now: Arc::new(|| SystemClock.now()),
        },
        registry_code: employer_code(choices).to_owned(),
        signers: vec![employer_stand_in::Signer {
            kid: clearance::adapter::PayloadSigner::key_id(signer).to_owned(),
            public_key: key,
        }],
        allow_suggestions: false,
    })
}

fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
