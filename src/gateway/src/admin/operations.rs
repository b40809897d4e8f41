//! What operators see and steer that no store keeps: how deliveries went in the last hour, since when something is wrong, and what
//! a verification of the ledger found. It begins anew with the process.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use clearance::journey::RecorderError;
use clearance::words::{DestinationName, State, TransferId};
use jiff::{SignedDuration, Timestamp};
use ledger::Verifier;
use serde::Serialize;
use store::{Changed, Paused, Sqlite};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::gateway::Gateway;
use crate::transport::Calls;

/// The minutes that are kept of each destination.
const MINUTES: usize = 60;
/// Listeners that may fall behind by so much before they look at everything again.
const NEWS_KEPT: usize = 256;

/// The running gateway, as operators see it.
#[derive(Debug)]
pub(crate) struct Operations {
    pub(super) started_at: Timestamp,
    pub(super) calls: Arc<Calls>,
    pub(super) verifier: Verifier,
    /// The destinations to which nothing is sent; the store has the last word.
    paused: ArcSwap<BTreeMap<DestinationName, Paused>>,
    looking: tokio::sync::Mutex<()>,
    courses: Mutex<BTreeMap<DestinationName, Course>>,
    settings: Mutex<(u64, Timestamp)>,
    wrong_since: Mutex<BTreeMap<(&'static str, String), Timestamp>>,
    verified: Mutex<Verification>,
    news: broadcast::Sender<News>,
}

/// What a listener is told.
#[derive(Debug, Clone)]
pub(super) enum News {
    Transfer(Changed),
    Destination(DestinationName),
    Ledger,
}

/// How deliveries to a destination have gone.
#[derive(Debug, Default, Clone)]
pub(super) struct Course {
    minutes: VecDeque<Minute>,
    pub(super) last_delivered_at: Option<Timestamp>,
    /// The first attempt that failed since one succeeded.
    pub(super) failing_since: Option<Timestamp>,
    /// The latest attempt that failed, and which transfer's it was: its code is asked of the store.
    pub(super) last_failure: Option<(Timestamp, TransferId)>,
    under_way: BTreeSet<TransferId>,
}

/// What happened within a minute.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Minute {
    pub(super) at: Timestamp,
    pub(super) delivered: u64,
    pub(super) failed: u64,
}

/// The last verification of the ledger that somebody asked for.
#[derive(Debug, Default, Clone)]
pub(super) struct Verification {
    pub(super) is_under_way: bool,
    pub(super) found: Option<Verified>,
}

/// What it found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Verified {
    pub(super) at: Timestamp,
    pub(super) entries: u64,
    pub(super) ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
}

impl Operations {
    pub(crate) fn new(now: Timestamp, calls: Arc<Calls>, verifier: Verifier, paused: Vec<Paused>) -> Self {
        Self {
            started_at: now,
            calls,
            verifier,
            paused: ArcSwap::from_pointee(by_name(paused)),
            looking: tokio::sync::Mutex::default(),
            courses: Mutex::default(),
            settings: Mutex::new((1, now)),
            wrong_since: Mutex::default(),
            verified: Mutex::default(),
            news: broadcast::Sender::new(NEWS_KEPT),
        }
    }

    /// Whether nothing is sent to a destination.
    pub(crate) fn is_paused(&self, destination: &DestinationName) -> bool {
        self.paused.load().contains_key(destination)
    }

    pub(super) fn paused(&self) -> Arc<BTreeMap<DestinationName, Paused>> {
        self.paused.load_full()
    }

    /// Asks the store which are paused: after each act, and again and again, whoever paused them.
    pub(crate) async fn look_at_pauses(&self, store: &Sqlite) -> Result<(), RecorderError> {
        // One at a time: what was read first must not be put in force last.
        let _looking = self.looking.lock().await;
        self.paused.store(Arc::new(by_name(store.paused().await?)));
        Ok(())
    }

    /// Other settings are in force.
    pub(crate) fn reloaded(&self, now: Timestamp) {
        let mut settings = lock(&self.settings);
        *settings = (settings.0 + 1, now);
    }

    /// How many times settings have come into force, and when last.
    pub(super) fn settings(&self) -> (u64, Timestamp) {
        *lock(&self.settings)
    }

    pub(super) fn course(&self, destination: &DestinationName) -> Course {
        lock(&self.courses).get(destination).cloned().unwrap_or_default()
    }

