//! The SOAP side of the Security Server (message protocol 4.0): envelopes, who calls, which service, X-Road's own faults.
//!
//! There is no second Security Server, no signature and no message log.

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use roxmltree::Node;
use stand_in::{Answer, Asked};

use crate::Rules;
use crate::xml::{at, children, escaped, is, only, read as parse, text};

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const X_ROAD: &str = "http://x-road.eu/xsd/xroad.xsd";
const IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
const PRODUCER: &str = "http://digilugu.x-road.ee/producer/";

/// What a sound envelope says.
pub(crate) struct Request {
    /// `instance/class/member/subsystem` of the caller.
    client: String,
    service: String,
    id: String,
    user: String,
    issue: String,
    /// The HL7 v3 message, which the body has as a text.
    pub(crate) message: String,
}

impl Request {
    /// The registry code of the calling member.
    pub(crate) fn member(&self) -> &str {
        self.client.split('/').nth(2).unwrap_or_default()
    }

    /// The personal code of the person who calls.
    pub(crate) fn personal_code(&self) -> &str {
        self.user.strip_prefix("EE").unwrap_or_default()
    }
}

/// A fault: its code and what it says.
pub(crate) struct Fault {
    code: String,
    says: String,
}

impl Fault {
    pub(crate) fn new(code: &str, says: &str) -> Self {
        Self { code: code.to_owned(), says: says.to_owned() }
    }
}

/// Reads the envelope in `asked` and checks who calls what.
pub(crate) fn read(asked: &Asked, clients: &[(String, String)], rules: &Rules) -> Result<Request, Fault> {
    let wrong = |code: &str, says: &str| Fault::new(code, says);
    if asked.method != Method::POST || asked.uri.path() != "/" {
        return Err(wrong("Client.InvalidHttpMethod", "messages are posted to /"));
    }
    if asked.media_type().as_deref() != Some("text/xml") {
        return Err(wrong("Client.InvalidContentType", "the content type is not text/xml"));
    }
    let invalid = || wrong("Client.InvalidXml", "the envelope is not well-formed");
    let source = std::str::from_utf8(&asked.body).map_err(|_| invalid())?;
    let tree = parse(source).ok_or_else(invalid)?;
    let root = tree.root_element();
    let parts: Vec<_> = children(root).collect();
    let [header, body] = parts.as_slice() else { return Err(wrong("Client.InvalidSoap", "header and body")) };
    if !is(root, ENVELOPE, "Envelope") || !is(*header, ENVELOPE, "Header") || !is(*body, ENVELOPE, "Body") {
        return Err(wrong("Client.InvalidSoap", "the envelope is not of SOAP 1.1"));
    }
    let request = headers(*header)?;
    check_parties(&request, asked, clients, rules)?;
    let mut bodies = children(*body);
    let (Some(call), None) = (bodies.next(), bodies.next()) else {
        return Err(wrong("Client.InvalidBody", "the body has one element"));
    };
    // The schema of the WSDL: its inner elements are of no namespace, and the message is a text.
    let message = is(call, PRODUCER, "hl7").then(|| at(call, "", &["request", "hl7InputMessage"])).flatten();
    let message = message.and_then(text).filter(|_| children(call).count() == 1);
    let message = message.ok_or_else(|| wrong("Client", "the body is not a request of hl7"))?;
    Ok(Request { message, ..request })
}

fn headers(header: Node<'_, '_>) -> Result<Request, Fault> {
    let missing = |name: &str| Fault::new("Client.MissingHeaderField", name);
    let field = |name: &str| only(header, X_ROAD, name).and_then(text).ok_or_else(|| missing(name));
    let identifier = |name: &str, kind: &str, parts: &[&str]| {
        let node = only(header, X_ROAD, name).ok_or_else(|| missing(name))?;
        if node.attribute((IDENTIFIERS, "objectType")) != Some(kind) {
            return Err(Fault::new("Client.InvalidXml", "objectType"));
        }
        let given: Vec<_> = children(node).map(|child| child.tag_name().name()).collect();
        if given != parts {
            return Err(Fault::new("Client.InvalidXml", name));
        }
        let values: Option<Vec<_>> =
            parts.iter().map(|part| only(node, IDENTIFIERS, part).and_then(text)).collect();
        values.map(|values| values.join("/")).ok_or_else(|| missing(name))
    };
    if field("protocolVersion")? != "4.0" {
        return Err(Fault::new("Client.InvalidProtocolVersion", "4.0"));
    }
    let client = ["xRoadInstance", "memberClass", "memberCode", "subsystemCode"];
    let service: Vec<_> = client.into_iter().chain(["serviceCode", "serviceVersion"]).collect();
    Ok(Request {
        client: identifier("client", "SUBSYSTEM", &client)?,
        service: identifier("service", "SERVICE", &service)?,
        id: field("id")?,
        user: field("userId")?,
        issue: field("issue")?,
        message: String::new(),
    })
}

