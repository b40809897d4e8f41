//! The stand-in of the Health Insurance Fund behind a Security Server: takes bills and cancellations over mutual TLS by X-Road's
//! SOAP protocol, checks them against the fund's schema and rules, and tells what it has.
//!
//! It is written from kirst.wsdl and the protocol (`README.md`) and shares no parser, type or constant with the adapter or the
//! gateway: where the adapter errs, the two must disagree. It keeps everything in memory and is no insurer's system.
//!
//! ```text
//! let stand_in = StandIn::start(settings)?;
//! stand_in.told(FaultPlan::none().once(Fault::DropAfter));
//! … the gateway delivers to stand_in.address() …
//! assert_eq!(stand_in.bills().len(), 1);
//! ```

mod envelope;
mod fund;
mod schema;
mod security_server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use stand_in::Running;
pub use stand_in::{Endpoint, Fault, FaultPlan, Now, Received};

use security_server::SecurityServer;

/// Whom the Security Server knows, and what the fund knows.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens and whom it lets in.
    pub endpoint: Endpoint,
    /// The client that may call: `instance/class/member/subsystem`.
    pub client: String,
    /// The certificates registered for it.
    pub client_certificates_pem: Vec<u8>,
    /// The fund's subsystem: `instance/class/member/subsystem`.
    pub provider: String,
    /// The version of its services.
    pub version: String,
    /// Personal codes of the insured; bills with the source `RA` for others are refused.
    pub insured: Vec<String>,
    /// The codes of its list of services.
    pub services: Vec<String>,
}

/// A bill the fund has taken.
#[derive(Clone)]
pub struct Bill {
    /// The fund's number.
    pub id: String,
    /// The clinic's number.
    pub number: String,
    /// The patient's code.
    pub patient: String,
    /// Whether it was cancelled.
    pub is_cancelled: bool,
    /// The bill as it was received.
    pub document: String,
}

impl fmt::Debug for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bill")
            .field("id", &self.id)
            .field("is_cancelled", &self.is_cancelled)
            .finish_non_exhaustive()
    }
}

/// The fund at work; it ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    running: Running,
    server: Arc<SecurityServer>,
}

impl StandIn {
    /// Begins to serve; call it inside a tokio runtime.
    ///
    /// # Errors
    /// Outside a runtime, when an address cannot be bound, the administration's is not loopback, or the TLS material is not
    /// usable.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let server = Arc::new(SecurityServer::new(&settings)?);
        let running = Running::start(settings.endpoint, server.clone())?;
        Ok(Self { running, server })
    }

    /// Where it listens.
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

    /// The bills it has taken, oldest first.
    pub fn bills(&self) -> Vec<Bill> {
        self.server.bills()
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
