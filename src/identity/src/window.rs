//! A span of time in which something holds, and the way between the clocks of the libraries.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::UnixTime;

/// From `not_before` to `not_after`, both included, as in RFC 5280 § 4.1.2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

impl Window {
    /// The whole of time.
    pub const ALWAYS: Self = Self { not_before: Timestamp::MIN, not_after: Timestamp::MAX };

    /// Whether `now` lies in the window.
    #[must_use]
    pub fn contains(self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// The span both windows share; it contains no moment when they share none.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }
}

/// The time as rustls and webpki want it. A moment before 1970 becomes 1970: every certificate is
/// then not yet valid, which is the safe answer to a broken clock.
pub(crate) fn unix_time(now: Timestamp) -> UnixTime {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// An ASN.1 time, held within the years jiff knows.
pub(crate) fn timestamp(asn1_seconds: i64) -> Timestamp {
    Timestamp::from_second(asn1_seconds).unwrap_or(if asn1_seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}
