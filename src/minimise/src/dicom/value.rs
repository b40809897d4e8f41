//! Values as text, for conditions and guards: what is written is not changed by it.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use super::characters::{CharacterSets, Undecodable, decode};
use super::event::Header;
use super::syntax::ByteOrder;
use super::vr::Vr;

/// A value as text: one or more values of an element.
///
/// Numbers are decimal, tags are eight hexadecimal digits. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a> {
    text: Cow<'a, str>,
    vr: Vr,
}

impl<'a> Text<'a> {
    /// The text of the value of the element `header`, whose characters are of `sets`.
    ///
    /// # Errors
    /// When the value is no text, or not what its representation and character sets say.
    pub fn of(header: &Header, value: &'a [u8], sets: &CharacterSets) -> Result<Self, Undecodable> {
        let vr = header.vr;
        let text = if vr.has_character_sets() {
            decode(sets, value, vr == Vr::PN)?
        } else if vr.has_default_characters() {
            decode(&CharacterSets::DEFAULT, value, false)?
        } else {
            Cow::Owned(numbers(vr, header.byte_order, value)?)
        };
        Ok(Self { text, vr })
    }

    /// The values, without the padding that means nothing (PS3.5 section 6.2).
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let separator = if self.vr.is_one_value() { None } else { Some('\\') };
        let vr = self.vr;
        self.whole().split(move |character| Some(character) == separator).map(move |value| trimmed(vr, value))
    }

    /// All of it, without the padding at its end.
    pub fn whole(&self) -> &str {
        self.text.trim_end_matches(['\0', ' '])
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?}, …)", self.vr)
    }
}

/// Spaces at the end mean nothing; at the beginning they do where there may be more than one line.
fn trimmed(vr: Vr, value: &str) -> &str {
    let value = value.trim_end_matches(['\0', ' ']);
    let has_leading = matches!(vr, Vr::LT | Vr::ST | Vr::UT | Vr::UC | Vr::UR);
    if has_leading { value } else { value.trim_start_matches(' ') }
}

fn numbers(vr: Vr, order: ByteOrder, value: &[u8]) -> Result<String, Undecodable> {
    match vr {
        Vr::US => each(value, |bytes| order.u16(bytes)),
        Vr::SS => each(value, |bytes| order.u16(bytes).cast_signed()),
        Vr::UL => each(value, |bytes| order.u32(bytes)),
        Vr::SL => each(value, |bytes| order.u32(bytes).cast_signed()),
        Vr::UV => each(value, |bytes| order.u64(bytes)),
        Vr::SV => each(value, |bytes| order.u64(bytes).cast_signed()),
        Vr::FL => each(value, |bytes| f32::from_bits(order.u32(bytes))),
        Vr::FD => each(value, |bytes| f64::from_bits(order.u64(bytes))),
        Vr::AT => each(value, |[a, b, c, d]| {
            let (group, element) = (order.u16([a, b]), order.u16([c, d]));
            format!("{group:04X}{element:04X}")
        }),
        _ => Err(Undecodable::NotText),
    }
}

fn each<const N: usize, T: fmt::Display>(
    value: &[u8],
    number: impl Fn([u8; N]) -> T,
) -> Result<String, Undecodable> {
    let (numbers, rest) = value.as_chunks();
    if !rest.is_empty() {
        return Err(Undecodable::BadLength);
    }
    let mut text = String::new();
    for (index, bytes) in numbers.iter().enumerate() {
        let separator = if index == 0 { "" } else { "\\" };
        // Writing to a text does not fail.
        let _ = write!(text, "{separator}{}", number(*bytes));
    }
    Ok(text)
}
