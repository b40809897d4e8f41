//! Characters: what (0008,0005) says, and bytes to text by it (PS3.5 section 6.1).
//!
//! The tables are those of `encoding_rs`; which of them is meant where, and how ISO 2022 changes between them inside of
//! a value, is here. Not read are `ISO_IR 14`-like terms that the standard does not have, and bytes that
//! a set does not have: whoever wants to keep such a text must refuse it, since its receiver might read another one.

mod decode;

use encoding_rs::{
    Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7,
    ISO_8859_8, ISO_8859_15, WINDOWS_874, WINDOWS_1254,
};

pub(super) use decode::decode;

/// The character sets of a data set or item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CharacterSets {
    /// What a value begins in; `None` when (0008,0005) is not understood.
    first: Option<Set>,
    /// What it may change to: bit `n` for the set of that number. Empty unless there are code extensions.
    others: u32,
}

/// A character set, by the number of its registration with ISO, or by name where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Set {
    Ascii,
    Latin1,
    Latin2,
    Latin3,
    Latin4,
    Cyrillic,
    Arabic,
    Greek,
    Hebrew,
    Latin5,
    Latin9,
    Thai,
    Japanese,
    Kanji,
    SupplementaryKanji,
    Korean,
    SimplifiedChinese,
    Utf8,
    Gb18030,
    Gbk,
}

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Its representation is not one of text or numbers.
    #[error("the value is no text")]
    NotText,
    /// (0008,0005) says something that is not supported.
    #[error("the character set is not supported")]
    UnsupportedCharacterSet,
    /// A byte that the character set does not have.
    #[error("a byte is not of the character set")]
    NotInCharacterSet,
    /// A change to a character set that (0008,0005) does not name.
    #[error("a character set is used that is not declared")]
    UndeclaredCharacterSet,
    /// A number that is not whole.
    #[error("the length does not fit the value representation")]
    BadLength,
}

impl CharacterSets {
    /// Those of a data set that says nothing: ASCII.
    pub const DEFAULT: Self = Self { first: Some(Set::Ascii), others: 0 };
    const UNSUPPORTED: Self = Self { first: None, others: 0 };

    /// Those that the value of (0008,0005) names.
    pub fn of(value: &[u8]) -> Self {
        let Ok(value) = std::str::from_utf8(value) else { return Self::UNSUPPORTED };
        let value = value.trim_end_matches(['\0', ' ']);
        let mut terms = value.split('\\').map(|term| term.trim_matches(' '));
        let first = terms.next().unwrap_or_default();
        if !value.contains('\\') {
            return Self { first: Set::alone(first).or_else(|| Set::extension(first)), others: 0 }
                .extended_by_itself(first);
        }
        Self::with_extensions(first, terms).unwrap_or(Self::UNSUPPORTED)
    }

    /// Whether what (0008,0005) says is understood.
    pub fn are_supported(&self) -> bool {
        self.first.is_some()
    }

    fn with_extensions<'a>(first: &str, others: impl Iterator<Item = &'a str>) -> Option<Self> {
        let first = if first.is_empty() { Set::Ascii } else { Set::extension(first)? };
        let mut sets = Self { first: Some(first), others: 0 };
        for term in others {
            sets.others |= Set::extension(term)?.bit();
        }
        sets.others |= first.bit() | Set::Ascii.bit();
        first.is_single_byte().then_some(sets)
    }

    /// A term of code extensions that stands alone allows changes to itself.
    fn extended_by_itself(mut self, term: &str) -> Self {
        match self.first {
            Some(first) if term.starts_with("ISO 2022") && first.is_single_byte() => {
                self.others = first.bit() | Set::Ascii.bit();
                self
            }
            Some(_) if term.starts_with("ISO 2022") => Self::UNSUPPORTED,
            _ => self,
        }
    }

    fn may_change_to(&self, set: Set) -> bool {
        self.others & set.bit() != 0
    }
}

impl Set {
    /// Without code extensions, PS3.3 tables C.12-2 and C.12-5.
    fn alone(term: &str) -> Option<Self> {
        Some(match term {
            "" | "ISO_IR 6" => Self::Ascii,
            "ISO_IR 100" => Self::Latin1,
            "ISO_IR 101" => Self::Latin2,
            "ISO_IR 109" => Self::Latin3,
            "ISO_IR 110" => Self::Latin4,
            "ISO_IR 144" => Self::Cyrillic,
            "ISO_IR 127" => Self::Arabic,
            "ISO_IR 126" => Self::Greek,
            "ISO_IR 138" => Self::Hebrew,
            "ISO_IR 148" => Self::Latin5,
            "ISO_IR 203" => Self::Latin9,
            "ISO_IR 166" => Self::Thai,
            "ISO_IR 13" => Self::Japanese,
            "ISO_IR 192" => Self::Utf8,
            "GB18030" => Self::Gb18030,
            "GBK" => Self::Gbk,
            _ => return None,
        })
    }

    /// With code extensions, PS3.3 tables C.12-3 and C.12-4.
    fn extension(term: &str) -> Option<Self> {
        Some(match term {
            "ISO 2022 IR 6" => Self::Ascii,
            "ISO 2022 IR 100" => Self::Latin1,
            "ISO 2022 IR 101" => Self::Latin2,
            "ISO 2022 IR 109" => Self::Latin3,
            "ISO 2022 IR 110" => Self::Latin4,
            "ISO 2022 IR 144" => Self::Cyrillic,
            "ISO 2022 IR 127" => Self::Arabic,
            "ISO 2022 IR 126" => Self::Greek,
            "ISO 2022 IR 138" => Self::Hebrew,
            "ISO 2022 IR 148" => Self::Latin5,
            "ISO 2022 IR 203" => Self::Latin9,
            "ISO 2022 IR 166" => Self::Thai,
            "ISO 2022 IR 13" => Self::Japanese,
            "ISO 2022 IR 87" => Self::Kanji,
            "ISO 2022 IR 159" => Self::SupplementaryKanji,
            "ISO 2022 IR 149" => Self::Korean,
            "ISO 2022 IR 58" => Self::SimplifiedChinese,
            _ => return None,
        })
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }

    /// Whether each byte is a character.
    fn is_single_byte(self) -> bool {
        self == Self::Ascii || self == Self::Latin1 || self == Self::Japanese || self.table().is_some()
    }

    /// The table of the bytes from A0 on, where each byte is a character. `encoding_rs` knows some sets only by
    /// extensions of them, which differ in the bytes below A0.
    fn table(self) -> Option<&'static Encoding> {
        Some(match self {
            Self::Latin2 => ISO_8859_2,
            Self::Latin3 => ISO_8859_3,
            Self::Latin4 => ISO_8859_4,
            Self::Cyrillic => ISO_8859_5,
            Self::Arabic => ISO_8859_6,
            Self::Greek => ISO_8859_7,
            Self::Hebrew => ISO_8859_8,
            Self::Latin5 => WINDOWS_1254,
            Self::Latin9 => ISO_8859_15,
            Self::Thai => WINDOWS_874,
            _ => return None,
        })
    }

    /// The encoding of whole values, where it is not ISO 2022.
    fn whole(self) -> Option<&'static Encoding> {
        match self {
            Self::Gb18030 => Some(GB18030),
            Self::Gbk => Some(GBK),
            _ => None,
        }
    }
}
