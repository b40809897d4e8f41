//! The header of a part: its media type, its id and how it is encoded. Everything else, file names above all, is passed
//! over.

use std::fmt;
use std::str::FromStr;

use super::MimeError;
use super::media_type::MediaType;

/// The longest id, in bytes.
const CONTENT_ID_BYTES_MAX: usize = 255;

/// What the header of a part says.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartHead {
    pub(crate) media_type: Option<MediaType>,
    pub(crate) id: Option<ContentId>,
    encoding: Option<TransferEncoding>,
}

/// The id of a part (RFC 2392), which `cid:` and the id refer to.
///
/// INVARIANT: 1 to 255 visible ASCII characters, none of them an angle bracket or a quote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentId(Box<str>);

/// Text that cannot be the id of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content id is empty, too long or has a forbidden character")]
pub struct ContentIdError;

/// How the content of a part is written (RFC 2045, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransferEncoding {
    /// As it is: `7bit`, which a part has that says nothing, `8bit` or `binary`.
    #[default]
    Identity,
    /// In base64.
    Base64,
}

impl PartHead {
    /// How its content is written.
    pub(crate) fn encoding(&self) -> TransferEncoding {
        self.encoding.unwrap_or_default()
    }

    /// Reads one field; `line` is unfolded.
    pub(super) fn read_field(&mut self, line: &str) -> Result<(), MimeError> {
        let (name, value) = line.split_once(':').ok_or(MimeError::PartHeader)?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
        if !is_name || value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(MimeError::PartHeader);
        }
        let value = value.trim_matches([' ', '\t']);
        match name.to_ascii_lowercase().as_str() {
            "content-type" => {
                let media_type = value.parse().map_err(|_| MimeError::PartHeader)?;
                once(&mut self.media_type, media_type)
            }
            "content-id" => once(&mut self.id, value.parse().map_err(|_| MimeError::PartHeader)?),
            "content-transfer-encoding" => {
                let encoding = TransferEncoding::named(value).ok_or(MimeError::TransferEncoding)?;
                once(&mut self.encoding, encoding)
            }
            _ => Ok(()),
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), MimeError> {
    if slot.replace(value).is_some() { Err(MimeError::DuplicateField) } else { Ok(()) }
}

impl ContentId {
    /// The id, without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that the URL `href` refers to, when it is a `cid:` URL.
    pub fn referred_to(href: &str) -> Option<Self> {
        let (scheme, id) = href.split_once(':')?;
        if scheme.eq_ignore_ascii_case("cid") { percent_decoded(id)?.parse().ok() } else { None }
    }

    /// The URL that refers to this id.
    pub fn url(&self) -> String {
        format!("cid:{}", self.0.replace('%', "%25"))
    }
}

impl FromStr for ContentId {
    type Err = ContentIdError;

    /// Reads an id with its angle brackets or without.
    fn from_str(text: &str) -> Result<Self, ContentIdError> {
        let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        let is_id = (1..=CONTENT_ID_BYTES_MAX).contains(&bare.len())
            && bare.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\\'));
        if is_id { Ok(Self(bare.into())) } else { Err(ContentIdError) }
    }
}

impl fmt::Display for ContentId {
    /// As in a header, with angle brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

impl TransferEncoding {
    fn named(name: &str) -> Option<Self> {
        let identity = ["7bit", "8bit", "binary"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if identity {
            Some(Self::Identity)
        } else {
            name.eq_ignore_ascii_case("base64").then_some(Self::Base64)
        }
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(decoded).ok()
}
