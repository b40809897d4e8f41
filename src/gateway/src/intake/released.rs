//! How what was released reaches the client: one JSON envelope, or a FHIR Bundle for those who ask for FHIR.

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clearance::fault::Fault;
use clearance::journey::{Released, ReleasedDocument};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::json;
use super::problem::{FaultDocument, Kind, Problem, accepts_fhir};

const FHIR_JSON: &str = "application/fhir+json";
const REQUEST: HeaderName = HeaderName::from_static("clearance-request");
const LEDGER_INDEX: HeaderName = HeaderName::from_static("clearance-ledger-index");
const RULES: HeaderName = HeaderName::from_static("clearance-rules");

/// What of a destination's answer is released.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Release {
    /// The inquiry, as the ledger names it.
    #[schema(format = "uuid")]
    request: String,
    /// Always `released`; a no is a problem document.
    decision: String,
    /// The rules that permit it.
    rules: Vec<String>,
    /// The version of the policies that were asked.
    policy: String,
    ledger: LedgerIndices,
    /// The documents, in the order of the destination's answer.
    documents: Vec<Document>,
    /// What is odd and was let through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FaultDocument>,
}

/// Where it stands in the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerIndices {
    /// The question.
    inquiry: u64,
    /// The release.
    release: u64,
}

/// One document: minimised, with what was kept and dropped.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Document {
    /// Its media type.
    media_type: String,
    /// What was kept and dropped; never a value.
    #[schema(value_type = Object)]
    manifest: Box<RawValue>,
    /// The document, where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    document: Option<Box<RawValue>>,
    /// The document in base64, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_base64: Option<String>,
}

/// The resources of a FHIR caller.
#[derive(Serialize)]
struct Bundle {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    r#type: &'static str,
    entry: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    resource: Box<RawValue>,
}

/// The answer.
pub(super) fn answer(
    released: &Released,
    warnings: &[Fault],
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let is_fhir = |document: &ReleasedDocument| document.media_type() == FHIR_JSON;
    let mut response = if accepts_fhir(headers) && released.documents().iter().all(is_fhir) {
        let bundle = serde_json::to_vec(&bundle(released)?).map_err(|_| not_written())?;
        (StatusCode::OK, [(header::CONTENT_TYPE, FHIR_JSON)], bundle).into_response()
    } else {
        json(StatusCode::OK, &envelope(released, warnings)?)
    };
    let told = [
        (REQUEST, released.inquiry().to_string()),
        (LEDGER_INDEX, released.index().to_string()),
        (RULES, released.permit().rules().join(", ")),
    ];
    for (name, value) in told {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn envelope(released: &Released, warnings: &[Fault]) -> Result<Release, Problem> {
    Ok(Release {
        request: released.inquiry().to_string(),
        decision: "released".to_owned(),
        rules: released.permit().rules().to_vec(),
        policy: released.permit().policy_version().to_owned(),
        ledger: LedgerIndices { inquiry: released.inquiry_index(), release: released.index() },
        documents: released.documents().iter().map(document).collect::<Result<_, _>>()?,
        warnings: warnings.iter().map(FaultDocument::of).collect(),
    })
}

fn document(released: &ReleasedDocument) -> Result<Document, Problem> {
    let of = released.media_type();
    let is_json = of == "application/json" || of.ends_with("+json");
    Ok(Document {
        media_type: of.to_owned(),
        manifest: raw(&released.manifest().to_bytes())?,
        document: is_json.then(|| raw(released.bytes())).transpose()?,
        document_base64: (!is_json).then(|| STANDARD.encode(released.bytes())),
    })
}

fn bundle(released: &Released) -> Result<Bundle, Problem> {
    let resources = released.documents().iter().map(|document| raw(document.bytes()));
    let entry =
        resources.map(|resource| resource.map(|resource| Entry { resource })).collect::<Result<_, _>>()?;
    Ok(Bundle { resource_type: "Bundle", r#type: "collection", entry })
}

/// JSON as it stands: no number and no order is touched.
fn raw(bytes: &[u8]) -> Result<Box<RawValue>, Problem> {
    serde_json::from_slice(bytes).map_err(|_| not_written())
}

fn not_written() -> Problem {
    Problem::new(Kind::Internal, "the answer could not be written")
}
