//! The names of a document as the symbols of a profile, whatever prefixes the document uses.

use std::borrow::Cow;

use super::event::{Attribute, Name, Start};
use super::namespaces::NamespaceId;
use super::reader::Reader;
use crate::names::{Hasher, Names, Symbol};
use crate::path::xml::TEXT;
use crate::profile::{Namespaces, Profile};

const HL7_V3: &str = "urn:hl7-org:v3";
const COMMENT: &str = "comment()";
const INSTRUCTION: &str = "processing-instruction()";

/// Elements and attributes of CDA release 2 and of its data types and narrative, as in the schemas of
/// `HL7/CDA-core-2.0` (`schema/normative`). They may be shown in manifests and faults.
const CDA_R2: &str = include_str!("cda-r2-names.txt");

/// The names that a profile with these namespaces knows beside its own.
pub(crate) fn cda_names(namespaces: &Namespaces) -> Names {
    let mut names = Names::own();
    for name in [TEXT, COMMENT, INSTRUCTION, "@xml:lang", "@xml:space"] {
        names.add(name);
    }
    let xsi = namespaces.type_key();
    if let Some(prefix) = xsi.as_deref().and_then(|xsi| xsi.strip_suffix("type")) {
        for local in ["type", "nil", "schemaLocation", "noNamespaceSchemaLocation"] {
            names.add(&format!("{prefix}{local}"));
        }
    }
    let cda = namespaces.by_uri(HL7_V3);
    for name in CDA_R2.split_ascii_whitespace() {
        if name.starts_with('@') {
            names.add(name);
        } else if let Some(cda) = cda {
            names.add(&crate::profile::key(cda.key_prefix(), name));
        }
    }
    names
}

/// Finds symbols for the names of one document.
#[derive(Debug)]
pub(super) struct Vocabulary<'p> {
    names: &'p Names,
    hasher: Hasher,
    /// How the profile calls the namespaces, by the numbers that the reader gives them.
    prefixes: Vec<Option<Prefixes<'p>>>,
    key: String,
    /// The symbols of the names met last.
    recent: Vec<Recent<'p>>,
    pub(super) known: Known,
}

/// A name that was met, and its symbol.
#[derive(Debug, Clone, Copy)]
struct Recent<'p> {
    namespace: NamespaceId,
    is_attribute: bool,
    local: &'p str,
    symbol: Symbol,
}

/// A few dozen names make up nearly all of a document. So many more, for where each is remembered is chance.
const RECENT: usize = 256;

/// The prefixes of one namespace.
#[derive(Debug, Clone, Copy)]
struct Prefixes<'p> {
    key: &'p str,
    element: &'p str,
    uri: &'p str,
}

/// Symbols that the projection speaks of.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) text: Symbol,
    pub(super) comment: Symbol,
    pub(super) instruction: Symbol,
    pub(super) root: Symbol,
    pub(super) extension: Symbol,
    of_type: Option<Symbol>,
    /// Elements of the narrative that run on in their line.
    inline: Vec<Symbol>,
}

impl<'p> Vocabulary<'p> {
    /// The vocabulary of `profile` for what `reader` will read.
    pub(super) fn new(profile: &'p Profile, reader: &mut Reader) -> Self {
        let nothing = Prefixes { key: "", element: "", uri: "" };
        let mut prefixes = vec![(!profile.namespaces.has_default()).then_some(nothing)];
        for namespace in profile.namespaces.iter() {
            let Some(id) = reader.know(&namespace.uri) else { continue };
            prefixes.resize(prefixes.len().max(id.index() + 1), None);
            if let Some(place) = prefixes.get_mut(id.index()) {
                let (key, element) = (namespace.key_prefix(), namespace.element_prefix());
                *place = Some(Prefixes { key, element, uri: &namespace.uri });
            }
        }
        let names = &profile.names;
        let cda = profile.namespaces.by_uri(HL7_V3);
        let inline = |local| Some(names.symbol(&crate::profile::key(cda?.key_prefix(), local)));
        let known = Known {
            text: names.symbol(TEXT),
            comment: names.symbol(COMMENT),
            instruction: names.symbol(INSTRUCTION),
            root: names.symbol("@root"),
            extension: names.symbol("@extension"),
            of_type: profile.namespaces.type_key().map(|key| names.symbol(&key)),
            inline: ["content", "sub", "sup", "linkHtml"].into_iter().filter_map(inline).collect(),
        };
        let nothing =
            Recent { namespace: NamespaceId::NONE, is_attribute: false, local: "", symbol: Symbol::UNKNOWN };
        Self {
            names,
            hasher: Hasher::new(),
            prefixes,
            key: String::new(),
            recent: vec![nothing; RECENT],
            known,
        }
    }

    /// The symbol of an element's name.
    #[inline]
    pub(super) fn element(&mut self, name: &Name<'_>) -> Symbol {
        self.symbol(name, false)
    }

