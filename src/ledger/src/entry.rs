//! The entries of the ledger: what each kind says, and its leaf (`docs/format.md` section 1).
//!
//! A new kind is one more block in `entry/kinds.rs`; it then also needs a row in the format page and, if it follows from other
//! entries, a rule in [`verify`](crate::verify). Entries are not judged here: `verify` knows what may follow what.

use serde_json::{Map, Value};

use crate::canonical::{Member, Object};
use crate::hash::Hash;
use crate::tree::leaf_hash;
use crate::values::{Code, Pseudonym};

/// The longest leaf, in bytes; an entry bundle of C2SP tlog-tiles holds no longer ones.
pub const LEAF_BYTES_MAX: usize = 65_535;

const VERSION: u64 = 1;

/// Why bytes are not the leaf of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Longer than [`LEAF_BYTES_MAX`].
    #[error("the leaf has {bytes} bytes, more than {LEAF_BYTES_MAX}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Not JSON, or not an object.
    #[error("the leaf is not a JSON object")]
    NotAnObject,
    /// `v` is missing, or of another version of the format.
    #[error("the leaf is not of version {VERSION} of the format")]
    Version,
    /// `kind` is missing or none of [`Kind`].
    #[error("the leaf is of no known kind")]
    Kind,
    /// A member is missing, or its value is not of its form.
    #[error("member `{member}` of a `{kind}` is missing or not of its form")]
    Member {
        /// The kind of the entry.
        kind: Kind,
        /// The name of the member.
        member: &'static str,
    },
    /// There is a member that the kind does not know.
    #[error("a `{kind}` has a member that its kind does not know")]
    UnknownMember {
        /// The kind of the entry.
        kind: Kind,
    },
    /// The leaf says the same as an entry, in other bytes.
    #[error("the leaf departs from canonical form at byte {at}")]
    NotCanonical {
        /// The first byte that differs.
        at: usize,
    },
}

