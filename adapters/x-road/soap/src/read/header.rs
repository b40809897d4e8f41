//! The header of an envelope, element by element.

use std::io::BufRead;

use super::field::{next_child, read_client, read_parts, read_server, read_service, read_string, read_text};
use crate::element::{Element, ElementName, copy};
use crate::error::{EnvelopeError, Field};
use crate::hash::RequestHash;
use crate::headers::{Headers, SecurityToken};
use crate::names::{Client, RepresentedParty, ServerId, Service};
use crate::text::{MessageId, Text};
use crate::xml::{Scanner, XmlError};
use crate::{PROTOCOL_VERSION, REPRESENTATION, SECURITY_TOKEN, SOAP, X_ROAD};

/// Header elements that the protocol does not know. Each is handed out with all declarations in scope, so that many of
/// them would take far more memory than they have bytes.
const OTHERS_MAX: usize = 32;

/// What was found in a header.
#[derive(Debug, Default)]
pub(super) struct Found {
    client: Option<Client>,
    service: Option<Service>,
    id: Option<MessageId>,
    user_id: Option<Text>,
    issue: Option<Text>,
    version: Option<()>,
    request_hash: Option<RequestHash>,
    security_server: Option<ServerId>,
    represented_party: Option<RepresentedParty>,
    security_token: Option<SecurityToken>,
    others: Vec<Element>,
}

impl Found {
    /// Reads the header that has begun.
    pub(super) fn read<R: BufRead>(scanner: &mut Scanner<R>) -> Result<Self, EnvelopeError> {
        let mut found = Self::default();
        while next_child(scanner, EnvelopeError::NotAnEnvelope)? {
            let (namespace, local) = scanner.name();
            match Field::named(namespace, local) {
                Some(field) => found.read_field(field, scanner)?,
                None if found.others.len() == OTHERS_MAX => return Err(EnvelopeError::HeaderTooLong),
                None => found.others.push(read_other(scanner)?),
            }
        }
        Ok(found)
    }

    /// The header, when it has all that a message needs.
    pub(super) fn complete(self) -> Result<Headers, EnvelopeError> {
        let missing = EnvelopeError::MissingField;
        self.version.ok_or(missing(Field::ProtocolVersion))?;
        Ok(Headers {
            client: self.client.ok_or(missing(Field::Client))?,
            service: self.service.ok_or(missing(Field::Service))?,
            id: self.id.ok_or(missing(Field::Id))?,
            user_id: self.user_id,
            issue: self.issue,
            security_server: self.security_server,
            represented_party: self.represented_party,
            security_token: self.security_token,
            request_hash: self.request_hash,
            others: self.others,
        })
    }

    fn read_field<R: BufRead>(
        &mut self,
        field: Field,
        scanner: &mut Scanner<R>,
    ) -> Result<(), EnvelopeError> {
        match field {
            Field::Client => once(&mut self.client, field, read_client(scanner)?),
            Field::Service => once(&mut self.service, field, read_service(scanner)?),
            Field::Id => once(&mut self.id, field, MessageId::as_read(read_text(scanner, field)?)),
            Field::UserId => once(&mut self.user_id, field, read_text(scanner, field)?),
            Field::Issue => once(&mut self.issue, field, read_text(scanner, field)?),
            Field::ProtocolVersion => once(&mut self.version, field, read_version(scanner)?),
            Field::RequestHash => once(&mut self.request_hash, field, read_hash(scanner)?),
            Field::SecurityServer => once(&mut self.security_server, field, read_server(scanner)?),
            Field::RepresentedParty => once(&mut self.represented_party, field, read_party(scanner)?),
            Field::SecurityToken => once(&mut self.security_token, field, read_token(scanner)?),
            Field::CentralService => Err(EnvelopeError::InvalidField(field)),
        }
    }
}

impl Field {
    fn named(namespace: &str, local: &str) -> Option<Self> {
        match (namespace, local) {
            (X_ROAD, "client") => Some(Self::Client),
            (X_ROAD, "service") => Some(Self::Service),
            (X_ROAD, "id") => Some(Self::Id),
            (X_ROAD, "userId") => Some(Self::UserId),
            (X_ROAD, "issue") => Some(Self::Issue),
            (X_ROAD, "protocolVersion") => Some(Self::ProtocolVersion),
            (X_ROAD, "requestHash") => Some(Self::RequestHash),
            (X_ROAD, "securityServer") => Some(Self::SecurityServer),
            (X_ROAD, "centralService") => Some(Self::CentralService),
            (REPRESENTATION, "representedParty") => Some(Self::RepresentedParty),
            (SECURITY_TOKEN, "securityToken") => Some(Self::SecurityToken),
            _ => None,
        }
    }
}

fn once<T>(slot: &mut Option<T>, field: Field, value: T) -> Result<(), EnvelopeError> {
    if slot.replace(value).is_some() { Err(EnvelopeError::DuplicateField(field)) } else { Ok(()) }
}

fn read_version<R: BufRead>(scanner: &mut Scanner<R>) -> Result<(), EnvelopeError> {
    let version = read_string(scanner, EnvelopeError::ProtocolVersion)?;
    if version == PROTOCOL_VERSION { Ok(()) } else { Err(EnvelopeError::ProtocolVersion) }
}

fn read_hash<R: BufRead>(scanner: &mut Scanner<R>) -> Result<RequestHash, EnvelopeError> {
    let field = Field::RequestHash;
    let algorithm = attribute(scanner, "algorithmId", field)?.ok_or(EnvelopeError::InvalidField(field))?;
    Ok(RequestHash::as_read(algorithm, read_text(scanner, field)?.as_str()))
}

fn read_token<R: BufRead>(scanner: &mut Scanner<R>) -> Result<SecurityToken, EnvelopeError> {
    let token_type = attribute(scanner, "tokenType", Field::SecurityToken)?;
    Ok(SecurityToken { token_type, token: read_text(scanner, Field::SecurityToken)? })
}

fn read_party<R: BufRead>(scanner: &mut Scanner<R>) -> Result<RepresentedParty, EnvelopeError> {
    let field = Field::RepresentedParty;
    let [class, code] = read_parts(scanner, field, REPRESENTATION, ["partyClass", "partyCode"])?;
    Ok(RepresentedParty { class, code: code.ok_or(EnvelopeError::InvalidField(field))? })
}

/// An element that the protocol does not know. One that must be understood is refused, whomever it is for: no more than
/// X-Road does the codec play a part that SOAP would give an intermediary.
fn read_other<R: BufRead>(scanner: &mut Scanner<R>) -> Result<Element, EnvelopeError> {
    let must_be_understood = scanner.attributes()?.into_iter().any(|attribute| {
        (&*attribute.namespace, &*attribute.local) == (SOAP, "mustUnderstand") && &*attribute.value != "0"
    });
    if must_be_understood {
        return Err(EnvelopeError::NotUnderstood);
    }
    let name = ElementName::of(scanner);
    let mut xml = Vec::new();
    copy(scanner, &mut xml).map_err(XmlError::from)?;
    Ok(Element::copied(xml, name))
}

/// The value of the attribute `name` of the element that has begun.
fn attribute<R: BufRead>(
    scanner: &Scanner<R>,
    name: &str,
    field: Field,
) -> Result<Option<Text>, EnvelopeError> {
    let mut attributes = scanner.attributes()?.into_iter();
    let value = attributes.find(|attribute| attribute.namespace.is_empty() && &*attribute.local == name);
    let text = value.map(|attribute| Text::new(&attribute.value));
    text.transpose().map_err(|_| EnvelopeError::InvalidField(field))
}
