//! The schema of the fund's services, read from `kirst.schema`, and whether an element keeps it.

use jiff::civil::{Date, Time};
use roxmltree::Node;

const SCHEMA: &str = include_str!("kirst.schema");
/// The namespace of the services; what is inside them has none.
pub(crate) const KIRST: &str = "http://kirst.x-road.eu";

/// One element of the schema.
struct Rule {
    depth: usize,
    name: &'static str,
    is_optional: bool,
    is_repeated: bool,
    is_unordered: bool,
    holds: Vec<&'static str>,
    inside: Vec<Rule>,
}

/// The services.
pub(crate) struct Schema(Vec<Rule>);

impl Schema {
    pub(crate) fn read() -> Self {
        let lines = SCHEMA.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let mut open: Vec<Rule> = Vec::new();
        let mut services = Vec::new();
        for line in lines {
            let depth = (line.len() - line.trim_start().len()) / 2;
            close(&mut open, depth, &mut services);
            open.push(Rule::read(depth, line));
        }
        close(&mut open, 0, &mut services);
        Self(services)
    }

    /// What is wrong with `body`, if something is.
    pub(crate) fn judge(&self, body: Node<'_, '_>) -> Result<(), String> {
        let name = body.tag_name();
        if name.namespace() != Some(KIRST) {
            return Err("the service is not in the namespace of kirst".to_owned());
        }
        let rule = self.0.iter().find(|rule| rule.name == name.name());
        rule.ok_or_else(|| "there is no such service".to_owned())?.judge(body)
    }
}

/// Puts finished rules into those around them.
fn close(open: &mut Vec<Rule>, depth: usize, services: &mut Vec<Rule>) {
    while let Some(done) = open.pop_if(|rule| rule.depth >= depth) {
        match open.last_mut() {
            Some(around) => around.inside.push(done),
            None => services.push(done),
        }
    }
}

impl Rule {
    fn read(depth: usize, line: &'static str) -> Self {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let (marks, holds): (Vec<_>, Vec<_>) = words.partition(|word| ["?", "+", "all"].contains(word));
        Self {
            depth,
            name,
            is_optional: marks.contains(&"?"),
            is_repeated: marks.contains(&"+"),
            is_unordered: marks.contains(&"all"),
            holds,
            inside: Vec::new(),
        }
    }

    fn judge(&self, node: Node<'_, '_>) -> Result<(), String> {
        let text: String = node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
        if node.attributes().len() > 0 {
            return Err(format!("`{}` has an attribute", self.name));
        }
        if self.inside.is_empty() {
            let is_plain = !node.children().any(|child| child.is_element());
            return (is_plain && holds(&self.holds, &text))
                .then_some(())
                .ok_or_else(|| format!("`{}` does not hold what it should", self.name));
        }
        if !text.trim().is_empty() {
            return Err(format!("`{}` holds text", self.name));
        }
        let children: Vec<_> = node.children().filter(Node::is_element).collect();
        if children.iter().any(|child| child.tag_name().namespace().is_some()) {
            return Err(format!("an element in `{}` has a namespace", self.name));
        }
        self.judge_order(&children)?;
        for rule in &self.inside {
            let own: Vec<_> = children.iter().filter(|child| child.tag_name().name() == rule.name).collect();
            if own.is_empty() && !rule.is_optional {
                return Err(format!("`{}` lacks `{}`", self.name, rule.name));
            }
            if own.len() > 1 && !rule.is_repeated {
                return Err(format!("`{}` has `{}` more than once", self.name, rule.name));
            }
            own.into_iter().try_for_each(|child| rule.judge(*child))?;
        }
        Ok(())
    }

    fn judge_order(&self, children: &[Node<'_, '_>]) -> Result<(), String> {
        let mut last = 0;
        for child in children {
            let place = self.inside.iter().position(|rule| rule.name == child.tag_name().name());
            let place = place.ok_or_else(|| format!("`{}` has an element it must not have", self.name))?;
            if place < last && !self.is_unordered {
                return Err(format!("`{}` is out of order", self.name));
            }
            last = place;
        }
        Ok(())
    }
}

fn holds(what: &[&str], text: &str) -> bool {
    let number = |word: &str| word.parse::<usize>().unwrap_or(usize::MAX);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match what {
        ["text"] => true,
        ["text", least, most] => (number(least)..=number(most)).contains(&text.chars().count()),
        ["one", values @ ..] => values.contains(&text),
        ["boolean"] => ["true", "false", "1", "0"].contains(&text),
        ["integer"] => digits(text.strip_prefix(['-', '+']).unwrap_or(text)),
        ["date"] => text.len() == 10 && text.parse::<Date>().is_ok(),
        ["time"] => text.len() >= 8 && text.parse::<Time>().is_ok(),
        ["decimal", total, fraction] => {
            let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
            let (whole, rest) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
            let significant = whole.trim_start_matches('0').len() + rest.trim_end_matches('0').len();
            digits(whole)
                && digits(rest)
                && significant <= number(total)
                && rest.trim_end_matches('0').len() <= number(fraction)
        }
        ["doctor"] => is_lettered(text, "DNM", 5),
        ["speciality"] => is_lettered(text, "EN", 3),
        _ => false,
    }
}

/// One of these letters, in either case, and so many digits.
fn is_lettered(text: &str, letters: &str, count: usize) -> bool {
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|first| letters.contains(first.to_ascii_uppercase()));
    first && text.chars().count() == count + 1 && characters.all(|c| c.is_ascii_digit())
}
