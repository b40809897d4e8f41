//! What the tests share: a transport that plays answers and keeps what it was sent.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use clearance::adapter::{Call, CallFailure, Means, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::Clock;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::request::SecurityServer;

/// The personal code of a professional.
pub(crate) const PROFESSIONAL: &str = "60001017869";

/// A Security Server.
pub(crate) fn security_server() -> SecurityServer {
    SecurityServer {
        peer: "security-server".into(),
        url: "https://security.example/".into(),
        client: "ee-test/COM/10303948/gw".parse().unwrap(),
    }
}

/// Plays answers in order and keeps the calls.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    answers: Mutex<VecDeque<Result<Reply, CallFailure>>>,
    calls: Mutex<Vec<Call>>,
}

impl Stage {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<Reply, CallFailure>>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), calls: Mutex::default() }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl Transport for Stage {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front().expect("a call that the test did not expect");
        Box::pin(async move {
            // As on a network, others come to run meanwhile.
            tokio::task::yield_now().await;
            answer
        })
    }
}

/// An answer.
pub(crate) fn reply(status: u16, body: &str) -> Result<Reply, CallFailure> {
    Ok(Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    })
}

/// A clock that the test turns.
#[derive(Debug, Default)]
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

#[derive(Debug)]
struct NoSigner;

impl PayloadSigner for NoSigner {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _message: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}

/// The means of an adapter with this transport and clock.
pub(crate) fn means<'a>(stage: &'a Stage, clock: &'a Hands) -> Means<'a> {
    Means { clock, deadline: Timestamp::MAX, transport: stage, signer: &NoSigner }
}
