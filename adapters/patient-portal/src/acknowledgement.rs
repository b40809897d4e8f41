//! The acknowledgement of an HL7 v3 message: its type, the message it is for, and the codes of its details.
//!
//! Texts of an acknowledgement are not read: they may quote the document. A code that is not one of HL7's is not
//! repeated either.

use bytes::Bytes;
use clearance::adapter::{Acknowledgement, DestinationRefusal, Outcome, Setback};
use clearance::fault::Fault;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use uuid::Uuid;

use crate::xml::{attribute, local};

/// HL7 v3 AcknowledgementDetailCode: what each means, and whether the same message may pass later.
const DETAILS: [(&str, &str, bool); 19] = [
    ("INTERR", "the receiver had an internal error", true),
    ("NOSTORE", "the receiver had no room", true),
    ("RTEDEST", "the message was not routed", true),
    ("RTUDEST", "the receiver's device is not known", false),
    ("RTWDEST", "the receiver's device may be wrong", false),
    ("NS200", "the interaction is not supported", false),
    ("NS202", "the processing code is not supported", false),
    ("NS203", "the version is not supported", false),
    ("NS250", "the processing mode is not supported", false),
    ("NS260", "the sender's device is not known", false),
    ("SYN100", "a required association is missing", false),
    ("SYN101", "a required attribute is missing", false),
    ("SYN102", "a value is not of its data type", false),
    ("SYN103", "a value is not in its code system", false),
    ("SYN104", "a code system is not the one expected", false),
    ("SYN105", "a required element is missing", false),
    ("KEY204", "an identifier that the document refers to is not known", false),
    ("KEY205", "the identifier is in use already", false),
    ("KEY206", "the record is locked", true),
];
/// What is said of a detail whose code is not HL7's.
const OTHER: (&str, &str, bool) = ("acknowledgement-detail", "the receiver has a reason of its own", false);
/// The code of an identifier that is in use.
pub(crate) const DUPLICATE: &str = "KEY205";

/// What the receiver says of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    verdict: Verdict,
    target: String,
    /// The id of the acknowledgement itself.
    id: Option<String>,
    /// The codes of the details that are errors.
    errors: Vec<(&'static str, &'static str, bool)>,
}

/// HL7 v3 AcknowledgementType: of the application (A…) or of the communication (C…).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// `AA`, `CA`.
    Accepted,
    /// `AE`, `CE`: the content is wrong.
    Error,
    /// `AR`, `CR`: turned away, for its wrapper or because the receiver was not able.
    Rejected,
}

/// The outcome of the message `sent`, to which `answer` came back.
pub(crate) fn outcome(answer: &str, sent: Uuid) -> Outcome {
    let Some(received) = Received::read(answer) else {
        return unknown("answer-unreadable");
    };
    if !received.target.eq_ignore_ascii_case(&sent.to_string()) {
        return unknown("acknowledgement-of-another-message");
    }
    let permanent = received.errors.iter().find(|(_, _, may_pass_later)| !may_pass_later);
    let setback = |otherwise: &str| {
        let first = received.errors.first().map_or(otherwise, |(code, _, _)| code);
        Outcome::Failed(Setback::new(first))
    };
    match (received.verdict, permanent) {
        (Verdict::Accepted, _) => Outcome::Delivered(Acknowledgement {
            reference: received.id,
            proof: Bytes::copy_from_slice(answer.as_bytes()),
        }),
        (Verdict::Error | Verdict::Rejected, Some((code, _, _))) => Outcome::Refused(received.refusal(code)),
        (Verdict::Error, None) if received.errors.is_empty() => Outcome::Refused(received.refusal("AE")),
        (Verdict::Error, None) => setback("AE"),
        // HL7 v3, transport: turned away for no fault of the message, and to be sent again.
        (Verdict::Rejected, None) => setback("AR"),
    }
}

fn unknown(code: &str) -> Outcome {
    Outcome::Unknown(Setback::new(code))
}

impl Received {
    /// The one acknowledgement in `message`, which is well-formed.
    fn read(message: &str) -> Option<Self> {
        let mut reader = Reader::from_str(message);
        let mut open: Vec<String> = Vec::new();
        let mut read = Reading::default();
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    open.push(local(&start));
                    read.note(open.get(1..)?, &start)?;
                }
                Event::Empty(start) => {
                    open.push(local(&start));
                    read.note(open.get(1..)?, &start)?;
                    open.pop();
                }
                Event::End(_) => drop(open.pop()?),
                Event::Eof => return read.received(),
                _ => {}
            }
        }
    }

    fn refusal(&self, code: &str) -> DestinationRefusal {
        let fault = |(code, what, _): &(&'static str, &'static str, bool)| {
            Fault::new(
                *code,
                "",
                format!("TIS says: {what}"),
                "mend the document, and post it as a new transfer",
            )
        };
        DestinationRefusal { code: code.to_owned(), faults: self.errors.iter().map(fault).collect() }
    }
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Reading {
    acknowledgements: usize,
    id: Option<String>,
    verdicts: Vec<String>,
    target: Option<String>,
    /// Type and code of each detail.
    details: Vec<(Option<String>, Option<String>)>,
}

