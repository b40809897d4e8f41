//! What stands in front of every service of TIS and its neighbours, for the stand-ins of those services: the consumer side of
//! an X-Road Security Server, the token service and the patient index, as their guides describe them.
//!
//! It knows no adapter and no destination. What a destination's own service checks stands in its sandbox.

pub mod codes;
pub mod issue_text;
pub mod outcome;
pub mod patients;
pub mod query;
pub mod security_server;
pub mod tokens;

use std::fmt;

/// An information system registered at the Security Server, by its TLS certificates.
#[derive(Debug, Clone)]
pub struct RegisteredClient {
    /// `instance/class/member[/subsystem]`.
    pub client: String,
    /// Its certificates in PEM; two during a rotation.
    pub certificates_pem: Vec<u8>,
}

/// One row of the register of rights.
#[derive(Clone)]
pub struct Right {
    /// The person.
    pub personal_code: String,
    /// The person's code as a health professional, if any.
    pub professional_code: Option<String>,
    /// The registry code of the organisation the person acts for.
    pub organisation: String,
    /// The role: `doctor`, `nurse`, `gov-official`, …
    pub role: String,
    /// The registry codes of those the person may represent besides.
    pub represented: Vec<String>,
}

impl fmt::Debug for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Right")
            .field("organisation", &self.organisation)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// A person in the patient index.
#[derive(Clone)]
pub struct Patient {
    /// The identifier's system.
    pub system: String,
    /// The identifier's value.
    pub value: String,
    /// The id in the index; derived from the identifier when there is none.
    pub id: Option<String>,
    /// The given names.
    pub given: String,
    /// The family name.
    pub family: String,
    /// The day of birth, `YYYY-MM-DD`.
    pub birth_date: String,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient(…)")
    }
}
