//! Why a DICOM document is not read. It says where, and never what stands there.

use crate::fault::Fault;

/// A document that is not read on, and where it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {offset}", reason.says())]
pub struct Malformed {
    /// What is wrong.
    pub reason: Reason,
    /// Bytes before the fault; in a deflated data set they are counted as inflated.
    pub offset: u64,
}

impl Malformed {
    /// The fault as a client sees it, at `pointer`.
    pub fn at(&self, pointer: String) -> Fault {
        Fault::new(self.reason.rule(), pointer, self.to_string(), self.reason.remedy())
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $rule:literal, $says:literal, $remedy:expr;)+) => {
        /// The ways in which a document is not strict DICOM within the limits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable id of the broken rule.
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)+ }
            }

            /// What is wrong, as a sentence without a full stop.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)+ }
            }

            /// What would mend it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

const WRITE_FILE: &str = "send a file as DICOM PS3.10 has it";
const WRITE_DICOM: &str = "encode the data set as DICOM PS3.5 has it";
const SEND_LESS: &str = "send a smaller document, or ask for the limit to be raised";
const CHANGE_SYNTAX: &str = "send it in a transfer syntax that DICOM PS3.6 registers for files";

reasons! {
    /// No `DICM` after the preamble.
    NotDicom = "dicom-file", "the document is no DICOM file", WRITE_FILE;
    /// A file meta group that is not as it must be.
    BadMeta = "dicom-file-meta", "the file meta information is not as it must be", WRITE_FILE;
    /// A file meta group whose length is not what it says.
    BadMetaLength = "dicom-file-meta", "the length of the file meta information is wrong", WRITE_FILE;
    /// No transfer syntax.
    NoTransferSyntax = "dicom-transfer-syntax", "the transfer syntax is missing", WRITE_FILE;
    /// A transfer syntax that is private, or not for files.
    UnknownTransferSyntax = "dicom-transfer-syntax", "the transfer syntax is not known", CHANGE_SYNTAX;
    /// The end of the document before the end of what it began.
    EndsEarly = "dicom-ends-early", "the document ends too early", "send the whole document";
    /// Bytes after a deflated data set.
    TrailingBytes = "dicom-trailing-bytes", "bytes follow the data set", WRITE_DICOM;
    /// A length beyond the end of the item, sequence or document around it.
    LengthBeyond = "dicom-length", "a length points beyond the end of what encloses it", WRITE_DICOM;
    /// An odd length.
    OddLength = "dicom-length", "a length is odd", WRITE_DICOM;
    /// No length for what must have one.
    UndefinedLength = "dicom-length", "the length is undefined where it must not be", WRITE_DICOM;
    /// Letters that are no value representation.
    UnknownVr = "dicom-vr", "the value representation is unknown", WRITE_DICOM;
    /// The two bytes after the value representation.
    ReservedNotZero = "dicom-vr", "reserved bytes are not zero", WRITE_DICOM;
    /// A group that no data set has.
    ForbiddenGroup = "dicom-tag", "an element is of a group that has no place there", WRITE_DICOM;
    /// A tag that is less than the one before.
    OutOfOrder = "dicom-tag-order", "elements are not in the order of their tags", WRITE_DICOM;
    /// A tag twice.
    DuplicateTag = "dicom-tag-order", "an element stands twice", WRITE_DICOM;
    /// A group length that is none.
    BadGroupLength = "dicom-group-length", "a group length is not as it must be", "leave group lengths out";
    /// A delimiter where none may be, or with a length.
    MisplacedDelimiter = "dicom-delimiter", "a delimiter stands where none may be", WRITE_DICOM;
    /// Something else than an item in a sequence.
    ItemExpected = "dicom-delimiter", "an item is expected", WRITE_DICOM;
    /// Pixels as they are where they must be encapsulated.
    PixelsNotEncapsulated = "dicom-pixel-data", "the pixel data are not encapsulated", WRITE_DICOM;
    /// Not a deflate stream.
    BadDeflate = "dicom-deflate", "the data set is not deflated as it must be", WRITE_DICOM;
    /// A bomb.
    InflatesTooMuch = "dicom-inflates-too-much", "the data set inflates to more than allowed", CHANGE_SYNTAX;
    /// Larger than the limit.
    DocumentTooLarge = "document-too-large", "the document is larger than allowed", SEND_LESS;
    /// Too many open sequences.
    TooDeep = "dicom-too-deep", "sequences are nested deeper than allowed", SEND_LESS;
    /// Too many elements, items and fragments.
    TooManyElements = "dicom-too-many-elements", "the document has more elements than allowed", SEND_LESS;
    /// A value beyond the limit.
    ValueTooLong = "dicom-value-too-long", "a value is longer than allowed", SEND_LESS;
    /// What decides about an item stands too far inside it.
    LookAheadExceeded = "look-ahead-exceeded", "what decides about an item stands too far inside it", "write a smaller item, or ask for the limit to be raised";
}
