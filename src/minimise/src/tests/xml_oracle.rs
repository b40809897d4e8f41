//! The same promise for XML, told slowly over a tree, for random documents and profiles. It shares the reading of profiles
//! with the product, and nothing else.

use proptest::prelude::*;

use super::xml::{run_xml, small};
use super::*;
use crate::path::{Path, Predicate, Step};
use crate::profile::Namespaces;

/// A node of a document.
#[derive(Debug, Clone)]
enum Node {
    Text(&'static str),
    Comment,
    Element(Element),
}

#[derive(Debug, Clone)]
struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, &'static str)>,
    children: Vec<Node>,
}

struct Oracle {
    keeps: Vec<Path>,
    drops: Vec<Path>,
    /// Paths of what conditions test: the path, its value, how many steps its owner has, and whether it must be alone.
    labels: Vec<(Vec<Step>, String, usize, bool)>,
    is_refused: bool,
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Goes,
    Stays,
    Labels(usize),
}

impl Oracle {
    fn new(keeps: &[String], drops: &[String]) -> Self {
        let mut namespaces = Namespaces::default();
        namespaces.declare("", "urn:r");
        let parse = |texts: &[String]| -> Vec<Path> {
            texts.iter().map(|text| crate::path::xml::parse(text, &namespaces).unwrap()).collect()
        };
        let keeps = parse(keeps);
        let mut labels = Vec::new();
        for path in &keeps {
            for (depth, step) in path.steps.iter().enumerate() {
                for predicate in &step.predicates {
                    let Predicate::Node { any, names, value } = predicate else { unreachable!() };
                    let mut steps = path.steps[..=depth].to_vec();
                    steps.extend(names.iter().map(|name| Step::plain(name)));
                    let is_own_attribute = names.len() == 1 && names[0].starts_with('@');
                    labels.push((steps, value.clone(), depth + 1, !any && !is_own_attribute));
                }
            }
        }
        Self { keeps, drops: parse(drops), labels, is_refused: false }
    }

    fn output(&mut self, root: &Element) -> Option<String> {
        let out = self.element(root, &mut Vec::new());
        (!self.is_refused && self.has_content(root, &mut Vec::new())).then_some(out.unwrap_or_default())
    }

    /// Whether `steps` lead to `leaf` below the elements `chain` (the root first, which no step names), all the way or, as
    /// long as no leaf is asked for, some of it.
    fn leads(&self, steps: &[Step], chain: &[&Element], leaf: Option<&str>) -> bool {
        let below = &chain[1..];
        let is_way = steps.len() >= below.len() + usize::from(leaf.is_some())
            && below.iter().zip(steps).all(|(element, step)| {
                element.name == step.name && step.predicates.iter().all(|predicate| holds(element, predicate))
            });
        is_way && leaf.is_none_or(|leaf| steps.len() == below.len() + 1 && steps[below.len()].name == leaf)
    }

    fn is_open(&self, chain: &[&Element]) -> bool {
        let all = self.keeps.iter().chain(&self.drops).map(|path| &path.steps);
        let is_led =
            all.chain(self.labels.iter().map(|label| &label.0)).any(|steps| self.leads(steps, chain, None));
        let ends = |path: &Path| path.steps.len() + 1 == chain.len() && self.leads(&path.steps, chain, None);
        chain.len() == 1 || (is_led && !self.drops.iter().any(ends))
    }

    fn fate(&self, chain: &[&Element], leaf: &str, value: &str) -> Fate {
        if self.drops.iter().any(|path| self.leads(&path.steps, chain, Some(leaf))) {
            return Fate::Goes;
        }
        if self.keeps.iter().any(|path| self.leads(&path.steps, chain, Some(leaf))) {
            return Fate::Stays;
        }
        let labels = self
            .labels
            .iter()
            .filter(|(steps, wanted, ..)| wanted == value && self.leads(steps, chain, Some(leaf)));
        labels.map(|(_, _, owner, _)| *owner).min().map_or(Fate::Goes, Fate::Labels)
    }

