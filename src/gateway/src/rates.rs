//! How fast clients may send, and how fast destinations may be sent to.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use clearance::words::{ClientId, DestinationName};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Limits;
use crate::intake::problem::{Kind, Problem};
use crate::telemetry::metrics;

/// The rates in force, and what has been used of them.
#[derive(Debug)]
pub(crate) struct Rates(ArcSwap<InForce>);

#[derive(Debug)]
struct InForce {
    figures: [u32; 5],
    clients: DefaultKeyedRateLimiter<ClientId>,
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

    /// Whether a client may send one more request.
    pub(crate) fn client(&self, client: &ClientId) -> Result<(), Problem> {
        let detail = "this client sends more than its configured rate";
        limited(&self.0.load().clients, client, "client", detail)
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

impl InForce {
    fn new(limits: &Limits) -> Self {
        Self {
            figures: figures(limits),
            clients: RateLimiter::keyed(quota(limits.client_per_second, limits.client_burst)),
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
    limiter.check_key(key).map_err(|not_until| {
        metrics::rate_limited(of);
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        Problem::new(Kind::RateLimited, detail).retry_after(wait.max(Duration::from_secs(1)))
    })
}

fn quota(per_second: u32, burst: u32) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
}
