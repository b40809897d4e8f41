//! XML as a careful receiver reads it: no document type, a bounded number of nodes; and the small questions asked of a tree.

use roxmltree::{Document, Node, ParsingOptions};

/// More than any document here has.
const NODES_MAX: u32 = 500_000;

/// Reads `text`.
pub(crate) fn read(text: &str) -> Option<Document<'_>> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// The elements right below `node`.
pub(crate) fn children<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

/// The one element `name` of `namespace` right below `node`.
pub(crate) fn only<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    let mut found = children(node).filter(|child| is(*child, namespace, name));
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

/// The one element at the end of `path`, each step unique.
pub(crate) fn at<'a, 'i>(node: Node<'a, 'i>, namespace: &str, path: &[&str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(node, |node, name| only(node, namespace, name))
}

/// Whether `node` is the element `name` of `namespace`; an empty namespace is none.
pub(crate) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element()
        && node.tag_name().name() == name
        && node.tag_name().namespace().unwrap_or_default() == namespace
}

/// The text of an element that has nothing else in it.
pub(crate) fn text(node: Node<'_, '_>) -> Option<String> {
    let only_text = node.children().all(|child| child.is_text());
    only_text.then(|| node.children().filter_map(|child| child.text()).collect())
}

/// `text` as it may stand in XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
