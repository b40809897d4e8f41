//! A reader of DICOM files (PS3.10 §7) that are all there: file meta information, and every element of the data set in order.
//!
//! Little-endian, explicit or implicit; of other transfer syntaxes it reads the file meta information only. It is as strict as an archive
//! that wants to store for decades: order, even lengths, known representations, sequences that end where they say.

const DEPTH_MAX: usize = 16;
const UNDEFINED: u32 = 0xffff_ffff;
const ITEM: u32 = 0xfffe_e000;
const ITEM_END: u32 = 0xfffe_e00d;
const SEQUENCE_END: u32 = 0xfffe_e0dd;
const PIXELS: u32 = 0x7fe0_0010;

const IMPLICIT: &str = "1.2.840.10008.1.2";
/// Read elsewhere: compressed as a whole, and big-endian.
const UNREAD: [&str; 2] = ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"];

const SHORT_LENGTH: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL",
    b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
];
const LONG_LENGTH: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

/// A file as far as it could be read.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) class: String,
    pub(crate) uid: String,
    pub(crate) syntax: String,
    /// The elements of the data set; nothing in a transfer syntax that is not read here.
    pub(crate) elements: Option<Vec<Element<'a>>>,
}

/// An element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Group and element.
    pub(crate) tag: u32,
    /// Its representation; `??` where the transfer syntax does not say.
    pub(crate) vr: [u8; 2],
    /// 0 for the data set, more in sequences.
    pub(crate) depth: usize,
    /// Its value; nothing of a sequence, or of pixels in fragments.
    pub(crate) value: &'a [u8],
}

impl Element<'_> {
    /// Its text, without padding.
    pub(crate) fn text(&self) -> Option<&str> {
        Some(std::str::from_utf8(self.value).ok()?.trim_end_matches(['\0', ' ']))
    }
}

impl<'a> File<'a> {
    /// Reads a file.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let rest = bytes.get(128..).and_then(|rest| rest.strip_prefix(b"DICM"));
        let mut meta = Reader { rest: rest.ok_or("no DICOM file")?, implicit: false, found: Vec::new() };
        let (mut class, mut uid, mut syntax) = (None, None, None);
        while meta.rest.starts_with(&[2, 0]) {
            let element = meta.element(0)?.ok_or("a sequence in the file meta information")?;
            let text = || element.text().map(str::to_owned);
            match element.tag {
                0x0002_0002 => class = text(),
                0x0002_0003 => uid = text(),
                0x0002_0010 => syntax = text(),
                _ => {}
            }
        }
        let (class, uid) = class.zip(uid).ok_or("the file meta information names no instance")?;
        let syntax = syntax.ok_or("the file meta information names no transfer syntax")?;
        let elements = if UNREAD.contains(&syntax.as_str()) {
            None
        } else {
            let mut reader = Reader { rest: meta.rest, implicit: syntax == IMPLICIT, found: Vec::new() };
            reader.data_set(0, false)?;
            Some(reader.found)
        };
        Ok(Self { class, uid, syntax, elements })
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    implicit: bool,
    found: Vec<Element<'a>>,
}

impl<'a> Reader<'a> {
    /// Reads to the end of what there is, or to the delimiter of an item.
    fn data_set(&mut self, depth: usize, delimited: bool) -> Result<(), &'static str> {
        if depth > DEPTH_MAX {
            return Err("too deep");
        }
        let mut before = None;
        while !self.rest.is_empty() {
            let tag = self.peek()?;
            if delimited && tag == ITEM_END {
                return self.end_of();
            }
            if tag >> 16 < 8 || before >= Some(tag) {
                return Err("elements are not in order");
            }
            before = Some(tag);
            if let Some(element) = self.element(depth)? {
                self.found.push(element);
            }
        }
        if delimited { Err("an item does not end") } else { Ok(()) }
    }

    /// The next element; nothing of one whose parts were read in its place.
    fn element(&mut self, depth: usize) -> Result<Option<Element<'a>>, &'static str> {
        let tag = self.tag()?;
        let (vr, length) = self.representation()?;
        let value = |value| Some(Element { tag, vr, depth, value });
        if length == UNDEFINED {
            self.found.extend(value(&[]));
            if tag == PIXELS {
                self.fragments()?;
            } else if &vr == b"SQ" || &vr == b"UN" || self.implicit {
                self.items(depth)?;
            } else {
                return Err("a length must be known");
            }
            return Ok(None);
        }
        if !length.is_multiple_of(2) {
            return Err("an odd length");
        }
        let content = self.take(length)?;
        if &vr == b"SQ" {
            self.found.extend(value(&[]));
            let mut inner = Reader { rest: content, implicit: self.implicit, found: Vec::new() };
            while !inner.rest.is_empty() {
                inner.item(depth)?;
            }
            self.found.append(&mut inner.found);
            return Ok(None);
        }
        Ok(value(content))
    }

    fn representation(&mut self) -> Result<([u8; 2], u32), &'static str> {
        if self.implicit {
            return Ok((*b"??", self.u32()?));
        }
        let vr = *self.take(2)?.first_chunk::<2>().ok_or("it is cut")?;
        if SHORT_LENGTH.contains(&&vr) {
            let length = self.take(2)?.first_chunk::<2>().ok_or("it is cut")?;
            Ok((vr, u32::from(u16::from_le_bytes(*length))))
        } else if LONG_LENGTH.contains(&&vr) {
            if self.take(2)? != [0, 0] {
                return Err("reserved bytes are not zero");
            }
            Ok((vr, self.u32()?))
        } else {
            Err("an unknown representation")
        }
    }

    fn items(&mut self, depth: usize) -> Result<(), &'static str> {
        while self.peek()? != SEQUENCE_END {
            self.item(depth)?;
        }
        self.end_of()
    }

    fn item(&mut self, depth: usize) -> Result<(), &'static str> {
        if self.tag()? != ITEM {
            return Err("in a sequence there are items only");
        }
        match self.u32()? {
            UNDEFINED => self.data_set(depth + 1, true),
            length => {
                let content = self.take(length)?;
                let mut inner = Reader { rest: content, implicit: self.implicit, found: Vec::new() };
                inner.data_set(depth + 1, false)?;
                self.found.append(&mut inner.found);
                Ok(())
            }
        }
    }

    fn fragments(&mut self) -> Result<(), &'static str> {
        while self.peek()? != SEQUENCE_END {
            if self.tag()? != ITEM {
                return Err("pixels in fragments are items only");
            }
            let length = self.u32()?;
            self.take(length)?;
        }
        self.end_of()
    }

    fn end_of(&mut self) -> Result<(), &'static str> {
        self.tag()?;
        if self.u32()? == 0 { Ok(()) } else { Err("a delimiter has no length") }
    }

    fn peek(&self) -> Result<u32, &'static str> {
        let [a, b, c, d] = self.rest.first_chunk::<4>().ok_or("it is cut")?;
        Ok(u32::from(u16::from_le_bytes([*a, *b])) << 16 | u32::from(u16::from_le_bytes([*c, *d])))
    }

    fn tag(&mut self) -> Result<u32, &'static str> {
        let tag = self.peek()?;
        self.take(4)?;
        Ok(tag)
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        Ok(u32::from_le_bytes(*self.take(4)?.first_chunk::<4>().ok_or("it is cut")?))
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], &'static str> {
        let length = usize::try_from(length).map_err(|_| "it is cut")?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("it is cut")?;
        self.rest = rest;
        Ok(taken)
    }
}
