//! Storing a batch by STOW-RS: one request, and what its answer says of each instance.
//!
//! Every attempt sends one batch of what the image bank has not confirmed. An attempt without a readable answer is settled by sending the
//! same instances again: to store an instance once more under its UID changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use clearance::adapter::{Acknowledgement, Call, DestinationRefusal, Means, Outcome, Reply, Setback};
use clearance::fault::Fault;
use clearance::journey::Cleared;
use clearance::person::Private;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::batch::Batch;
use crate::reason::{DUPLICATE, Reason};
use crate::stored::{Fate, Stored};
use crate::{DICOM_JSON, Settings, multipart};

/// What an answer says of one instance is well below this.
const ANSWER_BYTES_PER_INSTANCE: usize = 4 << 10;
/// The longest wait that a peer may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Sends the next batch.
pub(crate) async fn deliver(settings: &Settings, cleared: &Cleared, means: &Means<'_>) -> Outcome {
    let batch = Batch::next(cleared, settings).filter(|batch| !batch.sending.is_empty());
    let Some(batch) = batch else { return Outcome::Failed(Setback::new("batch-empty")) };
    let Some(call) = call(settings, cleared, &batch, means) else {
        return Outcome::Failed(Setback::new("request-not-built"));
    };
    match means.transport.call(call).await {
        Err(failure) => failure.into(),
        Ok(reply) => Judgement { cleared, batch: &batch }.read(reply, means.clock.now()),
    }
}

fn call(settings: &Settings, cleared: &Cleared, batch: &Batch<'_>, means: &Means<'_>) -> Option<Call> {
    let boundary = multipart::boundary(cleared);
    let url = format!("{}/studies", settings.url);
    Some(Call {
        peer: settings.peer.clone(),
        method: Method::POST,
        url: Private::new(url.clone()),
        url_template: url,
        headers: HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_str(&multipart::content_type(&boundary)).ok()?),
            (ACCEPT, HeaderValue::from_static(DICOM_JSON)),
        ]),
        body: multipart::body(batch, &boundary),
        deadline: means.deadline,
        answer_bytes_max: ANSWER_BYTES_PER_INSTANCE * (batch.sending.len() + 1),
    })
}

/// Judges the answer about a batch.
struct Judgement<'a> {
    cleared: &'a Cleared,
    batch: &'a Batch<'a>,
}

/// The instances of a batch by what became of them, each by the number of its document.
#[derive(Default)]
struct Fates {
    done: BTreeSet<u32>,
    refused: Vec<(u32, u16)>,
    failed: Vec<(u32, u16)>,
    unsaid: bool,
    warned: Vec<u16>,
}

