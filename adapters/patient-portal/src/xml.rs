//! Small questions to `quick-xml`, asked in more than one place.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart};

/// The name of an element without its prefix.
pub(crate) fn local(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_owned()
}

/// All attributes, by their names without prefixes; `None` when one is malformed.
pub(crate) fn attributes(start: &BytesStart<'_>) -> Option<Vec<(String, String)>> {
    let read = |attribute: Result<quick_xml::events::attributes::Attribute<'_>, _>| {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned();
        Some((attribute.key.local_name().into_inner().to_owned(), value))
    };
    start.attributes().map(read).collect()
}

/// An attribute that may be missing; `None` when one is malformed.
pub(crate) fn attribute(start: &BytesStart<'_>, name: &str) -> Option<Option<String>> {
    let found = attributes(start)?.into_iter().find(|(own, _)| own == name);
    Some(found.map(|(_, value)| value))
}

/// What a reference stands for: a character by its number, or one of the five that XML has names for.
pub(crate) fn resolved(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    let character = match &*reference.xml10_content() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return None,
    };
    Some(character.to_owned())
}
