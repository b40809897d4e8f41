//! The stand-in of the prescription centre as a clinic meets it: its FHIR service behind a Security Server, with the token
//! service and the patient index of TIS.
//!
//! It is written from the partners' published rules (`README.md`) and shares no parser, type or constant with the adapter or the
//! gateway: where the adapter errs, the two must disagree. It keeps everything in memory. The medication scheme around
//! prescriptions, its checks of interactions, and pharmacies are not stood in for; a test dispenses by calling [`StandIn::dispense`].
//!
//! ```text
//! let stand_in = StandIn::start(settings)?;
//! stand_in.told(FaultPlan::none().then(Fault::DropAfter, "POST /r1/ee-test/GOV/70009770/uptis/fis-service/fhir/", 1));
//! … the gateway delivers to stand_in.address() …
//! assert_eq!(stand_in.prescriptions().len(), 1);
//! ```

mod medicine_rules;
mod prescription;
mod rules;
mod search;
mod service;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stand_in::Running;
use stand_in::tis::security_server::{self, SecurityServer};
pub use stand_in::tis::{Patient, RegisteredClient, Right};
pub use stand_in::{Endpoint, Fault, FaultPlan, Now, Received};

use service::Service;

/// How the centre's side is set up.
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
    /// How long a token really lives; its answer says 300 seconds whatever this is.
    pub token_lifetime: Duration,
}

/// The centre's side at work; it ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    running: Running,
    server: Arc<SecurityServer<Service>>,
}

impl StandIn {
    /// Begins to serve; call it inside a tokio runtime.
    ///
    /// # Errors
    /// Outside a runtime, when an address cannot be bound, the administration's is not loopback, or a certificate or key is
    /// not usable.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let Settings { endpoint, instance, clients, rights, patients, token_lifetime } = settings;
        let settings = security_server::Settings { instance, clients, rights, patients, token_lifetime };
        let server = Arc::new(SecurityServer::new(settings, Service::default())?);
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

    /// The prescriptions, each in its present version, in the order they were issued.
    pub fn prescriptions(&self) -> Vec<Value> {
        self.server.services.present()
    }

    /// A pharmacy dispenses the prescription of this number; whether there is one that can be dispensed.
    pub fn dispense(&self, number: &str) -> bool {
        self.server.services.dispense(number)
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
