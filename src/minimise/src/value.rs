//! What a kept value must look like. It decides on one value at a time, and never says what it saw.

use regex::Regex;

mod forms;

pub(crate) use forms::{Precision, index_id, is_id};

/// A single value of a document, as its format has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// Text.
    Text(&'a str),
    /// A number, as written.
    Number(&'a str),
    /// True or false.
    Boolean(bool),
    /// A null.
    Null,
    /// A value of a format that does not say what kind it is.
    Untyped(&'a str),
    /// Bytes or numbers in bulk, which nobody reads as a text.
    Bulk,
}

impl<'a> Scalar<'a> {
    /// Its text, if it is one.
    pub(crate) const fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) | Self::Untyped(text) => Some(text),
            Self::Number(_) | Self::Boolean(_) | Self::Null | Self::Bulk => None,
        }
    }

    /// Whether it is what a profile writes as `wanted`.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Untyped(text) => *text == wanted,
            Self::Boolean(true) => wanted == "true",
            Self::Boolean(false) => wanted == "false",
            Self::Null | Self::Bulk => false,
        }
    }
}

/// The conditions of one entry on its values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) kind: Kind,
    pub(crate) one_of: Option<Vec<String>>,
    /// Anchored at both ends.
    pub(crate) pattern: Option<Regex>,
    pub(crate) max_length: Option<usize>,
    pub(crate) coded_only: bool,
    pub(crate) date_precision: Option<Precision>,
    pub(crate) equals: Option<Equals>,
}

/// What kind of value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// Any text. The default, so that a number or boolean must be named as one.
    #[default]
    String,
    Number,
    Boolean,
    Date,
    Instant,
    Timestamp,
    Uri,
    Reference,
    Base64,
    /// Of DICOM: pixels and other bulk, which is not looked at.
    Pixels,
}

/// What of the declaration a value must equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equals {
    Subject,
    Recipient,
    Professional,
}

impl Conditions {
    /// The key of the first condition that `value` breaks, if any; `equals` is not judged here.
    pub(crate) fn breach(&self, value: &Scalar<'_>) -> Option<&'static str> {
        let Some(text) = self.kind.text_of(value) else {
            return Some("kind");
        };
        let outside = |listed: &Vec<String>| !listed.iter().any(|one| one == text);
        if self.one_of.as_ref().is_some_and(outside) {
            return Some("one_of");
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            return Some("pattern");
        }
        if self.max_length.is_some_and(|max| text.chars().count() > max) {
            return Some("max_length");
        }
        if self.coded_only && !forms::is_code(text) {
            return Some("coded_only");
        }
        let precision = || match self.kind {
            Kind::Timestamp => forms::timestamp(text),
            _ => forms::date(text),
        };
        let too_fine = |finest| precision().is_none_or(|precision| precision > finest);
        if self.date_precision.is_some_and(too_fine) {
            return Some("date_precision");
        }
        None
    }

    /// Whether every text meets the conditions.
    pub(crate) fn allow_any_text(&self) -> bool {
        let Self { kind, one_of, pattern, max_length, coded_only, date_precision, equals } = self;
        *kind == Kind::String
            && one_of.is_none()
            && pattern.is_none()
            && max_length.is_none()
            && !coded_only
            && date_precision.is_none()
            && equals.is_none()
    }

    /// Whether a value that meets the conditions can only be a text that the profile itself spells out.
    pub(crate) const fn spells_out(&self) -> bool {
        self.one_of.is_some()
    }
}

impl Kind {
    /// The kinds as profiles write them.
    pub(crate) const WORDS: [(&'static str, Self); 10] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("date", Self::Date),
        ("instant", Self::Instant),
        ("timestamp", Self::Timestamp),
        ("uri", Self::Uri),
        ("reference", Self::Reference),
        ("base64", Self::Base64),
        ("pixels", Self::Pixels),
    ];

    /// The text of `value`, if it is of this kind.
    fn text_of<'v>(self, value: &Scalar<'v>) -> Option<&'v str> {
        match (self, value) {
            (Self::Number, Scalar::Number(text)) => Some(text),
            (Self::Number, Scalar::Untyped(text)) => forms::is_number(text).then_some(text),
            (Self::Boolean, Scalar::Boolean(is)) => Some(if *is { "true" } else { "false" }),
            (Self::Boolean, Scalar::Untyped(text)) => ["true", "false"].contains(text).then_some(text),
            (Self::Pixels, Scalar::Bulk) => Some(""),
            (Self::Number | Self::Boolean | Self::Pixels, _) => None,
            (_, Scalar::Text(text) | Scalar::Untyped(text)) => self.has_form(text).then_some(text),
            _ => None,
        }
    }