    fn check(&mut self, chain: &[&Element], leaf: &str, value: &str) {
        let belies = self.labels.iter().any(|(steps, wanted, _, is_sole)| {
            *is_sole && wanted != value && self.leads(steps, chain, Some(leaf))
        });
        let is_dropped = self.drops.iter().any(|path| self.leads(&path.steps, chain, Some(leaf)));
        self.is_refused |= belies && !is_dropped;
    }

    /// Whether something in the element stays for its own sake.
    fn has_content<'a>(&self, element: &'a Element, above: &mut Vec<&'a Element>) -> bool {
        above.push(element);
        let is_open = self.is_open(above);
        let own = |(name, value): &(&str, &str)| self.fate(above, &format!("@{name}"), value) == Fate::Stays;
        let is_empty = !element.children.iter().any(|child| match child {
            Node::Text(text) => !text.trim().is_empty(),
            Node::Comment => false,
            Node::Element(_) => true,
        });
        let is_named = self
            .keeps
            .iter()
            .any(|path| path.steps.len() + 1 == above.len() && self.leads(&path.steps, above, None));
        let mut has = element.attributes.iter().any(own) || (is_empty && is_named && above.len() > 1);
        for child in &element.children {
            has |= match child {
                Node::Text(text) => {
                    !text.trim().is_empty() && self.fate(above, "text()", text) == Fate::Stays
                }
                Node::Comment => false,
                Node::Element(child) => self.has_content(child, above),
            };
        }
        above.pop();
        is_open && has
    }

    fn element<'a>(&mut self, element: &'a Element, above: &mut Vec<&'a Element>) -> Option<String> {
        above.push(element);
        let depth = above.len() - 1;
        let mut out = String::new();
        let mut survives = self.has_content(element, &mut above[..depth].to_vec());
        for (name, value) in &element.attributes {
            let leaf = format!("@{name}");
            self.check(above, &leaf, value);
            let stays = match self.fate(above, &leaf, value) {
                Fate::Goes => false,
                Fate::Stays => true,
                Fate::Labels(owner) => {
                    survives |= owner < depth;
                    true
                }
            };
            if stays {
                out.push_str(&format!(" {name}=\"{value}\""));
            }
        }
        let (mut inside, mut pending, mut run) = (String::new(), String::new(), String::new());
        let mut children: Vec<Option<&Node>> = element.children.iter().map(Some).collect();
        children.push(None);
        for child in children {
            match child {
                Some(Node::Text(text)) => pending.push_str(text),
                Some(Node::Comment) => {}
                Some(Node::Element(child)) => {
                    above.push(child);
                    let is_open = self.is_open(above);
                    above.pop();
                    if is_open {
                        survives |= self.text(above, &mut pending, &mut run, &mut inside);
                        if let Some(written) = self.element(child, above) {
                            inside.push_str(&written);
                            run.clear();
                            // It holds something, if only labels of elements around this one.
                            survives |= self.has_outer_label(child, above);
                        }
                    }
                }
                None => survives |= self.text(above, &mut pending, &mut run, &mut inside),
            }
        }
        above.pop();
        let name = if depth == 0 { "r xmlns=\"urn:r\"".to_owned() } else { element.name.to_owned() };
        let whole = match inside.as_str() {
            "" => format!("<{name}{out}/>"),
            inside => format!("<{name}{out}>{inside}</{}>", element.name),
        };
        survives.then_some(whole)
    }

    /// Decides on a text. Whether it labels something around the element.
    fn text(
        &mut self,
        above: &[&Element],
        pending: &mut String,
        run: &mut String,
        inside: &mut String,
    ) -> bool {
        let text = std::mem::take(pending);
        if text.trim().is_empty() {
            if !text.is_empty() && !run.ends_with(' ') && self.fate(above, "text()", " ") == Fate::Stays {
                inside.push(' ');
                run.push(' ');
            }
            return false;
        }
        let whole = format!("{run}{text}");
        self.check(above, "text()", &whole);
        let fate = self.fate(above, "text()", &whole);
        if fate != Fate::Goes {
            inside.push_str(&text);
            *run = whole;
        }
        matches!(fate, Fate::Labels(owner) if owner < above.len() - 1)
    }

    /// Whether an element that is written holds labels of elements further out than the one it stands in.
    fn has_outer_label(&mut self, child: &Element, above: &[&Element]) -> bool {
        let depth = above.len() - 1;
        let mut chain = above.to_vec();
        chain.push(child);
        let was = self.is_refused;
        let mut found = false;
        let own = |oracle: &Self, leaf: &str, value: &str, chain: &[&Element]| matches!(oracle.fate(chain, leaf, value), Fate::Labels(owner) if owner < depth);
        for (name, value) in &child.attributes {
            found |= own(self, &format!("@{name}"), value, &chain);
        }
        for node in &child.children {
            found |= match node {
                Node::Text(text) => own(self, "text()", text, &chain),
                Node::Comment => false,
                Node::Element(inner) => {
                    chain.push(inner);
                    let is_open = self.is_open(&chain);
                    chain.pop();
                    is_open && self.has_outer_label_below(inner, &chain, depth)
                }
            };
        }
        self.is_refused = was;
        found
    }

    fn has_outer_label_below(&self, inner: &Element, chain: &[&Element], depth: usize) -> bool {
        let mut chain = chain.to_vec();
        chain.push(inner);
        let is_outer = |fate: Fate| matches!(fate, Fate::Labels(owner) if owner < depth);
        inner.attributes.iter().any(|(name, value)| is_outer(self.fate(&chain, &format!("@{name}"), value)))
    }
}

