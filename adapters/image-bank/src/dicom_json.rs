//! DICOM in JSON (PS3.18 annex F), as far as answers of the image bank need it.
//!
//! An attribute has the value representation that PS3.6 gives it, and values of its kind; whatever else it has makes the answer
//! unreadable. Attributes that nobody asks for are not looked at.

use serde::Deserialize;

/// An answer is not what it has to be. It says no more: the rest would be the image bank's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not DICOM JSON of this kind")]
pub(crate) struct Unreadable;

/// An attribute with values of the kind `T`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attribute<T> {
    vr: String,
    #[serde(rename = "Value", default = "Vec::new")]
    values: Vec<T>,
}

impl<T> Attribute<T> {
    /// Its values, if it is of this representation.
    pub(crate) fn all(self, vr: &str) -> Result<Vec<T>, Unreadable> {
        if self.vr == vr { Ok(self.values) } else { Err(Unreadable) }
    }

    /// Its one value.
    pub(crate) fn one(self, vr: &str) -> Result<T, Unreadable> {
        let mut values = self.all(vr)?.into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Unreadable),
        }
    }
}
