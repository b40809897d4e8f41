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
        if is_harmless(text.as_bytes()) { Self::HARMLESS } else { Self::closer(text) }
    }

    fn closer(text: &str) -> Self {
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

    /// What a harmless text is made of, as far as anyone asks.
    const HARMLESS: Self = Self { bytes: 0, digits: 0, marks: 0, has_point: false };

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

/// Whether a text of these bytes is plain, told by eight at a time: short of an attachment, with too few digits for a code, and
/// without any byte of another kind. Where it is not sure, it says no.
#[inline]
fn is_harmless(bytes: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    if bytes.len() >= ATTACHMENT_BYTES_MIN {
        return false;
    }
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [b' '; 8];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    let (mut marked, mut digits) = (0, 0);
    for word in words.iter().chain([&last]) {
        let word = u64::from_le_bytes(*word);
        let low = word & !HIGHS;
        // In bytes without their highest bit nothing is carried over.
        let beyond_latin = (low + ONES * (0x80 - 0x54)) & word;
        marked |= below(word, 0x20) | beyond_latin;
        for sought in [b'<', b':', 0x7f, 0xc2] {
            marked |= below(word ^ (ONES * u64::from(sought)), 1);
        }
        let above_nine = ((word ^ (ONES * u64::from(b'0'))) & !HIGHS) + ONES * (0x80 - 10);
        let is_digit = !(above_nine | word) & HIGHS;
        digits += (is_digit >> 7).wrapping_mul(ONES) >> 56;
    }
    marked & HIGHS == 0 && (bytes.len() < CODE_BYTES_MIN || digits < CODE_DIGITS_MIN as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KINDS, Survey};

    proptest! {
        #[test]
        fn the_quick_look_calls_nothing_plain_that_is_not(
            text in "[a-z0-9:<.\\-\u{0}-\u{20}\u{7e}-\u{a0}\u{f5}\u{4ff}-\u{510}]{0,40}",
            filler in "[ a-zäõ0-9]{0,40}",
        ) {
            for text in [text.clone(), format!("{filler}{text}"), filler] {
                prop_assert_eq!(Survey::of(&text).is_plain(), Survey::closer(&text).is_plain(), "{:?}", text);
            }
        }
    }

    #[test]
    fn every_byte_of_a_kind_is_seen_wherever_it_stands() {
        for (byte, kind) in (0..=u8::MAX).zip(KINDS) {
            for at in 0..24 {
                let mut bytes = [b'a'; 24];
                bytes[at] = byte;
                let is_harmless = matches!(kind, 0 | super::DIGIT | super::POINT) && byte >= b' ';
                assert_eq!(super::is_harmless(&bytes), is_harmless, "{byte:#x} at {at}");
            }
        }
    }
}
