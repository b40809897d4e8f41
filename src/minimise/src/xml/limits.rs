//! What an XML document may cost. Every limit has a unit in its name and a reason beside its default.

/// Limits on one XML document.
///
/// What the reader holds in memory at once is at most one chunk as fed, plus the largest of `tag_bytes_max`,
/// `comment_bytes_max` and `look_ahead_bytes_max`, plus the names of the open elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document.
    pub document_bytes_max: usize,
    /// Elements in the whole document.
    pub elements_max: usize,
    /// Elements open at once.
    pub depth_max: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes_max: usize,
    /// Namespace declarations in scope at once.
    pub declarations_max: usize,
    /// Different namespaces in the whole document.
    pub namespaces_max: u16,
    /// Bytes of one name, its prefix included.
    pub name_bytes_max: usize,
    /// Bytes of one attribute value as written.
    pub attribute_bytes_max: usize,
    /// Bytes of one tag, from `<` to `>`.
    pub tag_bytes_max: usize,
    /// Bytes of text between two tags, after references are resolved.
    pub text_bytes_max: usize,
    /// Bytes of one comment or processing instruction.
    pub comment_bytes_max: usize,
    /// Bytes that may be read ahead between [`mark`](super::Reader::mark) and
    /// [`rewind`](super::Reader::rewind).
    pub look_ahead_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // X-Road takes messages of 20 MiB; a document with images in it is larger once encoded.
            document_bytes_max: 64 << 20,
            // As many as 64 MiB can hold at 32 bytes each, which is dense.
            elements_max: 2 << 20,
            // CDA documents in the field stay under 40.
            depth_max: 128,
            // CDA elements have at most a dozen; their root declares a few namespaces.
            attributes_max: 128,
            // A prefix is looked up by walking over them.
            declarations_max: 64,
            // SOAP, X-Road, CDA, its extension, XML signature: about ten.
            namespaces_max: 128,
            name_bytes_max: 1 << 10,
            attribute_bytes_max: 64 << 10,
            tag_bytes_max: 256 << 10,
            // An attachment in base64 is one text.
            text_bytes_max: 32 << 20,
            comment_bytes_max: 256 << 10,
            // A deciding sibling stands near; see `docs/profiles.md`.
            look_ahead_bytes_max: 1 << 20,
        }
    }
}
