//! The shapes of identifiers and times, as a partner checks them.

/// An Estonian personal code: eleven digits, the last of which checks the others.
pub fn is_personal_code(text: &str) -> bool {
    text.len() == 11 && ends_in_check_digit(text)
}

/// An Estonian registry code: eight digits, the last of which checks the others.
pub fn is_registry_code(text: &str) -> bool {
    text.len() == 8 && ends_in_check_digit(text)
}

/// A health professional's code: a letter and five digits.
pub fn is_professional_code(text: &str) -> bool {
    text.len() == 6
        && text.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && text.bytes().skip(1).all(|b| b.is_ascii_digit())
}

/// A code without blanks: letters, digits, `.`, `-`, `_`; at most 64.
pub fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// Digits only, at least one.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The day of a FHIR `date` or `dateTime`: a whole day, or an instant with its offset.
pub fn day(text: &str) -> Option<jiff::civil::Date> {
    let day = text.get(..10)?.parse().ok()?;
    (text.len() == 10 || text.parse::<jiff::Timestamp>().is_ok()).then_some(day)
}

/// Weights from 1, and from 3 when the remainder of 11 is 10.
fn ends_in_check_digit(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    let Some((check, body)) = digits.as_ref().and_then(|digits| digits.split_last()) else {
        return false;
    };
    let remainder = |first: usize| {
        let weights = (1..=9).cycle().skip(first - 1);
        let weighed = body.iter().zip(weights).map(|(digit, weight)| digit * weight);
        weighed.sum::<u32>() % 11
    };
    let expected = match remainder(1) {
        10 => remainder(3) % 10,
        other => other,
    };
    *check == expected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_tell_good_codes_from_bad() {
        for code in ["39901012239", "60001017869", "37207279996", "45002280288"] {
            assert!(is_personal_code(code), "{code}");
        }
        for code in ["39406240016", "37412251234", "3990101223", "3990101223x"] {
            assert!(!is_personal_code(code), "{code}");
        }
        assert!(is_registry_code("12345678") && !is_registry_code("12345679"));
    }

    #[test]
    fn an_instant_needs_its_offset() {
        assert!(day("2026-11-22").is_some());
        assert!(day("2026-11-22T00:00:00.000+00:00").is_some());
        assert!(day("2026-11-22T00:00:00").is_none());
        assert!(day("2026-13-22").is_none());
        assert!(day("täna").is_none());
    }
}
