//! An element taken apart, for those who read what a service says: names, texts and order, each with its place.
//!
//! Attributes are left out, and so are namespaces below the element itself: services of X-Road qualify what is in their
//! messages or do not, and mean the same.

use std::fmt;

use super::element::Element;
use super::limits::Limits;
use super::xml::{Scanner, Token, XmlError};

/// An element and what is in it. It is somebody's document and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    name: Box<str>,
    /// Which of those of its name it is, from 1.
    number: usize,
    place: String,
    text: String,
    children: Vec<Node>,
}

impl Element {
    /// What is in it.
    ///
    /// # Errors
    /// When it is larger or deeper than `limits` allow.
    pub fn taken_apart(&self, limits: &Limits) -> Result<Node, XmlError> {
        let mut scanner = Scanner::new(self.xml().as_ref(), limits.xml());
        let mut open: Vec<Node> = Vec::new();
        loop {
            match scanner.next()? {
                Token::Start => {
                    let node = Node::below(open.last(), scanner.name().1);
                    open.push(node);
                }
                Token::Text => {
                    if let Some(node) = open.last_mut() {
                        node.text.push_str(&scanner.characters());
                    }
                }
                Token::End => {
                    let Some(node) = open.pop() else { return Err(XmlError::EndTag) };
                    match open.last_mut() {
                        Some(around) => around.children.push(node),
                        None => return Ok(node),
                    }
                }
                Token::Aside => {}
                Token::EndOfDocument => return Err(XmlError::CutOff),
            }
        }
    }
}

impl Node {
    fn below(around: Option<&Self>, name: &str) -> Self {
        // Looked for from the end: in a long list it is the last one.
        let before =
            around.and_then(|around| around.children.iter().rev().find(|child| *child.name == *name));
        let number = before.map_or(1, |before| before.number + 1);
        let place = match around {
            Some(around) => format!("{}/{name}[{number}]", around.place),
            None => format!("/{name}"),
        };
        Self { name: name.into(), number, place, text: String::new(), children: Vec::new() }
    }

    /// Its name within its namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands, as an XPath of local names: `/bills/item[2]/number[1]`. It comes from the document.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Its text, without white space around it.
    pub fn text(&self) -> &str {
        self.text.trim_matches([' ', '\t', '\r', '\n'])
    }

    /// The elements in it, in order.
    pub fn children(&self) -> &[Self] {
        &self.children
    }

    /// The elements in it that are called `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| *child.name == *name)
    }

    /// The first element at the end of these steps.
    pub fn at(&self, steps: &[&str]) -> Option<&Self> {
        steps.iter().try_fold(self, |node, step| node.children.iter().find(|child| *child.name == **step))
    }

    /// The text of the first element called `name`; nothing where there is none.
    pub fn text_of(&self, name: &str) -> &str {
        self.at(&[name]).map_or("", Self::text)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({} elements)", self.children.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_tells_names_texts_and_places() {
        let xml = b"<k:bills xmlns:k='urn:k'><item>a&amp;<![CDATA[<b>]]> </item><k:item><no/> 2 </k:item></k:bills>";
        let limits = Limits::default();
        let bills = Element::parse(xml, &limits).unwrap().taken_apart(&limits).unwrap();
        let items: Vec<_> = bills.all("item").map(|item| (item.place(), item.text())).collect();
        assert_eq!(items, [("/bills/item[1]", "a&<b>"), ("/bills/item[2]", "2")]);
        assert_eq!(bills.at(&["item"]).map(Node::text), Some("a&<b>"));
        assert_eq!(bills.children()[1].at(&["no"]).map(Node::place), Some("/bills/item[2]/no[1]"));
        assert_eq!(bills.text_of("none"), "");
        assert_eq!(format!("{bills:?}"), "Node(2 elements)");
    }
}
