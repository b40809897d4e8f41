//! The stand-in of an employer's endpoint: takes health-check decisions over mutual TLS and refuses whatever an employer must
//! not be told.
//!
//! It is written from the partner's rules (`README.md`) and shares no parser, type or constant with the adapter or the gateway:
//! where the adapter errs, the two must disagree. It keeps everything in memory and is no employer's system.
//!
//! ```text
//! let stand_in = StandIn::start(settings)?;
//! stand_in.told(FaultPlan::none().then(Fault::DropAfter, "POST /health-check-decisions", 1));
//! … the gateway delivers to stand_in.address() …
//! assert_eq!(stand_in.decisions().len(), 1);
//! ```

mod decision;
mod endpoint;
mod fields;
mod outcome;
mod shapes;
mod signature;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use stand_in::Running;
pub use stand_in::{Endpoint, Fault, FaultPlan, Now, Received};

use endpoint::EmployerEndpoint;

/// Who the employer is and whom it believes.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens and whom it lets in.
    pub endpoint: Endpoint,
    /// Its own registry code; a decision for anyone else is refused.
    pub registry_code: String,
    /// The keys it accepts signatures by; two during a rotation.
    pub signers: Vec<Signer>,
    /// Whether it takes the doctor's suggestion to the employer, the one free text.
    pub allow_suggestions: bool,
}

/// A key whose signature the employer accepts.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The key's name in the signature's `kid`.
    pub kid: String,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
}

/// A decision the employer has taken in.
#[derive(Clone)]
pub struct Decision {
    /// The receipt given for it.
    pub receipt: String,
    /// The `Idempotency-Key` it came with.
    pub idempotency_key: String,
    /// Its bytes as received.
    pub document: Vec<u8>,
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("receipt", &self.receipt)
            .field("document_bytes", &self.document.len())
            .finish_non_exhaustive()
    }
}

/// An employer's endpoint at work; it ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    running: Running,
    employer: Arc<EmployerEndpoint>,
}

impl StandIn {
    /// Begins to serve; call it inside a tokio runtime.
    ///
    /// # Errors
    /// Outside a runtime, when an address cannot be bound, the administration's is not loopback, or the TLS material is not
    /// usable.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let employer = Arc::new(EmployerEndpoint::new(
            settings.registry_code,
            settings.signers,
            settings.allow_suggestions,
        ));
        let running = Running::start(settings.endpoint, employer.clone())?;
        Ok(Self { running, employer })
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

    /// The decisions it has taken in, oldest first.
    pub fn decisions(&self) -> Vec<Decision> {
        self.employer.decisions()
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
