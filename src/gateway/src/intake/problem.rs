//! Every no that a client can get, as an RFC 9457 problem document.
//!
//! This is the one module that turns refusals into HTTP. Its matches list every variant, so that a new refusal does not
//! build until someone has chosen its answer.

mod document;

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use clearance::fault::Fault;
use clearance::journey::Unreleased;
use clearance::refusal::{Refusal, Stage};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

pub(crate) use self::document::{FaultDocument, ProblemDocument};

/// A no, and all that the client is told about it.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) rule: Option<String>,
    pub(crate) detail: String,
    pub(crate) faults: Vec<Fault>,
    pub(crate) retry_after: Option<Duration>,
}

macro_rules! kinds {
    ($($variant:ident $slug:literal $status:ident $retryable:literal $title:literal $remedy:literal $page:literal)+) => {
        /// The types of problems. Stable: clients may branch on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($variant,)+ }

        impl Kind {
            /// All of them, in the order of the pages' index.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The last part of the problem's type.
            pub(crate) const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            /// The status of the answer.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// Whether the same request may succeed later.
            pub(crate) const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)+ }
            }

            /// A title, the same for each occurrence.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What to do, where no fault says it more exactly.
            pub(crate) const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }

            /// What the page of the problem says: why it happens and what to do.
            pub(crate) const fn page(self) -> &'static str {
                match self { $(Self::$variant => $page,)+ }
            }
        }
    };
}

