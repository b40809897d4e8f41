//! `POST /v1/requests`: reading back from a destination. The question is on record before it is asked, and what is
//! released of the answer before its first byte reaches the client.
//!
//! An answer is held in memory, within `requests.answer_bytes_max`; it does not stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use bytes::Bytes;
use clearance::adapter::Means;
use clearance::declaration::Declaration;
use clearance::destination::Destination;
use clearance::fault::Fault;
use clearance::journey::{Asking, Closing, InquiryFailure, Recorder, Released, Request, Terms, Unreleased};
use clearance::minimise::check_json;
use clearance::refusal::{Refusal, Stage};
use clearance::words::{DestinationName, InquiryId};
use futures_util::StreamExt;
use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::digest_header::ExpectedDigests;
use super::problem::{Kind, Problem};
use super::released;
use super::request::{Caller, RequestId};
use super::transfers::{NotCleared, in_time, no_route, not_recorded, not_sealed};
use crate::config::Limits;
use crate::gateway::Gateway;
use crate::rules::Rules;
use crate::telemetry::metrics;

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'b> {
    #[serde(borrow)]
    declaration: &'b RawValue,
    #[serde(borrow, default)]
    query: Option<&'b RawValue>,
}

/// Asks a destination, and answers with what may be released.
pub(crate) async fn ask(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    gateway.accepting()?;
    let limits = gateway.config.load().limits.clone();
    let body = read(&headers, body, &limits, malformed).await?;
    let rules = gateway.rules.load_full();
    let (asking, destination) = match lawful(&gateway, &rules, &caller, &body).await {
        Ok(lawful) => lawful,
        Err(NotCleared::Problem(problem)) => return Err(problem),
        Err(NotCleared::Refused(refusal, named)) => {
            gateway.note_refusal(&caller, &request, &refusal, named).await?;
            return Err(refusal.into());
        }
        Err(NotCleared::NoRoute(problem)) => {
            gateway.note_refusal(&caller, &request, &no_route(&problem), None).await?;
            return Err(problem);
        }
    };
    gateway.rates.destination(destination.name())?;
    let place = gateway.questions.place(destination.name(), gateway.config.load().requests.concurrent)?;
    // The certificate may have been revoked while the body was on its way.
    caller.still_admitted(&gateway)?;
    let warnings = asking.declaration().warnings.clone();
    // On a task of its own: a client that hangs up meanwhile must not leave an inquiry without its end.
    let inquiring = tokio::spawn(
        async move {
            let _place = place;
            inquire(&gateway, &rules, &destination, asking).await
        }
        .in_current_span(),
    );
    let released =
        inquiring.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "asking broke off")))?;
    released::answer(&released, &warnings, &headers)
}

/// The declaration, the policy, then the parameters: of these no byte is read before the declaration is lawful.
async fn lawful(
    gateway: &Gateway,
    rules: &Rules,
    caller: &Caller,
    body: &[u8],
) -> Result<(Asking, Arc<Destination>), NotCleared> {
    let asked: Asked<'_> = serde_json::from_slice(body).map_err(|_| malformed())?;
    let refused = |refusal: Refusal| NotCleared::Refused(refusal, None);
    metrics::body_parsed("declaration");
    let check_digits = gateway.config.load().policy.check_digits;
    let parsed = Declaration::parse(asked.declaration.get().as_bytes(), check_digits).map_err(|faults| {
        refused(Refusal::for_faults(Stage::Declaration, "the declaration is not well-formed", faults))
    })?;
    in_time(&parsed, gateway.clock.now()).map_err(refused)?;
    let destination = rules.destination(&parsed.destination).map_err(NotCleared::NoRoute)?;
    let named = Some((parsed.destination.to_string(), parsed.purpose.to_string()));
    let subject = gateway.vault.pseudonyms.pseudonym(&parsed.subject.identifier);
    let standing = gateway
        .store
        .standing(subject, destination.name())
        .await
        .map_err(|error| not_recorded(gateway, &error))?;
    let client = Arc::clone(&caller.client);
    let request =
        Request::receive(client, caller.certificate(), parsed, Arc::clone(&destination)).map_err(refused)?;
    let known = |refusal| NotCleared::Refused(refusal, named.clone());
    let lawful = request.lawful(&rules.policy, standing).map_err(known)?;
    metrics::body_parsed("query");
    let asking = lawful.ask(&parameters(asked.query).map_err(known)?).map_err(known)?;
    Ok((asking, destination))
}

/// Records, asks, judges, records: in this order, whatever becomes of the client.
async fn inquire(
    gateway: &Gateway,
    rules: &Rules,
    destination: &Destination,
    asking: Asking,
) -> Result<Released, Problem> {
    let settings = gateway.config.load().requests.clone();
    let at = gateway.clock.now();
    let inquiry = InquiryId::new(at, &*gateway.entropy)
        .map_err(|_| Problem::new(Kind::Internal, "the source of randomness has failed"))?;
    let terms = Terms { inquiry, at, answer_bytes_max: settings.answer_bytes_max };
    let (store, vault) = (&*gateway.store, &*gateway.vault);
    let (question, pending) =
        asking.record(store, vault, &rules.policy, terms).await.map_err(|failure| match failure {
            InquiryFailure::Refused(refusal) => refusal.into(),
            InquiryFailure::Record(failure) => not_sealed(gateway, &failure),
        })?;
    let means = Means {
        clock: &*gateway.clock,
        deadline: at
            .saturating_add(SignedDuration::from_secs(settings.deadline_seconds.into()))
            .unwrap_or(Timestamp::MAX),
        transport: &*gateway.transport,
        signer: &*gateway.signer,
    };
    let reading = destination.adapter().read(question, &means).await;
    let with = Closing {
        recorder: store,
        vault,
        policy: &rules.policy,
        index: rules.index.as_deref(),
        means: &means,
    };
    let concluded = pending.conclude(reading, with).await.map_err(|failure| not_sealed(gateway, &failure))?;
    tell(destination.name(), inquiry, &concluded, gateway.clock.now().duration_since(at));
    concluded.map_err(Problem::from)
}

