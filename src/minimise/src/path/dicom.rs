//! Paths into DICOM: `RequestAttributesSequence.ScheduledProcedureStepID`, each step a keyword of the standard or a tag.
//!
//! A tag comes out as its keyword where it has one, so that two spellings of one element are one name. What the
//! dictionary knows to be wrong is said here: a step into what is no sequence, a private element, a misspelt keyword.

use std::sync::LazyLock;

use super::{Path, Predicate, Step};
use crate::dicom::{Tag, Vr};
use crate::profile::{Format, nearest};

/// Reads one path without braces.
pub(in super::super) fn parse(text: &str) -> Result<Path, String> {
    let mut scanner = Scanner { rest: text };
    let mut steps: Vec<Step> = Vec::new();
    loop {
        let (tag, step) = scanner.step()?;
        steps.push(step);
        if !scanner.eat('.') {
            break;
        }
        expect_sequence(tag)?;
    }
    match scanner.rest.chars().next() {
        None => Ok(Path { format: Format::Dicom, resource: String::new(), steps }),
        Some(other) => Err(format!("`{other}` does not belong in a path")),
    }
}

/// The tag that a step names.
pub(in super::super) fn tag_of(step: &Step) -> Option<Tag> {
    Tag::named(&step.name)
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

    fn step(&mut self) -> Result<(Tag, Step), String> {
        let tag = self.tag()?;
        let mut step = Step::plain(&name_of(tag));
        while self.eat('[') {
            expect_sequence(tag)?;
            step.predicates.push(self.predicate()?);
        }
        Ok((tag, step))
    }

    /// A keyword, eight hexadecimal digits, or `(gggg,eeee)`.
    fn tag(&mut self) -> Result<Tag, String> {
        let end = match self.rest.strip_prefix('(').and_then(|rest| rest.find(')')) {
            Some(close) => close + 2,
            None => self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len()),
        };
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(match self.rest {
                "" => "a keyword or tag is missing at the end".to_owned(),
                rest => format!("a keyword or tag is missing before `{rest}`"),
            });
        }
        let tag = Tag::named(word).ok_or_else(|| unknown(word))?;
        expect_nameable(tag, word)?;
        self.rest = rest;
        Ok(tag)
    }

    /// `a.b=value]`, the value perhaps in quotes.
    fn predicate(&mut self) -> Result<Predicate, String> {
        let mut tags = vec![self.tag()?];
        while self.eat('.') {
            expect_sequence(tags.last().copied().unwrap_or(Tag::PIXEL_DATA))?;
            tags.push(self.tag()?);
        }
        let last = tags.last().and_then(|tag| tag.registered()).map(|registered| registered.implied_vr());
        if last.is_some_and(|vr| vr == Vr::SQ || vr.is_bulk()) {
            return Err("a condition tests a text or a number".to_owned());
        }
        if !self.eat('=') {
            return Err("a condition is written `[CodeValue=113100]`".to_owned());
        }
        let close = if self.eat('"') { "\"]" } else { "]" };
        let Some((value, rest)) = self.rest.split_once(close) else {
            return Err(format!("`{close}` is missing after a value"));
        };
        if value.is_empty() || (close == "]" && value.contains('"')) {
            return Err("a condition wants a value; quote it if it holds `]`, `,`, `{` or `}`".to_owned());
        }
        self.rest = rest;
        Ok(Predicate::Child { names: tags.into_iter().map(name_of).collect(), value: value.to_owned() })
    }
}

/// The keyword, unless that means another tag too.
fn name_of(tag: Tag) -> String {
    let keyword = tag.keyword().filter(|keyword| Tag::of_keyword(keyword) == Some(tag));
    keyword.map_or_else(|| tag.to_string(), str::to_owned)
}

fn expect_nameable(tag: Tag, word: &str) -> Result<(), String> {
    if tag.is_private() {
        return Err(format!("`{word}` is private, and private elements never leave"));
    }
    if tag.is_group_length() {
        return Err(format!("`{word}` is the length of a group, which never leaves"));
    }
    if matches!(tag.group(), 0..=7 | 0xFFFA..) {
        return Err(format!("`{word}` is no element of a data set that may leave"));
    }
    Ok(())
}

/// Elements that the standard does not know may be sequences.
fn expect_sequence(tag: Tag) -> Result<(), String> {
    match tag.registered() {
        Some(registered) if registered.implied_vr() != Vr::SQ => {
            Err(format!("`{}` is no sequence: nothing stands in it", registered.keyword))
        }
        _ => Ok(()),
    }
}

fn unknown(word: &str) -> String {
    let meant = nearest(word, &KEYWORDS).map(|near| format!("; did you mean `{near}`?"));
    format!("`{word}` is neither a keyword of DICOM nor a tag{}", meant.unwrap_or_default())
}

/// The keywords to guess from: those of the groups that images and reports use.
static KEYWORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    const GROUPS: [u16; 17] = [
        0x0008, 0x0010, 0x0012, 0x0014, 0x0018, 0x0020, 0x0028, 0x0032, 0x0038, 0x0040, 0x0042, 0x0054,
        0x0088, 0x2050, 0x3006, 0x300A, 0x7FE0,
    ];
    let tags = GROUPS.iter().flat_map(|group| (1..=0xFFFF).map(|element| Tag::new(*group, element)));
    tags.filter_map(Tag::keyword).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_they_are_read_and_tags_as_keywords() {
        for (text, printed) in [
            ("PatientID", "PatientID"),
            ("(0010,0020)", "PatientID"),
            ("00100020", "PatientID"),
            ("(6002,3000)", "(6002,3000)"),
            (
                "RequestAttributesSequence.ScheduledProcedureStepID",
                "RequestAttributesSequence.ScheduledProcedureStepID",
            ),
            (
                "ContentSequence[ConceptNameCodeSequence.CodeValue=121071].TextValue",
                "ContentSequence[ConceptNameCodeSequence.CodeValue=121071].TextValue",
            ),
            (
                "(0040,A043)[CodeMeaning=\"a]b\"].CodeValue",
                "ConceptNameCodeSequence[CodeMeaning=a]b].CodeValue",
            ),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_path_is_said() {
        for (text, says) in [
            ("", "a keyword or tag is missing at the end"),
            ("ContentSequence.", "a keyword or tag is missing at the end"),
            ("PatientID.IssuerOfPatientID", "`PatientID` is no sequence: nothing stands in it"),
            ("PatientID[CodeValue=1]", "`PatientID` is no sequence: nothing stands in it"),
            (
                "IssuerOfPatientId",
                "`IssuerOfPatientId` is neither a keyword of DICOM nor a tag; did you mean `IssuerOfPatientID`?",
            ),
            (
                "StudyInstanceUid",
                "`StudyInstanceUid` is neither a keyword of DICOM nor a tag; did you mean `StudyInstanceUID`?",
            ),
            ("(0029,1010)", "`(0029,1010)` is private, and private elements never leave"),
            ("(0010,0000)", "`(0010,0000)` is the length of a group, which never leaves"),
            ("(0002,0010)", "`(0002,0010)` is no element of a data set that may leave"),
            ("PatientID-x", "`-` does not belong in a path"),
            ("ContentSequence[CodeValue]", "a condition is written `[CodeValue=113100]`"),
            ("ContentSequence[ConceptNameCodeSequence=1]", "a condition tests a text or a number"),
            ("ContentSequence[ValueType=TEXT", "`]` is missing after a value"),
        ] {
            assert_eq!(parse(text).unwrap_err(), says, "{text}");
        }
    }
}
