//! Which instance a DICOM file is: its class and UID, from the file meta information at its head (PS3.10 §7.1).
//!
//! It reads what the gateway's own minimising wrote, or what the image bank sends back; of the latter nothing is believed. It looks at
//! no more than the bytes it is given, allocates only the UIDs, and reads no data set.

use std::fmt;

use serde::{Deserialize, Serialize};

const PREAMBLE_BYTES: usize = 128;
const META_GROUP: u16 = 0x0002;
const CLASS: u16 = 0x0002;
const INSTANCE: u16 = 0x0003;
/// Value representations whose length has four bytes after two reserved ones (PS3.5 §7.1.2), of those that may stand here.
const LONG: [&[u8; 2]; 7] = [b"OB", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"];

/// A unique identifier (PS3.5 §9.1): 1 to 64 digits and dots. It names an image of a person, so that its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uid(String);

/// A text is no unique identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a unique identifier has 1 to 64 digits and dots, and no component is empty")]
pub struct NotAUid;

/// An instance: class and UID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instance {
    pub(crate) class: Uid,
    pub(crate) uid: Uid,
}

impl Uid {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Uid {
    type Error = NotAUid;

    fn try_from(text: String) -> Result<Self, NotAUid> {
        let is_component = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() <= 64 && text.split('.').all(is_component) { Ok(Self(text)) } else { Err(NotAUid) }
    }
}

impl From<Uid> for String {
    fn from(Uid(text): Uid) -> Self {
        text
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uid(…)")
    }
}

impl Instance {
    /// The instance whose file begins with `head`; nothing when it does not say, or `head` ends before it does.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let mut rest = head.get(PREAMBLE_BYTES..)?.strip_prefix(b"DICM")?;
        let (mut class, mut uid) = (None, None);
        while class.is_none() || uid.is_none() {
            match next(&mut rest)? {
                ((META_GROUP, CLASS), value) => class = Some(read_uid(value)?),
                ((META_GROUP, INSTANCE), value) => uid = Some(read_uid(value)?),
                ((META_GROUP, _), _) => {}
                _ => return None,
            }
        }
        Some(Self { class: class?, uid: uid? })
    }
}

/// Takes the first element off `rest`, explicit and little-endian: its group and number, and its value.
fn next<'a>(rest: &mut &'a [u8]) -> Option<((u16, u16), &'a [u8])> {
    let ([a, b, c, d], after) = rest.split_first_chunk::<4>()?;
    let tag = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
    let (vr, after) = after.split_first_chunk::<2>()?;
    let (length, after) = if LONG.contains(&vr) {
        let (length, after) = after.get(2..)?.split_first_chunk::<4>()?;
        (u32::from_le_bytes(*length), after)
    } else {
        let (length, after) = after.split_first_chunk::<2>()?;
        (u32::from(u16::from_le_bytes(*length)), after)
    };
    let (value, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some((tag, value))
}

fn read_uid(value: &[u8]) -> Option<Uid> {
    let text = std::str::from_utf8(value.strip_suffix(b"\0").unwrap_or(value)).ok()?;
    Uid::try_from(text.to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CT, dicom};

    #[test]
    fn class_and_uid_are_read_from_the_head_and_from_nothing_less() {
        let file = dicom(CT, "1.2.3.4");
        let instance = Instance::of(&file).unwrap();
        assert_eq!((instance.class.as_str(), instance.uid.as_str()), (CT, "1.2.3.4"));
        let needed = file.windows(8).position(|bytes| bytes == b"1.2.3.4\0").unwrap() + 8;
        for end in 0..needed {
            assert_eq!(Instance::of(&file[..end]), None, "{end} bytes");
        }
        assert!(Instance::of(&file[..needed]).is_some());
    }

    #[test]
    fn heads_that_lie_are_no_instances() {
        let file = dicom(CT, "1.2.3.4");
        let at = file.windows(7).position(|bytes| bytes == b"1.2.3.4").unwrap();
        let with = |place: usize, byte: u8| {
            let mut file = file.clone();
            file[place] = byte;
            Instance::of(&file)
        };
        assert_eq!(with(0x80, b'X'), None, "the prefix");
        assert_eq!(with(at, b'x'), None, "a letter in the UID");
        assert_eq!(with(at + 1, b'1').map(|of| of.uid.as_str().to_owned()).as_deref(), Some("112.3.4"));
        assert_eq!(with(at - 2, 0xff), None, "a length beyond the group");
        assert_eq!(with(at - 8, 3), None, "another group");
    }

    #[test]
    fn a_uid_is_digits_and_dots() {
        for good in ["1", "1.2.840.10008.1.1", &"1".repeat(64)] {
            assert!(Uid::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", ".", "1.", ".1", "1..2", "1.a", "1/2", "1 2", "../1", &"1".repeat(65)] {
            assert_eq!(Uid::try_from(bad.to_owned()).unwrap_err(), NotAUid, "{bad}");
        }
        assert_eq!(format!("{:?}", Uid::try_from("1.2".to_owned()).unwrap()), "Uid(…)");
    }
}
