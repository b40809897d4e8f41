//! A look ahead at one element: the members that a question needs, found without consuming anything.
//!
//! It is lenient, for whatever it looks at is read strictly afterwards; and it looks no further than it must.

use super::lexer::{Tail, Text, lenient_string};
use super::text;
use crate::automaton::{Question, Test};
use crate::names::{Hasher, Names, Symbol};

/// What has been seen of an element: a flat list of nodes; node 0 is the element itself.
#[derive(Debug, Default)]
pub(super) struct Glimpse {
    nodes: Vec<Node>,
    /// Texts that were escaped.
    unescaped: String,
    open: Vec<Id>,
}

/// The place of a node in the list.
pub(super) type Id = usize;

#[derive(Debug, Clone, Copy)]
struct Node {
    what: What,
    name: Symbol,
    from: usize,
    to: usize,
    parent: Id,
    after: Id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Object,
    Array,
    /// Text as it stands in the window.
    Plain,
    /// Text among those unescaped.
    Unescaped,
    /// A number, `true` or `false`.
    Bare,
    Null,
}

/// The symbols that FHIR's own rules speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fhir {
    pub(super) code: Symbol,
    pub(super) coding: Symbol,
    pub(super) contained: Symbol,
    pub(super) id: Symbol,
    pub(super) identifier: Symbol,
    pub(super) reference: Symbol,
    pub(super) resource: Symbol,
    pub(super) resource_type: Symbol,
    pub(super) system: Symbol,
    pub(super) value: Symbol,
}

impl Fhir {
    pub(super) fn new(names: &Names) -> Self {
        let symbol = |name| names.symbol(name);
        Self {
            code: symbol("code"),
            coding: symbol("coding"),
            contained: symbol("contained"),
            id: symbol("id"),
            identifier: symbol("identifier"),
            reference: symbol("reference"),
            resource: symbol("resource"),
            resource_type: symbol("resourceType"),
            system: symbol("system"),
            value: symbol("value"),
        }
    }
}

/// What must be seen of an element.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs {
    /// All of it.
    pub(super) is_all: bool,
    /// These members.
    pub(super) names: Vec<Symbol>,
    /// Its code, wherever it has it.
    pub(super) asks_code: bool,
}

impl Needs {
    pub(super) fn all() -> Self {
        Self { is_all: true, ..Self::default() }
    }

    /// Whether nothing need be seen.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_all && !self.asks_code && self.names.is_empty()
    }

    pub(super) fn clear(&mut self) {
        (self.is_all, self.asks_code) = (false, false);
        self.names.clear();
    }

    pub(super) fn add(&mut self, name: Symbol) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    pub(super) fn ask(&mut self, question: &Question) {
        question.needs.iter().for_each(|name| self.add(*name));
        self.asks_code |= question.asks_code;
    }

    fn wants(&self, fhir: &Fhir, name: Symbol) -> bool {
        let of_code = [fhir.code, fhir.coding, fhir.system];
        self.is_all || self.names.contains(&name) || (self.asks_code && of_code.contains(&name))
    }
}

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'l> {
    pub(super) fhir: &'l Fhir,
    pub(super) window: &'l str,
    pub(super) tail: Tail,
    pub(super) names: &'l Names,
    pub(super) hasher: &'l Hasher,
    pub(super) depth_max: usize,
}

/// Whether enough could be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Enough,
    /// The window ends too early.
    More,
}

impl Glimpse {
    /// Looks at the value that begins at `from`, as far as `needs` must.
    pub(super) fn look(&mut self, look: &Look<'_>, from: usize, needs: &Needs) -> Sight {
        self.nodes.clear();
        self.unescaped.clear();
        self.open.clear();
        let starved = if look.tail == Tail::More { Sight::More } else { Sight::Enough };
        let bytes = look.window.as_bytes();
        let mut at = from;
        let mut name = Symbol::UNKNOWN;
        let mut is_name = false;
        loop {
            at = text::skip_space(bytes, at);
            let Some(byte) = bytes.get(at).copied() else {
                return starved;
            };
            match byte {
                b',' => {
                    at += 1;
                    is_name = self.open.last().is_some_and(|open| self.what(*open) == Some(What::Object));
                    continue;
                }
                b':' => {
                    at += 1;
                    continue;
                }
                b'}' | b']' => {
                    at += 1;
                    self.close();
                }
                b'"' if is_name => {
                    let Some(text) = lenient_string(bytes, at) else {
                        return starved;
                    };
                    at = text.to + 1;
                    name = symbol(look, text, &mut self.unescaped);
                    is_name = false;
                    if self.open.len() == 1 && !needs.wants(look.fhir, name) {
                        let colon = text::skip_space(bytes, at);
                        match skim(bytes, colon + 1) {
                            Some(end) => at = end,
                            None => return starved,
                        }
                    }
                    continue;
                }
                _ => {
                    let Some(end) = self.value(look, at, byte, name) else {
                        return starved;
                    };
                    at = end;
                    is_name = byte == b'{';
                }
            }
            match self.open.len() {
                0 => return Sight::Enough,
                1 if self.nodes.len() > 1 && self.has_all(look.fhir, needs) => {
                    self.close();
                    return Sight::Enough;
                }
                depth if depth > look.depth_max => return Sight::Enough,
                _ => {}
            }
        }
    }

