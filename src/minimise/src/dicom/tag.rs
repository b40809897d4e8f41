//! Tags and their keywords, as PS3.6 registers them.
//!
//! The registry is that of `dicom-dictionary-std`, which is made from the standard and kept up with it.

use std::fmt;

use dicom_core::VR;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _, TagRange, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

use super::vr::Vr;

/// The tag of an element: a group and a number in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

/// What the standard says of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// Its keyword.
    pub keyword: &'static str,
    /// The tag under which it is registered: another one for the groups 50xx and 60xx, which repeat.
    pub tag: Tag,
    vr: VirtualVr,
}

impl Tag {
    /// Specific Character Set.
    pub const SPECIFIC_CHARACTER_SET: Self = Self::new(0x0008, 0x0005);
    /// Pixel Data.
    pub const PIXEL_DATA: Self = Self::new(0x7FE0, 0x0010);
    pub(super) const ITEM: Self = Self::new(0xFFFE, 0xE000);
    pub(super) const ITEM_END: Self = Self::new(0xFFFE, 0xE00D);
    pub(super) const SEQUENCE_END: Self = Self::new(0xFFFE, 0xE0DD);
    pub(super) const META_LENGTH: Self = Self::new(0x0002, 0x0000);
    pub(super) const TRANSFER_SYNTAX: Self = Self::new(0x0002, 0x0010);

    /// The tag (`group`,`element`).
    pub const fn new(group: u16, element: u16) -> Self {
        Self((group as u32) << 16 | element as u32)
    }

    /// The tag that `word` names: a keyword of the standard, or eight hexadecimal digits, also as `(gggg,eeee)`.
    pub fn named(word: &str) -> Option<Self> {
        Self::of_keyword(word).or_else(|| Self::of_digits(word))
    }

    /// The tag with this keyword; of a group that repeats, the first.
    pub fn of_keyword(keyword: &str) -> Option<Self> {
        let entry = StandardDataDictionary.by_name(keyword)?;
        matches!(entry.tag, TagRange::Single(_) | TagRange::Group100(_) | TagRange::Element100(_))
            .then(|| Self::from(entry.tag.inner()))
    }

    /// The tag with this [number](Self::number).
    pub(crate) const fn of_number(number: u32) -> Self {
        Self(number)
    }

    /// Group and number as one: no element of a data set has 0.
    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    /// The group.
    pub const fn group(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The number in its group.
    pub const fn element(self) -> u16 {
        self.0 as u16
    }

    /// Whether the standard leaves its meaning to whoever writes it.
    pub const fn is_private(self) -> bool {
        self.group() % 2 == 1
    }

    /// Whether it reserves a block of private tags.
    pub const fn is_private_creator(self) -> bool {
        self.is_private() && matches!(self.element(), 0x0010..=0x00FF)
    }

    /// Whether it is the length of a group: superfluous where it is right.
    pub const fn is_group_length(self) -> bool {
        self.element() == 0
    }

    /// Whether pixels are stored under it.
    pub const fn is_pixels(self) -> bool {
        self.group() == 0x7FE0 && matches!(self.element(), 0x0008..=0x0010)
    }

    /// What the standard says of it; nothing of private tags.
    pub fn registered(self) -> Option<Registered> {
        // The dictionary would take odd groups for repetitions of even ones.
        if self.is_private() || self.is_group_length() {
            return None;
        }
        let entry = StandardDataDictionary.by_tag(dicom_core::Tag(self.group(), self.element()))?;
        Some(Registered { keyword: entry.alias, tag: Self::from(entry.tag.inner()), vr: entry.vr() })
    }

    /// Its keyword, if it is registered.
    pub fn keyword(self) -> Option<&'static str> {
        self.registered().map(|registered| registered.keyword)
    }

    /// The representation to assume where none is written (PS3.5 annex A.1).
    pub(super) fn implied_vr(self) -> Vr {
        match self.registered() {
            Some(registered) => registered.implied_vr(),
            None if self.is_private_creator() => Vr::LO,
            None => Vr::UN,
        }
    }

    fn of_digits(word: &str) -> Option<Self> {
        let bare = word.strip_prefix('(').and_then(|word| word.strip_suffix(')'));
        let (group, element) = match bare {
            Some(bare) => bare.split_once(',')?,
            None => word.split_at_checked(4)?,
        };
        let number = |digits: &str| {
            let is_hexadecimal = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            is_hexadecimal.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
        };
        Some(Self::new(number(group)?, number(element)?))
    }
}

impl Registered {
    /// Whether the standard lets the tag have this representation.
    pub fn allows(&self, vr: Vr) -> bool {
        match self.vr {
            VirtualVr::Xs => matches!(vr, Vr::US | Vr::SS),
            VirtualVr::Ox | VirtualVr::Px => matches!(vr, Vr::OB | Vr::OW),
            VirtualVr::Lt => matches!(vr, Vr::US | Vr::SS | Vr::OW),
            _ => vr == self.implied_vr(),
        }
    }

    /// The representation to assume where none is written.
    pub fn implied_vr(&self) -> Vr {
        match self.vr {
            VirtualVr::Exact(vr) => Vr::from(vr),
            VirtualVr::Xs => Vr::US,
            VirtualVr::Ox | VirtualVr::Px | VirtualVr::Lt => Vr::OW,
            // The enumeration is open: a kind that is new is not guessed at.
            _ => Vr::UN,
        }
    }
}

impl From<dicom_core::Tag> for Tag {
    fn from(tag: dicom_core::Tag) -> Self {
        Self::new(tag.group(), tag.element())
    }
}

impl From<VR> for Vr {
    fn from(vr: VR) -> Self {
        Self::from_letters(vr.to_bytes()).unwrap_or(Self::UN)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:04X},{:04X})", self.group(), self.element())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
