//! Media types with their parameters (RFC 2045, section 5.1).

use std::fmt;
use std::str::FromStr;

/// A media type, such as `multipart/related; boundary="b"; type="text/xml"`. A parameter may be a file's name, so that
/// only the type itself prints.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaType {
    essence: Box<str>,
    parameters: Vec<(Box<str>, Box<str>)>,
}

/// Text that is not a media type, or has a parameter twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media type is malformed")]
pub struct MediaTypeError;

impl MediaType {
    /// The type and subtype, in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The value of the parameter `name`, which is in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }

    /// This type without its parameters.
    fn bare(essence: &str) -> Option<Self> {
        let (kind, subtype) = essence.split_once('/')?;
        let is_type = is_token(kind) && is_token(subtype);
        is_type.then(|| Self { essence: essence.to_ascii_lowercase().into(), parameters: Vec::new() })
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        let (essence, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let mut media_type = Self::bare(essence.trim_matches(is_space)).ok_or(MediaTypeError)?;
        while !rest.trim_matches(is_space).is_empty() {
            let (name, after) = rest.split_once('=').ok_or(MediaTypeError)?;
            let name = name.trim_matches(is_space).to_ascii_lowercase();
            let (value, after) = value(after.trim_start_matches(is_space)).ok_or(MediaTypeError)?;
            if !is_token(&name) || media_type.parameter(&name).is_some() {
                return Err(MediaTypeError);
            }
            media_type.parameters.push((name.into(), value.into()));
            let after = after.trim_start_matches(is_space);
            rest = match after.strip_prefix(';') {
                Some(rest) => rest,
                None if after.is_empty() => after,
                None => return Err(MediaTypeError),
            };
        }
        Ok(media_type)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in &self.parameters {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "; {name}=\"{quoted}\"")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaType({})", self.essence)
    }
}

/// The value at the beginning of `text`, quoted or not, and what follows. What is not quoted should be a token; many
/// senders do not quote their boundaries, whatever is in them.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|character| character == ';' || is_space(character)).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        let is_value = !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && c != '"');
        return is_value.then(|| (value.into(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next().filter(|escaped| !escaped.is_control())?),
            character if character.is_control() => return None,
            character => value.push(character),
        }
    }
}

/// A token of RFC 2045, without `*`: parameters in several pieces or other encodings (RFC 2231) are read by few.
fn is_token(text: &str) -> bool {
    let is_special = |c: char| "()<>@,;:\\\"/[]?=*".contains(c);
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !is_special(c))
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}
