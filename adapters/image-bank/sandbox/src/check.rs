//! What the image bank asks of an instance before it stores it, and the failure reason it gives (PS3.18 table I.2-2).

use crate::Instance;
use crate::dicom::{Element, File};

const CANNOT_UNDERSTAND: u16 = 0xc000;
const SYNTAX_NOT_SUPPORTED: u16 = 0xc122;
const DOES_NOT_MATCH_CLASS: u16 = 0xa900;
const INVALID_VALUE: u16 = 0x0106;
const MISSING_ATTRIBUTE: u16 = 0x0120;
/// In the range of A9xx: it holds what the image bank must not be told. An archive would not look; this one helps to find leaks.
const MUST_NOT_BE_TOLD: u16 = 0xa9ff;

/// What is stored: native little-endian, RLE, JPEG baseline, extended and lossless, JPEG-LS, JPEG 2000, MPEG-4.
const SYNTAXES: [&str; 13] = [
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.4.103",
];

/// Other ids and names, address, telephone, insurance, rank, ethnic group, occupation, religion, comments.
const NEVER: [u32; 27] = [
    0x0008_0081,
    0x0008_0092,
    0x0008_0094,
    0x0010_1000,
    0x0010_1001,
    0x0010_1005,
    0x0010_1040,
    0x0010_1050,
    0x0010_1060,
    0x0010_1080,
    0x0010_1081,
    0x0010_1090,
    0x0010_2110,
    0x0010_2150,
    0x0010_2152,
    0x0010_2154,
    0x0010_2160,
    0x0010_2180,
    0x0010_21a0,
    0x0010_21b0,
    0x0010_21c0,
    0x0010_21f0,
    0x0010_2297,
    0x0010_4000,
    0x0020_4000,
    0x0032_4000,
    0x0040_1400,
];

/// Character sets without code extensions; with them, text is not judged.
const CHARACTER_SETS: [&str; 14] = [
    "ISO_IR 100",
    "ISO_IR 101",
    "ISO_IR 109",
    "ISO_IR 110",
    "ISO_IR 126",
    "ISO_IR 127",
    "ISO_IR 138",
    "ISO_IR 144",
    "ISO_IR 148",
    "ISO_IR 13",
    "ISO_IR 166",
    "ISO_IR 203",
    "GB18030",
    "GBK",
];
const UTF_8: &str = "ISO_IR 192";
const TEXT: [&[u8; 2]; 7] = [b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UT"];

/// Why an instance is not stored, and as far as it is known which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) which: Option<(String, String)>,
    pub(crate) reason: u16,
}

/// The instance in `bytes`, if it may be stored under `study`, where one is named.
pub(crate) fn instance(bytes: &[u8], study: Option<&str>) -> Result<Instance, Failed> {
    let file = File::read(bytes).map_err(|_| Failed { which: None, reason: CANNOT_UNDERSTAND })?;
    let fail = |reason| Failed { which: Some((file.class.clone(), file.uid.clone())), reason };
    if !SYNTAXES.contains(&file.syntax.as_str()) {
        return Err(fail(SYNTAX_NOT_SUPPORTED));
    }
    let elements = file.elements.as_deref().ok_or_else(|| fail(SYNTAX_NOT_SUPPORTED))?;
    let text = |tag| top(elements, tag).and_then(Element::text).filter(|text| !text.is_empty());
    let uid = |tag| text(tag).ok_or(MISSING_ATTRIBUTE).and_then(is_uid);
    let checked = || -> Result<Instance, u16> {
        if uid(0x0008_0016)? != file.class || uid(0x0008_0018)? != file.uid {
            return Err(DOES_NOT_MATCH_CLASS);
        }
        let own_study = uid(0x0020_000d)?;
        if study.is_some_and(|study| study != own_study) {
            return Err(DOES_NOT_MATCH_CLASS);
        }
        let patient = text(0x0010_0020).ok_or(MISSING_ATTRIBUTE)?;
        top(elements, 0x0010_0010).ok_or(MISSING_ATTRIBUTE)?;
        is_personal_code(patient).then_some(()).ok_or(INVALID_VALUE)?;
        is_readable(elements)?;
        pixels_fit(elements, &file.syntax)?;
        tells_no_more_than_it_may(elements)?;
        Ok(Instance {
            class: file.class.clone(),
            uid: file.uid.clone(),
            study: own_study.to_owned(),
            series: uid(0x0020_000e)?.to_owned(),
            patient: patient.to_owned(),
            file: bytes.to_vec(),
        })
    };
    checked().map_err(fail)
}

