//! A document in memory: its nodes in document order, each knowing where it ends. No recursion is needed to walk it.

use std::borrow::Cow;

use super::json::{Event, Malformed, Reader};
use super::limits::Limits;
use super::names;
use crate::fault::Fault;

/// A document as a flat list of nodes; node 0 is the whole.
#[derive(Debug)]
pub(super) struct Tape<'a> {
    nodes: Vec<Node<'a>>,
}

/// The place of a node on its tape.
pub(super) type Id = usize;

/// One value of a document.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) value: Value<'a>,
    /// Its name, if it is a member.
    pub(super) name: Option<Cow<'a, str>>,
    /// What it stands in; the whole stands in itself.
    pub(super) parent: Id,
    /// The node behind it and all that is inside it.
    pub(super) after: Id,
    /// How many scalars it is or holds.
    pub(super) scalars: usize,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Object,
    Array,
    String(Cow<'a, str>),
    Number(&'a str),
    Boolean(bool),
    Null,
}

/// What a node that is not there reads as; null is never kept.
static NOTHING: Node<'static> =
    Node { value: Value::Null, name: None, parent: 0, after: usize::MAX, scalars: 0 };

impl<'a> Tape<'a> {
    /// Reads `bytes`.
    pub(super) fn read(
        bytes: &'a [u8],
        limits: &Limits,
        known: impl Fn(&str) -> bool,
    ) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, limits);
        Self::fill(&mut reader)
            .map_err(|fault| fault.at(reader.pointer(|name| names::is_known(name, &known))))
    }

    fn fill(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut tape = Self { nodes: Vec::new() };
        let mut open: Vec<Id> = Vec::new();
        let mut scalars = 0;
        let mut name = None;
        while let Some(event) = reader.read()? {
            let value = match event {
                Event::Name(text) => {
                    name = Some(text);
                    continue;
                }
                Event::ObjectEnd | Event::ArrayEnd => {
                    tape.close(open.pop(), scalars);
                    continue;
                }
                Event::ObjectStart => Value::Object,
                Event::ArrayStart => Value::Array,
                Event::String(text) => Value::String(text),
                Event::Number(text) => Value::Number(text),
                Event::Boolean(is) => Value::Boolean(is),
                Event::Null => Value::Null,
            };
            let id = tape.nodes.len();
            let is_scalar = !matches!(value, Value::Object | Value::Array);
            tape.nodes.push(Node {
                value,
                name: name.take(),
                parent: open.last().copied().unwrap_or_default(),
                after: id + 1,
                scalars: if is_scalar { 1 } else { scalars },
            });
            if is_scalar {
                scalars += 1;
            } else {
                open.push(id);
            }
        }
        Ok(tape)
    }

    /// A container's `scalars` holds the count before it until it ends.
    fn close(&mut self, id: Option<Id>, scalars: usize) {
        let after = self.nodes.len();
        if let Some(node) = id.and_then(|id| self.nodes.get_mut(id)) {
            node.after = after;
            node.scalars = scalars - node.scalars;
        }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node at `id`.
    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        self.nodes.get(id).unwrap_or(&NOTHING)
    }

    /// What the element is called: a member's name, or that of the array it is an item of.
    pub(super) fn element_name(&self, id: Id) -> &str {
        let node = self.node(id);
        let name = node.name.as_deref().or(self.node(node.parent).name.as_deref());
        name.unwrap_or_default()
    }

    /// The text of a string.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match &self.node(id).value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the node is an object.
    pub(super) fn is_object(&self, id: Id) -> bool {
        self.node(id).value == Value::Object
    }

    /// The members of an object, the items of an array, nothing of a scalar.
    pub(super) fn inside(&self, id: Id) -> Siblings<'_, 'a> {
        Siblings { tape: self, at: id + 1, until: self.node(id).after.min(self.len()) }
    }

    /// The items of an array; of anything else, the node itself.
    pub(super) fn items(&self, id: Id) -> Siblings<'_, 'a> {
        if self.node(id).value == Value::Array {
            return self.inside(id);
        }
        Siblings { tape: self, at: id, until: id + 1 }
    }

    /// The member `name` of an object.
    pub(super) fn member(&self, id: Id, name: &str) -> Option<Id> {
        if !self.is_object(id) {
            return None;
        }
        self.inside(id).find(|member| self.node(*member).name.as_deref() == Some(name))
    }

    /// Everything at `names` below `id`, arrays taken item by item.
    pub(super) fn below(&self, id: Id, names: &[String]) -> Vec<Id> {
        let mut found = vec![id];
        for name in names {
            let members = found.iter().filter_map(|id| self.member(*id, name));
            found = members.flat_map(|member| self.items(member)).collect();
        }
        found
    }

    /// The node's JSON Pointer; names that are not `known` show as `*`.
    pub(super) fn pointer(&self, id: Id, known: impl Fn(&str) -> bool) -> String {
        let mut segments = Vec::new();
        let mut at = id;
        while at != 0 {
            let node = self.node(at);
            segments.push(match &node.name {
                Some(name) if names::is_known(name, &known) => name.to_string(),
                Some(_) => "*".to_owned(),
                None => {
                    let before = self.inside(node.parent).take_while(|item| *item < at);
                    before.count().to_string()
                }
            });
            at = node.parent;
        }
        segments.iter().rev().flat_map(|segment| ["/", segment]).collect()
    }
}

/// Nodes beside one another.
#[derive(Debug, Clone)]
pub(super) struct Siblings<'t, 'a> {
    tape: &'t Tape<'a>,
    at: Id,
    until: Id,
}

impl Iterator for Siblings<'_, '_> {
    type Item = Id;

    fn next(&mut self) -> Option<Id> {
        (self.at < self.until).then(|| {
            let id = self.at;
            self.at = self.tape.node(id).after;
            id
        })
    }
}
