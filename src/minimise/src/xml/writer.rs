//! The writer: elements, attributes and text as UTF-8, in one form of escaping, with the namespace declarations that
//! the names need and no others.
//!
//! It trusts its caller that names are names and text has characters of XML only, as everything that comes from a
//! [`Reader`](super::Reader) has; and that one tag does not use one prefix for two namespaces.

use super::classes::{self, TEXT_ESCAPED, VALUE_ESCAPED};
use super::event::Name;

/// Writes one document.
#[derive(Default)]
pub struct Writer {
    out: Vec<u8>,
    /// Whether the start tag written last still lacks its `>`.
    in_tag: bool,
    open: Vec<Open>,
    /// INVARIANT: the names of `open`, one after the other.
    names: String,
    bindings: Vec<Binding>,
    /// INVARIANT: prefix and namespace of each of `bindings`, one after the other.
    bound: String,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    name_from: usize,
    bindings: usize,
}

#[derive(Debug, Clone, Copy)]
struct Binding {
    prefix_to: usize,
    to: usize,
}

/// A place in what is written, to [go back](Writer::rollback) to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    out: usize,
    in_tag: bool,
    open: usize,
    names: usize,
    bindings: usize,
}

impl Mark {
    /// Bytes written before it and not passed on.
    pub(super) const fn place(&self) -> usize {
        self.out
    }

    /// So many of them were passed on.
    pub(super) const fn shift(&mut self, count: usize) {
        self.out = self.out.saturating_sub(count);
    }
}

impl Writer {
    /// A writer with nothing written.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an element.
    pub fn start(&mut self, name: Name<'_>) {
        self.close_tag();
        self.open.push(Open { name_from: self.names.len(), bindings: self.bindings.len() });
        let name_from = self.names.len();
        push_qualified(&mut self.names, name);
        self.out.push(b'<');
        self.out.extend_from_slice(self.names.get(name_from..).unwrap_or_default().as_bytes());
        self.in_tag = true;
        self.declare(name.prefix, name.uri);
    }

    /// Gives the element that was just begun an attribute.
    pub fn attribute(&mut self, name: Name<'_>, value: &str) {
        if !name.prefix.is_empty() {
            self.declare(name.prefix, name.uri);
        }
        self.out.push(b' ');
        if !name.prefix.is_empty() {
            self.out.extend_from_slice(name.prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(name.local.as_bytes());
        self.value(value);
    }

    /// Declares in the element that was just begun that `prefix` (`""`: the default) means `uri`, unless it does:
    /// for values that are names. Names of elements and attributes are looked after without it.
    pub fn declare(&mut self, prefix: &str, uri: &str) {
        if self.means(prefix) == Some(uri) || prefix == "xml" {
            return;
        }
        self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
        self.out.extend_from_slice(prefix.as_bytes());
        self.value(uri);
        self.bound.push_str(prefix);
        let prefix_to = self.bound.len();
        self.bound.push_str(uri);
        self.bindings.push(Binding { prefix_to, to: self.bound.len() });
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.close_tag();
            escape(&mut self.out, text, TEXT_ESCAPED);
        }
    }

    /// Ends the element that began last and has not ended.
    pub fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if self.in_tag {
            self.out.extend_from_slice(b"/>");
            self.in_tag = false;
        } else {
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(self.names.get(open.name_from..).unwrap_or_default().as_bytes());
            self.out.push(b'>');
        }
        self.names.truncate(open.name_from);
        self.leave(open.bindings);
    }

    /// Where it is, to come back to as long as the elements now open are open.
    pub fn mark(&self) -> Mark {
        Mark {
            out: self.out.len(),
            in_tag: self.in_tag,
            open: self.open.len(),
            names: self.names.len(),
            bindings: self.bindings.len(),
        }
    }

    /// Takes back all that was written since `mark`.
    pub fn rollback(&mut self, mark: Mark) {
        self.out.truncate(mark.out);
        self.in_tag = mark.in_tag;
        self.open.truncate(mark.open);
        self.names.truncate(mark.names);
        self.leave(mark.bindings);
    }

    /// What was written and not [forgotten](Self::forget).
    pub fn written(&self) -> &[u8] {
        &self.out
    }

    /// Forgets all that was written: it has been passed on. No mark made before can be gone back to.
    pub fn forget(&mut self) {
        self.out.clear();
    }

    /// Passes on the first bytes written, at most `count`, to `out`, and says how many they were. Marks made before are
    /// to be [shifted](Mark::shift).
    pub(super) fn take(&mut self, count: usize, out: &mut Vec<u8>) -> usize {
        let count = count.min(self.out.len());
        out.extend(self.out.drain(..count));
        count
    }

    /// What was written and not forgotten, for good.
    pub fn into_written(self) -> Vec<u8> {
        self.out
    }

    fn close_tag(&mut self) {
        if self.in_tag {
            self.out.push(b'>');
            self.in_tag = false;
        }
    }

    fn value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        escape(&mut self.out, value, VALUE_ESCAPED);
        self.out.push(b'"');
    }

    /// What `prefix` means in what is written.
    fn means(&self, prefix: &str) -> Option<&str> {
        let mut bindings = self.bindings.as_slice();
        while let Some((last, before)) = bindings.split_last() {
            let from = before.last().map_or(0, |binding| binding.to);
            // Two empty prefixes are not left to the comparison of memory: with nothing to compare, a vectorised one is
            // stopped by the processor at addresses that are none, which took a fifth of the time of all writing.
            let is_same = last.prefix_to - from == prefix.len()
                && (prefix.is_empty() || self.bound.get(from..last.prefix_to) == Some(prefix));
            if is_same {
                return self.bound.get(last.prefix_to..last.to);
            }
            bindings = before;
        }
        prefix.is_empty().then_some("")
    }

    fn leave(&mut self, bindings: usize) {
        self.bindings.truncate(bindings);
        self.bound.truncate(self.bindings.last().map_or(0, |last| last.to));
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("bytes", &self.out.len()).field("depth", &self.open.len()).finish()
    }
}

fn push_qualified(names: &mut String, name: Name<'_>) {
    if !name.prefix.is_empty() {
        names.push_str(name.prefix);
        names.push(':');
    }
    names.push_str(name.local);
}

/// Writes `text` with the bytes of `class` as references.
#[inline]
fn escape(out: &mut Vec<u8>, text: &str, class: u16) {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let to = classes::find(bytes, from, class);
        out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        let Some(byte) = bytes.get(to) else { return };
        out.extend_from_slice(reference(*byte));
        from = to + 1;
    }
}

/// The one form in which a byte is escaped.
fn reference(byte: u8) -> &'static [u8] {
    match byte {
        b'&' => b"&amp;",
        b'<' => b"&lt;",
        b'>' => b"&gt;",
        b'"' => b"&quot;",
        // As themselves these would be read as a line end, or as spaces.
        b'\r' => b"&#xD;",
        b'\n' => b"&#xA;",
        _ => b"&#x9;",
    }
}
