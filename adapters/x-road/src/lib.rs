//! X-Road as a consumer information system sees it: calls to the clinic's own Security Server, and what its answers mean.
//!
//! The Security Server signs, logs and routes; nothing here signs or opens a connection. REST v1 (X-Road: Message Protocol
//! for REST, version 1.0.4) and SOAP (X-Road: Message Protocol, version 4.0.25).
//!
//! | to read about | see |
//! |---|---|
//! | members, subsystems and services | [`address`] |
//! | what is sent to the Security Server over REST | [`request`] |
//! | whose fault an answer is | [`answer`], [`trouble`] |
//! | the digest that ties a REST answer to its request | [`hash`] |
//! | SOAP messages, attachments and faults | [`soap`], a crate of its own |
//! | one exchange of SOAP messages | [`exchange`] |
//! | what a provider offers | [`metadata`] |
//! | the health information system: tokens, patient index, FHIR | [`tis`] |

pub mod answer;
pub mod exchange;
pub mod hash;
pub mod metadata;
pub mod request;
pub mod tis;
pub mod trouble;

pub use x_road_soap as soap;
pub use x_road_soap::address;

#[cfg(test)]
mod testing;