fn tell(
    destination: &DestinationName,
    inquiry: InquiryId,
    concluded: &Result<Released, Unreleased>,
    taken: SignedDuration,
) {
    let (result, code) = match concluded {
        Ok(_) => ("released", ""),
        Err(unreleased) => (unreleased.hindrance().code(), unreleased.code().unwrap_or_default()),
    };
    metrics::inquired(destination, result, taken);
    tracing::info!(
        event.action = "inquiry",
        inquiry.id = %inquiry,
        inquiry.result = result,
        destination.name = %destination,
        code,
        "a question was asked"
    );
}

/// The parameters as an object; none are as an empty one.
fn parameters(query: Option<&RawValue>) -> Result<Map<String, Value>, Refusal> {
    let Some(query) = query else { return Ok(Map::new()) };
    let refused = |fault| Refusal::for_faults(Stage::Query, "the parameters cannot be read", vec![fault]);
    let text = query.get().as_bytes();
    check_json(text)
        .map_err(|fault| refused(Fault { pointer: format!("/query{}", fault.pointer), ..fault }))?;
    serde_json::from_slice(text).map_err(|_| {
        let remedy = "send `query` as an object of the purpose's parameters, or leave it out";
        refused(Fault::new("query-invalid", "/query", "the parameters are not an object", remedy))
    })
}

/// One small JSON body; `malformed` says what was expected where it is none.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
    malformed: fn() -> Problem,
) -> Result<Bytes, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = media_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(malformed());
    }
    let expected = ExpectedDigests::of(headers)?;
    let deadline = Instant::now() + Duration::from_millis(limits.body_ms);
    let (mut stream, mut read) = (body.into_data_stream(), Vec::new());
    let timed_out = |_| Problem::new(Kind::TimedOut, "the body did not arrive in time");
    while let Some(chunk) = timeout_at(deadline, stream.next()).await.map_err(timed_out)? {
        let chunk = chunk.map_err(|_| Problem::new(Kind::RequestMalformed, "the body broke off"))?;
        if read.len() + chunk.len() > limits.declaration_bytes_max {
            let detail = format!("the request is larger than {} bytes", limits.declaration_bytes_max);
            return Err(Problem::new(Kind::TooLarge, detail));
        }
        read.extend_from_slice(&chunk);
    }
    expected.check(&read)?;
    Ok(read.into())
}

fn malformed() -> Problem {
    let detail =
        "the body is not one JSON object with `declaration` and, where there are parameters, `query`";
    let remedy = "send `application/json` with `declaration` and `query`, each once, and nothing else";
    let fault = Fault::new(Kind::RequestMalformed.slug(), "", detail, remedy);
    Problem { faults: vec![fault], ..Problem::new(Kind::RequestMalformed, detail) }
}

/// The questions under way, by destination: one that does not answer must not take the places of others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Questions(Arc<Mutex<HashMap<DestinationName, usize>>>);

/// A question under way; dropping it gives its place back.
#[derive(Debug)]
struct Place {
    of: Questions,
    destination: DestinationName,
}

impl Questions {
    fn place(&self, destination: &DestinationName, max: usize) -> Result<Place, Problem> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(destination.clone()).or_default();
        if *count >= max {
            metrics::rate_limited("questions");
            let detail = "as many questions are under way at this destination as the settings allow";
            return Err(Problem::new(Kind::RateLimited, detail).retry_after(Duration::from_secs(1)));
        }
        *count += 1;
        Ok(Place { of: self.clone(), destination: destination.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.destination) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_that_does_not_answer_takes_no_place_of_another() {
        let (slow, quick) = ("slow".parse().unwrap(), "quick".parse().unwrap());
        let questions = Questions::default();
        let held: Vec<_> = (0..2).map(|_| questions.place(&slow, 2).unwrap()).collect();
        assert_eq!(questions.place(&slow, 2).unwrap_err().kind, Kind::RateLimited);
        assert!(questions.place(&quick, 2).is_ok());
        drop(held);
        assert!(questions.place(&slow, 2).is_ok());
    }

    #[test]
    fn parameters_are_one_object_read_strictly_or_none() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(parameters(None).unwrap(), Map::new());
        assert_eq!(parameters(Some(&raw(r#"{"a":"b"}"#))).unwrap().len(), 1);
        for text in ["[]", "1", "null", r#"{"a":1,"a":2}"#] {
            assert_eq!(parameters(Some(&raw(text))).unwrap_err().stage, Stage::Query, "{text}");
        }
    }
}
