//! The adapter of the simulated registries: it tries once and reads the answer, as the real ones do.

use std::collections::BTreeSet;

use bytes::Bytes;
use clearance::adapter::{
    Acknowledgement, Adapter, Call, CallBody, CallFailure, Description, DestinationRefusal, Direction,
    Documents, Means, Outcome, Piece, Promise, PurposeDescription, Reply, Setback,
};
use clearance::declaration::LegalBasis;
use clearance::fault::Fault;
use clearance::journey::{Cleared, Minimal, Outgoing, Payload};
use clearance::person::Private;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};

pub(super) const PURPOSE: &str = "report";
pub(super) const MEDIA_TYPE: &str = "application/fhir+json";
pub(super) const TRANSFER: HeaderName = HeaderName::from_static("transfer");
pub(super) const ATTEMPT: HeaderName = HeaderName::from_static("attempt");
/// Which document of a transfer this is, and of how many.
pub(super) const PART: HeaderName = HeaderName::from_static("part");
pub(super) const PARTS: HeaderName = HeaderName::from_static("parts");
/// The answer of a registry that keeps the report.
pub(super) const KEPT: &[u8] = b"kept";

const POLICY: &str = r#"
    @id("report")
    @reason("reports may be made to the registry")
    @condition_1("the purpose is `report`")
    permit (principal, action == Action::"disclose", resource)
    when { context.purpose == "report" };
"#;

const PROFILE: &str = r#"
    profile = "report"
    version = "1"
    format = "fhir-json"
    resource = "Composition"
    on_excess = "strip"

    [subject]
    paths = ["Composition.subject"]

    [[keep]]
    path = "Composition.title"
    category = "report"
    ground = "an invented act"
    required = true

    [[keep]]
    path = "Composition.subject.identifier.value"
    equals = "declared-subject"
    category = "identity"
    ground = "an invented act"
"#;

/// How a registry takes a report that it has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// As the same report, by its id: a doubtful one is sent again.
    AreRecognised,
    /// As another report: a doubtful one is asked for before it is sent again.
    AreDoubled,
    /// Of several documents, each is recognised; each is sent in an attempt of its own.
    ComeInParts,
}

/// The adapter.
#[derive(Debug)]
pub(super) struct Reporting {
    repeats: Repeats,
    description: Description,
}

impl Reporting {
    pub(super) fn new(repeats: Repeats) -> Self {
        let purpose = PurposeDescription {
            name: PURPOSE,
            summary: "report",
            direction: Direction::Sends,
            act_reason: "PUBHLTH",
            bases: vec![basis()],
            documents: match repeats {
                Repeats::ComeInParts => Documents::Streamed { max: 4, bytes_max: 1 << 20 },
                Repeats::AreRecognised | Repeats::AreDoubled => Documents::One,
            },
            media_types: &[MEDIA_TYPE],
            profile: PROFILE,
            needs_recipient: false,
            onward_recipient: None,
        };
        let description =
            Description { summary: "a registry", policies: POLICY, never: &[], purposes: vec![purpose] };
        Self { repeats, description }
    }

    async fn hand_over(&self, cleared: &Cleared, means: &Means<'_>) -> Outcome {
        if self.repeats == Repeats::AreDoubled && cleared.perhaps_delivered() {
            match means.transport.call(call(Method::GET, cleared, means)).await {
                Ok(reply) if reply.status == StatusCode::NOT_FOUND => {}
                Ok(reply) => return read(reply),
                Err(failure) => return Outcome::before_sending(failure),
            }
        }
        let answer: Result<Reply, CallFailure> =
            means.transport.call(call(Method::POST, cleared, means)).await;
        answer.map_or_else(Outcome::from, read)
    }

    /// The first part that is not done; with the last one, all of it is delivered.
    async fn hand_over_a_part(&self, cleared: &Cleared, means: &Means<'_>) -> Outcome {
        let mut missing = cleared.parts().filter(|part| !part.is_done());
        let Some(part) = missing.next() else {
            return Outcome::Unknown(Setback::new("nothing-left-to-send"));
        };
        let number = part.number();
        let headers = [(PART, HeaderValue::from(number)), (PARTS, cleared.parts().count().into())];
        let mut call = call(Method::POST, cleared, means);
        call.headers.extend(headers.map(|(name, value)| (Some(name), value)));
        call.body = [Piece::Part(part.read())].into_iter().collect();
        match means.transport.call(call).await.map_or_else(Outcome::from, read) {
            Outcome::Delivered(_) if missing.next().is_some() => {
                Outcome::Partly { done: BTreeSet::from([number]), setback: None }
            }
            outcome => outcome,
        }
    }
}

impl Adapter for Reporting {
    fn description(&self) -> &Description {
        &self.description
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let payload = Payload {
            operation: PURPOSE.to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
            bytes: Bytes::copy_from_slice(minimal.document()),
        };
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move {
            let handed_over = match self.repeats {
                Repeats::ComeInParts => self.hand_over_a_part(&cleared, means).await,
                Repeats::AreRecognised | Repeats::AreDoubled => self.hand_over(&cleared, means).await,
            };
            match handed_over {
                // This attempt did not arrive, but an earlier one may have.
                Outcome::Failed(setback) if cleared.perhaps_delivered() => Outcome::Unknown(setback),
                outcome => outcome,
            }
        })
    }
}

/// The legal basis of all that is reported. It rests on consent, so that a withdrawn one stops it.
pub(super) fn basis() -> LegalBasis {
    LegalBasis {
        gdpr6: "6(1)(c)".into(), gdpr9: "9(2)(a)".into(), act: "TTKS".into(), section: "59²".into()
    }
}

fn call(method: Method, cleared: &Cleared, means: &Means<'_>) -> Call {
    let text = |text: String| HeaderValue::from_str(&text).unwrap();
    let body =
        if method == Method::POST { cleared.payload().bytes.clone().into() } else { CallBody::default() };
    Call {
        peer: cleared.destination().to_string(),
        method,
        url: Private::new("https://registry.example/reports"),
        url_template: "https://registry.example/reports".to_owned(),
        headers: HeaderMap::from_iter([
            (TRANSFER, text(cleared.transfer().to_string())),
            (ATTEMPT, text(cleared.attempt().to_string())),
        ]),
        body,
        deadline: means.deadline,
        answer_bytes_max: 1024,
    }
}

fn read(reply: Reply) -> Outcome {
    let code = format!("http-{}", reply.status.as_u16());
    match reply.status {
        StatusCode::OK if reply.body == KEPT => {
            Outcome::Delivered(Acknowledgement { reference: None, proof: reply.body })
        }
        StatusCode::UNPROCESSABLE_ENTITY => Outcome::Refused(DestinationRefusal { code, faults: Vec::new() }),
        StatusCode::SERVICE_UNAVAILABLE => {
            let seconds = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = seconds.and_then(|text| text.parse().ok()).map(std::time::Duration::from_secs);
            Outcome::Failed(Setback { code, retry_after })
        }
        _ => Outcome::Unknown(Setback::new("answer-unreadable")),
    }
}
