//! The characters of XML 1.0 (fifth edition): which may stand in a document, and which in a name.

use memchr::memchr;

/// Whether `text` has only characters of production 2 (`Char`).
pub(crate) fn are_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let controls = bytes.iter().any(|byte| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'));
    // Beside the controls only U+FFFE and U+FFFF are left out; both begin with the byte EF.
    !controls && (memchr(0xEF, bytes).is_none() || !text.contains(['\u{FFFE}', '\u{FFFF}']))
}

/// Whether `text` is white space (production 3), or nothing.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| is_space(char::from(byte)))
}

/// Whether `character` is white space (production 3).
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Whether `text` is a name without a colon (Namespaces in XML 1.0, production 4).
fn is_ncname(text: &str) -> bool {
    let ascii_start = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if ascii_start
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    {
        return true;
    }
    let mut characters = text.chars();
    characters.next().is_some_and(starts_name) && characters.all(continues_name)
}

/// Prefix and local part of a qualified name; the prefix of an unprefixed name is empty.
pub(super) fn qualified(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = match name.split_once(':') {
        None => ("", name),
        Some((prefix, local)) if is_ncname(prefix) => (prefix, local),
        Some(_) => return None,
    };
    is_ncname(local).then_some((prefix, local))
}

/// Production 4 (`NameStartChar`), less the colon.
fn starts_name(character: char) -> bool {
    matches!(character,
        'a'..='z' | 'A'..='Z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Production 4a (`NameChar`), less the colon.
fn continues_name(character: char) -> bool {
    starts_name(character)
        || matches!(character,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
