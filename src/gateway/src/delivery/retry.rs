//! When to try again: exponential, with jitter, capped, and never before the destination asked to be asked.

use std::time::Duration;

use clearance::clock::{Entropy, random};
use jiff::Timestamp;

use crate::config;

/// How retries are spaced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    pub(crate) first: Duration,
    pub(crate) factor: f64,
    pub(crate) max: Duration,
}

impl Retry {
    pub(crate) fn of(settings: &config::Delivery) -> Self {
        Self {
            first: Duration::from_millis(settings.retry_first_ms),
            factor: settings.retry_factor,
            max: Duration::from_secs(settings.retry_max_seconds),
        }
    }

    /// When attempt `attempts + 1` is due, after `attempts` have failed.
    ///
    /// The wait is between half and all of the exponential one, so that transfers that failed together part.
    pub(crate) fn next(
        &self,
        now: Timestamp,
        attempts: u32,
        retry_after: Option<Duration>,
        entropy: &dyn Entropy,
    ) -> Timestamp {
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let whole = self.first.as_secs_f64() * self.factor.powi(exponent);
        let whole =
            if whole.is_finite() { whole.min(self.max.as_secs_f64()) } else { self.max.as_secs_f64() };
        let jitter = random::<4>(entropy)
            .map_or(1.0, |bytes| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
        let wait = Duration::from_secs_f64(whole * (0.5 + jitter / 2.0));
        // A destination may ask for patience, but not for more than the cap: it could ask for ever.
        let wait = wait.max(retry_after.unwrap_or_default().min(self.max));
        now.checked_add(wait).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use clearance::clock::SystemEntropy;

    use super::*;

    #[test]
    fn waits_grow_are_jittered_capped_and_honour_retry_after() {
        let retry = Retry { first: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(900) };
        let now = Timestamp::UNIX_EPOCH;
        let wait = |attempts, after| {
            let next = retry.next(now, attempts, after, &SystemEntropy);
            next.duration_since(now).as_secs_f64()
        };
        for attempts in 1..=40 {
            let whole = 2f64.powi(attempts - 1).min(900.0);
            let wait = wait(attempts as u32, None);
            assert!((whole / 2.0..=whole).contains(&wait), "{attempts}: {wait}");
        }
        assert!((wait(1, Some(Duration::from_secs(120))) - 120.0).abs() < 1e-6);
        assert!(wait(1, Some(Duration::from_secs(1_000_000))) <= 900.0);
        assert!(wait(u32::MAX, None) <= 900.0);
    }
}
