//! The journey of an inquiry, as types: what is read back from a destination is minimised, permitted and recorded before
//! anybody sees it.
//!
//! ```text
//! Request ─lawful─▶ LawfulRequest ─ask─▶ Asking ─record─▶ Inquiry ─read─▶ Reading ─┐
//!                                              └────────▶ Pending ───conclude──────┴─▶ Released
//! ```
//!
//! [`Inquiry`] is handed to the adapter by value, once; [`Pending`] stays behind and is the only maker of [`Released`].
//! Both come of one synced commit, because a question tells the destination whom it is about. An inquiry whose `Pending` is
//! dropped (the process was killed) is on record without an end, which is what the ledger then says.

mod asking;
mod record;
mod recorder;
mod release;
#[cfg(test)]
mod tests;

pub use self::asking::{Asking, Inquiry, LawfulRequest, Pending, Request, Terms};
pub use self::record::InquiryFailure;
pub use self::recorder::{AnswerRecord, InquiryRecord, InquiryRecorder, StandingChanged};
pub use self::release::{Closing, Released, ReleasedDocument, Unreleased};
