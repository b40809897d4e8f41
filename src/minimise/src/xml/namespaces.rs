//! Namespaces in XML 1.0: which prefix means which namespace, where.

use super::malformed::Reason;

const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";

/// A namespace as a small number: the same one for the same namespace throughout one [`Reader`](super::Reader).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceId(u16);

impl NamespaceId {
    /// No namespace.
    pub const NONE: Self = Self(0);
    /// The namespace of `xml:lang` and its like.
    pub const XML: Self = Self(1);
    /// The namespace of declarations themselves, which no event names.
    pub(super) const XMLNS: Self = Self(2);

    /// The number, from 0: the three of the standard first, then in the order in which they became known.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The namespaces met so far, and the declarations in scope.
#[derive(Debug)]
pub(super) struct Scope {
    uris: Vec<String>,
    /// INVARIANT: the prefixes of `bindings`, one after the other.
    prefixes: String,
    bindings: Vec<Binding>,
    default: NamespaceId,
    namespaces_max: u16,
    declarations_max: usize,
}

#[derive(Debug, Clone, Copy)]
struct Binding {
    prefix_to: usize,
    namespace: NamespaceId,
}

/// A place in the nesting of declarations to go back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    declarations: usize,
    default: NamespaceId,
}

impl Scope {
    pub(super) fn new(namespaces_max: u16, declarations_max: usize) -> Self {
        let uris = vec![String::new(), XML_URI.to_owned(), XMLNS_URI.to_owned()];
        Self {
            uris,
            prefixes: String::new(),
            bindings: Vec::new(),
            default: NamespaceId::NONE,
            namespaces_max,
            declarations_max,
        }
    }

    /// The number of `uri`, new or not.
    pub(super) fn know(&mut self, uri: &str) -> Result<NamespaceId, Reason> {
        if let Some(known) = self.uris.iter().position(|known| known == uri) {
            return Ok(NamespaceId(u16::try_from(known).unwrap_or(u16::MAX)));
        }
        match u16::try_from(self.uris.len()) {
            Ok(next) if next < self.namespaces_max => {
                self.uris.push(uri.to_owned());
                Ok(NamespaceId(next))
            }
            _ => Err(Reason::TooManyNamespaces),
        }
    }

    pub(super) fn uri(&self, namespace: NamespaceId) -> &str {
        self.uris.get(namespace.index()).map_or("", String::as_str)
    }

    /// The namespace of an element without a prefix.
    #[inline]
    pub(super) fn default(&self) -> NamespaceId {
        self.default
    }

    #[inline]
    pub(super) fn level(&self) -> Level {
        Level { declarations: self.bindings.len(), default: self.default }
    }

    /// Ends all declarations made since `level`.
    #[inline]
    pub(super) fn leave(&mut self, level: Level) {
        if self.bindings.len() != level.declarations {
            self.bindings.truncate(level.declarations);
            self.prefixes.truncate(self.bindings.last().map_or(0, |last| last.prefix_to));
        }
        self.default = level.default;
    }

    /// Declares `prefix` (none: the default) to mean `uri`, in what follows until the level before is gone back to.
    pub(super) fn declare(&mut self, prefix: Option<&str>, uri: &str) -> Result<(), Reason> {
        let reserves =
            prefix == Some("xmlns") || uri == XMLNS_URI || (prefix == Some("xml")) != (uri == XML_URI);
        if reserves {
            return Err(Reason::ReservedPrefix);
        }
        let Some(prefix) = prefix else {
            self.default = self.know(uri)?;
            return Ok(());
        };
        if uri.is_empty() {
            return Err(Reason::EmptyPrefix);
        }
        if self.bindings.len() >= self.declarations_max {
            return Err(Reason::TooManyNamespaces);
        }
        let namespace = self.know(uri)?;
        self.prefixes.push_str(prefix);
        self.bindings.push(Binding { prefix_to: self.prefixes.len(), namespace });
        Ok(())
    }

    /// What `prefix` means here.
    pub(super) fn resolve(&self, prefix: &str) -> Option<NamespaceId> {
        let mut bindings = self.bindings.as_slice();
        while let Some((last, before)) = bindings.split_last() {
            let from = before.last().map_or(0, |binding| binding.prefix_to);
            if self.prefixes.get(from..last.prefix_to) == Some(prefix) {
                return Some(last.namespace);
            }
            bindings = before;
        }
        match prefix {
            "xml" => Some(NamespaceId::XML),
            "xmlns" => Some(NamespaceId::XMLNS),
            _ => None,
        }
    }
}
