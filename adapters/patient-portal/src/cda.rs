//! Reading the header of a CDA document, as the profile left it: well-formed, UTF-8, one default namespace, no prefixes.
//!
//! It decides nothing about the content; that was done before. [`kind_of`] alone reads what has not been checked yet,
//! and only to say which kind a document that was refused seems to be of.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::xml::{self, attribute, local};

/// How much is looked at to find the kind of a document: the code stands among the first elements.
const KIND_WITHIN_BYTES: usize = 64 << 10;
/// What the message that carries a document repeats of its header, in the order of the message.
const REPEATED: [&str; 6] = ["id", "code", "effectiveTime", "confidentialityCode", "setId", "versionNumber"];

/// The header of a document.
#[derive(Debug)]
pub(crate) struct Header<'d> {
    values: BTreeMap<String, String>,
    /// The elements of [`REPEATED`] as they stand in the document.
    repeated: BTreeMap<&'static str, &'d str>,
}

impl<'d> Header<'d> {
    /// The header of `document`; `None` when it cannot be read.
    pub(crate) fn read(document: &'d [u8]) -> Option<Self> {
        let text = std::str::from_utf8(document).ok()?;
        let mut header = Self { values: BTreeMap::new(), repeated: BTreeMap::new() };
        let mut reader = Reader::from_str(text);
        let mut open: Vec<String> = Vec::new();
        let mut child_from = 0;
        loop {
            let before = place(&reader)?;
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    open.push(local(&start));
                    if open.len() == 2 {
                        child_from = before;
                    }
                    header.note(open.get(1..)?, &start)?;
                }
                Event::Empty(start) => {
                    open.push(local(&start));
                    header.note(open.get(1..)?, &start)?;
                    if let [_, name] = open.as_slice() {
                        header.repeat(name, text.get(before..place(&reader)?)?);
                    }
                    open.pop();
                }
                Event::End(_) => {
                    if let [_, name] = open.as_slice() {
                        header.repeat(name, text.get(child_from..place(&reader)?)?);
                    }
                    open.pop()?;
                }
                Event::Eof => return Some(header),
                _ => {}
            }
        }
    }

    /// The value of an attribute: of the first element at this path that has it, such as `relatedDocument/parentDocument/id@root`.
    pub(crate) fn value(&self, path: &str) -> Option<&str> {
        self.values.get(path).map(String::as_str)
    }

    /// The root and extension of the first `id` at `path`.
    pub(crate) fn identifier(&self, path: &str) -> Option<(&str, &str)> {
        Some((self.value(&format!("{path}@root"))?, self.value(&format!("{path}@extension"))?))
    }

    /// An element of the header, as it stands in the document.
    pub(crate) fn element(&self, name: &str) -> &'d str {
        self.repeated.get(name).copied().unwrap_or_default()
    }

    fn note(&mut self, below_root: &[String], start: &BytesStart<'_>) -> Option<()> {
        // What stands in the body is not the header's.
        if below_root.first().is_none_or(|first| first == "component") {
            return Some(());
        }
        let path = below_root.join("/");
        for (name, value) in xml::attributes(start)? {
            self.values.entry(format!("{path}@{name}")).or_insert(value);
        }
        Some(())
    }

    fn repeat(&mut self, name: &str, element: &'d str) {
        if let Some(name) = REPEATED.into_iter().find(|known| *known == name) {
            self.repeated.entry(name).or_insert(element);
        }
    }
}

/// The code of a document that nobody has checked yet.
pub(crate) fn kind_of(document: &[u8]) -> Option<String> {
    let head = document.get(..KIND_WITHIN_BYTES).unwrap_or(document);
    let mut reader = Reader::from_reader(head);
    let mut depth = 0_usize;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if depth == 1 && local(&start) == "code" => {
                return attribute(&start, "code")?;
            }
            Event::Empty(start) if depth == 1 && local(&start) == "code" => {
                return attribute(&start, "code")?;
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn place(reader: &Reader<&[u8]>) -> Option<usize> {
    usize::try_from(reader.buffer_position()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><id root=\"1.2\" extension=\"a&amp;b\"/>\
        <code code=\"2\"/><confidentialityCode code=\"R\"><translation code=\"N\"/></confidentialityCode>\
        <relatedDocument typeCode=\"RPLC\"><parentDocument><id root=\"1.2\" extension=\"c\"/></parentDocument>\
        </relatedDocument><component><structuredBody><id root=\"9\" extension=\"x\"/></structuredBody></component>\
        </ClinicalDocument>";

    #[test]
    fn values_and_elements_of_the_header_are_found_and_none_of_the_body() {
        let header = Header::read(DOCUMENT.as_bytes()).unwrap();
        assert_eq!(header.identifier("id"), Some(("1.2", "a&b")));
        assert_eq!(header.identifier("relatedDocument/parentDocument/id"), Some(("1.2", "c")));
        assert_eq!(header.value("component/structuredBody/id@root"), None);
        assert_eq!(header.element("id"), "<id root=\"1.2\" extension=\"a&amp;b\"/>");
        assert_eq!(
            header.element("confidentialityCode"),
            "<confidentialityCode code=\"R\"><translation code=\"N\"/></confidentialityCode>"
        );
        assert_eq!(header.element("setId"), "");
    }

    #[test]
    fn what_is_cut_off_has_no_header_and_no_kind() {
        assert!(Header::read(b"<ClinicalDocument><id root='1'").is_none());
        assert_eq!(kind_of(b"<ClinicalDocument><id root='1'"), None);
        assert_eq!(kind_of(b"<a><b><code code='2'/></b></a>"), None);
        assert_eq!(kind_of(DOCUMENT.as_bytes()).as_deref(), Some("2"));
    }
}
