//! What a recorder does: transfers and the ledger in one durable commit. The crate `store` does it.

use std::collections::BTreeSet;
use std::future::Future;

use jiff::Timestamp;
use ledger::{Entry, Hash};

use super::BeginRefusal;
use crate::basis::Standing;
use crate::fault::Fault;
use crate::keys::Pseudonym;
use crate::seal::Sealed;
use crate::words::{ClientId, DestinationName, PurposeName, State, TransferId};

/// Keeps transfers and the ledger in one durable commit. A method's `Ok` means: synced.
pub trait Recorder: Send + Sync {
    /// Takes the lease on an idempotency key, or says what is known of it.
    fn reserve(
        &self,
        scope: &IdempotencyScope,
    ) -> impl Future<Output = Result<Reservation, RecorderError>> + Send;

    /// Gives the lease back: only accepted answers use a key up.
    fn release(&self, scope: &IdempotencyScope);

    /// Commits the disclosure entry, the outbox row and the answer. Frees the lease.
    fn record(&self, acceptance: Acceptance) -> impl Future<Output = Result<Recorded, RecorderError>> + Send;

    /// Appends an entry that belongs to no transfer: a refusal, an act of an operator.
    fn note(&self, entry: Entry) -> impl Future<Output = Result<u64, RecorderError>> + Send;

    /// The consents and restrictions of a person towards a destination.
    fn standing(
        &self,
        subject: Pseudonym,
        destination: &DestinationName,
    ) -> impl Future<Output = Result<Standing, RecorderError>> + Send;

    /// Up to `limit` transfers of a destination whose next attempt is due, oldest first, and of each ordering key only
    /// the first that has not ended; then others whose deadline has passed, since they need not wait to expire. While an
    /// operator has paused the destination, only those whose deadline has passed.
    fn due(
        &self,
        destination: &DestinationName,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Due>, RecorderError>> + Send;

    /// Begins an attempt: commits it to the ledger, if the transfer has no final outcome and the subject's standing is
    /// still at `standing_version`, and no operator has paused the destination. Nobody else begins one before `lease_until`.
    fn begin(
        &self,
        transfer: TransferId,
        standing_version: u64,
        at: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Result<Begun, BeginRefusal>, RecorderError>> + Send;

    /// Commits how an attempt, or the transfer, ended. A final state erases the body in the same commit.
    fn end(&self, ending: Ending) -> impl Future<Output = Result<(), RecorderError>> + Send;

    /// What a client may see of its transfer.
    fn transfer(
        &self,
        transfer: TransferId,
    ) -> impl Future<Output = Result<Option<TransferView>, RecorderError>> + Send;
}

/// Why nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecorderError {
    /// Rolled back for want of space; it recovers by itself when there is space again.
    #[error("no space left to record")]
    Full,
    /// Somebody else holds the record; nothing was recorded, and the next try may succeed.
    #[error("somebody else holds the record")]
    Busy,
    /// An input/output error has latched the recorder: nothing is recorded until it has been restarted and verified.
    #[error("the recorder has failed and refuses until it is restarted and verified")]
    Latched,
    /// The transfer to be superseded has left, has ended, or is not this client's.
    #[error("the transfer to be superseded is not waiting any more")]
    SupersedesNotPossible,
    /// What is on disk is not what was written.
    #[error("the record is damaged: {0}")]
    Damaged(String),
}

/// An idempotency key, within the client that sent it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyScope {
    /// The client.
    pub client: ClientId,
    /// The keyed digest of the key.
    pub key: [u8; 32],
}

/// What is known of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// Nothing: the lease is taken.
    Fresh,
    /// A request with this key is being served.
    InProgress,
    /// A request with this key and this content was accepted, and was answered thus.
    Accepted {
        /// The keyed digest of its content.
        content: Content,
        /// The transfer.
        transfer: TransferId,
        /// The answer.
        answer: Vec<u8>,
    },
}

/// The keyed digest over the bytes of declaration and document parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content(pub [u8; 32]);

