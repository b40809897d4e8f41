//! Why an XML document is not read. It says where, and never what stands there.

use crate::fault::Fault;

/// A document that is not read on, and where it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {offset} (line {line}, column {column})", reason.says())]
pub struct Malformed {
    /// What is wrong.
    pub reason: Reason,
    /// Bytes before the fault.
    pub offset: usize,
    /// The line, from 1.
    pub line: usize,
    /// The character in its line, from 1.
    pub column: usize,
}

impl Malformed {
    /// The fault as a client sees it, at `pointer`.
    pub fn at(&self, pointer: String) -> Fault {
        Fault::new(self.reason.rule(), pointer, self.to_string(), self.reason.remedy())
    }
}

/// Why a scanner stopped before the end of what it scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// What is there may be well-formed; more is needed to tell.
    Incomplete,
    /// It is not, for this reason, at this byte of what was scanned.
    Fault(Reason, usize),
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $rule:literal, $says:literal, $remedy:expr;)+) => {
        /// The ways in which a document is not strict XML within the limits.
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

const WRITE_XML: &str = "send XML as XML 1.0 (5th edition) has it";
const SEND_LESS: &str = "send a smaller document, or ask for the limit to be raised";
const SEND_UTF8: &str = "send UTF-8, and say so in the XML declaration or leave the encoding out";
const DECLARE: &str = "write `<?xml version=\"1.0\" encoding=\"UTF-8\"?>` at the very start, or leave it out";
const ESCAPE: &str = "escape the character as a reference";
const NAME_SPACES: &str = "follow Namespaces in XML 1.0";

reasons! {
    /// Not UTF-8, though perhaps something else: UTF-16, or another encoding by its own word.
    OtherEncoding = "xml-encoding", "the document is in an encoding other than UTF-8", SEND_UTF8;
    /// A byte that is not UTF-8.
    NotUtf8 = "xml-not-utf-8", "the document is not UTF-8", SEND_UTF8;
    /// A byte beyond ASCII in a document that declares itself ASCII.
    NotAscii = "xml-not-ascii", "the document declares ASCII and is not", SEND_UTF8;
    /// A declaration that is not as it must be.
    BadDeclaration = "xml-declaration", "the XML declaration is not as it must be", DECLARE;
    /// A declaration that is not at the very start.
    MisplacedDeclaration = "xml-declaration", "an XML declaration stands after the start", DECLARE;
    /// A version other than 1.0.
    OtherVersion = "xml-version", "the document is in a version of XML other than 1.0", DECLARE;
    /// A document type declaration, whatever it says.
    Doctype = "xml-doctype", "the document has a document type declaration", "leave the document type declaration out";
    /// `<!` before something unknown.
    UnknownMarkup = "xml-syntax", "neither a comment nor a CDATA section follows `<!`", WRITE_XML;
    /// No name where one must be.
    NameExpected = "xml-syntax", "a name is expected", WRITE_XML;
    /// No white space before an attribute.
    SpaceExpected = "xml-syntax", "white space is expected", WRITE_XML;
    /// No `=` after the name of an attribute.
    EqualsExpected = "xml-syntax", "`=` is expected after the name of an attribute", WRITE_XML;
    /// The value of an attribute without quotes.
    QuoteExpected = "xml-syntax", "the value of an attribute must be in quotes", WRITE_XML;
    /// `/` or a name, and then not `>`.
    TagEndExpected = "xml-syntax", "`>` is expected", WRITE_XML;
    /// `<` in the value of an attribute.
    LessThanInValue = "xml-syntax", "`<` stands in the value of an attribute", ESCAPE;
    /// `]]>` in text.
    SectionEndInText = "xml-syntax", "`]]>` stands in text", ESCAPE;
    /// `--` in a comment.
    DoubleHyphen = "xml-syntax", "`--` stands in a comment", WRITE_XML;
    /// A processing instruction for a name that is some spelling of `xml`.
    ReservedTarget = "xml-syntax", "a processing instruction has a reserved target", WRITE_XML;
    /// A character that XML does not have, as itself or by number.
    IllegalCharacter = "xml-illegal-character", "a character stands there that XML does not have", "leave the character out";
    /// An `&` that does not begin a reference.
    BadReference = "xml-reference", "`&` does not begin a reference", ESCAPE;
    /// A reference to an entity other than the five.
    UndeclaredEntity = "xml-undeclared-entity", "an undeclared entity is referred to", "use the five entities of XML, or numbers";
    /// An end tag for another element than the one that is open.
    MismatchedEnd = "xml-mismatched-tag", "an end tag does not match the open element", WRITE_XML;
    /// The end of the document in an element or before one.
    EndsEarly = "xml-ends-early", "the document ends too early", WRITE_XML;
    /// Text before or after the root element.
    TextOutside = "xml-outside-root", "text stands outside the root element", WRITE_XML;
    /// A second root element.
    SecondRoot = "xml-outside-root", "a second root element follows the first", WRITE_XML;
    /// Two attributes with one name.
    DuplicateAttribute = "xml-duplicate-attribute", "an element has two attributes with one name", "name each attribute once, by its namespace and local name";
    /// A name with more than one colon, or nothing beside it.
    BadColon = "xml-name-colon", "a colon stands in a name where none may be", NAME_SPACES;
    /// A prefix that no declaration in scope binds.
    UndeclaredPrefix = "xml-undeclared-prefix", "a prefix is not declared", "declare the prefix";
    /// A prefix bound to nothing.
    EmptyPrefix = "xml-namespace", "a prefix is declared with an empty namespace", NAME_SPACES;
    /// `xml` or `xmlns`, or one of their namespaces, bound otherwise than they are.
    ReservedPrefix = "xml-namespace", "a reserved prefix or namespace is misused", NAME_SPACES;
    /// Larger than the limit.
    DocumentTooLarge = "document-too-large", "the document is larger than allowed", SEND_LESS;
    /// Too many open elements.
    TooDeep = "xml-too-deep", "elements are nested deeper than allowed", SEND_LESS;
    /// Too many elements.
    TooManyElements = "xml-too-many-elements", "the document has more elements than allowed", SEND_LESS;
    /// Too many attributes of one element.
    TooManyAttributes = "xml-too-many-attributes", "an element has more attributes than allowed", SEND_LESS;
    /// Too many namespaces or declarations of them.
    TooManyNamespaces = "xml-too-many-namespaces", "more namespaces are declared than allowed", SEND_LESS;
    /// A name beyond the limit.
    NameTooLong = "xml-name-too-long", "a name is longer than allowed", SEND_LESS;
    /// The value of an attribute beyond the limit.
    AttributeTooLong = "xml-attribute-too-long", "the value of an attribute is longer than allowed", SEND_LESS;
    /// A tag beyond the limit.
    TagTooLong = "xml-tag-too-long", "a tag is longer than allowed", SEND_LESS;
    /// A text beyond the limit.
    TextTooLong = "xml-text-too-long", "a text is longer than allowed", SEND_LESS;
    /// A comment or processing instruction beyond the limit.
    CommentTooLong = "xml-comment-too-long", "a comment or processing instruction is longer than allowed", SEND_LESS;
    /// What decides about an element stands too far inside it.
    LookAheadExceeded = "look-ahead-exceeded", "what decides about an element stands too far inside it", "write the deciding parts first, or ask for the limit to be raised";
}
