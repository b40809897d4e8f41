//! Leaves: what is written is read back, and nothing else is read.

use jiff::Timestamp;
use proptest::prelude::*;

use super::fixtures::{administration, attempt, busy, disclosure, v};
use crate::{
    Code, Count, Entry, EntryError, Evidence, Kind, LEAF_BYTES_MAX, Moment, Set, Source, State, Text,
    ValueError,
};

fn refused(leaf: &str) -> EntryError {
    Entry::decode(leaf.as_bytes()).unwrap_err()
}

#[test]
fn an_entry_of_every_kind_is_read_back_as_it_was_written() {
    let mut kinds: Vec<Kind> = Vec::new();
    for leaf in busy() {
        let entry = Entry::decode(&leaf).unwrap();
        assert_eq!(entry.encode(), leaf);
        kinds.push(entry.kind());
    }
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(kind)));
}

#[test]
fn a_leaf_is_canonical_json() {
    let leaf = Entry::from(attempt("t-1", 1)).encode();
    let expected = r#"{"at":"2026-01-31T09:30:00.120Z","kind":"attempt","number":1,"transfer":"t-1","v":1}"#;
    assert_eq!(String::from_utf8(leaf).unwrap(), expected);
    let leaf = String::from_utf8(Entry::from(administration()).encode()).unwrap();
    assert!(leaf.contains(r#""object":"sihtkoht \"tööandja\" \\ employer""#));
    let leaf = String::from_utf8(Entry::from(disclosure("t-1")).encode()).unwrap();
    assert!(leaf.contains(r#""section":"13¹""#));
    assert!(!leaf.contains("onward"));
}

#[test]
fn the_same_entry_in_other_bytes_is_refused_at_the_byte_that_differs() {
    let good = r#"{"at":"2026-01-31T09:30:00.120Z","kind":"attempt","number":1,"transfer":"t-1","v":1}"#;
    assert!(Entry::decode(good.as_bytes()).is_ok());
    for (bad, at) in [
        (good.replace(r#","kind""#, r#", "kind""#), 33),
        (format!("{good}\n"), good.len()),
        (good.replace("t-1", r"\u0074-1"), 73),
        (good.replace(r#""v":1"#, r#""v":1,"v":1"#), good.len() - 1),
        (good.replace(r#""number":1,"transfer":"t-1""#, r#""transfer":"t-1","number":1"#), 51),
        (good.replace(r#""number":1"#, r#""number":2,"number":1"#), 59),
    ] {
        assert_eq!(refused(&bad), EntryError::NotCanonical { at }, "{bad}");
    }
}

#[test]
fn what_is_not_an_entry_is_refused_with_the_name_of_what_is_wrong() {
    let good = r#"{"at":"2026-01-31T09:30:00.120Z","kind":"attempt","number":1,"transfer":"t-1","v":1}"#;
    let kind = Kind::Attempt;
    let member = |member| EntryError::Member { kind, member };
    for (from, to, error) in [
        (good, "", EntryError::NotAnObject),
        (good, "[1]", EntryError::NotAnObject),
        (good, "{\"v\":1", EntryError::NotAnObject),
        (good, "{}", EntryError::Version),
        (r#""v":1"#, r#""v":2"#, EntryError::Version),
        (r#""v":1"#, r#""v":"1""#, EntryError::Version),
        ("\"attempt\"", "\"retry\"", EntryError::Kind),
        ("\"attempt\"", "7", EntryError::Kind),
        (r#","number":1"#, "", member("number")),
        (r#""number":1"#, r#""number":1.5"#, member("number")),
        (r#""number":1"#, r#""number":-1"#, member("number")),
        (r#""number":1"#, r#""number":1e0"#, member("number")),
        (r#""number":1"#, r#""number":9007199254740992"#, member("number")),
        (r#""number":1"#, r#""number":null"#, member("number")),
        ("t-1", "t 1", member("transfer")),
        ("t-1", "", member("transfer")),
        ("00.120Z", "00.12Z", member("at")),
        ("00.120Z", "00.120+00:00", member("at")),
        ("00.120Z", "00.120z", member("at")),
        ("00.120Z", "60.120Z", member("at")),
        ("01-31T", "02-30T", member("at")),
        ("2026-", "1969-", member("at")),
        ("\"v\":1", "\"v\":1,\"w\":1", EntryError::UnknownMember { kind }),
        ("attempt", "outcome", EntryError::Member { kind: Kind::Outcome, member: "state" }),
    ] {
        assert_eq!(refused(&good.replace(from, to)), error, "{from} → {to}");
    }
}

#[test]
fn no_error_repeats_what_the_leaf_says() {
    let leaf = String::from_utf8(Entry::from(disclosure("t-1")).encode()).unwrap();
    for secret in ["t 38001085718", "\\u0033"] {
        let error = refused(&leaf.replace("t-1", secret));
        assert!(!format!("{error} {error:?}").contains("38001085718"));
    }
}

#[test]
fn absent_members_stay_absent_and_null_is_refused() {
    let leaf = String::from_utf8(Entry::from(disclosure("t-1")).encode()).unwrap();
    let null = leaf.replace(r#""policy""#, r#""onward":null,"policy""#);
    let kind = Kind::Disclosure;
    assert_eq!(refused(&null), EntryError::Member { kind, member: "onward" });
    let unsorted = leaf.replace(r#"["decision","identity"]"#, r#"["identity","decision"]"#);
    assert!(matches!(refused(&unsorted), EntryError::NotCanonical { .. }));
    let doubled = leaf.replace(r#"["decision","identity"]"#, r#"["decision","decision","identity"]"#);
    assert!(matches!(refused(&doubled), EntryError::NotCanonical { .. }));
    let extended = leaf.replace(r#""version":"3""#, r#""version":"3","w":1"#);
    assert_eq!(refused(&extended), EntryError::Member { kind, member: "profile" });
    let upper = leaf.replace(&disclosure("t-1").certificate.to_hex(), &"AB".repeat(32));
    assert_eq!(refused(&upper), EntryError::Member { kind, member: "certificate" });
}

#[test]
fn a_leaf_that_is_too_long_is_refused_before_it_is_parsed() {
    let bytes = LEAF_BYTES_MAX + 1;
    assert_eq!(refused(&" ".repeat(bytes)), EntryError::TooLong { bytes });
    assert_eq!(refused(&" ".repeat(bytes - 1)), EntryError::NotAnObject);
}

#[test]
fn the_largest_entry_fits_a_leaf() {
    let code = |i: usize| v::<Code>(&format!("{i:0>128}"));
    let mut entry = disclosure(&"t".repeat(128));
    entry.rules = Set::new((0..128).map(code)).unwrap();
    entry.categories = Set::new((0..128).map(code)).unwrap();
    let evidence = |i: usize| Evidence::new(v(&format!("{i:0>119}")), Source::Document).unwrap();
    entry.evidence = Set::new((0..128).map(evidence)).unwrap();
    entry.act = v(&"\\".repeat(512));
    entry.section = v(&"\"".repeat(512));
    for member in [&mut entry.client, &mut entry.destination, &mut entry.purpose, &mut entry.policy] {
        *member = code(0);
    }
    let leaf = Entry::from(entry).encode();
    assert!((50_000..LEAF_BYTES_MAX).contains(&leaf.len()), "{}", leaf.len());
    assert!(Entry::decode(&leaf).is_ok());
}

#[test]
fn values_outside_their_form_cannot_be_made() {
    for code in ["", "a b", "ä", "a\"", "a\\", "a\n", &"a".repeat(129)] {
        assert_eq!(code.parse::<Code>(), Err(ValueError::Code));
    }
    for text in ["", "a\nb", "a\u{85}", "\u{7f}", &"ä".repeat(257)] {
        assert_eq!(text.parse::<Text>(), Err(ValueError::Text));
    }
    assert_eq!(Count::try_from(1u64 << 53), Err(ValueError::Count));
    assert_eq!(Count::try_from((1u64 << 53) - 1), Ok(Count::MAX));
    assert_eq!(Set::new((0..129).map(|i| v::<Code>(&i.to_string()))), Err(ValueError::Set));
    assert_eq!("order:rumour".parse::<Evidence>(), Err(ValueError::Evidence));
    assert_eq!("order".parse::<Evidence>(), Err(ValueError::Evidence));
    let before = Timestamp::from_nanosecond(-1).unwrap();
    assert_eq!(Moment::try_from(before), Err(ValueError::Moment));
}

#[test]
fn a_time_is_cut_to_the_millisecond() {
    let time = Timestamp::new(1_769_851_800, 120_999_999).unwrap();
    assert_eq!(Moment::try_from(time).unwrap().to_string(), "2026-01-31T09:30:00.120Z");
    let first = Moment::try_from(Timestamp::UNIX_EPOCH).unwrap().to_string();
    assert_eq!(first, "1970-01-01T00:00:00.000Z");
}

#[test]
fn pseudonyms_do_not_print() {
    let entry = disclosure("t-1");
    let value = entry.subject.value.to_hex();
    assert!(!format!("{:?}", Entry::from(entry)).contains(&value));
}

#[test]
fn five_states_are_final() {
    let finals = State::ALL.iter().filter(|state| state.is_final());
    let finals: Vec<_> = finals.map(|state| state.code()).collect();
    let expected = ["delivered", "refused-by-destination", "withheld", "withdrawn", "expired"];
    assert_eq!(finals, expected);
}

fn codes() -> impl Strategy<Value = Set<Code>> {
    prop::collection::vec("[!#-\\[\\]-~]{1,16}", 0..8)
        .prop_map(|codes| Set::new(codes.iter().map(|code| v(code))).unwrap())
}

fn evidence() -> impl Strategy<Value = Set<Evidence>> {
    let one = ("[a-z:-]{1,9}", prop::sample::select(Source::ALL))
        .prop_map(|(kind, source)| Evidence::new(v(&kind), source).unwrap());
    prop::collection::vec(one, 0..8).prop_map(|evidence| Set::new(evidence).unwrap())
}

proptest! {
    #[test]
    fn any_disclosure_is_read_back_as_it_was_written(
        section in "\\PC{1,64}",
        millisecond in 0i64..253_370_764_800_000,
        size in 0..1u64 << 53,
        (rules, categories, evidence) in (codes(), codes(), evidence()),
        onward in prop::option::of("[a-z]{1,9}"),
    ) {
        let mut written = disclosure("t-1");
        written.at = Timestamp::from_millisecond(millisecond).unwrap().try_into().unwrap();
        written.section = v(&section);
        written.size = size.try_into().unwrap();
        (written.rules, written.categories, written.evidence) = (rules, categories, evidence);
        written.onward = onward.map(|code| v(&code));
        let written = Entry::from(written);
        prop_assert_eq!(Entry::decode(&written.encode()), Ok(written));
    }

    #[test]
    fn no_bytes_make_the_reader_fail_otherwise_than_by_refusing(
        at in 0usize..400, byte in any::<u8>(), cut in 0usize..400,
    ) {
        let mut leaf = Entry::from(disclosure("t-1")).encode();
        leaf[at] = byte;
        leaf.truncate(leaf.len() - cut);
        if let Ok(entry) = Entry::decode(&leaf) {
            prop_assert_eq!(entry.encode(), leaf);
        }
    }
}
