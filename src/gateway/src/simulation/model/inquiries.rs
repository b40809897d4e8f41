//! What the model remembers of inquiries.

use clearance::journey::{AnswerRecord, InquiryRecord, InquiryRecorder, RecorderError, StandingChanged};
use clearance::words::DestinationName;
use ledger::Entry;

use super::Model;
use super::tables::{Subject, Tables, damaged};

/// An inquiry.
#[derive(Debug)]
pub(super) struct Asked {
    subject: Subject,
    destination: DestinationName,
    has_ended: bool,
}

impl InquiryRecorder for Model {
    async fn inquire(&self, record: InquiryRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        self.tables().inquire(record)
    }

    async fn answer(&self, record: AnswerRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        self.tables().answer(&record)
    }
}

impl Tables {
    fn inquire(&mut self, record: InquiryRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        let (id, subject) = (record.inquiry, record.subject.0);
        let entry = match Entry::decode(&record.leaf) {
            Ok(Entry::Inquiry(asked))
                if asked.inquiry.as_str() == id.to_string()
                    && asked.destination.as_str() == record.destination.as_str()
                    && !self.inquiries.contains_key(&id) =>
            {
                asked
            }
            _ => {
                return Err(damaged(
                    "the entry is not that of this inquiry, or the inquiry is there already",
                ));
            }
        };
        if self.standing(subject, &record.destination).version != record.standing_version {
            return Ok(Err(StandingChanged));
        }
        let asked = Asked { subject, destination: record.destination, has_ended: false };
        self.inquiries.insert(id, asked);
        Ok(Ok(self.append(entry)))
    }

    fn answer(&mut self, record: &AnswerRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        let id = record.inquiry.to_string();
        let entry = Entry::decode(&record.leaf).map_err(|_| damaged("the entry is none"))?;
        let releases = match &entry {
            Entry::Release(release) if release.inquiry.as_str() == id => true,
            Entry::NoRelease(ended) if ended.inquiry.as_str() == id => false,
            _ => return Err(damaged("the entry is not the end of this inquiry")),
        };
        let asked = self.inquiries.get(&record.inquiry).filter(|asked| !asked.has_ended);
        let asked = asked.ok_or_else(|| damaged("the inquiry is not there, or has ended"))?;
        match (releases, record.standing_version) {
            (true, Some(seen)) if self.standing(asked.subject, &asked.destination).version != seen => {
                return Ok(Err(StandingChanged));
            }
            (true, Some(_)) | (false, None) => {}
            (true, None) | (false, Some(_)) => {
                return Err(damaged("a release, and it alone, has a standing"));
            }
        }
        let index = self.append(entry);
        if let Some(asked) = self.inquiries.get_mut(&record.inquiry) {
            asked.has_ended = true;
        }
        Ok(Ok(index))
    }
}
