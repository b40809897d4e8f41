//! The closed lists of words an entry may use. A word that is not on its list is refused when a leaf is read.

use std::fmt;

use serde_json::Value;

use crate::canonical::{self, Member};

macro_rules! closed {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// How it is written.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The one that is written `code`.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.code())
            }
        }

        impl Member for $name {
            fn write(&self) -> Option<String> {
                Some(canonical::string(self.code()))
            }

            fn read(value: Option<Value>) -> Option<Self> {
                Self::from_code(value?.as_str()?)
            }
        }
    )+};
}

closed! {
    /// Where the gateway had a piece of evidence from.
    Source {
        /// The client's declaration.
        Declared = "declared",
        /// The document itself.
        Document = "document",
        /// The gateway's own store.
        Store = "store",
        /// A third party that vouched for it.
        Vouched = "vouched",
    }

    /// The state of a transfer.
    State {
        /// Accepted, not yet being delivered.
        Accepted = "accepted",
        /// Being delivered.
        Delivering = "delivering",
        /// Confirmed by the destination.
        Delivered = "delivered",
        /// Refused by the destination.
        RefusedByDestination = "refused-by-destination",
        /// No longer lawful when it was to be sent.
        Withheld = "withheld",
        /// Withdrawn by the client.
        Withdrawn = "withdrawn",
        /// Not delivered in time.
        Expired = "expired",
        /// Sent, but the answer could not be read; to be reconciled.
        Unknown = "unknown",
    }

    /// What stood in the way of a release.
    Hindrance {
        /// The destination has refused to answer.
        RefusedByDestination = "refused-by-destination",
        /// The destination has nothing.
        NotFound = "not-found",
        /// The destination could not be asked, or gave no answer.
        Failed = "failed",
        /// The answer could not be read.
        Unreadable = "unreadable",
        /// The answer may not be released: a guard, the profile or the policy says no.
        Withheld = "withheld",
    }

    /// What a subject has a say about.
    Matter {
        /// A consent.
        Consent = "consent",
        /// A restriction or objection (GDPR Articles 18 and 21).
        Restriction = "restriction",
    }

    /// What has become of a consent or restriction.
    Change {
        /// It was given.
        Given = "given",
        /// It was withdrawn.
        Withdrawn = "withdrawn",
    }
}

impl State {
    /// Whether nothing may follow. `unknown` is not final: it waits to be reconciled.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Accepted | Self::Delivering | Self::Unknown => false,
            Self::Delivered
            | Self::RefusedByDestination
            | Self::Withheld
            | Self::Withdrawn
            | Self::Expired => true,
        }
    }
}
