//! What an adapter is: all there is to know about one destination, behind two functions for what is sent and two for what
//! is read back.
//!
//! [`Adapter::shape`] is pure and runs at intake; what it returns is what is recorded, sealed and shown by a check.
//! [`Adapter::deliver`] only adds framing: envelope, headers, token, patient reference, signature. An adapter tries once
//! and classifies the outcome; retries are the gateway's. It never sees the store, the ledger or another adapter.
//!
//! [`Adapter::ask`] and [`Adapter::read`] are the same for a question: the first is pure, the second asks once.

mod parameters;
mod reading;

use std::collections::{BTreeSet, VecDeque};
use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::declaration::LegalBasis;
use crate::fault::Fault;
use crate::journey::{Cleared, Inquiry, Minimal, Outgoing};
use crate::person::{Identifier, Private};
use crate::seal::{PartFailure, PartReader};
use crate::words::PurposeName;

pub use self::parameters::Parameters;
pub use self::reading::{Answer, Direction, Query, Reading};

/// A future that an adapter returns.
pub type Promise<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One destination.
pub trait Adapter: Send + Sync + Debug {
    /// What it carries, under which rules.
    fn description(&self) -> &Description;

    /// The facts of a document that the rules for `purpose` rest on; none unless the adapter says so.
    fn facts(&self, _purpose: &str) -> Option<&dyn DocumentFacts> {
        None
    }

    /// What is amiss with a document that does not fit the profile of `purpose` as a whole, such as being of another kind:
    /// told first, before each thing that the profile does not allow. The document is as it was received.
    fn misfit(&self, _purpose: &str, _document: &[u8]) -> Option<Fault> {
        None
    }

    /// Builds what will leave. Pure: no clock, no network, the same for a check as for a transfer.
    ///
    /// # Errors
    /// All faults of the document as this destination sees it.
    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>>;

    /// Hands it over, once: one permit, one send.
    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome>;

    /// Reads the parameters of a question, typed and bounded by what `purpose` knows. Pure; what it returns is what is
    /// committed to on record and what [`read`](Self::read) finds in the inquiry.
    ///
    /// # Errors
    /// All faults of the parameters. Without a purpose that reads, there is nothing to ask.
    fn ask(&self, purpose: &PurposeName, parameters: Parameters<'_>) -> Result<Query, Vec<Fault>> {
        let _ = (purpose, parameters);
        Err(vec![reading::not_carried()])
    }

    /// Asks the destination, once: one permit, one question. No answer is tried for twice, because the client waits.
    fn read<'a>(&'a self, inquiry: Inquiry, means: &'a Means<'a>) -> Promise<'a, Reading> {
        let _ = (inquiry, means);
        Box::pin(async { Reading::Failed(Setback::new(reading::NOT_CARRIED)) })
    }
}

/// Facts that rules rest on and that only the document can tell, such as who pays. A rule sees `kind:document` as evidence
/// of each that holds.
pub trait DocumentFacts: Send + Sync + Debug {
    /// Their kinds: before the document is read, each is taken to hold, so that a no then holds for any document.
    fn kinds(&self) -> &[&'static str];

    /// What in the minimised document speaks against them; the rule of each fault is the kind of the fact that does not
    /// hold. Pure.
    fn against(&self, document: &[u8]) -> Vec<Fault>;
}

/// What an adapter carries, under which rules.
#[derive(Debug, Clone)]
pub struct Description {
    /// One sentence for `GET /v1/destinations`.
    pub summary: &'static str,
    /// Its policies, in Cedar.
    pub policies: &'static str,
    /// Data categories that never go there, whatever is permitted.
    pub never: &'static [&'static str],
    /// Its purposes.
    pub purposes: Vec<PurposeDescription>,
}

/// One purpose of a destination.
#[derive(Debug, Clone)]
pub struct PurposeDescription {
    /// Its name.
    pub name: &'static str,
    /// One sentence for `GET /v1/destinations`.
    pub summary: &'static str,
    /// Whether documents are sent for it, or read back.
    pub direction: Direction,
    /// The HL7 v3 ActReason code.
    pub act_reason: &'static str,
    /// The legal bases that its rules accept, as an integrator would declare them.
    pub bases: Vec<LegalBasis>,
    /// How many documents a transfer carries, and how.
    pub documents: Documents,
    /// The media types of a document; of the answer's documents, where it reads.
    pub media_types: &'static [&'static str],
    /// The profile, in the profile language: of what leaves, or of what of an answer reaches the client.
    pub profile: &'static str,
    /// Whether the declaration must name a recipient.
    pub needs_recipient: bool,
    /// Who gets it from the destination, where the destination is not the last.
    pub onward_recipient: Option<&'static str>,
}

