//! Documents grown from bytes, among names that the profile has, names that FHIR has, and strangers. Whatever they are, no value
//! leaves by a path that the profile does not name, what leaves would leave again unchanged, and pieces are judged as the whole.

#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use minimise::person::{ESTONIAN_PERSONAL_CODE, Identifier, Private};
use minimise::{Declared, Limits, Profile, Projector, project};
use serde_json::{Map, Value, json};

const TOML: &str = r#"
profile = "fuzz"
version = "1"
format = "fhir-json"
resource = "Composition"
on_excess = "strip"

[subject]
paths = ["Composition.subject"]

[[keep]]
path = "Composition.{status,identifier.{system,value}}"
category = "administrative"
ground = "none"

[[keep]]
path = "Composition.section[code=decision].{title,entry.reference}"
category = "decision"
ground = "none"

[[keep]]
path = "Composition.contained(Observation)[system|code=http://snomed.info/sct|419183001].{status,valueCodeableConcept.coding.code,subject.reference}"
category = "decision"
ground = "none"

[[drop]]
path = "Composition.section[code=reject-reason]"
why = "a test"
"#;

/// Every way to a value that may leave, written out by hand: what the paths name, what their conditions test, types and ids.
const MAY_LEAVE: [&str; 25] = [
    "resourceType",
    "status",
    "identifier.system",
    "identifier.value",
    "section.title",
    "section.entry.reference",
    "section.code",
    "section.code.code",
    "section.code.coding.code",
    "section.coding.code",
    "contained.resourceType",
    "contained.id",
    "contained.status",
    "contained.subject.reference",
    "contained.valueCodeableConcept.coding.code",
    "contained.code",
    "contained.system",
    "contained.code.code",
    "contained.code.system",
    "contained.code.coding.code",
    "contained.code.coding.system",
    "contained.coding.code",
    "contained.coding.system",
    "section.code.coding",
    "contained.coding",
];

const NAMES: [&str; 24] = [
    "resourceType", "status", "identifier", "system", "value", "section", "code", "coding", "title", "entry", "reference",
    "contained", "id", "valueCodeableConcept", "subject", "display", "text", "note", "_status", "extension", "stranger", "Title",
    "tit\u{200b}le", "div",
];
const TEXTS: [&str; 16] = [
    "Composition", "Observation", "Patient", "decision", "reject-reason", "419183001", "http://snomed.info/sct", "#a", "#b", "a",
    "b", "final", "vaba tekst", "Patient/1", "<script>", "\u{e4}\"\\\n",
];

static PROFILE: LazyLock<Profile> = LazyLock::new(|| Profile::parse("fuzz", TOML).unwrap());

struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn value(&mut self, depth: usize) -> Value {
        let kind = self.next();
        if depth > 6 || self.0.is_empty() {
            return TEXTS[kind % TEXTS.len()].into();
        }
        match kind % 8 {
            0..=2 => TEXTS[self.next() % TEXTS.len()].into(),
            3 => json!(self.next()),
            4 => [Value::Null, json!(true), json!(1.5e300), json!("")][self.next() % 4].clone(),
            5 => (0..self.next() % 4).map(|_| self.value(depth + 1)).collect(),
            _ => Value::Object(self.members(depth)),
        }
    }

    fn members(&mut self, depth: usize) -> Map<String, Value> {
        let count = self.next() % 6;
        (0..count).map(|_| (NAMES[self.next() % NAMES.len()].to_owned(), self.value(depth + 1))).collect()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let piece = bytes.next() + 1;
    let mut document = bytes.members(0);
    document.insert("resourceType".into(), "Composition".into());
    document.insert(
        "subject".into(),
        json!({ "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": "60001017869" } }),
    );
    let text = Value::Object(document).to_string();
    let subject = Identifier { system: ESTONIAN_PERSONAL_CODE.to_owned(), value: Private::new("60001017869") };
    let limits = Limits::default();
    let declared = Declared { subject: &subject, recipient: None, evidence: BTreeSet::new(), others: Vec::new(), limits };
    let whole = project(&PROFILE, &declared, text.as_bytes());

    let mut projector = Projector::new(&PROFILE, &declared);
    let mut out = Vec::new();
    let fed = text.as_bytes().chunks(piece).try_for_each(|piece| projector.feed(piece, &mut out));
    let pieces = fed.and_then(|()| projector.end(&mut out));
    match (&whole, &pieces) {
        (Ok(whole), Ok(projected)) => {
            assert_eq!(whole.document, out);
            assert_eq!(whole.manifest, projected.manifest);
        }
        (_, Err(faults)) if faults.iter().any(|fault| fault.rule == "contained-unsettled") => {}
        (Err(whole), Err(pieces)) => assert_eq!(whole, pieces),
        other => panic!("{other:?}"),
    }

    let Ok(projection) = whole else { return };
    let left: Value = serde_json::from_slice(&projection.document).unwrap();
    check(&left, String::new());
    // The subject does not leave by this profile; what leaves is judged again with it.
    let Value::Object(mut again) = left else { panic!("no object left") };
    again.insert("subject".into(), json!({ "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": "60001017869" } }));
    let again = project(&PROFILE, &declared, Value::Object(again).to_string().as_bytes()).unwrap();
    let (first, second): (Value, Value) =
        (serde_json::from_slice(&projection.document).unwrap(), serde_json::from_slice(&again.document).unwrap());
    assert_eq!(first, second);
});

fn check(value: &Value, path: String) {
    match value {
        Value::Object(members) => {
            assert!(!members.is_empty(), "{path}");
            members.iter().for_each(|(name, value)| check(value, format!("{path}.{name}")));
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "{path}");
            items.iter().for_each(|item| check(item, path.clone()));
        }
        _ => assert!(MAY_LEAVE.contains(&path.trim_start_matches('.')), "{path}"),
    }
}
