//! Canonical JSON (RFC 8785), the subset of `docs/format.md` section 1.
//!
//! It only writes. A reader proves that bytes are canonical by writing again what it has read and comparing.

use serde_json::Value;

/// A value of a member of an object: how it is written, and how it is read.
pub(crate) trait Member: Sized {
    /// The JSON of this value; `None` when the member is absent.
    fn write(&self) -> Option<String>;
    /// Reads the value; `None` when it is not of this form. An absent member is read from `None`.
    fn read(value: Option<Value>) -> Option<Self>;
}

impl<T: Member> Member for Option<T> {
    fn write(&self) -> Option<String> {
        self.as_ref().and_then(T::write)
    }

    fn read(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(None),
            present => T::read(present).map(Some),
        }
    }
}

/// An object being written: members in any order, sorted at the end.
#[derive(Default)]
pub(crate) struct Object(Vec<(&'static str, String)>);

impl Object {
    /// Adds a member unless its value is absent. `name` is plain ASCII and needs no escape.
    pub(crate) fn put(&mut self, name: &'static str, value: &impl Member) {
        self.put_json(name, value.write());
    }

    /// Adds a member whose value is JSON already.
    pub(crate) fn put_json(&mut self, name: &'static str, json: Option<String>) {
        self.0.extend(json.map(|json| (name, json)));
    }

    /// The object's JSON.
    pub(crate) fn finish(mut self) -> String {
        // RFC 8785 sorts by UTF-16 code units; for ASCII names that is the order of the bytes.
        self.0.sort_unstable_by_key(|(name, _)| *name);
        let members = self.0.iter().map(|(name, json)| format!("\"{name}\":{json}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

/// A JSON array of values that are JSON already.
pub(crate) fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// A JSON string, escaped as RFC 8785 section 3.2.2.2 says.
pub(crate) fn string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\t' => json.push_str("\\t"),
            '\n' => json.push_str("\\n"),
            '\u{c}' => json.push_str("\\f"),
            '\r' => json.push_str("\\r"),
            '\0'..='\u{1f}' => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => json.push(c),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_rfc_8785_says() {
        // The string of RFC 8785 section 3.2.2, `$` to the slash.
        let source = "\u{20ac}$\u{f}\nA'\u{42}\u{22}\u{5c}\\\"/";
        assert_eq!(string(source), r#""€$\u000f\nA'B\"\\\\\"/""#);
        assert_eq!(string("\u{8}\t\u{c}\r\u{0}\u{1f}\u{7f}¹"), "\"\\b\\t\\f\\r\\u0000\\u001f\u{7f}¹\"");
    }

    #[test]
    fn every_string_is_what_a_json_reader_reads_back() {
        for c in ('\0'..=char::MAX).step_by(7) {
            let text = format!("a{c}b");
            assert_eq!(serde_json::from_str::<String>(&string(&text)).unwrap(), text);
        }
    }

    #[test]
    fn members_are_sorted_and_absent_ones_left_out() {
        let mut object = Object::default();
        object.put_json("b", Some("1".to_owned()));
        object.put_json("c", None);
        object.put_json("a", Some(array([])));
        assert_eq!(object.finish(), r#"{"a":[],"b":1}"#);
        assert_eq!(Object::default().finish(), "{}");
    }
}
