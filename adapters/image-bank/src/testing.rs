//! What the tests share: made-up instances, the journey to this destination, and a transport that plays answers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use clearance::adapter::{Call, CallFailure, Means, Outcome, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::journey::{NotMinimal, Outgoing};
use clearance::person::ESTONIAN_PERSONAL_CODE;
use clearance::refusal::Refusal;
use clearance::testing::{Arrived, Journey};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::instance::{Instance, Uid};
use crate::{DICOM, ImageBank, Settings};

pub(crate) const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(crate) const SUBJECT: &str = "37207279996";
const PROFESSIONAL: &str = "60001017869";

/// A lawful declaration.
pub(crate) fn declaration(purpose: &str) -> Value {
    json!({
        "destination": "image-bank", "purpose": purpose,
        "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(h)", "act": "TTKS", "section": "59²" },
        "subject": { "system": ESTONIAN_PERSONAL_CODE, "value": SUBJECT, "given": "Jaan", "family": "Tamm" },
        "professional": { "code": "D00000", "personal_code": PROFESSIONAL, "role": "doctor" },
        "evidence": [],
        "reason": "kopsude uuring",
    })
}

/// The same, by somebody who has looked at the pixels.
pub(crate) fn released(purpose: &str) -> Value {
    let mut declaration = declaration(purpose);
    declaration["evidence"] = json!([{ "kind": "release", "ref": "2026-17" }]);
    declaration
}

/// In place of a representation: the element is not there.
pub(crate) const ABSENT: &str = "";

/// An element: tag, representation, value.
pub(crate) type Element = (u32, &'static str, Vec<u8>);

pub(crate) fn text(tag: u32, vr: &'static str, value: &str) -> Element {
    (tag, vr, value.as_bytes().to_vec())
}

/// A sequence with one item.
pub(crate) fn sequence(tag: u32, elements: &[Element]) -> Element {
    let mut content = Vec::new();
    elements.iter().for_each(|element| put(&mut content, element));
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    (tag, "SQ", [[0xfe, 0xff, 0x00, 0xe0].as_slice(), &length, &content].concat())
}

/// An instance of this class with a picture of two by two pixels.
pub(crate) fn dicom(class: &str, uid: &str) -> Vec<u8> {
    dicom_with(class, uid, &[])
}

/// The same with more elements, or other values of those it has; without those whose representation is [`ABSENT`].
pub(crate) fn dicom_with(class: &str, uid: &str, more: &[Element]) -> Vec<u8> {
    let number = |tag, value: u16| (tag, "US", value.to_le_bytes().to_vec());
    let usual = [
        text(0x0008_0005, "CS", "ISO_IR 192"),
        text(0x0008_0016, "UI", class),
        text(0x0008_0018, "UI", uid),
        text(0x0008_0060, "CS", "CT"),
        text(0x0010_0010, "PN", "Tamm^Jaan"),
        text(0x0010_0020, "LO", SUBJECT),
        text(0x0020_000d, "UI", "1.9"),
        text(0x0020_000e, "UI", "1.9.1"),
        number(0x0028_0002, 1),
        number(0x0028_0010, 2),
        number(0x0028_0011, 2),
        number(0x0028_0100, 16),
        text(0x0028_0301, "CS", "NO"),
        (0x7fe0_0010, "OW", vec![1, 0, 2, 0, 3, 0, 4, 0]),
    ];
    let elements: BTreeMap<u32, &Element> =
        usual.iter().chain(more).map(|element| (element.0, element)).collect();
    let there = elements.values().filter(|(_, vr, _)| *vr != ABSENT);
    let mut meta = Vec::new();
    put(&mut meta, &(0x0002_0001, "OB", vec![0, 1]));
    put(&mut meta, &text(0x0002_0002, "UI", class));
    put(&mut meta, &text(0x0002_0003, "UI", uid));
    put(&mut meta, &text(0x0002_0010, "UI", "1.2.840.10008.1.2.1"));
    put(&mut meta, &text(0x0002_0012, "UI", "1.2.3"));
    let mut file = [[0; 128].as_slice(), b"DICM"].concat();
    put(&mut file, &(0x0002_0000, "UL", u32::try_from(meta.len()).unwrap().to_le_bytes().to_vec()));
    file.extend(meta);
    there.for_each(|element| put(&mut file, element));
    file
}

fn put(file: &mut Vec<u8>, (tag, vr, value): &Element) {
    let mut value = value.clone();
    if !value.len().is_multiple_of(2) {
        value.push(if matches!(*vr, "UI" | "OB" | "UN") { 0 } else { b' ' });
    }
    file.extend(((tag >> 16) as u16).to_le_bytes());
    file.extend((*tag as u16).to_le_bytes());
    file.extend(vr.as_bytes());
    if ["OB", "OW", "SQ", "UN", "UT", "UC"].contains(vr) {
        file.extend([0, 0]);
        file.extend((value.len() as u32).to_le_bytes());
    } else {
        file.extend((value.len() as u16).to_le_bytes());
    }
    file.extend(value);
}

pub(crate) fn instance(uid: &str) -> Instance {
    let read = |text: &str| Uid::try_from(text.to_owned()).unwrap();
    Instance { class: read(CT), uid: read(uid) }
}

/// An item that says that this instance is stored.
pub(crate) fn referenced(uid: &str) -> Value {
    json!({ "00081150": { "vr": "UI", "Value": [CT] }, "00081155": { "vr": "UI", "Value": [uid] } })
}

/// An item that says why it is not.
pub(crate) fn failed(uid: &str, reason: u32) -> Value {
    let mut item = referenced(uid);
    item["00081197"] = json!({ "vr": "US", "Value": [reason] });
    item
}

/// An answer to a request to store.
pub(crate) fn answer(status: u16, stored: &[&str], not_stored: &[(&str, u32)]) -> Result<Reply, CallFailure> {
    let sequence = |items: Vec<Value>| json!({ "vr": "SQ", "Value": items });
    let body = json!({
        "00081190": { "vr": "UR", "Value": ["https://bank.example/dicom-web/studies/1.9"] },
        "00081198": sequence(not_stored.iter().map(|(uid, reason)| failed(uid, *reason)).collect()),
        "00081199": sequence(stored.iter().map(|uid| referenced(uid)).collect()),
    });
    reply(status, "application/dicom+json", body.to_string().as_bytes())
}

pub(crate) fn reply(status: u16, media_type: &str, body: &[u8]) -> Result<Reply, CallFailure> {
    Ok(Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap())]),
        body: Bytes::copy_from_slice(body),
    })
}

