//! What every store promises, as functions over any store: SQLite passes them here, others in their own tests.
//!
//! A store's tests say how to open it ([`House`], [`Candidate`]) and call [`conforms!`](crate::conforms). A broken promise
//! panics.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken promise ends the test that asks for it"
)]

mod delivery;
mod fixtures;
mod inquiries;
mod intake;
mod operators;
mod parts;
mod subjects;

use std::collections::BTreeSet;
use std::future::Future;

use clearance::journey::{Ending, InquiryRecorder, RecorderError};
use clearance::seal::Day;
use clearance::words::{ClientId, DestinationName, TransferId};
use jiff::Timestamp;
use ledger::verify::{Finding, Report};

use crate::operator::{Handled, Handling, Operator, Paused};
use crate::views::{Conclusion, QueueDepth, StandingChange, StandingRecorded, Withdrawal};

pub use self::delivery::*;
pub use self::fixtures::{Sample, at, ending};
pub use self::inquiries::*;
pub use self::intake::*;
pub use self::operators::*;
pub use self::parts::*;
pub use self::subjects::*;

/// Where a store lies, so that it can be opened again.
pub trait House {
    /// The store.
    type Store: Candidate;

    /// Opens it, as after a crash when it was open before: attempts then under way are lost as of `now`.
    fn open(&self, now: Timestamp) -> impl Future<Output = Self::Store>;
}

/// What a store can do beside the journey.
pub trait Candidate: InquiryRecorder {
    /// Ends an attempt or a transfer, and says whether that was the first final state.
    fn conclude(&self, ending: Ending) -> impl Future<Output = Result<Conclusion, RecorderError>>;

    /// Withdraws a client's transfer.
    fn withdraw(
        &self,
        transfer: TransferId,
        client: &ClientId,
        at: Timestamp,
    ) -> impl Future<Output = Result<Withdrawal, RecorderError>>;

    /// Puts a transfer back that cannot be tried now.
    fn put_back(
        &self,
        transfer: TransferId,
        at: Timestamp,
        until: Timestamp,
        code: &'static str,
    ) -> impl Future<Output = Result<(), RecorderError>>;

    /// Makes due what was put back.
    fn call_for(
        &self,
        destination: &DestinationName,
        at: Timestamp,
        code: &'static str,
    ) -> impl Future<Output = Result<usize, RecorderError>>;

    /// Records a consent or restriction.
    fn change_standing(
        &self,
        change: StandingChange,
    ) -> impl Future<Output = Result<StandingRecorded, RecorderError>>;

    /// Sends nothing to a destination from here on.
    fn pause(
        &self,
        destination: &DestinationName,
        by: Operator,
    ) -> impl Future<Output = Result<bool, RecorderError>>;

    /// Sends to it again.
    fn resume(
        &self,
        destination: &DestinationName,
        by: Operator,
    ) -> impl Future<Output = Result<bool, RecorderError>>;

    /// Retries or discards transfers; without an operator, says what would be done.
    fn handle(
        &self,
        transfers: Vec<TransferId>,
        handling: Handling,
        by: Option<Operator>,
    ) -> impl Future<Output = Result<Handled, RecorderError>>;

    /// The destinations to which nothing is sent.
    fn paused(&self) -> impl Future<Output = Result<Vec<Paused>, RecorderError>>;

    /// Forgets idempotency keys whose time is over.
    fn purge(&self, now: Timestamp) -> impl Future<Output = Result<usize, RecorderError>>;

    /// What waits.
    fn status(&self, now: Timestamp) -> impl Future<Output = Result<Vec<QueueDepth>, RecorderError>>;

    /// When something is due next.
    fn next_due(
        &self,
        destination: &DestinationName,
    ) -> impl Future<Output = Result<Option<Timestamp>, RecorderError>>;

    /// The days under whose keys a body is still sealed.
    fn undelivered_days(&self) -> impl Future<Output = Result<BTreeSet<Day>, RecorderError>>;

    /// Verifies the whole ledger.
    fn verify(&self) -> impl Future<Output = Result<Result<Report, Finding>, RecorderError>>;
}

/// Makes a test of each promise, for the store that lies in `$house`: an expression that makes a new [`House`].
#[macro_export]
macro_rules! conforms {
    ($house:expr) => {
        $crate::conforms! { $house =>
            an_accepted_transfer_is_due_begins_and_ends
            a_refusal_is_kept_item_by_item
            a_failed_attempt_waits_for_its_next
            what_is_put_back_waits_until_it_is_called_for
            what_is_under_way_or_has_ended_is_not_put_back
            of_one_ordering_key_only_the_first_is_due
            a_parked_transfer_parks_its_ordering_key_alone
            a_transfer_behind_another_is_due_once_its_deadline_has_passed
            nobody_begins_a_second_attempt_while_one_is_under_way
            an_attempt_that_never_ended_has_perhaps_arrived
            what_was_under_way_at_a_crash_is_unknown_and_due
            a_transfer_reaches_exactly_one_final_state
            a_destination_does_not_see_what_is_for_another
            a_repeated_request_gets_the_first_answer
            a_key_is_forgotten_a_week_after_the_end
            a_command_that_fails_takes_no_other_with_it
            an_entry_that_is_not_the_transfers_is_refused
            a_transfer_replaces_one_that_waits_and_no_other
            only_what_cannot_have_left_is_withdrawn
            notes_are_kept_and_only_of_kinds_that_stand_alone
            an_attempt_does_not_begin_under_a_standing_that_has_changed
            a_change_of_standing_names_the_attempts_under_way
            each_restriction_stands_for_itself
            versions_grow_over_all_destinations_of_a_subject
            an_inquiry_has_one_end
            an_entry_that_is_not_the_inquirys_is_refused
            nobody_is_asked_and_nothing_released_under_a_standing_that_has_changed
            an_inquiry_that_a_crash_broke_off_is_on_record_without_an_end
            parts_are_begun_as_they_were_recorded
            a_part_that_was_confirmed_is_remembered_to_the_end
            what_has_arrived_in_part_is_not_withdrawn
            a_paused_destination_begins_nothing_until_it_is_resumed
            what_waits_is_tried_when_an_operator_says_so
            what_may_have_arrived_is_discarded_only_once_it_is_cleared_up
        }
    };
    ($house:expr => $($promise:ident)+) => {$(
        #[tokio::test]
        async fn $promise() {
            $crate::conformance::$promise(&$house).await;
        }
    )+};
}

/// The ledger of a store whose tests are over is without fault.
async fn verifies(store: &impl Candidate) -> Report {
    store.verify().await.expect("read").expect("without fault")
}
