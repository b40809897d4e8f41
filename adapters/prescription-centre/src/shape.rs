//! What leaves for the centre: the prescription as the profile left it, without the patient's reference, which delivery adds.
//!
//! Here is judged what no allow-list can say: who acts, on which prescription, and what belongs together. All faults at once.

use bytes::Bytes;
use clearance::declaration::{Declaration, EvidenceKind};
use clearance::fault::Fault;
use clearance::journey::Payload;
use serde_json::Value;
use x_road::tis::FHIR_JSON;
use x_road::tis::members::Members;

use crate::delivery::Operation;
use crate::prescription::{Prescription, is_number};
use crate::{CANCELLATION, CHANGE};

/// The roles that the centre's service lets prescribe.
const PRESCRIBERS: [&str; 3] = ["doctor", "midwife", "nurse"];
const EXTEMPORAL: &str = "https://fhir.ee/StructureDefinition/ee-tis-medication-extemporal";

/// The prescription to issue, to change or to cancel.
pub(crate) fn prescription(document: &[u8], declaration: &Declaration) -> Result<Payload, Vec<Fault>> {
    let prescription = Prescription::read(document).ok_or_else(unreadable)?;
    let operation = match declaration.purpose.as_str() {
        CHANGE => Operation::Change,
        CANCELLATION => Operation::Cancel,
        _ => Operation::Issue,
    };
    let checks = [
        declared(declaration),
        which(operation, &prescription, declaration),
        author(operation, &prescription, declaration.professional.code.expose()),
        state(operation, &prescription),
        content(&prescription),
    ];
    let faults: Vec<Fault> = checks.into_iter().flatten().collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut members = Members::parse(document).ok_or_else(unreadable)?;
    members.remove("subject");
    let bytes = members.to_json().ok_or_else(unreadable)?;
    Ok(Payload {
        operation: operation.code().to_owned(),
        media_type: FHIR_JSON.to_owned(),
        bytes: Bytes::from(bytes),
    })
}

/// Who may prescribe, and in which order it arrives.
fn declared(declaration: &Declaration) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !PRESCRIBERS.contains(&declaration.professional.role.as_str()) {
        faults.push(Fault::new(
            "role-does-not-prescribe",
            "/professional/role",
            "the centre takes prescriptions of no one in this role",
            "have it sent on behalf of a `doctor`, `midwife` or `nurse`",
        ));
    }
    if declaration.ordering_key.is_some() {
        faults.push(Fault::new(
            "ordering-key",
            "/ordering_key",
            "prescriptions keep their order per patient, so that no cancellation overtakes its prescription",
            "leave `ordering_key` out",
        ));
    }
    faults
}

/// Which prescription is meant: none by an issue, the one of the evidence otherwise.
fn which(operation: Operation, prescription: &Prescription, declaration: &Declaration) -> Vec<Fault> {
    let named = declaration.evidence.iter().find(|evidence| evidence.kind == EvidenceKind::Prescription);
    match (operation, named) {
        (Operation::Issue, None) => Vec::new(),
        (Operation::Issue, Some(_)) => vec![Fault::new(
            "prescription-named",
            "/evidence",
            "the evidence names a prescription, and an issue makes a new one",
            "leave the evidence of kind `prescription` out, or declare `prescription-change`",
        )],
        (_, named) => {
            let number = named.map(|evidence| evidence.reference.expose()).filter(|text| is_number(text));
            if number.is_some() && prescription.number() == number {
                return Vec::new();
            }
            vec![Fault::new(
                "prescription-number",
                "/identifier",
                "the document and the evidence do not name one and the same number",
                "send the number that the centre gave, as `identifier` of its system and as `ref` of the evidence of kind \
                 `prescription`",
            )]
        }
    }
}

