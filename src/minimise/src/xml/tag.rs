//! Start tags: name, attributes, values, checked while the end is looked for. Namespaces are not its business.

use super::classes::{self, SPACE, VALUE_STOP};
use super::limits::Limits;
use super::malformed::{Reason, Stop};
use super::names::{self, Qualified};
use super::namespaces::NamespaceId;
use super::reference;

/// An attribute as places in the text of its tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawAttribute {
    pub(super) name: Qualified,
    /// Found after the tag was read, since declarations may follow.
    pub(super) namespace: NamespaceId,
    pub(super) value: Value,
}

/// The value of an attribute, normalised (XML 1.0, §3.3.3; all are CDATA, as nothing declares otherwise).
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// As written, in the text of the tag.
    Written(usize, usize),
    /// Otherwise than written, in [`Tag::values`].
    Normalised(usize, usize),
}

impl Value {
    /// The value as text: of the tag's `text`, or of its normalised `values`.
    #[inline]
    pub(super) fn of<'a>(self, text: &'a str, values: &'a str) -> &'a str {
        match self {
            Self::Written(from, to) => text.get(from..to),
            Self::Normalised(from, to) => values.get(from..to),
        }
        .unwrap_or_default()
    }
}

/// The start tag that was read last, as places in its text; the buffers are used again for every tag.
#[derive(Debug, Default)]
pub(super) struct Tag {
    pub(super) name: Qualified,
    /// Whether it ends in `/>`.
    pub(super) is_empty: bool,
    /// Whether an attribute declares a namespace, or has a prefix.
    pub(super) has_namespaces: bool,
    pub(super) attributes: Vec<RawAttribute>,
    pub(super) values: String,
}

impl Tag {
    /// Reads the tag at the start of `text`, where `<` stands, and says where it ends.
    pub(super) fn read(&mut self, text: &str, limits: &Limits) -> Result<usize, Stop> {
        self.attributes.clear();
        self.values.clear();
        self.has_namespaces = false;
        let bytes = text.as_bytes();
        self.name = names::qualified(text, 1, limits.name_bytes_max)?;
        let mut at = self.name.to;
        loop {
            let after_space = skip_space(bytes, at);
            match bytes.get(after_space) {
                None => return Err(Stop::Incomplete),
                Some(b'>') => {
                    self.is_empty = false;
                    return Ok(after_space + 1);
                }
                Some(b'/') => {
                    self.is_empty = true;
                    return expect(bytes, after_space + 1, b'>', Reason::TagEndExpected);
                }
                Some(_) if after_space == at => return Err(Stop::Fault(Reason::SpaceExpected, at)),
                Some(_) => {}
            }
            if self.attributes.len() >= limits.attributes_max {
                return Err(Stop::Fault(Reason::TooManyAttributes, after_space));
            }
            at = self.attribute(text, after_space, limits)?;
        }
    }

    /// Reads the attribute at `at`, and says where it ends.
    #[inline(always)]
    fn attribute(&mut self, text: &str, at: usize, limits: &Limits) -> Result<usize, Stop> {
        let bytes = text.as_bytes();
        let name = names::qualified(text, at, limits.name_bytes_max)?;
        self.has_namespaces |= name.is_prefixed() || name.local(text) == "xmlns";
        let equals = skip_space(bytes, name.to);
        let after = expect(bytes, equals, b'=', Reason::EqualsExpected)?;
        let opens = skip_space(bytes, after);
        let quote = match bytes.get(opens) {
            None => return Err(Stop::Incomplete),
            Some(quote @ (b'"' | b'\'')) => *quote,
            Some(_) => return Err(Stop::Fault(Reason::QuoteExpected, opens)),
        };
        let (value, closes) = self.value(text, opens + 1, quote)?;
        if closes - opens - 1 > limits.attribute_bytes_max {
            return Err(Stop::Fault(Reason::AttributeTooLong, at));
        }
        self.attributes.push(RawAttribute { name, namespace: NamespaceId::NONE, value });
        Ok(closes + 1)
    }

