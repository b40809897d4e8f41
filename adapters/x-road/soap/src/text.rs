//! Values of header elements that X-Road leaves to the sender: any characters that XML can carry.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::xml::are_characters;

/// The longest value, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// A value of a header element, such as `issue` or `userId`. It may name a person, so that it does not print.
///
/// INVARIANT: at most 16 KiB of characters that XML 1.0 allows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(Box<str>);

/// The id of a message (`id`).
///
/// INVARIANT: as for [`Text`]. One that is made here is not empty; one that was read may be, since X-Road takes it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageId(Text);

/// A value that no header element can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A control character, or another that XML 1.0 does not allow.
    #[error("the text has a character that XML does not allow")]
    Character,
    /// More than 16 KiB.
    #[error("the text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// The id of a message is empty.
    #[error("the id of a message is empty")]
    Empty,
}

impl Text {
    /// `text` as a value.
    ///
    /// # Errors
    /// When XML cannot carry it, or it is too long.
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(TextError::TooLong);
        }
        if !are_characters(text) {
            return Err(TextError::Character);
        }
        Ok(Self(text.into()))
    }

    /// `text`, which is a part of a value that was checked, or a constant.
    pub(super) fn fixed(text: &str) -> Self {
        Self(text.into())
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

impl MessageId {
    /// The id as it was read.
    pub(super) fn as_read(text: Text) -> Self {
        Self(text)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for MessageId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.is_empty() { Err(TextError::Empty) } else { Text::new(text).map(Self) }
    }
}

impl From<Uuid> for MessageId {
    fn from(id: Uuid) -> Self {
        Self(Text(id.to_string().into()))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({:?})", self.as_str())
    }
}
