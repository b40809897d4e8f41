//! Which problems a call can end in: added to each call of the document, by status, with an example of each.

use std::collections::BTreeMap;

use utoipa::Modify;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{
    Content, ContentBuilder, HeaderBuilder, ObjectBuilder, OpenApi as Document, Ref, RefOr, Response,
    ResponseBuilder, Type, example::Example, example::ExampleBuilder,
};

use crate::intake::problem::{Kind, Problem};

/// Adds them.
pub(super) struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut Document) {
        let examples = Kind::ALL.iter().map(|kind| (kind.slug().to_owned(), RefOr::T(example(*kind))));
        document.components.get_or_insert_default().examples.extend(examples);
        for (path, item) in &mut document.paths.paths {
            for (method, call) in calls(item) {
                let kinds = own(method, path).iter().chain(EVERY);
                let mut by_status = BTreeMap::<u16, Vec<Kind>>::new();
                for kind in kinds {
                    by_status.entry(kind.status().as_u16()).or_default().push(*kind);
                }
                for (status, kinds) in by_status {
                    call.responses.responses.insert(status.to_string(), response(&kinds).into());
                }
            }
        }
    }
}

fn calls(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, call)| Some((method, call.as_mut()?)))
}

/// What may happen to any request.
const EVERY: &[Kind] = &[
    Kind::RequestMalformed,
    Kind::ClientUnregistered,
    Kind::CertificateRevoked,
    Kind::RateLimited,
    Kind::NotAccepting,
    Kind::Internal,
];

/// What may be wrong with a declaration and its document.
const SUBMISSION: &[Kind] = &[
    Kind::DigestMismatch,
    Kind::DeclarationInvalid,
    Kind::ParametersInvalid,
    Kind::NoAutomaticRoute,
    Kind::LegalBasisMissing,
    Kind::Forbidden,
    Kind::TimedOut,
    Kind::TooLarge,
    Kind::MediaType,
    Kind::DestinationUnknown,
    Kind::PurposeDirection,
    Kind::DocumentMalformed,
    Kind::DocumentRefused,
    Kind::DocumentUnusable,
];

/// The same, and what may be wrong with its key and its predecessor.
const TRANSFER: &[Kind] = &[
    Kind::IdempotencyKeyMissing,
    Kind::DigestMismatch,
    Kind::DeclarationInvalid,
    Kind::NoAutomaticRoute,
    Kind::LegalBasisMissing,
    Kind::Forbidden,
    Kind::TimedOut,
    Kind::KeyInProgress,
    Kind::SupersedesNotPossible,
    Kind::TooLarge,
    Kind::MediaType,
    Kind::DestinationUnknown,
    Kind::PurposeDirection,
    Kind::DocumentMalformed,
    Kind::DocumentRefused,
    Kind::DocumentUnusable,
    Kind::KeyReused,
];

const QUESTION: &[Kind] = &[
    Kind::DigestMismatch,
    Kind::DeclarationInvalid,
    Kind::QueryInvalid,
    Kind::NoAutomaticRoute,
    Kind::LegalBasisMissing,
    Kind::Forbidden,
    Kind::NothingFound,
    Kind::TimedOut,
    Kind::TooLarge,
    Kind::DestinationUnknown,
    Kind::PurposeDirection,
    Kind::DestinationRefused,
    Kind::DestinationUnreadable,
    Kind::AnswerWithheld,
    Kind::DestinationUnavailable,
];

const NOTICE: &[Kind] = &[
    Kind::NoticeInvalid,
    Kind::DigestMismatch,
    Kind::TimedOut,
    Kind::TooLarge,
    Kind::DestinationUnknown,
    Kind::NotFound,
];

const SEARCH: &[Kind] = &[
    Kind::NoticeInvalid,
    Kind::ParametersInvalid,
    Kind::DigestMismatch,
    Kind::SearchNotPermitted,
    Kind::TimedOut,
    Kind::TooLarge,
];

const WITHDRAWAL: &[Kind] =
    &[Kind::NotFound, Kind::TransferUnderWay, Kind::TransferPerhapsDelivered, Kind::TransferEnded];

fn own(method: &str, path: &str) -> &'static [Kind] {
    match (method, path) {
        ("post", "/v1/transfers") => TRANSFER,
        ("get", "/v1/transfers") => &[Kind::ParametersInvalid],
        ("post", "/v1/checks") => SUBMISSION,
        ("post", "/v1/requests") => QUESTION,
        ("post", "/v1/disclosures/search") => SEARCH,
        ("delete", "/v1/transfers/{id}") => WITHDRAWAL,
        ("get", "/v1/transfers/{id}" | "/v1/transfers/{id}/events") => &[Kind::NotFound],
        ("put" | "delete", _) => NOTICE,
        _ => &[],
    }
}

fn response(kinds: &[Kind]) -> Response {
    let listed: Vec<_> = kinds.iter().map(|kind| format!("`{}`: {}", kind.slug(), kind.title())).collect();
    let mut response = ResponseBuilder::new()
        .description(listed.join("; "))
        .content("application/problem+json", problem(kinds))
        .content("application/fhir+json", outcome());
    if kinds.iter().any(|kind| kind.retryable()) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        let header = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("Seconds to wait before the request is repeated; with some of these"));
        response = response.header("Retry-After", header.build());
    }
    response.build()
}

fn problem(kinds: &[Kind]) -> Content {
    let at = |kind: &Kind| Ref::new(format!("#/components/examples/{}", kind.slug()));
    let examples = kinds.iter().map(|kind| (kind.slug(), RefOr::Ref(at(kind))));
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ProblemDocument")))
        .examples_from_iter(examples)
        .build()
}

fn example(kind: Kind) -> Example {
    // What the problem says where no fault says it more exactly.
    let problem = Problem::new(kind, kind.title().to_lowercase());
    let document = problem.document("", "00000000-0000-4000-8000-000000000000");
    ExampleBuilder::new().summary(kind.title()).value(serde_json::to_value(document).ok()).build()
}

/// For FHIR callers.
fn outcome() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("OperationOutcome"))).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_one_of_some_call_unless_no_call_is_meant() {
        let document = serde_json::to_string(&super::super::document()).unwrap();
        for kind in Kind::ALL {
            // Of a method that no call has, no call can tell.
            let expected = *kind != Kind::MethodNotAllowed;
            assert_eq!(document.contains(&format!("`{}`", kind.slug())), expected, "{}", kind.slug());
        }
    }
}
