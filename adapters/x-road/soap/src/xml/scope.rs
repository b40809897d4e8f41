//! Which prefixes mean which namespaces, element by element (Namespaces in XML 1.0).

use super::XmlError;

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// One declaration; the default namespace has the prefix ``.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) prefix: Box<str>,
    pub(super) namespace: Box<str>,
}

/// What a name is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    /// No namespace.
    None,
    /// That of the prefix `xml`.
    Xml,
    /// That of the binding with this index.
    Bound(usize),
}

/// The declarations in scope, inner ones last.
#[derive(Debug, Default)]
pub(super) struct Scope(Vec<Binding>);

impl Scope {
    /// How many declarations are in scope.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets all but the first `len` declarations.
    pub(super) fn cut(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Declares `prefix`.
    pub(super) fn declare(&mut self, prefix: &str, namespace: &str) -> Result<(), XmlError> {
        let allowed = match (prefix, namespace) {
            ("xmlns", _) | (_, XMLNS) => false,
            ("xml", XML) => return Ok(()),
            ("xml", _) | (_, XML) => false,
            // Only the default namespace can be undeclared.
            (prefix, "") => prefix.is_empty(),
            _ => true,
        };
        if !allowed {
            return Err(XmlError::Namespace);
        }
        self.0.push(Binding { prefix: prefix.into(), namespace: namespace.into() });
        Ok(())
    }

    /// What `prefix` stands for on an element.
    pub(super) fn of_element(&self, prefix: &str) -> Result<Namespace, XmlError> {
        if prefix == "xml" {
            return Ok(Namespace::Xml);
        }
        match self.0.iter().rposition(|binding| *binding.prefix == *prefix) {
            Some(index) if self.name(Namespace::Bound(index)).is_empty() => Ok(Namespace::None),
            Some(index) => Ok(Namespace::Bound(index)),
            None if prefix.is_empty() => Ok(Namespace::None),
            None => Err(XmlError::Namespace),
        }
    }

    /// What `prefix` stands for on an attribute: without a prefix, none.
    pub(super) fn of_attribute(&self, prefix: &str) -> Result<Namespace, XmlError> {
        if prefix.is_empty() { Ok(Namespace::None) } else { self.of_element(prefix) }
    }

    /// The name of `namespace`; empty for none.
    pub(super) fn name(&self, namespace: Namespace) -> &str {
        match namespace {
            Namespace::None => "",
            Namespace::Xml => XML,
            Namespace::Bound(index) => self.0.get(index).map_or("", |binding| &binding.namespace),
        }
    }

    /// The declarations among the first `len` that neither a later one of these nor one after them overrides.
    pub(super) fn outer(&self, len: usize) -> impl Iterator<Item = &Binding> {
        self.0.iter().enumerate().take(len).filter_map(|(index, binding)| {
            let overridden = self.0.iter().skip(index + 1).any(|later| later.prefix == binding.prefix);
            (!overridden).then_some(binding)
        })
    }
}
