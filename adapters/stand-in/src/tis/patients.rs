//! The patient index, `tis/mpi`: finds a person by identifier and says under which id the other services know them.
//!
//! It only reads: creating, linking and the `$` operations are not stood in for.

use aws_lc_rs::digest::{SHA256, digest};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::codes::is_personal_code;
use super::outcome::{self, FHIR_JSON, Issue, refusal};
use super::query::parameters;
use super::security_server::Call;
use super::tokens::Token;
use super::{Patient, issue_text};
use crate::{Answer, Asked};

const ESTONIAN_PERSONAL_CODE: &str = "https://fhir.ee/sid/pid/est/ni";
const PROFILE: &str = "https://fhir.ee/mpi/StructureDefinition/ee-mpi-patient-verified";

/// The index.
#[derive(Debug)]
pub struct PatientIndex(Vec<(String, Patient)>);

impl PatientIndex {
    /// The index of `patients`; an id that is not given is derived from the identifier, the same in every run.
    pub fn new(patients: Vec<Patient>) -> Self {
        let with_id = |patient: Patient| {
            let id = patient.id.clone().unwrap_or_else(|| derived_id(&patient));
            (id, patient)
        };
        Self(patients.into_iter().map(with_id).collect())
    }

    /// Whether `id` is a person's.
    pub fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|(known, _)| known == id)
    }

    /// Answers a call about patients by the holder of `token`.
    pub fn answer(&self, asked: &Asked, call: &Call, token: &Token) -> Answer {
        if asked.method != Method::GET {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "the index only reads");
        }
        if !token.manages() {
            return refusal(StatusCode::FORBIDDEN, "forbidden", "the role may not read patients");
        }
        if let Err(refusal) = issue_text::check(asked, &[]) {
            return *refusal;
        }
        let rest: Vec<&str> = call.rest.iter().map(String::as_str).collect();
        match rest.as_slice() {
            ["Patient"] => self.search(asked),
            ["Patient", id] => self.one(id),
            _ => refusal(StatusCode::NOT_FOUND, "not-found", "there are only patients"),
        }
    }

    fn one(&self, id: &str) -> Answer {
        match self.0.iter().find(|(known, _)| known == id) {
            Some((id, patient)) => Answer::json(StatusCode::OK, FHIR_JSON, &resource(id, patient)),
            None => coded(StatusCode::NOT_FOUND, "not-found", "MPI-021", "Patsienti ei leitud"),
        }
    }

    fn search(&self, asked: &Asked) -> Answer {
        let unsuitable = || {
            let why = "Antud otsingu parameetrid ei sobi või puuduvad";
            coded(StatusCode::BAD_REQUEST, "invalid", "MPI-015", why)
        };
        // The separator of system and value must be percent-encoded.
        let query = asked.uri.query().filter(|query| !query.contains('|'));
        let Some(parameters) = query.and_then(|query| parameters(Some(query))) else {
            return unsuitable();
        };
        let [(name, identifier)] = parameters.as_slice() else {
            return unsuitable();
        };
        if name != "identifier" || identifier.is_empty() {
            return unsuitable();
        }
        let (system, value) = match identifier.split_once('|') {
            Some((system, value)) => (Some(system), value),
            None => (None, identifier.as_str()),
        };
        let found = self.find(system, value);
        if found.is_empty() && system == Some(ESTONIAN_PERSONAL_CODE) && !is_personal_code(value) {
            // The real index repeats the code, so the stand-in does: nothing of it may reach a log of ours.
            let why = format!("Encountered invalid est personal code: {value}");
            return coded(StatusCode::BAD_REQUEST, "invalid", "MPI-044", why);
        }
        Answer::json(StatusCode::OK, FHIR_JSON, &bundle(&found))
    }

    /// A system also finds those below it: `…/pid/fin` finds `…/pid/fin/ni`.
    fn find(&self, system: Option<&str>, value: &str) -> Vec<&(String, Patient)> {
        let below = |known: &str, system: &str| {
            known.strip_prefix(system).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0
            .iter()
            .filter(|(_, patient)| {
                patient.value == value && system.is_none_or(|system| below(&patient.system, system))
            })
            .collect()
    }
}

/// A refusal with a code of the health information system's own catalogue.
///
/// The coding's system is left out: it would be the address of a real registry.
pub fn coded(status: StatusCode, kind: &'static str, code: &'static str, text: impl Into<String>) -> Answer {
    let issue = Issue { kind, expression: String::new(), code: Some(code), text: text.into() };
    outcome::answer(status, &[issue])
}

fn derived_id(patient: &Patient) -> String {
    let identifier = format!("{}|{}", patient.system, patient.value);
    let hash = digest(&SHA256, identifier.as_bytes());
    let number = hash.as_ref().iter().take(4).fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    (100_000 + number % 900_000).to_string()
}

fn resource(id: &str, patient: &Patient) -> Value {
    json!({
        "resourceType": "Patient",
        "id": id,
        "meta": { "versionId": "1", "profile": [PROFILE] },
        "identifier": [{ "system": patient.system, "value": patient.value }],
        "active": true,
        "name": [{ "use": "official", "family": patient.family, "given": [patient.given] }],
        "birthDate": patient.birth_date,
    })
}

fn bundle(found: &[&(String, Patient)]) -> Value {
    let entries: Vec<Value> = found
        .iter()
        .map(|(id, patient)| json!({ "fullUrl": format!("Patient/{id}"), "resource": resource(id, patient) }))
        .collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "total": found.len() });
    // FHIR has no empty lists.
    if let (false, Some(bundle)) = (entries.is_empty(), bundle.as_object_mut()) {
        bundle.insert("entry".into(), Value::Array(entries));
    }
    bundle
}
