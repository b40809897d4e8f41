//! What is known of a request: its id, who sends it, and what its headers ask for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use clearance::client::Client;
use http::HeaderMap;
use identity::{Admitted, Peer};

use super::not_admitted;
use super::problem::{Kind, Problem};
use crate::gateway::Gateway;

/// The request's id in the answer, the log, the trace and the ledger.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    pub(crate) fn fresh(gateway: &Gateway) -> Self {
        let bytes = clearance::clock::random::<16>(&*gateway.entropy).unwrap_or_default();
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The client that sends a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) client: Arc<Client>,
    admitted: Admitted,
}

impl Caller {
    /// Who it is by its certificate.
    pub(crate) fn peer(&self) -> &Peer {
        self.admitted.peer()
    }

    /// Decides again about a peer that was let in.
    pub(crate) fn admit(gateway: &Gateway, admitted: &Admitted) -> Result<Self, Problem> {
        let trust = gateway.trust.current();
        let admitted = trust
            .server()
            .still_valid(admitted, gateway.clock.now())
            .map_err(|error| not_admitted(&error))?;
        let name = admitted.peer().client().as_str();
        let client =
            gateway.rules.load().client(name).ok_or_else(|| {
                Problem::new(Kind::ClientUnregistered, "the client is not registered any more")
            })?;
        Ok(Self { client, admitted })
    }

    /// Decides once more, right before something is recorded.
    pub(crate) fn still_admitted(&self, gateway: &Gateway) -> Result<(), Problem> {
        Self::admit(gateway, &self.admitted).map(drop)
    }

    /// The SHA-256 of the certificate it showed.
    pub(crate) fn certificate(&self) -> [u8; 32] {
        *self.admitted.peer().certificate().fingerprint.as_bytes()
    }
}

/// The route's template, for metrics and logs: a path itself may hold an id.
pub(crate) fn template(request: &Request) -> &'static str {
    const KNOWN: [&str; 12] = [
        "/v1/transfers",
        "/v1/checks",
        "/v1/requests",
        "/v1/transfers/{id}",
        "/v1/transfers/{id}/events",
        "/v1/consents/{id}",
        "/v1/restrictions/{id}",
        "/v1/disclosures/search",
        "/v1/destinations",
        "/openapi.json",
        "/problems",
        "/problems/{slug}",
    ];
    let matched = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    KNOWN.into_iter().find(|known| *known == matched).unwrap_or("other")
}

/// The idempotency key of a request: 1 to 255 visible ASCII characters, bare or as a structured-field string.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing =
        || Problem::new(Kind::IdempotencyKeyMissing, "the header `Idempotency-Key` is missing or empty");
    let unreadable = || {
        let detail = "`Idempotency-Key` is not one text of 1 to 255 visible ASCII characters";
        Problem::new(Kind::IdempotencyKeyMissing, detail)
    };
    let mut values = headers.get_all("idempotency-key").iter();
    let value = values.next().ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| unreadable())?.trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let visible = bare.len() <= 255 && bare.bytes().all(|byte| byte.is_ascii_graphic());
    match (bare.is_empty(), visible && values.next().is_none()) {
        (true, _) => Err(missing()),
        (false, true) => Ok(bare),
        (false, false) => Err(unreadable()),
    }
}

/// How long the caller wants to wait for the outcome (RFC 7240, `Prefer: wait=n`), at most `limit`.
pub(crate) fn wait(headers: &HeaderMap, limit: Duration) -> Option<Duration> {
    let preferences = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let seconds = preferences
        .flat_map(|value| value.split([',', ';']))
        .find_map(|item| item.trim().strip_prefix("wait=")?.trim_matches('"').parse::<u64>().ok())?;
    Some(Duration::from_secs(seconds).min(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn an_idempotency_key_is_read_in_both_spellings() {
        assert_eq!(idempotency_key(&headers("idempotency-key", "\"abc-1\"")).unwrap(), "abc-1");
        assert_eq!(idempotency_key(&headers("idempotency-key", "abc-1")).unwrap(), "abc-1");
        for bad in ["", "\"\"", "a b", &"x".repeat(256)] {
            assert!(idempotency_key(&headers("idempotency-key", bad)).is_err(), "{bad}");
        }
        assert!(idempotency_key(&HeaderMap::new()).is_err());
    }

    #[test]
    fn waiting_is_capped() {
        let limit = Duration::from_secs(60);
        let wait = |value| wait(&headers("prefer", value), limit);
        assert_eq!(wait("respond-async, wait=10"), Some(Duration::from_secs(10)));
        assert_eq!(wait("wait=600"), Some(limit));
        assert_eq!(wait("respond-async"), None);
    }
}
