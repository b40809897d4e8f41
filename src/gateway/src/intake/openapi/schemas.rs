//! The schemas of what is read: those of what is answered are the types of the answers themselves.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The state of a transfer. `accepted`, `delivering` and `unknown` (sent, and no readable answer came) are followed by
/// others; the rest are final.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(test), expect(dead_code, reason = "the schema of `clearance::words::State`"))]
pub(crate) enum TransferState {
    Accepted,
    Delivering,
    Delivered,
    RefusedByDestination,
    Withheld,
    Withdrawn,
    Expired,
    Unknown,
}

/// What the client states about a transfer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `clearance::declaration` reads")]
pub(super) struct Declaration {
    /// Where it goes: a name of `GET /v1/destinations`.
    #[schema(example = "employer", pattern = "^[a-z0-9][a-z0-9.-]{0,63}$")]
    destination: String,
    /// One of the destination's purposes.
    #[schema(example = "health-check-decision", pattern = "^[a-z0-9][a-z0-9.-]{0,63}$")]
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
    #[schema(min_length = 1, max_length = 256)]
    ordering_key: Option<String>,
    /// After this instant it is no longer delivered (RFC 3339).
    #[schema(format = DateTime)]
    not_after: Option<String>,
    /// The undelivered transfer that this one replaces.
    #[schema(format = "uuid")]
    supersedes: Option<String>,
}

/// GDPR Art. 6 and 9 and the national act and section.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct LegalBasis {
    #[schema(example = "6(1)(c)", min_length = 1, max_length = 256)]
    gdpr6: String,
    #[schema(example = "9(2)(b)", min_length = 1, max_length = 256)]
    gdpr9: String,
    #[schema(example = "TTOS", min_length = 1, max_length = 256)]
    act: String,
    #[schema(example = "13¹", min_length = 1, max_length = 256)]
    section: String,
}

/// The person the data is about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct Subject {
    #[schema(example = "https://fhir.ee/sid/pid/est/ni", min_length = 1, max_length = 256)]
    system: String,
    #[schema(min_length = 1, max_length = 256)]
    value: String,
    #[schema(min_length = 1, max_length = 256)]
    given: String,
    #[schema(min_length = 1, max_length = 256)]
    family: String,
}

/// The person in the clinic on whose behalf it is sent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct Professional {
    /// A capital letter and five digits.
    #[schema(pattern = "^[A-Z][0-9]{5}$")]
    code: String,
    #[schema(min_length = 1, max_length = 256)]
    personal_code: String,
    #[schema(example = "doctor", min_length = 1, max_length = 256)]
    role: String,
}

/// An identifier.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct Identifier {
    #[schema(example = "https://fhir.ee/sid/org/est/br", min_length = 1, max_length = 256)]
    system: String,
    #[schema(min_length = 1, max_length = 256)]
    value: String,
}

/// One item that shows that the basis holds.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct Evidence {
    kind: EvidenceKind,
    /// Its number or address.
    #[schema(min_length = 1, max_length = 256)]
    r#ref: String,
}

/// The kinds of evidence.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "the schema of `clearance::declaration::EvidenceKind`")]
pub(super) enum EvidenceKind {
    Order,
    Consent,
    Inquiry,
    Release,
    Certificate,
    Prescription,
}

/// Declaration and document in one JSON body, in this order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct Submission {
    declaration: Declaration,
    /// The document, as it stands.
    #[schema(value_type = Object)]
    document: String,
    /// The document's media type.
    #[schema(default = "application/fhir+json")]
    media_type: Option<String>,
}

/// A question to a destination.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct Question {
    /// As for a transfer, under a purpose that reads; without `ordering_key` and `supersedes`.
    declaration: Declaration,
    /// The purpose's own parameters; the destination's page lists them.
    #[schema(value_type = Option<Object>)]
    query: Option<String>,
}

/// The parts of a multipart body, in this order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct Parts {
    declaration: Declaration,
    /// The document, as it stands; the part's media type is the document's.
    #[schema(format = Binary)]
    document: String,
}

/// Whose consent or restriction it is, and towards whom.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `clearance::declaration::Notice` reads")]
pub(super) struct Notice {
    subject: Identifier,
    /// A name of `GET /v1/destinations`.
    #[schema(example = "employer", pattern = "^[a-z0-9][a-z0-9.-]{0,63}$")]
    destination: String,
}

/// Whose disclosures are searched for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `clearance::declaration::searched_subject` reads")]
pub(super) struct Search {
    subject: Identifier,
}

/// One of the events of a stream, field by field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct TransferEvent {
    #[schema(example = "transfer")]
    event: String,
    /// The transfer as it stands, as `GET /v1/transfers/{id}` shows it: JSON in one line.
    data: String,
    /// Milliseconds to wait before connecting again.
    retry: u32,
}

/// What FHIR callers get in place of a problem document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema")]
pub(super) struct OperationOutcome {
    #[schema(rename = "resourceType", example = "OperationOutcome")]
    resource_type: String,
    #[schema(min_items = 1, value_type = Vec<Object>)]
    issue: Vec<String>,
}

/// The declaration of a question about the same person, out of that of a prescription.
pub(super) fn question_about(prescription: &Value) -> Value {
    let mut declaration = prescription.clone();
    if let Some(members) = declaration.as_object_mut() {
        members.insert("purpose".to_owned(), "prescriptions".into());
    }
    declaration
}

#[cfg(test)]
mod tests {
    use clearance::words::State;

    use super::*;

    #[test]
    fn the_states_of_the_document_are_those_of_the_record() {
        use TransferState::*;
        let all =
            [Accepted, Delivering, Delivered, RefusedByDestination, Withheld, Withdrawn, Expired, Unknown];
        let documented: Vec<_> = all.iter().map(|state| serde_json::to_value(state).unwrap()).collect();
        let recorded: Vec<_> = State::ALL.iter().map(|state| Value::from(state.code())).collect();
        assert_eq!(documented, recorded);
    }
}