    pub(super) fn verification(&self) -> MutexGuard<'_, Verification> {
        lock(&self.verified)
    }

    /// Since when each of these is wrong; what is not among them any more is forgotten.
    pub(super) fn wrong_since(
        &self,
        wrong: &[(&'static str, String)],
        now: Timestamp,
    ) -> BTreeMap<(&'static str, String), Timestamp> {
        let mut since = lock(&self.wrong_since);
        let known = wrong.iter().map(|key| (key.clone(), since.get(key).copied().unwrap_or(now)));
        *since = known.collect();
        since.clone()
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    pub(super) fn tell(&self, news: News) {
        // Nobody may be listening.
        let _ = self.news.send(news);
    }

    fn changed(&self, changed: Changed, now: Timestamp) {
        lock(&self.courses).entry(changed.destination.clone()).or_default().goes_on(&changed, now);
        self.tell(News::Transfer(changed));
    }
}

impl Course {
    fn goes_on(&mut self, changed: &Changed, now: Timestamp) {
        let was_under_way = self.under_way.remove(&changed.transfer);
        match changed.state {
            State::Delivering if !was_under_way => drop(self.under_way.insert(changed.transfer)),
            State::Delivered => {
                (self.last_delivered_at, self.failing_since) = (Some(now), None);
                self.count(now, |minute| minute.delivered += 1);
            }
            // An attempt that has failed leaves the transfer as it began it.
            State::Delivering | State::Unknown if was_under_way => {
                self.failing_since.get_or_insert(now);
                self.last_failure = Some((now, changed.transfer));
                self.count(now, |minute| minute.failed += 1);
            }
            // It has answered: what it does not want is the sender's trouble.
            State::RefusedByDestination => {
                self.failing_since = None;
                self.count(now, |minute| minute.failed += 1);
            }
            _ => {}
        }
    }

    fn count(&mut self, now: Timestamp, what: impl FnOnce(&mut Minute)) {
        let at = beginning(now);
        if self.minutes.back().is_none_or(|last| last.at < at) {
            self.minutes.push_back(Minute { at, delivered: 0, failed: 0 });
        }
        while self.minutes.len() > MINUTES {
            self.minutes.pop_front();
        }
        if let Some(minute) = self.minutes.back_mut() {
            what(minute);
        }
    }

    /// The last hour, the oldest minute first; what is not there had nothing.
    pub(super) fn hour(&self, now: Timestamp) -> Vec<Minute> {
        let last = beginning(now);
        (0..MINUTES as i64)
            .rev()
            .map(|ago| last.saturating_sub(SignedDuration::from_mins(ago)).unwrap_or(Timestamp::MIN))
            .map(|at| {
                let known = self.minutes.iter().find(|minute| minute.at == at);
                known.copied().unwrap_or(Minute { at, delivered: 0, failed: 0 })
            })
            .collect()
    }
}

fn beginning(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second().div_euclid(60) * 60).unwrap_or(now)
}

fn by_name(paused: Vec<Paused>) -> BTreeMap<DestinationName, Paused> {
    paused.into_iter().map(|paused| (paused.destination.clone(), paused)).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Follows the states of all transfers until `stop` is set.
pub(crate) async fn follow(
    gateway: Arc<Gateway>,
    mut changes: broadcast::Receiver<Changed>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match change {
            Ok(changed) => gateway.operations.changed(changed, gateway.clock.now()),
            // The charts have a gap; what waits is asked of the store anyway.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_341_600 + seconds).unwrap()
    }

    #[test]
    fn the_course_of_an_hour_shows_what_came_through_and_since_when_nothing_does() {
        let transfer = TransferId::from_bytes([7; 16]);
        let destination: DestinationName = "employer".parse().unwrap();
        let mut course = Course::default();
        let mut is = |state, seconds| {
            course.goes_on(&Changed { transfer, destination: destination.clone(), state }, at(seconds));
        };
        is(State::Accepted, 0);
        is(State::Delivering, 1);
        is(State::Delivered, 2);
        for round in 1..4 {
            is(State::Delivering, 60 * round);
            is(State::Delivering, 60 * round + 5);
        }
        let hour = course.hour(at(185));
        assert_eq!(hour.len(), 60);
        let last: Vec<_> =
            hour.iter().rev().take(4).map(|minute| (minute.delivered, minute.failed)).collect();
        assert_eq!(last, [(0, 1), (0, 1), (0, 1), (1, 0)]);
        assert_eq!(course.failing_since, Some(at(65)));
        assert_eq!(course.last_failure, Some((at(185), transfer)));
        assert_eq!(course.last_delivered_at, Some(at(2)));
        let later = course.hour(at(4000));
        assert!(later.iter().all(|minute| minute.delivered + minute.failed == 0));
    }
}
