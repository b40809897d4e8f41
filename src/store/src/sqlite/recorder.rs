//! The journey's contract.

use clearance::basis::Standing;
use clearance::journey::{
    Acceptance, AnswerRecord, BeginRefusal, Begun, Due, Ending, IdempotencyScope, InquiryRecord,
    InquiryRecorder, Recorded, Recorder, RecorderError, Reservation, StandingChanged, TransferView,
};
use clearance::keys::Pseudonym;
use clearance::words::{DestinationName, TransferId};
use jiff::Timestamp;
use ledger::Entry;

use super::{Sqlite, commands, inquiries, queries};

impl Recorder for Sqlite {
    async fn reserve(&self, scope: &IdempotencyScope) -> Result<Reservation, RecorderError> {
        // The lease comes first: whoever held it before has committed by the time it is free.
        let Some(lease) = self.leases.take(scope) else {
            return Ok(Reservation::InProgress);
        };
        let asked = scope.clone();
        let known = self.readers.read(move |connection| queries::reservation(connection, &asked)).await?;
        if known == Reservation::Fresh {
            lease.keep();
        }
        Ok(known)
    }

    fn release(&self, scope: &IdempotencyScope) {
        self.leases.free([scope]);
    }

    async fn record(&self, acceptance: Acceptance) -> Result<Recorded, RecorderError> {
        commands::check_leaf(&acceptance)?;
        self.queue.write(move |commit| commands::record(commit, acceptance)).await
    }

    async fn note(&self, entry: Entry) -> Result<u64, RecorderError> {
        self.queue.write(move |commit| commands::note(commit, &entry)).await
    }

    async fn standing(
        &self,
        subject: Pseudonym,
        destination: &DestinationName,
    ) -> Result<Standing, RecorderError> {
        let destination = destination.clone();
        self.readers
            .read(move |connection| queries::standing_towards(connection, subject, &destination))
            .await
    }

    async fn due(
        &self,
        destination: &DestinationName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, RecorderError> {
        let destination = destination.clone();
        self.readers.read(move |connection| queries::due(connection, &destination, now, limit)).await
    }

    async fn begin(
        &self,
        transfer: TransferId,
        standing_version: u64,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Result<Begun, BeginRefusal>, RecorderError> {
        self.queue
            .write(move |commit| commands::begin(commit, transfer, standing_version, at, lease_until))
            .await
    }

    async fn end(&self, ending: Ending) -> Result<(), RecorderError> {
        // A second ending is no fault of the record; `conclude` is for whoever wants to know of it.
        self.conclude(ending).await.map(|_| ())
    }

    async fn transfer(&self, transfer: TransferId) -> Result<Option<TransferView>, RecorderError> {
        self.readers.read(move |connection| queries::transfer(connection, transfer)).await
    }
}

impl InquiryRecorder for Sqlite {
    async fn inquire(&self, record: InquiryRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        inquiries::check_inquiry(&record)?;
        self.queue.write(move |commit| inquiries::inquire(commit, record)).await
    }

    async fn answer(&self, record: AnswerRecord) -> Result<Result<u64, StandingChanged>, RecorderError> {
        inquiries::check_answer(&record)?;
        self.queue.write(move |commit| inquiries::answer(commit, record)).await
    }
}
