use super::*;
use crate::person::{ESTONIAN_PERSONAL_CODE, ESTONIAN_REGISTRY_CODE};
use serde_json::json;

fn good() -> Value {
    json!({
        "destination": "employer", "purpose": "health-check-decision",
        "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(b)", "act": "TTOS", "section": "13¹" },
        "subject": { "system": ESTONIAN_PERSONAL_CODE, "value": "39901012239", "given": "Mari", "family": "Maasikas" },
        "professional": { "code": "D00000", "personal_code": "60001017869", "role": "doctor" },
        "recipient": { "system": ESTONIAN_REGISTRY_CODE, "value": "10303948" },
        "evidence": [ { "kind": "order", "ref": "2026-17" } ],
        "reason": "töötervishoiu otsus", "ordering_key": null,
        "not_after": "2026-12-01T00:00:00Z", "supersedes": null
    })
}

fn rules(value: &Value) -> Vec<String> {
    let faults = Declaration::from_value(value, CheckDigits::Reject).err().unwrap_or_default();
    faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.rule)).collect()
}

#[test]
fn a_whole_declaration_is_read() {
    let declaration = Declaration::from_value(&good(), CheckDigits::Reject).unwrap();
    assert_eq!(declaration.evidence.len(), 1);
    assert_eq!(declaration.legal_basis.section, "13¹");
}

#[test]
fn all_faults_are_found_at_once() {
    let mut value = good();
    value["subject"]["value"] = json!("39901012238");
    value["recipient"]["value"] = json!("10303949");
    value["professional"]["code"] = json!("doctor");
    value["evidence"][0]["kind"] = json!("hearsay");
    value["reason"] = json!("because of F32.1");
    value["colour"] = json!("red");
    value.as_object_mut().unwrap().remove("purpose");
    assert_eq!(
        rules(&value),
        [
            " declaration-unknown-member",
            "/purpose declaration-missing",
            "/subject/value personal-code",
            "/professional/code professional-code",
            "/recipient/value registry-code",
            "/evidence/0/kind evidence-kind",
            "/reason reason-not-neutral",
        ]
    );
}

#[test]
fn a_wrong_check_digit_can_be_a_warning() {
    let mut value = good();
    value["subject"]["value"] = json!("39406240016");
    let declaration = Declaration::from_value(&value, CheckDigits::Warn).unwrap();
    assert_eq!(declaration.warnings.len(), 1);
}

#[test]
fn a_recipient_is_an_organisation_whatever_system_is_declared() {
    for (system, value, rule) in [
        (ESTONIAN_PERSONAL_CODE, "39901012239", "/recipient/system recipient-system"),
        ("https://example.com/anything", "39901012239", "/recipient/system recipient-system"),
        (ESTONIAN_REGISTRY_CODE, "39901012239", "/recipient/value registry-code"),
    ] {
        let mut value_of = good();
        value_of["recipient"] = json!({ "system": system, "value": value });
        assert_eq!(rules(&value_of), [rule]);
    }
}

#[test]
fn a_reason_names_neither_person_nor_diagnosis() {
    for (reason, neutral) in [
        ("juhi tervisetõend", true),
        ("order 2026-17", true),
        ("J45", false),
        ("isikukood39901012239", false),
        ("a\r\nb", false),
    ] {
        let mut value = good();
        value["reason"] = json!(reason);
        assert_eq!(rules(&value).is_empty(), neutral, "{reason}");
    }
}

#[test]
fn no_fault_and_no_debug_output_shows_a_value() {
    let mut value = good();
    value["subject"]["value"] = json!("39901012238");
    value["39901012239"] = json!(1);
    let faults = Declaration::from_value(&value, CheckDigits::Reject).unwrap_err();
    let declaration = Declaration::from_value(&good(), CheckDigits::Reject).unwrap();
    let printed = format!("{faults:?} {declaration:?}");
    for text in ["3990101", "Maasikas", "Mari", "60001017869", "töötervishoiu"] {
        assert!(!printed.contains(text), "{text}");
    }
}