    /// Whether every member that is needed has been seen.
    fn has_all(&self, fhir: &Fhir, needs: &Needs) -> bool {
        if needs.is_all {
            return false;
        }
        let has = |name: &Symbol| self.member_among(name).is_some();
        // A concept settles the code; a mere code may have its system beside it.
        let is_coded = !needs.asks_code
            || self.member_among(&fhir.code).is_some_and(|code| self.is_object(code) || has(&fhir.system));
        is_coded && needs.names.iter().all(has)
    }

    /// A member of the element while it is still open.
    fn member_among(&self, name: &Symbol) -> Option<Id> {
        self.nodes
            .iter()
            .skip(1)
            .position(|node| node.parent == 0 && node.name == *name)
            .map(|place| place + 1)
    }

    /// Adds the value at `at`; returns its end, or where its inside begins.
    fn value(&mut self, look: &Look<'_>, at: usize, byte: u8, name: Symbol) -> Option<usize> {
        let bytes = look.window.as_bytes();
        let (what, from, to, end) = match byte {
            b'{' => (What::Object, at, at, at + 1),
            b'[' => (What::Array, at, at, at + 1),
            b'"' => {
                let text = lenient_string(bytes, at)?;
                if text.is_plain {
                    (What::Plain, text.from, text.to, text.to + 1)
                } else {
                    let from = self.unescaped.len();
                    text::unescape(look.window, text, &mut self.unescaped);
                    (What::Unescaped, from, self.unescaped.len(), text.to + 1)
                }
            }
            _ => {
                let end = bare_end(bytes, at);
                if end == bytes.len() && look.tail == Tail::More {
                    return None;
                }
                let what = if byte == b'n' { What::Null } else { What::Bare };
                // Whatever stands here, the look moves on; the lexer will say what is wrong.
                (what, at, end, end.max(at + 1))
            }
        };
        let id = self.nodes.len();
        let parent = self.open.last().copied().unwrap_or_default();
        let is_item = self.what(parent) == Some(What::Array) && id > 0;
        let name = if is_item { Symbol::UNKNOWN } else { name };
        self.nodes.push(Node { what, name, from, to, parent, after: id + 1 });
        if matches!(what, What::Object | What::Array) {
            self.open.push(id);
        }
        Some(end)
    }

    fn close(&mut self) {
        let after = self.nodes.len();
        if let Some(node) = self.open.pop().and_then(|open| self.nodes.get_mut(open)) {
            node.after = after;
        }
    }

    fn what(&self, id: Id) -> Option<What> {
        self.nodes.get(id).map(|node| node.what)
    }

    /// Whether the node is an object.
    pub(super) fn is_object(&self, id: Id) -> bool {
        self.what(id) == Some(What::Object)
    }

    /// The nodes right inside a node.
    fn inside(&self, id: Id) -> impl Iterator<Item = Id> {
        let until = self.nodes.get(id).map_or(id + 1, |node| node.after);
        let mut at = id + 1;
        std::iter::from_fn(move || {
            let here = (at < until).then_some(at)?;
            at = self.nodes.get(here).map_or(until, |node| node.after.max(here + 1));
            Some(here)
        })
    }

    /// The items of an array; of anything else, that itself.
    pub(super) fn items(&self, id: Id) -> impl Iterator<Item = Id> {
        let is_array = self.what(id) == Some(What::Array);
        let own = (!is_array && id < self.nodes.len()).then_some(id);
        own.into_iter().chain(self.inside(id).filter(move |_| is_array))
    }

    /// How many items stand in the array; 1 for anything else.
    pub(super) fn count(&self, id: Id) -> usize {
        self.items(id).count()
    }

    /// The member called `name` of an object.
    pub(super) fn member(&self, id: Id, name: Symbol) -> Option<Id> {
        if !self.is_object(id) {
            return None;
        }
        self.inside(id).find(|member| self.nodes.get(*member).is_some_and(|node| node.name == name))
    }

