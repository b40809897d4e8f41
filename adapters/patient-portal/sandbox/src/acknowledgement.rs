//! The answer to a message: accepted or not, to which message, and why not.

use jiff::Timestamp;

use crate::message::Detail;
use crate::xml::escaped;

/// An acknowledgement.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledgement {
    verdict: &'static str,
    target: String,
    details: Vec<Detail>,
    number: usize,
}

impl Acknowledgement {
    /// The message was taken, as the receiver's `number`th.
    pub(crate) fn accepted(target: String, number: usize) -> Self {
        Self { verdict: "AA", target, details: Vec::new(), number }
    }

    /// The message was not taken.
    pub(crate) fn error(target: String, details: Vec<Detail>) -> Self {
        Self { verdict: "AE", target, details, number: 0 }
    }

    /// The acknowledgement as a message of its own.
    pub(crate) fn to_xml(&self, now: Timestamp) -> String {
        let details: String = self.details.iter().map(Detail::to_xml).collect();
        let created = now.strftime("%Y%m%d%H%M%S");
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><MCCI_IN000002UV01 xmlns=\"urn:hl7-org:v3\" ITSVersion=\"XML_1.0\">\
             <id root=\"2.999.1.1\" extension=\"{number}\"/><creationTime value=\"{created}\"/>\
             <interactionId root=\"2.16.840.1.113883\" extension=\"MCCI_IN000002UV01\"/>\
             <processingCode code=\"T\"/><processingModeCode code=\"T\"/><acceptAckCode code=\"NE\"/>\
             <acknowledgement><typeCode code=\"{verdict}\"/><targetMessage><id root=\"{target}\"/></targetMessage>\
             {details}</acknowledgement></MCCI_IN000002UV01>",
            number = self.number,
            verdict = self.verdict,
            target = escaped(&self.target),
        )
    }
}
