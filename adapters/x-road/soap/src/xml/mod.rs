//! XML as the receiver will see it: a layer over `quick-xml` that refuses what is not well-formed or not namespace-well-formed.
//!
//! `quick-xml` splits a stream into tags, texts and references and checks that it is UTF-8; it lets much through that no
//! conforming parser takes. Everything else is checked here, in one pass and in memory bounded by the longest token. What
//! SOAP 1.1 forbids is refused too: document type declarations (and with them every entity of one's own) and processing
//! instructions.
//!
//! The rest of the codec knows only [`Scanner`]; another well-formedness layer can take its place.

mod characters;
mod metered;
mod reference;
mod scanner;
mod scope;
mod start;
mod tag;

pub(super) use self::characters::are_characters;
pub use self::reference::escaped;
pub(super) use self::reference::write_escaped;
pub(super) use self::scanner::{Scanner, Token};

/// Why a document is not XML that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It has a document type declaration, and could define entities of its own.
    #[error("the document has a document type declaration")]
    Doctype,
    /// It has a processing instruction.
    #[error("the document has a processing instruction")]
    ProcessingInstruction,
    /// It is not UTF-8, or says that it is in another encoding.
    #[error("the document is not in UTF-8")]
    Encoding,
    /// Its XML declaration is not at the very beginning, is malformed or names another version than 1.0.
    #[error("the XML declaration is misplaced or malformed")]
    Declaration,
    /// It ends within a tag or before its root element does.
    #[error("the document is cut off")]
    CutOff,
    /// A tag, comment or section is not what the grammar allows.
    #[error("the markup is malformed")]
    Markup,
    /// An end tag closes another element than the one that is open.
    #[error("an end tag does not match its start tag")]
    EndTag,
    /// There is text or a second element beside the root element.
    #[error("there is content beside the root element")]
    BesideRoot,
    /// A character that XML 1.0 does not allow.
    #[error("the document has a character that XML does not allow")]
    Character,
    /// A reference to an entity that is not predefined, or to no character.
    #[error("the document has a reference that cannot be resolved")]
    Reference,
    /// An element has the same attribute twice, by its name or by its namespace.
    #[error("an element has an attribute twice")]
    DuplicateAttribute,
    /// A prefix that is not declared, or a declaration that Namespaces in XML does not allow.
    #[error("a namespace prefix is undeclared or wrongly declared")]
    Namespace,
    /// A limit is exceeded.
    #[error("the document exceeds the limit of {0}")]
    Limit(XmlLimit),
    /// The source of the document failed.
    #[error("the document could not be read to its end")]
    Source(std::io::ErrorKind),
}

/// A limit of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmlLimit {
    /// Its bytes.
    Bytes,
    /// The bytes of one tag, text, comment or section.
    TokenBytes,
    /// How deep elements are nested.
    Depth,
    /// Attributes of one element.
    Attributes,
    /// Namespace declarations in scope.
    Namespaces,
}

impl std::fmt::Display for XmlLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::TokenBytes => "bytes in one token",
            Self::Depth => "nested elements",
            Self::Attributes => "attributes of an element",
            Self::Namespaces => "namespace declarations in scope",
        })
    }
}

/// How much XML is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct XmlLimits {
    pub(super) bytes_max: u64,
    pub(super) token_bytes_max: usize,
    pub(super) depth_max: usize,
    pub(super) attributes_max: usize,
    pub(super) namespaces_max: usize,
}

#[cfg(test)]
mod tests;
