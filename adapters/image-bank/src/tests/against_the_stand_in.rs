//! What the adapter writes and reads, against the stand-in over mutual TLS; and the same requests altered, which it must not store.

use std::sync::Arc;

use clearance::adapter::{Call, CallFailure, Outcome, Promise, Reply, Setback, Transport};
use clearance::person::Private;
use http::header::{ACCEPT, CONTENT_TYPE};
use image_bank_sandbox::{Fault, FaultPlan, Settings, StandIn};
use stand_in::testing::{Caller, Pki};

use crate::testing::{
    CT, SUBJECT, answer, attempt, declaration, dicom, dicom_with, image_bank, journey, means, shape, text,
};
use crate::{DICOM_JSON, Uid};

struct World {
    bank: StandIn,
    wire: Wire,
}

/// Carries calls to the stand-in, whatever host they name.
#[derive(Debug)]
struct Wire(Caller);

impl World {
    fn new() -> Self {
        let pki = Pki::made_up();
        let endpoint = pki.endpoint(Arc::new(|| jiff::Timestamp::UNIX_EPOCH));
        let bank = StandIn::start(Settings { endpoint }).unwrap();
        let wire = Wire(pki.caller(bank.address(), Some(&pki.client("gateway"))));
        Self { bank, wire }
    }

    async fn deliver(&self, files: &[Vec<u8>], in_doubt: bool) -> Outcome {
        let journey = journey(100);
        let outgoing = shape(&journey, &declaration("study"), files).unwrap();
        let cleared = journey.clear(outgoing, in_doubt, None, &means(&self.wire)).await.unwrap();
        journey.adapter().deliver(cleared, &means(&self.wire)).await
    }
}

impl Transport for Wire {
    fn call<'a>(&'a self, mut call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        Box::pin(async move {
            let mut body = Vec::new();
            while let Some(bytes) = call.body.next().await.unwrap() {
                body.extend(bytes);
            }
            let headers: Vec<_> =
                call.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            let path = call.url.expose().strip_prefix("https://bank.example").unwrap();
            let reply = self.0.call(call.method.as_str(), path, &headers, body).await;
            let reply = reply.map_err(|_| CallFailure::Broken)?;
            Ok(Reply { status: reply.status, headers: reply.headers, body: reply.body })
        })
    }
}

