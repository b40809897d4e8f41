//! Why a document is not read. It says where, and never what stands there.

use super::lexer::Before;
use crate::fault::Fault;

/// A document that is not read on, and where it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {offset} (line {line}, column {column})", reason.says())]
pub(crate) struct Malformed {
    /// What is wrong.
    pub(crate) reason: Reason,
    /// Bytes before the fault.
    pub(crate) offset: u64,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The character in its line, from 1.
    pub(crate) column: usize,
}

impl Malformed {
    pub(super) fn new(reason: Reason, before: Before, window: &str, at: usize) -> Self {
        let here = window.as_bytes().get(..at).unwrap_or(window.as_bytes());
        let newline = memchr::memrchr(b'\n', here);
        let in_line = here.get(newline.map_or(0, |newline| newline + 1)..).unwrap_or_default();
        let characters = newline.map_or(before.characters, |_| 0);
        Self {
            reason,
            offset: before.bytes + u64::try_from(at).unwrap_or_default(),
            line: before.lines + memchr::memchr_iter(b'\n', here).count() + 1,
            // Bytes `10xxxxxx` continue a character.
            column: characters + in_line.iter().filter(|b| *b & 0xC0 != 0x80).count() + 1,
        }
    }

    /// The fault as a client sees it, at `pointer`.
    pub(crate) fn at(&self, pointer: String) -> Fault {
        Fault::new(self.reason.rule(), pointer, self.to_string(), self.reason.remedy())
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $rule:literal, $says:literal, $remedy:expr;)+) => {
        /// The ways in which a document is not strict JSON within the limits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// The stable id of the broken rule.
            pub(crate) const fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)+ }
            }

            /// What is wrong, as a sentence without a full stop.
            pub(crate) const fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)+ }
            }

            /// What would mend it.
            pub(crate) const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

const WRITE_JSON: &str = "send JSON as RFC 8259 has it";
const SEND_LESS: &str = "send a smaller document, or ask for the limit to be raised";

reasons! {
    /// Larger than the limit.
    DocumentTooLarge = "document-too-large", "the document is larger than allowed", SEND_LESS;
    /// It begins with U+FEFF.
    ByteOrderMark = "json-byte-order-mark", "the document begins with a byte order mark", "leave the byte order mark out";
    /// A byte that is not UTF-8.
    NotUtf8 = "json-not-utf-8", "the document is not UTF-8", "send UTF-8";
    /// The end where something must follow.
    EndsEarly = "json-syntax", "the document ends too early", WRITE_JSON;
    /// Something after the document.
    AfterTheEnd = "json-syntax", "something follows the document", WRITE_JSON;
    /// No value where one must be.
    ValueExpected = "json-syntax", "a value is expected", WRITE_JSON;
    /// No member name where one must be.
    NameExpected = "json-syntax", "a member name in quotes is expected", WRITE_JSON;
    /// No colon after a name.
    ColonExpected = "json-syntax", "a colon is expected", WRITE_JSON;
    /// A member neither followed by another nor by the end.
    CommaOrBraceExpected = "json-syntax", "a comma or a closing brace is expected", WRITE_JSON;
    /// An item neither followed by another nor by the end.
    CommaOrBracketExpected = "json-syntax", "a comma or a closing bracket is expected", WRITE_JSON;
    /// A number without a digit where one must be.
    DigitExpected = "json-syntax", "a digit is expected", WRITE_JSON;
    /// A control character in a string.
    ControlCharacter = "json-syntax", "a control character stands unescaped in a string", WRITE_JSON;
    /// A backslash before something that has no escape.
    UnknownEscape = "json-syntax", "an unknown escape stands in a string", WRITE_JSON;
    /// Half of a surrogate pair.
    LoneSurrogate = "json-lone-surrogate", "half of a surrogate pair stands alone", "escape both halves, or send the character as UTF-8";
    /// Two members of one object with one name.
    DuplicateName = "json-duplicate-name", "a member name stands twice in one object", "name each member once, escaped spellings included";
    /// Too many open objects and arrays.
    TooDeep = "json-too-deep", "the document is nested deeper than allowed", SEND_LESS;
    /// Too many members and items.
    TooManyMembers = "json-too-many-members", "the document has more members and items than allowed", SEND_LESS;
    /// A string beyond the limit.
    StringTooLong = "json-string-too-long", "a string is longer than allowed", SEND_LESS;
    /// A number beyond the limit.
    NumberTooLong = "json-number-too-long", "a number is longer than allowed", "send fewer digits";
}
