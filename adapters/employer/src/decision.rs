//! What an employer may learn, as types. There is no field for a note, a reason, a declaration or a suggestion to the
//! worker, and no type here but the employer's name and the released suggestion can hold a sentence.

use std::fmt;
use std::str::FromStr;

use clearance::person::{Identifier, Private, is_estonian_registry_code};
use serde::{Deserialize, Serialize};

use crate::suggestion::ReleasedSuggestion;

/// The decision of one health check, for one employer.
#[derive(Debug, Clone)]
pub struct HealthCheckDecision {
    /// Its number.
    pub number: Code,
    /// When it was made.
    pub date: FhirDate,
    /// Whether it holds.
    pub status: Status,
    /// Whom it is about.
    pub worker: Worker,
    /// The employer, who is the addressee.
    pub employer: RegistryCode,
    /// The employer's name.
    pub employer_name: Option<EmployerName>,
    /// The job.
    pub job: Job,
    /// The hazards that were examined.
    pub hazards: Vec<Code>,
    /// Fit or not.
    pub verdict: Verdict,
    /// Restrictions of work.
    pub restrictions: Vec<Restriction>,
    /// Conditions of work.
    pub conditions: Vec<Condition>,
    /// The suggestion that the doctor has released.
    pub suggestion: Option<ReleasedSuggestion>,
    /// How long it holds.
    pub period: Option<Period>,
    /// Who made it.
    pub doctor: Doctor,
}

/// A code: it cannot hold a sentence.
///
/// INVARIANT: 1 to 64 ASCII letters, digits and `.`, `-`, `/`, `%`, beginning with a letter, a digit or `%`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Code(Box<str>);

/// A FHIR date or dateTime, as it was written.
///
/// INVARIANT: digits and `-`, `:`, `.`, `+`, `T` and `Z` only, beginning with a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FhirDate(Box<str>);

/// The registry code of an Estonian organisation, with a valid check digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RegistryCode(Box<str>);

/// The name of an employer: 1 to 100 characters on one line.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct EmployerName(Box<str>);

/// The name of a doctor: two or three capitalised words, 60 characters at most, so that it cannot hold a sentence.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PersonName(Box<str>);

/// Text that is not what it should be. The text itself is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}")]
pub struct NotACode {
    what: &'static str,
}

/// Whether a decision holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds: FHIR `final`.
    Valid,
    /// It does not hold for now: FHIR `cancelled`.
    Suspended,
    /// It should never have held: FHIR `entered-in-error`.
    Annulled,
}

/// Fit for the job or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Fit.
    Fit,
    /// Fit under conditions.
    FitUnderConditions,
    /// Not fit.
    NotFit,
}

/// The worker, as declared.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The identifier.
    pub identifier: Identifier,
    /// The given names.
    pub given: Private,
    /// The family name.
    pub family: Private,
}

/// The job.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Its code in the classification of occupations.
    pub occupation: Option<Code>,
    /// The workload agreed: above 0, and 1 for full time.
    pub workload: Option<serde_json::Number>,
}

/// A restriction of work.
#[derive(Debug, Clone)]
pub struct Restriction {
    /// Its code.
    pub code: Code,
    /// What it is bound to.
    pub limit: Option<Limit>,
}

/// What a restriction is bound to.
#[derive(Debug, Clone)]
pub enum Limit {
    /// A quantity, such as 10 kg: the value and its UCUM unit.
    Quantity(serde_json::Number, Code),
    /// A hazard of the workplace.
    Hazard(Code),
}

/// A condition of work, such as `personal-protective-equipment`.
#[derive(Debug, Clone)]
pub struct Condition(pub Code);

/// From when and until when a decision holds.
#[derive(Debug, Clone)]
pub struct Period {
    /// From when.
    pub start: FhirDate,
    /// Until when: the next health check.
    pub end: FhirDate,
}

/// The doctor, and the provider the doctor works for.
#[derive(Debug, Clone)]
pub struct Doctor {
    /// The code in the register of health professionals; the personal code is not the employer's business.
    pub code: Private,
    /// The name, if the document has it.
    pub name: Option<PersonName>,
    /// The provider.
    pub provider: RegistryCode,
}

impl Status {
    const ALL: [Self; 3] = [Self::Valid, Self::Suspended, Self::Annulled];

    /// The FHIR code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Valid => "final",
            Self::Suspended => "cancelled",
            Self::Annulled => "entered-in-error",
        }
    }

    /// The status with this FHIR code.
    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

impl Verdict {
    const ALL: [Self; 3] = [Self::Fit, Self::FitUnderConditions, Self::NotFit];

    /// The SNOMED CT code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fit => "160926000",
            Self::FitUnderConditions => "225891002",
            Self::NotFit => "160910001",
        }
    }

    /// The verdict with this SNOMED CT code.
    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.code() == code)
    }

    /// Whether it holds for a period only (EEHealthCertificateOccupational, invariant).
    pub(crate) const fn needs_period(self) -> bool {
        matches!(self, Self::Fit | Self::FitUnderConditions)
    }
}

macro_rules! checked {
    ($($name:ident = $what:literal if $check:expr;)+) => {$(
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotACode;

            fn from_str(text: &str) -> Result<Self, NotACode> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(NotACode { what: $what }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotACode;

            fn try_from(text: String) -> Result<Self, NotACode> {
                text.parse()
            }
        }
    )+};
}

checked! {
    Code = "code" if is_code;
    FhirDate = "date" if is_date;
    RegistryCode = "registry code" if is_estonian_registry_code;
    EmployerName = "name of an employer" if is_employer_name;
    PersonName = "name of a person" if is_person_name;
}

fn is_code(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'/' | b'%');
    (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '%')
}

fn is_date(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_digit() || matches!(c, b'-' | b':' | b'.' | b'+' | b'T' | b'Z');
    (4..=40).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().take(4).all(|c| c.is_ascii_digit())
}

fn is_employer_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_person_name(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(char::is_uppercase)
            && word.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’'))
    };
    text.chars().count() <= 60 && (2..=3).contains(&text.split(' ').count()) && text.split(' ').all(is_word)
}

macro_rules! silent {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}

silent! { EmployerName PersonName }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_cannot_hold_a_sentence() {
        for text in ["750", "00.98", "personal-protective-equipment", "HCERT-1", "%", "kg"] {
            assert!(text.parse::<Code>().is_ok(), "{text}");
        }
        for text in ["", "has epilepsy", "a\nb", "õ", "-a", &"x".repeat(65)] {
            assert!(text.parse::<Code>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_two_or_three_capitalised_words() {
        for text in ["Mari Mets", "Mari-Liis O’Neill Õun"] {
            assert!(text.parse::<PersonName>().is_ok(), "{text}");
        }
        for text in
            ["", "Mari", "patsient on haige", "Patsient Põeb Rasket Haigust", "Mari Mets (J45)", "Mari  Mets"]
        {
            assert!(text.parse::<PersonName>().is_err(), "{text}");
        }
    }
}
