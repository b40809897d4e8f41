//! The plan of faults: what goes wrong with the next requests, and how often.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::sync::watch;

/// One way to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status without looking at the request, and with `Retry-After` in seconds when given.
    Status(u16, Option<u64>),
    /// Waits, then does what it would have done.
    Delay(Duration),
    /// Closes the connection; nothing is stored.
    DropBefore,
    /// Does and stores what it would have done, then closes the connection without an answer.
    DropAfter,
    /// Does and stores what it would have done, and answers only after a while.
    DelayAfter(Duration),
    /// Answers 200 with a body that nobody can read; nothing is stored.
    Garbage,
    /// Answers 200 with a body that says error in the partner's form; nothing is stored.
    ErrorInside200,
    /// Answers as X-Road does when it fails itself, with this error type; a partner reached without X-Road answers 500.
    XRoadError(String),
    /// Does what it would have done, but for the item of the request with this number, from 1, which fails with this code.
    Item(u32, String),
    /// Answers 429 with `Retry-After` and `RateLimit`.
    RateLimit,
    /// Resets every connection, old and new, until told otherwise; takes no path and no count.
    Down,
}

/// What a stand-in is told to do wrong.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    planned: Vec<Planned>,
    down: bool,
}

/// One fault for a number of requests.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    pub(crate) on: String,
    pub(crate) count: u32,
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// After what is planned, `fault` for the next `count` requests whose `METHOD /path` contains `on`; an empty `on` matches
    /// every request.
    #[must_use]
    pub fn then(mut self, fault: Fault, on: &str, count: u32) -> Self {
        if fault == Fault::Down {
            self.down = true;
        } else {
            self.planned.push(Planned { fault, on: on.into(), count });
        }
        self
    }

    /// [`then`](Self::then) for the next request, whatever it is.
    #[must_use]
    pub fn once(self, fault: Fault) -> Self {
        self.then(fault, "", 1)
    }
}

/// The plan as it is worked off.
pub(crate) struct Faults {
    planned: Mutex<Vec<Planned>>,
    down: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { planned: Mutex::default(), down: watch::Sender::new(false) }
    }
}

impl Faults {
    /// Forgets the old plan and follows `plan`.
    pub(crate) fn replace(&self, plan: FaultPlan) {
        *self.lock() = plan.planned;
        self.down.send_replace(plan.down);
    }

    /// Adds `plan` to what is planned.
    pub(crate) fn extend(&self, plan: FaultPlan) {
        self.lock().extend(plan.planned);
        if plan.down {
            self.down.send_replace(true);
        }
    }

    /// The fault for this request, if one is planned; it counts as done.
    pub(crate) fn take(&self, method: &Method, path: &str) -> Option<Fault> {
        if *self.down.borrow() {
            return Some(Fault::Down);
        }
        let line = format!("{method} {path}");
        let mut planned = self.lock();
        let next = planned.iter_mut().find(|next| next.count > 0 && line.contains(&next.on))?;
        next.count -= 1;
        let fault = next.fault.clone();
        planned.retain(|next| next.count > 0);
        Some(fault)
    }

    /// What is still planned, and whether the stand-in is down.
    pub(crate) fn pending(&self) -> (Vec<Planned>, bool) {
        (self.lock().clone(), *self.down.borrow())
    }

    /// Tells when the stand-in goes down or comes back.
    pub(crate) fn watch_down(&self) -> watch::Receiver<bool> {
        self.down.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
