//! The one free text of a doctor's that an employer may get: the suggestion to the employer, once released.

use std::fmt;

use clearance::declaration::{Declaration, EvidenceKind};
use clearance::person::Private;

/// The longest suggestion, in characters.
const SUGGESTION_CHARACTERS_MAX: usize = 1000;
const DIV_START: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";
const DIV_END: &str = "</div>";

/// A suggestion to the employer that the doctor has released.
///
/// INVARIANT: made only under a declaration with evidence of kind `release`; plain text without markup and without
/// anything that looks like a diagnosis code.
#[derive(Clone, PartialEq, Eq)]
pub struct ReleasedSuggestion(Private);

/// Why a suggestion does not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// The doctor has not released it.
    NotReleased,
    /// It has markup of its own, or is empty or too long.
    NotPlain,
    /// It names a diagnosis.
    NamesDiagnosis,
}

impl ReleasedSuggestion {
    /// The suggestion in the XHTML `div` of a narrative.
    pub(crate) fn of(div: &str, declaration: &Declaration) -> Result<Self, Withheld> {
        if !declaration.evidence.iter().any(|evidence| evidence.kind == EvidenceKind::Release) {
            return Err(Withheld::NotReleased);
        }
        let inside = div.trim().strip_prefix(DIV_START).and_then(|rest| rest.strip_suffix(DIV_END));
        let text = inside.and_then(plain_text).ok_or(Withheld::NotPlain)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || text.chars().count() > SUGGESTION_CHARACTERS_MAX {
            return Err(Withheld::NotPlain);
        }
        if names_diagnosis(&text) {
            return Err(Withheld::NamesDiagnosis);
        }
        Ok(Self(Private::new(text)))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for ReleasedSuggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReleasedSuggestion(…)")
    }
}

/// The text of XHTML that has no element, with the five entities of XML resolved.
fn plain_text(xhtml: &str) -> Option<String> {
    if xhtml.contains(['<', '>']) {
        return None;
    }
    let mut text = String::with_capacity(xhtml.len());
    let mut parts = xhtml.split('&');
    text.push_str(parts.next()?);
    for part in parts {
        let (entity, rest) = part.split_once(';')?;
        text.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" | "#39" => '\'',
            _ => return None,
        });
        text.push_str(rest);
    }
    Some(text)
}

/// A word such as `J45` or `F32.1`, or one that announces a diagnosis.
fn names_diagnosis(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '.').any(|word| {
        let word = word.trim_matches('.').to_lowercase();
        is_diagnosis_code(&word)
            || word.starts_with("diagnoo")
            || word.starts_with("diagnos")
            || word == "rhk"
    })
}

fn is_diagnosis_code(word: &str) -> bool {
    let mut characters = word.chars();
    let has_letter = characters.next().is_some_and(|c| c.is_ascii_lowercase());
    let (category, rest) = characters.as_str().split_once('.').unwrap_or((characters.as_str(), ""));
    has_letter
        && category.len() == 2
        && rest.len() <= 2
        && category.bytes().chain(rest.bytes()).all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_is_recognised_by_its_code_or_its_announcement() {
        for text in ["tuleb vältida F32.1", "J45", "(m54.)", "Diagnoosi tõttu", "diagnosis: x", "RHK 10"] {
            assert!(names_diagnosis(text), "{text}");
        }
        for text in ["parem valgustus", "tõsta kuni 10 kg", "A1 vorm", "istumistool 2 tk"] {
            assert!(!names_diagnosis(text), "{text}");
        }
    }

    #[test]
    fn only_text_without_markup_is_plain() {
        assert_eq!(plain_text("a &amp; b &lt;c&gt;").as_deref(), Some("a & b <c>"));
        for xhtml in ["a<b>", "&nbsp;", "a & b", "<!-- x -->"] {
            assert_eq!(plain_text(xhtml), None, "{xhtml}");
        }
    }
}
