//! Identifiers of persons and organisations: types that cannot print, and the check digits that prove them.
//!
//! It knows the shape of identifiers, not whether the person exists: that is the patient index's answer.

use std::fmt;

use zeroize::Zeroizing;

/// The identifier system of Estonian personal codes.
pub const ESTONIAN_PERSONAL_CODE: &str = "https://fhir.ee/sid/pid/est/ni";
/// The identifier system of Estonian registry codes of organisations.
pub const ESTONIAN_REGISTRY_CODE: &str = "https://fhir.ee/sid/org/est/br";
/// The identifier system of Estonian health professionals.
pub const ESTONIAN_PROFESSIONAL_CODE: &str = "https://fhir.ee/sid/pro/est/pho";

/// Text about a person. It has no `Display`, its `Debug` shows nothing, and its memory is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Private(Zeroizing<String>);

impl Private {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself; whoever asks answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(…)")
    }
}

/// A person or organisation as a system and a value in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The identifier system, a URI.
    pub system: String,
    /// The value in that system.
    pub value: Private,
}

/// Whether `code` is an Estonian personal code: eleven digits, a date that exists, the check digit.
///
/// The algorithm is that of EVS 585:2007.
pub fn is_estonian_personal_code(code: &str) -> bool {
    let Some(digits) = digits::<11>(code) else {
        return false;
    };
    let [sex, y1, y2, m1, m2, d1, d2, ..] = digits;
    if !(1..=8).contains(&sex) {
        return false;
    }
    let century = 1800 + 100 * ((i16::from(sex) - 1) / 2);
    let year = century + i16::from(y1 * 10 + y2);
    let (month, day) = (m1 * 10 + m2, d1 * 10 + d2);
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return false;
    };
    jiff::civil::Date::new(year, month, day).is_ok() && ends_in_check_digit(&digits)
}

/// Whether `code` is an Estonian registry code: eight digits, the first 1, 7, 8 or 9, the check digit.
pub fn is_estonian_registry_code(code: &str) -> bool {
    digits::<8>(code)
        .is_some_and(|digits| matches!(digits.first(), Some(1 | 7 | 8 | 9)) && ends_in_check_digit(&digits))
}

/// Whether `code` is the code of an Estonian health professional: a letter and five digits.
pub fn is_estonian_professional_code(code: &str) -> bool {
    let mut characters = code.chars();
    characters.next().is_some_and(|c| c.is_ascii_uppercase())
        && code.len() == 6
        && characters.all(|c| c.is_ascii_digit())
}

fn digits<const N: usize>(code: &str) -> Option<[u8; N]> {
    let bytes: [u8; N] = code.as_bytes().try_into().ok()?;
    bytes.iter().all(u8::is_ascii_digit).then(|| bytes.map(|b| b - b'0'))
}

/// Both kinds of code end in a digit weighed modulo 11, with a second row of weights when the first gives 10.
fn ends_in_check_digit(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else {
        return false;
    };
    let weigh = |first: u32| {
        body.iter()
            .zip(0u32..)
            .map(|(digit, place)| u32::from(*digit) * ((first + place - 1) % 9 + 1))
            .sum::<u32>()
            % 11
    };
    let expected = match weigh(1) {
        10 => weigh(3) % 10,
        remainder => remainder,
    };
    u32::from(*check) == expected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_with_valid_check_digits_are_known() {
        for code in ["60001017869", "39901012239", "37207279996", "36808088873"] {
            assert!(is_estonian_personal_code(code), "{code}");
        }
        for code in ["70009770", "90007945", "10303948", "74000091"] {
            assert!(is_estonian_registry_code(code), "{code}");
        }
    }

    #[test]
    fn wrong_check_digits_dates_and_lengths_are_refused() {
        for code in [
            "39406240016",
            "37412251234",
            "38806140249",
            "39902302239",
            "3990101223",
            "99901012239",
            "3990101223x",
        ] {
            assert!(!is_estonian_personal_code(code), "{code}");
        }
        for code in ["70009771", "20009770", "7000977", "700097700"] {
            assert!(!is_estonian_registry_code(code), "{code}");
        }
    }

    #[test]
    fn private_text_does_not_print() {
        let identifier =
            Identifier { system: ESTONIAN_PERSONAL_CODE.into(), value: Private::new("39901012239") };
        assert!(!format!("{identifier:?}").contains("3990"));
    }
}
