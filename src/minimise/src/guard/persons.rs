//! Finds personal codes in any text: Estonian, Finnish and Swedish, with valid check digits.
//!
//! It errs on the side of finding: digits of other scripts, invisible characters and single spaces or hyphens between
//! digits hide nothing.

use unicode_normalization::UnicodeNormalization;

use crate::person::is_estonian_personal_code;

/// Whether `text` holds the personal code of someone who is not among `known`.
pub(super) fn names_another(text: &str, known: &[&str]) -> bool {
    // Too short for a code, and by far the most values are.
    if text.len() < SHORTEST {
        return false;
    }
    let plain = plain(text);
    let is_another = |code: &String| !known.iter().any(|known| same(known, code));
    estonian(&plain).iter().chain(&finnish(&plain)).chain(&swedish(&plain)).any(is_another)
        || exponent(text).is_some_and(|code| is_estonian_personal_code(&code) && is_another(&code))
}

/// `YYMMDD-NNNN`, `DDMMYY-NNNC` and eleven digits.
const SHORTEST: usize = 11;

/// Compatibility forms folded, invisible characters left out, decimal digits and dashes of any script as ASCII ones.
fn plain(text: &str) -> Vec<char> {
    if text.is_ascii() {
        return text.chars().collect();
    }
    let invisible = |c: &char| matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}');
    let folded = text.nfkc().filter(|c| !invisible(c));
    folded
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
            _ if c.is_whitespace() => ' ',
            _ => decimal(c).and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c),
        })
        .collect()
}

/// The value of a decimal digit. Blocks of ten in the scripts in use; NFKC has folded the rest.
fn decimal(c: char) -> Option<u32> {
    const ZEROS: [char; 12] = ['0', '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '๐', '၀'];
    ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|digit| *digit < 10))
}

fn same(known: &str, code: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(|c| !"- +".contains(*c)).collect() };
    known == code || digits(known) == digits(code)
}

/// Runs of digits, each with the character between it and the one before if there is exactly one.
fn runs(text: &[char]) -> Vec<(Option<char>, String)> {
    let mut runs: Vec<(Option<char>, String)> = Vec::new();
    let mut gap: Option<Vec<char>> = None;
    for c in text {
        if !c.is_ascii_digit() {
            gap.get_or_insert_default().push(*c);
            continue;
        }
        match (gap.take(), runs.last_mut()) {
            (None, Some((_, digits))) => digits.push(*c),
            (between, _) => {
                let joint =
                    between.filter(|between| between.len() == 1).and_then(|between| between.first().copied());
                runs.push((joint.filter(|joint| "- +/".contains(*joint)), c.to_string()));
            }
        }
    }
    runs
}

/// Groups of adjacent runs of `length` digits altogether, joined; at most `groups` of them.
fn joined(runs: &[(Option<char>, String)], length: usize, groups: usize) -> Vec<String> {
    let mut found = Vec::new();
    for from in 0..runs.len() {
        let mut code = String::new();
        for (place, (joint, digits)) in runs.iter().skip(from).take(groups).enumerate() {
            if place > 0 && joint.is_none() {
                break;
            }
            code.push_str(digits);
            if code.len() >= length {
                break;
            }
        }
        if code.len() == length {
            found.push(code);
        }
    }
    found
}

fn estonian(text: &[char]) -> Vec<String> {
    let mut codes = joined(&runs(text), 11, 4);
    codes.retain(|code| is_estonian_personal_code(code));
    codes
}

/// `3.9901012239e10` is a personal code too.
fn exponent(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let shift: isize = exponent.trim_start_matches('+').parse().ok()?;
    // Where the point ends up; a code has eleven digits before it, and zeros in front count for nothing.
    let whole_length = isize::try_from(whole.trim_start_matches('-').len()).ok()?.checked_add(shift)?;
    let whole_length = usize::try_from(whole_length).ok().filter(|length| *length <= NUMBER_MAX)?;
    let padded = format!("{digits:0<whole_length$}");
    padded.get(..whole_length).map(|whole| whole.trim_start_matches('0').to_owned())
}

/// No code hides behind more digits than this.
const NUMBER_MAX: usize = 128;

/// `DDMMYY`, a century sign, three digits and a check character (henkilötunnus, as of 2023).
fn finnish(text: &[char]) -> Vec<String> {
    let is_code = |code: &&[char]| {
        let [d1, d2, m1, m2, y1, y2, sign, n1, n2, n3, check] = code else {
            return false;
        };
        let digits: Option<Vec<u32>> =
            [d1, d2, m1, m2, y1, y2, n1, n2, n3].iter().map(|c| c.to_digit(10)).collect();
        let century = match sign.to_ascii_uppercase() {
            '+' => 1800,
            '-' | 'U'..='Y' => 1900,
            'A'..='F' => 2000,
            _ => return false,
        };
        let Some(digits) = digits else { return false };
        let pair =
            |place: usize| digits.iter().skip(place).take(2).fold(0, |number, digit| number * 10 + digit);
        let number = digits.iter().fold(0, |number, digit| number * 10 + digit);
        let expected =
            "0123456789ABCDEFHJKLMNPRSTUVWXY".chars().nth(usize::try_from(number % 31).unwrap_or_default());
        is_day(century + pair(4), pair(2), pair(0)) && expected == Some(check.to_ascii_uppercase())
    };
    alone(text, 11, is_code)
}

