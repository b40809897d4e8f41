//! What a field may hold: fixed values, codes, dates, names. A field holds no sentence, but for the one released suggestion.

use serde_json::Value;

const DIV: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Exactly this.
    Is(&'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A text for which this is true.
    With(fn(&str) -> bool),
    /// This, and after it a text for which that is true.
    After(&'static str, fn(&str) -> bool),
    /// A code or number without blanks.
    Token,
    /// A day, or an instant with its offset.
    Date,
    /// A person's name.
    Name,
    /// An organisation's name.
    Organisation,
    /// A JSON number.
    Number,
    /// `#` and the id of a contained resource.
    Local,
    /// A `div` that holds a registry code and nothing else.
    RegistryCodeText,
    /// A `div` of plain text, when suggestions are allowed.
    Suggestion,
}

impl Shape {
    /// Whether `value` is of this shape.
    pub(crate) fn holds(self, value: &Value, allow_suggestions: bool) -> bool {
        let Some(text) = value.as_str() else {
            return matches!(self, Self::Number) && value.is_number();
        };
        match self {
            Self::Is(only) => text == only,
            Self::OneOf(known) => known.contains(&text),
            Self::With(fits) => fits(text),
            Self::After(prefix, fits) => text.strip_prefix(prefix).is_some_and(fits),
            Self::Token => is_token(text),
            Self::Date => is_date(text),
            Self::Name => is_name(text),
            Self::Organisation => is_plain(text, 200),
            Self::Number => false,
            Self::Local => text.strip_prefix('#').is_some_and(is_token),
            Self::RegistryCodeText => inside_div(text).is_some_and(is_registry_code),
            Self::Suggestion => allow_suggestions && inside_div(text).is_some_and(is_harmless),
        }
    }
}

/// The text in the `div` of a section, when it is one whole `div`.
pub(crate) fn inside_div(text: &str) -> Option<&str> {
    text.strip_prefix(DIV)?.strip_suffix("</div>")
}

fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// Small letters and hyphens, as in the names of profiles and of some lists: `work-environment`.
pub(crate) fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// A country and a kind of identifier: `est/ni`.
pub(crate) fn is_system(text: &str) -> bool {
    text.split('/').all(is_slug)
}

/// Digits, perhaps with more after a dot: `586`, `00.98`.
pub(crate) fn is_numeric(text: &str) -> bool {
    let is_number = |part: &str| (1..=16).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.split('.').count() <= 2 && text.split('.').all(is_number)
}

fn is_date(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok_and(|_| text.len() == 10)
        || text.parse::<jiff::Timestamp>().is_ok()
}

fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count())
        && text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | '.'))
}

fn is_plain(text: &str, characters_max: usize) -> bool {
    (1..=characters_max).contains(&text.chars().count())
        && !text.chars().any(|c| c.is_control() || matches!(c, '<' | '>'))
}

/// Plain text without a long number (a person) and without a code of the RHK-10 kind (a diagnosis).
fn is_harmless(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    is_plain(text, 2000) && words.into_iter().all(|word| !is_long_number(word) && !is_diagnosis_code(word))
}

fn is_long_number(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|b| b.is_ascii_digit())
}

/// A letter and two or three digits: `J45`, `F321`.
fn is_diagnosis_code(word: &str) -> bool {
    let digits = word.strip_prefix(|c: char| c.is_ascii_alphabetic());
    digits.is_some_and(|digits| (2..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// A health professional's code: a letter and five digits.
pub(crate) fn is_professional_code(text: &str) -> bool {
    text.len() == 6
        && text.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && text.bytes().skip(1).all(|b| b.is_ascii_digit())
}

/// An Estonian registry code: eight digits, the last of which checks the others.
pub(crate) fn is_registry_code(text: &str) -> bool {
    text.len() == 8 && ends_in_check_digit(text)
}

/// An Estonian personal code: eleven digits, the last of which checks the others.
pub(crate) fn is_personal_code(text: &str) -> bool {
    text.len() == 11 && ends_in_check_digit(text)
}

/// The check digit of Estonian personal and registry codes: weights from 1, and from 3 when the remainder is 10.
fn ends_in_check_digit(text: &str) -> bool {
    let Some(digits) = text.chars().map(|c| c.to_digit(10)).collect::<Option<Vec<u32>>>() else {
        return false;
    };
    let Some((check, body)) = digits.split_last() else {
        return false;
    };
    let remainder = |first: usize| {
        let weights = (1..=9).cycle().skip(first - 1);
        body.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11
    };
    let expected = match remainder(1) {
        10 => remainder(3) % 10,
        other => other,
    };
    *check == expected
}
