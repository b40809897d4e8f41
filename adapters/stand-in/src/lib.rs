//! What every stand-in of a partner stands on: a TLS listener that demands a client certificate, a plan of faults, a journal
//! of what arrived, an administration for humans, strict JSON.
//!
//! It knows none of our crates, and of partners only what stands in front of several of them alike ([`tis`]). What a partner checks and how it words its answers is a [`Role`]; when and how
//! often it fails is decided here, so that every stand-in can fail in every way (`docs/decisions.md`).

mod admin;
mod answer;
mod faults;
mod journal;
pub mod json;
mod listener;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod tis;
mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

pub use answer::Answer;
use faults::Faults;
pub use faults::{Fault, FaultPlan};
use journal::Journal;
pub use journal::Received;
pub use tls::{certificates, sha256_hex};

/// Where a stand-in takes the time from.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where a stand-in listens, by which certificate it is known and whom it lets in.
pub struct Endpoint {
    /// Where the partner's own interface listens, with mutual TLS; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where the administration listens, in plain HTTP; a loopback address, or none.
    pub admin: Option<SocketAddr>,
    /// The server's certificate chain, leaf first.
    pub server_certificate_pem: Vec<u8>,
    /// The key of the leaf.
    pub server_key_pem: Vec<u8>,
    /// The authorities whose client certificates are let in.
    pub client_ca_pem: Vec<u8>,
    /// The clock.
    pub now: Now,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("listen", &self.listen)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

/// One request as it arrived, whole.
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Where it goes; over HTTP/2 with scheme and authority.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// SHA-256 of the client's certificate, in lower-case hexadecimal.
    pub peer: String,
}

impl Asked {
    /// A header's value, when it is there exactly once and is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        std::str::from_utf8(value.as_bytes()).ok()
    }

    /// The media type of the body, without its parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        let (media, _) = value.split_once(';').unwrap_or((value, ""));
        Some(media.trim().to_ascii_lowercase())
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A partner: what it makes of a request, and in which form it says no.
pub trait Role: Send + Sync + 'static {
    /// Checks the request as the partner would, keeps what it accepts, and answers.
    fn answer(&self, asked: &Asked, now: Timestamp) -> Answer;

    /// Feigns a failure in the partner's form, keeping nothing; with status 200 the failure is in the body alone.
    fn failure(&self, asked: &Asked, status: StatusCode) -> Answer;

    /// Feigns X-Road's own error `kind`; whom nobody reaches through X-Road answers 500 for itself.
    fn x_road_error(&self, asked: &Asked, _kind: &str) -> Answer {
        self.failure(asked, StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Does what it would have done, but has the item with this number, from 1, fail with the partner's own `code`; whose requests have no
    /// items answers 500.
    fn answer_but(&self, asked: &Asked, _now: Timestamp, _item: u32, _code: &str) -> Answer {
        self.failure(asked, StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The largest body the partner reads; anything larger is answered with 413 and nothing else.
    fn body_bytes_max(&self) -> usize;
}

/// What the listener, the administration and the owner of a stand-in share.
struct Stand {
    role: Arc<dyn Role>,
    faults: Faults,
    journal: Journal,
    now: Now,
}

/// A stand-in at work; it ends when this is dropped.
pub struct Running {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    stand: Arc<Stand>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Binds both listeners and begins to serve.
    ///
    /// # Errors
    /// Outside a tokio runtime, when an address cannot be bound, the administration's is not loopback, or the TLS material is
    /// not usable.
    pub fn start(endpoint: Endpoint, role: Arc<dyn Role>) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let acceptor = tls::acceptor(&endpoint)?;
        let stand = Arc::new(Stand {
            role,
            faults: Faults::default(),
            journal: Journal::default(),
            now: Arc::clone(&endpoint.now),
        });
        let tls = listener::bind(endpoint.listen)?;
        let address = tls.local_addr()?;
        let plain = endpoint.admin.map(admin::bind).transpose()?;
        let admin = plain.as_ref().map(|plain| plain.local_addr()).transpose()?;

        let mut tasks = vec![runtime.spawn(listener::serve(tls, acceptor, Arc::clone(&stand)))];
        if let Some(plain) = plain {
            tasks.push(runtime.spawn(admin::serve(plain, Arc::clone(&stand))));
        }
        Ok(Self { address, admin, stand, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its administration listens, if it has one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Every request that arrived, whatever became of it, oldest first; the last 10,000.
    pub fn received(&self) -> Vec<Received> {
        self.stand.journal.entries()
    }

    /// Forgets what it was told before and fails by `plan`.
    pub fn told(&self, plan: FaultPlan) {
        self.stand.faults.replace(plan);
    }

    /// Stops serving, closes every connection and waits until both are done.
    pub async fn shutdown(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // The only outcome is the abort just asked for.
            let _ = task.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}
