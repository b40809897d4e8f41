//! The stand-in of the image bank: takes instances by STOW-RS over mutual TLS, checks each, and gives them back by QIDO-RS and WADO-RS.
//!
//! It is written from the standard and the partner's rules (`README.md`) and shares no parser, type or constant with the adapter or with
//! the gateway's minimising: where they err, the two must disagree. It keeps everything in memory and is no archive.
//!
//! ```text
//! let stand_in = StandIn::start(Settings { endpoint })?;
//! stand_in.told(FaultPlan::none().once(Fault::Item(2, "a700".into())));   // the second instance of the next request
//! … the gateway delivers to https://{stand_in.address()}/dicom-web …
//! assert_eq!(stand_in.instances().len(), 1);
//! ```

mod bank;
mod check;
mod dicom;
mod dicom_json;
mod multipart;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use stand_in::Running;
pub use stand_in::{Endpoint, Fault, FaultPlan, Now, Received};

use bank::ImageBank;

/// Where the image bank listens and whom it lets in.
#[derive(Debug)]
pub struct Settings {
    /// The endpoint; the services are below `/dicom-web`.
    pub endpoint: Endpoint,
}

/// An instance the image bank has taken in.
#[derive(Clone, PartialEq, Eq)]
pub struct Instance {
    /// The SOP class.
    pub class: String,
    /// The SOP instance.
    pub uid: String,
    /// The study.
    pub study: String,
    /// The series.
    pub series: String,
    /// The patient's id.
    pub patient: String,
    /// The file, as received.
    pub file: Vec<u8>,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("file_bytes", &self.file.len()).finish_non_exhaustive()
    }
}

/// An image bank at work; it ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    running: Running,
    bank: Arc<ImageBank>,
}

impl StandIn {
    /// Begins to serve; call it inside a tokio runtime.
    ///
    /// # Errors
    /// Outside a runtime, when an address cannot be bound, the administration's is not loopback, or the TLS material is not
    /// usable.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let bank = Arc::new(ImageBank::default());
        let running = Running::start(settings.endpoint, bank.clone())?;
        Ok(Self { running, bank })
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

    /// The instances it has taken in, oldest first.
    pub fn instances(&self) -> Vec<Instance> {
        self.bank.instances()
    }

    /// Forgets what it was told before and fails by `plan`. [`Fault::Item`] fails one instance of a request: the code is the failure
    /// reason in hexadecimal.
    pub fn told(&self, plan: FaultPlan) {
        self.running.told(plan);
    }

    /// Stops serving and closes every connection.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}
