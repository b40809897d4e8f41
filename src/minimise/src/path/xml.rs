//! Paths into XML: `/cda:ClinicalDocument/cda:component/cda:section[cda:code/@code='11450-4']/cda:title/text()`.
//!
//! A small part of XPath 1.0, plus `[any …]`. Names come out as keys (see `Namespaces`), so that two spellings of one
//! name are one name.

use super::{Path, Predicate, Step};
use crate::profile::{Format, Namespaces};

/// The last step of a path to the text of an element.
pub(crate) const TEXT: &str = "text()";

/// Reads one path without braces.
pub(in super::super) fn parse(text: &str, namespaces: &Namespaces) -> Result<Path, String> {
    let mut scanner = Scanner { rest: text, namespaces };
    scanner.expect('/')?;
    let resource = format!("/{}", scanner.element()?);
    if scanner.rest.starts_with('[') {
        return Err("the root element takes no condition".to_owned());
    }
    let mut steps: Vec<Step> = Vec::new();
    while scanner.eat('/') {
        if steps.last().is_some_and(|last| is_leaf(&last.name)) {
            return Err("nothing stands below an attribute or a text".to_owned());
        }
        steps.push(scanner.step()?);
    }
    match scanner.rest.chars().next() {
        None => Ok(Path { format: Format::Xml, resource, steps }),
        Some(other) => Err(format!("`{other}` does not belong in a path")),
    }
}

/// The key of an element's name.
pub(in super::super) fn element(text: &str, namespaces: &Namespaces) -> Result<String, String> {
    let mut scanner = Scanner { rest: text, namespaces };
    let element = scanner.element()?;
    if scanner.rest.is_empty() { Ok(element) } else { Err("it is no name of an element".to_owned()) }
}

/// Whether a step leads to a value and not to an element.
pub(crate) fn is_leaf(name: &str) -> bool {
    name.starts_with('@') || name == TEXT
}

struct Scanner<'t> {
    rest: &'t str,
    namespaces: &'t Namespaces,
}

impl<'t> Scanner<'t> {
    fn eat(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, expected: char) -> Result<(), String> {
        if self.eat(expected) {
            return Ok(());
        }
        Err(match self.rest {
            "" => format!("`{expected}` is missing at the end"),
            rest => format!("`{expected}` is missing before `{rest}`"),
        })
    }

