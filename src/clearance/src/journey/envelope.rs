//! What travels inside the seal beside the payload, and what the ledger's entry says of a transfer.

use ledger::{Code, Entry, Evidence, Set, Source, ValueError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::recorder::RecorderError;
use crate::basis::{Question, Standing};
use crate::client::Vouching;
use crate::declaration::LegalBasis;

/// What delivery needs beside the payload; sealed with it, because it names persons.
#[derive(Serialize, Deserialize)]
pub(super) struct Envelope {
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
}

#[derive(Serialize, Deserialize)]
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

    pub(super) fn decode(plaintext: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = plaintext.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (envelope, payload) = rest.split_at_checked(length)?;
        Some((serde_json::from_slice(envelope).ok()?, payload))
    }
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
    /// The question that a disclosure entry answers, asked anew with the subject's standing of now.
    ///
    /// # Errors
    /// When the entry is not a disclosure in today's words.
    pub fn of_entry(leaf: &[u8], standing: Standing) -> Result<Self, RecorderError> {
        let damaged = || RecorderError::Damaged("a disclosure entry cannot be read".into());
        let Ok(Entry::Disclosure(entry)) = Entry::decode(leaf) else {
            return Err(damaged());
        };
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
