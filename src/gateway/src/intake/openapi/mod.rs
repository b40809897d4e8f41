//! `/openapi.json`: made from the code, so that it cannot say anything else.

mod calls;
mod refusals;
mod schemas;

use axum::response::Response;
use http::StatusCode;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::{OpenApi as Document, OpenApiVersion, RefOr};
use utoipa::{Modify, OpenApi};

use self::refusals::Refusals;
pub(crate) use self::schemas::TransferState;
use super::api::{Accepted, Checked, Settled, Transfer};
use super::destinations::Destinations;
use super::disclosures::Disclosures;
use super::json;
use super::problem::ProblemDocument;
use super::reading::Transfers;
use super::released::Release;
use super::standing::Standing;
use crate::playground::samples;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Clearance",
        description = "The gateway through which a clinic sends health data to registries and employers. Mutual TLS; \
                       the certificate says who sends. Nothing is stored unless the answer is 2xx."
    ),
    paths(
        calls::submit,
        calls::list_transfers,
        calls::check,
        calls::read_transfer,
        calls::withdraw_transfer,
        calls::follow_transfer,
        calls::ask_destination,
        calls::give_consent,
        calls::withdraw_consent,
        calls::set_restriction,
        calls::lift_restriction,
        calls::search_disclosures,
        calls::list_destinations
    ),
    components(schemas(
        Accepted, Settled, Checked, Transfer, Transfers, Release, Destinations, ProblemDocument, Standing,
        schemas::OperationOutcome, schemas::Declaration, schemas::Submission, schemas::Parts, schemas::Question,
        schemas::Notice, schemas::Search, Disclosures, schemas::TransferState, schemas::TransferEvent
    )),
    modifiers(&Certificate, &Refusals, &Examples, &Links, &Absent),
    security(("certificate" = [])),
    tags(
        (name = "transfers", description = "Sending documents"),
        (name = "requests", description = "Reading back"),
        (name = "standing", description = "What the subject has a say about"),
        (name = "disclosures", description = "What was disclosed about one person"),
        (name = "reference", description = "What may be sent")
    )
)]
struct Api;

/// The OpenAPI document.
pub(crate) fn document() -> Document {
    let mut document = Api::openapi();
    document.openapi = OpenApiVersion::Version31;
    document
}

/// Serves it.
pub(crate) async fn serve() -> Response {
    json(StatusCode::OK, &document())
}

/// How callers are known.
struct Certificate;

impl Modify for Certificate {
    fn modify(&self, document: &mut Document) {
        let description = Some("The certificate of a registered client".to_owned());
        let scheme = SecurityScheme::MutualTls { description, deprecated: None, extensions: None };
        document.components.get_or_insert_default().add_security_scheme("certificate", scheme);
    }
}

/// What can be done with a transfer that was accepted.
struct Links;

impl Modify for Links {
    fn modify(&self, document: &mut Document) {
        let submit = document.paths.paths.get_mut("/v1/transfers").and_then(|item| item.post.as_mut());
        let accepted = submit.and_then(|call| call.responses.responses.get_mut("202"));
        let Some(RefOr::T(accepted)) = accepted else { return };
        for operation in ["read_transfer", "withdraw_transfer", "follow_transfer"] {
            let link = LinkBuilder::new().operation_id(operation).parameter("id", "$response.body#/transfer");
            accepted.links.insert(operation.to_owned(), link.build().into());
        }
    }
}

/// A parameter that is optional is absent, never null: there is no null in a URL or header.
struct Absent;

impl Modify for Absent {
    fn modify(&self, document: &mut Document) {
        for item in document.paths.paths.values_mut() {
            for call in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
            {
                for parameter in call.parameters.iter_mut().flatten() {
                    if let RefOr::T(Parameter { schema: Some(schema), .. }) = parameter {
                        not_null(schema);
                    }
                }
            }
        }
    }
}

fn not_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|of| *of != Type::Null);
            }
        }
        RefOr::T(Schema::OneOf(either)) => {
            either.items.retain(|of| !matches!(of, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null)));
            if let [only] = either.items.as_slice() {
                *schema = only.clone();
            }
        }
        _ => {}
    }
}

/// The examples of bodies: what `clearance sandbox` takes as it stands.
struct Examples;

impl Modify for Examples {
    fn modify(&self, document: &mut Document) {
        let parse = |text| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
        let declaration = parse(samples::TO_EMPLOYER);
        let notice = serde_json::json!({
            "subject": {
                "system": declaration.pointer("/subject/system"),
                "value": declaration.pointer("/subject/value"),
            },
            "destination": declaration.get("destination"),
        });
        let search = serde_json::json!({ "subject": notice.get("subject") });
        let submission =
            serde_json::json!({ "declaration": declaration, "document": parse(samples::OCCUPATIONAL) });
        let question = serde_json::json!({
            "declaration": schemas::question_about(&parse(samples::TO_PRESCRIPTION_CENTRE)),
            "query": { "status": "active" },
        });
        for (path, item) in &mut document.paths.paths {
            let example = match path.as_str() {
                "/v1/transfers" | "/v1/checks" => &submission,
                "/v1/requests" => &question,
                "/v1/disclosures/search" => &search,
                _ => &notice,
            };
            for call in [&mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
                if let Some(RefOr::T(body)) = &mut call.request_body
                    && let Some(RefOr::T(json)) = body.content.get_mut("application/json")
                {
                    json.example = Some(example.clone());
                }
            }
        }
    }
}
