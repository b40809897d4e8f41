//! What a client tells of a consent or restriction: whose it is, and towards whom. Which one it is, the client says by an
//! id of its own. A search of disclosures says whose alone.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::CheckDigits;
use super::neutral::has_personal_code;
use super::reader::{Members, Reader};
use crate::fault::Fault;
use crate::person::Identifier;
use crate::words::DestinationName;

/// Whose consent or restriction it is, and towards whom.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The person.
    pub subject: Identifier,
    /// Towards whom.
    pub destination: DestinationName,
    /// What is odd but let through (`check_digits = "warn"`).
    pub warnings: Vec<Fault>,
}

impl Notice {
    /// Reads a notice.
    ///
    /// # Errors
    /// All faults of the notice, in the order of its members.
    pub fn parse(bytes: &[u8], check_digits: CheckDigits) -> Result<Self, Vec<Fault>> {
        let members = members(bytes)?;
        let mut reader = Reader::new(check_digits);
        let notice = reader.notice(&members);
        match notice {
            Some(notice) if reader.faults.is_empty() => Ok(Self { warnings: reader.warnings, ..notice }),
            _ => Err(reader.faults),
        }
    }
}

/// The person that a search of disclosures is about: `subject`, and nothing beside it.
///
/// # Errors
/// All faults.
pub fn searched_subject(bytes: &[u8], check_digits: CheckDigits) -> Result<Identifier, Vec<Fault>> {
    let members = members(bytes)?;
    let mut reader = Reader::new(check_digits);
    reader.only_known(&members, "", &["subject"]);
    let subject = reader.bare_subject(&members);
    subject.filter(|_| reader.faults.is_empty()).ok_or(reader.faults)
}

fn members(bytes: &[u8]) -> Result<Members, Vec<Fault>> {
    crate::minimise::check_json(bytes).map_err(|fault| vec![fault])?;
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => {
            let remedy = "send the members in one JSON object";
            Err(vec![Fault::new("declaration-invalid", "", "not a JSON object", remedy)])
        }
    }
}

impl Reader {
    fn bare_subject(&mut self, members: &Members) -> Option<Identifier> {
        let subject = self.object(members, "subject")?;
        self.only_known(subject, "/subject", &["system", "value"]);
        self.identifier(subject, "/subject")
    }

    fn notice(&mut self, members: &Members) -> Option<Notice> {
        self.only_known(members, "", &["subject", "destination"]);
        let subject = self.bare_subject(members);
        let destination = self.parsed(members, "", "destination", "the name of a destination");
        Some(Notice { subject: subject?, destination: destination?, warnings: Vec::new() })
    }
}

/// A client's own name of a consent or restriction.
///
/// INVARIANT: it holds no personal code. It stands in a URL and in the ledger in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeId(Box<str>);

/// Text that is not a [`NoticeId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotANoticeId {
    /// It has other characters, or too many.
    #[error("the id is not 1 to {} ASCII letters, digits, `-`, `.` and `_`", NoticeId::CHARACTERS_MAX)]
    Form,
    /// It holds a personal code.
    #[error("the id holds a personal code")]
    NamesAPerson,
}

impl NoticeId {
    /// Its longest.
    pub const CHARACTERS_MAX: usize = 60;

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NoticeId {
    type Err = NotANoticeId;

    fn from_str(text: &str) -> Result<Self, NotANoticeId> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if !(1..=Self::CHARACTERS_MAX).contains(&text.len()) || !text.chars().all(known) {
            return Err(NotANoticeId::Form);
        }
        if has_personal_code(&text.chars().collect::<Vec<_>>()) {
            return Err(NotANoticeId::NamesAPerson);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(notice: &Value) -> Vec<String> {
        let parsed = Notice::parse(notice.to_string().as_bytes(), CheckDigits::Reject);
        parsed.unwrap_err().iter().map(|fault| format!("{} {}", fault.rule, fault.pointer)).collect()
    }

    #[test]
    fn all_faults_of_a_notice_are_found_at_once_and_none_shows_a_value() {
        let subject = json!({ "system": crate::person::ESTONIAN_PERSONAL_CODE, "value": "49003120231" });
        let good = json!({ "subject": subject, "destination": "employer" });
        assert!(Notice::parse(good.to_string().as_bytes(), CheckDigits::Reject).is_ok());
        let bad = json!({
            "subject": { "system": crate::person::ESTONIAN_PERSONAL_CODE, "value": "49003120232", "given": "Mari" },
            "destination": "Employer", "until": "2027-01-01",
        });
        assert_eq!(
            rules(&bad),
            [
                "declaration-unknown-member ",
                "declaration-unknown-member /subject",
                "personal-code /subject/value",
                "declaration-invalid /destination",
            ]
        );
        assert_eq!(rules(&json!({})), ["declaration-missing /subject", "declaration-missing /destination"]);
        assert_eq!(rules(&json!([])), ["declaration-invalid "]);
        let faults = Notice::parse(bad.to_string().as_bytes(), CheckDigits::Reject).unwrap_err();
        assert!(!format!("{faults:?}").contains("49003120232"));
    }

    #[test]
    fn an_id_names_a_consent_and_no_person() {
        let id = |text: &str| text.parse::<NoticeId>();
        for text in ["c-1", "consent_2026.17", "01993f6e-4c1b-7d2e-9a55-0d6b3b0c7f11"] {
            assert_eq!(id(text).unwrap().as_str(), text);
        }
        for text in ["", "a b", "õ", "a/b", &"x".repeat(61)] {
            assert_eq!(id(text), Err(NotANoticeId::Form), "{text}");
        }
        for text in ["49003120231", "consent-of-49003120231", "490.0312-0231"] {
            assert_eq!(id(text), Err(NotANoticeId::NamesAPerson), "{text}");
        }
    }
}
