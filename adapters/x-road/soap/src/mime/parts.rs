//! The parts of a multipart message, one after the other, from a source that is read once.

use std::io::{self, BufRead, Read};

use memchr::memmem::Finder;

use super::MimeError;
use super::fields::PartHead;
use super::media_type::MediaType;

/// The longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;
/// What is asked of the source at a time, in bytes: at least a boundary and the lines around it.
const WINDOW_BYTES: usize = 16 << 10;
/// White space after a boundary, in bytes.
const PADDING_BYTES_MAX: usize = 256;

/// Reads the parts of a message.
#[derive(Debug)]
pub(crate) struct Parts<R> {
    source: R,
    /// What was taken from the source and not yet given; the first `given` bytes of it were.
    held: Vec<u8>,
    given: usize,
    /// So many bytes after those are known to be content.
    sure: usize,
    at_end: bool,
    /// `--` and the boundary.
    dashed: Vec<u8>,
    /// The same after a line feed.
    delimiter: Finder<'static>,
    line_end: Option<LineEnd>,
    place: Place,
    failure: Option<MimeError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Both,
    LineFeed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first boundary.
    Preamble,
    /// In the content of a part.
    Content,
    /// After the content of a part, at the line feed of the boundary.
    Boundary,
    /// After the last boundary.
    End,
}

/// What stands where content may end.
enum Found {
    /// Content, so many bytes of it.
    Content(usize),
    /// The boundary, after so many bytes of content.
    Boundary(usize),
    /// What cannot be told before more is held.
    More,
}

