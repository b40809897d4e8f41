//! The messages that NIIS tests its Security Server with, and what becomes of each.

use std::path::PathBuf;

use crate::package::{Style, pack, unpack};
use crate::{Blame, Envelope, EnvelopeError, Fault, Field, Kind, Limits, Message};

const ALONE: &str = "text/xml; charset=UTF-8";
const PARTS: &str = "multipart/related; charset=UTF-8; boundary=jetty771207119h3h10dty";
const MTOM: &str = "Multipart/Related; start-info=\"application/soap+xml\"; type=\"application/xop+xml\"; \
                    boundary=\"jetty771207119h3h10dty\";charset=UTF-8";

/// What becomes of a message.
enum Fate {
    Taken { kind: Kind, attachments: usize },
    Fault(Blame),
    Refused(EnvelopeError),
}

const fn taken(kind: Kind, attachments: usize) -> Fate {
    Fate::Taken { kind, attachments }
}

const REQUEST: Fate = taken(Kind::Request, 0);
const ANSWER: Fate = taken(Kind::Answer, 0);

const FATES: [(&str, &str, Fate); 26] = [
    ("simple.query", ALONE, REQUEST),
    ("simple.answer", ALONE, ANSWER),
    ("getstate.query", ALONE, REQUEST),
    ("getstate.answer", ALONE, ANSWER),
    ("getstate-subsystem.query", ALONE, REQUEST),
    ("getstate-defaultnamespace.query", ALONE, REQUEST),
    ("simple-representedparty.query", ALONE, REQUEST),
    ("nowhitespace.query", ALONE, REQUEST),
    ("missing-userId.query", ALONE, REQUEST),
    ("requesthash.answer", ALONE, ANSWER),
    ("attachm.query", PARTS, taken(Kind::Request, 1)),
    ("attachm.answer", ALONE, ANSWER),
    ("attachments.query", PARTS, taken(Kind::Request, 3)),
    ("attachm-mtom.query", MTOM, taken(Kind::Request, 1)),
    ("attachm-mtom.answer", MTOM, taken(Kind::Answer, 1)),
    ("mimesoap.query", PARTS, REQUEST),
    ("customfault.answer", ALONE, Fate::Fault(Blame::Unsaid)),
    ("fault.query", ALONE, Fate::Fault(Blame::Unsaid)),
    ("missing-body.query", ALONE, Fate::Refused(EnvelopeError::MissingBody)),
    ("no-header.query", ALONE, Fate::Refused(EnvelopeError::MissingHeader)),
    (
        "missing-protocolVersion.query",
        ALONE,
        Fate::Refused(EnvelopeError::MissingField(Field::ProtocolVersion)),
    ),
    ("malformed-protocolVersion.query", ALONE, Fate::Refused(EnvelopeError::ProtocolVersion)),
    ("malformed-body1.query", ALONE, Fate::Refused(EnvelopeError::Body)),
    ("attachm-error.query", PARTS, Fate::Refused(EnvelopeError::ContentType)),
    ("attachm-no-soap.query", PARTS, Fate::Refused(EnvelopeError::ContentType)),
    ("empty.query", ALONE, Fate::Refused(EnvelopeError::NotAnEnvelope)),
];

/// The folder with the samples of others, if the machine has one.
pub(super) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CLEARANCE_SAMPLES");
    if folder.is_none() {
        println!("SKIPPED: `CLEARANCE_SAMPLES` does not name the folder of samples");
    }
    folder.map(|folder| PathBuf::from(folder).join("x-road"))
}

#[test]
fn every_message_meets_the_fate_that_a_security_server_gives_it() {
    let Some(folder) = folder() else { return };
    let known = std::fs::read_dir(folder.join("queries")).unwrap().count();
    assert_eq!(known, FATES.len(), "a sample has no fate in the table");
    for (file, content_type, fate) in FATES {
        let bytes = std::fs::read(folder.join("queries").join(file)).unwrap().into();
        let received = unpack(content_type, &bytes, &Limits::default());
        match (fate, received) {
            (Fate::Refused(expected), received) => assert_eq!(received.unwrap_err(), expected, "{file}"),
            (Fate::Fault(blame), received) => match received.unwrap().envelope {
                Envelope::Fault(fault) => check_fault(&fault, blame),
                Envelope::Message(_) => panic!("{file} is no fault"),
            },
            (Fate::Taken { kind, attachments }, received) => {
                let received = received.unwrap_or_else(|error| panic!("{file}: {error}"));
                assert_eq!(received.attachments.len(), attachments, "{file}");
                let message = super::message(received.envelope);
                assert_eq!(message.kind(), kind, "{file}");
                comes_back(file, &message, &received.attachments);
            }
        }
    }
}

fn check_fault(fault: &Fault, blame: Blame) {
    assert_eq!(fault.blame(), blame);
    assert_eq!((&*fault.string, fault.actor.as_deref()), ("STRING", Some("ACTOR")));
}

/// What is written of a message reads back the same: after the first time, byte for byte.
fn comes_back(file: &str, message: &Message, attachments: &[crate::package::Attachment]) {
    let limits = Limits::default();
    let mut last = message.clone();
    for round in 0..2 {
        let style = if round == 0 { Style::Swa } else { Style::Mtom };
        let packed = pack(&last.to_xml(), attachments, style);
        let received = unpack(&packed.content_type, &packed.bytes, &limits).unwrap();
        assert_eq!(received.attachments, attachments, "{file}");
        assert_eq!(received.bytes, last.to_xml(), "{file}");
        let again = super::message(received.envelope);
        assert_eq!(again.headers(), message.headers(), "{file}");
        assert_eq!(again.body().name(), message.body().name(), "{file}");
        if round > 0 {
            assert_eq!(again.body().xml(), last.body().xml(), "{file}");
        }
        last = again;
    }
}