kinds! {
    RequestMalformed "request-malformed" BAD_REQUEST false "The request cannot be read"
        "send one JSON object or multipart, the declaration first and the document second"
        "The body is neither `multipart/form-data` or `multipart/related` with the part `declaration` first, nor one JSON object with `declaration` first and `document` second. Nothing was stored. Mend the request; `errors` says where."
    IdempotencyKeyMissing "idempotency-key-missing" BAD_REQUEST false "The request has no idempotency key"
        "send a fresh `Idempotency-Key` with each new transfer, and the same one with each retry of it"
        "A transfer is accepted at most once per key, so that a retry after a lost answer cannot send a document twice. Send a fresh `Idempotency-Key` (1 to 255 visible ASCII characters, a UUID is best) with each new transfer, and the same key with each retry of it."
    ParametersInvalid "parameters-invalid" BAD_REQUEST false "The parameters in the URL cannot be used"
        "mend the parameters in the URL; `/openapi.json` lists them"
        "A parameter in the URL is not known to this call, is there twice, or has a value that it cannot have. `errors` has every fault; `/openapi.json` lists each call's parameters."
    NoticeInvalid "notice-invalid" BAD_REQUEST false "The consent, restriction or search cannot be taken"
        "mend the id in the URL, or `subject` and `destination` in the body"
        "A search has the person (`subject`) in the body. A consent or restriction has an id of yours in the URL, which names nobody, and in the body the person (`subject`, by `system` and `value`) and the `destination` that it holds towards. `errors` lists every fault. Nothing was changed."
    DigestMismatch "digest-mismatch" BAD_REQUEST false "The body is not what its digest says"
        "compute `Content-Digest` over the whole body as it is sent, and send it again"
        "The request carried `Content-Digest` (RFC 9530), and the body that arrived has another digest: it was changed or cut off on the way. Nothing was stored. Send it again."
    DeclarationInvalid "declaration-invalid" BAD_REQUEST false "The declaration is not well-formed"
        "mend the declaration"
        "The declaration says who the document is about, where it goes, why, and on which legal basis. `errors` lists every fault with a JSON Pointer into the declaration and what to send instead. The document was not read."
    DestinationUnknown "destination-unknown" UNPROCESSABLE_ENTITY false "There is no such destination or purpose"
        "declare a destination and a purpose that `GET /v1/destinations` lists"
        "The declaration names a destination or purpose that is not configured here, or lacks what the purpose wants. `GET /v1/destinations` lists what you may send where. The document was not read."
    PurposeDirection "purpose-direction" UNPROCESSABLE_ENTITY false "The purpose goes the other way"
        "send by `POST /v1/transfers`, read back by `POST /v1/requests`; `GET /v1/destinations` says which a purpose is for"
        "A purpose either sends documents to its destination or reads back from it. A transfer was declared under one that reads, or a request under one that sends. Nothing was sent, nobody was asked."
    NoAutomaticRoute "no-automatic-route" FORBIDDEN false "There is no automatic route to this recipient"
        "answer the request by hand, with two approvers, as the problem's page says"
        "Courts, prosecutors, the police and insurers have no automatic route. Each request of theirs is answered by hand: (1) keep the signed original of the order or inquiry and note its number, issuing body and registry code, date, the statute it cites, the person, the period and the kinds of data asked, and the deadline; (2) an insurer must also name the policy or claim, the insured event, and why health data is indispensable; (3) have two people approve the release; (4) send only what the order names, only records made by this provider, and nothing about other persons."
    LegalBasisMissing "legal-basis-missing" FORBIDDEN false "No rule permits this disclosure"
        "correct the declaration if it is wrong; otherwise the document must not be sent"
        "A disclosure needs a rule that permits it, and none does: `rule` names the rule that came nearest, and `errors` each of its conditions that does not hold. Correct the declaration if it is wrong; otherwise the document must not be sent. The refusal is on record."
    Forbidden "disclosure-forbidden" FORBIDDEN false "A rule forbids this disclosure"
        "have the cause removed; the gateway cannot be told otherwise by a client"
        "A rule that holds whatever else is permitted forbids this: withdrawn consent, a restriction or objection of the subject, a client or professional without the right, a data category that never goes to this destination. `rule` names it, `errors` says what would change it. The refusal is on record."
    SearchNotPermitted "search-not-permitted" FORBIDDEN false "This client may not search for disclosures"
        "have the administrator set `may_search_disclosures` for this client"
        "Who was told what about one person is for those who answer for it, such as the data protection officer's system. Have the administrator set `may_search_disclosures` in the client's entry in the configuration. The refusal is on record."
    QueryInvalid "query-invalid" BAD_REQUEST false "The question cannot be asked with these parameters"
        "mend the parameters in `query`, or leave them out"
        "Each purpose that reads has parameters of its own; the destination's page lists them. `errors` has every fault. Nobody was asked."
    NothingFound "nothing-found" NOT_FOUND false "The destination has nothing"
        "there is nothing to do, unless the subject or the parameters were wrong"
        "The destination was asked, and has nothing about this person that fits the question. The question is on record."
    DestinationRefused "destination-refused" BAD_GATEWAY false "The destination refuses to answer"
        "see `errors` for the destination's reasons; the same question would be refused again"
        "The destination was asked and says no, such as to this professional or role. `rule` has its own code where it has one. Question and end are on record."
    DestinationUnavailable "destination-unavailable" GATEWAY_TIMEOUT true "The destination could not be asked"
        "ask again later"
        "The destination could not be reached, or did not answer within the deadline. Nothing was released, and a question changes nothing: ask again later. Question and end are on record."
    DestinationUnreadable "destination-unreadable" BAD_GATEWAY true "The destination's answer cannot be read"
        "ask again later; if it stays so, tell the operator of the gateway"
        "What the destination answered is not what it should be, is not whole, or could be read in two ways. Nothing of it was released. Question and end are on record."
    AnswerWithheld "answer-withheld" BAD_GATEWAY false "The destination's answer may not be released"
        "have the destination mend its answer; nothing in the request changes it"
        "The destination has answered with what may not be released: data about another person, or what the purpose's profile refuses. `errors` lists every fault with its place, never a value. One document that may not be released keeps back all of them. Question and end are on record."
    MediaType "media-type-not-carried" UNSUPPORTED_MEDIA_TYPE false "The document's media type is not carried"
        "send the document in a media type that `GET /v1/destinations` lists for the purpose"
        "The purpose carries documents of certain media types only; `errors` lists them."
    DocumentMalformed "document-malformed" UNPROCESSABLE_ENTITY false "The document cannot be read beyond doubt"
        "mend the document"
        "The gateway must see the same document as its receiver, so reading is strict: duplicate member names, lone surrogates, byte order marks and excessive depth are refused as well as plain syntax errors. `errors` says where."
    DocumentRefused "document-refused" UNPROCESSABLE_ENTITY false "The document may not be disclosed as it is"
        "mend the document or the declaration; `POST /v1/checks` shows what would leave"
        "The document holds what its profile refuses, lacks what it requires, is about another person than declared, or names a further person. `errors` lists every fault with its place, rule and remedy. What a profile merely strips is not a fault; `POST /v1/checks` shows it. The refusal is on record."
    DocumentUnusable "document-unusable" UNPROCESSABLE_ENTITY false "The destination could not use what is left of the document"
        "complete the document; `POST /v1/checks` shows what would leave"
        "After minimisation the document lacks something that the destination wants, or contradicts the declaration, such as another employer than the declared recipient. `errors` lists every fault."
    TooLarge "too-large" PAYLOAD_TOO_LARGE false "The request is larger than allowed"
        "send less, or as multipart; `GET /v1/destinations` lists the limits"
        "The declaration, the JSON body or the document is over its limit; `GET /v1/destinations` lists the limits."
    TimedOut "timed-out" REQUEST_TIMEOUT true "The body did not arrive in time"
        "send it again with the same idempotency key"
        "The request's body was not complete within the limit. Nothing was stored. Send it again with the same idempotency key."
    KeyReused "idempotency-key-reused" UNPROCESSABLE_ENTITY false "The idempotency key was used for another request"
        "send a new transfer under a new key"
        "This client has used the key for a transfer with other content. That transfer stands as it was. Send a new transfer under a new key."
    KeyInProgress "idempotency-key-in-progress" CONFLICT true "A request with this idempotency key is being served"
        "repeat the request after `Retry-After` with the same key: it will get the first one's answer"
        "The first request with this key has not been answered yet. Wait for its answer, or repeat this one a little later: it will then get the same answer."
    SupersedesNotPossible "supersedes-not-possible" CONFLICT false "The transfer to be superseded has already left or ended"
        "send the correction as a transfer of its own"
        "`supersedes` names a transfer of yours that is not waiting any more, or is none of yours. Send the correction as a transfer of its own."
    TransferUnderWay "transfer-under-way" CONFLICT true "An attempt to deliver the transfer is under way"
        "ask again when the attempt has ended; `GET …/events` tells when"
        "A transfer can be withdrawn as long as nothing of it can have left, and now it is being sent. Ask again when the attempt has ended: if it failed and the destination cannot have it, it can be withdrawn then."
    TransferPerhapsDelivered "transfer-perhaps-delivered" CONFLICT false "The transfer has perhaps been delivered"
        "follow its state; if it must not stay with the destination, have the destination remove it"
        "An attempt ended without a readable answer, or part of the documents has arrived. Nobody can say that it was withdrawn. The gateway goes on asking the destination; follow the transfer's state, and if the data must not stay there, have the destination remove it."
    TransferEnded "transfer-ended" CONFLICT false "The transfer has ended"
        "read its state; what was delivered is corrected by a transfer of its own"
        "The transfer has reached its final state, which `detail` names, and that one stands. What was delivered is corrected by a transfer of its own; what was not has been erased already."
    ClientUnregistered "client-unregistered" FORBIDDEN false "The certificate is not that of a registered client"
        "have the administrator register this certificate"
        "The certificate is good, but no client is registered with it, or the registered client's organisation differs from the certificate's. Have the administrator register the certificate's fingerprint (`clearance certs check-chain` prints it)."
    CertificateRevoked "certificate-revoked" FORBIDDEN false "The client's certificate is no longer valid"
        "connect with the new certificate"
        "The certificate was revoked, has expired or has been taken off the list since the connection was made. Nothing was recorded after that. Connect with the new certificate."
    RateLimited "rate-limited" TOO_MANY_REQUESTS true "Too many requests"
        "wait as long as `Retry-After` says and repeat the request with the same key"
        "This client, or all clients together for this destination, sent more than the configured rate. Wait as long as `Retry-After` says and repeat the request with the same idempotency key."
    NotAccepting "not-accepting" SERVICE_UNAVAILABLE true "The gateway cannot accept transfers safely now"
        "repeat the request with the same key after `Retry-After`"
        "Accepting would not be safe: the record cannot be written, or too much waits undelivered. Nothing was stored. Repeat the request with the same idempotency key after `Retry-After`; operations see the cause in `/readyz?verbose`."
    NotFound "not-found" NOT_FOUND false "There is nothing here"
        "`/openapi.json` lists the paths; a client sees its own transfers only"
        "There is no such path, or no such transfer of this client."
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED false "This method is not for this path"
        "`/openapi.json` lists the methods of each path"
        "`/openapi.json` lists the methods of each path."
    Internal "internal" INTERNAL_SERVER_ERROR true "The gateway failed"
        "repeat the request with the same key; the log has the cause under the request's id"
        "Nothing was accepted. The log has the cause under the request's id; repeat the request with the same idempotency key."
}

