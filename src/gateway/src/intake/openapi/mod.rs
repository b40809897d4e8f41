//! `/openapi.json`: made from the code, so that it cannot say anything else.

use axum::response::Response;
use http::StatusCode;
use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::{OpenApi as Document, OpenApiVersion};
use utoipa::{Modify, OpenApi};

use super::api::{Accepted, Checked, Settled, Transfer};
use super::destinations::Destinations;
use super::json;
use super::problem::ProblemDocument;
use super::released::Release;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Clearance",
        description = "The gateway through which a clinic sends health data to registries and employers. Mutual TLS; \
                       the certificate says who sends. Nothing is stored unless the answer is 2xx."
    ),
    paths(transfers, checks, transfer, requests, destinations),
    components(schemas(
        Accepted, Settled, Checked, Transfer, Release, Destinations, ProblemDocument, Declaration, Submission, Parts,
        Question
    )),
    modifiers(&Certificate),
    security(("certificate" = [])),
    tags((name = "transfers", description = "Sending documents"), (name = "requests", description = "Reading back"), (name = "reference", description = "What may be sent"))
)]
struct Api;

/// How callers are known.
struct Certificate;

impl Modify for Certificate {
    fn modify(&self, document: &mut Document) {
        let description = Some("The certificate of a registered client".to_owned());
        let scheme = SecurityScheme::MutualTls { description, deprecated: None, extensions: None };
        document.components.get_or_insert_default().add_security_scheme("certificate", scheme);
    }
}

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

/// What the client states about a transfer.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the schema of what `clearance::declaration` reads")]
struct Declaration {
    /// Where it goes: a name of `GET /v1/destinations`.
    #[schema(example = "employer")]
    destination: String,
    /// One of the destination's purposes.
    #[schema(example = "health-check-decision")]
    purpose: String,
    legal_basis: LegalBasis,
    subject: Subject,
    professional: Professional,
    /// The organisation that receives it, where the destination stands for many.
    recipient: Option<Identifier>,
    /// What shows that the basis holds; each kind at most once.
    #[schema(max_items = 16)]
    evidence: Option<Vec<Evidence>>,
    /// Why, in words the subject may read: no clinical text, no codes of persons or diagnoses.
    #[schema(min_length = 1, max_length = 200, example = "töötervishoiu otsus")]
    reason: String,
    /// Transfers with the same key to one destination keep their order; the subject when absent.
    ordering_key: Option<String>,
    /// After this instant it is no longer delivered (RFC 3339).
    #[schema(format = DateTime)]
    not_after: Option<String>,
    /// The undelivered transfer that this one replaces.
    #[schema(format = "uuid")]
    supersedes: Option<String>,
}

/// GDPR Art. 6 and 9 and the national act and section.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct LegalBasis {
    #[schema(example = "6(1)(c)")]
    gdpr6: String,
    #[schema(example = "9(2)(b)")]
    gdpr9: String,
    #[schema(example = "TTOS")]
    act: String,
    #[schema(example = "13¹")]
    section: String,
}

/// The person the data is about.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct Subject {
    #[schema(example = "https://fhir.ee/sid/pid/est/ni")]
    system: String,
    value: String,
    given: String,
    family: String,
}

/// The person in the clinic on whose behalf it is sent.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct Professional {
    /// A capital letter and five digits.
    #[schema(pattern = "^[A-Z][0-9]{5}$")]
    code: String,
    personal_code: String,
    #[schema(example = "doctor")]
    role: String,
}

/// An identifier.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct Identifier {
    #[schema(example = "https://fhir.ee/sid/org/est/br")]
    system: String,
    value: String,
}

/// One item that shows that the basis holds.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct Evidence {
    /// `order`, `consent`, `inquiry`, `release`, `certificate` or `prescription`.
    kind: String,
    r#ref: String,
}

/// Declaration and document in one JSON body, in this order.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct Submission {
    declaration: Declaration,
    /// The document, as it stands.
    #[schema(value_type = Object)]
    document: String,
    /// The document's media type.
    #[schema(default = "application/fhir+json")]
    media_type: Option<String>,
}

/// A question to a destination.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct Question {
    /// As for a transfer, under a purpose that reads; without `ordering_key` and `supersedes`.
    declaration: Declaration,
    /// The purpose's own parameters; the destination's page lists them.
    #[schema(value_type = Option<Object>)]
    query: Option<String>,
}