impl Judgement<'_> {
    fn read(&self, reply: Reply, now: Timestamp) -> Outcome {
        let retry_after = retry_after(&reply.headers, now);
        match Stored::read(&reply.body).ok().filter(Stored::says_something) {
            // Whatever the status: a 200 may hold failures, and a 409 what was stored all the same.
            Some(stored) => self.judged(&stored, reply.body, retry_after),
            None => without_fates(reply.status, retry_after),
        }
    }

    fn judged(&self, stored: &Stored, proof: Bytes, retry_after: Option<Duration>) -> Outcome {
        let fates = self.fates(stored);
        self.note(&fates.warned);
        let setback = fates.setback().map(|code| Setback { code, retry_after });
        let all_is_done = fates.done.len() == self.batch.sending.len();
        match setback {
            None if all_is_done && self.batch.left.is_empty() => {
                let reference = stored.study().map(|study| format!("studies/{}", study.as_str()));
                Outcome::Delivered(Acknowledgement { reference, proof })
            }
            // What is refused goes again with what is left, until a batch holds nothing else.
            setback if !fates.done.is_empty() => Outcome::Partly { done: fates.done, setback },
            Some(setback) if fates.unsaid => Outcome::Unknown(setback),
            Some(setback) => Outcome::Failed(setback),
            None => Outcome::Refused(fates.refusal(&self.batch.left)),
        }
    }

    fn fates(&self, stored: &Stored) -> Fates {
        let mut fates = Fates::default();
        for sending in &self.batch.sending {
            let number = sending.part.number();
            match stored.fate(&sending.instance) {
                Fate::Stored { warning } => {
                    fates.done.insert(number);
                    fates.warned.extend(warning);
                }
                // An earlier attempt of ours may have stored it.
                Fate::Failed { reason: Some(DUPLICATE) } if self.cleared.perhaps_delivered() => {
                    fates.done.insert(number);
                }
                Fate::Failed { reason } => {
                    let reason = reason.unwrap_or_default();
                    let is_transient = Reason::of(reason).is_transient;
                    let kind = if is_transient { &mut fates.failed } else { &mut fates.refused };
                    kind.push((number, reason));
                }
                Fate::Unsaid => fates.unsaid = true,
            }
        }
        fates
    }

    /// What was stored with a warning is stored; whoever runs the gateway is told.
    fn note(&self, warned: &[u16]) {
        let codes: BTreeSet<_> = warned.iter().map(|code| format!("{code:04x}")).collect();
        if !codes.is_empty() {
            let codes = codes.into_iter().collect::<Vec<_>>().join(",");
            tracing::warn!(event.action = "stored-with-warning", transfer.id = %self.cleared.transfer(), code = codes, instances = warned.len(), "the image bank has stored instances with a warning");
        }
    }
}

impl Fates {
    /// Why it is worth another attempt, if it is.
    fn setback(&self) -> Option<String> {
        match self.failed.first() {
            _ if self.unsaid => Some("instance-not-confirmed".to_owned()),
            Some((_, reason)) => Some(format!("instance-failed-{reason:04x}")),
            None => None,
        }
    }

    /// The image bank wants none of a batch. What is left is not sent: an attempt sends the first of what is not stored, and it would be the
    /// same batch for ever.
    fn refusal(self, left: &[u32]) -> DestinationRefusal {
        let code = self.refused.first().map_or(0, |(_, reason)| *reason);
        let place = |number: u32| format!("document[{number}]");
        let refused = self.refused.into_iter().map(|(number, code)| {
            let Reason { detail, remedy, .. } = Reason::of(code);
            Fault::new("instance-refused", place(number), format!("{detail} (reason {code:04X})"), remedy)
        });
        let not_sent = left.iter().map(|number| {
            let detail = "it was not sent: of the instances before it a whole request was refused";
            Fault::new("instance-not-sent", place(*number), detail, "send it without those")
        });
        DestinationRefusal {
            code: format!("instance-refused-{code:04x}"),
            faults: refused.chain(not_sent).collect(),
        }
    }
}

/// What an answer means that says nothing of any instance.
fn without_fates(status: StatusCode, retry_after: Option<Duration>) -> Outcome {
    let code = format!("http-{}", status.as_u16());
    let setback = Setback { code: code.clone(), retry_after };
    match status {
        // It was read, and is no request to store; it would be none the next time.
        StatusCode::BAD_REQUEST
        | StatusCode::CONFLICT
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            Outcome::Refused(DestinationRefusal { code, faults: Vec::new() })
        }
        status if status.is_success() => Outcome::Unknown(Setback::new("answer-unreadable")),
        StatusCode::REQUEST_TIMEOUT => Outcome::Unknown(setback),
        // Turned away at the door, for what the settings say or what may pass: nothing was stored.
        status if status.is_client_error() || status.is_redirection() => Outcome::Failed(setback),
        _ => Outcome::Unknown(setback),
    }
}

/// `Retry-After` as seconds or as a date, a day at most.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    static DATES: DateTimeParser = DateTimeParser::new();
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DATES.parse_timestamp(text).ok()?;
            Duration::try_from(date.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}
