//! The promises of this crate, each kept by real handshakes, files and folders.

mod admission;
mod example;
mod files;
mod pinning;
mod registry;
mod reload;
mod sessions;
mod watching;
mod world;
