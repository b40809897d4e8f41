//! The HL7 v3 messages of the service `hl7`: the wrapper around a document, as `RCMR_IN000030UV01.xsd` has it.
//!
//! It repeats of the document what the wrapper wants of it, and adds nothing about the subject.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use uuid::Uuid;
use x_road::soap::escaped;

use crate::cda::Header;
use crate::shape::Operation;

/// The namespace of HL7 v3.
const HL7: &str = "urn:hl7-org:v3";
/// The root under which interactions have their ids.
const INTERACTIONS: &str = "2.16.840.1.113883";

/// A system as HL7 v3 knows it: by an OID and, below it, an extension.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The OID.
    pub root: String,
    /// What it is called below that OID.
    pub extension: Option<String>,
}

impl Device {
    /// Whether its root is an OID.
    pub(crate) fn has_oid(&self) -> bool {
        let numbers = self.root.split('.');
        let is_number = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|c| c.is_ascii_digit())
                && (part == "0" || !part.starts_with('0'))
        };
        self.root.contains('.') && numbers.into_iter().all(is_number)
    }
}

/// What is the same in all messages of a clinic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wrapping<'a> {
    /// HL7 v3 ProcessingID: `P`, `T` or `D`.
    pub(crate) processing: &'a str,
    pub(crate) sender: &'a Device,
    pub(crate) receiver: &'a Device,
}

impl Wrapping<'_> {
    /// The message that has `operation` done with `document`.
    pub(crate) fn message(
        &self,
        operation: Operation,
        document: &[u8],
        id: Uuid,
        at: Timestamp,
    ) -> Option<String> {
        let header = Header::read(document)?;
        let interaction = match operation {
            Operation::File | Operation::Replace => "RCMR_IN000030UV01",
            Operation::Nullify => "RCMR_IN000006UV01",
        };
        let created = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S+0000").to_string();
        let processing = escaped(self.processing);
        let (receiver, sender) =
            (device("receiver", "RCV", self.receiver), device("sender", "SND", self.sender));
        let act = act(operation, &header, document)?;
        Some(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <{interaction} xmlns=\"{HL7}\" ITSVersion=\"XML_1.0\">\
             <id root=\"{id}\"/>\
             <creationTime value=\"{created}\"/>\
             <versionCode code=\"V3-2007-09\"/>\
             <interactionId root=\"{INTERACTIONS}\" extension=\"{interaction}\"/>\
             <processingCode code=\"{processing}\"/>\
             <processingModeCode code=\"T\"/>\
             <acceptAckCode code=\"AL\"/>\
             {receiver}{sender}{act}</{interaction}>"
        ))
    }
}

fn device(name: &str, participation: &str, device: &Device) -> String {
    let root = escaped(&device.root);
    let extension = device.extension.as_deref();
    let extension = extension.map(|text| format!(" extension=\"{}\"", escaped(text))).unwrap_or_default();
    format!(
        "<{name} typeCode=\"{participation}\"><device classCode=\"DEV\" determinerCode=\"INSTANCE\">\
         <id root=\"{root}\"{extension}/></device></{name}>"
    )
}

/// The act, with the document in it. A nullification carries no document, only which one is meant.
fn act(operation: Operation, header: &Header<'_>, document: &[u8]) -> Option<String> {
    let (status, text) = match operation {
        Operation::File | Operation::Replace => {
            let document = without_declaration(std::str::from_utf8(document).ok()?);
            ("completed", format!("<text mediaType=\"text/xml\">{document}</text>"))
        }
        Operation::Nullify => ("nullified", String::new()),
    };
    let element = |name| header.element(name);
    let (root, extension) = header.identifier("recordTarget/patientRole/id")?;
    // The schema makes `queryAck` mandatory: TIS uses this interaction to answer questions, too.
    let ack = match operation {
        Operation::File | Operation::Replace => "<queryAck><queryResponseCode code=\"OK\"/></queryAck>",
        Operation::Nullify => "",
    };
    Some(format!(
        "<controlActProcess classCode=\"CACT\" moodCode=\"EVN\"><subject typeCode=\"SUBJ\">\
         <clinicalDocument classCode=\"DOCCLIN\" moodCode=\"EVN\">\
         {id}{code}{text}<statusCode code=\"{status}\"/>{time}{confidentiality}{set}{version}\
         <recordTarget typeCode=\"RCT\"><patient classCode=\"PAT\"><id root=\"{root}\" extension=\"{extension}\"/>\
         </patient></recordTarget></clinicalDocument></subject>{ack}</controlActProcess>",
        id = element("id"),
        code = element("code"),
        time = element("effectiveTime"),
        confidentiality = element("confidentialityCode"),
        set = element("setId"),
        version = element("versionNumber"),
        root = escaped(root),
        extension = escaped(extension),
    ))
}

fn without_declaration(document: &str) -> &str {
    let declared = document.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    declared.map_or(document, |(_, rest)| rest.trim_start())
}
