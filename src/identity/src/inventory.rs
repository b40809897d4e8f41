//! What expires when, and how loudly to say so.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

/// Something with an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// What it is, in words.
    pub name: String,
    /// Its end.
    pub not_after: Timestamp,
    /// Whole days left, rounded down; negative when it is over.
    pub days_left: i64,
    /// How urgent it is.
    pub urgency: Urgency,
}

/// The levels at which an end is announced: 60, 30, 14, 7 and 1 days ahead. Ordered, the calmest
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// More than 60 days.
    None,
    /// At most 60 days.
    Days60,
    /// At most 30 days.
    Days30,
    /// At most 14 days.
    Days14,
    /// At most 7 days.
    Days7,
    /// At most 1 day.
    Days1,
    /// Over.
    Expired,
}

const DAY_SECONDS: i64 = 86_400;

impl Urgency {
    /// The level `left` seconds before the end.
    fn of(left: i64) -> Self {
        match left {
            ..0 => Self::Expired,
            left if left <= DAY_SECONDS => Self::Days1,
            left if left <= 7 * DAY_SECONDS => Self::Days7,
            left if left <= 14 * DAY_SECONDS => Self::Days14,
            left if left <= 30 * DAY_SECONDS => Self::Days30,
            left if left <= 60 * DAY_SECONDS => Self::Days60,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no hurry",
            Self::Days60 => "within 60 days",
            Self::Days30 => "within 30 days",
            Self::Days14 => "within 14 days",
            Self::Days7 => "within 7 days",
            Self::Days1 => "within 1 day",
            Self::Expired => "expired",
        })
    }
}

/// The ends given, the first one first.
#[must_use]
pub fn inventory(ends: impl IntoIterator<Item = (String, Timestamp)>, now: Timestamp) -> Vec<Expiry> {
    let mut expiries: Vec<_> = ends
        .into_iter()
        .map(|(name, not_after)| {
            let left = not_after.as_second().saturating_sub(now.as_second());
            Expiry { name, not_after, days_left: left.div_euclid(DAY_SECONDS), urgency: Urgency::of(left) }
        })
        .collect();
    expiries.sort_by(|a, b| (a.not_after, &a.name).cmp(&(b.not_after, &b.name)));
    expiries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_announced_60_30_14_7_and_1_days_ahead() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        for (seconds, days, urgency) in [
            (61 * DAY_SECONDS, 61, Urgency::None),
            (60 * DAY_SECONDS + 1, 60, Urgency::None),
            (60 * DAY_SECONDS, 60, Urgency::Days60),
            (30 * DAY_SECONDS, 30, Urgency::Days30),
            (14 * DAY_SECONDS, 14, Urgency::Days14),
            (7 * DAY_SECONDS, 7, Urgency::Days7),
            (DAY_SECONDS, 1, Urgency::Days1),
            (0, 0, Urgency::Days1),
            (-1, -1, Urgency::Expired),
        ] {
            let end = Timestamp::from_second(now.as_second() + seconds).unwrap();
            let found = inventory([("it".to_owned(), end)], now);
            assert_eq!((found[0].days_left, found[0].urgency), (days, urgency), "{seconds}");
        }
    }

    #[test]
    fn the_first_end_comes_first() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |second| Timestamp::from_second(second).unwrap();
        let ends = [("b".to_owned(), at(2)), ("c".to_owned(), at(1)), ("a".to_owned(), at(2))];
        let names: Vec<_> = inventory(ends, now).into_iter().map(|end| end.name).collect();
        assert_eq!(names, ["c", "a", "b"]);
    }
}
