//! The header of a CDA document: what is mandatory, the code systems, and that patient, author and custodian are known.

use roxmltree::Node;

use crate::message::{Detail, HL7};
use crate::xml::{at, children, is, only};
use crate::{Rules, soap};

const PROFESSIONALS: &str = "1.3.6.1.4.1.28284.6.2.4.9";
const ORGANISATIONS: &str = "1.3.6.1.4.1.28284.4";
const KINDS: &str = "1.3.6.1.4.1.28284.6.2.1.3";
const SECTIONS: &str = "1.3.6.1.4.1.28284.6.2.2.11";
/// Closed to doctors, closed to a guardian.
const CLOSED: [&str; 2] = ["1.3.6.1.4.1.28284.6.2.2.39", "1.3.6.1.4.1.28284.6.2.2.37"];
/// The elements of CDA R2, in their order, that a document here may have.
const ORDER: [&str; 21] = [
    "realmCode",
    "typeId",
    "templateId",
    "id",
    "code",
    "title",
    "effectiveTime",
    "confidentialityCode",
    "languageCode",
    "setId",
    "versionNumber",
    "recordTarget",
    "author",
    "dataEnterer",
    "informant",
    "custodian",
    "legalAuthenticator",
    "documentationOf",
    "relatedDocument",
    "componentOf",
    "component",
];

/// Root and extension.
pub(crate) type Identifier = (String, String);

/// What the register keeps of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: Identifier,
    pub(crate) set: Identifier,
    pub(crate) version: u32,
    pub(crate) code: String,
    pub(crate) patient: Identifier,
    /// The document that this one replaces.
    pub(crate) replaces: Option<Identifier>,
}

impl Header {
    /// The header of `document`, or of what repeats it.
    pub(crate) fn of(document: Node<'_, '_>, patient: Option<Node<'_, '_>>) -> Option<Self> {
        let related = only(document, HL7, "relatedDocument");
        Some(Self {
            id: identifier(only(document, HL7, "id")?)?,
            set: identifier(only(document, HL7, "setId")?)?,
            version: only(document, HL7, "versionNumber")?.attribute("value")?.parse().ok()?,
            code: only(document, HL7, "code")?.attribute("code")?.to_owned(),
            patient: identifier(patient?)?,
            replaces: related
                .and_then(|related| at(related, HL7, &["parentDocument", "id"]))
                .and_then(identifier),
        })
    }
}

/// Checks `document`; what is wrong is added to `details`.
pub(crate) fn check(
    document: Node<'_, '_>,
    request: &soap::Request,
    rules: &Rules,
    details: &mut Vec<Detail>,
) -> Option<Header> {
    check_order(document, details);
    let value = |path: &[&str], name: &str| {
        at(document, HL7, path).and_then(|node| node.attribute(name)).unwrap_or_default()
    };
    let mut expect = |fits: bool, code, place: &str| {
        if !fits {
            details.push(Detail::new(code, place, "not what is expected here"));
        }
    };
    expect(value(&["typeId"], "root") == "2.16.840.1.113883.1.3", "SYN103", "typeId/@root");
    expect(value(&["typeId"], "extension") == "POCD_HD000040", "SYN103", "typeId/@extension");
    expect(below(value(&["code"], "codeSystem"), KINDS), "SYN104", "code/@codeSystem");
    let kind = value(&["code"], "code");
    let known = ["2", "9", "18", "34", "38", "63", "64", "84"].iter().any(|known| below(kind, known));
    expect(known, "SYN103", "code/@code");
    expect(is_time(value(&["effectiveTime"], "value")), "SYN102", "effectiveTime/@value");
    let closed = value(&["confidentialityCode"], "codeSystem");
    expect(closed == "2.16.840.1.113883.5.25", "SYN104", "confidentialityCode/@codeSystem");
    let flags = at(document, HL7, &["confidentialityCode"]);
    expect(flags.is_some_and(flags_are_known), "SYN103", "confidentialityCode");
    let author = ["author", "assignedAuthor", "id"];
    expect(value(&author, "root") == PROFESSIONALS, "SYN104", "author/assignedAuthor/id/@root");
    let acts = rules.professionals.iter().any(|of| {
        of.code == value(&author, "extension")
            && of.personal_code == request.personal_code()
            && of.organisation == request.member()
    });
    expect(acts, "KEY204", "author/assignedAuthor/id/@extension");
    expect(is_time(value(&["author", "time"], "value")), "SYN102", "author/time/@value");
    let custodian = ["custodian", "assignedCustodian", "representedCustodianOrganization", "id"];
    expect(value(&custodian, "root") == ORGANISATIONS, "SYN104", "custodian/…/id/@root");
    expect(value(&custodian, "extension") == request.member(), "KEY204", "custodian/…/id/@extension");
    let body = at(document, HL7, &["component", "structuredBody"]);
    expect(body.is_some_and(sections_are_coded), "SYN104", "component/structuredBody");
    expect(is_all_hl7(document), "SYN102", "a foreign namespace");
    let patient = at(document, HL7, &["recordTarget", "patientRole", "id"]);
    let known = patient.and_then(identifier).is_some_and(|patient| rules.patients.contains(&patient));
    if !known {
        // A real register may repeat what it was sent, so the stand-in does: nothing of it may reach a log of ours.
        let sent = patient.and_then(|patient| patient.attribute("extension")).unwrap_or_default();
        details.push(Detail::new("KEY204", "recordTarget", &format!("no such patient: {sent}")));
    }
    let born = at(document, HL7, &["recordTarget", "patientRole", "patient", "birthTime"]);
    if born.is_some_and(|born| !is_time(born.attribute("value").unwrap_or_default())) {
        details.push(Detail::new("SYN102", "birthTime", "a day"));
    }
    let header = Header::of(document, patient);
    if header.is_none() {
        details.push(Detail::new("SYN105", "", "id, setId, versionNumber and code, each once"));
    }
    header
}

