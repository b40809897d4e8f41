//! Messages with attachments, as they travel: an envelope alone, or the first part of a multipart message, as SOAP
//! Messages with Attachments or as MTOM has it.

use std::collections::HashSet;
use std::io::{BufRead, Write};

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::error::EnvelopeError;
use super::limits::Limits;
use super::message::Envelope;
use super::mime::{ContentId, MediaType, MimeError, PartHead, Parts, TransferEncoding, copy_decoded};
use super::read::{Head, read, read_into};

/// The media type of an envelope.
pub const TEXT_XML: &str = "text/xml";
/// The media type of an envelope whose binary content was taken out (XOP).
pub const XOP_XML: &str = "application/xop+xml";
const MULTIPART: &str = "multipart/related";
/// The id of the part that holds the envelope.
const ROOT: &str = "<envelope>";
/// Base64 is written in lines of so many bytes of content: 76 characters (RFC 2045, section 6.8).
const BASE64_LINE_BYTES: usize = 57;

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its id, by which the body refers to it.
    pub id: Option<ContentId>,
    /// Its media type.
    pub media_type: MediaType,
    /// How it is written.
    pub encoding: TransferEncoding,
    /// Its content, decoded.
    pub content: Bytes,
}

/// What an attachment is, before its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentHead {
    /// Its id.
    pub id: Option<ContentId>,
    /// Its media type.
    pub media_type: MediaType,
    /// How it is written.
    pub encoding: TransferEncoding,
}

/// How a body refers to its attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// By a `cid:` URL, or not at all (SOAP Messages with Attachments).
    Swa,
    /// By `xop:Include` (MTOM); see [`super::xop`].
    Mtom,
}

/// A message as it is sent.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The `Content-Type` of the HTTP request or answer.
    pub content_type: String,
    /// Its body.
    pub bytes: Bytes,
    /// The envelope, over which [`super::RequestHash`] is taken.
    pub envelope: Bytes,
}

/// A message as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// What the envelope holds.
    pub envelope: Envelope,
    /// The envelope's bytes, over which [`super::RequestHash`] is taken.
    pub bytes: Bytes,
    /// The attachments, in order.
    pub attachments: Vec<Attachment>,
}