/// How many documents a transfer carries, and how they travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// One, in memory: the adapter sees all of it and builds what leaves.
    One,
    /// Up to `max`, accepted or refused together. They are minimised and sealed as they come, whatever their size; the
    /// adapter sees their beginnings, and hands them on as they are.
    Streamed {
        /// How many at most.
        max: usize,
        /// How many bytes at most, all together, as received.
        bytes_max: u64,
    },
}

/// What an adapter works with.
#[derive(Debug)]
pub struct Means<'a> {
    /// The time.
    pub clock: &'a dyn Clock,
    /// No call may last longer.
    pub deadline: Timestamp,
    /// How to reach the peer.
    pub transport: &'a dyn Transport,
    /// Signs payloads.
    pub signer: &'a dyn PayloadSigner,
}

/// Signs what leaves, with the clinic's payload key (Ed25519).
pub trait PayloadSigner: Send + Sync + Debug {
    /// The id under which the peer knows the public key.
    fn key_id(&self) -> &str;
    /// The 64 bytes of the signature over `message`.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Owns HTTP clients, pools, certificates, address rules and tracing: no adapter builds a client.
pub trait Transport: Send + Sync + Debug {
    /// Makes one call. Redirects are not followed.
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>>;
}

/// One HTTP call to a partner. Its `Debug` shows neither headers nor body.
pub struct Call {
    /// Whose certificates and address rules apply: a name from the configuration.
    pub peer: String,
    /// The method.
    pub method: Method,
    /// The whole URL. It may hold an identifier, so it does not print.
    pub url: Private,
    /// The URL as traces may show it, with `{…}` for whatever names a person or a document.
    pub url_template: String,
    /// The headers. They are never logged.
    pub headers: HeaderMap,
    /// The body: bytes, or pieces that are read as they are sent.
    pub body: CallBody,
    /// When to give up.
    pub deadline: Timestamp,
    /// The largest answer that is read, in bytes.
    pub answer_bytes_max: usize,
}

/// The body of a call, whose length is known before it is sent. Its `Debug` shows no content.
#[derive(Debug, Default)]
pub struct CallBody(VecDeque<Piece>);

/// A piece of a body.
pub enum Piece {
    /// In memory.
    Bytes(Bytes),
    /// A part of a cleared transfer.
    Part(PartReader),
}

impl Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Piece({} bytes)", self.length())
    }
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part(part) => part.length(),
        }
    }
}

impl From<Bytes> for CallBody {
    fn from(bytes: Bytes) -> Self {
        Self(VecDeque::from([Piece::Bytes(bytes)]))
    }
}

impl FromIterator<Piece> for CallBody {
    fn from_iter<I: IntoIterator<Item = Piece>>(pieces: I) -> Self {
        Self(pieces.into_iter().collect())
    }
}

impl CallBody {
    /// How many bytes it has; asked before it is read.
    pub fn length(&self) -> u64 {
        self.0.iter().map(Piece::length).sum()
    }

    /// All of it, where all of it is in memory in one piece.
    pub fn in_memory(&self) -> Option<Bytes> {
        let mut pieces = self.0.iter();
        match (pieces.next(), pieces.next()) {
            (None, _) => Some(Bytes::new()),
            (Some(Piece::Bytes(bytes)), None) => Some(bytes.clone()),
            _ => None,
        }
    }

    /// The next bytes; nothing at the end.
    ///
    /// # Errors
    /// When a part cannot be read: the call must be broken off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, PartFailure> {
        while let Some(piece) = self.0.front_mut() {
            let next = match piece {
                Piece::Bytes(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
                Piece::Part(part) => part.next().await?,
            };
            match next {
                Some(bytes) => return Ok(Some(bytes)),
                None => self.0.pop_front(),
            };
        }
        Ok(None)
    }
}

/// What came back. Its `Debug` shows neither headers nor body.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peer, url, bytes) = (&self.peer, &self.url_template, self.body.length());
        write!(f, "Call({} {url} to {peer}, {bytes} bytes)", self.method)
    }
}

impl Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status.as_u16(), self.body.len())
    }
}

impl Debug for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Acknowledgement({} bytes)", self.proof.len())
    }
}

impl Debug for IndexInquiry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexInquiry({})", self.message)
    }
}