    fn name(&mut self) -> Result<&'t str, String> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && !"_-.".contains(c));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err(match self.rest {
                "" => "a name is missing at the end".to_owned(),
                rest => format!("a name is missing before `{rest}`"),
            });
        }
        self.rest = rest;
        Ok(name)
    }

    /// Prefix and local name.
    fn qualified(&mut self) -> Result<(&'t str, &'t str), String> {
        let first = self.name()?;
        if self.eat(':') { Ok((first, self.name()?)) } else { Ok(("", first)) }
    }

    fn element(&mut self) -> Result<String, String> {
        let (prefix, local) = self.qualified()?;
        self.namespaces.element_key(prefix, local)
    }

    /// The key of an element, an attribute or `text()`.
    fn node(&mut self) -> Result<String, String> {
        if let Some(rest) = self.rest.strip_prefix(TEXT) {
            self.rest = rest;
            return Ok(TEXT.to_owned());
        }
        if !self.eat('@') {
            return self.element();
        }
        let (prefix, local) = self.qualified()?;
        if ["schemaLocation", "noNamespaceSchemaLocation"].contains(&local) {
            return Err(format!("`{local}` never leaves"));
        }
        self.namespaces.attribute_key(prefix, local)
    }

    fn step(&mut self) -> Result<Step, String> {
        let mut step = Step::plain(&self.node()?);
        while self.eat('[') {
            if is_leaf(&step.name) {
                return Err("an attribute or a text takes no condition".to_owned());
            }
            step.predicates.push(self.predicate()?);
        }
        Ok(step)
    }

    fn predicate(&mut self) -> Result<Predicate, String> {
        let any = self.rest.strip_prefix("any ").map(|rest| self.rest = rest).is_some();
        let mut names = vec![self.node()?];
        while self.eat('/') {
            names.push(self.node()?);
        }
        let leaves = names.iter().filter(|name| is_leaf(name)).count();
        if leaves != 1 || !names.last().is_some_and(|last| is_leaf(last)) {
            return Err("a condition tests an attribute or a text: `[a/@b='c']`, `[a/text()='c']`".to_owned());
        }
        if any && names.last().is_some_and(|last| last == TEXT) {
            return Err("`any` is for attributes".to_owned());
        }
        self.expect('=')?;
        let mut value = self.literal()?;
        self.expect(']')?;
        if names.last() == self.namespaces.type_key().as_ref() {
            value = self.namespaces.type_name(&value)?;
        }
        Ok(Predicate::Node { any, names, value })
    }

    fn literal(&mut self) -> Result<String, String> {
        let quote = self.rest.chars().next().filter(|c| "'\"".contains(*c));
        let quoted = quote.and_then(|quote| self.rest.strip_prefix(quote)?.split_once(quote));
        let Some((value, rest)) = quoted else {
            return Err("a condition wants a value in quotes: `[@a='b']`".to_owned());
        };
        self.rest = rest;
        Ok(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces() -> Namespaces {
        let mut namespaces = Namespaces::default();
        namespaces.declare("cda", "urn:hl7-org:v3");
        namespaces.declare("", "urn:hl7-org:v3");
        namespaces.declare("xsi", crate::profile::XSI_URI);
        namespaces
    }

    #[test]
    fn paths_print_as_they_are_read_by_one_prefix() {
        for (text, printed) in [
            ("/cda:ClinicalDocument/cda:id/@root", "/cda:ClinicalDocument/cda:id/@root"),
            ("/ClinicalDocument/title/text()", "/cda:ClinicalDocument/cda:title/text()"),
            ("/cda:a/cda:b[@root=\"1.2\"]/@xml:lang", "/cda:a/cda:b[@root='1.2']/@xml:lang"),
            (
                "/cda:a/b[any c/@d='e'][f/text()='g']/h",
                "/cda:a/cda:b[any cda:c/@d='e'][cda:f/text()='g']/cda:h",
            ),
            ("/cda:a/cda:value[@xsi:type='CD']/@code", "/cda:a/cda:value[@xsi:type='cda:CD']/@code"),
            ("/cda:a/cda:b[@c=\"d'e\"]/@f", "/cda:a/cda:b[@c=\"d'e\"]/@f"),
        ] {
            assert_eq!(parse(text, &namespaces()).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_is_wrong_with_a_path_is_said() {
        for (text, says) in [
            ("", "`/` is missing at the end"),
            ("cda:a", "`/` is missing before `cda:a`"),
            ("/", "a name is missing at the end"),
            ("/cda:a/", "a name is missing at the end"),
            ("/cda:a//cda:b", "a name is missing before `/cda:b`"),
            ("/cda:a[@b='c']/d", "the root element takes no condition"),
            ("/sdtc:a/@b", "the prefix `sdtc` is not declared in `[namespaces]`"),
            ("/cda:a/@b/c", "nothing stands below an attribute or a text"),
            ("/cda:a/@b[@c='d']", "an attribute or a text takes no condition"),
            (
                "/cda:a/cda:b[c='d']",
                "a condition tests an attribute or a text: `[a/@b='c']`, `[a/text()='c']`",
            ),
            ("/cda:a/cda:b[any c/text()='d']", "`any` is for attributes"),
            ("/cda:a/cda:b[@c=d]", "a condition wants a value in quotes: `[@a='b']`"),
            ("/cda:a/cda:b[@c='d'", "`]` is missing at the end"),
            ("/cda:a/cda:b*", "`*` does not belong in a path"),
            ("/cda:a/@xsi:schemaLocation", "`schemaLocation` never leaves"),
        ] {
            assert_eq!(parse(text, &namespaces()).unwrap_err(), says, "{text}");
        }
    }
}
