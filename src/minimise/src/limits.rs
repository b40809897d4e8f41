//! What a document may cost. Every limit has a unit in its name and a reason beside its default.

use super::dicom;

/// Limits on one document and on what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document.
    pub document_bytes_max: usize,
    /// Objects and arrays open at once.
    pub depth_max: usize,
    /// Members of objects and items of arrays, in the whole document.
    pub members_max: usize,
    /// Bytes of one string or member name as written, escapes included.
    pub string_bytes_max: usize,
    /// Bytes of one number as written.
    pub number_bytes_max: usize,
    /// Bytes of an element that may have to be seen before it is known which paths mean it.
    pub look_ahead_bytes_max: usize,
    /// Faults listed; the rest are counted.
    pub faults_max: usize,
    /// Paths listed in each half of a manifest; the rest are counted.
    pub manifest_paths_max: usize,
    /// What a DICOM document may cost; of the above, it keeps to the numbers of faults and paths.
    pub dicom: dicom::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Small documents travel in memory; larger ones are not for this reader.
            document_bytes_max: 1 << 20,
            // FHIR documents in the field stay under 20.
            depth_max: 64,
            // A node takes about 100 bytes: 10 MB for the worst document.
            members_max: 100_000,
            string_bytes_max: 256 << 10,
            // FHIR asks for 18 digits; the longest of the public JSON suite that must be read has 80.
            number_bytes_max: 128,
            look_ahead_bytes_max: 1 << 20,
            faults_max: 100,
            manifest_paths_max: 100,
            dicom: dicom::Limits::default(),
        }
    }
}