fn check_order(document: Node<'_, '_>, details: &mut Vec<Detail>) {
    let places: Vec<_> = children(document)
        .map(|child| ORDER.iter().position(|name| *name == child.tag_name().name()))
        .collect();
    if places.iter().any(Option::is_none) || !places.is_sorted() {
        details.push(Detail::new("SYN105", "ClinicalDocument", "the elements of CDA R2, in their order"));
    }
}

fn flags_are_known(flags: Node<'_, '_>) -> bool {
    let is_flag = |node: Node<'_, '_>| matches!(node.attribute("code"), Some("N" | "R" | "V"));
    let system = |node: Node<'_, '_>| {
        let system = node.attribute("codeSystem").unwrap_or_default();
        CLOSED.iter().any(|closed| below(system, closed))
    };
    is_flag(flags)
        && children(flags).all(|child| is(child, HL7, "translation") && is_flag(child) && system(child))
}

fn sections_are_coded(body: Node<'_, '_>) -> bool {
    let coded = |component: Node<'_, '_>| {
        let code = at(component, HL7, &["section", "code"]);
        code.is_some_and(|code| below(code.attribute("codeSystem").unwrap_or_default(), SECTIONS))
    };
    children(body).next().is_some() && children(body).all(coded)
}

fn is_all_hl7(document: Node<'_, '_>) -> bool {
    let elements = document.descendants().filter(Node::is_element);
    elements.into_iter().all(|element| element.tag_name().namespace() == Some(HL7))
}

/// Root and extension of an element that is an identifier.
pub(crate) fn identifier(node: Node<'_, '_>) -> Option<Identifier> {
    let root = node
        .attribute("root")
        .filter(|root| root.contains('.') && root.bytes().all(|c| c == b'.' || c.is_ascii_digit()))?;
    Some((root.to_owned(), node.attribute("extension").filter(|text| !text.is_empty())?.to_owned()))
}

/// A day, or a moment with its zone.
pub(crate) fn is_time(text: &str) -> bool {
    let (moment, zone) = text.split_at(text.find(['+', '-']).unwrap_or(text.len()));
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let zoned = zone.is_empty() || (zone.len() == 5 && zone.get(1..).is_some_and(digits));
    digits(moment) && zoned && (moment.len() == 8 || moment.len() == 14)
}

/// Whether `code` is `top` or below it.
fn below(code: &str, top: &str) -> bool {
    code.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