/// The destination, with batches of this many instances.
pub(crate) fn image_bank(batch: u32) -> ImageBank {
    let settings = json!({ "peer": "image-bank", "url": "https://bank.example/dicom-web", "batch_instances_max": batch });
    ImageBank::new(serde_json::from_value::<Settings>(settings).unwrap())
}

pub(crate) fn journey(batch: u32) -> Journey {
    Journey::to("image-bank", image_bank(batch))
}

/// What would leave of these files.
pub(crate) fn shape(journey: &Journey, declaration: &Value, files: &[Vec<u8>]) -> Result<Outgoing, Refusal> {
    let files: Vec<_> = files.iter().map(|file| (DICOM, file.as_slice())).collect();
    match journey.shape_streamed(declaration, &mut Arrived::of(&files, 1000), 1 << 20) {
        Ok(outgoing) => Ok(outgoing),
        Err(NotMinimal::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

/// Plays answers in order and keeps the calls, with their bodies as they were sent.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    answers: Mutex<VecDeque<Result<Reply, CallFailure>>>,
    calls: Mutex<Vec<(Call, Vec<u8>)>>,
}

impl Stage {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<Reply, CallFailure>>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), calls: Mutex::default() }
    }

    pub(crate) fn calls(&self) -> Vec<(Call, Vec<u8>)> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    pub(crate) fn means(&self) -> Means<'_> {
        means(self)
    }
}

/// Means that reach the image bank by `transport`.
pub(crate) fn means(transport: &dyn Transport) -> Means<'_> {
    Means { clock: &Stopped, deadline: Timestamp::MAX, transport, signer: &Stopped }
}

/// One attempt at `files`, of which those in `journey.parts_done` are done, against one answer: what came of it, and the body sent.
pub(crate) async fn attempt(
    journey: &Journey,
    files: &[Vec<u8>],
    in_doubt: bool,
    answer: Result<Reply, CallFailure>,
) -> (Outcome, Vec<u8>) {
    let stage = Stage::answering([answer]);
    let outgoing = shape(journey, &declaration("study"), files).unwrap();
    let cleared = journey.clear(outgoing, in_doubt, None, &stage.means()).await.unwrap();
    let outcome = journey.adapter().deliver(cleared, &stage.means()).await;
    let (_, body) = stage.calls().pop().unwrap();
    (outcome, body)
}

impl Transport for Stage {
    fn call<'a>(&'a self, mut call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        Box::pin(async move {
            let (length, mut body) = (call.body.length(), Vec::new());
            while let Some(bytes) = call.body.next().await.unwrap() {
                body.extend(bytes);
            }
            assert_eq!(body.len() as u64, length);
            self.calls.lock().unwrap().push((call, body));
            self.answers.lock().unwrap().pop_front().expect("a call that the test did not expect")
        })
    }
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

impl PayloadSigner for Stopped {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}