fn check_parties(
    request: &Request,
    asked: &Asked,
    clients: &[(String, String)],
    rules: &Rules,
) -> Result<(), Fault> {
    if !clients.iter().any(|(_, known)| *known == request.client) {
        return Err(Fault::new("Server.ClientProxy.UnknownMember", "client not found"));
    }
    if !clients.iter().any(|(fingerprint, known)| *known == request.client && *fingerprint == asked.peer) {
        return Err(Fault::new("Server.ClientProxy.SslAuthenticationFailed", "another TLS certificate"));
    }
    if request.service != rules.service {
        return Err(Fault::new("Server.ServerProxy.UnknownService", "unknown service"));
    }
    let acts = |of: &&crate::Professional| {
        of.personal_code == request.personal_code() && of.organisation == request.member()
    };
    if rules.professionals.iter().find(acts).is_none() {
        return Err(Fault::new("Client", "the user may not act for this organisation"));
    }
    if request.issue.is_empty() || request.issue.chars().count() > 500 {
        return Err(Fault::new("Client", "the issue is missing or too long"));
    }
    Ok(())
}

/// The answer with `output` in it, tied to the request by its hash.
pub(crate) fn answer(asked: &Asked, request: &Request, output: &str) -> Answer {
    let hash = STANDARD.encode(digest(&SHA512, &asked.body));
    let envelope = format!(
        "<e:Envelope xmlns:e=\"{ENVELOPE}\" xmlns:r=\"{X_ROAD}\" xmlns:i=\"{IDENTIFIERS}\"><e:Header>\
         <r:client i:objectType=\"SUBSYSTEM\">{client}</r:client>\
         <r:service i:objectType=\"SERVICE\">{service}</r:service>\
         <r:userId>{user}</r:userId><r:id>{id}</r:id><r:issue>{issue}</r:issue>\
         <r:protocolVersion>4.0</r:protocolVersion>\
         <r:requestHash algorithmId=\"http://www.w3.org/2001/04/xmlenc#sha512\">{hash}</r:requestHash></e:Header>\
         <e:Body><p:hl7Response xmlns:p=\"{PRODUCER}\"><request><hl7InputMessage/></request>\
         <response><hl7OutputMessage>{output}</hl7OutputMessage></response></p:hl7Response></e:Body></e:Envelope>",
        client = parts(&request.client),
        service = parts(&request.service),
        user = escaped(&request.user),
        id = escaped(&request.id),
        issue = escaped(&request.issue),
        output = escaped(output),
    );
    xml(StatusCode::OK, envelope)
}

fn parts(path: &str) -> String {
    let names =
        ["xRoadInstance", "memberClass", "memberCode", "subsystemCode", "serviceCode", "serviceVersion"];
    let part = |(name, value): (&str, &str)| format!("<i:{name}>{}</i:{name}>", escaped(value));
    names.into_iter().zip(path.split('/')).map(part).collect()
}

/// A fault in place of an answer.
pub(crate) fn fault(fault: &Fault) -> Answer {
    let (code, says) = (escaped(&fault.code), escaped(&fault.says));
    let envelope = format!(
        "<e:Envelope xmlns:e=\"{ENVELOPE}\"><e:Body><e:Fault><faultcode>{code}</faultcode>\
         <faultstring>{says}</faultstring></e:Fault></e:Body></e:Envelope>"
    );
    xml(StatusCode::INTERNAL_SERVER_ERROR, envelope)
}

fn xml(status: StatusCode, body: String) -> Answer {
    let mut answer = Answer::empty(status).with(CONTENT_TYPE, "text/xml; charset=UTF-8");
    answer.body = body.into_bytes();
    answer
}
