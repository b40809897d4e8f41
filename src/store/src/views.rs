//! What a store is asked for beyond the journey, and what it answers, whichever database it is on.

use clearance::basis::Standing;
use clearance::journey::TransferView;
use clearance::words::{ClientId, DestinationName, State, TransferId};
use jiff::{SignedDuration, Timestamp};
use ledger::{Change, Code, Hash, Matter, Pseudonym};

/// How long an idempotency key outlives the final state of its transfer.
pub const IDEMPOTENCY_KEY_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The most rows that one call gives.
pub const PAGE_ROWS_MAX: usize = 1024;

/// The most rows that one call looks at for those that fit.
pub const PAGE_ROWS_SEEN_MAX: usize = 4096;

/// A transfer has reached a state, and that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The transfer.
    pub transfer: TransferId,
    /// Where it goes.
    pub destination: DestinationName,
    /// The state it is in now.
    pub state: State,
}

/// What waits for a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    /// The destination.
    pub destination: DestinationName,
    /// The transfers that have not ended.
    pub pending: u64,
    /// Those of them that could be tried now.
    pub due: u64,
    /// Those of them whose last attempt has no readable answer.
    pub unknown: u64,
    /// When the oldest of them was accepted.
    pub oldest_accepted_at: Timestamp,
}

/// A certificate that a client came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its SHA-256.
    pub certificate: [u8; 32],
    /// The SHA-256 of its SubjectPublicKeyInfo.
    pub key: [u8; 32],
    /// Whom it was registered for.
    pub client: ClientId,
    /// When it expires.
    pub not_after: Timestamp,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
}

/// What became of an ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// It is on record.
    Recorded,
    /// The transfer had reached this final state before. That one stands; nothing was recorded.
    AlreadyEnded(State),
}

/// What became of a wish to withdraw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is withdrawn, and its body erased.
    Withdrawn,
    /// An attempt is under way.
    UnderWay,
    /// An attempt had no readable answer: it may have arrived, so that nobody can say it was withdrawn.
    PerhapsDelivered,
    /// It had ended before.
    AlreadyEnded(State),
    /// The client has no such transfer.
    NotFound,
}

/// A consent or restriction that a client tells the gateway of.
#[derive(Debug, Clone)]
pub struct StandingChange {
    /// When the gateway was told.
    pub at: Timestamp,
    /// Whose it is.
    pub subject: Pseudonym,
    /// Towards whom.
    pub destination: DestinationName,
    /// Consent or restriction.
    pub matter: Matter,
    /// Given or withdrawn.
    pub change: Change,
    /// Which one. Of several, each stands for itself: consent is given while one is, and a restriction lifted when all are.
    pub id: Code,
}

/// A consent or restriction is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingRecorded {
    /// The index of its entry.
    pub index: u64,
    /// What all that the subject has said towards the destination comes to from here on.
    pub standing: Standing,
    /// The subject's transfers to the destination of which an attempt had begun before.
    pub under_way: Vec<TransferId>,
}

/// Which transfers to list. What is left out does not matter.
#[derive(Debug, Clone, Default)]
pub struct TransferFilter {
    /// Those of this client.
    pub client: Option<ClientId>,
    /// Those to this destination.
    pub destination: Option<DestinationName>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those whose disclosure stands before this index: the last of a page leads to the next.
    pub before: Option<u64>,
}

/// A page of transfers, the newest first.
#[derive(Debug, Clone)]
pub struct TransferPage {
    /// Those that fit.
    pub transfers: Vec<TransferView>,
    /// `before` of the next page, unless nothing is left. There may be a next page after one that is not full: no more than
    /// [`PAGE_ROWS_SEEN_MAX`] rows are looked at for one.
    pub next: Option<u64>,
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its index.
    pub index: u64,
    /// Its leaf.
    pub leaf: Vec<u8>,
    /// The leaf hash stored beside it.
    pub hash: Hash,
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Commits, each synced once.
    pub commits: u64,
    /// Commands that were committed; divided by `commits`, the mean size of a group.
    pub commands: u64,
    /// The commands of the largest group.
    pub group_max: u64,
    /// Checkpoints of the write-ahead log.
    pub checkpoints: u64,
}
