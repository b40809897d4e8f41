//! What the tests share: made-up bills, the journey to this destination, and a transport that plays the fund's answers.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use clearance::adapter::{Call, CallFailure, Means, Outcome, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::journey::Outgoing;
use clearance::refusal::Refusal;
pub(crate) use clearance::testing::Journey;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use x_road::soap::{Element, Envelope, Limits, Message};

use crate::{HealthInsuranceFund, Settings, XML};

pub(crate) const SUBJECT: &str = "49003120231";
pub(crate) const PROFESSIONAL: &str = "47605090025";
/// The bill that the demonstration sends, with much that must stay.
pub(crate) const STUFFED: &str = include_str!("../../../tests/fixtures/treatment-bill.xml");
const DECLARATION: &str = include_str!("../../../tests/fixtures/treatment-bill-declaration.json");

/// A declaration that is lawful for `purpose`.
pub(crate) fn declaration(purpose: &str) -> Value {
    let mut declaration: Value = serde_json::from_str(DECLARATION).unwrap();
    declaration["purpose"] = json!(purpose);
    declaration
}

/// A bill of the subject's with these numbers, with nothing that would be stripped.
pub(crate) fn bill(order: usize, number: &str) -> String {
    format!(
        "<item><arveJrk>{order}</arveJrk><arveNumber>{number}</arveNumber><rahastamiseAllikas>RA</rahastamiseAllikas>\
         <arveTeenusTyyp>1</arveTeenusTyyp><lepingupartner>74000091</lepingupartner><eriala>A33</eriala><teenusKoht>0784\
         </teenusKoht><algKp>2026-11-02</algKp><loppKp>2026-11-16</loppKp><yletoo>0</yletoo><saabumiseLiik>2</saabumiseLiik>\
         <lopetamisePohjus>1</lopetamisePohjus><arst><arstiKood>D01234</arstiKood><arstiNimi>Jaan Tamm</arstiNimi><arstiEriala>E290\
         </arstiEriala></arst><valtimatuAbi>true</valtimatuAbi><patsient><isikukood>{SUBJECT}</isikukood></patsient>\
         <arveDiagnoosid><item><liikDiagnoos>P</liikDiagnoos><diagnoos>M54.5</diagnoos><raskusaste>2</raskusaste></item>\
         </arveDiagnoosid><arveTeenused><item><teenusKood>3002</teenusKood><teenusKp>2026-11-02</teenusKp><teenusKogus>1.5\
         </teenusKogus><teenusKoefVaartus>1</teenusKoefVaartus><hambaravi><hambavalemAlates>11</hambavalemAlates></hambaravi></item>\
         </arveTeenused><elDokAndmed><dokumendiLiik>EHIC</dokumendiLiik><dokumendiNumber>80233000001234567890</dokumendiNumber>\
         <kehtibKuniKp>2027-01-01</kehtibKuniKp></elDokAndmed></item>"
    )
}

/// A message with these bills.
pub(crate) fn bills(items: &[String]) -> String {
    format!(
        "<k:rta_saatmine xmlns:k=\"http://kirst.x-road.eu\"><request><raviarved>{}</raviarved></request></k:rta_saatmine>",
        items.concat()
    )
}

/// A cancellation of these bills.
pub(crate) fn cancellation(ids: &[&str]) -> String {
    let item = |id: &&str| {
        format!("<item><arveHkId>{id}</arveHkId><tyhistatudPohjus>TP007</tyhistatudPohjus></item>")
    };
    format!(
        "<k:rta_tyhistus xmlns:k=\"http://kirst.x-road.eu\"><request><raviarveTyhistused>{}</raviarveTyhistused></request>\
         </k:rta_tyhistus>",
        ids.iter().map(item).collect::<String>()
    )
}

/// The journey to this destination.
pub(crate) fn journey() -> Journey {
    Journey::to("health-insurance-fund", HealthInsuranceFund::new(settings("")))
}

/// Settings, with `more`.
pub(crate) fn settings(more: &str) -> Settings {
    let text = format!(
        "peer = \"security-server\"\nurl = \"https://security.example\"\ninstance = \"ee-test\"\n\
         client = \"COM/10303948/gw\"\nsubsystem = \"GOV/74000091/kirst\"\nversion = \"v1\"\n{more}"
    );
    toml::from_str(&text).unwrap()
}

/// What would leave of `document`.
pub(crate) fn shape(purpose: &str, document: &str) -> Result<Outgoing, Refusal> {
    journey().shape_document(&declaration(purpose), XML, document.to_owned())
}

/// One answer of the fund: the response within a message, a fault, or none.
pub(crate) enum Plays {
    Response(String),
    Fault(&'static str),
    Nothing(CallFailure),
}

/// Plays answers in order and keeps the calls.
pub(crate) struct Stage {
    plays: Mutex<VecDeque<Plays>>,
    calls: Mutex<Vec<Message>>,
    envelopes: Mutex<Vec<Bytes>>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stage")
    }
}

impl Stage {
    pub(crate) fn of(plays: impl IntoIterator<Item = Plays>) -> Self {
        Self {
            plays: Mutex::new(plays.into_iter().collect()),
            calls: Mutex::default(),
            envelopes: Mutex::default(),
        }
    }

    /// The messages that were sent.
    pub(crate) fn calls(&self) -> Vec<Message> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// The same as they were written.
    pub(crate) fn envelopes(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.envelopes.lock().unwrap())
    }

    /// How a delivery of `document` ends.
    pub(crate) async fn deliver(&self, purpose: &str, document: &str, perhaps_delivered: bool) -> Outcome {
        let journey = journey();
        let outgoing = journey.shape_document(&declaration(purpose), XML, document.to_owned()).unwrap();
        let means = Means { clock: &Stopped, deadline: Timestamp::MAX, transport: self, signer: &NoSigner };
        let cleared = journey.clear(outgoing, perhaps_delivered, None, &means).await.unwrap();
        journey.adapter().deliver(cleared, &means).await
    }

    fn play(&self, call: &Call) -> Result<Reply, CallFailure> {
        let envelope = call.body.in_memory().unwrap();
        let read = x_road::soap::read(envelope.as_ref(), &Limits::default()).unwrap();
        let Envelope::Message(request) = read else { panic!("a fault was sent") };
        self.calls.lock().unwrap().push((*request).clone());
        self.envelopes.lock().unwrap().push(envelope);
        let (status, body) = match self.plays.lock().unwrap().pop_front().expect("an unexpected call") {
            Plays::Nothing(failure) => return Err(failure),
            Plays::Response(response) => {
                let name = request.body().name().local();
                let body = format!(
                    "<k:{name}Response xmlns:k=\"http://kirst.x-road.eu\"><request/><response>{response}</response>\
                     </k:{name}Response>"
                );
                let body = Element::parse(body.as_bytes(), &Limits::default()).unwrap();
                (200, Message::new(request.headers().of_answer(None), body).unwrap().to_xml())
            }
            Plays::Fault(code) => {
                let fault = format!(
                    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>{code}\
                     </faultcode><faultstring>{SUBJECT}</faultstring></s:Fault></s:Body></s:Envelope>"
                );
                (500, Bytes::from(fault))
            }
        };
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=UTF-8"))]);
        Ok(Reply { status: StatusCode::from_u16(status).unwrap(), headers, body })
    }
}

impl Transport for Stage {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        let answer = self.play(&call);
        Box::pin(async move { answer })
    }
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
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
