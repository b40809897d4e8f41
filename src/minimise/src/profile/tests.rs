use super::*;

/// Line, column and message of every fault.
fn faults(toml: &str) -> Vec<(usize, usize, String)> {
    let faults = Profile::parse("test", toml).unwrap_err();
    faults.into_iter().map(|fault| (fault.line, fault.column, fault.says)).collect()
}

#[test]
fn the_example_of_the_page_is_a_profile() {
    let page = include_str!("../../docs/profiles.md");
    let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let profile = Profile::parse("page", example).unwrap();
    assert_eq!((profile.name(), profile.version()), ("employer-health-check-decision", "1"));
    assert_eq!(profile.media_type(), "application/fhir+json");
    let without: Vec<_> = profile.categories([]).into_iter().collect();
    assert_eq!(without, ["administrative", "decision"]);
    assert!(profile.categories(["release"]).contains("suggestion"));
    assert_eq!(profile.paths.len(), 3 + 2 + 1 + 1 + 2);
    assert_eq!(profile.drops.len(), 2);
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place_and_what_was_meant() {
    let toml = r#"profile = "p"
version = 1
format = "fhir-xml"
resource = "Composition"
on_exces = "strip"

[subject]
paths = ["Patient.id"]

[[keep]]
path = "Composition.{status,contained.id"
category = "Decision!"
one_off = ["a"]
kind = "sting"
max_length = -1

[[keep]]
path = "Composition.date"
pattern = "("
date_precision = "day"
category = "x"
ground = "x"

[[keep]]
path = "Composition.date"
category = "x"
ground = "x"
"#;
    let told: Vec<String> =
        Profile::parse("test", toml).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "test, line 2, column 11: `version` must be text in quotes",
            "test, line 3, column 10: `format` cannot be `fhir-xml`; there is `fhir-json`, `xml`, `dicom`",
            "test, line 5, column 1: unknown key `on_exces` in the profile; did you mean `on_excess`?",
            "test, line 8, column 10: `Patient.id` must begin with `Composition`, the profile's `resource`",
            "test, line 10, column 1: `ground` is missing in a `[[keep]]`",
            "test, line 11, column 8: in `Composition.{status,contained.id`: `}` is missing",
            "test, line 12, column 12: `Decision!` is no category: small letters, digits, `-` and `.`",
            "test, line 13, column 1: unknown key `one_off` in a `[[keep]]`; did you mean `one_of`?",
            "test, line 14, column 8: `kind` cannot be `sting`; did you mean `string`?",
            "test, line 15, column 14: `max_length` must be a whole number from 1",
            "test, line 19, column 11: `(` is no pattern: unclosed group",
            "test, line 20, column 18: `date_precision` needs `kind = \"date\"`",
            "test, line 25, column 8: `Composition.date` is kept twice",
        ]
    );
}

#[test]
fn what_is_missing_is_told() {
    let told: Vec<_> = faults("").into_iter().map(|(_, _, says)| says).collect();
    assert_eq!(
        told,
        [
            "`[subject]` is missing: where does the document say whom it is about?",
            "`format` is missing in the profile",
            "`profile` is missing in the profile",
            "`resource` is missing in the profile",
            "`version` is missing in the profile",
            "no `[[keep]]`: nothing could leave",
        ]
    );
}

#[test]
fn what_is_not_toml_is_told_with_its_place() {
    let told = faults("profile = \"a\nversion = \"1\"\n");
    assert!(told.iter().any(|(line, _, says)| *line == 1 && says.starts_with("not TOML: ")), "{told:?}");
}

#[test]
fn a_pattern_cannot_reach_out_of_its_anchors() {
    let with = |pattern: &str| {
        format!(
            "profile='p'\nversion='1'\nformat='fhir-json'\nresource='Basic'\n[subject]\npaths=['Basic.subject']\n[[keep]]\npath='Basic.id'\npattern='{pattern}'\ncategory='x'\nground='x'\n"
        )
    };
    for pattern in ["a)|(b", "(?x) a # b", "a(?", r"\w{99999}"] {
        assert!(Profile::parse("test", &with(pattern)).is_err(), "{pattern}");
    }
    let profile = Profile::parse("test", &with("a|b")).unwrap();
    let conditions = &profile.entries[0].conditions;
    let breach = |text: &'static str| conditions.breach(&crate::value::Scalar::Text(text));
    assert_eq!((breach("a"), breach("ab"), breach("b\n")), (None, Some("pattern"), Some("pattern")));
}

#[test]
fn the_example_for_xml_is_a_profile() {
    let page = include_str!("../../docs/profiles.md");
    let example = page.split("```toml").nth(2).and_then(|rest| rest.split("```").next()).unwrap();
    let profile = Profile::parse("page", example).unwrap();
    assert_eq!(profile.media_type(), "application/xml");
    assert_eq!(profile.paths.len(), 3 + 1 + 3 + 2);
    let with = example.replace("on_excess", "media_type = \"application/hl7-cda+xml\"\non_excess");
    assert_eq!(Profile::parse("page", &with).unwrap().media_type(), "application/hl7-cda+xml");
}

#[test]
fn what_is_wrong_with_a_profile_for_xml_is_told() {
    let toml = r#"profile = "p"
version = "1"
format = "xml"
rot = "cda:ClinicalDocument"

[namespaces]
xmlx = "urn:x"
"a b" = "urn:y"
z = ""

[subject]
paths = ["/r/a[b/@c='1']/@d"]
system = "x"

[[keep]]
path = "/r/{q:a/@b,@xsi:schemaLocation,b[c]/@d}"
category = "x"
ground = "x"
"#;
    let told: Vec<String> = faults(toml).into_iter().map(|(_, _, says)| says).collect();
    assert_eq!(
        told,
        [
            "`root` is missing in the profile",
            "unknown key `rot` in the profile; did you mean `root`?",
            "`xmlx` is no prefix for a namespace",
            "`a b` is no prefix for a namespace",
            "`` is no namespace to declare",
            "a path to the subject may test only attributes of its own elements",
            "unknown key `system` in subject; did you mean `systems`?",
            "in `/r/@xsi:schemaLocation`: `schemaLocation` never leaves",
            "in `/r/b[c]/@d`: a condition tests an attribute or a text: `[a/@b='c']`, `[a/text()='c']`",
            "in `/r/q:a/@b`: the prefix `q` is not declared in `[namespaces]`",
        ]
    );
}
