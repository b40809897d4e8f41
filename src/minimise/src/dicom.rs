//! Strict, streaming DICOM: a [`Reader`] that takes bytes as they come and gives events, and a [`Writer`].
//!
//! The gateway must see the document that its receiver sees. So the reader accepts what PS3.5 and PS3.10 call
//! conformant, as far as two readers could differ about it, and nothing else: see [`Reason`] for the list. It does no
//! input or output, builds no tree, allocates nothing from a length that it reads, and takes time linear in
//! the document. Memory is bounded by [`Limits`]; pixel data, encapsulated or not, pass through in chunks.
//!
//! What a file carries beside its data set does not reach the writer: it writes zeros as the preamble, file meta
//! information of its own, no lengths of groups, and no lengths of sequences and items.
//!
//! Neither knows what may leave: that is the projection's business, which stands between them. Nothing looks at pixels.
//!
//! # Why it reads by itself
//!
//! `dicom-object` and the parser below it allocate what a length says, inflate without a limit and recurse with
//! the nesting of sequences: 287 bytes cost 4.2 GB, and 147 kB end the process. They also pull from a source, so that
//! nothing can be read ahead and taken back. What is taken from that family is the dictionary. What is given up:
//! its users find faults before ours do. In exchange the tests compare with `pydicom` on all of its files.

mod characters;
mod event;
mod glimpse;
mod inflate;
mod instance;
mod limits;
mod malformed;
mod projection;
mod reader;
mod subject;
mod syntax;
mod tag;
#[cfg(test)]
mod tests;
mod value;
mod vr;
mod window;
mod writer;

pub use characters::{CharacterSets, Undecodable};
pub use event::{Event, Header, Preamble, Step};
pub(crate) use instance::is_uid;
pub use limits::Limits;
pub use malformed::{Malformed, Reason};
pub(crate) use projection::DicomProjection;
pub use reader::{Reader, Source};
pub use syntax::{ByteOrder, Coding, TransferSyntax};
pub use tag::{Registered, Tag};
pub use value::Text;
pub use vr::Vr;
pub use writer::{FileMeta, Mark, Writer};
