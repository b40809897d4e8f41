//! Bytes to text.

use std::borrow::Cow;

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK};

use super::{CharacterSets, Set, Undecodable};

const ESCAPE: u8 = 0x1B;

/// The text of a value. In the name of a person, `^` and `=` too end a change of set.
pub(in super::super) fn decode<'a>(
    sets: &CharacterSets,
    bytes: &'a [u8],
    is_name: bool,
) -> Result<Cow<'a, str>, Undecodable> {
    let first = sets.first.ok_or(Undecodable::UnsupportedCharacterSet)?;
    if first == Set::Utf8 {
        return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Undecodable::NotInCharacterSet);
    }
    let is_plain = bytes.iter().all(|byte| byte.is_ascii() && *byte != ESCAPE) && first != Set::Japanese;
    if is_plain {
        return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Undecodable::NotInCharacterSet);
    }
    if let Some(encoding) = first.whole() {
        return strictly(encoding, bytes);
    }
    let mut decoder = Decoder::new(sets, first, is_name);
    decoder.run(bytes)?;
    Ok(Cow::Owned(decoder.text))
}

/// What the bytes below 80 mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Low {
    Ascii,
    Romaji,
    /// Two bytes a character.
    Kanji,
    SupplementaryKanji,
}

struct Decoder<'s> {
    sets: &'s CharacterSets,
    first: Set,
    is_name: bool,
    low: Low,
    /// What the bytes from 80 on mean.
    high: Option<Set>,
    text: String,
}

impl<'s> Decoder<'s> {
    fn new(sets: &'s CharacterSets, first: Set, is_name: bool) -> Self {
        let mut decoder = Self { sets, first, is_name, low: Low::Ascii, high: None, text: String::new() };
        decoder.reset();
        decoder
    }

    /// To what a value begins in.
    fn reset(&mut self) {
        self.low = if self.first == Set::Japanese { Low::Romaji } else { Low::Ascii };
        self.high = (self.first != Set::Ascii).then_some(self.first);
    }

    fn run(&mut self, bytes: &[u8]) -> Result<(), Undecodable> {
        let mut rest = bytes;
        while let Some(next) = rest.first() {
            let taken = match next {
                &ESCAPE => self.change(rest)?,
                0x80.. => self.high(rest)?,
                0x21..=0x7E if matches!(self.low, Low::Kanji | Low::SupplementaryKanji) => {
                    self.kanji(rest)?
                }
                byte => self.single(*byte),
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// An escape sequence, PS3.3 tables C.12-3 and C.12-4.
    fn change(&mut self, bytes: &[u8]) -> Result<usize, Undecodable> {
        let sequence = bytes.get(1..).unwrap_or_default();
        for (start, set, low) in ESCAPES {
            if !sequence.starts_with(start) {
                continue;
            }
            if !self.sets.may_change_to(*set) {
                return Err(Undecodable::UndeclaredCharacterSet);
            }
            match low {
                Some(low) => self.low = *low,
                None => self.high = Some(*set),
            }
            return Ok(1 + start.len());
        }
        Err(Undecodable::UndeclaredCharacterSet)
    }

    fn single(&mut self, byte: u8) -> usize {
        // What parts values, names and lines ends what was changed to (PS3.5 section 6.1.2.5.3).
        let parts = matches!(byte, b'\\' | b'\t' | b'\n' | b'\x0C' | b'\r');
        if parts || (self.is_name && matches!(byte, b'^' | b'=')) {
            self.reset();
        }
        // The backslash of JIS X 0201 looks like a yen sign, and parts values all the same.
        self.text.push(if self.low == Low::Romaji && byte == b'~' { '\u{203E}' } else { char::from(byte) });
        1
    }

    fn kanji(&mut self, bytes: &[u8]) -> Result<usize, Undecodable> {
        let [first, second] = pair(bytes)?;
        let (first, second) = (first | 0x80, second | 0x80);
        match self.low {
            Low::SupplementaryKanji => self.push(EUC_JP, &[0x8F, first, second])?,
            _ => self.push(EUC_JP, &[first, second])?,
        }
        Ok(2)
    }

    fn high(&mut self, bytes: &[u8]) -> Result<usize, Undecodable> {
        let byte = bytes.first().copied().unwrap_or_default();
        let set = self.high.ok_or(Undecodable::NotInCharacterSet)?;
        match set {
            // 80 to 9F are controls, of which DICOM has none.
            _ if byte < 0xA0 => return Err(Undecodable::NotInCharacterSet),
            Set::Latin1 => self.text.push(char::from(byte)),
            Set::Japanese if matches!(byte, 0xA1..=0xDF) => self.push(EUC_JP, &[0x8E, byte])?,
            Set::Korean => {
                self.push(EUC_KR, &high_pair(bytes)?)?;
                return Ok(2);
            }
            Set::SimplifiedChinese => {
                self.push(GBK, &high_pair(bytes)?)?;
                return Ok(2);
            }
            _ => self.push(set.table().ok_or(Undecodable::NotInCharacterSet)?, &[byte])?,
        }
        Ok(1)
    }

    fn push(&mut self, encoding: &'static Encoding, bytes: &[u8]) -> Result<(), Undecodable> {
        self.text.push_str(&strictly(encoding, bytes)?);
        Ok(())
    }
}

const ESCAPES: &[(&[u8], Set, Option<Low>)] = &[
    (b"(B", Set::Ascii, Some(Low::Ascii)),
    (b"-A", Set::Latin1, None),
    (b"-B", Set::Latin2, None),
    (b"-C", Set::Latin3, None),
    (b"-D", Set::Latin4, None),
    (b"-L", Set::Cyrillic, None),
    (b"-G", Set::Arabic, None),
    (b"-F", Set::Greek, None),
    (b"-H", Set::Hebrew, None),
    (b"-M", Set::Latin5, None),
    (b"-b", Set::Latin9, None),
    (b"-T", Set::Thai, None),
    (b")I", Set::Japanese, None),
    (b"(J", Set::Japanese, Some(Low::Romaji)),
    (b"$B", Set::Kanji, Some(Low::Kanji)),
    (b"$(D", Set::SupplementaryKanji, Some(Low::SupplementaryKanji)),
    (b"$)C", Set::Korean, None),
    (b"$)A", Set::SimplifiedChinese, None),
];

fn pair(bytes: &[u8]) -> Result<[u8; 2], Undecodable> {
    let pair = *bytes.first_chunk::<2>().ok_or(Undecodable::NotInCharacterSet)?;
    if pair.iter().all(|byte| matches!(byte, 0x21..=0x7E)) {
        Ok(pair)
    } else {
        Err(Undecodable::NotInCharacterSet)
    }
}

fn high_pair(bytes: &[u8]) -> Result<[u8; 2], Undecodable> {
    let pair = *bytes.first_chunk::<2>().ok_or(Undecodable::NotInCharacterSet)?;
    if pair.iter().all(|byte| *byte > 0xA0) { Ok(pair) } else { Err(Undecodable::NotInCharacterSet) }
}

fn strictly<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Result<Cow<'a, str>, Undecodable> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.ok_or(Undecodable::NotInCharacterSet)
}