impl Problem {
    /// A problem that `detail` says all about.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, rule: None, detail: detail.into(), faults: Vec::new(), retry_after: None }
    }

    pub(crate) fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    fn rule(&self) -> &str {
        self.rule.as_deref().unwrap_or(self.kind.slug())
    }

    /// Every fault; what is wrong with the request as a whole is one too.
    fn all_faults(&self) -> Vec<Fault> {
        if !self.faults.is_empty() {
            return self.faults.clone();
        }
        vec![Fault::new(self.rule().to_owned(), "", self.detail.clone(), self.kind.remedy())]
    }

    /// The answer, in the form the caller reads: problem JSON, or an OperationOutcome for FHIR callers.
    pub(crate) fn answer(&self, base_url: &str, request: &str, headers: &HeaderMap) -> Response {
        let fhir = accepts_fhir(headers);
        let (media_type, body) = if fhir {
            ("application/fhir+json", self.operation_outcome())
        } else {
            let document = serde_json::to_value(self.document(base_url, request)).unwrap_or_default();
            ("application/problem+json", document)
        };
        let mut answer = (self.kind.status(), Body::from(body.to_string())).into_response();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        answer
    }

    /// The problem document.
    pub(crate) fn document(&self, base_url: &str, request: &str) -> ProblemDocument {
        ProblemDocument {
            r#type: format!("{base_url}/problems/{}", self.kind.slug()),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone(),
            instance: format!("urn:uuid:{request}"),
            rule: self.rule().to_owned(),
            retryable: self.kind.retryable(),
            errors: self.all_faults().iter().map(FaultDocument::of).collect(),
        }
    }

    fn operation_outcome(&self) -> serde_json::Value {
        let issue = |rule: &str, text: &str, remedy: &str, pointer: &str| {
            let mut issue = json!({
                "severity": "error",
                "code": self.issue_code(),
                "details": {
                    "coding": [{ "system": "urn:clearance:rule", "code": rule }],
                    "text": text,
                },
            });
            if let Some(issue) = issue.as_object_mut() {
                if !remedy.is_empty() {
                    issue.insert("diagnostics".into(), json!(remedy));
                }
                if !pointer.is_empty() {
                    issue.insert("location".into(), json!([pointer]));
                }
            }
            issue
        };
        let issues: Vec<_> = self
            .all_faults()
            .iter()
            .map(|fault| issue(&fault.rule, &fault.detail, &fault.remedy, &fault.pointer))
            .collect();
        json!({ "resourceType": "OperationOutcome", "issue": issues })
    }

    /// The code of FHIR's issue-type value set.
    const fn issue_code(&self) -> &'static str {
        match self.kind {
            Kind::RequestMalformed | Kind::DigestMismatch | Kind::DocumentMalformed => "structure",
            Kind::IdempotencyKeyMissing => "required",
            Kind::DeclarationInvalid | Kind::QueryInvalid | Kind::ParametersInvalid | Kind::NoticeInvalid => {
                "invalid"
            }
            Kind::DestinationUnknown | Kind::NotFound | Kind::NothingFound => "not-found",
            Kind::NoAutomaticRoute | Kind::LegalBasisMissing | Kind::Forbidden | Kind::SearchNotPermitted => {
                "forbidden"
            }
            Kind::MediaType | Kind::MethodNotAllowed | Kind::PurposeDirection => "not-supported",
            Kind::DocumentRefused | Kind::DocumentUnusable | Kind::AnswerWithheld => "business-rule",
            Kind::DestinationRefused | Kind::DestinationUnreadable => "processing",
            Kind::TooLarge => "too-long",
            Kind::TimedOut => "timeout",
            Kind::KeyReused => "duplicate",
            Kind::KeyInProgress
            | Kind::SupersedesNotPossible
            | Kind::TransferUnderWay
            | Kind::TransferPerhapsDelivered
            | Kind::TransferEnded => "conflict",
            Kind::ClientUnregistered | Kind::CertificateRevoked => "login",
            Kind::RateLimited => "throttled",
            Kind::NotAccepting | Kind::Internal | Kind::DestinationUnavailable => "transient",
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let forbidden = || refusal.detail.starts_with("no rule permits");
        let kind = match refusal.stage {
            Stage::Declaration => Kind::DeclarationInvalid,
            Stage::Destination if matches!(refusal.rule.as_str(), "purpose-reads" | "purpose-sends") => {
                Kind::PurposeDirection
            }
            Stage::Destination => Kind::DestinationUnknown,
            Stage::Query => Kind::QueryInvalid,
            Stage::Basis if forbidden() => Kind::LegalBasisMissing,
            Stage::Basis => Kind::Forbidden,
            Stage::MediaType => Kind::MediaType,
            Stage::Document if refusal.rule.starts_with("json-") => Kind::DocumentMalformed,
            Stage::Document => Kind::DocumentRefused,
            Stage::Shape => Kind::DocumentUnusable,
        };
        Self {
            kind,
            rule: Some(refusal.rule),
            detail: refusal.detail,
            faults: refusal.faults,
            retry_after: None,
        }
    }
}

