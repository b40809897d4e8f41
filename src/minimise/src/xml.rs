//! Strict, streaming XML: a [`Reader`] that takes bytes as they come and gives events, and a [`Writer`].
//!
//! The gateway must see the document that its receiver sees. So the reader accepts what XML 1.0 (5th edition) and
//! Namespaces in XML 1.0 call well-formed, as UTF-8 and without a document type declaration, and nothing else:
//! see [`Reason`] for the list. It does no input or output, builds no tree, allocates nothing per element, and
//! takes time linear in the document however that was cut into chunks. Memory is bounded by [`Limits`].
//!
//! Reader and writer do not know what may leave; that is the business of the projection, which stands between them.
//!
//! # Why it reads by itself
//!
//! The obvious ground to build on is the reader of `quick-xml`. It finds where tokens end, and leaves names, attributes,
//! characters and namespaces to a second pass over the same bytes. It borrows all of its input, so that a reader fed in
//! pieces would make a new one, with its stacks, for every piece. And what it would take over, finding the next `<` and
//! the closing `>`, is the smallest part of the work. Checking while scanning reads about as fast with every check as
//! `quick-xml` does with next to none, and twice as fast as it does with attributes and namespaces:
//! `examples/xml_throughput.rs` prints the table. What is given up is that the users of `quick-xml` find its faults
//! before ours do; against that stand the public suite of J. Clark and the properties in the tests.

mod aside;
mod classes;
mod declaration;
mod event;
mod limits;
mod look;
mod malformed;
mod names;
mod namespaces;
mod projection;
mod reader;
mod reference;
mod subject;
mod tag;
#[cfg(test)]
mod tests;
mod trail;
mod vocabulary;
mod window;
mod writer;

pub use event::{Attribute, Attributes, Event, Name, Start, Step};
pub use limits::Limits;
pub use malformed::{Malformed, Reason};
pub use namespaces::NamespaceId;
pub(crate) use projection::{XmlProjection, limits_of};
pub use reader::Reader;
pub(crate) use vocabulary::cda_names;
pub use writer::{Mark, Writer};