/// Whoever acts is the declared professional: the requester of an issue, who changes, who cancels.
fn author(operation: Operation, prescription: &Prescription, declared: &str) -> Vec<Fault> {
    let by_declared = |actors: Vec<Option<&str>>| actors.iter().all(|actor| *actor == Some(declared));
    let (is_declared, pointer, remedy) = match operation {
        Operation::Issue => (
            prescription.requester() == Some(declared) && prescription.sources().next().is_none(),
            "/requester",
            "name the declared professional as `requester`, by the code in a contained `PractitionerRole`",
        ),
        Operation::Change => (
            prescription.changers().next().is_some() && by_declared(prescription.changers().collect()),
            "/extension",
            "name the declared professional as `changeAuthor` of `ee-tis-prescription-change`",
        ),
        Operation::Cancel => {
            let sources: Vec<_> = prescription.sources().collect();
            let sources = if sources.is_empty() { vec![prescription.requester()] } else { sources };
            (
                by_declared(sources),
                "/informationSource",
                "name the declared professional as `informationSource`, unless the professional is the `requester`",
            )
        }
    };
    if is_declared {
        return Vec::new();
    }
    vec![Fault::new(
        "wrong-author",
        pointer,
        "the declared professional is not who acts by this document",
        remedy,
    )]
}

/// The status that each operation leads to.
fn state(operation: Operation, prescription: &Prescription) -> Vec<Fault> {
    let (status, has_reason) = (prescription.status(), prescription.status_reason().is_some());
    let fits = match operation {
        Operation::Issue => status == Some("active") && !has_reason,
        Operation::Change => matches!(status, Some("active" | "on-hold")) && !has_reason,
        Operation::Cancel => status == Some("cancelled") && has_reason,
    };
    if fits {
        return Vec::new();
    }
    vec![Fault::new(
        "prescription-status",
        "/status",
        "the status is not one that this purpose leads to",
        "send `active` to issue, `active` or `on-hold` to change, `cancelled` with a coded `statusReason` to cancel, and the \
         `statusReason` with nothing else",
    )]
}

/// What belongs together in a prescription.
fn content(prescription: &Prescription) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut require = |holds: bool, rule: &'static str, pointer: &str, detail: &str, remedy: &str| {
        if !holds {
            faults.push(Fault::new(rule, pointer, detail, remedy));
        }
    };
    require(
        prescription.count("reason") == 1 && prescription.diagnoses().count() == 1,
        "diagnoses",
        "/reason",
        "a prescription carries one diagnosis",
        "send the one code for which the medicine is prescribed",
    );
    require(
        prescription.count("note") <= 1,
        "comments",
        "/note",
        "a prescription carries one comment",
        "send at most one `note`",
    );
    let is_request = prescription.extensions("unauthorized-product-request").next().is_some();
    require(
        is_request || !prescription.is_proposal(),
        "request-missing",
        "/intent",
        "a `proposal` is for a medicine without marketing authorisation, and there is no request for one",
        "add the extension `ee-tis-unauthorized-product-request`, or send `order`",
    );
    require(
        is_request || prescription.extensions("lock-status").next().is_none(),
        "lock-without-request",
        "/extension",
        "only a medicine without marketing authorisation is locked",
        "leave `ee-tis-lock-status` out",
    );
    match prescription.medicine() {
        Some(medicine) => require(
            is_extemporal(medicine) == has_recipe(medicine),
            "recipe",
            "/contained",
            "a recipe in words stands in an extemporal medicine, and in no other",
            "send the recipe with the profile `ee-tis-medication-extemporal`, or the product's codes without words",
        ),
        None => require(
            false,
            "medicine-missing",
            "/medication",
            "the medicine is not in the document",
            "send it as a contained `Medication` and refer to it by `#` and its id",
        ),
    }
    faults
}

fn is_extemporal(medicine: &Value) -> bool {
    medicine.pointer("/meta/profile/0").and_then(Value::as_str) == Some(EXTEMPORAL)
}

fn has_recipe(medicine: &Value) -> bool {
    let ingredients = medicine.get("ingredient").and_then(Value::as_array);
    ingredients.into_iter().flatten().any(|of| of.pointer("/item/concept/text").is_some())
}

/// What the profile left has all that it requires, so that this is never seen.
fn unreadable() -> Vec<Fault> {
    vec![Fault::new(
        "prescription-unreadable",
        "",
        "the document is not a prescription of the known form",
        "send a FHIR R5 `MedicationRequest` of the profile EETISPrescription",
    )]
}
