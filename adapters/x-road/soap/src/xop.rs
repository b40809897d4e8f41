//! Binary content that was taken out of a body (XML-binary Optimized Packaging): put back in, or referred to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::element::Element;
use super::limits::Limits;
use super::mime::ContentId;
use super::package::Attachment;
use super::xml::{Scanner, Token, XmlError, escaped};

/// The namespace of `Include`.
const XOP: &str = "http://www.w3.org/2004/08/xop/include";

/// Why content was not put back in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XopError {
    /// The body is not XML that is read here.
    #[error("the body is not XML that is read here")]
    Xml(#[from] XmlError),
    /// `Include` has no `href`, one that is no `cid:` URL, or content of its own.
    #[error("`Include` is malformed")]
    Include,
    /// `Include` refers to an attachment that is not there.
    #[error("`Include` refers to an attachment that is not there")]
    Missing,
    /// `Include` is not the only content of its element.
    #[error("`Include` is not the only content of its element")]
    NotAlone,
    /// The body would become larger than the limit for envelopes.
    #[error("the body would exceed the limit of bytes")]
    TooLarge,
}

/// An element that stands for the attachment `id`, to be put as the only content of an element into a body.
pub fn include(id: &ContentId) -> String {
    format!("<xop:Include xmlns:xop=\"{XOP}\" href=\"{}\"/>", escaped(&id.url()))
}

/// The attachment that the URL `href` refers to: in a `swaRef`, or an `Include`.
pub fn referred_to<'a>(href: &str, attachments: &'a [Attachment]) -> Option<&'a Attachment> {
    let id = ContentId::referred_to(href)?;
    attachments.iter().find(|attachment| attachment.id.as_ref() == Some(&id))
}

/// `body` with every `Include` replaced by the attachment it refers to, in base64: the document that the sender took
/// apart.
///
/// # Errors
/// When a reference cannot be followed, or the result would be larger than an envelope may be.
pub fn inlined(body: &Element, attachments: &[Attachment], limits: &Limits) -> Result<Element, XopError> {
    let mut scanner = Scanner::new(&**body.xml(), limits.xml());
    let mut inlined = Vec::with_capacity(body.xml().len());
    // For each open element: whether it holds an `Include`, and whether it holds anything else.
    let mut open = vec![Holds::default()];
    loop {
        match scanner.next()? {
            Token::EndOfDocument => break,
            Token::Start if scanner.name() == (XOP, "Include") => {
                let attachment = read_include(&mut scanner, attachments)?;
                note(&mut open, Holds { include: true, other: false })?;
                put(&mut inlined, STANDARD.encode(&attachment.content).as_bytes(), limits)?;
                continue;
            }
            Token::Start => {
                note(&mut open, Holds { include: false, other: true })?;
                open.push(Holds::default());
            }
            Token::End => drop(open.pop()),
            Token::Text if !scanner.is_blank() => note(&mut open, Holds { include: false, other: true })?,
            Token::Text | Token::Aside => {}
        }
        put(&mut inlined, scanner.raw(), limits)?;
    }
    Ok(Element::copied(inlined, body.name().clone()))
}

#[derive(Debug, Default, Clone, Copy)]
struct Holds {
    include: bool,
    other: bool,
}

/// Notes what the innermost open element holds.
fn note(open: &mut [Holds], found: Holds) -> Result<(), XopError> {
    let Some(holds) = open.last_mut() else { return Ok(()) };
    if holds.include || (holds.other && found.include) {
        return Err(XopError::NotAlone);
    }
    *holds = found;
    Ok(())
}

fn put(inlined: &mut Vec<u8>, piece: &[u8], limits: &Limits) -> Result<(), XopError> {
    if (inlined.len() + piece.len()) as u64 > limits.envelope_bytes_max {
        return Err(XopError::TooLarge);
    }
    inlined.extend_from_slice(piece);
    Ok(())
}

/// The attachment that the `Include` that has begun refers to; goes to its end.
fn read_include<'a>(
    scanner: &mut Scanner<&[u8]>,
    attachments: &'a [Attachment],
) -> Result<&'a Attachment, XopError> {
    let mut attributes = scanner.attributes()?.into_iter();
    let href = attributes.find(|attribute| attribute.namespace.is_empty() && &*attribute.local == "href");
    let href = href.ok_or(XopError::Include)?.value;
    let id = ContentId::referred_to(&href).ok_or(XopError::Include)?;
    loop {
        match scanner.next()? {
            Token::End => break,
            Token::Text if scanner.is_blank() => {}
            Token::Aside => {}
            _ => return Err(XopError::Include),
        }
    }
    let found = attachments.iter().find(|attachment| attachment.id.as_ref() == Some(&id));
    found.ok_or(XopError::Missing)
}
