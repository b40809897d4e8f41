//! The namespaces of an XML profile: what its prefixes mean, and how names are written once prefixes are settled.
//!
//! A document chooses its prefixes freely, and could say something by them. So every name has one form, its *key*, made
//! with the profile's prefixes; paths, manifests and the output use that and never the document's.

/// The namespace of `xml:lang` and its like, which needs no declaration.
const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of `xsi:type`.
pub(crate) const XSI_URI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The namespaces that a profile declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespaces {
    all: Vec<Namespace>,
}

/// One namespace, under all its prefixes.
#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    pub(crate) uri: String,
    prefixes: Vec<String>,
}

impl Namespace {
    /// The prefix by which keys name it: the first that is not empty, if there is one.
    pub(crate) fn key_prefix(&self) -> &str {
        self.prefixes.iter().find(|prefix| !prefix.is_empty()).map_or("", String::as_str)
    }

    /// The prefix by which elements are written: none, if the profile allows that.
    pub(crate) fn element_prefix(&self) -> &str {
        if self.prefixes.iter().any(String::is_empty) { "" } else { self.key_prefix() }
    }
}

impl Namespaces {
    /// Declares `prefix` to mean `uri`.
    pub(crate) fn declare(&mut self, prefix: &str, uri: &str) {
        match self.all.iter_mut().find(|known| known.uri == uri) {
            Some(known) => known.prefixes.push(prefix.to_owned()),
            None => {
                self.all.push(Namespace { uri: uri.to_owned(), prefixes: vec![prefix.to_owned()] });
            }
        }
    }

    /// All of them; a reader that is told of them in this order knows them by their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Namespace> {
        self.all.iter()
    }

    /// The namespace `uri`.
    pub(crate) fn by_uri(&self, uri: &str) -> Option<&Namespace> {
        self.all.iter().find(|known| known.uri == uri)
    }

    /// Whether names of elements without a prefix are in a namespace.
    pub(crate) fn has_default(&self) -> bool {
        self.by_prefix("").is_some()
    }

    fn by_prefix(&self, prefix: &str) -> Option<&Namespace> {
        self.all.iter().find(|known| known.prefixes.iter().any(|own| own == prefix))
    }

    /// The key of an element, or of a name in a value, as the profile writes it.
    pub(crate) fn element_key(&self, prefix: &str, local: &str) -> Result<String, String> {
        match self.by_prefix(prefix) {
            Some(namespace) => Ok(key(namespace.key_prefix(), local)),
            None if prefix.is_empty() => Ok(local.to_owned()),
            None => Err(format!("the prefix `{prefix}` is not declared in `[namespaces]`")),
        }
    }

    /// The key of an attribute as the profile writes it.
    pub(crate) fn attribute_key(&self, prefix: &str, local: &str) -> Result<String, String> {
        if prefix.is_empty() || prefix == "xml" {
            return Ok(format!("@{}", key(prefix, local)));
        }
        let namespace = self.by_prefix(prefix).filter(|namespace| namespace.uri != XML_URI);
        let namespace =
            namespace.ok_or_else(|| format!("the prefix `{prefix}` is not declared in `[namespaces]`"))?;
        Ok(format!("@{}", key(namespace.key_prefix(), local)))
    }

    /// The key of `xsi:type`, if the profile can name it.
    pub(crate) fn type_key(&self) -> Option<String> {
        let prefix = self.by_uri(XSI_URI)?.key_prefix();
        (!prefix.is_empty()).then(|| format!("@{}", key(prefix, "type")))
    }

    /// The value of an `xsi:type` as the profile writes it, by its key.
    pub(crate) fn type_name(&self, value: &str) -> Result<String, String> {
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        self.element_key(prefix, local)
    }
}

/// `prefix:local`, or `local` alone.
pub(crate) fn key(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}
