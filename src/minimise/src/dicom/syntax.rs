//! Transfer syntaxes: how a data set is written.

/// A transfer syntax that this module reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferSyntax {
    /// Its unique identifier.
    pub uid: &'static str,
    /// How elements are written.
    pub coding: Coding,
    /// Whether the data set is deflated as a whole.
    pub is_deflated: bool,
    /// Whether pixel data are fragments.
    pub is_encapsulated: bool,
}

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coding {
    /// Whether the value representation is written.
    pub is_explicit: bool,
    /// How numbers are written.
    pub byte_order: ByteOrder,
}

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The least.
    Little,
    /// The greatest.
    Big,
}

impl Coding {
    /// Without representations; also what is in an element of unknown representation, wherever it stands.
    pub const IMPLICIT: Self = Self { is_explicit: false, byte_order: ByteOrder::Little };
    /// With representations; also what the file meta information is written in.
    pub const EXPLICIT: Self = Self { is_explicit: true, byte_order: ByteOrder::Little };
    /// With representations, the greatest byte first.
    pub const EXPLICIT_BIG: Self = Self { is_explicit: true, byte_order: ByteOrder::Big };
}

impl ByteOrder {
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    pub(super) const fn bytes_of_u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    pub(super) const fn bytes_of_u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

impl TransferSyntax {
    /// The transfer syntax with this identifier.
    pub fn of(uid: &str) -> Option<&'static Self> {
        ALL.iter().find(|syntax| syntax.uid == uid)
    }

    /// Every transfer syntax that is read.
    pub const fn all() -> &'static [Self] {
        ALL
    }
}

const fn native(uid: &'static str, coding: Coding) -> TransferSyntax {
    TransferSyntax { uid, coding, is_deflated: false, is_encapsulated: false }
}

const fn encapsulated(uid: &'static str) -> TransferSyntax {
    TransferSyntax { uid, coding: Coding::EXPLICIT, is_deflated: false, is_encapsulated: true }
}

/// PS3.6 table A-1, without those that are not for files (JPIP: the pixels are behind a reference; SMPTE: streams;
/// XML and MIME encodings; Papyrus).
const ALL: &[TransferSyntax] = &[
    native("1.2.840.10008.1.2", Coding::IMPLICIT),
    native("1.2.840.10008.1.2.1", Coding::EXPLICIT),
    TransferSyntax {
        uid: "1.2.840.10008.1.2.1.99",
        coding: Coding::EXPLICIT,
        is_deflated: true,
        is_encapsulated: false,
    },
    native("1.2.840.10008.1.2.2", Coding::EXPLICIT_BIG),
    // Encapsulated uncompressed.
    encapsulated("1.2.840.10008.1.2.1.98"),
    // JPEG, the retired processes included.
    encapsulated("1.2.840.10008.1.2.4.50"),
    encapsulated("1.2.840.10008.1.2.4.51"),
    encapsulated("1.2.840.10008.1.2.4.52"),
    encapsulated("1.2.840.10008.1.2.4.53"),
    encapsulated("1.2.840.10008.1.2.4.54"),
    encapsulated("1.2.840.10008.1.2.4.55"),
    encapsulated("1.2.840.10008.1.2.4.56"),
    encapsulated("1.2.840.10008.1.2.4.57"),
    encapsulated("1.2.840.10008.1.2.4.58"),
    encapsulated("1.2.840.10008.1.2.4.59"),
    encapsulated("1.2.840.10008.1.2.4.60"),
    encapsulated("1.2.840.10008.1.2.4.61"),
    encapsulated("1.2.840.10008.1.2.4.62"),
    encapsulated("1.2.840.10008.1.2.4.63"),
    encapsulated("1.2.840.10008.1.2.4.64"),
    encapsulated("1.2.840.10008.1.2.4.65"),
    encapsulated("1.2.840.10008.1.2.4.66"),
    encapsulated("1.2.840.10008.1.2.4.70"),
    // JPEG-LS.
    encapsulated("1.2.840.10008.1.2.4.80"),
    encapsulated("1.2.840.10008.1.2.4.81"),
    // JPEG 2000.
    encapsulated("1.2.840.10008.1.2.4.90"),
    encapsulated("1.2.840.10008.1.2.4.91"),
    encapsulated("1.2.840.10008.1.2.4.92"),
    encapsulated("1.2.840.10008.1.2.4.93"),
    // MPEG-2, MPEG-4, HEVC.
    encapsulated("1.2.840.10008.1.2.4.100"),
    encapsulated("1.2.840.10008.1.2.4.100.1"),
    encapsulated("1.2.840.10008.1.2.4.101"),
    encapsulated("1.2.840.10008.1.2.4.101.1"),
    encapsulated("1.2.840.10008.1.2.4.102"),
    encapsulated("1.2.840.10008.1.2.4.102.1"),
    encapsulated("1.2.840.10008.1.2.4.103"),
    encapsulated("1.2.840.10008.1.2.4.103.1"),
    encapsulated("1.2.840.10008.1.2.4.104"),
    encapsulated("1.2.840.10008.1.2.4.104.1"),
    encapsulated("1.2.840.10008.1.2.4.105"),
    encapsulated("1.2.840.10008.1.2.4.105.1"),
    encapsulated("1.2.840.10008.1.2.4.106"),
    encapsulated("1.2.840.10008.1.2.4.106.1"),
    encapsulated("1.2.840.10008.1.2.4.107"),
    encapsulated("1.2.840.10008.1.2.4.108"),
    // JPEG XL.
    encapsulated("1.2.840.10008.1.2.4.110"),
    encapsulated("1.2.840.10008.1.2.4.111"),
    encapsulated("1.2.840.10008.1.2.4.112"),
    // High-throughput JPEG 2000.
    encapsulated("1.2.840.10008.1.2.4.201"),
    encapsulated("1.2.840.10008.1.2.4.202"),
    encapsulated("1.2.840.10008.1.2.4.203"),
    // RLE.
    encapsulated("1.2.840.10008.1.2.5"),
    // Deflated image frames.
    encapsulated("1.2.840.10008.1.2.8.1"),
];
