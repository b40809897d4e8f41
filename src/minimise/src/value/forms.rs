//! The forms of FHIR's primitive types, as far as profiles speak of them (FHIR R5, section 2.1.28.0.1), and the timestamp of
//! HL7 v3.

/// How fine a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Precision {
    Year,
    Month,
    Day,
    Second,
}

impl Precision {
    /// The precisions as profiles write them.
    pub(crate) const WORDS: [(&'static str, Self); 4] =
        [("year", Self::Year), ("month", Self::Month), ("day", Self::Day), ("second", Self::Second)];
}

/// The id of `Patient/<id>`.
pub(crate) fn index_id(reference: &str) -> Option<&str> {
    reference.strip_prefix("Patient/").filter(|id| is_id(id))
}

/// 1 to 64 letters, digits, `-` and `.`
pub(crate) fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// `#id` or `Type/id`
pub(super) fn is_reference(text: &str) -> bool {
    if let Some(id) = text.strip_prefix('#') {
        return is_id(id);
    }
    text.split_once('/').is_some_and(|(of_type, id)| {
        let letters = of_type.bytes().all(|b| b.is_ascii_alphabetic());
        letters && of_type.starts_with(|c: char| c.is_ascii_uppercase()) && is_id(id)
    })
}

/// A code, not a sentence: no white space, and short.
pub(super) fn is_code(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_:/#+".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// A scheme and what follows, without white space and what RFC 3986 excludes.
pub(super) fn is_uri(text: &str) -> bool {
    let excluded = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(of_scheme)
            && !rest.is_empty()
            && !rest.contains(excluded)
    })
}

/// Base64 of RFC 4648, padded.
pub(super) fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && body.bytes().all(allowed)
}

/// A decimal number: `-12`, `0.750`, `1e3`.
pub(super) fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = |text: &str| digits(text.strip_prefix(['-', '+']).unwrap_or(text));
    unsigned(whole) && digits(fraction) && unsigned(exponent)
}

/// The precision of a timestamp of HL7 v3, `YYYYMMDDHHMMSS.FFFF±ZZZZ` cut after any part (Data Types R1, TS), if it is one
/// and its day exists.
pub(super) fn timestamp(text: &str) -> Option<Precision> {
    let (moment, zone) = match text.find(['+', '-']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)),
        None => (text, None),
    };
    let (whole, fraction) = match moment.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (moment, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_zone = |zone: &str| zone.len() == 4 && digits(zone) && whole.len() >= 10;
    let is_fraction = |fraction: &str| digits(fraction) && fraction.len() <= 9 && whole.len() == 14;
    if !digits(whole) || !zone.is_none_or(is_zone) || !fraction.is_none_or(is_fraction) {
        return None;
    }
    let precision = match whole.len() {
        4 => Precision::Year,
        6 => Precision::Month,
        8 => Precision::Day,
        10 | 12 | 14 => Precision::Second,
        _ => return None,
    };
    let part = |from: usize, otherwise: i8| match whole.get(from..from + 2) {
        Some(part) => part.parse().ok(),
        None => Some(otherwise),
    };
    let year = whole.get(..4)?.parse().ok()?;
    jiff::civil::Date::new(year, part(4, 1)?, part(6, 1)?).ok()?;
    let is_time = part(8, 0)? < 24 && part(10, 0)? < 60 && part(12, 0)? <= 60;
    is_time.then_some(precision)
}

/// The precision of a FHIR `date` or `dateTime`, if it is one and its day exists.
pub(super) fn date(text: &str) -> Option<Precision> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map(|part| number(part, 2));
    let date = parts.next().map(|part| number(part, 2));
    let part_or_first = |part: Option<Option<i16>>| part.map_or(Some(1), |part| part);
    let fits = |part: i16| i8::try_from(part).ok();
    let (m, d) = (part_or_first(month)?, part_or_first(date)?);
    jiff::civil::Date::new(year, fits(m)?, fits(d)?).ok()?;
    if parts.next().is_some() {
        return None;
    }
    match (month, date, time) {
        (None, None, None) => Some(Precision::Year),
        (Some(_), None, None) => Some(Precision::Month),
        (Some(_), Some(_), None) => Some(Precision::Day),
        (Some(_), Some(_), Some(time)) => is_time_with_zone(time).then_some(Precision::Second),
        _ => None,
    }
}

