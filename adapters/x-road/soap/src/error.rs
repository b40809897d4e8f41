//! Why a message is not one.

use super::mime::MimeError;
use super::xml::XmlError;

/// Why a message is refused. No value of the message is ever in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not XML that is read here.
    #[error("the message is not XML that is read here")]
    Xml(#[from] XmlError),
    /// It is not multipart as it says it is.
    #[error("the message is not MIME that is read here")]
    Mime(#[from] MimeError),
    /// Its media type, or that of its first part, is none that SOAP has, or an attachment has none.
    #[error("the media type of the message or of a part is none that SOAP has")]
    ContentType,
    /// Its root is not the envelope of SOAP 1.1, or there is something in the envelope that does not belong there.
    #[error("the message is not a SOAP 1.1 envelope")]
    NotAnEnvelope,
    /// It has no header.
    #[error("the envelope has no header")]
    MissingHeader,
    /// It has no body.
    #[error("the envelope has no body")]
    MissingBody,
    /// Its body has no child, or several, or text beside it.
    #[error("the body does not have exactly one child element")]
    Body,
    /// A header element is missing.
    #[error("the header has no `{0}`")]
    MissingField(Field),
    /// A header element is there twice.
    #[error("the header has `{0}` twice")]
    DuplicateField(Field),
    /// A header element has a value that it must not have.
    #[error("`{0}` in the header has a value that it must not have")]
    InvalidField(Field),
    /// It is of another version of the protocol than 4.0.
    #[error("the protocol version is not 4.0")]
    ProtocolVersion,
    /// The child of the body is not named after the service.
    #[error("the child of the body is not named after the service in the header")]
    Inconsistent,
    /// A header element must be understood, and is not known.
    #[error("the header has an element that must be understood and is not known")]
    NotUnderstood,
    /// What comes before the body is longer than the limit allows, or there are too many header elements that the
    /// protocol does not know.
    #[error("the header is too long")]
    HeaderTooLong,
    /// The fault in the body has no code, or an element twice.
    #[error("the fault is malformed")]
    Fault,
    /// What the body was to be written to failed.
    #[error("the body could not be passed on")]
    Sink(std::io::ErrorKind),
}

/// An element of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `client`.
    Client,
    /// `service`.
    Service,
    /// `id`.
    Id,
    /// `userId`.
    UserId,
    /// `issue`.
    Issue,
    /// `protocolVersion`.
    ProtocolVersion,
    /// `requestHash`.
    RequestHash,
    /// `securityServer`.
    SecurityServer,
    /// `representedParty`.
    RepresentedParty,
    /// `securityToken`.
    SecurityToken,
    /// `centralService`, which protocol version 4.0.23 took out.
    CentralService,
}

impl Field {
    /// Its name in the header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Service => "service",
            Self::Id => "id",
            Self::UserId => "userId",
            Self::Issue => "issue",
            Self::ProtocolVersion => "protocolVersion",
            Self::RequestHash => "requestHash",
            Self::SecurityServer => "securityServer",
            Self::RepresentedParty => "representedParty",
            Self::SecurityToken => "securityToken",
            Self::CentralService => "centralService",
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl EnvelopeError {
    /// The code that a Security Server gives the same refusal, after `Client.`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Xml(_) | Self::InvalidField(_) | Self::HeaderTooLong => "invalid_xml",
            Self::Mime(_) => "mime_parsing_failed",
            Self::ContentType => "invalid_content_type",
            Self::NotAnEnvelope | Self::NotUnderstood | Self::Fault => "invalid_soap",
            Self::MissingHeader => "missing_header",
            Self::MissingBody => "missing_body",
            Self::Body => "invalid_body",
            Self::MissingField(_) => "missing_header_field",
            Self::DuplicateField(_) => "duplicate_header_field",
            Self::ProtocolVersion => "invalid_protocol_version",
            Self::Inconsistent => "inconsistent_headers",
            Self::Sink(_) => "internal_error",
        }
    }
}
