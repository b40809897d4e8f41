//! `a.{b,c.{d,e}}` stands for `a.b`, `a.c.d`, `a.c.e`. Braces in quotes are text; which marks quote, the format says.

/// One entry stands for at most so many paths: a slip of the pen must not become a million of them.
const ALTERNATIVES_MAX: usize = 256;

/// All paths that `text` stands for, in the order written. `quotes` are the marks that quote.
pub(in super::super) fn alternatives(text: &str, quotes: &str) -> Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut open = vec![text.to_owned()];
    while let Some(next) = open.pop() {
        match first_group(&next, quotes)? {
            None => done.push(next),
            // Last in, first out: reversed, they are finished in the order written.
            Some(group) => open.extend(group.spelled_out().rev()),
        }
        if done.len() + open.len() > ALTERNATIVES_MAX {
            return Err(format!("the braces stand for more than {ALTERNATIVES_MAX} paths"));
        }
    }
    Ok(done)
}

struct Group<'t> {
    before: &'t str,
    choices: Vec<&'t str>,
    after: &'t str,
}

impl Group<'_> {
    fn spelled_out(&self) -> impl DoubleEndedIterator<Item = String> {
        let spell = |choice| format!("{}{choice}{}", self.before, self.after);
        self.choices.iter().map(spell)
    }
}

/// The first outermost pair of braces.
fn first_group<'t>(text: &'t str, quotes: &str) -> Result<Option<Group<'t>>, String> {
    let (mut depth, mut quoted) = (0_usize, None);
    let mut cuts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            _ if quoted == Some(c) => quoted = None,
            _ if quoted.is_some() => {}
            _ if quotes.contains(c) => quoted = Some(c),
            '{' => {
                depth += 1;
                if depth == 1 {
                    cuts.push(at);
                }
            }
            ',' if depth == 1 => cuts.push(at),
            '}' if depth == 0 => return Err("`}` has no `{`".to_owned()),
            '}' => {
                depth -= 1;
                if depth == 0 {
                    cuts.push(at);
                    return Ok(Some(group(text, &cuts)));
                }
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("`}` is missing".to_owned());
    }
    Ok(None)
}

/// `cuts` are the places of `{`, the commas, and `}`.
fn group<'t>(text: &'t str, cuts: &[usize]) -> Group<'t> {
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().trim();
    let (first, last) = (cuts.first().copied(), cuts.last().copied());
    Group {
        before: part(0, first.unwrap_or_default()),
        choices: cuts.iter().zip(cuts.iter().skip(1)).map(|(from, to)| part(from + 1, *to)).collect(),
        after: last.map_or("", |last| part(last + 1, text.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::alternatives;

    #[test]
    fn braces_are_spelled_out_in_order() {
        assert_eq!(
            alternatives("a.{b, c.{d,e}}.f[code={1,2}]", "\"").unwrap(),
            [
                "a.b.f[code=1]",
                "a.b.f[code=2]",
                "a.c.d.f[code=1]",
                "a.c.d.f[code=2]",
                "a.c.e.f[code=1]",
                "a.c.e.f[code=2]",
            ]
        );
        assert_eq!(alternatives(r#"a[b="{,}"]"#, "\"").unwrap(), [r#"a[b="{,}"]"#]);
        assert_eq!(alternatives("a[b='{,\"}']/{c,d}", "'\"").unwrap(), ["a[b='{,\"}']/c", "a[b='{,\"}']/d"]);
    }

    #[test]
    fn unbalanced_and_endless_braces_are_refused() {
        assert_eq!(alternatives("a.{b", "\"").unwrap_err(), "`}` is missing");
        assert_eq!(alternatives("a.b}", "\"").unwrap_err(), "`}` has no `{`");
        assert!(alternatives(&"{a,b}".repeat(9), "\"").unwrap_err().contains("more than 256"));
    }
}
