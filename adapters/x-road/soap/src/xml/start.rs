//! A start tag in its place: names resolved by the declarations in scope, attributes compared.

use std::ops::Range;

use super::characters::qualified;
use super::reference::resolved;
use super::scope::{Namespace, Scope};
use super::tag::{Attributes, RawAttribute, named};
use super::{XmlError, XmlLimit, XmlLimits};

/// The present start tag.
#[derive(Debug)]
pub(super) struct StartTag {
    pub(super) namespace: Namespace,
    pub(super) local: Range<usize>,
    /// Its name ends here in `raw`: where further declarations can be put.
    pub(super) name_end: usize,
    pub(super) attributes: Vec<KnownAttribute>,
    /// How many declarations were in scope before its own.
    pub(super) outer: usize,
}

/// One of its attributes, by its places in the token.
#[derive(Debug)]
pub(super) struct KnownAttribute {
    pub(super) namespace: Namespace,
    name: Range<usize>,
    pub(super) local: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) declares: bool,
}

impl StartTag {
    pub(super) fn none() -> Self {
        Self { namespace: Namespace::None, local: 0..0, name_end: 0, attributes: Vec::new(), outer: 0 }
    }

    /// Reads what stands between `<` and `>` or `/>`: first the declarations, then what depends on them.
    pub(super) fn read(&mut self, tag: &str, scope: &mut Scope, limits: &XmlLimits) -> Result<(), XmlError> {
        let (name, rest) = named(tag)?;
        let (prefix, local) = qualified(name).ok_or(XmlError::Markup)?;
        // One for the `<` that `raw` has and `tag` has not.
        self.name_end = 1 + name.len();
        self.local = (self.name_end - local.len())..self.name_end;
        self.outer = scope.len();
        self.attributes.clear();
        for attribute in Attributes::new(rest) {
            if self.attributes.len() == limits.attributes_max {
                return Err(XmlError::Limit(XmlLimit::Attributes));
            }
            self.attributes.push(KnownAttribute::new(tag, attribute?, scope)?);
            if scope.len() > limits.namespaces_max {
                return Err(XmlError::Limit(XmlLimit::Namespaces));
            }
        }
        self.namespace = scope.of_element(prefix)?;
        for place in 0..self.attributes.len() {
            self.resolve(tag, place, scope)?;
        }
        Ok(())
    }

    /// Resolves the attribute at `place`, and compares it with those before it.
    fn resolve(&mut self, tag: &str, place: usize, scope: &Scope) -> Result<(), XmlError> {
        let Some((attribute, before)) =
            self.attributes.get_mut(..=place).and_then(|attributes| attributes.split_last_mut())
        else {
            return Ok(());
        };
        if !attribute.declares {
            let prefix = part(tag, &(attribute.name.start..attribute.local.start));
            attribute.namespace = scope.of_attribute(prefix.trim_end_matches(':'))?;
        }
        let twice = before.iter().any(|other| {
            let same_name = part(tag, &other.name) == part(tag, &attribute.name);
            let qualified = attribute.namespace != Namespace::None && other.namespace != Namespace::None;
            let same_namespace = scope.name(other.namespace) == scope.name(attribute.namespace);
            let same_local = part(tag, &other.local) == part(tag, &attribute.local);
            same_name || (qualified && same_namespace && same_local)
        });
        if twice { Err(XmlError::DuplicateAttribute) } else { Ok(()) }
    }
}

impl KnownAttribute {
    fn new(tag: &str, raw: RawAttribute<'_>, scope: &mut Scope) -> Result<Self, XmlError> {
        let declared = match (raw.prefix, raw.local) {
            ("", "xmlns") => Some(""),
            ("xmlns", local) => Some(local),
            _ => None,
        };
        if let Some(prefix) = declared {
            scope.declare(prefix, &resolved(raw.value)?)?;
        }
        // One for the `<` that the token has and `tag` has not.
        let end = tag.len() + 1;
        let name = end.saturating_sub(raw.name_from_end);
        let local = name + raw.name.len() - raw.local.len();
        let value = end.saturating_sub(raw.value_from_end);
        Ok(Self {
            namespace: Namespace::None,
            name: name..name + raw.name.len(),
            local: local..local + raw.local.len(),
            value: value..value + raw.value.len(),
            declares: declared.is_some(),
        })
    }
}

/// The part of `tag` that stands at `place` in `raw`.
fn part<'a>(tag: &'a str, place: &Range<usize>) -> &'a str {
    tag.get(place.start.saturating_sub(1)..place.end.saturating_sub(1)).unwrap_or_default()
}