fn holds(element: &Element, predicate: &Predicate) -> bool {
    let Predicate::Node { any, names, value } = predicate else { unreachable!() };
    let mut values = Vec::new();
    values_at(element, names, &mut values);
    if *any { values.iter().any(|found| found == value) } else { values.first() == Some(value) }
}

fn values_at(element: &Element, names: &[String], values: &mut Vec<String>) {
    match names {
        [leaf] if leaf == "text()" => {
            let own = element.children.iter().filter_map(|child| match child {
                Node::Text(text) => Some(*text),
                Node::Comment | Node::Element(_) => None,
            });
            values.extend(Some(own.collect::<String>()).filter(|text| !text.trim().is_empty()));
        }
        [leaf] => {
            let found = element.attributes.iter().find(|(name, _)| leaf.strip_prefix('@') == Some(name));
            values.extend(found.map(|(_, value)| (*value).to_owned()));
        }
        [name, below @ ..] => {
            for child in &element.children {
                if let Node::Element(child) = child
                    && child.name == name
                {
                    values_at(child, below, values);
                }
            }
        }
        [] => {}
    }
}

fn written(element: &Element, is_root: bool) -> String {
    let namespace = if is_root { " xmlns='urn:r' xmlns:o='urn:CANARY'" } else { "" };
    let attributes: String =
        element.attributes.iter().map(|(name, value)| format!(" {name}='{value}'")).collect();
    let children: String = element
        .children
        .iter()
        .map(|child| match child {
            Node::Text(text) => (*text).to_owned(),
            Node::Comment => "<!--CANARY-->".to_owned(),
            Node::Element(element) => written(element, false),
        })
        .collect();
    format!("<{0}{namespace}{attributes}>{children}</{0}>", element.name)
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    prop::collection::btree_map(
        prop::sample::select(&["p", "p", "q", "z"][..]),
        prop::sample::select(&["1", "2"][..]),
        0..3,
    )
    .prop_map(|attributes| {
        attributes.into_iter().map(|(name, value)| (name, if name == "z" { CANARY } else { value })).collect()
    })
}

