//! What operators do to what waits, in the words of every store.

use clearance::words::{DestinationName, TransferId};
use jiff::Timestamp;
use ledger::{Administration, Code, Text};

/// Who acts, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Who, as the gateway knows them.
    pub who: Code,
    /// When.
    pub at: Timestamp,
    /// Why, in a line that names nobody.
    pub reason: Text,
}

/// What is done to a transfer that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// It is tried now, instead of at its next time.
    Retry,
    /// It is given up.
    Discard {
        /// Whether it has been cleared up with the destination what became of attempts without a readable answer.
        cleared_up: bool,
    },
}

/// Why nothing is done to a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    /// There is no such transfer.
    NotFound,
    /// It has ended.
    Ended,
    /// An attempt is under way.
    UnderWay,
    /// Another of its ordering key comes first.
    Behind,
    /// It may have arrived: somebody has to ask the destination first.
    PerhapsDelivered,
}

/// What became of an act on many transfers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handled {
    /// Those to which it was done, or would be.
    pub done: Vec<TransferId>,
    /// The others.
    pub skipped: Vec<(TransferId, Skipped)>,
}

/// A destination to which nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Which.
    pub destination: DestinationName,
    /// Since when.
    pub since: Timestamp,
    /// By whom.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// What is done to a destination.
pub(crate) const PAUSE: &str = "pause";
/// The end of that.
pub(crate) const RESUME: &str = "resume";

impl Handling {
    /// As the ledger calls it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard { cleared_up: false } => "discard",
            Self::Discard { cleared_up: true } => "discard-cleared-up",
        }
    }
}

impl Skipped {
    /// As operators see it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Ended => "ended",
            Self::UnderWay => "under-way",
            Self::Behind => "behind-another",
            Self::PerhapsDelivered => "perhaps-delivered",
        }
    }
}

impl Operator {
    /// The entry of this act: what was done, and to what.
    ///
    /// # Errors
    /// When the ledger cannot hold it.
    pub fn entry(&self, action: &str, object: &str) -> Result<Administration, ledger::ValueError> {
        Ok(Administration {
            at: self.at.try_into()?,
            who: self.who.clone(),
            action: action.parse()?,
            object: format!("{object}: {}", self.reason.as_str()).parse()?,
        })
    }
}
