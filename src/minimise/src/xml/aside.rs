//! Comments and processing instructions.

use std::ops::Range;

use memchr::memmem;

use super::classes::{self, SPACE};
use super::malformed::{Reason, Stop};
use super::names;

/// Reads the comment at the start of `text`, where `<!--` stands (production 15), and says where its content is.
pub(super) fn comment(text: &str) -> Result<Range<usize>, Stop> {
    let from = "<!--".len();
    let bytes = text.as_bytes();
    let length = memmem::find(bytes.get(from..).unwrap_or_default(), b"--").ok_or(Stop::Incomplete)?;
    let to = from + length;
    let after = bytes.get(to + "--".len()).ok_or(Stop::Incomplete)?;
    check_characters(bytes, from, to)?;
    if *after != b'>' {
        return Err(Stop::Fault(Reason::DoubleHyphen, to));
    }
    Ok(from..to)
}

/// Reads the processing instruction at the start of `text`, where `<?` stands (production 16), and says where its
/// target and what it says are.
pub(super) fn instruction(text: &str, name_bytes_max: usize) -> Result<(Range<usize>, Range<usize>), Stop> {
    let from = "<?".len();
    let bytes = text.as_bytes();
    let target_to = names::unqualified(text, from)?;
    if bytes.get(target_to) == Some(&b':') {
        return Err(Stop::Fault(Reason::BadColon, target_to));
    }
    if target_to - from > name_bytes_max {
        return Err(Stop::Fault(Reason::NameTooLong, from));
    }
    match text.get(from..target_to) {
        Some("xml") => return Err(Stop::Fault(Reason::MisplacedDeclaration, 0)),
        Some(target) if target.eq_ignore_ascii_case("xml") => {
            return Err(Stop::Fault(Reason::ReservedTarget, from));
        }
        _ => {}
    }
    let data_from = classes::skip(bytes, target_to, SPACE);
    let length = memmem::find(bytes.get(data_from..).unwrap_or_default(), b"?>").ok_or(Stop::Incomplete)?;
    if data_from == target_to && length > 0 {
        return Err(Stop::Fault(Reason::SpaceExpected, target_to));
    }
    let data = data_from..data_from + length;
    check_characters(bytes, data.start, data.end)?;
    Ok((from..target_to, data))
}

fn check_characters(bytes: &[u8], from: usize, to: usize) -> Result<(), Stop> {
    match classes::illegal(bytes.get(..to).unwrap_or_default(), from) {
        None => Ok(()),
        Some(at) => Err(Stop::Fault(Reason::IllegalCharacter, at)),
    }
}
