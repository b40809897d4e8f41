//! How fast clients may send, and how fast destinations may be sent to.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use clearance::words::{ClientId, DestinationName};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, HeaderValue};

use crate::config::Limits;
use crate::intake::problem::{Kind, Problem};
use crate::telemetry::metrics;

/// The rates in force, and what has been used of them.
#[derive(Debug)]
pub(crate) struct Rates(ArcSwap<InForce>);

#[derive(Debug)]
struct InForce {
    figures: [u32; 5],
    clients:
        RateLimiter<ClientId, DefaultKeyedStateStore<ClientId>, DefaultClock, StateInformationMiddleware>,
    destinations: DefaultKeyedRateLimiter<DestinationName>,
    refusals: DefaultKeyedRateLimiter<ClientId>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(ArcSwap::from_pointee(InForce::new(limits)))
    }

    /// Puts other limits in force. Where they are the same, what has been used stays used.
    pub(crate) fn renew(&self, limits: &Limits) {
        if self.0.load().figures != figures(limits) {
            self.0.store(Arc::new(InForce::new(limits)));
        }
    }

    /// Whether a client may send one more request, and what of its rate is left after it.
    pub(crate) fn client(&self, client: &ClientId) -> (Used, Result<(), Problem>) {
        let rates = self.0.load();
        let [per_second, burst, ..] = rates.figures;
        match rates.clients.check_key(client) {
            Ok(state) => (Used { burst, per_second, left: state.remaining_burst_capacity() }, Ok(())),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let detail = "this client sends more than its configured rate";
                (Used { burst, per_second, left: 0 }, Err(too_fast("client", detail, wait)))
            }
        }
    }

    /// Whether one more transfer to a destination may be accepted.
    pub(crate) fn destination(&self, destination: &DestinationName) -> Result<(), Problem> {
        let detail = "more is sent to this destination than its configured rate";
        limited(&self.0.load().destinations, destination, "destination", detail)
    }

    /// Whether one more refusal of a client is written to the ledger; otherwise it is counted only.
    pub(crate) fn refusal_is_ledgered(&self, client: &ClientId) -> bool {
        self.0.load().refusals.check_key(client).is_ok()
    }
}

/// What a client has left of its rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    burst: u32,
    per_second: u32,
    left: u32,
}

impl Used {
    /// Says it in the headers of the IETF's draft on rate limits (draft-ietf-httpapi-ratelimit-headers-10).
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let seconds = |requests: u32| requests.div_ceil(self.per_second.max(1));
        let policy = format!("\"client\";q={};w={}", self.burst, seconds(self.burst));
        let left = format!("\"client\";r={};t={}", self.left, seconds(self.burst.saturating_sub(self.left)));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

impl InForce {
    fn new(limits: &Limits) -> Self {
        Self {
            figures: figures(limits),
            clients: RateLimiter::keyed(quota(limits.client_per_second, limits.client_burst))
                .with_middleware(),
            destinations: RateLimiter::keyed(quota(limits.destination_per_second, limits.destination_burst)),
            refusals: RateLimiter::keyed(quota(
                limits.refusals_ledgered_per_second,
                limits.refusals_ledgered_per_second,
            )),
        }
    }
}

const fn figures(limits: &Limits) -> [u32; 5] {
    [
        limits.client_per_second,
        limits.client_burst,
        limits.destination_per_second,
        limits.destination_burst,
        limits.refusals_ledgered_per_second,
    ]
}

fn limited<K: std::hash::Hash + Eq + Clone>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
    of: &'static str,
    detail: &str,
) -> Result<(), Problem> {
    limiter
        .check_key(key)
        .map_err(|not_until| too_fast(of, detail, not_until.wait_time_from(DefaultClock::default().now())))
}

fn too_fast(of: &'static str, detail: &str, wait: Duration) -> Problem {
    metrics::rate_limited(of);
    // Whole seconds, and never too early.
    let wait = Duration::from_secs(wait.as_secs() + 1);
    Problem::new(Kind::RateLimited, detail).retry_after(wait)
}

fn quota(per_second: u32, burst: u32) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
}
