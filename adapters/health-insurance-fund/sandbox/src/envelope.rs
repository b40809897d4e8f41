//! Envelopes of X-Road's SOAP protocol 4.0: what a Security Server checks of a request, and how it wraps an answer.

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use roxmltree::{Document, Node, ParsingOptions};
use stand_in::Answer;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const X_ROAD: &str = "http://x-road.eu/xsd/xroad.xsd";
const IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
const CLIENT: [&str; 4] = ["xRoadInstance", "memberClass", "memberCode", "subsystemCode"];
const SERVICE: [&str; 6] =
    ["xRoadInstance", "memberClass", "memberCode", "subsystemCode", "serviceCode", "serviceVersion"];
/// `roxmltree` takes quadratic time for attributes; nobody who sends bills needs as many nodes.
const NODES_MAX: u32 = 500_000;

/// What the header of a request says.
pub(crate) struct Header {
    /// Instance, class, member and subsystem.
    pub(crate) client: Vec<String>,
    /// The same, with service code and version.
    pub(crate) service: Vec<String>,
    pub(crate) id: String,
    user_id: String,
    issue: String,
}

/// A refusal: the fault's code and what it says.
pub(crate) type Fault = (&'static str, String);

/// A document without a document type.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, Fault> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|_| ("Client.InvalidSoap", "not XML".to_owned()))
}

/// The header of a request, and the one element of its body.
pub(crate) fn request<'a, 'i>(document: &'a Document<'i>) -> Result<(Header, Node<'a, 'i>), Fault> {
    let envelope = document.root_element();
    if !envelope.has_tag_name((SOAP, "Envelope")) {
        return Err(("Client.InvalidSoap", "there is no envelope".to_owned()));
    }
    let parts: Vec<_> = envelope.children().filter(Node::is_element).collect();
    let [head, body] = parts.as_slice() else {
        return Err(("Client.MissingHeader", "an envelope has one header and one body".to_owned()));
    };
    if !head.has_tag_name((SOAP, "Header")) || !body.has_tag_name((SOAP, "Body")) {
        return Err(("Client.MissingHeader", "an envelope has one header and one body".to_owned()));
    }
    let header = Header::read(*head)?;
    let children: Vec<_> = body.children().filter(Node::is_element).collect();
    match children.as_slice() {
        [child] if header.service.get(4).is_some_and(|code| code == child.tag_name().name()) => {
            Ok((header, *child))
        }
        [_] => Err(("Client.InconsistentHeaders", "the body is not named after the service".to_owned())),
        [] => Err(("Client.MissingBody", "the body is empty".to_owned())),
        _ => Err(("Client.InvalidBody", "the body has more than one element".to_owned())),
    }
}

impl Header {
    fn read(head: Node<'_, '_>) -> Result<Self, Fault> {
        let known = ["client", "service", "id", "userId", "issue", "protocolVersion"];
        let foreign = head.children().filter(Node::is_element).any(|child| {
            child.tag_name().namespace() != Some(X_ROAD) || !known.contains(&child.tag_name().name())
        });
        if foreign {
            return Err(("Client.InvalidSoap", "a header element is not one of the protocol".to_owned()));
        }
        let text =
            |name: &'static str| field(head, name).map(|node| node.text().unwrap_or_default().to_owned());
        if text("protocolVersion")? != "4.0" {
            return Err(("Client.InvalidProtocolVersion", "only 4.0 is spoken".to_owned()));
        }
        Ok(Self {
            client: identifier(field(head, "client")?, "SUBSYSTEM", &CLIENT)?,
            service: identifier(field(head, "service")?, "SERVICE", &SERVICE)?,
            id: text("id")?,
            user_id: text("userId")?,
            issue: text("issue")?,
        })
    }

    /// Who is said to act: a country and a personal code.
    pub(crate) fn names_a_person(&self) -> bool {
        let code = self.user_id.strip_prefix("EE").unwrap_or_default();
        code.len() == 11 && code.bytes().all(|b| b.is_ascii_digit()) && !self.issue.trim().is_empty()
    }

    /// The answer with this body to the request with these bytes: the same header and the hash of the request.
    pub(crate) fn answer(&self, asked: &[u8], body: &str) -> Answer {
        let hash = STANDARD.encode(digest(&SHA512, asked));
        let header = format!(
            "<x:client id:objectType=\"SUBSYSTEM\">{}</x:client><x:service id:objectType=\"SERVICE\">{}</x:service>\
             <x:id>{}</x:id><x:userId>{}</x:userId><x:issue>{}</x:issue><x:protocolVersion>4.0</x:protocolVersion>\
             <x:requestHash algorithmId=\"http://www.w3.org/2001/04/xmlenc#sha512\">{hash}</x:requestHash>",
            parts(&CLIENT, &self.client),
            parts(&SERVICE, &self.service),
            escaped(&self.id),
            escaped(&self.user_id),
            escaped(&self.issue),
        );
        soap(StatusCode::OK, &format!("<s:Header>{header}</s:Header><s:Body>{body}</s:Body>"))
    }
}

/// A fault in place of an answer.
pub(crate) fn fault(status: StatusCode, code: &str, text: &str) -> Answer {
    let code = escaped(code);
    let fault =
        format!("<faultcode>{code}</faultcode><faultstring>{}</faultstring><faultactor/>", escaped(text));
    soap(status, &format!("<s:Body><s:Fault>{fault}</s:Fault></s:Body>"))
}

fn soap(status: StatusCode, content: &str) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"{SOAP}\" xmlns:x=\"{X_ROAD}\" \
         xmlns:id=\"{IDENTIFIERS}\">{content}</s:Envelope>"
    );
    let mut answer = Answer::empty(status).with(CONTENT_TYPE, "text/xml; charset=UTF-8");
    answer.body = text.into_bytes();
    answer
}

fn field<'a, 'i>(head: Node<'a, 'i>, name: &'static str) -> Result<Node<'a, 'i>, Fault> {
    let mut own = head.children().filter(|child| child.has_tag_name((X_ROAD, name)));
    match (own.next(), own.next()) {
        (Some(field), None) => Ok(field),
        (None, _) => Err(("Client.MissingHeaderField", format!("`{name}` is missing"))),
        (Some(_), Some(_)) => Err(("Client.DuplicateHeaderField", format!("`{name}` is there twice"))),
    }
}

fn identifier(node: Node<'_, '_>, kind: &str, names: &[&'static str]) -> Result<Vec<String>, Fault> {
    let invalid = || ("Client.InvalidXml", "an identifier is not one of the schema".to_owned());
    if node.attribute((IDENTIFIERS, "objectType")) != Some(kind) {
        return Err(invalid());
    }
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    let fits = children.len() == names.len()
        && children.iter().zip(names).all(|(child, name)| child.has_tag_name((IDENTIFIERS, *name)));
    fits.then(|| children.iter().map(|child| child.text().unwrap_or_default().to_owned()).collect())
        .ok_or_else(invalid)
}

fn parts(names: &[&str], values: &[String]) -> String {
    let part = |(name, value): (&&str, &String)| format!("<id:{name}>{}</id:{name}>", escaped(value));
    names.iter().zip(values).map(part).collect()
}

/// Text as it stands in an element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
