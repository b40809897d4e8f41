//! Whether a reason is neutral: it leaves the house in a header and is shown in lists, so it names neither a person by
//! code nor a diagnosis.
//!
//! It errs on the side of finding. It does not understand language: a name or a symptom in words is the client's to
//! keep out.

use unicode_normalization::UnicodeNormalization;

use crate::person::is_estonian_personal_code;

/// The digits of a personal code.
const CODE_DIGITS: usize = 11;
/// More groups than this nobody writes a code in: `399 0101 223 9`.
const GROUPS_MAX: usize = 4;

/// Whether `text` holds no control character, no personal code and no diagnosis code.
pub fn is_neutral(text: &str) -> bool {
    if text.chars().any(char::is_control) {
        return false;
    }
    let folded: Vec<char> = text.nfkc().collect();
    !has_foreign_digit(&folded) && !has_personal_code(&folded) && !has_diagnosis(&folded)
}

/// A digit of another script reads as a digit and compares as none.
fn has_foreign_digit(text: &[char]) -> bool {
    text.iter().any(|c| c.is_numeric() && !c.is_ascii())
}

/// Eleven digits that are a personal code, whatever letters stand around them, and in groups too.
pub(super) fn has_personal_code(text: &[char]) -> bool {
    let groups = digit_groups(text);
    (0..groups.len()).any(|from| {
        let mut code = String::new();
        for (place, group) in groups.iter().skip(from).take(GROUPS_MAX).enumerate() {
            if place > 0 && !group.continues {
                break;
            }
            code.push_str(&group.digits);
            if code.len() >= CODE_DIGITS {
                break;
            }
        }
        is_estonian_personal_code(&code)
    })
}

struct DigitGroup {
    digits: String,
    /// Nothing visible but one space or sign stands between it and the group before.
    continues: bool,
}

fn digit_groups(text: &[char]) -> Vec<DigitGroup> {
    let mut groups: Vec<DigitGroup> = Vec::new();
    // Where nothing visible has stood since the last digit, a digit goes on with its group.
    let (mut visible, mut parted) = (0, true);
    for c in text {
        match (c.is_ascii_digit(), groups.last_mut()) {
            (true, Some(group)) if !parted && visible == 0 => group.digits.push(*c),
            (true, _) => {
                groups.push(DigitGroup { digits: c.to_string(), continues: !parted });
                (visible, parted) = (0, false);
            }
            (false, _) if c.is_alphanumeric() => parted = true,
            (false, _) if is_visible(*c) => {
                visible += 1;
                parted |= visible > 1;
            }
            (false, _) => {}
        }
    }
    groups
}

/// Zero-width characters, joiners and the like are neither ASCII nor white space; dashes of any length count with them.
fn is_visible(c: char) -> bool {
    c.is_ascii() || c.is_whitespace()
}

/// A word such as `J45` or `F32.1` (RHK-10).
fn has_diagnosis(text: &[char]) -> bool {
    text.split(|c| !c.is_alphanumeric() && *c != '.').any(|word| {
        let word: String = word.iter().collect();
        looks_like_diagnosis(word.trim_matches('.'))
    })
}

fn looks_like_diagnosis(word: &str) -> bool {
    let mut characters = word.chars();
    let letter = characters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let (category, rest) = characters.as_str().split_once('.').unwrap_or((characters.as_str(), ""));
    letter
        && category.len() == 2
        && category.bytes().all(|c| c.is_ascii_digit())
        && rest.len() <= 2
        && rest.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_neutral;

    #[test]
    fn a_personal_code_is_found_whatever_stands_around_it() {
        for text in [
            "39901012239",
            "EE39901012239",
            "isikukood39901012239",
            "39901012239tõend",
            "see 39901012239.",
            "order 17 ja 39901012239",
            "399 0101 2239",
            "399-01012239",
            "39901\u{200b}012239",
            "3990101\u{2013}2239",
            "３９９０１０１２２３９",
            "٣٩٩٠١٠١٢٢٣٩",
        ] {
            assert!(!is_neutral(text), "{text}");
        }
    }

    #[test]
    fn a_diagnosis_code_and_a_control_character_are_found() {
        for text in ["J45", "because of F32.1", "Ｊ45", "a\r\nb"] {
            assert!(!is_neutral(text), "{text}");
        }
    }

    #[test]
    fn dates_sections_order_numbers_and_telephones_are_neutral() {
        for text in [
            "juhi tervisetõend",
            "order 2026-17",
            "TTOS § 13¹ lg 1",
            "2026-11-22 10:00",
            "12.11.2026 - 30.11.2026",
            "tellimus 156861000181108",
            "tel +372 5123 4567",
            "39901012238",
        ] {
            assert!(is_neutral(text), "{text}");
        }
    }
}
