//! Reading back: what a question is made of, and how its answer is classified.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DestinationRefusal, Setback};
use crate::fault::Fault;
use crate::journey::Document;

/// What happens where an adapter describes a purpose that reads and cannot.
pub(super) const NOT_CARRIED: &str = "reading-not-carried";

/// Which way documents go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// They are sent: `POST /v1/transfers`.
    Sends,
    /// They are read back: `POST /v1/requests`.
    Reads,
}

impl Direction {
    /// As `GET /v1/destinations` shows it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sends => "sends",
            Self::Reads => "reads",
        }
    }
}

/// The parameters of a question as an adapter has read them. Its `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Query(Bytes);

impl Query {
    /// What `parameters` say, as JSON.
    pub fn of(parameters: &impl Serialize) -> Self {
        Self(serde_json::to_vec(parameters).unwrap_or_default().into())
    }

    /// The parameters again; nothing when they are of another type than the query was made of.
    pub fn parameters<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.0).ok()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({} bytes)", self.0.len())
    }
}

/// How a question ended. Success is read from the destination's answer, never from a status code alone.
#[derive(Debug)]
pub enum Reading {
    /// There is an answer; whether it may be released is not the adapter's to say.
    Answered(Answer),
    /// The destination has said no, and would say it again.
    Refused(DestinationRefusal),
    /// The destination has nothing of what was asked for.
    NotFound,
    /// The destination could not be asked, or did not answer.
    Failed(Setback),
    /// There is an answer, and the adapter cannot tell what it says, or whether it is whole: for this code.
    Unreadable(&'static str),
}

/// What a destination has answered, document by document, as received: nothing of it has been judged.
#[derive(Debug, Default)]
pub struct Answer {
    /// The documents. Each is about the subject; framing that holds them together, such as a search set, is left out.
    pub documents: Vec<Document>,
}

pub(super) fn not_carried() -> Fault {
    let detail = "this destination describes a purpose that reads, and its adapter does not read";
    Fault::new(NOT_CARRIED, "", detail, "tell the makers of the gateway")
}