    /// The text of a string.
    pub(super) fn text<'l>(&'l self, window: &'l str, id: Id) -> Option<&'l str> {
        let node = self.nodes.get(id)?;
        match node.what {
            What::Plain => window.get(node.from..node.to),
            What::Unescaped => self.unescaped.get(node.from..node.to),
            What::Object | What::Array | What::Bare | What::Null => None,
        }
    }

    /// The text of the member called `name`.
    pub(super) fn text_of<'l>(&'l self, window: &'l str, id: Id, name: Symbol) -> Option<&'l str> {
        self.text(window, self.member(id, name)?)
    }

    /// Whether the node is the scalar that a profile writes as `wanted`.
    fn is(&self, window: &str, id: Id, wanted: &str) -> bool {
        let bare = || self.nodes.get(id).filter(|node| node.what == What::Bare);
        let text = self.text(window, id).or_else(|| window.get(bare()?.from..bare()?.to));
        text == Some(wanted)
    }

    /// Everything at `path` below `id`, arrays taken item by item.
    fn below(&self, id: Id, path: &[Symbol]) -> Vec<Id> {
        path.iter().fold(vec![id], |found, name| {
            let members = found.into_iter().filter_map(|id| self.member(id, *name));
            members.flat_map(|member| self.items(member)).collect()
        })
    }

    /// Whether `question` is answered with yes for the node.
    pub(super) fn holds(&self, window: &str, fhir: &Fhir, id: Id, question: &Question) -> bool {
        let of_type = question.of_type.as_deref();
        let is_typed =
            of_type.is_none_or(|of_type| self.text_of(window, id, fhir.resource_type) == Some(of_type));
        is_typed
            && question.tests.iter().all(|test| match test {
                Test::Code(code) => self.one_coding_is(window, fhir, id, None, code),
                Test::Token { system, code } => self.one_coding_is(window, fhir, id, Some(system), code),
                Test::Child { names, value } => {
                    let values = self.below(id, names);
                    !values.is_empty() && values.iter().all(|id| self.is(window, *id, value))
                }
                Test::Any { names, value } => {
                    self.below(id, names).into_iter().any(|id| self.is(window, id, value))
                }
            })
    }

    /// Whether the element's code is `code`, and no other coding of the same system says otherwise.
    fn one_coding_is(&self, window: &str, fhir: &Fhir, id: Id, system: Option<&str>, code: &str) -> bool {
        let codings = self.codings(window, fhir, id);
        let is_it = |(of, its): &(Option<&str>, &str)| *its == code && (system.is_none() || *of == system);
        let Some((found, _)) = codings.iter().find(|coding| is_it(coding)) else {
            return false;
        };
        codings.iter().filter(|(of, _)| of == found).all(|(_, its)| *its == code)
    }

    /// The codings of an element that has a `code` (a code, a Coding or a CodeableConcept) or is one: system and code.
    fn codings<'l>(&'l self, window: &'l str, fhir: &Fhir, id: Id) -> Vec<(Option<&'l str>, &'l str)> {
        let coding = |id| Some((self.text_of(window, id, fhir.system), self.text_of(window, id, fhir.code)?));
        let inner = |id| self.member(id, fhir.coding);
        match (self.member(id, fhir.code), inner(id)) {
            (Some(code), _) if !self.is_object(code) => coding(id).into_iter().collect(),
            (Some(code), _) => self.items(inner(code).unwrap_or(code)).filter_map(coding).collect(),
            (None, Some(own)) => self.items(own).filter_map(coding).collect(),
            (None, None) => Vec::new(),
        }
    }
}

fn symbol(look: &Look<'_>, name: Text, unescaped: &mut String) -> Symbol {
    let find = |name: &str| look.names.find(look.hasher.hash(name.as_bytes()), name.as_bytes());
    if name.is_plain {
        return find(look.window.get(name.from..name.to).unwrap_or_default());
    }
    let from = unescaped.len();
    text::unescape(look.window, name, unescaped);
    let symbol = find(unescaped.get(from..).unwrap_or_default());
    unescaped.truncate(from);
    symbol
}

/// The end of the value at `from`, if the window has it.
fn skim(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = text::skip_space(bytes, from);
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => at = lenient_string(bytes, at)?.to + 1,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            _ => {
                let end = bare_end(bytes, at);
                if end == bytes.len() {
                    return None;
                }
                at = end.max(at + 1);
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The end of what is neither text nor structure.
fn bare_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let is_end = |byte: &u8| {
        matches!(byte, b',' | b']' | b'}' | b'[' | b'{' | b'"' | b':' | b' ' | b'\n' | b'\r' | b'\t')
    };
    from + rest.iter().position(is_end).unwrap_or(rest.len())
}