/// Packs `envelope` with `attachments`. Without any, it is sent alone.
pub fn pack(envelope: &Bytes, attachments: &[Attachment], style: Style) -> Packed {
    if attachments.is_empty() && style == Style::Swa {
        let content_type = format!("{TEXT_XML}; charset=UTF-8");
        return Packed { content_type, bytes: envelope.clone(), envelope: envelope.clone() };
    }
    let boundary = boundary(envelope, attachments);
    let (root_type, described, start_info) = match style {
        Style::Swa => (TEXT_XML, String::new(), String::new()),
        Style::Mtom => (XOP_XML, format!("; type=\"{TEXT_XML}\""), format!("; start-info=\"{TEXT_XML}\"")),
    };
    let content_type =
        format!("{MULTIPART}; type=\"{root_type}\"; start=\"{ROOT}\"{start_info}; boundary=\"{boundary}\"");
    let mut bytes = format!(
        "--{boundary}\r\nContent-Type: {root_type}; charset=UTF-8{described}\r\n\
         Content-Transfer-Encoding: 8bit\r\nContent-ID: {ROOT}\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(envelope);
    for attachment in attachments {
        bytes.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        put_attachment(attachment, &mut bytes);
    }
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Packed { content_type, bytes: bytes.into(), envelope: envelope.clone() }
}

fn put_attachment(attachment: &Attachment, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("Content-Type: {}\r\n", attachment.media_type).as_bytes());
    if let Some(id) = &attachment.id {
        bytes.extend_from_slice(format!("Content-ID: {id}\r\n").as_bytes());
    }
    match attachment.encoding {
        TransferEncoding::Identity => {
            bytes.extend_from_slice(b"Content-Transfer-Encoding: binary\r\n\r\n");
            bytes.extend_from_slice(&attachment.content);
        }
        TransferEncoding::Base64 => {
            bytes.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
            for line in attachment.content.chunks(BASE64_LINE_BYTES) {
                bytes.extend_from_slice(STANDARD.encode(line).as_bytes());
                bytes.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// A boundary that occurs in no part. It depends on the parts alone, so that the same message is packed the same way.
fn boundary(envelope: &[u8], attachments: &[Attachment]) -> String {
    let contents: Vec<&[u8]> =
        attachments.iter().map(|attachment| &*attachment.content).chain([envelope]).collect();
    let mut context = Context::new(&SHA256);
    contents.iter().for_each(|content| context.update(content));
    loop {
        let boundary = format!("part-{}", hex(context.clone().finish().as_ref()));
        if contents.iter().all(|content| memchr::memmem::find(content, boundary.as_bytes()).is_none()) {
            return boundary;
        }
        context.update(b"once more");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Unpacks a message whose HTTP header says `content_type`.
///
/// # Errors
/// When it is not one of the X-Road message protocol 4.0.
pub fn unpack(content_type: &str, bytes: &Bytes, limits: &Limits) -> Result<Received, EnvelopeError> {
    let mut unpacking = Unpacking::new(content_type, &**bytes, limits)?;
    let bytes = match &mut unpacking.form {
        Form::Alone(_) => bytes.clone(),
        Form::Parts(parts) => {
            let mut envelope = Vec::new();
            copy_decoded(parts, TransferEncoding::Identity, &mut envelope, limits.envelope_bytes_max)
                .map_err(|error| unpacking.cause(error))?;
            envelope.into()
        }
    };
    let envelope = read(&bytes, limits)?;
    let mut attachments = Vec::new();
    while let Some(AttachmentHead { id, media_type, encoding }) = unpacking.next_attachment()? {
        let mut content = Vec::new();
        unpacking.copy_attachment(&mut content)?;
        attachments.push(Attachment { id, media_type, encoding, content: content.into() });
    }
    Ok(Received { envelope, bytes, attachments })
}

/// A message that is unpacked from a source that is read once: first the envelope, then each attachment.
#[derive(Debug)]
pub struct Unpacking<R> {
    form: Form<R>,
    limits: Limits,
    ids: HashSet<ContentId>,
    parts: usize,
    encoding: TransferEncoding,
}

#[derive(Debug)]
enum Form<R> {
    Alone(R),
    Parts(Box<Parts<R>>),
}

impl<R: BufRead> Unpacking<R> {
    /// Begins to unpack a message whose HTTP header says `content_type`.
    ///
    /// # Errors
    /// When that is none that SOAP has, or the first part is not an envelope.
    pub fn new(content_type: &str, source: R, limits: &Limits) -> Result<Self, EnvelopeError> {
        let media_type: MediaType = content_type.parse().map_err(|_| EnvelopeError::ContentType)?;
        let form = match media_type.essence() {
            TEXT_XML => {
                check_charset(&media_type)?;
                Form::Alone(source)
            }
            MULTIPART => Form::Parts(Box::new(Parts::new(source, &media_type)?)),
            _ => return Err(EnvelopeError::ContentType),
        };
        let (ids, encoding) = (HashSet::new(), TransferEncoding::Identity);
        let mut unpacking = Self { form, limits: *limits, ids, parts: 0, encoding };
        if let Some(root) = unpacking.next_part()? {
            check_root(&root, &media_type)?;
        }
        Ok(unpacking)
    }

    /// Reads the envelope and writes the one child of its body to `body`; see [`read_into`].
    ///
    /// # Errors
    /// When it is not an envelope of the X-Road message protocol 4.0.
    pub fn read_envelope(&mut self, body: impl Write) -> Result<Head, EnvelopeError> {
        let read = match &mut self.form {
            Form::Alone(source) => read_into(source, &self.limits, body),
            Form::Parts(parts) => read_into(parts, &self.limits, body),
        };
        read.map_err(|error| self.failure().map_or(error, EnvelopeError::Mime))
    }

    /// Goes to the next attachment, past what was not read; `None` after the last, and only then has all of the message
    /// been checked.
    ///
    /// # Errors
    /// When the message is malformed or exceeds a limit.
    pub fn next_attachment(&mut self) -> Result<Option<AttachmentHead>, EnvelopeError> {
        let Some(head) = self.next_part()? else { return Ok(None) };
        let encoding = head.encoding();
        self.encoding = encoding;
        let media_type = head.media_type.ok_or(EnvelopeError::ContentType)?;
        Ok(Some(AttachmentHead { id: head.id, media_type, encoding }))
    }

    /// Writes the content of the present attachment, decoded, to `sink`; returns how many bytes.
    ///
    /// # Errors
    /// When it is too large, malformed, or `sink` fails.
    pub fn copy_attachment(&mut self, mut sink: impl Write) -> Result<u64, EnvelopeError> {
        let (encoding, bytes_max) = (self.encoding, self.limits.attachment_bytes_max);
        match &mut self.form {
            Form::Alone(_) => Ok(0),
            Form::Parts(parts) => {
                copy_decoded(parts, encoding, &mut sink, bytes_max).map_err(|error| self.cause(error))
            }
        }
    }

    /// The next part; for an envelope that comes alone, there is none.
    fn next_part(&mut self) -> Result<Option<PartHead>, EnvelopeError> {
        let Form::Parts(parts) = &mut self.form else { return Ok(None) };
        let Some(head) = parts.next(self.limits.part_header_bytes_max)? else {
            return if self.parts == 0 { Err(MimeError::Empty.into()) } else { Ok(None) };
        };
        self.parts += 1;
        if self.parts > self.limits.parts_max {
            return Err(MimeError::TooManyParts.into());
        }
        if head.id.as_ref().is_some_and(|id| !self.ids.insert(id.clone())) {
            return Err(MimeError::DuplicateContentId.into());
        }
        Ok(Some(head))
    }

    fn failure(&self) -> Option<MimeError> {
        match &self.form {
            Form::Alone(_) => None,
            Form::Parts(parts) => parts.failure(),
        }
    }

    /// What lies behind an error: the failure of the multipart message, if that is why its content could not be read.
    fn cause(&self, error: MimeError) -> EnvelopeError {
        EnvelopeError::Mime(self.failure().unwrap_or(error))
    }
}

/// The first part is an envelope, as it stands, and what the message says of it.
fn check_root(root: &PartHead, message: &MediaType) -> Result<(), EnvelopeError> {
    let media_type = root.media_type.as_ref().ok_or(EnvelopeError::ContentType)?;
    if media_type.essence() != TEXT_XML && media_type.essence() != XOP_XML {
        return Err(EnvelopeError::ContentType);
    }
    check_charset(media_type)?;
    if root.encoding() != TransferEncoding::Identity {
        return Err(MimeError::TransferEncoding.into());
    }
    let same_type = message.parameter("type").is_none_or(|it| it.eq_ignore_ascii_case(media_type.essence()));
    let same_id = message.parameter("start").is_none_or(|start| start.parse().ok() == root.id);
    if same_type && same_id { Ok(()) } else { Err(MimeError::Contradiction.into()) }
}

/// Envelopes are in UTF-8, which is also what no charset means.
fn check_charset(media_type: &MediaType) -> Result<(), EnvelopeError> {
    let utf8 = media_type.parameter("charset").is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"));
    if utf8 { Ok(()) } else { Err(EnvelopeError::ContentType) }
}
