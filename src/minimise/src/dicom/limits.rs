//! What a DICOM document may cost. Every limit has a unit in its name and a reason beside its default.

/// Limits on one DICOM document.
///
/// What the reader holds in memory at once is at most twice the sum of one chunk as fed, the largest of
/// `value_bytes_max` and `look_ahead_bytes_max`, and 64 KiB. No length in a document makes it allocate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document as fed. Where its length is known beforehand this may be set to it: a length that
    /// points beyond is then refused where it stands.
    pub document_bytes_max: u64,
    /// Sequences open at once.
    pub depth_max: usize,
    /// Elements, items and fragments in the whole document.
    pub elements_max: usize,
    /// Bytes of a value that is told whole.
    pub value_bytes_max: u32,
    /// Bytes of a value of numbers or bytes (`OB`, `OW`, …) above which it is told in chunks.
    pub whole_bytes_max: u32,
    /// Bytes of the character sets, element (0008,0005).
    pub character_sets_bytes_max: u32,
    /// Bytes that may be read ahead between [`mark`](super::Reader::mark) and
    /// [`rewind`](super::Reader::rewind).
    pub look_ahead_bytes_max: usize,
    /// Bytes of a data set after inflating.
    pub inflated_bytes_max: u64,
    /// Bytes that one deflated byte may become, once `inflate_slack_bytes` have been inflated.
    pub inflate_ratio_max: u64,
    /// Bytes that are inflated whatever the ratio.
    pub inflate_slack_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A tomosynthesis or whole-slide instance; STOW-RS servers in the field take about as much.
            document_bytes_max: 4 << 30,
            // Structured reports in the field stay under 20.
            depth_max: 32,
            // 10,000 frames with 200 elements about each.
            elements_max: 2 << 20,
            value_bytes_max: 1 << 20,
            // What is told whole waits for its last byte.
            whole_bytes_max: 16 << 10,
            // Ten terms of 16 bytes are more than there are.
            character_sets_bytes_max: 256,
            // A deciding sibling stands near; see `docs/profiles.md`.
            look_ahead_bytes_max: 1 << 20,
            inflated_bytes_max: 1 << 30,
            // Text and pixels deflate to a tenth; a bomb to a thousandth.
            inflate_ratio_max: 100,
            // An empty image of 512 by 512 pixels of 16 bits is nothing but zeros.
            inflate_slack_bytes: 1 << 20,
        }
    }
}
