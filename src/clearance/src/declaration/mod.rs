//! What a client states about a transfer, read strictly: every fault at once, each with its place and its remedy.
//!
//! It decides what is well-formed, not what is lawful: that is [`crate::basis`].

mod neutral;
mod notice;
mod reader;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::Fault;
use crate::person::{ESTONIAN_PROFESSIONAL_CODE, Identifier, Private};
use crate::words::{DestinationName, PurposeName, TransferId};

pub use self::neutral::is_neutral;
pub use self::notice::{NotANoticeId, Notice, NoticeId, searched_subject};
use self::reader::Reader;

/// The longest reason, in characters: it is shown to the subject in a list.
pub const REASON_CHARACTERS_MAX: usize = 200;
/// The most evidence items in one declaration.
pub const EVIDENCE_MAX: usize = 16;

/// A declaration that is well-formed.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Where it goes.
    pub destination: DestinationName,
    /// For which of the destination's purposes.
    pub purpose: PurposeName,
    /// On which legal basis.
    pub legal_basis: LegalBasis,
    /// The person the data is about.
    pub subject: Subject,
    /// The person in the clinic on whose behalf it is sent.
    pub professional: Professional,
    /// The organisation that receives it, where the destination stands for many.
    ///
    /// INVARIANT: a registry code. It is in the ledger in clear, where no person's identifier may be.
    pub recipient: Option<Identifier>,
    /// What shows that the basis holds.
    pub evidence: Vec<Evidence>,
    /// Why, in words the subject may read; never clinical text.
    pub reason: Reason,
    /// Transfers with the same key to one destination keep their order; the subject when absent.
    pub ordering_key: Option<Private>,
    /// After this instant it is no longer delivered.
    pub not_after: Option<Timestamp>,
    /// The undelivered transfer that this one replaces.
    pub supersedes: Option<TransferId>,
    /// What is odd but let through (`check_digits = "warn"`).
    pub warnings: Vec<Fault>,
}

/// GDPR Art. 6 and 9 and the national act and section.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBasis {
    /// The ground of GDPR Art. 6, such as `6(1)(c)`.
    pub gdpr6: String,
    /// The ground of GDPR Art. 9, such as `9(2)(h)`.
    pub gdpr9: String,
    /// The national act, by its usual short form, such as `TTOS`.
    pub act: String,
    /// The section of the act, such as `13¹`.
    pub section: String,
}

/// The person the data is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The person's identifier.
    pub identifier: Identifier,
    /// The given names.
    pub given: Private,
    /// The family name.
    pub family: Private,
}

/// The person in the clinic on whose behalf a document is sent.
#[derive(Debug, Clone)]
pub struct Professional {
    /// The code in the register of health professionals: a letter and five digits.
    pub code: Private,
    /// The personal code, which the destination's token is issued to.
    pub personal_code: Private,
    /// The role the person acts in, such as `doctor`.
    pub role: String,
}

impl Professional {
    /// The professional as an identifier in the register of health professionals.
    pub fn identifier(&self) -> Identifier {
        Identifier { system: ESTONIAN_PROFESSIONAL_CODE.into(), value: self.code.clone() }
    }
}

/// One item that shows that the basis holds.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// Its number or address.
    pub reference: Private,
}

/// The kinds of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// An order: of an examination, or of a court.
    Order,
    /// The subject's consent.
    Consent,
    /// A written inquiry.
    Inquiry,
    /// The doctor's release of a free text.
    Release,
    /// The certificate, as the destination knows it, that this transfer acts on.
    Certificate,
    /// The prescription, by the number that the prescription centre gave it, that this transfer acts on.
    Prescription,
}

impl EvidenceKind {
    const ALL: [Self; 6] =
        [Self::Order, Self::Consent, Self::Inquiry, Self::Release, Self::Certificate, Self::Prescription];

    /// The code used in declarations, policies and the ledger.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Consent => "consent",
            Self::Inquiry => "inquiry",
            Self::Release => "release",
            Self::Certificate => "certificate",
            Self::Prescription => "prescription",
        }
    }
}

/// Why a document is sent, in words the subject may read.
///
/// INVARIANT: 1 to 200 characters, no control characters, no personal code, nothing that looks like a diagnosis code.
/// It leaves the house in a header (`X-Road-Issue`) and is shown to the subject.
#[derive(Debug, Clone)]
pub struct Reason(Private);

impl Reason {
    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// How strictly the check digits of personal codes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckDigits {
    /// A wrong check digit is a fault.
    Reject,
    /// A wrong check digit is reported and let through: partners' own test data has them.
    Warn,
}

impl Declaration {
    /// Reads a declaration.
    ///
    /// # Errors
    /// All faults of the declaration, in the order of its members.
    pub fn parse(bytes: &[u8], check_digits: CheckDigits) -> Result<Self, Vec<Fault>> {
        crate::minimise::check_json(bytes).map_err(|fault| vec![fault])?;
        let value: Value = serde_json::from_slice(bytes).map_err(|_| vec![not_an_object()])?;
        Self::from_value(&value, check_digits)
    }

    fn from_value(value: &Value, check_digits: CheckDigits) -> Result<Self, Vec<Fault>> {
        let Value::Object(members) = value else {
            return Err(vec![not_an_object()]);
        };
        let mut reader = Reader::new(check_digits);
        let parsed = reader.declaration(members);
        match parsed {
            Some(declaration) if reader.faults.is_empty() => {
                Ok(Self { warnings: reader.warnings, ..declaration })
            }
            _ => Err(reader.faults),
        }
    }
}

fn not_an_object() -> Fault {
    Fault::new(
        "declaration-invalid",
        "",
        "the declaration is not a JSON object",
        "send the declaration as one JSON object",
    )
}
