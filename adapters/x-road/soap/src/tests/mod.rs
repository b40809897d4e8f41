//! The codec as a whole: what X-Road takes and refuses, and that what is written reads back.

mod envelopes;
mod packages;
mod properties;
mod samples;
mod schemas;

use bytes::Bytes;

use super::{Client, Element, Envelope, EnvelopeError, Headers, Limits, Message, Service, read};

pub(super) fn client() -> Client {
    Client::from(&"ee-test/COM/10303948/gw".parse().unwrap())
}

pub(super) fn service() -> Service {
    Service::new(&"ee-test/GOV/70000001/register/ask_it".parse().unwrap(), Some("v1".parse().unwrap()))
}

pub(super) fn headers() -> Headers {
    Headers::new(client(), service(), "4894e35d-bf0f-44a6-867a-8e51f1daa7e0".parse().unwrap())
}

pub(super) fn body(xml: &str) -> Element {
    Element::parse(xml.as_bytes(), &Limits::default()).unwrap()
}

pub(super) fn request() -> Message {
    Message::new(headers(), body("<r:ask_it xmlns:r=\"urn:register\"><name>õ</name></r:ask_it>")).unwrap()
}

/// The envelope of [`request`], for tests to spoil.
pub(super) fn envelope() -> String {
    String::from_utf8(request().to_xml().to_vec()).unwrap()
}

pub(super) fn read_str(xml: &str) -> Result<Envelope, EnvelopeError> {
    read(xml.as_bytes(), &Limits::default())
}

pub(super) fn message(envelope: Envelope) -> Message {
    match envelope {
        Envelope::Message(message) => *message,
        Envelope::Fault(_) => panic!("a fault"),
    }
}

pub(super) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
