//! The stand-in of what lies behind the clinic's Security Server when a CDA document is filed: the SOAP side of X-Road, and the
//! service `hl7` of the health information system with its register of documents.
//!
//! It is written from the partners' published rules (`README.md`) and shares no parser, type or constant with the adapter or
//! the gateway: where the adapter errs, the two must disagree. It keeps everything in memory.
//!
//! | to read about | see |
//! |---|---|
//! | envelopes, and X-Road's own refusals | `soap` |
//! | the HL7 v3 message around a document | `message` |
//! | the header of a document | `document` |
//! | what is on file: versions, duplicates, nullifications | `register` |
//! | the answer | `acknowledgement` |

mod acknowledgement;
mod document;
mod message;
mod register;
mod soap;
mod xml;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use jiff::Timestamp;
use stand_in::{Answer, Asked, Role, Running, certificates, sha256_hex};
pub use stand_in::{Endpoint, Fault, FaultPlan, Now, Received};

use acknowledgement::Acknowledgement;
use register::Register;
pub use register::{Filed, Status};

/// What a Security Server of the Estonian package takes.
const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// How the partners' side is set up.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The information systems registered at the Security Server, `instance/class/member/subsystem`, with their TLS
    /// certificates in PEM.
    pub clients: Vec<(String, Vec<u8>)>,
    /// The service, `instance/class/member/subsystem/code/version`.
    pub service: String,
    /// The professionals: personal code, code, and registry code of the organisation each acts for.
    pub professionals: Vec<Professional>,
    /// The patients: root and extension of their identifiers.
    pub patients: Vec<(String, String)>,
    /// The devices that may send: root and extension.
    pub senders: Vec<(String, String)>,
    /// The root of the receiving device.
    pub receiver: String,
    /// The processing code that is served: `P`, `T` or `D`.
    pub processing: String,
}

/// A row of the register of health professionals.
#[derive(Clone)]
pub struct Professional {
    /// The personal code.
    pub personal_code: String,
    /// The code as a professional.
    pub code: String,
    /// The registry code of the organisation.
    pub organisation: String,
}

impl fmt::Debug for Professional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Professional").field("organisation", &self.organisation).finish_non_exhaustive()
    }
}

/// The service behind its Security Server, without a listener.
pub struct Service {
    rules: Rules,
    /// Fingerprint of a certificate, and the client it is registered for.
    clients: Vec<(String, String)>,
    register: Mutex<Register>,
}

impl Service {
    /// The service by these rules.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn new(rules: Rules) -> io::Result<Self> {
        let mut clients = Vec::new();
        for (client, pem) in &rules.clients {
            for certificate in certificates(pem, "client certificate")? {
                clients.push((sha256_hex(&certificate), client.clone()));
            }
        }
        Ok(Self { rules, clients, register: Mutex::default() })
    }

    /// The same, for a caller that shows a certificate with this fingerprint.
    #[must_use]
    pub fn letting_in(mut self, fingerprint: &str, client: &str) -> Self {
        self.clients.push((fingerprint.to_owned(), client.to_owned()));
        self
    }

    /// Forgets which messages it has answered: the same id counts as another message's.
    pub fn forget_messages(&self) {
        self.register.lock().unwrap_or_else(PoisonError::into_inner).forget_messages();
    }

    /// What is on file, in the order it was filed.
    pub fn documents(&self) -> Vec<Filed> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner).all()
    }

    /// The acknowledgement of a message that came in a sound envelope.
    fn acknowledge(&self, request: &soap::Request, now: Timestamp) -> String {
        let checked = message::check(&request.message, request, &self.rules);
        let acknowledgement = match checked {
            Err((target, details)) => Acknowledgement::error(target, details),
            Ok(message) => self.register.lock().unwrap_or_else(PoisonError::into_inner).take(&message),
        };
        acknowledgement.to_xml(now)
    }
}

impl Role for Service {
    fn answer(&self, asked: &Asked, now: Timestamp) -> Answer {
        match soap::read(asked, &self.clients, &self.rules) {
            Ok(request) => soap::answer(asked, &request, &self.acknowledge(&request, now)),
            Err(fault) => soap::fault(&fault),
        }
    }

    fn failure(&self, asked: &Asked, status: StatusCode) -> Answer {
        // With 200 the failure is in the acknowledgement alone.
        match (status, soap::read(asked, &self.clients, &self.rules)) {
            (StatusCode::OK, Ok(request)) => {
                let target = message::id(&request.message);
                let details = vec![message::Detail::new("SYN105", "", "the stand-in was told to fail")];
                let error = Acknowledgement::error(target, details);
                soap::answer(asked, &request, &error.to_xml(Timestamp::UNIX_EPOCH))
            }
            _ => Answer::empty(status),
        }
    }

    fn x_road_error(&self, _asked: &Asked, kind: &str) -> Answer {
        soap::fault(&soap::Fault::new(kind, "the stand-in was told to fail"))
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("service", &self.rules.service).finish_non_exhaustive()
    }
}

/// The partners' side at work; it ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    running: Running,
    service: Arc<Service>,
}

impl StandIn {
    /// Begins to serve; call it inside a tokio runtime.
    ///
    /// # Errors
    /// Outside a runtime, when an address cannot be bound, the administration's is not loopback, or a certificate or key is
    /// not usable.
    pub fn start(endpoint: Endpoint, rules: Rules) -> io::Result<Self> {
        let service = Arc::new(Service::new(rules)?);
        let running = Running::start(endpoint, service.clone())?;
        Ok(Self { running, service })
    }

    /// Where the Security Server listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Where its administration listens, if it has one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.running.admin_address()
    }

    /// Every request that arrived, whatever became of it, oldest first; the last 10,000.
    pub fn received(&self) -> Vec<Received> {
        self.running.received()
    }

    /// What is on file, in the order it was filed.
    pub fn documents(&self) -> Vec<Filed> {
        self.service.documents()
    }

    /// Forgets what it was told before and fails by `plan`.
    pub fn told(&self, plan: FaultPlan) {
        self.running.told(plan);
    }

    /// Stops serving and closes every connection.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}
