//! The names that may be printed: those of FHIR R5. Any other name in a document could be a value.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Element names and resource types of FHIR 5.0.0, as in the classes of the PyPI package `fhir.resources` 8.3.0, which are
/// generated from the specification.
static FHIR_R5: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("fhir-r5-names.txt").split_ascii_whitespace().collect());

/// Whether a name of a document may be printed: FHIR has it, or the profile does.
pub(super) fn is_known(name: &str, in_profile: impl Fn(&str) -> bool) -> bool {
    in_profile(name) || is_fhir(name.strip_prefix('_').unwrap_or(name))
}

/// Whether FHIR R5 has this name.
pub(super) fn is_fhir(name: &str) -> bool {
    FHIR_R5.contains(name)
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn only_names_of_fhir_and_of_the_profile_are_known() {
        for name in ["resourceType", "valueCodeableConcept", "_birthDate", "Observation", "div"] {
            assert!(is_known(name, |_| false), "{name}");
        }
        for name in ["39901012239", "", "_", "sеction", "section\u{200b}", "Tamm"] {
            assert!(!is_known(name, |_| false), "{name}");
        }
        assert!(is_known("local", |name| name == "local"));
    }
}
