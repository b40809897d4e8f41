//! The journey of an inquiry for tests of adapters.

use jiff::Timestamp;
use serde_json::Value;

use super::{Book, Journey, vault};
use crate::adapter::{Means, Reading, SubjectIndex};
use crate::basis::Standing;
use crate::declaration::{CheckDigits, Declaration};
use crate::journey::{
    AnswerRecord, Asking, Closing, Inquiry, InquiryRecord, InquiryRecorder, Pending, RecorderError, Released,
    Request, StandingChanged, Terms, Unreleased,
};
use crate::refusal::Refusal;
use crate::words::InquiryId;

/// The one inquiry.
pub const INQUIRY: InquiryId = InquiryId::from_bytes([8; 16]);
/// The most bytes that its answer may have.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

impl Journey {
    /// The lawful question that `declaration` and `query` make.
    ///
    /// # Errors
    /// The refusal.
    pub fn ask(&self, declaration: &Value, query: &Value) -> Result<Asking, Refusal> {
        let declaration = Declaration::parse(declaration.to_string().as_bytes(), CheckDigits::Warn).unwrap();
        let (client, destination) = (self.client.clone(), self.destination.clone());
        let request = Request::receive(client, [0; 32], declaration, destination)?;
        request.lawful(&self.policy, Standing::default())?.ask(query.as_object().unwrap())
    }

    /// Asks, and releases what may be released of the answer.
    pub async fn read(
        &self,
        asking: Asking,
        index: Option<&dyn SubjectIndex>,
        means: &Means<'_>,
    ) -> Result<Released, Unreleased> {
        let folder = tempfile::tempdir().unwrap();
        let (vault, book) = (vault(folder.path()), Book::default());
        let (inquiry, pending) = self.inquire(asking, &book, &vault).await;
        let reading = self.adapter().read(inquiry, means).await;
        self.conclude(pending, reading, &book, &vault, index, means).await
    }

    /// Records a question in `book`.
    pub(crate) async fn inquire(
        &self,
        asking: Asking,
        book: &Book,
        vault: &crate::journey::Vault,
    ) -> (Inquiry, Pending) {
        let at = Timestamp::UNIX_EPOCH;
        let terms = Terms { inquiry: INQUIRY, at, answer_bytes_max: ANSWER_BYTES_MAX };
        asking.record(book, vault, &self.policy, terms).await.unwrap()
    }

    /// Concludes it.
    pub(crate) async fn conclude(
        &self,
        pending: Pending,
        reading: Reading,
        book: &Book,
        vault: &crate::journey::Vault,
        index: Option<&dyn SubjectIndex>,
        means: &Means<'_>,
    ) -> Result<Released, Unreleased> {
        let with = Closing { recorder: book, vault, policy: &self.policy, index, means };
        pending.conclude(reading, with).await.unwrap()
    }
}

impl InquiryRecorder for Book {
    async fn inquire(&self, record: InquiryRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        Ok(self.note_inquiry(record.leaf, record.aside, Some(record.standing_version)))
    }

    async fn answer(&self, record: AnswerRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        Ok(self.note_inquiry(record.leaf, record.aside.unwrap_or_default(), record.standing_version))
    }
}

impl Book {
    fn note_inquiry(
        &self,
        leaf: Vec<u8>,
        aside: Vec<u8>,
        version: Option<u64>,
    ) -> Result<u64, StandingChanged> {
        if version.is_some_and(|version| version != self.standing.lock().unwrap().version) {
            return Err(StandingChanged);
        }
        let mut inquiries = self.inquiries.lock().unwrap();
        inquiries.push((leaf, aside));
        Ok(inquiries.len() as u64 - 1)
    }
}