/// `YYMMDD-NNNN` or `YYYYMMDDNNNN`, with `-` or `+` or without (personnummer; a samordningsnummer has 60 on its day). Ten bare digits are
/// left alone: too many codes of other kinds look like that.
fn swedish(text: &[char]) -> Vec<String> {
    let is_code = |code: &&[char]| {
        let has_sign = code.iter().any(|c| "-+".contains(*c));
        let sign_fits = !has_sign || code.iter().rev().nth(4).is_some_and(|c| "-+".contains(*c));
        let digits: Vec<u32> = code.iter().filter_map(|c| c.to_digit(10)).collect();
        let complete = digits.len() + usize::from(has_sign) == code.len();
        let short = digits.iter().skip(digits.len().saturating_sub(10));
        let pair =
            |place: usize| short.clone().skip(place).take(2).fold(0, |number, digit| number * 10 + digit);
        let century =
            digits.iter().take(digits.len().saturating_sub(10)).fold(0, |number, digit| number * 10 + digit);
        let century_fits = century == 0 || (18..=20).contains(&century);
        // 2000 was a leap year: with two digits, every day that can exist does.
        let year = if century == 0 { 2000 + pair(0) } else { century * 100 + pair(0) };
        let day = if pair(4) > 60 { pair(4) - 60 } else { pair(4) };
        sign_fits && complete && century_fits && is_day(year, pair(2), day) && luhn(short.copied())
    };
    [11, 12, 13]
        .into_iter()
        .flat_map(|length| {
            alone(text, length, |code| {
                (length == 12 || code.iter().any(|c| "-+".contains(*c))) && is_code(code)
            })
        })
        .collect()
}

/// The stretches of `length` characters that are codes and touch no further letter or digit.
fn alone(text: &[char], length: usize, is_code: impl Fn(&&[char]) -> bool) -> Vec<String> {
    let touches = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    text.windows(length)
        .enumerate()
        .filter(|(from, _)| !touches(from.checked_sub(1).and_then(|before| text.get(before))))
        .filter(|(from, _)| !touches(text.get(from + length)))
        .map(|(_, window)| window)
        .filter(is_code)
        .map(|code| code.iter().collect())
        .collect()
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let fits = || {
        let (year, month, day) = (year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
        jiff::civil::Date::new(year, month, day).ok()
    };
    fits().is_some()
}

fn luhn(digits: impl Iterator<Item = u32>) -> bool {
    let weighed = digits.enumerate().map(|(place, digit)| {
        let weighed = if place % 2 == 0 { digit * 2 } else { digit };
        weighed / 10 + weighed % 10
    });
    weighed.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::names_another;

    const SUBJECT: &str = "60001017869";

    #[test]
    fn the_code_of_another_person_is_found_wherever_it_hides() {
        for text in [
            "39901012239",
            "isikukood:39901012239.",
            "EE39901012239",
            "elukaaslane 399 0101 2239",
            "399-01012239",
            "3990\u{200b}1012239",
            "３９９０１０１２２３９",
            "٣٩٩٠١٠١٢٢٣٩",
            "3.9901012239e10",
            "39901012239.0",
            "399010122390e-1",
            "0.0039901012239E+13",
            "HD/39901012239",
            "60001017869 ja 39901012239",
            "131052-308T",
            "hetu 131052-308t",
            "811228-9874",
            "198112289874",
            "19811228-9874",
        ] {
            assert!(names_another(text, &[SUBJECT]), "{text}");
        }
    }

    #[test]
    fn hostile_texts_neither_panic_nor_take_more_than_linear_time() {
        for text in [
            "1e18446744073709551615",
            "1e9223372036854775807",
            "1e-9223372036854775808",
            "9e999999999999999999999",
        ] {
            assert!(!names_another(text, &[SUBJECT]), "{text}");
        }
        for part in ["1", "1 ", "11-", "e", "1e", "\u{200b}1", "٣", "131052-308", " 8"] {
            let _found = names_another(&part.repeat((256 << 10) / part.len()), &[SUBJECT]);
        }
    }

    #[test]
    fn the_known_persons_and_what_is_no_code_are_left_alone() {
        for text in [
            SUBJECT,
            "600 0101 7869",
            "Practitioner/45007090928",
            "39901012238",
            "399010122391",
            "2025-11-26T00:00:00.000+00:00",
            "1.3.6.1.4.1.28284.6.2.2.1",
            "+372 5123 4567",
            "http://snomed.info/sct",
            "156861000181108",
            "HCERT-2025-1234567",
            "131052-308U",
            "811228-9875",
            "8112289874",
        ] {
            assert!(!names_another(text, &[SUBJECT, "45007090928"]), "{text}");
        }
    }
}
