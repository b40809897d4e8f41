#![doc = include_str!("../docs/profiles.md")]

pub mod dicom;
pub mod fault;
pub mod person;
pub mod xml;

mod automaton;
mod excess;
mod guard;
mod json;
mod limits;
mod manifest;
mod names;
mod path;
mod profile;
mod project;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use excess::Reason;
pub use guard::SubjectProof;
pub use json::{check_json, check_json_within};
pub use limits::Limits;
pub use manifest::{Dropped, Kept, Manifest};
pub use profile::{Profile, ProfileFault};
pub use project::{Declared, Projected, Projection, Projector, project};