    /// Reads the value from `from` to the closing `quote`, and says where that stands.
    #[inline(always)]
    fn value(&mut self, text: &str, from: usize, quote: u8) -> Result<(Value, usize), Stop> {
        let bytes = text.as_bytes();
        let mut at = from;
        loop {
            at = classes::find(bytes, at, VALUE_STOP);
            match bytes.get(at) {
                None => return Err(Stop::Incomplete),
                Some(byte) if *byte == quote => return Ok((Value::Written(from, at), at)),
                Some(b'"' | b'\'') => at += 1,
                Some(0xEF) if !classes::is_noncharacter(bytes, at) => at += 1,
                Some(_) => return self.normalised(text, from, at, quote),
            }
        }
    }

    /// The same for a value that is written otherwise than it reads: from `from` to `at` it is not.
    #[cold]
    fn normalised(
        &mut self,
        text: &str,
        from: usize,
        mut at: usize,
        quote: u8,
    ) -> Result<(Value, usize), Stop> {
        let bytes = text.as_bytes();
        let start = self.values.len();
        let mut plain_from = from;
        loop {
            let (replacement, to) = match bytes.get(at) {
                None => return Err(Stop::Incomplete),
                Some(byte) if *byte == quote => break,
                Some(b'&') => reference::read(text, at)?,
                Some(b'\t' | b'\n') => (' ', at + 1),
                Some(b'\r') => match bytes.get(at + 1) {
                    None => return Err(Stop::Incomplete),
                    Some(b'\n') => (' ', at + 2),
                    Some(_) => (' ', at + 1),
                },
                Some(b'<') => return Err(Stop::Fault(Reason::LessThanInValue, at)),
                Some(byte) if *byte < b' ' || classes::is_noncharacter(bytes, at) => {
                    return Err(Stop::Fault(Reason::IllegalCharacter, at));
                }
                // The other quote, or a character that only looked suspect.
                Some(_) => {
                    at = classes::find(bytes, at + 1, VALUE_STOP);
                    continue;
                }
            };
            self.values.push_str(text.get(plain_from..at).unwrap_or_default());
            self.values.push(replacement);
            plain_from = to;
            at = classes::find(bytes, to, VALUE_STOP);
        }
        self.values.push_str(text.get(plain_from..at).unwrap_or_default());
        Ok((Value::Normalised(start, self.values.len()), at))
    }

    /// Whether two attributes have one name, by namespace and local name. `order` is a buffer.
    #[inline]
    pub(super) fn has_duplicates(&self, text: &str, order: &mut Vec<u32>) -> bool {
        // So few are compared each with each; above, sorting keeps it from being quadratic.
        const FEW: usize = 8;
        let attributes = self.attributes.as_slice();
        if attributes.len() > FEW {
            return self.has_duplicates_among_many(text, order);
        }
        let mut rest = attributes;
        while let Some((last, before)) = rest.split_last() {
            let length = last.name.to - last.name.local;
            let is_twin = |other: &RawAttribute| {
                other.name.to - other.name.local == length
                    && other.namespace == last.namespace
                    && other.name.local(text) == last.name.local(text)
            };
            if before.iter().any(is_twin) {
                return true;
            }
            rest = before;
        }
        false
    }

    #[cold]
    fn has_duplicates_among_many(&self, text: &str, order: &mut Vec<u32>) -> bool {
        let name = |index: &u32| {
            let attribute = self.attributes.get(*index as usize);
            attribute.map(|attribute| (attribute.namespace, attribute.name.local(text)))
        };
        order.clear();
        order.extend((0_u32..).take(self.attributes.len()));
        order.sort_unstable_by(|one, other| name(one).cmp(&name(other)));
        order.windows(2).any(|pair| matches!(pair, [one, other] if name(one) == name(other)))
    }
}

#[inline(always)]
fn skip_space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(byte) if classes::is(*byte, SPACE) => classes::skip(bytes, at + 1, SPACE),
        _ => at,
    }
}

/// The place after `expected`, when it stands at `at`.
#[inline(always)]
fn expect(bytes: &[u8], at: usize, expected: u8, otherwise: Reason) -> Result<usize, Stop> {
    match bytes.get(at) {
        None => Err(Stop::Incomplete),
        Some(byte) if *byte == expected => Ok(at + 1),
        Some(_) => Err(Stop::Fault(otherwise, at)),
    }
}