impl<R: BufRead> Parts<R> {
    /// The parts in `source`, which is of the type `media_type`.
    pub(crate) fn new(source: R, media_type: &MediaType) -> Result<Self, MimeError> {
        let boundary = media_type.parameter("boundary").ok_or(MimeError::Boundary)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || " '()+_,-./:=?".contains(c);
        let length = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len());
        if !length || !boundary.chars().all(allowed) || boundary.ends_with(' ') {
            return Err(MimeError::Boundary);
        }
        Ok(Self {
            source,
            held: Vec::new(),
            given: 0,
            sure: 0,
            at_end: false,
            dashed: format!("--{boundary}").into_bytes(),
            delimiter: Finder::new(format!("\n--{boundary}").as_bytes()).into_owned(),
            line_end: None,
            place: Place::Preamble,
            failure: None,
        })
    }

    /// Goes to the next part, past what was not read of the present one, and reads its header; `None` after the last.
    pub(crate) fn next(&mut self, header_bytes_max: usize) -> Result<Option<PartHead>, MimeError> {
        match self.place {
            Place::Preamble => self.pass_preamble()?,
            Place::Content => self.pass_content()?,
            Place::Boundary => {}
            Place::End => return Ok(None),
        }
        if self.pass_boundary()? {
            self.place = Place::End;
            self.pass_epilogue()?;
            return Ok(None);
        }
        let head = self.read_head(header_bytes_max)?;
        self.hold(self.dashed.len())?;
        // Without content, the empty line after the header is the line end before the boundary.
        let is_empty = self.rest().starts_with(&self.dashed);
        self.place = if is_empty { Place::Boundary } else { Place::Content };
        Ok(Some(head))
    }

    /// Why reading content failed, when it did.
    pub(crate) fn failure(&self) -> Option<MimeError> {
        self.failure
    }

    fn rest(&self) -> &[u8] {
        self.held.get(self.given..).unwrap_or_default()
    }

    /// Holds at least `wanted` bytes, or all that is left.
    fn hold(&mut self, wanted: usize) -> Result<(), MimeError> {
        if self.given > WINDOW_BYTES {
            self.held.drain(..self.given);
            self.given = 0;
        }
        while !self.at_end && self.rest().len() < wanted {
            let piece = match self.source.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(MimeError::Source(error.kind())),
            };
            let piece = piece.get(..WINDOW_BYTES).unwrap_or(piece);
            self.at_end = piece.is_empty();
            self.held.extend_from_slice(piece);
            let length = piece.len();
            self.source.consume(length);
        }
        Ok(())
    }

    /// Passes empty lines up to the first boundary.
    fn pass_preamble(&mut self) -> Result<(), MimeError> {
        loop {
            self.hold(self.dashed.len().max(2))?;
            let rest = self.rest();
            if rest.starts_with(&self.dashed) {
                return Ok(());
            }
            self.given += match rest {
                [] => return Err(MimeError::Empty),
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => return Err(MimeError::Preamble),
            };
        }
    }

    /// Passes what is left of the present part's content.
    fn pass_content(&mut self) -> Result<(), MimeError> {
        loop {
            let length = match self.fill_buf() {
                Ok(piece) => piece.len(),
                Err(error) => return Err(self.failure.unwrap_or(MimeError::Source(error.kind()))),
            };
            if length == 0 {
                return Ok(());
            }
            self.consume(length);
        }
    }

    /// Passes the boundary, with the line end before and after it; says whether it was the last.
    fn pass_boundary(&mut self) -> Result<bool, MimeError> {
        self.hold(self.dashed.len() + 2 + PADDING_BYTES_MAX + 4)?;
        let start = match self.rest() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
        self.given += start + self.dashed.len();
        let last = self.rest().starts_with(b"--");
        self.given += if last { 2 } else { 0 };
        let padding = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.given += padding;
        let line_end = match self.rest() {
            [] if last => return Ok(true),
            [] => return Err(MimeError::CutOff),
            [b'\r', b'\n', ..] => LineEnd::Both,
            [b'\n', ..] => LineEnd::LineFeed,
            // What goes on where a boundary would end is taken for a boundary by some and for content by others.
            _ => return Err(MimeError::Ambiguous),
        };
        if *self.line_end.get_or_insert(line_end) != line_end {
            return Err(MimeError::Ambiguous);
        }
        self.given += if line_end == LineEnd::Both { 2 } else { 1 };
        Ok(last)
    }

    fn pass_epilogue(&mut self) -> Result<(), MimeError> {
        loop {
            self.hold(1)?;
            let rest = self.rest();
            if rest.is_empty() {
                return Ok(());
            }
            if !rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
                return Err(MimeError::Epilogue);
            }
            self.given = self.held.len();
        }
    }

    /// Reads the header of a part and the empty line after it.
    fn read_head(&mut self, bytes_max: usize) -> Result<PartHead, MimeError> {
        let mut head = PartHead::default();
        let mut left = bytes_max;
        let mut field = String::new();
        loop {
            let line = self.read_line(&mut left)?;
            if let Some(folded) = line.strip_prefix([' ', '\t']) {
                if field.is_empty() {
                    return Err(MimeError::PartHeader);
                }
                field.push(' ');
                field.push_str(folded);
                continue;
            }
            if !field.is_empty() {
                head.read_field(&field)?;
            }
            if line.is_empty() {
                return Ok(head);
            }
            field = line;
        }
    }

    /// One line without its end, which is that of the first boundary.
    fn read_line(&mut self, left: &mut usize) -> Result<String, MimeError> {
        self.hold(left.saturating_add(1))?;
        let rest = self.rest();
        let end = memchr::memchr(b'\n', rest.get(..*left).unwrap_or(rest)).ok_or(if self.at_end {
            MimeError::CutOff
        } else {
            MimeError::PartHeaderTooLong
        })?;
        let line = rest.get(..end).unwrap_or_default();
        let (line, line_end) =
            line.strip_suffix(b"\r").map_or((line, LineEnd::LineFeed), |line| (line, LineEnd::Both));
        let line = std::str::from_utf8(line).map_err(|_| MimeError::PartHeader)?.to_owned();
        if self.line_end != Some(line_end) {
            return Err(MimeError::Ambiguous);
        }
        *left -= end + 1;
        self.given += end + 1;
        Ok(line)
    }

    /// What is next of the content of the present part.
    fn find(&self) -> Result<Found, MimeError> {
        let rest = self.rest();
        let Some(place) = self.delimiter.find(rest) else {
            // The last bytes may be the beginning of a boundary with its line end.
            let sure = (rest.len() + 1).saturating_sub(self.dashed.len() + 2);
            return match sure {
                _ if self.at_end => Err(MimeError::CutOff),
                0 => Ok(Found::More),
                sure => Ok(Found::Content(sure)),
            };
        };
        let before = rest.get(..place).unwrap_or_default();
        match (self.line_end, before.strip_suffix(b"\r")) {
            (Some(LineEnd::Both), Some(before)) => Ok(Found::Boundary(before.len())),
            (Some(LineEnd::LineFeed), None) => Ok(Found::Boundary(place)),
            _ => Err(MimeError::Ambiguous),
        }
    }

    /// Makes sure of some content, unless there is no more.
    fn make_sure(&mut self) -> Result<(), MimeError> {
        while self.sure == 0 && self.place == Place::Content {
            match self.find()? {
                Found::Boundary(0) => self.place = Place::Boundary,
                Found::Content(length) | Found::Boundary(length) => self.sure = length,
                Found::More => self.hold(self.rest().len() + WINDOW_BYTES)?,
            }
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for Parts<R> {
    /// The content of the present part, and nothing after it.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Err(error) = self.make_sure() {
            self.failure = Some(error);
            return Err(io::Error::other(error));
        }
        Ok(self.rest().get(..self.sure).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.sure);
        self.sure -= amount;
        self.given += amount;
    }
}

impl<R: BufRead> Read for Parts<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut content = self.fill_buf()?;
        let read = content.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