impl From<Unreleased> for Problem {
    fn from(unreleased: Unreleased) -> Self {
        let rule = unreleased.code().map(str::to_owned);
        let (kind, detail) = match &unreleased {
            Unreleased::Refused(_) => (Kind::DestinationRefused, "the destination refuses to answer"),
            Unreleased::NotFound => {
                (Kind::NothingFound, "the destination has nothing that fits the question")
            }
            Unreleased::Failed(_) => (Kind::DestinationUnavailable, "the destination gave no answer"),
            Unreleased::Unreadable(_) => {
                (Kind::DestinationUnreadable, "the destination's answer cannot be read")
            }
            Unreleased::Withheld(_) => (Kind::AnswerWithheld, "the answer may not be released"),
        };
        let (faults, retry_after) = match unreleased {
            // The client can be told what would change the policy's answer; it is the same as for a transfer.
            Unreleased::Withheld(refusal) if refusal.stage == Stage::Basis => return refusal.into(),
            // Remedies of documents speak to who sends them; here that is the destination.
            Unreleased::Withheld(refusal) => {
                let remedied = |fault| Fault { remedy: kind.remedy().to_owned(), ..fault };
                (refusal.faults.into_iter().map(remedied).collect(), None)
            }
            Unreleased::Refused(refusal) => (refusal.faults, None),
            Unreleased::Failed(setback) => (Vec::new(), setback.retry_after),
            Unreleased::NotFound | Unreleased::Unreadable(_) => (Vec::new(), None),
        };
        Self { kind, rule, detail: detail.to_owned(), faults, retry_after }
    }
}

pub(super) fn accepts_fhir(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|item| item.trim().starts_with("application/fhir+json"))
}
