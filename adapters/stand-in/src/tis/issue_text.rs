//! The reason of a request, `X-Road-Issue`: the patient reads it in the Data Tracker and two Security Servers log it, so it must
//! be there and must hold nothing clinical and nobody's code.

use http::StatusCode;

use super::codes::is_personal_code;
use super::outcome::refusal;
use super::patients::coded;
use crate::{Answer, Asked};

const CHARACTERS_MAX: usize = 500;
/// Shorter texts of a document occur in any sentence.
const QUOTED_CHARACTERS_MIN: usize = 4;

/// Checks the reason of `asked`, whose document holds `texts`.
///
/// # Errors
/// The refusal.
pub fn check(asked: &Asked, texts: &[String]) -> Result<(), Box<Answer>> {
    let Some(issue) = asked.header("x-road-issue").filter(|text| !text.trim().is_empty()) else {
        // The wording and the code are the patient index's own.
        let why = "Päringus puudub päis 'x-road-issue'";
        return Err(Box::new(coded(StatusCode::BAD_REQUEST, "required", "MPI-032", why)));
    };
    match objection(issue, texts) {
        None => Ok(()),
        Some(why) => Err(Box::new(refusal(StatusCode::BAD_REQUEST, "business-rule", why))),
    }
}

fn objection(issue: &str, texts: &[String]) -> Option<&'static str> {
    if issue.chars().count() > CHARACTERS_MAX {
        return Some("the x-road-issue is too long for a reason");
    }
    let words = || issue.split(|c: char| !c.is_alphanumeric() && c != '.');
    if words().any(is_personal_code) {
        return Some("the x-road-issue holds a personal code");
    }
    let lower = issue.to_lowercase();
    if words().any(is_diagnosis_code) || lower.contains("diagnoos") || lower.contains("diagnos") {
        return Some("the x-road-issue holds a diagnosis");
    }
    let quoted = texts
        .iter()
        .any(|text| text.chars().count() >= QUOTED_CHARACTERS_MIN && lower.contains(&text.to_lowercase()));
    quoted.then_some("the x-road-issue repeats a text of the document")
}

/// A code of the RHK-10 kind: a letter, two or three digits, perhaps a dot and more.
fn is_diagnosis_code(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    let (category, detail) = word.split_once('.').unwrap_or((word, "0"));
    let digits = category.strip_prefix(|c: char| c.is_ascii_uppercase());
    digits.is_some_and(|digits| {
        (2..=3).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && detail.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_passes_and_clinical_text_does_not() {
        let texts = ["Ei tunne värve".to_owned(), "jah".to_owned()];
        for good in ["Mootorsõidukijuhi tervisetõendi esitamine", "Tervisetõend: jah, uus."] {
            assert_eq!(objection(good, &texts), None, "{good}");
        }
        for bad in [
            "Tõend, H53.5 tõttu",
            "Tõend G40",
            "Patsient 39901012239",
            "Diagnoosi tõttu",
            "Sest ei tunne värve",
        ] {
            assert!(objection(bad, &texts).is_some(), "{bad}");
        }
        assert!(objection(&"x".repeat(501), &texts).is_some());
    }
}
