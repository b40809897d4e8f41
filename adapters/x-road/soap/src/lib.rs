//! X-Road SOAP on one page: the message protocol 4.0 as a codec. It opens no connection, keeps no state and knows no
//! service, and nothing of this project. Members, subsystems and services are named as in [`address`].
//!
//! # How X-Road works, seen from a client
//!
//! A client never talks to a service. It posts a message to the **Security Server** of its own organisation; that one
//! signs it, logs it and hands it to the Security Server of the provider, which hands it to the service. The answer comes
//! back the same way, in the same HTTP exchange. What the Security Servers need to know stands in the header of the
//! message; what the service needs is the one element in its body.
//!
//! ```text
//! <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">
//!   <s:Header xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers">
//!     <x:client id:objectType="SUBSYSTEM">…</x:client>          who calls: instance, class, member, subsystem
//!     <x:service id:objectType="SERVICE">…</x:service>          what is called: the same, service code, version
//!     <x:id>4894e35d-…</x:id>                                   the id of the message
//!     <x:userId>EE39901012239</x:userId>                        for whom
//!     <x:issue>bill 2026-0001</x:issue>                         why
//!     <x:protocolVersion>4.0</x:protocolVersion>
//!   </s:Header>
//!   <s:Body>
//!     <r:exampleService xmlns:r="…">…</r:exampleService>        named after the service code
//!   </s:Body>
//! </s:Envelope>
//! ```
//!
//! - The **answer** has the same header, and its element is named `exampleServiceResponse`. The provider's Security Server
//!   adds a `requestHash`, which ties it to the bytes of the request: [`Message::answers`] checks both.
//! - In place of an answer there may be a **fault**, of the service or of one of the Security Servers. Its code says whose
//!   fault it was, in an old spelling and a new one: [`Fault::blame`].
//! - **Attachments** make the message a `multipart/related` one, with the envelope as its first part. The body refers to
//!   them by `cid:` URLs, or by `xop:Include` (MTOM): [`package`], [`xop`].
//!
//! # How it is used
//!
//! ```text
//! let headers = Headers { issue: Some(Text::new("bill 2026-0001")?), ..Headers::new(client, service, id) };
//! let request = Message::new(headers, Element::parse(body, &limits)?)?;
//! let packed = pack(&request.to_xml(), &[], Style::Swa);           // to be posted, with packed.content_type
//! let received = unpack(content_type, &answer, &limits)?;          // what came back
//! match received.envelope {
//!     Envelope::Message(answer) => answer.answers(request.headers(), &packed.envelope)?,
//!     Envelope::Fault(fault) => …,
//! }
//! ```
//!
//! What is too large for memory is streamed: [`read_into`] passes a body on as it comes, [`package::Unpacking`] every
//! attachment; the memory it takes is that of the longest tag or text ([`Limits::token_bytes_max`]).
//!
//! # What is refused
//!
//! Whoever forwards a message must see the one that the receiver will see. Everything is therefore refused that two
//! readers may understand differently, and everything that SOAP 1.1 or the protocol forbids: document types and with
//! them all entities of one's own, processing instructions, XML that is not (namespace-)well-formed, header elements that
//! are missing, come twice or contradict themselves, other versions, bodies with more or less than one element or one of
//! another name, multipart messages with hidden or ambiguous parts. [`EnvelopeError::code`] names each as a Security
//! Server would.
//!
//! No error and no `Debug` output has a value of a message in it.
//!
//! Not read: `quoted-printable`, encodings other than UTF-8, RPC style, central services (which protocol version 4.0.23
//! took out).

pub mod address;
mod element;
mod error;
mod fault;
mod hash;
mod headers;
mod limits;
mod message;
pub mod mime;
mod names;
pub mod package;
mod read;
mod text;
mod tree;
mod write;
mod xml;
pub mod xop;

pub use self::element::{Element, ElementName};
pub use self::error::{EnvelopeError, Field};
pub use self::fault::{Blame, Fault, FaultCode};
pub use self::hash::{HashAlgorithm, HashError, RequestHash};
pub use self::headers::{Headers, SecurityToken};
pub use self::limits::Limits;
pub use self::message::{AnswerError, Envelope, Kind, Message};
pub use self::names::{Client, RepresentedParty, ServerId, Service};
pub use self::read::{Head, read, read_into, read_services};
pub use self::text::{MessageId, Text, TextError};
pub use self::tree::Node;
pub use self::xml::{XmlError, XmlLimit, escaped};

#[cfg(test)]
mod tests;

/// The namespace of SOAP 1.1.
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The namespace of the header elements.
const X_ROAD: &str = "http://x-road.eu/xsd/xroad.xsd";
/// The namespace of identifiers.
const IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
/// The namespace of the extension for represented parties.
const REPRESENTATION: &str = "http://x-road.eu/xsd/representation.xsd";
/// The namespace of the extension for security tokens.
const SECURITY_TOKEN: &str = "http://x-road.eu/xsd/security-token.xsd";
/// The one version that is spoken.
const PROTOCOL_VERSION: &str = "4.0";
