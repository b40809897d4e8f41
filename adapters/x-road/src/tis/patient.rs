//! A person's id in the patient index: asked for by identifier, read only from an entry with that very identifier.

use clearance::adapter::Reply;
use clearance::person::Identifier;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use crate::request::Resource;
use crate::trouble::{Effect, Trouble, retry_after};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: String,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    resource: Option<Answered>,
}

/// A patient, or whatever else the index saw fit to put in, such as an `OperationOutcome`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    resource_type: String,
    id: Option<String>,
    active: Option<bool>,
    #[serde(default)]
    identifier: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    system: Option<String>,
    value: Option<String>,
}

/// Where the index is asked for `subject`.
pub(super) fn inquiry(subject: &Identifier) -> Resource {
    let token = format!("{}|{}", subject.system, subject.value.expose());
    Resource::root().at("Patient").query("identifier", &token)
}

/// The id of `subject`; `None` when the index does not know the person.
pub(super) fn read(reply: &Reply, subject: &Identifier, now: Timestamp) -> Result<Option<String>, Trouble> {
    match reply.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(None),
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => {
            return Err(Trouble::new(Effect::Permanent, "tis-index-refused"));
        }
        _ => {
            let trouble = Trouble::new(Effect::NotArrived, "tis-index-no-answer");
            return Err(trouble.after(retry_after(&reply.headers, now)));
        }
    }
    let bundle: Bundle = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    if bundle.resource_type != "Bundle" {
        return Err(unreadable());
    }
    let patients: Vec<_> = bundle
        .entry
        .into_iter()
        .filter_map(|entry| entry.resource)
        .filter(|resource| resource.resource_type == "Patient" && resource.active != Some(false))
        .collect();
    let of_subject = |patient: &Answered| {
        patient.identifier.iter().any(|named| {
            named.system.as_deref() == Some(&*subject.system)
                && named.value.as_deref() == Some(subject.value.expose())
        })
    };
    match patients.as_slice() {
        [] => Ok(None),
        [patient] if of_subject(patient) => match &patient.id {
            Some(id) if is_fhir_id(id) => Ok(Some(id.clone())),
            _ => Err(unreadable()),
        },
        // An index that answers with somebody else, or with several, has proved nothing.
        _ => Err(Trouble::new(Effect::NotArrived, "tis-index-ambiguous")),
    }
}

/// A FHIR `id`: 1 to 64 of `A-Z`, `a-z`, `0-9`, `-` and `.`.
fn is_fhir_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'))
}

fn unreadable() -> Trouble {
    Trouble::new(Effect::NotArrived, "tis-index-unreadable")
}