#[tokio::test]
async fn what_is_stored_is_found_and_read_back_as_it_was_sent() {
    let world = World::new();
    let files = ["1.1", "1.2"].map(|uid| dicom(CT, uid));
    assert!(matches!(world.deliver(&files, false).await, Outcome::Delivered(_)));
    let (bank, study) = (image_bank(1), Uid::try_from("1.9".to_owned()).unwrap());
    let found = bank.search(&study, &Private::new(SUBJECT), &means(&world.wire)).await.unwrap();
    assert_eq!(found.len(), 2);
    for (found, stored) in found.iter().zip(world.bank.instances()) {
        assert_eq!(bank.retrieve(found, &means(&world.wire)).await.unwrap(), stored.file);
    }
    let other = Private::new("38507140418");
    assert_eq!(bank.search(&study, &other, &means(&world.wire)).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_stored_without_an_answer_is_stored_once() {
    let world = World::new();
    let files = [dicom(CT, "1.1")];
    world.bank.told(FaultPlan::none().once(Fault::DropAfter));
    let broken = Outcome::Unknown(Setback::new("connection-broken"));
    assert_eq!(world.deliver(&files, false).await, broken);
    assert!(matches!(world.deliver(&files, true).await, Outcome::Delivered(_)));
    assert_eq!(world.bank.instances().len(), 1);
}

#[tokio::test]
async fn garbage_and_an_error_inside_200_are_no_delivery() {
    let world = World::new();
    let files = [dicom(CT, "1.1")];
    for fault in [Fault::Garbage, Fault::ErrorInside200] {
        world.bank.told(FaultPlan::none().once(fault));
        let unreadable = Outcome::Unknown(Setback::new("answer-unreadable"));
        assert_eq!(world.deliver(&files, false).await, unreadable);
    }
    assert!(world.bank.instances().is_empty());
}

#[tokio::test]
async fn an_altered_request_stores_nothing() {
    let (_, sent) = attempt(&journey(1), &[dicom(CT, "1.1")], false, answer(200, &["1.1"], &[])).await;
    let boundary = String::from_utf8(sent[2..34].to_vec()).unwrap();
    let usual = format!("multipart/related; type=\"application/dicom\"; boundary={boundary}");
    let world = World::new();
    let status = async |body: Vec<u8>, content_type: &str, accept: &str| {
        let headers = [(CONTENT_TYPE.as_str(), content_type), (ACCEPT.as_str(), accept)];
        world.wire.0.call("POST", "/dicom-web/studies", &headers, body).await.unwrap().status.as_u16()
    };

    let alterations: [(&str, &[u8], &[u8], u16); 15] = [
        ("no part is begun", b"\r\n\r\n", b"\r\n", 400),
        ("another type of part", b"Content-Type: application/dicom", b"Content-Type: application/dicim", 415),
        ("no prefix", b"DICM", b"DICN", 409),
        ("another class in the file meta information", b"1.1.2\0", b"1.1.3\0", 409),
        ("another instance in the file meta information", b"UI\x04\x001.1\0", b"UI\x04\x001.3\0", 409),
        ("a transfer syntax that is not taken", b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0", 409),
        ("no patient", b"\x10\0\x20\0LO", b"\x10\0\x21\0LO", 409),
        ("a patient who cannot be", SUBJECT.as_bytes(), b"37207279997", 409),
        ("no patient's name", b"\x10\0\x10\0PN", b"\x10\0\x11\0PN", 409),
        ("no study", b"\x20\0\x0d\0UI", b"\x20\0\x0b\0UI", 409),
        ("a study that is no UID", b"UI\x04\x001.9\0", b"UI\x04\x001.x\0", 409),
        ("text that is not of its character set", b"Tamm^Jaan", b"T\xe4mm^Jaan", 409),
        ("elements in disorder", b"\x28\0\x10\0US", b"\x29\0\x10\0US", 409),
        ("a private element", b"\x28\0\x01\x03CS", b"\x29\0\x10\0LO", 409),
        ("pixels that are too few", b"\x28\0\x11\0US\x02\0\x02", b"\x28\0\x11\0US\x02\0\x03", 409),
    ];
    for (what, from, to, expected) in alterations {
        let at = sent.windows(from.len()).position(|bytes| bytes == from).unwrap_or_else(|| panic!("{what}"));
        let altered = [&sent[..at], to, &sent[at + from.len()..]].concat();
        assert_eq!(status(altered, &usual, DICOM_JSON).await, expected, "{what}");
    }
    for (content_type, accept, expected) in [
        ("application/dicom".to_owned(), DICOM_JSON, 415),
        (usual.replace("application/dicom", "application/dicom+xml"), DICOM_JSON, 415),
        (usual.replace(&boundary, "another"), DICOM_JSON, 400),
        (usual.clone(), "application/dicom+xml", 406),
    ] {
        assert_eq!(status(sent.clone(), &content_type, accept).await, expected, "{content_type} {accept}");
    }
    for end in [sent.len() / 4, sent.len() / 2, sent.len() - 5] {
        assert_eq!(status(sent[..end].to_vec(), &usual, DICOM_JSON).await, 400, "cut at {end}");
    }
    assert!(world.bank.instances().is_empty());
    assert_eq!(status(sent, &usual, DICOM_JSON).await, 200, "as it was sent it is stored");
}

#[tokio::test]
async fn an_instance_under_a_uid_that_is_taken_is_refused_by_its_part() {
    let world = World::new();
    assert!(matches!(world.deliver(&[dicom(CT, "1.1")], false).await, Outcome::Delivered(_)));
    let changed = dicom_with(CT, "1.1", &[text(0x0008_0060, "CS", "MR")]);
    let Outcome::Refused(refusal) = world.deliver(&[changed], false).await else {
        panic!("it is not refused")
    };
    assert_eq!(
        (refusal.code.as_str(), refusal.faults[0].pointer.as_str()),
        ("instance-refused-0111", "document[1]")
    );
}
