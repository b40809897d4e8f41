//! Classes of bytes and characters, as XML 1.0 (5th edition) has them. A table says what each byte may be; bytes
//! beyond ASCII are looked at as characters, apart from the few where a table suffices.

/// May begin a name (production 4), without the colon, which Namespaces takes out.
pub(super) const NAME_START: u16 = 1;
/// May continue a name (production 4a), without the colon.
pub(super) const NAME: u16 = 1 << 1;
/// White space (production 3).
pub(super) const SPACE: u16 = 1 << 2;
/// Ends a plain run of text.
pub(super) const TEXT_STOP: u16 = 1 << 3;
/// Ends a plain run of an attribute's value.
pub(super) const VALUE_STOP: u16 = 1 << 4;
/// Ends a plain run of a CDATA section.
pub(super) const SECTION_STOP: u16 = 1 << 5;
/// Is not a character of XML, or begins one that may not be: see [`is_noncharacter`].
pub(super) const SUSPECT: u16 = 1 << 6;
/// Is written as a reference in text.
pub(super) const TEXT_ESCAPED: u16 = 1 << 7;
/// Is written as a reference in the value of an attribute.
pub(super) const VALUE_ESCAPED: u16 = 1 << 8;

static CLASSES: [u16; 256] = classes();

/// Whether `byte` is of `class`.
#[inline(always)]
pub(super) fn is(byte: u8, class: u16) -> bool {
    // The index is below the length of the table: the compiler takes the check out.
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// Where the first byte of `class` stands from `from` on; the length when there is none.
#[inline(always)]
pub(super) fn find(bytes: &[u8], from: usize, class: u16) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| is(*byte, class)).unwrap_or(rest.len())
}

/// Where the first byte stands that is not of `class` from `from` on; the length when there is none.
#[inline(always)]
pub(super) fn skip(bytes: &[u8], from: usize, class: u16) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !is(*byte, class)).unwrap_or(rest.len())
}

/// Whether U+FFFE or U+FFFF begins at `at`: with the control characters and surrogates, which UTF-8 does not have,
/// all that production 2 leaves out.
#[inline]
pub(super) fn is_noncharacter(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\xEF\xBF\xBE") || rest.starts_with(b"\xEF\xBF\xBF"))
}

/// Where the first character that XML does not have stands, if any.
pub(super) fn illegal(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = find(bytes, from, SUSPECT);
    while let Some(byte) = bytes.get(at) {
        if *byte != 0xEF || is_noncharacter(bytes, at) {
            return Some(at);
        }
        at = find(bytes, at + 1, SUSPECT);
    }
    None
}

/// Production 2: a character of XML.
pub(super) fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Production 4 beyond ASCII.
pub(super) fn begins_name(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Production 4a beyond ASCII.
pub(super) fn continues_name(c: char) -> bool {
    begins_name(c) || matches!(c, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would refuse to build")]
const fn classes() -> [u16; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let escaped = match byte {
            b'&' | b'<' | b'>' | b'\r' => TEXT_ESCAPED | VALUE_ESCAPED,
            b'"' | b'\t' | b'\n' => VALUE_ESCAPED,
            _ => 0,
        };
        table[at] = escaped
            | match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'_' => NAME_START | NAME,
                b'0'..=b'9' | b'-' | b'.' => NAME,
                b' ' => SPACE,
                b'\t' | b'\n' => SPACE | VALUE_STOP,
                b'\r' => SPACE | VALUE_STOP | TEXT_STOP | SECTION_STOP,
                b'<' | b'&' => TEXT_STOP | VALUE_STOP,
                b'"' | b'\'' => VALUE_STOP,
                b']' => TEXT_STOP | SECTION_STOP,
                0x00..=0x1F | 0xEF => SUSPECT | TEXT_STOP | VALUE_STOP | SECTION_STOP,
                _ => 0,
            };
        at += 1;
    }
    table
}