fn element() -> impl Strategy<Value = Element> {
    let name = || prop::sample::select(&["a", "a", "a", "b", "b", "b", "o:a", "o:CANARY"][..]);
    let leaf = (name(), attributes()).prop_map(|(name, attributes)| Element {
        name,
        attributes,
        children: Vec::new(),
    });
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let node = prop_oneof![
            3 => inner.prop_map(Node::Element),
            2 => prop::sample::select(&["1", "2", " ", "1 "][..]).prop_map(Node::Text),
            1 => Just(Node::Comment),
        ];
        (name(), attributes(), prop::collection::vec(node, 0..5))
            .prop_map(|(name, attributes, children)| Element { name, attributes, children })
    })
}

fn document() -> impl Strategy<Value = Element> {
    prop::collection::vec(element().prop_map(Node::Element), 0..4).prop_map(|children| Element {
        name: "r",
        attributes: Vec::new(),
        children,
    })
}

fn path() -> impl Strategy<Value = String> {
    let value = prop::sample::select(&["1", "2"][..]);
    let test =
        prop::sample::select(&["@p", "@q", "a/@p", "b/@p", "b/@q", "a/b/@p", "text()", "b/text()"][..]);
    let predicate = (any::<bool>(), test, value).prop_map(|(any, test, value)| {
        format!("[{}{test}='{value}']", if any && !test.ends_with("text()") { "any " } else { "" })
    });
    let step = (prop::sample::select(&["a", "b"][..]), prop::option::weighted(0.4, predicate))
        .prop_map(|(name, predicate)| format!("/{name}{}", predicate.unwrap_or_default()));
    let leaf = prop::sample::select(&["/@p", "/@q", "/text()", "/text()", ""][..]);
    (prop::collection::vec(step, 1..4), leaf).prop_map(|(steps, leaf)| format!("/r{}{leaf}", steps.concat()))
}

fn chunked(profile: &Profile, document: &str, size: usize) -> Result<String, Vec<Fault>> {
    with_declared(|declared| {
        let mut projector = Projector::new(profile, declared);
        let mut out = Vec::new();
        for chunk in document.as_bytes().chunks(size) {
            projector.feed(chunk, &mut out)?;
        }
        projector.end(&mut out)?;
        Ok(String::from_utf8(out).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_leaves_is_what_the_paths_name(
        root in document(),
        keeps in prop::collection::btree_set(path(), 1..5),
        drops in prop::collection::btree_set(path(), 0..2),
        size in 1_usize..20,
    ) {
        let keeps: Vec<String> = keeps.into_iter().collect();
        let drops: Vec<String> = drops.into_iter().collect();
        let entries: Vec<String> = keeps.iter().map(|path| format!("path = \"{path}\"")).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let mut profile = small(&entries);
        if !drops.is_empty() {
            // Read again with its drops.
            let keeps: String = keeps.iter().map(|path| format!("[[keep]]\npath = \"{path}\"\ncategory = \"x\"\nground = \"x\"\n")).collect();
            let drops: String = drops.iter().map(|path| format!("[[drop]]\npath = \"{path}\"\nwhy = \"x\"\n")).collect();
            profile = super::profile(&format!("profile = \"p\"\nversion = \"1\"\nformat = \"xml\"\nroot = \"r\"\non_excess = \"strip\"\n[namespaces]\n\"\" = \"urn:r\"\n[subject]\npaths = []\n{keeps}{drops}"));
        }
        let document = written(&root, true);
        let expected = Oracle::new(&keeps, &drops).output(&root);
        let found = run_xml(&profile, &document);
        let found = found.map(|projection| String::from_utf8(projection.document).unwrap());
        prop_assert_eq!(found.as_ref().ok(), expected.as_ref(), "{}: {:?}", document, found);
        prop_assert_eq!(&chunked(&profile, &document, size), &found, "cut into pieces of {} bytes", size);
        if let Ok(output) = found {
            prop_assert!(!output.contains(CANARY));
            // A `[[drop]]` may take away what a condition tests.
            if !drops.is_empty() {
                return Ok(());
            }
            let again = run_xml(&profile, &output).map(|projection| String::from_utf8(projection.document).unwrap());
            prop_assert_eq!(again.as_ref().ok(), Some(&output), "{}", document);
        }
    }
}