impl Reading {
    fn note(&mut self, below_root: &[String], start: &BytesStart<'_>) -> Option<()> {
        let below_root: Vec<&str> = below_root.iter().map(String::as_str).collect();
        match below_root.as_slice() {
            ["id"] => self.id = identifier(start)?.filter(|id| is_reference(id)),
            // The schemas of 2007 have the type as an element, others as an attribute.
            ["acknowledgement"] => {
                self.acknowledgements += 1;
                self.verdicts.extend(attribute(start, "typeCode")?);
            }
            ["acknowledgement", "typeCode"] => self.verdicts.extend(attribute(start, "code")?),
            ["acknowledgement", "targetMessage", "id"] => self.target = identifier(start)?,
            ["acknowledgement", "acknowledgementDetail"] => {
                self.details.push((attribute(start, "typeCode")?, None));
            }
            ["acknowledgement", "acknowledgementDetail", "typeCode"] => {
                self.details.last_mut()?.0 = attribute(start, "code")?;
            }
            ["acknowledgement", "acknowledgementDetail", "code"] => {
                self.details.last_mut()?.1 = attribute(start, "code")?;
            }
            _ => {}
        }
        Some(())
    }

    fn received(self) -> Option<Received> {
        let [verdict] = self.verdicts.as_slice() else { return None };
        let verdict = match verdict.as_str() {
            "AA" | "CA" => Verdict::Accepted,
            "AE" | "CE" => Verdict::Error,
            "AR" | "CR" => Verdict::Rejected,
            _ => return None,
        };
        let errors = self.details.into_iter().filter(|(kind, _)| !matches!(kind.as_deref(), Some("W" | "I")));
        let known = |(_, code): (_, Option<String>)| {
            let code = code.unwrap_or_default();
            DETAILS.into_iter().find(|(known, _, _)| *known == code).unwrap_or(OTHER)
        };
        let one = self.acknowledgements == 1;
        one.then_some(Received {
            verdict,
            target: self.target?,
            id: self.id,
            errors: errors.map(known).collect(),
        })
    }
}

/// Whether the client may be shown it: an OID, a UUID, or a number below one of them.
fn is_reference(id: &str) -> bool {
    id.len() <= 128 && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'^'))
}

/// Root and extension of an `II`, in one text.
fn identifier(start: &BytesStart<'_>) -> Option<Option<String>> {
    let (root, extension) = (attribute(start, "root")?, attribute(start, "extension")?);
    Some(root.map(|root| match extension {
        Some(extension) => format!("{root}^{extension}"),
        None => root,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Uuid = Uuid::from_u128(7);

    fn acknowledged(content: &str) -> Outcome {
        outcome(&format!("<a xmlns='urn:hl7-org:v3'><id root='1.2' extension='9'/>{content}</a>"), SENT)
    }

    fn answered(verdict: &str, details: &str) -> Outcome {
        acknowledged(&format!(
            "<acknowledgement><typeCode code='{verdict}'/><targetMessage><id root='{SENT}'/></targetMessage>\
             {details}</acknowledgement>"
        ))
    }

    fn detail(kind: &str, code: &str) -> String {
        format!(
            "<acknowledgementDetail><typeCode code='{kind}'/><code code='{code}'/><text>49003120231</text>\
             </acknowledgementDetail>"
        )
    }

    fn told(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Delivered(proof) => format!("delivered {}", proof.reference.as_deref().unwrap_or("-")),
            Outcome::Refused(refusal) => format!("refused {} ({})", refusal.code, refusal.faults.len()),
            Outcome::Failed(setback) => format!("failed {}", setback.code),
            Outcome::Unknown(setback) => format!("unknown {}", setback.code),
            Outcome::AnotherSubject | Outcome::Partly { .. } => "another".to_owned(),
        }
    }

    #[test]
    fn an_acknowledgement_is_read_by_its_codes() {
        let two = detail("E", "SYN105") + &detail("E", "SYN103");
        let mixed = detail("E", "INTERR") + &detail("E", "KEY204");
        for (verdict, details, expected) in [
            ("AA", String::new(), "delivered 1.2^9"),
            ("CA", detail("W", "RTWDEST"), "delivered 1.2^9"),
            ("AE", two, "refused SYN105 (2)"),
            ("AE", String::new(), "refused AE (0)"),
            ("AE", detail("E", "INTERR"), "failed INTERR"),
            ("AE", mixed, "refused KEY204 (2)"),
            ("AE", detail("E", "49003120231"), "refused acknowledgement-detail (1)"),
            ("CE", detail("E", "KEY205"), "refused KEY205 (1)"),
            ("AR", String::new(), "failed AR"),
            ("AR", detail("E", "NOSTORE"), "failed NOSTORE"),
            ("CR", detail("E", "NS200"), "refused NS200 (1)"),
            ("XX", String::new(), "unknown answer-unreadable"),
        ] {
            let outcome = answered(verdict, &details);
            assert_eq!(told(&outcome), expected, "{verdict} {details}");
            assert!(!format!("{outcome:?}").contains("49003120231"));
        }
    }

    #[test]
    fn what_is_no_acknowledgement_of_the_message_leaves_the_outcome_open() {
        let target = format!("<targetMessage><id root='{SENT}'/></targetMessage>");
        for (content, expected) in [
            (String::new(), "unknown answer-unreadable"),
            (format!("<acknowledgement>{target}</acknowledgement>"), "unknown answer-unreadable"),
            ("<acknowledgement typeCode='AA'/>".into(), "unknown answer-unreadable"),
            (
                format!("<acknowledgement typeCode='AA'>{target}</acknowledgement>").repeat(2),
                "unknown answer-unreadable",
            ),
            (
                "<acknowledgement typeCode='AA'><targetMessage><id root='1'/></targetMessage></acknowledgement>".into(),
                "unknown acknowledgement-of-another-message",
            ),
            (format!("<acknowledgement typeCode='AA'>{target}</acknowledgement>"), "delivered 1.2^9"),
        ] {
            assert_eq!(told(&acknowledged(&content)), expected, "{content}");
        }
        assert_eq!(told(&outcome("<a", SENT)), "unknown answer-unreadable");
    }
}
