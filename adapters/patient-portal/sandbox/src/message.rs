//! The HL7 v3 message around a document: its elements in their order, who sends it to whom, and that it says the same of the
//! document as the document does.

use roxmltree::Node;

use crate::document::{self, Header};
use crate::xml::{at, children, escaped, is, only, read};
use crate::{Rules, soap};

pub(crate) const HL7: &str = "urn:hl7-org:v3";
const FILING: &str = "RCMR_IN000030UV01";
const STATUS_CHANGE: &str = "RCMR_IN000006UV01";
/// The elements of the wrapper, in their order.
const WRAPPER: [&str; 10] = [
    "id",
    "creationTime",
    "versionCode",
    "interactionId",
    "processingCode",
    "processingModeCode",
    "acceptAckCode",
    "receiver",
    "sender",
    "controlActProcess",
];
/// What a wrapper repeats of a document, in its order; `text`, which holds the document, stands after the code.
const REPEATED: [&str; 6] = ["id", "code", "effectiveTime", "confidentialityCode", "setId", "versionNumber"];

/// What is wrong, by HL7's code.
#[derive(Debug, Clone)]
pub(crate) struct Detail {
    code: &'static str,
    place: String,
    says: String,
}

impl Detail {
    pub(crate) fn new(code: &'static str, place: &str, says: &str) -> Self {
        Self { code, place: place.to_owned(), says: says.to_owned() }
    }

    pub(crate) fn to_xml(&self) -> String {
        format!(
            "<acknowledgementDetail><typeCode code=\"E\"/><code code=\"{}\"/><text>{}</text><location>{}</location>\
             </acknowledgementDetail>",
            self.code,
            escaped(&self.says),
            escaped(&self.place),
        )
    }
}

/// What a message wants done.
pub(crate) struct Wanted {
    /// The message's id.
    pub(crate) id: String,
    /// Of the document.
    pub(crate) header: Header,
    /// The document; none when one on file is nullified.
    pub(crate) document: Option<String>,
}

/// The id of a message, or nothing.
pub(crate) fn id(message: &str) -> String {
    let tree = read(message);
    let id = tree.as_ref().and_then(|tree| only(tree.root_element(), HL7, "id"));
    id.and_then(|id| id.attribute("root")).unwrap_or_default().to_owned()
}

/// What `message` wants done, or the id of the message and all that is wrong with it.
pub(crate) fn check(
    message: &str,
    request: &soap::Request,
    rules: &Rules,
) -> Result<Wanted, (String, Vec<Detail>)> {
    let mut details = Vec::new();
    let Some(tree) = read(message) else {
        return Err((String::new(), vec![Detail::new("SYN102", "", "the message is not well-formed")]));
    };
    let root = tree.root_element();
    let filing = is(root, HL7, FILING);
    if !filing && !is(root, HL7, STATUS_CHANGE) {
        details.push(Detail::new("NS200", "", "no such interaction"));
        return Err((id(message), details));
    }
    check_wrapper(root, rules, &mut details);
    let act = at(root, HL7, &["controlActProcess", "subject", "clinicalDocument"]);
    let Some(act) = act else {
        details.push(Detail::new("SYN100", "controlActProcess/subject", "one clinicalDocument"));
        return Err((id(message), details));
    };
    check_act(root, act, filing, &mut details);
    let wanted = if filing {
        filed(message, act, request, rules, &mut details)
    } else {
        nullified(act, rules, &mut details)
    };
    match wanted {
        Some((header, document)) if details.is_empty() => Ok(Wanted { id: id(message), header, document }),
        _ => Err((id(message), details)),
    }
}

fn check_wrapper(root: Node<'_, '_>, rules: &Rules, details: &mut Vec<Detail>) {
    let names: Vec<_> = children(root).map(|child| child.tag_name().name()).collect();
    if names != WRAPPER || children(root).any(|child| child.tag_name().namespace() != Some(HL7)) {
        details.push(Detail::new("SYN105", "", "the wrapper's elements, in their order"));
    }
    if root.attribute("ITSVersion") != Some("XML_1.0") {
        details.push(Detail::new("SYN101", "@ITSVersion", "XML_1.0"));
    }
    let value = |path: &[&str], name: &str| {
        at(root, HL7, path).and_then(|node| node.attribute(name)).unwrap_or_default()
    };
    let mut expect = |fits: bool, code, place: &str| {
        if !fits {
            details.push(Detail::new(code, place, "not what is expected here"));
        }
    };
    expect(is_uuid(value(&["id"], "root")), "SYN102", "id/@root");
    expect(document::is_time(value(&["creationTime"], "value")), "SYN102", "creationTime/@value");
    expect(value(&["versionCode"], "code") == "V3-2007-09", "NS203", "versionCode/@code");
    expect(value(&["interactionId"], "root") == "2.16.840.1.113883", "SYN104", "interactionId/@root");
    expect(
        value(&["interactionId"], "extension") == root.tag_name().name(),
        "NS200",
        "interactionId/@extension",
    );
    expect(value(&["processingCode"], "code") == rules.processing, "NS202", "processingCode/@code");
    expect(value(&["processingModeCode"], "code") == "T", "NS250", "processingModeCode/@code");
    expect(value(&["acceptAckCode"], "code") == "AL", "SYN103", "acceptAckCode/@code");
    let device = |of: &str| {
        let path = [of, "device", "id"];
        (value(&path, "root").to_owned(), value(&path, "extension").to_owned())
    };
    expect(value(&["receiver"], "typeCode") == "RCV", "SYN103", "receiver/@typeCode");
    expect(value(&["sender"], "typeCode") == "SND", "SYN103", "sender/@typeCode");
    expect(device("receiver").0 == rules.receiver, "RTUDEST", "receiver/device/id");
    expect(rules.senders.contains(&device("sender")), "NS260", "sender/device/id");
}

