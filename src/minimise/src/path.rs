//! The path language of profiles: `Composition.section[code=decision].entry.reference` for FHIR, and `xml` for XML.
//!
//! It reads and prints paths; it does not know documents (`automaton`) and not which elements FHIR has.

use std::fmt;

use super::profile::Format;

mod braces;
pub(super) mod dicom;
pub(super) mod xml;

pub(super) use braces::alternatives;

/// A path from a resource down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// Of documents in which format.
    pub(super) format: Format,
    /// The resource type or the root element it begins with; DICOM has nothing of the kind.
    pub(super) resource: String,
    /// The elements below, outermost first.
    pub(super) steps: Vec<Step>,
}

/// One element of a path, with what picks it among its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The member's name.
    pub(super) name: String,
    /// The resource type it must have.
    pub(super) of_type: Option<String>,
    /// What must hold of it.
    pub(super) predicates: Vec<Predicate>,
}

/// What must hold of an element for a step to mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Predicate {
    /// `[code=X]`
    Code(String),
    /// `[system|code=S|X]`
    Token {
        /// The code system.
        system: String,
        /// The code in it.
        code: String,
    },
    /// `[a.b=value]`
    Child {
        /// The names from the element down.
        names: Vec<String>,
        /// What every value there must be.
        value: String,
    },
    /// `[a/@b='value']`, `[any a/@b='value']`
    Node {
        /// Whether one such value is enough; otherwise every one must be it.
        any: bool,
        /// The names from the element down, the last an attribute or `text()`.
        names: Vec<String>,
        /// The value.
        value: String,
    },
}

impl Step {
    /// A step without conditions.
    pub(super) fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), of_type: None, predicates: Vec::new() }
    }

    /// What picks the element among its like, as written after its name.
    pub(super) fn conditions(&self) -> String {
        let of_type = self.of_type.iter().map(|of_type| format!("({of_type})"));
        let predicates = self.predicates.iter().map(Predicate::to_string);
        of_type.chain(predicates).collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        let separator = self.format.separator();
        for (place, step) in self.steps.iter().enumerate() {
            if place > 0 || !self.resource.is_empty() {
                write!(f, "{separator}")?;
            }
            write!(f, "{}{}", step.name, step.conditions())?;
        }
        Ok(())
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "[code={code}]"),
            Self::Token { system, code } => write!(f, "[system|code={system}|{code}]"),
            Self::Child { names, value } => write!(f, "[{}={value}]", names.join(".")),
            Self::Node { any, names, value } => {
                let any = if *any { "any " } else { "" };
                let quote = if value.contains('\'') { '"' } else { '\'' };
                write!(f, "[{any}{}={quote}{value}{quote}]", names.join("/"))
            }
        }
    }
}

/// Reads one path without braces.
pub(super) fn parse(text: &str) -> Result<Path, String> {
    let mut scanner = Scanner { rest: text };
    let resource = scanner.name()?;
    let mut steps = Vec::new();
    while scanner.eat('.') {
        steps.push(scanner.step()?);
    }
    match scanner.rest.chars().next() {
        None => {}
        Some('[' | '(') if steps.is_empty() => {
            return Err("the resource itself takes no condition".to_owned());
        }
        Some(other) => return Err(format!("`{other}` does not belong in a path")),
    }
    contained_is_understood(&steps)?;
    Ok(Path { format: Format::FhirJson, resource: resource.to_owned(), steps })
}

fn contained_is_understood(steps: &[Step]) -> Result<(), String> {
    for (depth, step) in steps.iter().enumerate() {
        if step.name == "contained" {
            if depth > 0 {
                return Err("`contained` may stand only right below the resource".to_owned());
            }
            if step.of_type.is_none() {
                return Err("`contained` needs its type: `contained(Observation)`".to_owned());
            }
        }
    }
    Ok(())
}

struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    fn eat(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn name(&mut self) -> Result<&'t str, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let first = name.strip_prefix('_').unwrap_or(name).chars().next();
        if !first.is_some_and(|c| c.is_ascii_alphabetic()) {
            return Err(match self.rest.chars().next() {
                None => "an element name is missing at the end".to_owned(),
                Some(_) => format!("an element name is missing before `{}`", self.rest),
            });
        }
        self.rest = rest;
        Ok(name)
    }

    fn step(&mut self) -> Result<Step, String> {
        let mut step = Step::plain(self.name()?);
        if self.eat('(') {
            step.of_type = Some(self.name()?.to_owned());
            if !self.eat(')') {
                return Err("`)` is missing after the resource type".to_owned());
            }
        }
        while self.eat('[') {
            step.predicates.push(self.predicate()?);
        }
        Ok(step)
    }

    fn predicate(&mut self) -> Result<Predicate, String> {
        let Some((key, rest)) = self.rest.split_once('=') else {
            return Err("a condition is written `[name=value]`".to_owned());
        };
        self.rest = rest;
        let value = self.value()?;
        match key {
            "code" => Ok(Predicate::Code(value)),
            "system|code" => match value.split_once('|') {
                Some((system, code)) if !system.is_empty() && !code.is_empty() => {
                    Ok(Predicate::Token { system: system.to_owned(), code: code.to_owned() })
                }
                _ => Err("`system|code` wants a system, `|` and a code".to_owned()),
            },
            _ => {
                let names: Result<_, _> = key
                    .split('.')
                    .map(|name| {
                        let mut scanner = Scanner { rest: name };
                        let read = scanner.name()?.to_owned();
                        let whole = scanner.rest.is_empty();
                        whole.then_some(read).ok_or_else(|| format!("`{name}` is not an element name"))
                    })
                    .collect();
                Ok(Predicate::Child { names: names?, value })
            }
        }
    }

    /// The value up to `]`, or between quotes.
    fn value(&mut self) -> Result<String, String> {
        let (close, quoted) = if self.eat('"') { ("\"]", true) } else { ("]", false) };
        let Some((value, rest)) = self.rest.split_once(close) else {
            return Err(format!("`{close}` is missing after a value"));
        };
        if value.is_empty() || (!quoted && value.contains('"')) {
            return Err("a condition wants a value; quote it if it holds `]`, `,`, `{` or `}`".to_owned());
        }
        self.rest = rest;
        Ok(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_they_are_read() {
        for text in [
            "Composition",
            "Composition.status",
            "Patient._birthDate.extension[url=https://a.ee/x].valueDateTime",
            "Composition.contained(Observation)[code=419183001].component[system|code=http://s|1].valueQuantity.value",
            "Composition.author[identifier.system=https://fhir.ee/sid/pro/est/pho][type=x].identifier.value",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn quotes_protect_a_value() {
        let path = parse(r#"Composition.section[title="a]{b"].text"#).unwrap();
        let child = Predicate::Child { names: vec!["title".into()], value: "a]{b".into() };
        assert_eq!(path.steps[0].predicates, [child]);
    }

    #[test]
    fn what_is_wrong_with_a_path_is_said() {
        for (text, says) in [
            ("", "an element name is missing at the end"),
            ("Composition.", "an element name is missing at the end"),
            ("Composition..a", "an element name is missing before `.a`"),
            ("Composition.a-b", "`-` does not belong in a path"),
            ("Composition.sektsiооn", "`о` does not belong in a path"),
            ("Composition[code=a].x", "the resource itself takes no condition"),
            ("Composition.a[code]", "a condition is written `[name=value]`"),
            ("Composition.a[code=]", "a condition wants a value; quote it if it holds `]`, `,`, `{` or `}`"),
            ("Composition.a[code=x", "`]` is missing after a value"),
            ("Composition.a[system|code=x]", "`system|code` wants a system, `|` and a code"),
            ("Composition.a[b-c=x]", "`b-c` is not an element name"),
            ("Composition.a(B", "`)` is missing after the resource type"),
            ("Composition.contained.id", "`contained` needs its type: `contained(Observation)`"),
            ("Composition.a.contained(B).id", "`contained` may stand only right below the resource"),
        ] {
            assert_eq!(parse(text).unwrap_err(), says, "{text}");
        }
    }
}
