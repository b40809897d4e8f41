//! Why a call brought no answer of the service, and what that says of the document it carried.

use std::time::Duration;

use clearance::adapter::{CallFailure, DestinationRefusal, Outcome, Setback};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The longest wait that a peer may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Why a call brought no answer of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it means for the call.
    pub effect: Effect,
    /// A code from a closed list, and when the peer asked to be asked again.
    pub setback: Setback,
}

/// What a trouble means for the call that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The service has not seen it, and the same call would fail the same way: somebody has to change something.
    Permanent,
    /// The service has not seen it, and it may work later.
    NotArrived,
    /// The service may have acted on it.
    PerhapsArrived,
}

impl Trouble {
    /// A trouble with this effect and code.
    pub fn new(effect: Effect, code: impl Into<String>) -> Self {
        Self { effect, setback: Setback::new(code) }
    }

    /// The same, to be asked again after `retry_after`.
    #[must_use]
    pub fn after(self, retry_after: Option<Duration>) -> Self {
        Self { setback: Setback { retry_after, ..self.setback }, ..self }
    }

    /// How the attempt ends when the call carried the document.
    pub fn with_the_document(self) -> Outcome {
        match self.effect {
            Effect::Permanent => refusal(self.setback),
            Effect::NotArrived => Outcome::Failed(self.setback),
            Effect::PerhapsArrived => Outcome::Unknown(self.setback),
        }
    }

    /// How the attempt ends when the call came before the document.
    pub fn before_the_document(self) -> Outcome {
        match self.effect {
            Effect::Permanent => refusal(self.setback),
            Effect::NotArrived | Effect::PerhapsArrived => Outcome::Failed(self.setback),
        }
    }
}

fn refusal(setback: Setback) -> Outcome {
    Outcome::Refused(DestinationRefusal { code: setback.code, faults: Vec::new() })
}

impl From<CallFailure> for Trouble {
    fn from(failure: CallFailure) -> Self {
        let arrived = failure.may_have_arrived();
        let effect = if arrived { Effect::PerhapsArrived } else { Effect::NotArrived };
        Self::new(effect, failure.code())
    }
}

/// When the peer asked to be asked again: `Retry-After` as seconds or as a date, a day at most.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date_and_never_longer_than_a_day() {
        let now: Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
        let read = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Sun, 22 Nov 2026 15:01:30 GMT"), Some(90));
        assert_eq!(read("Sun, 22 Nov 2026 14:00:00 GMT"), Some(0));
        assert_eq!(read("99999999999"), Some(86_400));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }

    #[test]
    fn only_a_call_that_may_have_arrived_leaves_the_document_unknown() {
        for failure in [CallFailure::NotReached, CallFailure::TimedOut] {
            let trouble = Trouble::from(failure);
            assert!(matches!(trouble.clone().before_the_document(), Outcome::Failed(_)));
            let unknown = matches!(trouble.with_the_document(), Outcome::Unknown(_));
            assert_eq!(unknown, failure.may_have_arrived());
        }
    }
}