/// All that is committed when a transfer is accepted.
#[derive(Debug)]
pub struct Acceptance {
    /// The transfer.
    pub transfer: TransferId,
    /// When.
    pub accepted_at: Timestamp,
    /// After this it is not delivered any more.
    pub not_after: Timestamp,
    /// Who sent it.
    pub client: ClientId,
    /// For which purpose.
    pub purpose: PurposeName,
    /// Transfers with the same value keep their order.
    pub ordering: [u8; 32],
    /// The subject, for standing.
    pub subject: Pseudonym,
    /// The disclosure entry: the leaf of the ledger.
    pub leaf: Vec<u8>,
    /// Salts, reason and professional, encrypted: they lie beside the tree.
    pub aside: Vec<u8>,
    /// What will leave, sealed.
    pub sealed: Sealed,
    /// The undelivered transfer of the same client that this one replaces.
    pub supersedes: Option<TransferId>,
    /// The idempotency key.
    pub idempotency: IdempotencyScope,
    /// The content the key stands for.
    pub content: Content,
    /// The answer the client gets, now and when it repeats the request.
    pub answer: Vec<u8>,
}

/// A transfer is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The transfer.
    pub transfer: TransferId,
    /// The index of its disclosure entry.
    pub index: u64,
}

/// A transfer whose next attempt is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// The transfer.
    pub transfer: TransferId,
    /// Its disclosure entry, as the ledger has it.
    pub leaf: Vec<u8>,
    /// Whose standing it is, by the transfer's row: [`Question::of_entry`](crate::basis::Question::of_entry) holds it
    /// against the entry.
    pub subject: Pseudonym,
    /// The subject's standing now.
    pub standing: Standing,
    /// Its state.
    pub state: State,
    /// The attempts begun so far.
    pub attempts: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// After this it is not delivered any more.
    pub not_after: Timestamp,
    /// Whether the destination has confirmed a part of it.
    pub is_partly_done: bool,
}

/// An attempt that has begun, in the recorder's words.
#[derive(Debug)]
pub struct Begun {
    /// The number of the attempt, from 1.
    pub number: u32,
    /// Whether an earlier attempt ended without a readable answer.
    pub perhaps_delivered: bool,
    /// Whose standing was compared, by the transfer's row.
    pub subject: Pseudonym,
    /// The disclosure entry, read from the ledger in the same commit.
    pub leaf: Vec<u8>,
    /// What was sealed.
    pub sealed: Sealed,
    /// The numbers of the parts that the destination has confirmed.
    pub parts_done: BTreeSet<u32>,
}

/// How an attempt, or the transfer, ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The transfer.
    pub transfer: TransferId,
    /// When.
    pub at: Timestamp,
    /// The state it is in now.
    pub state: State,
    /// When to try again, unless the state is final.
    pub next_attempt_at: Option<Timestamp>,
    /// A code that says why, for whoever asks.
    pub code: Option<String>,
    /// The rule that withheld it.
    pub rule: Option<String>,
    /// What the destination says is wrong with it, item by item.
    pub faults: Vec<Fault>,
    /// What the destination calls it.
    pub reference: Option<String>,
    /// A commitment to the destination's proof, and the encrypted salt.
    pub proof: Option<(Hash, Vec<u8>)>,
    /// The numbers of the parts that the destination has confirmed now. What it has confirmed once is not forgotten, and a
    /// transfer of which it has confirmed a part cannot be withdrawn any more.
    pub parts_done: BTreeSet<u32>,
}

/// What a client may see of its transfer.
#[derive(Debug, Clone)]
pub struct TransferView {
    /// The transfer.
    pub transfer: TransferId,
    /// Whose it is.
    pub client: ClientId,
    /// Where it goes.
    pub destination: DestinationName,
    /// For which purpose.
    pub purpose: PurposeName,
    /// Its state.
    pub state: State,
    /// The attempts begun so far.
    pub attempts: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it reached its state.
    pub state_since: Timestamp,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// After this it is not delivered any more.
    pub not_after: Timestamp,
    /// Why the last attempt did not deliver it.
    pub code: Option<String>,
    /// What the destination says is wrong with it, item by item.
    pub faults: Vec<Fault>,
    /// What the destination calls it.
    pub reference: Option<String>,
    /// The index of its disclosure entry.
    pub index: u64,
}
