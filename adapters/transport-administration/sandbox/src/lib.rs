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
mod driver_fitness;
mod observation_rules;
mod request;
mod section_rules;
mod services;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stand_in::Running;
pub use stand_in::tis::{Patient, RegisteredClient, Right};
use stand_in::tis::{codes, issue_text, outcome, patients, query, security_server, tokens};
pub use stand_in::{Endpoint, Fault, FaultPlan, Now, Received};

use security_server::SecurityServer;
use services::TransportServices;

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

/// The partners' side at work; it ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    running: Running,
    server: Arc<SecurityServer<TransportServices>>,
}

impl StandIn {
    /// Begins to serve; call it inside a tokio runtime.
    ///
    /// # Errors
    /// Outside a runtime, when an address cannot be bound, the administration's is not loopback, or a certificate or key is
    /// not usable.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let Settings { endpoint, instance, clients, rights, patients, register, token_lifetime } = settings;
        let server = SecurityServer::new(
            security_server::Settings { instance, clients, rights, patients, token_lifetime },
            TransportServices::new(register),
        )?;
        let server = Arc::new(server);
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
        self.server.services.certificates.present()
    }

    /// Has TIS hold `certificates` of other organisations as they stand: nothing is checked, so that it can be told to answer
    /// with what it should not have.
    pub fn hold(&self, certificates: Vec<Value>) {
        self.server.services.certificates.hold(certificates);
    }

    /// The records in the transport administration's own register, by certificate number.
    pub fn driver_records(&self) -> Vec<Value> {
        self.server.services.register.records()
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
