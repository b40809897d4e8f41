//! How much of a message is read.

use super::xml::XmlLimits;

/// How much of a message is read. The defaults suit a Security Server as Estonia ships it, which takes 20 MiB.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of an envelope.
    pub envelope_bytes_max: u64,
    /// Bytes of everything before the body.
    pub header_bytes_max: usize,
    /// Bytes of one tag, text, comment or section: no more than this is held of a body that is streamed.
    pub token_bytes_max: usize,
    /// Elements within elements.
    pub depth_max: usize,
    /// Attributes of one element, namespace declarations among them.
    pub attributes_max: usize,
    /// Namespace declarations in scope at one place.
    pub namespaces_max: usize,
    /// Parts of a multipart message, the envelope among them.
    pub parts_max: usize,
    /// Bytes of the header of one part.
    pub part_header_bytes_max: usize,
    /// Bytes of one attachment, decoded.
    pub attachment_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            envelope_bytes_max: 20 << 20,
            header_bytes_max: 64 << 10,
            token_bytes_max: 20 << 20,
            depth_max: 128,
            attributes_max: 64,
            namespaces_max: 128,
            parts_max: 100,
            part_header_bytes_max: 8 << 10,
            attachment_bytes_max: 20 << 20,
        }
    }
}

impl Limits {
    pub(super) fn xml(&self) -> XmlLimits {
        XmlLimits {
            bytes_max: self.envelope_bytes_max,
            token_bytes_max: self.token_bytes_max,
            depth_max: self.depth_max,
            attributes_max: self.attributes_max,
            namespaces_max: self.namespaces_max,
        }
    }
}