/// The parts of a multipart body, in this order.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a schema")]
struct Parts {
    declaration: Declaration,
    /// The document, as it stands; the part's media type is the document's.
    #[schema(format = Binary)]
    document: String,
}

#[utoipa::path(
    post, path = "/v1/transfers", tag = "transfers",
    summary = "Send a document",
    description = "202 after the disclosure is on record; delivery follows. The body is one JSON object, or \
                   `multipart/form-data` or `multipart/related` with the part `declaration` first and `document` second.",
    params(
        ("Idempotency-Key" = String, Header, description = "One per transfer; the same with each retry of it"),
        ("Prefer" = Option<String>, Header, description = "`wait=n`: hold the answer until delivered, at most n seconds"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent"),
    ),
    request_body(content((Submission = "application/json"), (Parts = "multipart/form-data"), (Parts = "multipart/related"))),
    responses(
        (
            status = 200, description = "Delivered within the time of `Prefer: wait`", body = Settled,
            headers(
                ("Location" = String, description = "The transfer's address"),
                ("Idempotency-Replayed" = Option<bool>, description = "`true`: the answer to an earlier request with this key"),
            )
        ),
        (
            status = 202, description = "On record. After a wait that was not long enough, as with 200", body = Accepted,
            headers(
                ("Location" = String, description = "The transfer's address"),
                ("Idempotency-Replayed" = Option<bool>, description = "`true`: the answer to an earlier request with this key"),
            )
        ),
        (status = "4XX", description = "A no, with the rule that decided", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
        (status = "5XX", description = "Nothing was accepted; retry with the same key", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
    )
)]
#[expect(dead_code, reason = "carries the description of the call")]
fn transfers() {}

#[utoipa::path(
    post, path = "/v1/checks", tag = "transfers",
    summary = "Try a document without sending it",
    description = "The whole pipeline; nothing is stored or sent.",
    params(("document" = Option<bool>, Query, description = "Show the document as it would leave")),
    request_body(content((Submission = "application/json"), (Parts = "multipart/form-data"), (Parts = "multipart/related"))),
    responses(
        (status = 200, description = "It would be accepted", body = Checked),
        (status = "4XX", description = "It would not", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
        (status = "5XX", description = "It could not be answered; retry", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
    )
)]
#[expect(dead_code, reason = "carries the description of the call")]
fn checks() {}

#[utoipa::path(
    get, path = "/v1/transfers/{id}", tag = "transfers",
    summary = "Where a transfer stands",
    params(("id" = String, Path, description = "The transfer's id")),
    responses(
        (status = 200, description = "Its state", body = Transfer),
        (status = "4XX", description = "A no; 404: this client has no such transfer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "It could not be answered; retry", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
    )
)]
#[expect(dead_code, reason = "carries the description of the call")]
fn transfer() {}

#[utoipa::path(
    post, path = "/v1/requests", tag = "requests",
    summary = "Read back from a destination",
    description = "The question is on record before it is asked; what may be released of the answer is on record before \
                   the first byte of this one. Nothing changes at the destination, so that no idempotency key is needed. \
                   With `Accept: application/fhir+json`, FHIR resources come as a Bundle of type `collection`.",
    params(("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent")),
    request_body(content((Question = "application/json"))),
    responses(
        (
            status = 200, description = "What may be released", body = Release,
            headers(
                ("Clearance-Request" = String, description = "The inquiry, as the ledger names it"),
                ("Clearance-Ledger-Index" = u64, description = "The index of the release in the ledger"),
                ("Clearance-Rules" = String, description = "The rules that permit it"),
            )
        ),
        (status = "4XX", description = "A no, with the rule that decided; 404 `nothing-found`: the destination has nothing", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
        (status = "5XX", description = "The destination refused, gave no answer, one that cannot be read or one that may not be released; or nothing could be recorded", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
    )
)]
#[expect(dead_code, reason = "carries the description of the call")]
fn requests() {}

#[utoipa::path(
    get, path = "/v1/destinations", tag = "reference",
    summary = "What this client may send where",
    responses(
        (status = 200, description = "Destinations, purposes, legal bases, limits", body = Destinations),
        (status = "4XX", description = "A no: the certificate is not a registered client's", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "It could not be answered; retry", body = ProblemDocument, content_type = "application/problem+json", headers(("Retry-After" = Option<u64>, description = "Seconds to wait before the request is repeated"))),
    )
)]
#[expect(dead_code, reason = "carries the description of the call")]
fn destinations() {}
