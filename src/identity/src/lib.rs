//! Certificates: who a peer is, whom we trust, and for how long.
//!
//! | question | answered by |
//! |---|---|
//! | is this file fit to be used? | [`Material`], [`Authorities`], [`Revocations`]: read, checked, and only then values |
//! | which of our clients is this certificate? | [`Registry::identify`]: by pinned key or certificate, cross-checked with the organisation, never by common name |
//! | may this peer go on? | [`ServerTrust::admit`] after every handshake, [`ServerTrust::still_valid`] per request and before a disclosure is recorded |
//! | whom do we call? | [`ClientTrust`]: own roots, own pins and own certificate per destination |
//! | what changed on disk? | [`Watch`] notices, [`Reloader`] proves and swaps, or keeps the old and says why |
//! | what expires, what breaks when, and would this chain pass? | [`inventory`], [`foresee`], [`check_chain`] |
//! | certificates to try it all with | [`example::ExamplePki`] |
//!
//! Admission is a value: [`Admitted`] has one maker, and whatever must not happen without a proven
//! peer takes one as an argument.
//!
//! Architecture invariants: this crate knows no HTTP, no database and no other crate of the
//! gateway. It reads no clock (the time is a parameter) and writes no log; whoever handles an
//! error logs it. Errors carry file names, client ids, fingerprints and dates, and never a name or
//! number taken from a certificate's subject.

mod authorities;
mod certificate;
mod chain;
mod check;
mod client;
mod destination;
pub mod example;
mod files;
mod fingerprint;
mod foresight;
mod handshake;
mod inventory;
mod material;
mod names;
mod pinning;
mod registry;
mod reload;
mod revocation;
mod server;
mod tls;
mod trust;
mod watch;
mod window;

#[cfg(test)]
mod tests;

pub use authorities::Authorities;
pub use certificate::{Certificate, CertificateFault, SubjectSerial};
pub use chain::{ChainError, Purpose};
pub use check::{ChainSummary, CheckError, check_chain};
pub use client::{Client, ClientId, ClientIdError, Pin, RegistryFault};
pub use destination::ClientTrust;
pub use files::{FileError, FileFault};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use foresight::{Foresight, foresee};
pub use inventory::{Expiry, Urgency, inventory};
pub use material::{Material, MaterialFiles};
pub use names::{NameFault, NameField};
pub use pinning::NotPinned;
pub use registry::{IdentityError, Peer, Registry, RegistryError};
pub use reload::{Changed, PartFailure, PartFailureCause, ReloadError, Reloader};
pub use revocation::{RevocationPolicy, Revocations};
pub use server::{AdmissionError, Admitted, ServerTrust};
pub use tls::{Resumption, TlsSettings, TrustError};
pub use trust::{DestinationSources, Part, Sources, Trust};
pub use watch::{Notice, Watch, WatchError, WatchSettings};
pub use window::Window;