fn top<'e, 'a>(elements: &'e [Element<'a>], tag: u32) -> Option<&'e Element<'a>> {
    elements.iter().find(|element| element.depth == 0 && element.tag == tag)
}

fn is_uid(text: &str) -> Result<&str, u16> {
    let is_component = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let good = text.len() <= 64 && text.split('.').all(|part| !part.is_empty() && is_component(part));
    if good { Ok(text) } else { Err(INVALID_VALUE) }
}

/// An Estonian personal code: eleven digits, the last of which is computed from the others in one or two rounds.
fn is_personal_code(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(10)).collect();
    let Some(([last], rest)) =
        digits.as_deref().and_then(|digits| digits.split_last_chunk()).map(|(a, b)| (b, a))
    else {
        return false;
    };
    let round =
        |weights: [u32; 10]| rest.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11;
    let check = match round([1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) {
        10 => round([3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 10,
        first => first,
    };
    rest.len() == 10 && check == *last
}

/// Texts are of the declared character set, and the set is one of those known.
fn is_readable(elements: &[Element<'_>]) -> Result<(), u16> {
    let declared =
        top(elements, 0x0008_0005).map(|element| element.text().ok_or(INVALID_VALUE)).transpose()?;
    let mut texts =
        elements.iter().filter(|element| TEXT.contains(&&element.vr)).map(|element| element.value);
    let is_readable = match declared {
        None | Some("" | "ISO_IR 6") => texts.all(<[u8]>::is_ascii),
        Some(UTF_8) => texts.all(|text| std::str::from_utf8(text).is_ok()),
        Some(set) => set.contains('\\') || CHARACTER_SETS.contains(&set),
    };
    if is_readable { Ok(()) } else { Err(INVALID_VALUE) }
}

/// Where there are rows and columns there are pixels, and native ones are as many as that makes.
fn pixels_fit(elements: &[Element<'_>], syntax: &str) -> Result<(), u16> {
    let number = |tag| -> Option<u64> {
        let value = top(elements, tag)?.value.first_chunk::<2>()?;
        Some(u64::from(u16::from_le_bytes(*value)))
    };
    let Some((rows, columns)) = number(0x0028_0010).zip(number(0x0028_0011)) else { return Ok(()) };
    let pixels = top(elements, 0x7fe0_0010).ok_or(MISSING_ATTRIBUTE)?;
    if !["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"].contains(&syntax) {
        return Ok(());
    }
    let samples = number(0x0028_0002).unwrap_or(1);
    let bits = number(0x0028_0100).ok_or(MISSING_ATTRIBUTE)?;
    let frames = top(elements, 0x0028_0008).and_then(Element::text).map_or(Some(1), |text| text.parse().ok());
    let bytes = (rows * columns * samples * bits * frames.ok_or(INVALID_VALUE)?).div_ceil(8);
    if pixels.value.len() as u64 == bytes.next_multiple_of(2) { Ok(()) } else { Err(DOES_NOT_MATCH_CLASS) }
}

fn tells_no_more_than_it_may(elements: &[Element<'_>]) -> Result<(), u16> {
    let told = |element: &Element<'_>| {
        let group = element.tag >> 16;
        let is_private = group % 2 == 1;
        let is_overlay = (0x6000..0x6100).contains(&group) || (0x5000..0x5100).contains(&group);
        is_private || is_overlay || NEVER.contains(&element.tag)
    };
    if elements.iter().any(told) { Err(MUST_NOT_BE_TOLD) } else { Ok(()) }
}