/// A member that could not be read.
struct Unreadable(&'static str);

/// Takes `name` out of `members` and reads it.
fn take<T: Member>(members: &mut Map<String, Value>, name: &'static str) -> Result<T, Unreadable> {
    T::read(members.remove(name)).ok_or(Unreadable(name))
}

/// Structs whose fields are the members of a JSON object, under the same names.
macro_rules! objects {
    ($($(#[$attribute:meta])* $name:ident { $($(#[$doc:meta])* $member:ident: $form:ty,)+ })+) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$doc])* pub $member: $form,)+ }

        impl $name {
            pub(super) fn put_into(&self, object: &mut Object) {
                $(object.put(stringify!($member), &self.$member);)+
            }

            pub(super) fn take_from(members: &mut Map<String, Value>) -> Result<Self, Unreadable> {
                Ok(Self { $($member: take(members, stringify!($member))?,)+ })
            }
        }
    )+};
}

/// The kinds of entries: a struct for each, and what they have in common.
macro_rules! kinds {
    ($($(#[$attribute:meta])* $name:ident = $code:literal { $($(#[$doc:meta])* $member:ident: $form:ty,)+ })+) => {
        objects! { $($(#[$attribute])* $name { $($(#[$doc])* $member: $form,)+ })+ }

        /// One entry of the ledger.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Entry { $($(#[$attribute])* $name($name),)+ }

        /// What an entry is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$attribute])* $name,)+ }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// How it is written.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }

        impl Entry {
            /// What it is about.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)+ }
            }

            /// When it was recorded.
            pub const fn at(&self) -> Moment {
                match self { $(Self::$name(entry) => entry.at,)+ }
            }

            pub(super) fn put_into(&self, object: &mut Object) {
                match self { $(Self::$name(entry) => entry.put_into(object),)+ }
            }

            pub(super) fn take_from(kind: Kind, members: &mut Map<String, Value>) -> Result<Self, Unreadable> {
                match kind { $(Kind::$name => $name::take_from(members).map(Self::$name),)+ }
            }
        }

        $(impl From<$name> for Entry {
            fn from(entry: $name) -> Self {
                Self::$name(entry)
            }
        })+
    };
}

// The macros above are seen from here on.
mod kinds;

pub use self::kinds::{
    Administration, Attempt, Commitments, Disclosure, Entry, Inquiry, InquiryCommitments, Kind, NoRelease,
    Outcome, Profile, Refusal, Release, ReleaseCommitments, Standing,
};

impl Entry {
    /// The leaf: canonical JSON.
    pub fn encode(&self) -> Vec<u8> {
        let mut object = Object::default();
        object.put_json("v", Some(VERSION.to_string()));
        object.put_json("kind", Some(format!("\"{}\"", self.kind())));
        self.put_into(&mut object);
        object.finish().into_bytes()
    }

    /// Reads a leaf.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly what [`encode`](Self::encode) writes for some entry.
    pub fn decode(leaf: &[u8]) -> Result<Self, EntryError> {
        if leaf.len() > LEAF_BYTES_MAX {
            return Err(EntryError::TooLong { bytes: leaf.len() });
        }
        let entry = Self::read(leaf)?;
        // This settles what a JSON reader lets pass: white space, order, doubled members, other spellings of the same.
        match first_difference(leaf, &entry.encode()) {
            None => Ok(entry),
            Some(at) => Err(EntryError::NotCanonical { at }),
        }
    }

    fn read(leaf: &[u8]) -> Result<Self, EntryError> {
        let mut members: Map<String, Value> =
            serde_json::from_slice(leaf).map_err(|_| EntryError::NotAnObject)?;
        if members.remove("v").and_then(|v| v.as_u64()) != Some(VERSION) {
            return Err(EntryError::Version);
        }
        let kind = members
            .remove("kind")
            .and_then(|kind| Kind::from_code(kind.as_str()?))
            .ok_or(EntryError::Kind)?;
        let entry = Self::take_from(kind, &mut members)
            .map_err(|Unreadable(member)| EntryError::Member { kind, member })?;
        if members.is_empty() { Ok(entry) } else { Err(EntryError::UnknownMember { kind }) }
    }

    /// The hash of its leaf, by which the tree and the sealed transfer know it.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.encode())
    }

    /// The transfer it belongs to.
    pub const fn transfer(&self) -> Option<&Code> {
        match self {
            Self::Disclosure(disclosure) => Some(&disclosure.transfer),
            Self::Attempt(attempt) => Some(&attempt.transfer),
            Self::Outcome(outcome) => Some(&outcome.transfer),
            Self::Refusal(_)
            | Self::Inquiry(_)
            | Self::Release(_)
            | Self::NoRelease(_)
            | Self::Standing(_)
            | Self::Administration(_) => None,
        }
    }

    /// The inquiry it belongs to.
    pub const fn inquiry(&self) -> Option<&Code> {
        match self {
            Self::Inquiry(inquiry) => Some(&inquiry.inquiry),
            Self::Release(release) => Some(&release.inquiry),
            Self::NoRelease(ended) => Some(&ended.inquiry),
            Self::Disclosure(_)
            | Self::Refusal(_)
            | Self::Attempt(_)
            | Self::Outcome(_)
            | Self::Standing(_)
            | Self::Administration(_) => None,
        }
    }

    /// The person it is about.
    pub const fn subject(&self) -> Option<&Pseudonym> {
        match self {
            Self::Disclosure(disclosure) => Some(&disclosure.subject),
            Self::Inquiry(inquiry) => Some(&inquiry.subject),
            Self::Standing(standing) => Some(&standing.subject),
            Self::Refusal(_)
            | Self::Attempt(_)
            | Self::Outcome(_)
            | Self::Release(_)
            | Self::NoRelease(_)
            | Self::Administration(_) => None,
        }
    }
}

impl Kind {
    /// The kind that is written `code`.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// The index of the first byte in which the two differ, or where the shorter one ends.
fn first_difference(left: &[u8], right: &[u8]) -> Option<usize> {
    (left != right).then(|| left.iter().zip(right).take_while(|(l, r)| l == r).count())
}

/// An object within an entry.
macro_rules! members_from_objects {
    ($($name:ident),+) => {$(
        impl Member for $name {
            fn write(&self) -> Option<String> {
                let mut object = Object::default();
                self.put_into(&mut object);
                Some(object.finish())
            }

            fn read(value: Option<Value>) -> Option<Self> {
                let Value::Object(mut members) = value? else { return None };
                let object = Self::take_from(&mut members).ok()?;
                members.is_empty().then_some(object)
            }
        }
    )+};
}

members_from_objects!(Profile, Commitments, InquiryCommitments, ReleaseCommitments, Pseudonym);

impl Pseudonym {
    fn put_into(&self, object: &mut Object) {
        object.put("key", &self.key);
        object.put("value", &self.value);
    }

    fn take_from(members: &mut Map<String, Value>) -> Result<Self, Unreadable> {
        Ok(Self { key: take(members, "key")?, value: take(members, "value")? })
    }
}
