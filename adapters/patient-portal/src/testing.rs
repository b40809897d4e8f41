//! What the tests share: a made-up epicrisis, the journey to this destination, and a Security Server that plays answers.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use clearance::adapter::{Call, CallFailure, Means, Outcome, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::journey::Outgoing;
use clearance::refusal::Refusal;
pub(crate) use clearance::testing::Journey;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use patient_portal_sandbox::{Professional, Rules, Service};
use serde_json::{Value, json};
use stand_in::{Answer, Asked, Role};

use crate::{PatientPortal, Settings};

pub(crate) const EPICRISIS: &str = include_str!("../../../tests/fixtures/ambulatory-epicrisis.xml");
pub(crate) const SUBJECT: &str = "49003120231";

/// A declaration that is lawful for `purpose`.
pub(crate) fn declaration(purpose: &str) -> Value {
    let text = include_str!("../../../tests/fixtures/ambulatory-epicrisis-declaration.json");
    let mut declaration: Value = serde_json::from_str(text).unwrap();
    declaration["purpose"] = json!(purpose);
    declaration
}

/// The same, about a health certificate that TIS has as `Composition/500`.
pub(crate) fn certificate_declaration(purpose: &str) -> Value {
    let mut declaration = declaration(purpose);
    declaration["evidence"] = json!([{ "kind": "certificate", "ref": "Composition/500" }]);
    declaration["reason"] = json!("tervisetõend");
    declaration
}

/// The epicrisis, with another text in place of `from`, which is there once.
pub(crate) fn epicrisis_with(from: &str, to: &str) -> String {
    assert_eq!(EPICRISIS.matches(from).count(), 1, "{from}");
    EPICRISIS.replace(from, to)
}

/// The second version of the epicrisis.
pub(crate) fn second_version() -> String {
    let related = "<relatedDocument typeCode=\"RPLC\"><parentDocument><id root=\"2.999.10990009.2\" extension=\"E-2026-0001.1\"/>\
        <setId root=\"2.999.10990009.1\" extension=\"E-2026-0001\"/></parentDocument></relatedDocument>";
    epicrisis_with("<versionNumber value=\"1\"/>", "<versionNumber value=\"2\"/>")
        .replacen("E-2026-0001.1", "E-2026-0001.2", 1)
        .replace("<componentOf", &format!("{related}<componentOf"))
}

pub(crate) fn settings() -> Value {
    json!({ "hl7": {
        "peer": "security-server", "url": "https://security.example", "instance": "ee-test",
        "client": "COM/10990009/gateway", "service": "GOV/70009770/digilugu/hl7", "version": "v1",
        "processing": "T",
        "sender": { "root": "2.999.10990009.3", "extension": "clearance" },
        "receiver": { "root": "1.3.6.1.4.1.28284.6.2.2.18.2" },
    }, "tis": {
        "peer": "security-server", "url": "https://security.example", "instance": "ee-test",
        "client": "COM/10990009/gateway", "organisation": "10990009", "application": "clearance",
    } })
}

/// The journey to this destination.
pub(crate) fn journey() -> Journey {
    let settings: Settings = serde_json::from_value(settings()).unwrap();
    Journey::to("patient-portal", PatientPortal::new(settings).unwrap())
}

/// What would leave of `document` under `purpose`.
pub(crate) fn shape(purpose: &str, document: &str) -> Result<Outgoing, Refusal> {
    journey().shape_document(&declaration(purpose), "application/xml", document.to_owned())
}

/// What would leave, as text.
pub(crate) fn shaped(purpose: &str, document: &str) -> String {
    let outgoing = shape(purpose, document).unwrap();
    String::from_utf8(outgoing.payload().bytes.to_vec()).unwrap()
}

/// A piece of `text`.
pub(crate) fn piece(text: &str, range: impl std::slice::SliceIndex<str, Output = str>) -> &str {
    text.get(range).unwrap()
}

/// The stand-in's rules: Mari Maasikas is known, and Doctor Arst acts for the clinic.
pub(crate) fn rules() -> Rules {
    let patient = |code: &str| ("1.3.6.1.4.1.28284.6.2.2.1".to_owned(), code.to_owned());
    Rules {
        clients: Vec::new(),
        service: "ee-test/GOV/70009770/digilugu/hl7/v1".into(),
        professionals: vec![Professional {
            personal_code: "47605090025".into(),
            code: "D01234".into(),
            organisation: "10990009".into(),
        }],
        patients: vec![patient(SUBJECT), patient("38507140418")],
        senders: vec![("2.999.10990009.3".into(), "clearance".into())],
        receiver: "1.3.6.1.4.1.28284.6.2.2.18.2".into(),
        processing: "T".into(),
    }
}

/// The stand-in in place of a network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) service: Service,
    /// How many answers get lost.
    pub(crate) lost: AtomicUsize,
}

impl Network {
    pub(crate) fn up() -> Self {
        let service = Service::new(rules()).unwrap().letting_in("gateway", "ee-test/COM/10990009/gateway");
        Self { service, lost: AtomicUsize::new(0) }
    }

    pub(crate) fn means(&self) -> Means<'_> {
        Means { clock: &Stopped, deadline: Timestamp::MAX, transport: self, signer: &NoSigner }
    }

    /// What the stand-in answers to `call`.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        let asked = Asked {
            method: call.method.clone(),
            uri: call.url.expose().parse().unwrap(),
            headers: call.headers.clone(),
            body: call.body.in_memory().unwrap(),
            peer: "gateway".into(),
        };
        self.service.answer(&asked, Stopped.now())
    }
}

impl Transport for Network {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        let answer = self.answer(&call);
        let reply = Reply { status: answer.status, headers: answer.headers, body: answer.body.into() };
        let lose = self.lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        Box::pin(async move { if lose.is_ok() { Err(CallFailure::Broken) } else { Ok(reply) } })
    }
}

/// How an attempt with `document` ends.
pub(crate) async fn deliver(
    purpose: &str,
    document: &str,
    perhaps_delivered: bool,
    means: &Means<'_>,
) -> Outcome {
    let journey = journey();
    let outgoing =
        journey.shape_document(&declaration(purpose), "application/xml", document.to_owned()).unwrap();
    let cleared = journey.clear(outgoing, perhaps_delivered, None, means).await.unwrap();
    journey.adapter().deliver(cleared, means).await
}

/// Plays answers in order and keeps the calls.
#[derive(Debug)]
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

    pub(crate) fn means(&self) -> Means<'_> {
        Means { clock: &Stopped, deadline: Timestamp::MAX, transport: self, signer: &NoSigner }
    }
}

impl Transport for Stage {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front().expect("a call that the test did not expect");
        Box::pin(async move { answer })
    }
}

/// An answer in XML.
pub(crate) fn reply(status: u16, body: &str) -> Result<Reply, CallFailure> {
    Ok(Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"))]),
        body: Bytes::copy_from_slice(body.as_bytes()),
    })
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }
}

#[derive(Debug)]
struct NoSigner;

impl PayloadSigner for NoSigner {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}
