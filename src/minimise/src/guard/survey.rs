//! One quick look at a text, which tells most of them to be harmless: what could hold a personal code, markup, an address or
//! an attachment is looked at again, slowly.

use crate::value::Kind;

/// What a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    bytes: usize,
    /// Digits, and characters that could be some in disguise, each counted as many.
    digits: usize,
    marks: u8,
    has_point: bool,
}

const CONTROL: u8 = 1;
const MARKUP: u8 = 2;
const COLON: u8 = 4;
/// The first byte of a character that is no letter of Latin, Greek or Cyrillic script.
const EXOTIC: u8 = 8;
const DIGIT: u8 = 16;
const POINT: u8 = 32;

/// The kind of each byte.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "it counts to 255")]
        let of = match byte as u8 {
            b'\t' | b'\n' | b'\r' => 0,
            0..=0x1f | 0x7f => CONTROL,
            b'<' => MARKUP,
            b':' => COLON,
            b'.' => POINT,
            b'0'..=b'9' => DIGIT,
            // U+0080 to U+00BF, and all beyond U+04FF: controls, raised digits, digits of other scripts.
            0xc2 | 0xd4..=0xff => EXOTIC,
            _ => 0,
        };
        #[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
        {
            kinds[byte] = of;
        }
        byte += 1;
    }
    kinds
};

/// No personal code has fewer digits, nor fewer characters.
const CODE_DIGITS_MIN: usize = 8;
const CODE_BYTES_MIN: usize = 11;
/// A shorter text is no attachment.
const ATTACHMENT_BYTES_MIN: usize = 256;

impl Survey {
    #[inline]
    pub(super) fn of(text: &str) -> Self {
        let mut marks = 0;
        let mut digits = 0;
        for byte in text.bytes() {
            let kind = KINDS.get(usize::from(byte)).copied().unwrap_or_default();
            marks |= kind;
            digits += usize::from(kind == DIGIT);
        }
        if marks & EXOTIC != 0 {
            let is_exotic = |byte: &u8| KINDS.get(usize::from(*byte)) == Some(&EXOTIC);
            digits += 4 * text.as_bytes().iter().filter(|byte| is_exotic(byte)).count();
        }
        Self { bytes: text.len(), digits, marks, has_point: marks & POINT != 0 }
    }

    /// Whether nothing in it needs another look.
    #[inline]
    pub(super) const fn is_plain(&self) -> bool {
        !self.may_act() && !self.has_digits_of_a_code()
    }

    const fn has_digits_of_a_code(&self) -> bool {
        self.digits >= CODE_DIGITS_MIN && self.bytes >= CODE_BYTES_MIN
    }

    /// Whether it could hold a personal code. A date without a fraction of a second has other digits between its own.
    pub(super) const fn may_hold_a_code(&self, kind: Kind) -> bool {
        let is_date = matches!(kind, Kind::Date | Kind::Instant) && !self.has_point;
        self.has_digits_of_a_code() && !is_date
    }

    /// Whether it could hold a control character.
    pub(super) const fn may_hold_controls(&self) -> bool {
        self.marks & (CONTROL | EXOTIC) != 0
    }

    pub(super) const fn has_colon(&self) -> bool {
        self.marks & COLON != 0
    }

    pub(super) const fn has_markup(&self) -> bool {
        self.marks & MARKUP != 0
    }

    /// Whether it could hold markup, an address, a control character or an attachment.
    pub(super) const fn may_act(&self) -> bool {
        self.marks & (CONTROL | MARKUP | COLON | EXOTIC) != 0 || self.bytes >= ATTACHMENT_BYTES_MIN
    }
}
