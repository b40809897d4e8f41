//! What a recorder does with inquiries. The crate `store` does it, through the same writer that records withdrawals.

use std::future::Future;

use crate::journey::{Recorder, RecorderError};
use crate::keys::Pseudonym;
use crate::words::{DestinationName, InquiryId};

/// Keeps inquiries and what became of them on record. A method's `Ok` means: synced.
pub trait InquiryRecorder: Recorder {
    /// Commits an inquiry, before it is asked, if the subject's standing is still at `standing_version`; gives the index of
    /// its entry.
    fn inquire(
        &self,
        record: InquiryRecord,
    ) -> impl Future<Output = Result<Result<u64, StandingChanged>, RecorderError>> + Send;

    /// Commits what became of an inquiry, which has one end: a release, if the subject's standing is still at
    /// `standing_version`, or that there was none. Gives the index of its entry.
    fn answer(
        &self,
        record: AnswerRecord,
    ) -> impl Future<Output = Result<Result<u64, StandingChanged>, RecorderError>> + Send;
}

/// The subject's consents or restrictions are not those any more that the policy saw; nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the subject's consents or restrictions have changed since the policy was asked")]
pub struct StandingChanged;

/// All that is committed before a question is asked.
#[derive(Debug, Clone)]
pub struct InquiryRecord {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// Whom it is put to.
    pub destination: DestinationName,
    /// The subject, for standing.
    pub subject: Pseudonym,
    /// The standing that the policy saw.
    pub standing_version: u64,
    /// The entry: the leaf of the ledger.
    pub leaf: Vec<u8>,
    /// Salts, parameters, reason and professional, encrypted: they lie beside the tree.
    pub aside: Vec<u8>,
}

/// All that is committed when an inquiry has ended.
#[derive(Debug, Clone)]
pub struct AnswerRecord {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// The standing that the policy saw; nothing where nothing is released.
    pub standing_version: Option<u64>,
    /// The entry: the leaf of the ledger.
    pub leaf: Vec<u8>,
    /// The salts of a release, encrypted.
    pub aside: Option<Vec<u8>>,
}