/// Why no answer came. What matters is whether the peer may have acted on the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The address is not one that the configuration allows for this peer.
    #[error("the address is not allowed for this peer")]
    NotAllowed,
    /// No connection: the peer has seen nothing.
    #[error("the peer could not be reached")]
    NotReached,
    /// The TLS handshake failed: the peer has seen nothing.
    #[error("the TLS handshake with the peer failed")]
    Handshake,
    /// The chain of the peer holds, and its key is none that it is pinned to: the peer has seen nothing.
    #[error("the peer's key is not one that it is pinned to")]
    NotPinned,
    /// The call was sent, in part at least, and no answer came in time.
    #[error("no answer came in time")]
    TimedOut,
    /// The call was sent, in part at least, and the connection broke.
    #[error("the connection broke before the answer")]
    Broken,
    /// The answer was larger than the call allowed.
    #[error("the answer was larger than expected")]
    AnswerTooLarge,
}

impl CallFailure {
    /// Whether the peer may have seen the call.
    pub const fn may_have_arrived(self) -> bool {
        match self {
            Self::NotAllowed | Self::NotReached | Self::Handshake | Self::NotPinned => false,
            Self::TimedOut | Self::Broken | Self::AnswerTooLarge => true,
        }
    }

    /// A code for metrics and the transfer's attempts.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAllowed => "address-not-allowed",
            Self::NotReached => "not-reached",
            Self::Handshake => "tls-handshake",
            Self::NotPinned => "key-not-pinned",
            Self::TimedOut => "timed-out",
            Self::Broken => "connection-broken",
            Self::AnswerTooLarge => "answer-too-large",
        }
    }
}

/// How one attempt ended. Success is read from the destination's answer, never from a status code alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has confirmed.
    Delivered(Acknowledgement),
    /// The destination has said no, and would say it again.
    Refused(DestinationRefusal),
    /// It did not happen, and may work later.
    Failed(Setback),
    /// It may have happened: the next attempt asks first.
    Unknown(Setback),
    /// The patient index knows the declared subject by another id than the document names.
    AnotherSubject,
    /// Parts of it have arrived, and are not sent again; the others are sent in another attempt.
    Partly {
        /// The numbers of the parts that the destination has confirmed in this attempt.
        done: BTreeSet<u32>,
        /// Why not the others; nothing when they were not tried, and may be at once.
        setback: Option<Setback>,
    },
}

/// The destination's proof. Its `Debug` shows neither proof nor reference, which are in the destination's words.
#[derive(Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// What the destination calls it, such as `Composition/123/_history/1`. Shown to the client.
    pub reference: Option<String>,
    /// The bytes that prove it; only a salted commitment to them is kept.
    pub proof: Bytes,
}

/// A no from the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationRefusal {
    /// A code: the destination's own where it has one.
    pub code: String,
    /// Item by item; never the destination's text, which may quote the document.
    pub faults: Vec<Fault>,
}

/// Why an attempt did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setback {
    /// A code, such as `not-reached` or `x-road-server-clientproxy`.
    pub code: String,
    /// When the peer asked to be asked again.
    pub retry_after: Option<Duration>,
}

impl Setback {
    /// A setback with `code`.
    pub fn new(code: impl Into<String>) -> Self {
        Self { code: code.into(), retry_after: None }
    }
}

impl From<CallFailure> for Outcome {
    /// For the call that carries the document; for calls before it, use [`Outcome::before_sending`].
    fn from(failure: CallFailure) -> Self {
        let setback = Setback::new(failure.code());
        if failure.may_have_arrived() { Self::Unknown(setback) } else { Self::Failed(setback) }
    }
}

impl Outcome {
    /// The outcome of an attempt that failed before the document was sent.
    pub fn before_sending(failure: CallFailure) -> Self {
        Self::Failed(Setback::new(failure.code()))
    }
}

/// Knows persons by identifier and answers with the index id that partners' documents use.
pub trait SubjectIndex: Send + Sync + Debug {
    /// The index id of a person; `None` when the index does not know the person.
    fn index_id<'a>(
        &'a self,
        inquiry: IndexInquiry<'a>,
        means: &'a Means<'a>,
    ) -> Promise<'a, Result<Option<String>, Setback>>;
}

/// A question to the patient index. It is asked on behalf of a professional and shown to the subject; its `Debug` shows
/// only the id of the message.
#[derive(Clone, Copy)]
pub struct IndexInquiry<'a> {
    /// The person.
    pub subject: &'a Identifier,
    /// The professional's personal code.
    pub professional: &'a Private,
    /// The professional's role.
    pub role: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The id of the message.
    pub message: uuid::Uuid,
}
