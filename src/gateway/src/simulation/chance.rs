//! Chance and time, both decided by the seed and the driver and by nothing else.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use clearance::adapter::Promise;
use clearance::clock::{Clock, Entropy, EntropyFailure};
use jiff::Timestamp;

use crate::delivery::Patience;

/// Everything random in a run: SplitMix64, from the seed.
#[derive(Debug)]
pub(super) struct Chance {
    state: Mutex<u64>,
    calm: AtomicBool,
}

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self { state: Mutex::new(seed), calm: AtomicBool::new(false) }
    }

    pub(super) fn next(&self) -> u64 {
        let mut state = self.state.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(super) fn below(&self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Whether something goes wrong now; after [`Chance::calm_down`] nothing does.
    pub(super) fn trouble(&self, one_in: u64) -> bool {
        !self.calm.load(Ordering::Relaxed) && self.one_in(one_in)
    }

    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }
}

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A clock that stands still until it is told to go on.
#[derive(Debug)]
pub(super) struct Time {
    now: Mutex<Timestamp>,
    alarms: Mutex<BTreeSet<Timestamp>>,
}

impl Time {
    pub(super) fn starting(at: Timestamp) -> Self {
        Self { now: Mutex::new(at), alarms: Mutex::default() }
    }

    /// Waits for the driver to get there.
    pub(super) async fn reaches(&self, at: Timestamp) {
        poll_fn(|_| {
            if self.now() >= at {
                return Poll::Ready(());
            }
            self.alarms.lock().unwrap().insert(at);
            Poll::Pending
        })
        .await;
    }

    /// When somebody waits for time to pass, until when at least.
    pub(super) fn next_alarm(&self) -> Option<Timestamp> {
        self.alarms.lock().unwrap().first().copied()
    }

    pub(super) fn go_on_to(&self, at: Timestamp) {
        let mut now = self.now.lock().unwrap();
        *now = at.max(*now);
        self.alarms.lock().unwrap().retain(|alarm| *alarm > *now);
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }
}

/// Waits by letting the others go first: how long it takes is up to them.
#[derive(Debug)]
pub(super) struct GiveWay;

impl Patience for GiveWay {
    fn wait(&self, _: Duration) -> Promise<'static, ()> {
        Box::pin(give_way())
    }
}

/// Lets the others go first, once.
pub(super) async fn give_way() {
    let mut gave_way = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
