//! Documents for tests, byte by byte: the builder shares nothing with the writer.

pub(super) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(super) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(super) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub(super) const BIG: &str = "1.2.840.10008.1.2.2";
pub(super) const JPEG: &str = "1.2.840.10008.1.2.4.50";
pub(super) const UNDEFINED: u32 = 0xFFFF_FFFF;

/// A document in the making, in explicit little endian unless it says otherwise.
#[derive(Default, Clone)]
pub(super) struct Build(pub(super) Vec<u8>);

impl Build {
    /// A file up to its data set.
    pub(super) fn file(syntax: &str) -> Self {
        let mut meta = Self::default();
        meta.short((2, 0x10), b"UI", padded(syntax).as_bytes());
        let mut file = Self(vec![0; 128]);
        file.raw(b"DICM")
            .short((2, 0), b"UL", &u32::try_from(meta.0.len()).unwrap().to_le_bytes())
            .raw(&meta.0);
        file
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn tag(&mut self, (group, element): (u16, u16)) -> &mut Self {
        self.raw(&group.to_le_bytes()).raw(&element.to_le_bytes())
    }

    /// An element whose length has 16 bits.
    pub(super) fn short(&mut self, tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> &mut Self {
        self.tag(tag).raw(vr).raw(&u16::try_from(value.len()).unwrap().to_le_bytes()).raw(value)
    }

    /// The head of an element whose length has 32 bits.
    pub(super) fn long(&mut self, tag: (u16, u16), vr: &[u8; 2], length: u32) -> &mut Self {
        self.tag(tag).raw(vr).raw(&[0, 0]).raw(&length.to_le_bytes())
    }

    /// The head of an element without representation, of an item, or a delimiter.
    pub(super) fn bare(&mut self, tag: (u16, u16), length: u32) -> &mut Self {
        self.tag(tag).raw(&length.to_le_bytes())
    }

    pub(super) fn item(&mut self, length: u32) -> &mut Self {
        self.bare((0xFFFE, 0xE000), length)
    }

    pub(super) fn item_end(&mut self) -> &mut Self {
        self.bare((0xFFFE, 0xE00D), 0)
    }

    pub(super) fn sequence_end(&mut self) -> &mut Self {
        self.bare((0xFFFE, 0xE0DD), 0)
    }
}

/// A file in explicit little endian with `body` as its data set.
pub(super) fn explicit(body: impl FnOnce(&mut Build)) -> Vec<u8> {
    file(EXPLICIT, body)
}

/// A file in `syntax` with `body` as its data set.
pub(super) fn file(syntax: &str, body: impl FnOnce(&mut Build)) -> Vec<u8> {
    let mut file = Build::file(syntax);
    body(&mut file);
    file.0
}

/// A deflated file with `body` as its data set.
pub(super) fn deflated(body: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflater.write_all(body).unwrap();
    let mut file = Build::file(DEFLATED);
    file.raw(&deflater.finish().unwrap());
    file.0
}

/// With a little of everything: sequences with and without lengths, unknown elements, text in two sets, pixels.
pub(super) fn of_all_kinds() -> Vec<u8> {
    explicit(|body| {
        body.short((8, 0), b"UL", &[8, 0, 0, 0])
            .short((8, 5), b"CS", b"ISO_IR 100")
            .short((8, 0x60), b"CS", b"CT")
            .long((8, 0x1115), b"SQ", UNDEFINED)
            .item(UNDEFINED)
            .short((8, 5), b"CS", b"ISO_IR 192")
            .short((0x10, 0x10), b"PN", "Jõgi^Õie".as_bytes())
            .long((0x40, 0xA730), b"SQ", 26)
            .item(18)
            .short((8, 0x100), b"SH", b"T-A0100 AB")
            .item_end()
            .item(0)
            .sequence_end()
            .short((9, 0x10), b"LO", b"MAKER ")
            .long((9, 0x1001), b"UN", UNDEFINED)
            .item(UNDEFINED)
            .bare((0x10, 0x20), 4)
            .raw(b"1234")
            .item_end()
            .sequence_end()
            .short((0x10, 0x10), b"PN", b"J\xF5gi^Mari ")
            .short((0x28, 0x10), b"US", &[1, 2])
            .long((0x7FE0, 0x10), b"OW", 20_000)
            .raw(&[7; 20_000]);
    })
}

fn padded(text: &str) -> String {
    if text.len().is_multiple_of(2) { text.to_owned() } else { format!("{text}\0") }
}