fn check_act(root: Node<'_, '_>, act: Node<'_, '_>, filing: bool, details: &mut Vec<Detail>) {
    let control = at(root, HL7, &["controlActProcess"]);
    if control.and_then(|control| control.attribute("moodCode")) != Some("EVN") {
        details.push(Detail::new("SYN103", "controlActProcess/@moodCode", "EVN"));
    }
    let ack = at(root, HL7, &["controlActProcess", "queryAck", "queryResponseCode"]);
    if filing && ack.is_none_or(|ack| ack.attribute("code") != Some("OK")) {
        details.push(Detail::new("SYN100", "controlActProcess/queryAck", "OK"));
    }
    let mut names: Vec<_> = vec!["id", "code"];
    names.extend(filing.then_some("text"));
    names.extend([
        "statusCode",
        "effectiveTime",
        "confidentialityCode",
        "setId",
        "versionNumber",
        "recordTarget",
    ]);
    let given: Vec<_> = children(act).map(|child| child.tag_name().name()).collect();
    if given != names {
        details.push(Detail::new("SYN105", "clinicalDocument", "its elements, in their order"));
    }
    let status = only(act, HL7, "statusCode").and_then(|status| status.attribute("code"));
    if status != Some(if filing { "completed" } else { "nullified" }) {
        details.push(Detail::new("SYN103", "clinicalDocument/statusCode/@code", "the status"));
    }
}

fn filed(
    message: &str,
    act: Node<'_, '_>,
    request: &soap::Request,
    rules: &Rules,
    details: &mut Vec<Detail>,
) -> Option<(Header, Option<String>)> {
    let text = only(act, HL7, "text").filter(|text| text.attribute("mediaType") == Some("text/xml"));
    let document = text.and_then(|text| only(text, HL7, "ClinicalDocument"));
    let Some(document) = document else {
        details.push(Detail::new("SYN100", "clinicalDocument/text", "one ClinicalDocument"));
        return None;
    };
    let header = document::check(document, request, rules, details)?;
    for name in REPEATED {
        let (outer, inner) = (only(act, HL7, name), only(document, HL7, name));
        let same = outer.zip(inner).is_some_and(|(outer, inner)| alike(outer, inner));
        if !same {
            details.push(Detail::new("SYN102", name, "the wrapper and the document disagree"));
        }
    }
    let patient = at(act, HL7, &["recordTarget", "patient", "id"]).and_then(document::identifier);
    if patient.as_ref() != Some(&header.patient) {
        details.push(Detail::new("SYN102", "recordTarget", "the wrapper and the document disagree"));
    }
    Some((header, Some(message.get(document.range())?.to_owned())))
}

fn nullified(
    act: Node<'_, '_>,
    rules: &Rules,
    details: &mut Vec<Detail>,
) -> Option<(Header, Option<String>)> {
    let header = Header::of(act, at(act, HL7, &["recordTarget", "patient", "id"]));
    if header.as_ref().is_none_or(|header| !rules.patients.contains(&header.patient)) {
        details.push(Detail::new("KEY204", "recordTarget", "no such patient"));
    }
    header.map(|header| (header, None))
}

/// Whether two elements have the same name, attributes and elements in them.
fn alike(one: Node<'_, '_>, other: Node<'_, '_>) -> bool {
    let attributes = |node: Node<'_, '_>| {
        let mut all: Vec<_> =
            node.attributes().map(|of| (of.name().to_owned(), of.value().to_owned())).collect();
        all.sort();
        all
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = (children(one).collect(), children(other).collect());
    one.tag_name() == other.tag_name()
        && attributes(one) == attributes(other)
        && ours.len() == theirs.len()
        && ours.into_iter().zip(theirs).all(|(one, other)| alike(one, other))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|c| c == b'-' || c.is_ascii_hexdigit())
}
