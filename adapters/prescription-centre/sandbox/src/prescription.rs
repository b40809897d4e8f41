//! A prescription as a FHIR MedicationRequest: where its parts are.
//!
//! It reads; whether what it reads is allowed is for the rules to say.

use serde_json::Value;
use stand_in::json::{all, text};

/// How the extensions of the guide begin.
pub(crate) const EXTENSIONS: &str = "https://fhir.ee/StructureDefinition/ee-tis-";
const NUMBERS: &str = "https://fhir.ee/CodeSystem/tis-fhir-identifikaatorid/retseptikeskus-retsept";

/// The status of `prescription`.
pub(crate) fn status(prescription: &Value) -> Option<&str> {
    text(prescription, &["status"])
}

/// The centre's number, as an identifier of `prescription`.
pub(crate) fn number(prescription: &Value) -> Option<&str> {
    (text(prescription, &["identifier", "system"]) == Some(NUMBERS))
        .then(|| text(prescription, &["identifier", "value"]))?
}

/// The identifier that holds `number`.
pub(crate) fn numbered(number: &str) -> Value {
    serde_json::json!([{ "system": NUMBERS, "value": number }])
}

/// The index id of the person, when the subject is `Patient/<id>`.
pub(crate) fn subject(prescription: &Value) -> Option<&str> {
    text(prescription, &["subject", "reference"])?.strip_prefix("Patient/").filter(|id| !id.contains('/'))
}

/// The extensions named `name`.
pub(crate) fn extensions<'p>(value: &'p Value, name: &str) -> Vec<&'p Value> {
    let mut found = all(value, &["extension"]);
    found.retain(|of| text(of, &["url"]).and_then(|url| url.strip_prefix(EXTENSIONS)) == Some(name));
    found
}

/// The contained resource that `reference` refers to by `#` and its id, if there is exactly one.
pub(crate) fn contained<'p>(prescription: &'p Value, reference: &str) -> Option<&'p Value> {
    let id = reference.strip_prefix('#')?;
    let mut found = all(prescription, &["contained"]);
    found.retain(|resource| text(resource, &["id"]) == Some(id));
    match found.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// The professional's code and the organisation's registry code in the role that `reference` refers to.
pub(crate) fn provider<'p>(prescription: &'p Value, reference: &Value) -> Option<(&'p str, &'p str)> {
    let role = contained(prescription, text(reference, &["reference"])?)?;
    let identified = |by: &str, system: &str| {
        let is_of = text(role, &[by, "identifier", "system"]) == Some(system);
        is_of.then(|| text(role, &[by, "identifier", "value"]))?
    };
    let professional = identified("practitioner", "https://fhir.ee/sid/pro/est/pho")?;
    Some((professional, identified("organization", "https://fhir.ee/sid/org/est/br")?))
}

/// The requester's codes.
pub(crate) fn requester(prescription: &Value) -> Option<(&str, &str)> {
    provider(prescription, prescription.get("requester")?)
}

/// The codes of the last who changed it.
pub(crate) fn changer(prescription: &Value) -> Option<(&str, &str)> {
    let change = extensions(prescription, "prescription-change").pop()?;
    let parts = all(change, &["extension"]);
    let author = parts.into_iter().find(|part| text(part, &["url"]) == Some("changeAuthor"))?;
    provider(prescription, author.get("valueReference")?)
}

/// The codes of who cancelled it: whom it tells, or the requester.
pub(crate) fn canceller(prescription: &Value) -> Option<(&str, &str)> {
    match all(prescription, &["informationSource"]).as_slice() {
        [] => requester(prescription),
        [source] => provider(prescription, source),
        _ => None,
    }
}

/// All texts in words: the comment, and the recipe.
pub(crate) fn free_texts(prescription: &Value) -> Vec<String> {
    let notes = all(prescription, &["note", "text"]);
    let recipes = all(prescription, &["contained", "ingredient", "item", "concept", "text"]);
    notes.into_iter().chain(recipes).filter_map(Value::as_str).map(str::to_owned).collect()
}