fn number(digits: &str, length: usize) -> Option<i16> {
    let sound = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| digits.parse().ok()).flatten()
}

/// `hh:mm:ss`, a fraction of up to nine digits if any, and `Z` or `±hh:mm`
fn is_time_with_zone(text: &str) -> bool {
    let Some(zone_at) = text.find(['Z', '+', '-']) else {
        return false;
    };
    let (time, zone) = text.split_at(zone_at);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let fraction_fits = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    let zone_fits = zone == "Z" || zone.get(1..).is_some_and(|zone| is_clock(zone, &[14, 59]));
    fraction_fits && zone_fits && is_clock(clock, &[23, 59, 60])
}

/// Two-digit numbers between colons, none above its `highest`.
fn is_clock(text: &str, highest: &[i16]) -> bool {
    let parts: Vec<_> = text.split(':').map(|part| number(part, 2)).collect();
    let within = |(part, highest): (&Option<i16>, &i16)| part.is_some_and(|part| part <= *highest);
    parts.len() == highest.len() && parts.iter().zip(highest).all(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_precision_they_show() {
        for (text, precision) in [
            ("2026", Some(Precision::Year)),
            ("2026-02", Some(Precision::Month)),
            ("2024-02-29", Some(Precision::Day)),
            ("2025-11-26T00:00:00.000+00:00", Some(Precision::Second)),
            ("2025-11-26T23:59:60Z", Some(Precision::Second)),
            ("2025-02-29", None),
            ("2025-13", None),
            ("26", None),
            ("2025-11-26T10:00", None),
            ("2025-11-26T10:00:00", None),
            ("2025-11T10:00:00Z", None),
            ("2025-11-26T24:00:00Z", None),
            ("2025-11-26-01", None),
            ("2025-11-26 ", None),
            ("2025-11-26T10:00:00.Z", None),
            ("2025-11-26T10:00:00Zx", None),
        ] {
            assert_eq!(date(text), precision, "{text}");
        }
    }

    #[test]
    fn references_uris_codes_and_base64_are_told_from_sentences() {
        for (is_form, good, bad) in [
            (is_reference as fn(&str) -> bool, ["#a.b-1", "Patient/1"], ["# a", "patient/1"]),
            (is_uri, ["urn:oid:1.2", "https://a.ee/b"], ["no scheme: at all", "a b:c"]),
            (is_code, ["driver-group-I", "00.98"], ["two words", ""]),
            (is_base64, ["YQ==", "YWJj"], ["YQ", "a b="]),
        ] {
            assert!(good.iter().all(|text| is_form(text)), "{good:?}");
            assert!(!bad.iter().any(|text| is_form(text)), "{bad:?}");
        }
        assert_eq!(index_id("Patient/1"), Some("1"));
        assert_eq!(index_id("https://a.ee/Patient/1"), None);
    }

    #[test]
    fn timestamps_have_a_day_that_exists() {
        for (text, precision) in [
            ("2026", Precision::Year),
            ("202602", Precision::Month),
            ("20260228", Precision::Day),
            ("201409171904-0500", Precision::Second),
            ("20140917190459.123+0200", Precision::Second),
        ] {
            assert_eq!(timestamp(text), Some(precision), "{text}");
        }
        for text in [
            "",
            "20260230",
            "2026-02-28",
            "39901012239",
            "202602282460",
            "20260228+0200",
            "2026x",
            "20260228.1",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