    /// The symbol of an attribute's name.
    #[inline]
    pub(super) fn attribute(&mut self, name: &Name<'_>) -> Symbol {
        self.symbol(name, true)
    }

    #[inline]
    fn symbol(&mut self, name: &Name<'_>, is_attribute: bool) -> Symbol {
        // Elements and attributes share names.
        let hash = self.hasher.hash(name.local.as_bytes()) ^ u64::from(is_attribute);
        let place = usize::try_from(hash % RECENT as u64).unwrap_or_default();
        match self.recent.get(place) {
            Some(recent)
                if recent.local == name.local
                    && recent.namespace == name.namespace
                    && recent.is_attribute == is_attribute =>
            {
                recent.symbol
            }
            _ => self.find(name, is_attribute, place),
        }
    }

    /// Finds the symbol by the name as profiles write it, and remembers it.
    fn find(&mut self, name: &Name<'_>, is_attribute: bool, place: usize) -> Symbol {
        let prefix = match is_attribute {
            true if name.namespace == NamespaceId::NONE => Some(""),
            true => self.attribute_prefix(name.namespace),
            false => self.prefixes(name.namespace).map(|prefixes| prefixes.key),
        };
        let Some(prefix) = prefix else { return Symbol::UNKNOWN };
        self.key.clear();
        if is_attribute {
            self.key.push('@');
        }
        if !prefix.is_empty() {
            self.key.push_str(prefix);
            self.key.push(':');
        }
        let local_from = self.key.len();
        self.key.push_str(name.local);
        let symbol = self.names.find(self.hasher.hash(self.key.as_bytes()), self.key.as_bytes());
        // What is remembered is the profile's copy of the name: those of the document are not kept.
        let local = self.names.name(symbol).and_then(|known| known.get(local_from..));
        if let (Some(local), Some(recent)) = (local, self.recent.get_mut(place)) {
            *recent = Recent { namespace: name.namespace, is_attribute, local, symbol };
        }
        symbol
    }

    #[inline]
    fn prefixes(&self, namespace: NamespaceId) -> Option<Prefixes<'p>> {
        self.prefixes.get(namespace.index()).copied().flatten()
    }

    fn attribute_prefix(&self, namespace: NamespaceId) -> Option<&'p str> {
        if namespace == NamespaceId::XML {
            return Some("xml");
        }
        self.prefixes(namespace).map(|prefixes| prefixes.key).filter(|prefix| !prefix.is_empty())
    }

    /// The name of an element as it is written out, if the profile has a way to write it.
    pub(super) fn written_element<'n>(&self, name: &Name<'n>) -> Option<Name<'n>>
    where
        'p: 'n,
    {
        let Prefixes { element, uri, .. } = self.prefixes(name.namespace)?;
        Some(Name { uri, prefix: element, ..*name })
    }

    /// The name of an attribute as it is written out.
    pub(super) fn written_attribute<'n>(&self, name: &Name<'n>) -> Option<Name<'n>>
    where
        'p: 'n,
    {
        if name.namespace == NamespaceId::NONE {
            return Some(Name { prefix: "", uri: "", ..*name });
        }
        Some(Name { prefix: self.attribute_prefix(name.namespace)?, ..*name })
    }

    /// Whether the attribute is `xsi:type`, whose value is a name.
    #[inline]
    pub(super) fn is_type(&self, attribute: Symbol) -> bool {
        self.known.of_type == Some(attribute)
    }

    /// The name that the value of an `xsi:type` is; `None` when the profile has no prefix for it.
    pub(super) fn type_name<'n>(&self, start: &Start<'n>, value: &'n str) -> Option<Name<'n>>
    where
        'p: 'n,
    {
        let (prefix, local) =
            value.trim_matches(' ').split_once(':').unwrap_or(("", value.trim_matches(' ')));
        let (namespace, uri) = start.resolve(prefix)?;
        self.written_element(&Name { namespace, uri, prefix, local })
    }

    /// What an attribute says, as profiles write it.
    #[inline]
    pub(super) fn value<'n>(
        &self,
        start: &Start<'n>,
        attribute: &Attribute<'n>,
        symbol: Symbol,
    ) -> Option<Cow<'n, str>>
    where
        'p: 'n,
    {
        if !self.is_type(symbol) {
            return Some(Cow::Borrowed(attribute.value));
        }
        let name = self.type_name(start, attribute.value)?;
        Some(Cow::Owned(crate::profile::key(self.prefixes(name.namespace)?.key, name.local)))
    }

    /// What the attribute called `symbol` of an element says.
    pub(super) fn value_of<'n>(&mut self, start: &Start<'n>, symbol: Symbol) -> Option<Cow<'n, str>>
    where
        'p: 'n,
    {
        let found = start.attributes().find(|attribute| self.attribute(&attribute.name) == symbol)?;
        self.value(start, &found, symbol)
    }

    /// Whether the element runs on in the line of text that it stands in.
    pub(super) fn is_inline(&self, element: Symbol) -> bool {
        self.known.inline.contains(&element)
    }
}
