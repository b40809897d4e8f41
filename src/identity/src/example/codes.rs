//! Codes for made-up organisations that pass the check of real ones.

/// The Estonian registry code that begins with these seven digits: the eighth is the check digit,
/// with the weights 1 to 7 modulo 11 and, where that leaves 10, 3 to 9 modulo 11.
pub(crate) fn registry_code(first_seven: u32) -> String {
    let digits = format!("{first_seven:07}");
    let remainder = |first_weight: u32| {
        digits
            .chars()
            .filter_map(|digit| digit.to_digit(10))
            .zip(first_weight..)
            .map(|(digit, weight)| digit * weight)
            .sum::<u32>()
            % 11
    };
    let check = match (remainder(1), remainder(3)) {
        (10, 10) => 0,
        (10, second) => second,
        (first, _) => first,
    };
    format!("{digits}{check}")
}

#[cfg(test)]
mod tests {
    use super::registry_code;

    #[test]
    fn the_check_digit_is_that_of_the_business_register() {
        for code in [
            "70009770", "90007945", "70001490", "74000091", "10303948", "70006317", "70001952", "70006292",
            "16978044",
        ] {
            let first_seven = code.split_at(7).0.parse().unwrap();
            assert_eq!(registry_code(first_seven), code);
        }
    }
}
