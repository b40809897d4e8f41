//! The journey of a transfer, as types; that of an inquiry is in `inquiry`.
//!
//! ```text
//! Submission ─lawful─▶ Lawful ─minimise─▶ Minimal ─shape─▶ Outgoing ─record─▶ Sealed ─open─▶ Opened ─prove─▶ Cleared
//! ```
//!
//! Each stage consumes the one before, has private fields and exactly one maker, so the order cannot be changed and no
//! stage skipped: the next one cannot be built without it. `tests/compile_fail` holds the attempts.

mod arrival;
mod envelope;
mod inquiry;
mod intake;
mod open;
mod parts;
mod record;
mod recorder;
#[cfg(test)]
mod tests;

pub use self::arrival::{Arriving, BrokenOff, Keeping, NotMinimal};
pub use self::inquiry::{
    AnswerRecord, Asking, Closing, Inquiry, InquiryFailure, InquiryRecord, InquiryRecorder, LawfulRequest,
    Pending, Released, ReleasedDocument, Request, StandingChanged, Terms, Unreleased,
};
pub use self::intake::{Document, Lawful, Minimal, Outgoing, Payload, SubjectProof, Submission};
pub use self::open::{Attempt, BeginRefusal, Cleared, OpenRefusal, Opened, Unproven};
pub use self::parts::{ClearedPart, HEAD_BYTES_MAX, Part};
pub use self::record::{Aside, Particulars, RecordFailure, Vault};
pub use self::recorder::{
    Acceptance, Begun, Content, Due, Ending, IdempotencyScope, Recorded, Recorder, RecorderError,
    Reservation, TransferView,
};
