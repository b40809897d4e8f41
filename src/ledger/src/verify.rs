//! The offline verifier: reads records in order and names the first bad one (`docs/format.md` section 8).
//!
//! It believes nothing but the checkpoints it is given, which are signed. It remembers open transfers and inquiries and
//! each subject's standing, not what has ended. What it cannot show (a rollback of everything, say) is said in the format page.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::checkpoint::SignedCheckpoint;
use crate::entry::{Entry, EntryError, Kind, NoRelease, Release};
use crate::export::ExportError;
use crate::hash::Hash;
use crate::keys::Origin;
use crate::tree::{Frontier, leaf_hash};
use crate::values::{Code, Count, Pseudonym};

/// One row of a ledger, as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The index it claims.
    pub index: u64,
    /// Its leaf.
    pub leaf: &'a [u8],
    /// The leaf hash stored beside it, or apart from it in tiles. With it, an alteration is named exactly.
    pub hash: Option<Hash>,
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {index}: {fault}")]
pub struct Finding {
    /// The first bad record. For [`Fault::Root`] it is this one or one after it, below the size named there.
    pub index: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a record, or with the ledger from that record on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Another record stands here: this one is missing, or the order is not kept.
    #[error("record {found} stands in its place: it is missing, or the order is not kept")]
    Misplaced {
        /// The index of the record that stands here.
        found: u64,
    },
    /// The leaf does not have the hash that is stored for it.
    #[error("the leaf does not have its stored hash: one of them was altered")]
    Altered,
    /// The leaf is not an entry.
    #[error(transparent)]
    Entry(EntryError),
    /// A disclosure of a transfer that is open already.
    #[error("its transfer was disclosed already")]
    DisclosedTwice,
    /// An attempt or outcome of a transfer that is not open.
    #[error("its transfer was never disclosed, or has reached a final outcome already")]
    NotOpen,
    /// An inquiry that is open already.
    #[error("its inquiry was recorded already")]
    InquiredTwice,
    /// A release, or that there was none, of an inquiry that is not open.
    #[error("its inquiry was never recorded, or has ended already")]
    NotInquired,
    /// A standing that is not newer than the subject's last.
    #[error("the subject's standing goes from version {last} to {found}")]
    StandingBackwards {
        /// The version before.
        last: Count,
        /// The version of this record.
        found: Count,
    },
    /// The root is not the one that was signed.
    #[error(
        "the root differs from the checkpoint of size {size}: this record or a later one below {size} is wrong"
    )]
    Root {
        /// The size of the checkpoint.
        size: u64,
    },
    /// The records end here although there were more.
    #[error("it is missing: there were {size} records")]
    Missing {
        /// How many records there were.
        size: u64,
    },
    /// Two checkpoints of one size and different roots are signed: the log has two histories.
    #[error("two checkpoints of size {size} are signed for different roots")]
    Forked {
        /// The size of both.
        size: u64,
    },
    /// A checkpoint of another log.
    #[error("a checkpoint is of another log")]
    OtherOrigin,
    /// A checkpoint came after records that it does not count, so that its root can no longer be compared.
    #[error("a checkpoint of size {size} came too late to be compared")]
    Late {
        /// The size of the checkpoint.
        size: u64,
    },
    /// The export file is not as it should be at this point.
    #[error(transparent)]
    Export(ExportError),
}

impl Fault {
    /// The fault's name in `docs/format.md` section 8, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Misplaced { .. } => "misplaced",
            Self::Altered => "altered",
            Self::Entry(_) => "entry",
            Self::DisclosedTwice => "disclosed-twice",
            Self::NotOpen => "not-open",
            Self::InquiredTwice => "inquired-twice",
            Self::NotInquired => "not-inquired",
            Self::StandingBackwards { .. } => "standing-backwards",
            Self::Root { .. } => "root",
            Self::Missing { .. } => "missing",
            Self::Forked { .. } => "forked",
            Self::OtherOrigin => "other-origin",
            Self::Late { .. } => "late",
            Self::Export(_) => "export",
        }
    }
}

/// A ledger without fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// How many entries there are of each kind; kinds without entries are left out.
    pub entries: BTreeMap<Kind, u64>,
    /// How many checkpoints agreed.
    pub checkpoints: u64,
    /// The size of the last checkpoint that agreed: what comes after it no signature protects yet.
    pub signed_size: u64,
    /// How many transfers have no final outcome yet.
    pub open_transfers: u64,
    /// Of how many inquiries it is not said whether anything was released.
    pub open_inquiries: u64,
}

/// Verifies `records`, in order, against `checkpoints`, in any order.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn verify<'a>(
    records: impl IntoIterator<Item = Record<'a>>,
    checkpoints: &[SignedCheckpoint],
) -> Result<Report, Finding> {
    let verification = checkpoints.iter().try_fold(Verification::new(), Verification::checkpoint)?;
    records.into_iter().try_fold(verification, Verification::record)?.finish()
}

