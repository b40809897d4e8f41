//! X-Road as a consumer information system sees it: calls to the clinic's own Security Server, and what its answers mean.
//!
//! The Security Server signs, logs and routes; nothing here signs or opens a connection. REST v1 only (X-Road: Message
//! Protocol for REST, version 1.0.4).
//!
//! | to read about | see |
//! |---|---|
//! | members, subsystems and services | [`address`] |
//! | what is sent to the Security Server | [`request`] |
//! | whose fault an answer is | [`answer`], [`trouble`] |
//! | the digest that ties an answer to its request | [`hash`] |
//! | the health information system: tokens, patient index, FHIR | [`tis`] |

pub mod address;
pub mod answer;
pub mod hash;
pub mod request;
pub mod tis;
pub mod trouble;

#[cfg(test)]
mod testing;
