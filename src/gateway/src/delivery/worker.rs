//! The loops around the courier: for each destination, what is due now, a few at a time; then wait for news or the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use clearance::destination::Destination;
use clearance::journey::{Due, Recorder, RecorderError};
use clearance::words::{DestinationName, TransferId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use store::{PAGE_ROWS_MAX, Sqlite};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::courier::{
    CLIENT_NOT_CONFIGURED, DAMAGED, DOES_NOT_OPEN, KEY_GONE, POLICY_FAILED, SUBJECT_UNPROVABLE,
    UNKNOWN_ENVELOPE,
};
use super::{Courier, Halt, Retry, Step, Terms};
use crate::gateway::Gateway;
use crate::rules::Rules;
use crate::serve::causes;
use crate::telemetry::metrics;

/// The longest wait between two looks: what was missed for whatever reason is found then.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// While attempts are under way, others become due by the clock.
const LOOK_MEANWHILE: Duration = Duration::from_millis(500);
/// A transfer whose row cannot be read is left alone for so long; those beside it go on.
const SET_ASIDE: SignedDuration = SignedDuration::from_mins(1);
/// What a transfer says that waits for its destination to be configured again.
const NOT_CONFIGURED: &str = "destination-not-configured";
/// What is put back or parked until somebody has mended something. Other settings, or a start, may be the mending.
const WAITING: [&str; 8] = [
    NOT_CONFIGURED,
    CLIENT_NOT_CONFIGURED,
    POLICY_FAILED,
    SUBJECT_UNPROVABLE,
    DAMAGED,
    KEY_GONE,
    DOES_NOT_OPEN,
    UNKNOWN_ENVELOPE,
];

/// Delivers until `stop` is set; each destination on its own, so that a dead one delays no other.
///
/// A destination that a reload adds gets its worker at the next look; one that a reload removes keeps it as long as
/// something waits for it.
pub(crate) async fn run(
    gateway: Arc<Gateway>,
    courier: Arc<Courier<Sqlite>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut workers = JoinSet::new();
    let mut served = BTreeMap::<DestinationName, Id>::new();
    while !*stop.borrow() {
        while let Some(ended) = workers.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(event.action = "delivery-broke", error.message = %error, "a destination's worker has broken off; another takes its place");
                served.retain(|_, id| *id != error.id());
            }
        }
        for name in destinations(&gateway).await {
            served.entry(name).or_insert_with_key(|name| {
                let worker = Worker::new(&gateway, &courier, name.clone(), stop.clone());
                workers.spawn(worker.serve()).id()
            });
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            changed = stop.changed() => {
                // Whoever could stop it is gone: so is the gateway.
                if changed.is_err() {
                    return;
                }
            }
        }
    }
    while workers.join_next().await.is_some() {}
}

/// The configured destinations, and those that something still waits for.
async fn destinations(gateway: &Gateway) -> BTreeSet<DestinationName> {
    let waiting = gateway.store.status(gateway.clock.now()).await.unwrap_or_default();
    let configured: Vec<_> = gateway.rules.load().destinations().map(|of| of.name().clone()).collect();
    waiting.into_iter().map(|depth| depth.destination).chain(configured).collect()
}

/// One destination's.
struct Worker {
    gateway: Arc<Gateway>,
    courier: Arc<Courier<Sqlite>>,
    name: DestinationName,
    stop: watch::Receiver<bool>,
    /// The rules under which what had been put back was last called for.
    called_under: Weak<Rules>,
    /// Transfers whose rows cannot be read, and until when they are left alone.
    aside: BTreeMap<TransferId, Timestamp>,
}

impl Worker {
    fn new(
        gateway: &Arc<Gateway>,
        courier: &Arc<Courier<Sqlite>>,
        name: DestinationName,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let (gateway, courier) = (Arc::clone(gateway), Arc::clone(courier));
        Self { gateway, courier, name, stop, called_under: Weak::new(), aside: BTreeMap::new() }
    }

    async fn serve(mut self) {
        let gateway = Arc::clone(&self.gateway);
        let bell = gateway.bells.of(&self.name);
        while !*self.stop.borrow() {
            // Made before looking, so that what is accepted meanwhile is not slept over.
            let woken = bell.notified();
            let wait = match self.round().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(event.action = "delivery-stopped", destination.name = %self.name, error.message = causes(&error), "delivery cannot go on; it waits");
                    if let Halt::Ring(_) = error {
                        // Housekeeping tries the ring, and takes it back.
                        gateway.health.key_ring(Err("the key ring cannot be used"));
                    }
                    LOOK_AGAIN
                }
            };
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(wait) => {}
                changed = self.stop.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Carries everything that is due, some at a time, and takes up what becomes due meanwhile: a slow one delays only
    /// itself and its ordering key. The answer is how long nothing will be due.
    async fn round(&mut self) -> Result<Duration, Halt> {
        let (gateway, courier) = (Arc::clone(&self.gateway), Arc::clone(&self.courier));
        let name = self.name.clone();
        let bell = gateway.bells.of(&name);
        let mut under_way = FuturesUnordered::new();
        let mut carried = BTreeSet::new();
        let mut failed = None;
        loop {
            let woken = bell.notified();
            let places = gateway.config.load().delivery.concurrent.saturating_sub(under_way.len());
            let may_begin = gateway.health.opens() && !*self.stop.borrow();
            if failed.is_none() && places > 0 && may_begin {
                match self.fresh(&carried, places).await {
                    Ok(fresh) => {
                        carried.extend(fresh.iter().map(|due| due.transfer));
                        under_way.extend(fresh.into_iter().map(|due| carry(&gateway, &courier, &name, due)));
                    }
                    Err(error) => failed = Some(error.into()),
                }
            }
            if under_way.is_empty() {
                break;
            }
            tokio::select! {
                Some((transfer, done)) = under_way.next() => {
                    carried.remove(&transfer);
                    match done {
                        Ok(Done::Carried) => {}
                        Ok(Done::PutBack { under }) => self.call_again_if_others_hold(&under),
                        Err(Halt::Record(RecorderError::Damaged(why))) => self.set_aside(transfer, &why),
                        // Nothing more is begun; what is under way comes to its end, and may still be recorded.
                        Err(error) => failed = Some(error),
                    }
                }
                () = woken => {}
                () = tokio::time::sleep(LOOK_MEANWHILE) => {}
            }
        }
        match failed {
            Some(error) => Err(error),
            // What is due waits for an operator, who rings.
            None if !gateway.health.opens() || gateway.operations.is_paused(&name) => Ok(LOOK_AGAIN),
            None => Ok(self.until_next().await?),
        }
    }