/// A verification under way.
///
/// Each step consumes it and gives it back, so that nothing can go on after a finding.
#[derive(Debug, Default)]
pub struct Verification {
    frontier: Frontier,
    origin: Option<Origin>,
    // Roots that were signed for this size and for sizes not yet reached.
    awaited: BTreeMap<u64, Hash>,
    checkpoints: u64,
    signed_size: u64,
    entries: BTreeMap<Kind, u64>,
    open: HashSet<Code>,
    inquiries: HashSet<Code>,
    standings: HashMap<Pseudonym, Count>,
}

impl Verification {
    /// Before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records were good.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Takes a checkpoint into account, now or when its size is reached.
    ///
    /// # Errors
    ///
    /// When it does not agree with the records so far or with another checkpoint.
    pub fn checkpoint(mut self, signed: &SignedCheckpoint) -> Result<Self, Finding> {
        let checkpoint = signed.checkpoint();
        let size = checkpoint.size;
        if *self.origin.get_or_insert_with(|| checkpoint.origin.clone()) != checkpoint.origin {
            return Err(self.finding(Fault::OtherOrigin));
        }
        if size < self.size() {
            return Err(self.finding(Fault::Late { size }));
        }
        if *self.awaited.entry(size).or_insert(checkpoint.root) != checkpoint.root {
            return Err(self.finding(Fault::Forked { size }));
        }
        self.checkpoints += 1;
        self.compare_root()
    }

    /// Takes the next record.
    ///
    /// # Errors
    ///
    /// When it is not the one that belongs here.
    pub fn record(mut self, record: Record<'_>) -> Result<Self, Finding> {
        let hash = leaf_hash(record.leaf);
        let judged = self.judge(&record, hash);
        let kind = judged.map_err(|fault| self.finding(fault))?;
        *self.entries.entry(kind).or_default() += 1;
        self.frontier.append(hash);
        self.compare_root()
    }

    /// Ends the verification after the last record.
    ///
    /// # Errors
    ///
    /// When a checkpoint counts more records.
    pub fn finish(self) -> Result<Report, Finding> {
        if let Some((&size, _)) = self.awaited.range(self.size() + 1..).next() {
            return Err(self.finding(Fault::Missing { size }));
        }
        Ok(Report {
            size: self.size(),
            root: self.frontier.root(),
            entries: self.entries,
            checkpoints: self.checkpoints,
            signed_size: self.signed_size,
            open_transfers: self.open.len() as u64,
            open_inquiries: self.inquiries.len() as u64,
        })
    }

    /// A finding at the record expected next.
    pub(crate) fn finding(&self, fault: Fault) -> Finding {
        Finding { index: self.size(), fault }
    }

    /// Compares the root with the checkpoint of this size, if there is one.
    fn compare_root(mut self) -> Result<Self, Finding> {
        let size = self.size();
        if let Some(signed) = self.awaited.get(&size) {
            if *signed != self.frontier.root() {
                return Err(Finding { index: self.signed_size, fault: Fault::Root { size } });
            }
            self.signed_size = size;
            // The present one stays, to be compared with another of its size; those before it are done with.
            self.awaited = self.awaited.split_off(&size);
        }
        Ok(self)
    }

    /// Checks a record by itself and against those before it, and remembers what later ones depend on.
    fn judge(&mut self, record: &Record<'_>, hash: Hash) -> Result<Kind, Fault> {
        if record.index != self.size() {
            return Err(Fault::Misplaced { found: record.index });
        }
        if record.hash.is_some_and(|stored| stored != hash) {
            return Err(Fault::Altered);
        }
        let entry = Entry::decode(record.leaf).map_err(Fault::Entry)?;
        match &entry {
            Entry::Disclosure(disclosure) => {
                if !self.open.insert(disclosure.transfer.clone()) {
                    return Err(Fault::DisclosedTwice);
                }
            }
            Entry::Attempt(attempt) => {
                if !self.open.contains(&attempt.transfer) {
                    return Err(Fault::NotOpen);
                }
            }
            Entry::Outcome(outcome) => {
                let known = if outcome.state.is_final() {
                    self.open.remove(&outcome.transfer)
                } else {
                    self.open.contains(&outcome.transfer)
                };
                if !known {
                    return Err(Fault::NotOpen);
                }
            }
            Entry::Inquiry(asked) => {
                if !self.inquiries.insert(asked.inquiry.clone()) {
                    return Err(Fault::InquiredTwice);
                }
            }
            Entry::Release(Release { inquiry, .. }) | Entry::NoRelease(NoRelease { inquiry, .. }) => {
                if !self.inquiries.remove(inquiry) {
                    return Err(Fault::NotInquired);
                }
            }
            Entry::Standing(standing) => {
                let found = standing.version;
                match self.standings.insert(standing.subject.clone(), found) {
                    Some(last) if last >= found => return Err(Fault::StandingBackwards { last, found }),
                    _ => {}
                }
            }
            Entry::Refusal(_) | Entry::Administration(_) => {}
        }
        Ok(entry.kind())
    }
}
