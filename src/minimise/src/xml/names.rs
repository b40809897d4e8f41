//! Names: where they end, and where their colon stands.

use super::classes::{self, NAME, NAME_START};
use super::malformed::{Reason, Stop};

/// A qualified name as a place in a tag. INVARIANT: `from <= local < to`; before `local` stands a colon unless
/// `local == from`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Qualified {
    pub(super) from: usize,
    pub(super) local: usize,
    pub(super) to: usize,
}

impl Qualified {
    pub(super) fn is_prefixed(&self) -> bool {
        self.local > self.from
    }

    pub(super) fn whole<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.from..self.to).unwrap_or_default()
    }

    pub(super) fn prefix<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.from..self.local.saturating_sub(1)).unwrap_or_default()
    }

    pub(super) fn local<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.local..self.to).unwrap_or_default()
    }
}

/// Reads a qualified name (Namespaces, production 7) at `from`.
#[inline(always)]
pub(super) fn qualified(text: &str, from: usize, bytes_max: usize) -> Result<Qualified, Stop> {
    let bytes = text.as_bytes();
    let mut name = Qualified { from, local: from, to: unqualified(text, from)? };
    if bytes.get(name.to) == Some(&b':') {
        name.local = name.to + 1;
        name.to = match unqualified(text, name.local) {
            Err(Stop::Fault(_, at)) => return Err(Stop::Fault(Reason::BadColon, at - 1)),
            to => to?,
        };
        if bytes.get(name.to) == Some(&b':') {
            return Err(Stop::Fault(Reason::BadColon, name.to));
        }
    }
    if name.to - from > bytes_max {
        return Err(Stop::Fault(Reason::NameTooLong, from));
    }
    Ok(name)
}

/// Reads a name without a colon (Namespaces, production 4) at `from`, and says where it ends.
#[inline(always)]
pub(super) fn unqualified(text: &str, from: usize) -> Result<usize, Stop> {
    let bytes = text.as_bytes();
    if bytes.get(from).is_some_and(|first| classes::is(*first, NAME_START)) {
        let to = classes::skip(bytes, from + 1, NAME);
        if bytes.get(to).is_some_and(u8::is_ascii) {
            return Ok(to);
        }
    }
    unqualified_beyond_ascii(text, from)
}

/// The same for every name, or none.
#[inline(never)]
fn unqualified_beyond_ascii(text: &str, from: usize) -> Result<usize, Stop> {
    let mut characters = text.get(from..).unwrap_or_default().char_indices();
    match characters.next() {
        None => return Err(Stop::Incomplete),
        Some((_, ':')) => return Err(Stop::Fault(Reason::BadColon, from)),
        Some((_, c)) if begins_name(c) => {}
        Some(_) => return Err(Stop::Fault(Reason::NameExpected, from)),
    }
    match characters.find(|(_, c)| !continues_name(*c)) {
        None => Err(Stop::Incomplete),
        Some((length, _)) => Ok(from + length),
    }
}

fn begins_name(c: char) -> bool {
    u8::try_from(c).is_ok_and(|byte| classes::is(byte, NAME_START)) || classes::begins_name(c)
}

fn continues_name(c: char) -> bool {
    u8::try_from(c).is_ok_and(|byte| classes::is(byte, NAME)) || classes::continues_name(c)
}