    /// Whether a text of this kind may look like that.
    pub(crate) fn has_form(self, text: &str) -> bool {
        match self {
            Self::String => true,
            Self::Number | Self::Boolean | Self::Pixels => false,
            Self::Date => forms::date(text).is_some(),
            Self::Instant => forms::date(text) == Some(Precision::Second),
            Self::Timestamp => forms::timestamp(text).is_some(),
            Self::Uri => forms::is_uri(text),
            Self::Reference => forms::is_reference(text),
            Self::Base64 => forms::is_base64(text),
        }
    }
}

impl Equals {
    /// The comparisons as profiles write them.
    pub(crate) const WORDS: [(&'static str, Self); 3] = [
        ("declared-subject", Self::Subject),
        ("declared-recipient", Self::Recipient),
        ("declared-professional", Self::Professional),
    ];

    /// The rule that a differing value breaks, and what it says.
    pub(crate) const fn rule(self) -> (&'static str, &'static str) {
        match self {
            Self::Subject => ("wrong-patient", "the document is about another person than declared"),
            Self::Recipient => ("wrong-recipient", "the document names another recipient than declared"),
            Self::Professional => {
                ("wrong-professional", "the document names another professional than declared")
            }
        }
    }

    /// Whether `value` is `declared`: itself, or as the id of a reference `Type/id`.
    pub(crate) fn holds(value: &str, declared: &str) -> bool {
        let referred = forms::is_reference(value).then(|| value.split_once('/')).flatten();
        value == declared || referred.is_some_and(|(_, id)| id == declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breach(conditions: &Conditions, text: &str) -> Option<&'static str> {
        conditions.breach(&Scalar::Text(text))
    }

    #[test]
    fn without_kind_only_text_is_kept() {
        let conditions = Conditions::default();
        assert_eq!(breach(&conditions, "12"), None);
        for value in [Scalar::Number("12"), Scalar::Boolean(true), Scalar::Null] {
            assert_eq!(conditions.breach(&value), Some("kind"));
        }
    }

    #[test]
    fn a_number_is_not_a_text_of_digits() {
        let conditions = Conditions { kind: Kind::Number, ..Conditions::default() };
        assert_eq!(conditions.breach(&Scalar::Number("0.750")), None);
        assert_eq!(breach(&conditions, "0.750"), Some("kind"));
    }

    #[test]
    fn every_condition_is_named_when_broken() {
        let conditions = Conditions {
            pattern: Some(Regex::new("^(?:[a-c]+|d .*)$").unwrap()),
            max_length: Some(4),
            coded_only: true,
            ..Conditions::default()
        };
        assert_eq!(breach(&conditions, "abc"), None);
        assert_eq!(breach(&conditions, "abcx"), Some("pattern"));
        assert_eq!(breach(&conditions, "abcab"), Some("max_length"));
        assert_eq!(breach(&conditions, "d x"), Some("coded_only"));
        let listed = Conditions { one_of: Some(vec!["a".into()]), ..Conditions::default() };
        assert_eq!((breach(&listed, "a"), breach(&listed, "A")), (None, Some("one_of")));
    }

    #[test]
    fn a_finer_date_than_allowed_is_excess() {
        let conditions =
            Conditions { kind: Kind::Date, date_precision: Some(Precision::Day), ..Conditions::default() };
        assert_eq!(breach(&conditions, "2026-11"), None);
        assert_eq!(breach(&conditions, "2026-11-22"), None);
        assert_eq!(breach(&conditions, "2026-11-22T10:00:00Z"), Some("date_precision"));
        assert_eq!(breach(&conditions, "2026-02-30"), Some("kind"));
    }

    #[test]
    fn a_reference_equals_by_its_id() {
        assert!(Equals::holds("Practitioner/45007090928", "45007090928"));
        assert!(Equals::holds("45007090928", "45007090928"));
        assert!(!Equals::holds("x/y/45007090928", "45007090928"));
    }
}
