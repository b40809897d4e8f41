//! The service `hl7` of TIS, over X-Road SOAP: one message in, its acknowledgement out, each as a text in the body.
//!
//! A message that is sent again has the same id: the receiver answers it as it did before, and files nothing twice.

use clearance::adapter::{DestinationRefusal, Means, Outcome, Setback};
use clearance::journey::Cleared;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use uuid::Uuid;
use x_road::address::{LocalClient, LocalService, Part};
use x_road::exchange::SoapReply;
use x_road::request::SecurityServer;
use x_road::soap::package::Style;
use x_road::soap::{Blame, Client, Element, Headers, Limits, Message, Service, Text, escaped};

use crate::acknowledgement::{self, DUPLICATE};
use crate::message::{Device, Wrapping};
use crate::shape::Operation;
use crate::xml::{local, resolved};

/// The namespace of the service (`digilugu.wsdl`).
const SERVICE: &str = "http://digilugu.x-road.ee/producer/";

/// How to reach the service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hl7Settings {
    /// The Security Server's name in the configuration of peers.
    pub peer: String,
    /// The Security Server's address, such as `https://security-server.example:8443`.
    pub url: String,
    /// The X-Road instance: `ee-dev`, `ee-test` or `EE`.
    pub instance: Part,
    /// The clinic's own subsystem, such as `COM/10303948/gw`.
    pub client: LocalClient,
    /// The service, such as `GOV/70009770/digilugu/hl7`.
    pub service: LocalService,
    /// The version of the service, such as `v1`.
    pub version: Option<Part>,
    /// HL7 v3 ProcessingID: production, training or debugging.
    pub processing: Processing,
    /// The clinic's system, as registered with TIS.
    pub sender: Device,
    /// TIS.
    pub receiver: Device,
}

/// HL7 v3 ProcessingID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Processing {
    /// Production.
    P,
    /// Training.
    T,
    /// Debugging.
    D,
}

/// Settings with which the service cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Hl7SettingsError {
    /// The address is not that of an HTTP server.
    #[error("`hl7.url` does not begin with `https://` or `http://`")]
    Url,
    /// A system is known by an OID.
    #[error("`hl7.{0}.root` is not an OID")]
    Root(&'static str),
}

/// The service, as one clinic calls it.
#[derive(Debug)]
pub(crate) struct Hl7 {
    server: SecurityServer,
    service: Service,
    settings: Hl7Settings,
}

impl Hl7 {
    pub(crate) fn new(settings: Hl7Settings) -> Result<Self, Hl7SettingsError> {
        if !settings.url.starts_with("https://") && !settings.url.starts_with("http://") {
            return Err(Hl7SettingsError::Url);
        }
        for (name, device) in [("sender", &settings.sender), ("receiver", &settings.receiver)] {
            if !device.has_oid() {
                return Err(Hl7SettingsError::Root(name));
            }
        }
        Ok(Self {
            server: SecurityServer {
                peer: settings.peer.clone(),
                url: settings.url.clone(),
                client: settings.client.within(&settings.instance),
            },
            service: Service::new(&settings.service.within(&settings.instance), settings.version.clone()),
            settings,
        })
    }

    /// The registry code of the clinic that calls.
    pub(crate) fn clinic(&self) -> &str {
        let (member, _) = self.server.client.parts();
        let [_, _, code] = member;
        code.as_str()
    }

    /// Hands a document over.
    pub(crate) async fn deliver(&self, cleared: &Cleared, means: &Means<'_>) -> Outcome {
        let id = cleared.transfer().message("hl7-message");
        let Some(request) = self.request(cleared, id, means) else {
            // What this adapter has shaped is always readable; a payload of another make is not guessed at.
            return refused("payload-unreadable");
        };
        let limits = Limits::default();
        let reply = self.server.exchange(&request, &[], Style::Swa, &limits, means).await;
        let outcome = match reply {
            Err(trouble) => trouble.with_the_document(),
            Ok(SoapReply::Fault(fault)) => match fault.blame() {
                Blame::Client => refused("soap-fault-client"),
                _ => Outcome::Unknown(Setback::new("soap-fault-server")),
            },
            Ok(SoapReply::Answer(answer)) => match output(answer.message.body(), &limits) {
                Some(message) => acknowledgement::outcome(&message, id),
                None => Outcome::Unknown(Setback::new("answer-unreadable")),
            },
        };
        if cleared.perhaps_delivered() { still_unknown(outcome) } else { outcome }
    }

    fn request(&self, cleared: &Cleared, id: Uuid, means: &Means<'_>) -> Option<Message> {
        let payload = cleared.payload();
        let wrapping = Wrapping {
            processing: self.settings.processing.code(),
            sender: &self.settings.sender,
            receiver: &self.settings.receiver,
        };
        let operation = Operation::of(&payload.operation)?;
        let message = wrapping.message(operation, &payload.bytes, id, means.clock.now())?;
        // The WSDL has the message as a text, not as elements.
        let body = format!(
            "<d:{code} xmlns:d=\"{SERVICE}\"><request><hl7InputMessage>{message}</hl7InputMessage></request></d:{code}>",
            code = self.service.code.as_str(),
            message = escaped(&message),
        );
        let (_, professional, _) = cleared.professional();
        let headers = Headers {
            user_id: Some(Text::new(&format!("EE{}", professional.expose())).ok()?),
            issue: Some(Text::new(cleared.reason()).ok()?),
            ..Headers::new(
                Client::from(&self.server.client),
                self.service.clone(),
                cleared.transfer().message("hl7").into(),
            )
        };
        Message::new(headers, Element::parse(body.as_bytes(), &Limits::default()).ok()?).ok()
    }
}

impl Processing {
    const fn code(self) -> &'static str {
        match self {
            Self::P => "P",
            Self::T => "T",
            Self::D => "D",
        }
    }
}

/// An earlier attempt may have been filed: until the acknowledgement of this message says so, it is not known.
fn still_unknown(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed(setback) => Outcome::Unknown(setback),
        Outcome::Refused(refusal) if refusal.code == DUPLICATE => Outcome::Unknown(Setback::new(DUPLICATE)),
        outcome => outcome,
    }
}

/// The message in `hl7Response/response/hl7OutputMessage`, if it is well-formed.
fn output(body: &Element, limits: &Limits) -> Option<String> {
    let xml = std::str::from_utf8(body.xml()).ok()?;
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<String> = Vec::new();
    let mut output: Option<String> = None;
    loop {
        let inside =
            matches!(open.as_slice(), [_, one, two] if one == "response" && two == "hl7OutputMessage");
        match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(local(&start));
                if open.len() > 3 && inside {
                    return None;
                }
            }
            Event::End(_) => drop(open.pop()?),
            Event::Text(text) if inside => output.get_or_insert_default().push_str(&text.xml10_content()),
            Event::CData(text) if inside => output.get_or_insert_default().push_str(&text.xml10_content()),
            Event::GeneralRef(reference) if inside => {
                output.get_or_insert_default().push_str(&resolved(&reference)?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let message = Element::parse(output?.trim().as_bytes(), limits).ok()?;
    String::from_utf8(message.xml().to_vec()).ok()
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused(DestinationRefusal { code: code.to_owned(), faults: Vec::new() })
}
