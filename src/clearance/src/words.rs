//! The names the house uses: checked once, at the edge; inside, no bare text is a name.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
pub use ledger::State;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::{Entropy, EntropyFailure, random};

/// Text that is not a name: names are 1 to 64 of `a-z`, `0-9`, `-` and `.`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {what} is 1 to 64 of `a-z`, `0-9`, `-` and `.`, beginning with a letter or digit")]
pub struct NotAName {
    what: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NotAName { what: $what })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAName;

            fn try_from(text: String) -> Result<Self, NotAName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

names! {
    /// A registered client: a system of the clinic.
    ClientId = "client name";
    /// A configured destination.
    DestinationName = "destination name";
    /// One of a destination's own purposes.
    PurposeName = "purpose name";
    /// A category of data, as profiles and policies name it.
    Category = "data category";
}

fn is_name(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
    text.len() <= 64
        && text.bytes().all(allowed)
        && text.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identity at `now`.
            ///
            /// # Errors
            /// When the source of randomness has failed.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Result<Self, EntropyFailure> {
                let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
                let random = random::<10>(entropy)?;
                Ok(Self(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()))
            }

            /// The one with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id of the message that carries out `step` of it: the same step repeats the same id, so that a peer
            /// recognises a re-send; different steps differ (UUID version 5).
            pub fn message(&self, step: &str) -> Uuid {
                Uuid::new_v5(&self.0, step.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// The identity of a transfer: a time-ordered UUID (version 7), so that rows land beside one another.
    TransferId;
    /// The identity of an inquiry: a time-ordered UUID (version 7).
    InquiryId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_short() {
        assert!("transport-administration".parse::<DestinationName>().is_ok());
        for text in ["", "Employer", "-x", "a b", "õ", &"x".repeat(65)] {
            assert!(text.parse::<DestinationName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_step_repeats_its_message_id_and_steps_differ() {
        let transfer = TransferId::from_bytes([7; 16]);
        assert_eq!(transfer.message("post"), transfer.message("post"));
        assert_ne!(transfer.message("post"), transfer.message("token"));
    }
}
