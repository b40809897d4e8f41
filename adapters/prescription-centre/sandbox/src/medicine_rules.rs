//! The rules of the medicine and its use: the profiles `ee-tis-medication-epc`, `-extemporal` and `ee-tis-dosage`.

use serde_json::Value;
use stand_in::json::{all, text};
use stand_in::tis::codes::is_token;
use stand_in::tis::outcome::Issues;

use crate::prescription::{contained, extensions};
use crate::rules::coded;

const PROFILES: &str = "https://fhir.ee/StructureDefinition/ee-tis-medication-";
const PACKS: &str = "http://ravimiregister.ee/pakendid";

/// What R5 has in a dosage and the profile takes away.
const NOT_IN_A_DOSAGE: [&str; 9] = [
    "sequence",
    "additionalInstruction",
    "asNeeded",
    "site",
    "route",
    "method",
    "maxDosePerPeriod",
    "maxDosePerAdministration",
    "maxDosePerLifetime",
];
const NOT_IN_A_TIMING: [&str; 8] =
    ["countMax", "duration", "durationMax", "frequencyMax", "periodMax", "dayOfWeek", "when", "offset"];
const NOT_IN_A_DISPENSE_REQUEST: [&str; 7] = [
    "initialFill",
    "dispenseInterval",
    "numberOfRepeatsAllowed",
    "quantity",
    "expectedSupplyDuration",
    "dispenserInstruction",
    "doseAdministrationAid",
];
const NOT_IN_A_MEDICINE: [&str; 5] =
    ["code", "status", "marketingAuthorizationHolder", "batch", "definition"];

/// Checks the medicine of `prescription`, how it is dosed and how it is dispensed.
pub(crate) fn check(prescription: &Value, issues: &mut Issues) {
    let reference = text(prescription, &["medication", "reference", "reference"]).unwrap_or_default();
    match contained(prescription, reference) {
        Some(medicine) if text(medicine, &["resourceType"]) == Some("Medication") => {
            product(medicine, issues)
        }
        _ => issues.add("required", "MedicationRequest.medication", "refers to a contained Medication"),
    }
    absent(prescription.get("dispenseRequest"), &NOT_IN_A_DISPENSE_REQUEST, "dispenseRequest", issues);
    let dosages = all(prescription, &["dosageInstruction"]);
    if dosages.is_empty() {
        issues.add("required", "MedicationRequest.dosageInstruction", "is there at least once");
    }
    for (place, of) in dosages.into_iter().enumerate() {
        dosage(of, &format!("dosageInstruction[{place}]"), issues);
    }
}

fn product(medicine: &Value, issues: &mut Issues) {
    let at = "MedicationRequest.contained";
    absent(Some(medicine), &NOT_IN_A_MEDICINE, "contained", issues);
    if coded(medicine, &["doseForm"], "ravimvormid").is_none() {
        issues.add("required", at, "a medicine has a dose form");
    }
    match text(medicine, &["meta", "profile"]).and_then(|profile| profile.strip_prefix(PROFILES)) {
        Some("epc") => epc(medicine, issues),
        Some("extemporal") => {
            let recipes = all(medicine, &["ingredient", "item", "concept", "text"]);
            if recipes.is_empty() || recipes.len() != all(medicine, &["ingredient"]).len() {
                issues.add("required", at, "each ingredient of an extemporal medicine is a recipe");
            }
        }
        _ => issues.add("required", at, "a medicine has one of the two profiles"),
    }
}

fn epc(medicine: &Value, issues: &mut Issues) {
    let at = "MedicationRequest.contained";
    let classified = extensions(medicine, "medicinal-product-classification");
    if classified.len() != 1 || coded(medicine, &["extension", "valueCodeableConcept"], "atc-ee").is_none() {
        issues.add("required", at, "a product has one ATC code");
    }
    if !is_number(medicine, &["totalVolume", "value"]) || !all(medicine, &["totalVolume", "unit"]).is_empty()
    {
        issues.add("required", at, "a product has a volume, without a unit in words");
    }
    let packs = all(medicine, &["identifier"]);
    if packs
        .iter()
        .any(|pack| text(pack, &["system"]) != Some(PACKS) || !text(pack, &["value"]).is_some_and(is_token))
    {
        issues.add("value", at, "a product is identified by its pack");
    }
    let ingredients = all(medicine, &["ingredient"]);
    let is_known = |of: &&Value| {
        let amount = |part| is_number(of, &["strengthRatio", part, "value"]);
        coded(of, &["item", "concept"], "toimeained").is_some()
            && of.get("isActive") == Some(&Value::Bool(true))
            && amount("numerator")
            && amount("denominator")
    };
    if ingredients.is_empty() || !ingredients.iter().all(is_known) {
        issues.add("required", at, "each ingredient of a product is an active substance with its strength");
    }
}

fn dosage(dosage: &Value, at: &str, issues: &mut Issues) {
    absent(Some(dosage), &NOT_IN_A_DOSAGE, at, issues);
    absent(dosage.pointer("/timing/repeat"), &NOT_IN_A_TIMING, at, issues);
    let doses = all(dosage, &["doseAndRate"]);
    let [dose] = doses.as_slice() else {
        issues.add("required", format!("MedicationRequest.{at}.doseAndRate"), "is there once");
        return;
    };
    absent(Some(dose), &["type", "rateRatio", "rateRange", "rateQuantity", "doseRange"], at, issues);
    if !is_number(dose, &["doseQuantity", "value"]) {
        issues.add("required", format!("MedicationRequest.{at}.doseAndRate"), "says how much");
    }
}

fn absent(of: Option<&Value>, names: &[&str], at: &str, issues: &mut Issues) {
    let members = of.and_then(Value::as_object);
    for name in
        members.into_iter().flat_map(|members| members.keys()).filter(|name| names.contains(&name.as_str()))
    {
        issues.add("structure", format!("MedicationRequest.{at}.{name}"), "is not in the profile");
    }
}

fn is_number(value: &Value, path: &[&str]) -> bool {
    matches!(all(value, path).as_slice(), [Value::Number(_)])
}