    /// Up to `places` transfers that are due, not on their way already and not set aside.
    async fn fresh(
        &mut self,
        carried: &BTreeSet<TransferId>,
        places: usize,
    ) -> Result<Vec<Due>, RecorderError> {
        self.call_for_what_was_put_back().await?;
        let now = self.gateway.clock.now();
        self.aside.retain(|_, until| *until > now);
        let limit = places + carried.len() + self.aside.len();
        let due = self.gateway.store.due(&self.name, now, limit).await?;
        let free = |due: &Due| !carried.contains(&due.transfer) && !self.aside.contains_key(&due.transfer);
        Ok(due.into_iter().filter(free).take(places).collect())
    }

    fn set_aside(&mut self, transfer: TransferId, why: &str) {
        tracing::error!(event.action = "transfer-set-aside", transfer.id = %transfer, destination.name = %self.name, error.message = why, "a transfer's record is damaged; it waits, and those beside it go on");
        let until = self.gateway.clock.now().saturating_add(SET_ASIDE).unwrap_or(Timestamp::MAX);
        self.aside.insert(transfer, until);
    }

    async fn until_next(&self) -> Result<Duration, RecorderError> {
        let next = self.gateway.store.next_due(&self.name).await?;
        let wait = next.map_or(LOOK_AGAIN, |next| {
            Duration::try_from(next.duration_since(self.gateway.clock.now())).unwrap_or_default()
        });
        // What was set aside is due all the time.
        let least = if self.aside.is_empty() { Duration::from_millis(5) } else { LOOK_MEANWHILE };
        Ok(wait.clamp(least, LOOK_AGAIN))
    }

    /// What was put back or parked is made due when other rules are in force, and after a start, since nobody knows what
    /// was mended before it.
    async fn call_for_what_was_put_back(&mut self) -> Result<(), RecorderError> {
        let rules = self.gateway.rules.load_full();
        let called = Weak::ptr_eq(&self.called_under, &Arc::downgrade(&rules));
        if called || rules.destination(&self.name).is_err() {
            return Ok(());
        }
        for code in WAITING {
            let now = self.gateway.clock.now();
            while self.gateway.store.call_for(&self.name, now, code).await? == PAGE_ROWS_MAX {}
        }
        self.called_under = Arc::downgrade(&rules);
        Ok(())
    }

    /// What was put back under rules that are not in force any more was perhaps too late to be called for.
    fn call_again_if_others_hold(&mut self, under: &Arc<Rules>) {
        if !Weak::ptr_eq(&self.called_under, &Arc::downgrade(under)) {
            self.called_under = Weak::new();
        }
    }
}

/// What became of a transfer that was due.
enum Done {
    /// It is one step further.
    Carried,
    /// It waits until something is mended; these rules were in force.
    PutBack { under: Arc<Rules> },
}

async fn carry(
    gateway: &Gateway,
    courier: &Courier<Sqlite>,
    name: &DestinationName,
    due: Due,
) -> (TransferId, Result<Done, Halt>) {
    let transfer = due.transfer;
    (transfer, carry_under(gateway.rules.load_full(), gateway, courier, name, due).await)
}

async fn carry_under(
    rules: Arc<Rules>,
    gateway: &Gateway,
    courier: &Courier<Sqlite>,
    name: &DestinationName,
    due: Due,
) -> Result<Done, Halt> {
    let (transfer, now, last) = (due.transfer, gateway.clock.now(), super::courier::after(due.not_after));
    let step = match rules.destination(name) {
        Ok(destination) => {
            let terms = terms(&destination, &rules, &gateway.config.load().delivery);
            courier.carry(due, terms).await?
        }
        Err(_) if due.not_after < now => {
            courier.expire(&due, name).await?;
            Step::Taken
        }
        Err(_) => Step::Waits(NOT_CONFIGURED),
    };
    match step {
        Step::Taken => return Ok(Done::Carried),
        Step::Parked(code) => metrics::parked(name, code),
        // It waits for other settings, or for the moment after its deadline.
        Step::Waits(code) => {
            tracing::warn!(event.action = "put-back", transfer.id = %transfer, destination.name = %name, code, "a transfer waits for the settings to be mended");
            metrics::parked(name, code);
            gateway.store.put_back(transfer, now, last, code).await?;
        }
    }
    Ok(Done::PutBack { under: rules })
}

fn terms<'a>(
    destination: &'a Destination,
    rules: &'a crate::rules::Rules,
    settings: &crate::config::Delivery,
) -> Terms<'a> {
    Terms {
        destination,
        policy: &rules.policy,
        index: rules.index.as_deref(),
        retry: Retry::of(settings),
        attempt: SignedDuration::from_secs(settings.attempt_seconds.into()),
        bytes_per_second: settings.bytes_per_second_min,
    }
}
