//! What travels inside the seal beside the payload, and what the ledger's entry says of a transfer.
//!
//! What was sealed before an upgrade is opened after it, so an envelope says in which version it is written.

use ledger::{Code, Entry, Evidence, Set, Source, ValueError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::parts::ListedPart;
use super::recorder::RecorderError;
use crate::basis::{Question, Standing};
use crate::client::Vouching;
use crate::declaration::LegalBasis;
use crate::keys::Pseudonym;

/// The version that is written. A member that is added, taken away or read otherwise makes a new one.
pub(super) const VERSION: u32 = 2;

/// What delivery needs beside the payload; sealed with it, because it names persons.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    #[serde(default)]
    pub(super) version: u32,
    pub(super) subject: Party,
    pub(super) given: String,
    pub(super) family: String,
    pub(super) professional_code: String,
    pub(super) professional_personal_code: String,
    pub(super) role: String,
    pub(super) recipient: Option<Party>,
    pub(super) reason: String,
    pub(super) evidence: Vec<(String, String)>,
    pub(super) index_claim: Option<String>,
    pub(super) operation: String,
    pub(super) media_type: String,
    pub(super) traceparent: Option<String>,
    /// Since version 2: the documents that stream through, in order.
    #[serde(default)]
    pub(super) parts: Vec<ListedPart>,
}

/// The version of an envelope, whatever else is in it; those of before there were versions are as version 1.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    version: u32,
}

/// What was opened holds no envelope that this version of the gateway reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownEnvelope;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Party {
    pub(super) system: String,
    pub(super) value: String,
}

impl Envelope {
    /// The length of the envelope in four bytes, the envelope, the payload.
    pub(super) fn encode(&self, payload: &[u8]) -> Zeroizing<Vec<u8>> {
        let envelope = Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        let length = u32::try_from(envelope.len()).unwrap_or(u32::MAX);
        let mut plaintext = Zeroizing::new(Vec::with_capacity(4 + envelope.len() + payload.len()));
        plaintext.extend_from_slice(&length.to_be_bytes());
        plaintext.extend_from_slice(&envelope);
        plaintext.extend_from_slice(payload);
        plaintext
    }

    pub(super) fn decode(plaintext: &[u8]) -> Result<(Self, &[u8]), UnknownEnvelope> {
        let (envelope, payload) = parts(plaintext).ok_or(UnknownEnvelope)?;
        match serde_json::from_slice(envelope) {
            Ok(Versioned { version: ..=VERSION }) => serde_json::from_slice(envelope)
                .map(|envelope| (envelope, payload))
                .map_err(|_| UnknownEnvelope),
            Ok(Versioned { .. }) | Err(_) => Err(UnknownEnvelope),
        }
    }
}

fn parts(plaintext: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = plaintext.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

pub(super) fn code(name: &impl ToString) -> Result<Code, ValueError> {
    name.to_string().parse()
}

pub(super) fn codes<'a, T: ToString + 'a>(
    names: impl IntoIterator<Item = &'a T>,
) -> Result<Set<Code>, ValueError> {
    Set::new(names.into_iter().map(code).collect::<Result<Vec<_>, _>>()?)
}

/// How the clinic vouches for the professional stands in the ledger among the evidence, as `listed:vouched`.
pub(super) fn evidence(question: &Question) -> Result<Set<Evidence>, ValueError> {
    let vouching = Evidence::new(question.professional.code().parse()?, Source::Vouched)?;
    let declared = question.evidence.iter().map(|item| item.parse()).collect::<Result<Vec<_>, _>>()?;
    Set::new(declared.into_iter().chain([vouching]))
}

impl Question {
    /// The question that a disclosure entry answers, asked anew with what stands now for `subject`, who must be the
    /// entry's: a row that names somebody else would have another person's consent asked.
    ///
    /// # Errors
    /// When the entry is not a disclosure in today's words, or is about another person than `subject`.
    pub fn of_entry(leaf: &[u8], subject: Pseudonym, standing: Standing) -> Result<Self, RecorderError> {
        let damaged = || RecorderError::Damaged("a disclosure entry cannot be read".into());
        let Ok(Entry::Disclosure(entry)) = Entry::decode(leaf) else {
            return Err(damaged());
        };
        if *entry.subject.value.as_bytes() != subject.0 {
            return Err(RecorderError::Damaged(
                "a row and its disclosure entry are about two persons".into(),
            ));
        }
        let (vouching, evidence): (Vec<_>, Vec<_>) =
            entry.evidence.iter().partition(|item| item.source() == Source::Vouched);
        let vouching = vouching.first().and_then(|item| Vouching::from_code(item.kind().as_str()));
        Ok(Self {
            client: entry.client.as_str().parse().map_err(|_| damaged())?,
            destination: entry.destination.as_str().parse().map_err(|_| damaged())?,
            purpose: entry.purpose.as_str().parse().map_err(|_| damaged())?,
            legal_basis: LegalBasis {
                gdpr6: entry.gdpr6.to_string(),
                gdpr9: entry.gdpr9.to_string(),
                act: entry.act.to_string(),
                section: entry.section.to_string(),
            },
            categories: entry.categories.iter().filter_map(|name| name.as_str().parse().ok()).collect(),
            evidence: evidence.into_iter().map(ToString::to_string).collect(),
            professional: vouching.ok_or_else(damaged)?,
            standing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(envelope: &serde_json::Value) -> Vec<u8> {
        let envelope = envelope.to_string();
        let length = u32::try_from(envelope.len()).unwrap().to_be_bytes();
        [&length, envelope.as_bytes(), b"payload"].concat()
    }

    fn of_before_versions() -> serde_json::Value {
        serde_json::json!({
            "subject": { "system": "s", "value": "v" }, "given": "", "family": "",
            "professional_code": "", "professional_personal_code": "", "role": "", "recipient": null, "reason": "",
            "evidence": [["order", "1"]], "index_claim": null, "operation": "o", "media_type": "m", "traceparent": null
        })
    }

    #[test]
    fn what_was_sealed_before_there_were_versions_is_read() {
        let sealed = framed(&of_before_versions());
        let (envelope, payload) = Envelope::decode(&sealed).unwrap();
        assert_eq!((envelope.operation.as_str(), payload), ("o", b"payload".as_slice()));
        let written = Envelope { version: VERSION, ..envelope }.encode(payload);
        assert_eq!(Envelope::decode(&written).unwrap().0.version, VERSION);
    }

    #[test]
    fn what_a_later_version_has_sealed_is_not_guessed_at() {
        let mut later = of_before_versions();
        later["version"] = (VERSION + 1).into();
        assert_eq!(Envelope::decode(&framed(&later)).err(), Some(UnknownEnvelope));
        let mut odd = of_before_versions();
        odd["embargo"] = "2027-01-01".into();
        assert_eq!(Envelope::decode(&framed(&odd)).err(), Some(UnknownEnvelope));
    }
}
