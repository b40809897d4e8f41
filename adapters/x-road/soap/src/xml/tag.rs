//! A start tag taken apart: its name and its attributes, as they stand.

use super::XmlError;
use super::characters::{are_characters, is_space, qualified};
use super::reference::character;

/// One attribute as it stands; nothing is resolved yet, everything is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawAttribute<'a> {
    pub(super) name: &'a str,
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
    pub(super) value: &'a str,
    /// How far the name begins before the end of the tag.
    pub(super) name_from_end: usize,
    /// How far the value begins before the end of the tag.
    pub(super) value_from_end: usize,
}

/// The name at the beginning of `tag`, which is what stands between `<` and `>` or `/>`, and the rest.
pub(super) fn named(tag: &str) -> Result<(&str, &str), XmlError> {
    let end = tag.find(is_space).unwrap_or(tag.len());
    tag.split_at_checked(end).ok_or(XmlError::Markup)
}

/// The attributes in the rest of a tag, one by one.
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    fn take(&mut self) -> Result<Option<RawAttribute<'a>>, XmlError> {
        let trimmed = self.rest.trim_start_matches(is_space);
        if trimmed.is_empty() {
            return Ok(None);
        }
        // White space parts attributes from the name and from each other.
        if trimmed.len() == self.rest.len() {
            return Err(XmlError::Markup);
        }
        let (name, after) = trimmed.split_once('=').ok_or(XmlError::Markup)?;
        let name = name.trim_end_matches(is_space);
        let (prefix, local) = qualified(name).ok_or(XmlError::Markup)?;
        let after = after.trim_start_matches(is_space);
        let quoted = [(after.strip_prefix('"'), '"'), (after.strip_prefix('\''), '\'')];
        let (value, rest) =
            quoted.into_iter().find_map(|(after, quote)| after?.split_once(quote)).ok_or(XmlError::Markup)?;
        check_value(value)?;
        self.rest = rest;
        let name_from_end = trimmed.len();
        // One for the closing quote.
        let value_from_end = value.len() + 1 + rest.len();
        Ok(Some(RawAttribute { name, prefix, local, value, name_from_end, value_from_end }))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<RawAttribute<'a>, XmlError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

/// The value has no `<`, only characters that XML allows, and only references that can be resolved.
fn check_value(value: &str) -> Result<(), XmlError> {
    if value.contains('<') {
        return Err(XmlError::Markup);
    }
    if !are_characters(value) {
        return Err(XmlError::Character);
    }
    let mut references = value.split('&');
    references.next();
    for reference in references {
        let (name, _) = reference.split_once(';').ok_or(XmlError::Reference)?;
        character(name)?;
    }
    Ok(())
}

/// What an XML declaration says: version 1.0, and UTF-8 if it names an encoding. `declaration` is what stands between
/// `<?xml` and `?>`.
pub(super) fn check_declaration(declaration: &str) -> Result<(), XmlError> {
    const ORDER: [&str; 3] = ["version", "encoding", "standalone"];
    let mut next = 0;
    for attribute in Attributes::new(declaration) {
        let RawAttribute { name, value, .. } = attribute.map_err(|_| XmlError::Declaration)?;
        let place = ORDER.iter().position(|known| *known == name).ok_or(XmlError::Declaration)?;
        // The version comes first and must be there; each comes once, in this order.
        if place < next || (next == 0 && place != 0) {
            return Err(XmlError::Declaration);
        }
        next = place + 1;
        match name {
            "version" if value != "1.0" => return Err(XmlError::Declaration),
            "encoding" if !value.eq_ignore_ascii_case("utf-8") => return Err(XmlError::Encoding),
            "standalone" if value != "yes" && value != "no" => return Err(XmlError::Declaration),
            _ => {}
        }
    }
    if next == 0 { Err(XmlError::Declaration) } else { Ok(()) }
}
