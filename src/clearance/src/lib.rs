//! The heart of Clearance: the vocabulary, legal basis, minimisation, sealing and the adapter contract.
//!
//! No network, no database: those are handed in behind [`journey::Recorder`] and [`adapter::Transport`].
//!
//! | to read about | see |
//! |---|---|
//! | the stages a transfer passes, as types | [`journey`] |
//! | what a client states | [`declaration`], [`client`] |
//! | whether it may be sent | [`basis`] |
//! | what of a document may leave | [`minimise`] |
//! | how it rests on disk | [`seal`], [`keys`] |
//! | what a destination is | [`destination`], [`adapter`] |
//! | how a no is said | [`refusal`], [`fault`] |
//! | names, states, persons, time | [`words`], [`person`], [`clock`] |

pub mod adapter;
pub mod basis;
pub mod client;
pub mod clock;
pub mod declaration;
pub mod destination;
pub mod journey;
pub mod keys;
pub mod refusal;
pub mod seal;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod words;

pub use minimise::{self, fault, person};

#[cfg(test)]
mod tests {
    #[test]
    fn no_stage_can_be_forged_copied_skipped_or_reordered() {
        let cases = trybuild::TestCases::new();
        cases.compile_fail("../../tests/compile_fail/*.rs");
    }
}
