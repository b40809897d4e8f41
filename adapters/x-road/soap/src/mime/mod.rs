//! MIME as SOAP uses it: `multipart/related` (RFC 2387) with the envelope first, read as strictly as two readers need to
//! see the same parts.
//!
//! Whatever readers are known to disagree about is refused: text before the first part and after the last, line ends of
//! two kinds at boundaries, lines that only begin like a boundary, headers and parameters that come twice. Line feeds
//! alone are taken for line ends if the whole message has no others at its boundaries.

mod fields;
mod media_type;
mod parts;
mod transfer;

pub use self::fields::{ContentId, ContentIdError, TransferEncoding};
pub use self::media_type::{MediaType, MediaTypeError};
pub(super) use self::{fields::PartHead, parts::Parts, transfer::copy_decoded};

/// Why a multipart message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MimeError {
    /// The boundary is missing, or not one that RFC 2046, section 5.1.1, allows.
    #[error("the boundary is missing or malformed")]
    Boundary,
    /// There is something before the first part.
    #[error("there is something before the first part")]
    Preamble,
    /// There is something after the last part.
    #[error("there is something after the last part")]
    Epilogue,
    /// A line that readers would not agree about: like a boundary and not one, or with another line end.
    #[error("a line can be taken for a boundary and for none")]
    Ambiguous,
    /// It ends before its last boundary.
    #[error("the message is cut off")]
    CutOff,
    /// It has no part.
    #[error("the message has no part")]
    Empty,
    /// There are more parts than the limit allows.
    #[error("the message has too many parts")]
    TooManyParts,
    /// The header of a part is malformed.
    #[error("the header of a part is malformed")]
    PartHeader,
    /// The header of a part is longer than the limit allows.
    #[error("the header of a part is too long")]
    PartHeaderTooLong,
    /// The header of a part has a field twice.
    #[error("the header of a part has a field twice")]
    DuplicateField,
    /// A transfer encoding that is none of `7bit`, `8bit`, `binary` and `base64`, or `base64` for the envelope.
    #[error("the transfer encoding of a part is not one that is read here")]
    TransferEncoding,
    /// A part is not in base64, and says it is.
    #[error("a part is not in base64 as it says")]
    Base64,
    /// An attachment is larger than the limit allows.
    #[error("an attachment is too large")]
    AttachmentTooLarge,
    /// Two parts have the same `Content-ID`.
    #[error("two parts have the same content id")]
    DuplicateContentId,
    /// `start` names another part than the first, or `type` another media type than that of the first.
    #[error("the parameters of the message contradict its first part")]
    Contradiction,
    /// The source of the message failed.
    #[error("the message could not be read to its end")]
    Source(std::io::ErrorKind),
    /// What an attachment was to be written to failed.
    #[error("an attachment could not be passed on")]
    Sink(std::io::ErrorKind),
}

#[cfg(test)]
mod tests;
