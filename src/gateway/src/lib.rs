//! The gateway: intake API, delivery, admin API, telemetry, configuration and the command line.
//!
//! Everything a transfer passes stands in the crate `clearance`; here it is given a network and a database.
//!
//! | to read about | see |
//! |---|---|
//! | requests and their answers | `intake`, and `intake::problem` for every no |
//! | from the outbox to the destination | `delivery` |
//! | TCP and TLS, calls to partners | `listener`, `transport` |
//! | how it is put together, reloaded and stopped | `serve`, and `rotation` for certificates |
//! | clients, destinations and policies in force | `rules`, `adapters` |
//! | checkpoints, figures, old keys | `housekeeping` |
//! | logs, metrics, traces, health | `telemetry`, `health`, `admin` |
//! | the operators' page | `console`, and `docs/console.md` |
//! | what systemd is told, what the kernel forbids | `service`, `sandbox` |
//! | settings | `config`, and `deploy/clearance.toml` |
//! | the commands | `commands` |

mod adapters;
mod admin;
mod commands;
mod config;
mod console;
mod delivery;
mod gateway;
mod health;
mod housekeeping;
mod intake;
mod listener;
pub mod playground;
mod rates;
mod rotation;
mod rules;
mod sandbox;
mod secrets;
mod serve;
mod service;
#[cfg(feature = "test-destination")]
mod shelf;
mod sightings;
#[cfg(test)]
mod simulation;
mod telemetry;
mod transport;

pub use self::commands::run;

/// Makes aws-lc-rs the provider of clients that choose none, such as those of the commands and tests.
///
/// The gateway's own listeners and calls name their provider and do not depend on this.
pub fn install_crypto() {
    // An error says that one is installed already, and there is one in the tree only.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
