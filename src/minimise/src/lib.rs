#![doc = include_str!("../docs/profiles.md")]

pub mod json;

pub mod fault;
pub mod person;

mod automaton;
mod contained;
mod excess;
mod guard;
mod limits;
mod manifest;
mod names;
mod path;
mod profile;
mod project;
mod select;
mod tape;
#[cfg(test)]
mod tests;
mod value;

pub use excess::Reason;
pub use guard::SubjectProof;
pub use limits::Limits;
pub use manifest::{Dropped, Kept, Manifest};
pub use profile::{Profile, ProfileFault};
pub use project::{Declared, Projection, check_json, project};
