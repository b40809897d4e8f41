//! The registries behind the transport: by chance they confirm, refuse, fail before and after keeping, answer garbage, and
//! are slow or away. What they have kept they remember, truthfully.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clearance::adapter::{Call, CallFailure, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::words::TransferId;
use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::adapter::{ATTEMPT, KEPT, PART, PARTS, TRANSFER};
use super::chance::{Chance, Time};
use super::witness::{Sending, Witness};
use super::{ARCHIVE, REFUSED_TITLE};

/// The registries.
#[derive(Debug)]
pub(super) struct Registries {
    time: Arc<Time>,
    chance: Arc<Chance>,
    witness: Arc<Witness>,
    kept: Mutex<BTreeMap<TransferId, u32>>,
    /// The documents of a transfer that are on the shelf; with the last one they make a report.
    shelved: Mutex<BTreeMap<TransferId, BTreeSet<u32>>>,
    away: Mutex<BTreeMap<String, Timestamp>>,
}

impl Registries {
    pub(super) fn new(time: Arc<Time>, chance: Arc<Chance>, witness: Arc<Witness>) -> Self {
        let (kept, shelved, away) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { time, chance, witness, kept, shelved, away }
    }

    /// How many reports a registry has made of a transfer.
    pub(super) fn kept(&self, transfer: TransferId) -> u32 {
        self.kept.lock().unwrap().get(&transfer).copied().unwrap_or(0)
    }

    /// How many documents of a transfer are on the shelf.
    pub(super) fn shelved(&self, transfer: TransferId) -> usize {
        self.shelved.lock().unwrap().get(&transfer).map_or(0, BTreeSet::len)
    }

    /// Nobody reaches the registry before `until`.
    pub(super) fn go_away(&self, name: &str, until: Timestamp) {
        self.away.lock().unwrap().insert(name.to_owned(), until);
    }

    fn is_away(&self, name: &str) -> bool {
        self.away.lock().unwrap().get(name).is_some_and(|until| *until > self.time.now())
    }

    async fn answer(&self, mut call: Call) -> Result<Reply, CallFailure> {
        if self.is_away(&call.peer) || self.chance.trouble(12) {
            return Err(CallFailure::NotReached);
        }
        let sending = sending(&mut call).await;
        let transfer = sending.transfer;
        self.witness.arrives(&sending);
        if call.method == Method::GET {
            self.takes_time(call.deadline).await?;
            let status = if self.kept(transfer) > 0 { StatusCode::OK } else { StatusCode::NOT_FOUND };
            return Ok(reply(status, KEPT));
        }
        if self.chance.trouble(12) {
            return Ok(patience());
        }
        let body = sending.body.as_deref().unwrap_or_default();
        let refuses = body.windows(REFUSED_TITLE.len()).any(|part| part == REFUSED_TITLE.as_bytes());
        if refuses {
            self.takes_time(call.deadline).await?;
            return Ok(reply(StatusCode::UNPROCESSABLE_ENTITY, b"no"));
        }
        if self.chance.trouble(10) {
            return Err(CallFailure::Broken);
        }
        self.keep(&sending, &call.peer);
        if self.chance.trouble(8) {
            return Err(CallFailure::Broken);
        }
        self.takes_time(call.deadline).await?;
        let garbage = self.chance.trouble(10);
        Ok(reply(StatusCode::OK, if garbage { b"<html>" } else { KEPT }))
    }

    /// The archive recognises what it has, the registry makes another report of it.
    fn keep(&self, sending: &Sending, peer: &str) {
        let transfer = sending.transfer;
        if let Some((part, parts)) = sending.part {
            let mut shelved = self.shelved.lock().unwrap();
            let of_transfer = shelved.entry(transfer).or_default();
            if !of_transfer.insert(part) || of_transfer.len() < parts as usize {
                return;
            }
        }
        let mut kept = self.kept.lock().unwrap();
        let reports = kept.entry(transfer).or_default();
        if peer != ARCHIVE || *reports == 0 {
            *reports += 1;
            self.witness.keeps(transfer);
        }
    }

    /// An answer takes a while, and sometimes longer than anybody waits.
    async fn takes_time(&self, deadline: Timestamp) -> Result<(), CallFailure> {
        let milliseconds = if self.chance.trouble(8) { 60_000 } else { self.chance.below(3_000) };
        let ready = self.time.now() + SignedDuration::from_millis(i64::try_from(milliseconds).unwrap());
        self.time.reaches(ready.min(deadline)).await;
        if ready > deadline { Err(CallFailure::TimedOut) } else { Ok(()) }
    }
}

impl Transport for Registries {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        Box::pin(self.answer(call))
    }
}

async fn sending(call: &mut Call) -> Sending {
    let mut body = Vec::new();
    while let Some(bytes) = call.body.next().await.unwrap() {
        body.extend_from_slice(&bytes);
    }
    let text = |name| call.headers.get(name).and_then(|value| value.to_str().ok());
    let number = |name| text(name).and_then(|text| text.parse().ok());
    Sending {
        transfer: text(TRANSFER).unwrap().parse().unwrap(),
        attempt: number(ATTEMPT).unwrap(),
        part: number(PART).zip(number(PARTS)),
        body: (call.method == Method::POST).then(|| body.into()),
    }
}

fn reply(status: StatusCode, body: &'static [u8]) -> Reply {
    Reply { status, headers: HeaderMap::new(), body: Bytes::from_static(body) }
}

fn patience() -> Reply {
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("20"))]);
    Reply { status: StatusCode::SERVICE_UNAVAILABLE, headers, body: Bytes::new() }
}
