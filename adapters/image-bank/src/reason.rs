//! Why an instance was not stored (0008,1197): whether the image bank would say it again, and what would change it.
//!
//! Values by PS3.18 table I.2-2 and PS3.7 annex C.

/// What the image bank says when it has another instance, or this one already, under the same UID.
pub(crate) const DUPLICATE: u16 = 0x0111;

/// A reason in words of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Whether the same instance may be stored later.
    pub(crate) is_transient: bool,
    pub(crate) detail: &'static str,
    pub(crate) remedy: &'static str,
}

impl Reason {
    /// What `code` means. A code that nobody knows is a no: to repeat it for days would help nobody.
    pub(crate) const fn of(code: u16) -> Self {
        match code {
            0x0110 => Self::transient("it could not be processed"),
            0x0213 | 0xa700..=0xa7ff => Self::transient("the image bank is out of resources"),
            0x0105 | 0x0106 | 0x0114 | 0x0116 | 0x0117 | 0x0120 | 0x0121 => {
                Self::permanent("an attribute is missing or has a value that it must not have", "correct it")
            }
            DUPLICATE => Self::permanent(
                "the image bank has an instance with this UID",
                "give a changed image a UID of its own; leave out what is stored",
            ),
            0x0118 | 0x0119 | 0xa900..=0xa9ff => Self::permanent(
                "the data set does not match its class",
                "send it with the attributes of its class, which the profile may have to name",
            ),
            0x0122 => Self::permanent("instances of its class are not taken", "leave it out"),
            0x0124 => Self::permanent("the clinic may not store it", "have the image bank permit it"),
            0xc122 => Self::permanent(
                "its transfer syntax is not taken",
                "convert it to one that the image bank takes, such as 1.2.840.10008.1.2.1",
            ),
            0xc000..=0xcfff => Self::permanent("it was not understood", "send a whole and valid DICOM file"),
            _ => Self::permanent("the image bank did not store it", "ask the image bank what the code means"),
        }
    }

    const fn transient(detail: &'static str) -> Self {
        Self { is_transient: true, detail, remedy: "send it later" }
    }

    const fn permanent(detail: &'static str, remedy: &'static str) -> Self {
        Self { is_transient: false, detail, remedy }
    }
}
