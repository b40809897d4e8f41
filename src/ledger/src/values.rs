//! The values an entry is made of: checked when they are made, so that every entry that exists can be written.
//!
//! None of them holds content of a document. What identifies a person is a [`Pseudonym`], and it does not print.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;

use crate::canonical::{self, Member};
use crate::hash::Hash;
use crate::vocabulary::Source;

/// Why something is not a value of the ledger. The messages say what it should have been, never what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a [`Code`].
    #[error("a code is 1 to 128 printable ASCII characters without space, quotation mark and backslash")]
    Code,
    /// Not a [`Text`].
    #[error("a text is 1 to 512 bytes without control characters")]
    Text,
    /// Not a [`Moment`].
    #[error("a time is RFC 3339 in UTC with milliseconds, from 1970 on")]
    Moment,
    /// Not a [`Count`].
    #[error("a count is at most 2^53 - 1")]
    Count,
    /// Not a [`Set`].
    #[error("a set has at most 128 members")]
    Set,
    /// Not [`Evidence`].
    #[error("evidence is a kind and one of the sources `declared`, `document`, `store` and `vouched`")]
    Evidence,
}

/// A short name out of a program or a register: printable ASCII that JSON need not escape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(Box<str>);

impl Code {
    const BYTES_MAX: usize = 128;

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Code {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let printable = |c: u8| c.is_ascii_graphic() && c != b'"' && c != b'\\';
        if (1..=Self::BYTES_MAX).contains(&text.len()) && text.bytes().all(printable) {
            Ok(Self(text.into()))
        } else {
            Err(ValueError::Code)
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A citation or name in human language, such as the section `13¹`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<str>);

impl Text {
    const BYTES_MAX: usize = 512;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if (1..=Self::BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(ValueError::Text)
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A time in whole milliseconds, from 1970 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Timestamp);

impl Moment {
    /// The time.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl TryFrom<Timestamp> for Moment {
    type Error = ValueError;

    /// Drops what is finer than a millisecond.
    fn try_from(timestamp: Timestamp) -> Result<Self, ValueError> {
        match Timestamp::from_millisecond(timestamp.as_millisecond()) {
            Ok(whole) if timestamp >= Timestamp::UNIX_EPOCH => Ok(Self(whole)),
            _ => Err(ValueError::Moment),
        }
    }
}

impl FromStr for Moment {
    type Err = ValueError;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let moment = Self::try_from(text.parse::<Timestamp>().map_err(|_| ValueError::Moment)?)?;
        if moment.to_string() == text { Ok(moment) } else { Err(ValueError::Moment) }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

/// A whole number that every JSON reader reads exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Count(u64);

impl Count {
    /// The greatest count, 2^53 − 1 (RFC 8785 section 3.2.2.3).
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u32> for Count {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl TryFrom<u64> for Count {
    type Error = ValueError;

    fn try_from(number: u64) -> Result<Self, ValueError> {
        if number <= Self::MAX.0 { Ok(Self(number)) } else { Err(ValueError::Count) }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// At most 128 different members, without order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set<T>(BTreeSet<T>);

impl<T: Ord> Set<T> {
    // With codes of at most 128 bytes, the three sets of a disclosure leave room for the rest of its leaf.
    const MEMBERS_MAX: usize = 128;

    /// Collects `members`; a member given twice counts once.
    ///
    /// # Errors
    ///
    /// When there are more than 128.
    pub fn new(members: impl IntoIterator<Item = T>) -> Result<Self, ValueError> {
        let members: BTreeSet<T> = members.into_iter().collect();
        if members.len() <= Self::MEMBERS_MAX { Ok(Self(members)) } else { Err(ValueError::Set) }
    }

    /// The members.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Whether `member` is one of them.
    pub fn contains(&self, member: &T) -> bool {
        self.0.contains(member)
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

/// Something a decision rests on, and where the gateway had it from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    kind: Code,
    source: Source,
}

impl Evidence {
    /// Evidence of this kind, from this source.
    ///
    /// # Errors
    ///
    /// When the two together are longer than a [`Code`] may be.
    pub fn new(kind: Code, source: Source) -> Result<Self, ValueError> {
        let evidence = Self { kind, source };
        match evidence.to_string().parse::<Code>() {
            Ok(_) => Ok(evidence),
            Err(_) => Err(ValueError::Evidence),
        }
    }

    /// What it is evidence of.
    pub fn kind(&self) -> &Code {
        &self.kind
    }

    /// Where it came from.
    pub fn source(&self) -> Source {
        self.source
    }
}

impl FromStr for Evidence {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (kind, source) = text.rsplit_once(':').ok_or(ValueError::Evidence)?;
        let source = Source::from_code(source).ok_or(ValueError::Evidence)?;
        Self::new(kind.parse()?, source)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.source)
    }
}

/// A person, as the ledger knows them: linkable by whoever holds the key, nameable by nobody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym {
    /// The id of the pseudonym key.
    pub key: Code,
    /// What the key makes of the identifier.
    pub value: Hash,
}

impl Pseudonym {
    /// The pseudonym of the person with the identifier `value` in `system`, under the secret `key` with the id `key_id`.
    pub fn derive(key_id: Code, key: &[u8; 32], system: &str, value: &str) -> Self {
        // A system is a URI and holds no NUL, so two different identifiers never run together to the same bytes.
        Self { key: key_id, value: Hash::keyed(key, &[system.as_bytes(), &[0], value.as_bytes()]) }
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonym({}, …)", self.key)
    }
}

macro_rules! members_from_strings {
    ($($name:ident),+) => {$(
        impl Member for $name {
            fn write(&self) -> Option<String> {
                Some(canonical::string(&self.to_string()))
            }

            fn read(value: Option<Value>) -> Option<Self> {
                value?.as_str()?.parse().ok()
            }
        }
    )+};
}

members_from_strings!(Code, Text, Moment, Evidence);

impl Member for Count {
    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn read(value: Option<Value>) -> Option<Self> {
        value?.as_u64()?.try_into().ok()
    }
}

impl Member for Hash {
    fn write(&self) -> Option<String> {
        Some(canonical::string(&self.to_hex()))
    }

    fn read(value: Option<Value>) -> Option<Self> {
        Hash::from_hex(value?.as_str()?)
    }
}

impl<T: Ord + fmt::Display + FromStr> Member for Set<T> {
    fn write(&self) -> Option<String> {
        // Sorted as written, whatever the order of `T` is.
        let members: BTreeSet<String> = self.iter().map(T::to_string).collect();
        Some(canonical::array(members.iter().map(|member| canonical::string(member))))
    }

    fn read(value: Option<Value>) -> Option<Self> {
        let Value::Array(items) = value? else { return None };
        let members = items.iter().map(|item| item.as_str()?.parse().ok()).collect::<Option<Vec<T>>>()?;
        Self::new(members).ok()
    }
}
