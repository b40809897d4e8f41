//! The stand-in of what lies behind the clinic's Security Server when a driver's health certificate is filed: the consumer side
//! of X-Road, the health information system with its token service, patient index and certificates, and the transport
//! administration's own register.
//!
//! It is written from the partners' published rules (`README.md`) and shares no parser, type or constant with the adapters or
//! the gateway: where an adapter errs, the two must disagree. It signs, logs and timestamps nothing, and keeps everything in
//! memory.
//!
//! ```text
//! let stand_in = StandIn::start(settings)?;
//! stand_in.told(FaultPlan::none().then(Fault::DropAfter, "POST /r1/ee-test/GOV/70009770/tis/fhir/", 1));
//! … the gateway delivers to stand_in.address() …
//! assert_eq!(stand_in.certificates().len(), 1);
//! ```

mod certificate;
mod certificate_rules;
mod certificates;
mod codes;
mod driver_fitness;
mod issue_text;
mod observation_rules;
mod outcome;
mod patients;
mod query;
mod request;
mod section_rules;
mod security_server;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stand_in::Running;
pub use stand_in::{Endpoint, Fault, FaultPlan, Now, Received};

use security_server::SecurityServer;

/// How the partners' side is set up.
#[derive(Debug)]
pub struct Settings {
    /// Where the Security Server listens and whom it lets in.
    pub endpoint: Endpoint,
    /// The X-Road instance: `ee-dev`, `ee-test`, `EE`.
    pub instance: String,
    /// The information systems registered at the Security Server.
    pub clients: Vec<RegisteredClient>,
    /// Who may act for whom, as the token service's register has it.
    pub rights: Vec<Right>,
    /// The persons the patient index knows.
    pub patients: Vec<Patient>,
    /// The transport administration's own subsystem, `class/member/subsystem`, which offers `driver-fitness`.
    pub register: String,
    /// How long a token really lives; its answer says 300 seconds whatever this is.
    pub token_lifetime: Duration,
}

/// An information system registered at the Security Server, by its TLS certificates.
#[derive(Debug, Clone)]
pub struct RegisteredClient {
    /// `instance/class/member[/subsystem]`.
    pub client: String,
    /// Its certificates in PEM; two during a rotation.
    pub certificates_pem: Vec<u8>,
}

/// One row of the register of rights.
#[derive(Clone)]
pub struct Right {
    /// The person.
    pub personal_code: String,
    /// The person's code as a health professional, if any.
    pub professional_code: Option<String>,
    /// The registry code of the organisation the person acts for.
    pub organisation: String,
    /// The role: `doctor`, `nurse`, `gov-official`, …
    pub role: String,
    /// The registry codes of those the person may represent besides.
    pub represented: Vec<String>,
}

impl fmt::Debug for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Right")
            .field("organisation", &self.organisation)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// A person in the patient index.
#[derive(Clone)]
pub struct Patient {
    /// The identifier's system.
    pub system: String,
    /// The identifier's value.
    pub value: String,
    /// The id in the index; derived from the identifier when there is none.
    pub id: Option<String>,
    /// The given names.
    pub given: String,
    /// The family name.
    pub family: String,
    /// The day of birth, `YYYY-MM-DD`.
    pub birth_date: String,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient(…)")
    }
}

/// The partners' side at work; it ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    running: Running,
    server: Arc<SecurityServer>,
}

impl StandIn {
    /// Begins to serve; call it inside a tokio runtime.
    ///
    /// # Errors
    /// Outside a runtime, when an address cannot be bound, the administration's is not loopback, or a certificate or key is
    /// not usable.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let Settings { endpoint, instance, clients, rights, patients, register, token_lifetime } = settings;
        let server = Arc::new(SecurityServer::new(
            instance,
            &clients,
            register,
            tokens::TokenService::new(rights, token_lifetime),
            patients::PatientIndex::new(patients),
        )?);
        let running = Running::start(endpoint, server.clone())?;
        Ok(Self { running, server })
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

    /// The certificates filed, each in its present version, in the order they were filed.
    pub fn certificates(&self) -> Vec<Value> {
        self.server.certificates()
    }

    /// Has TIS hold `certificates` of other organisations as they stand: nothing is checked, so that it can be told to answer
    /// with what it should not have.
    pub fn hold(&self, certificates: Vec<Value>) {
        self.server.hold(certificates);
    }

    /// The records in the transport administration's own register, by certificate number.
    pub fn driver_records(&self) -> Vec<Value> {
        self.server.driver_records()
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
