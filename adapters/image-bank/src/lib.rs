//! The image bank: instances and whole studies by DICOMweb, stored with STOW-RS and read back with QIDO-RS and WADO-RS.
//!
//! Images are not rebuilt: what the profile leaves of them streams from where it was sealed into the request, in batches. Success is
//! read instance by instance from the answer, whatever its status code. The partner's rules are in this folder's `README.md`.

mod batch;
mod deliver;
mod dicom_json;
mod instance;
mod multipart;
mod reading;
mod reason;
mod stored;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::num::{NonZeroU32, NonZeroU64};

use clearance::adapter::{
    Adapter, Description, Direction, Documents, Means, Outcome, Promise, PurposeDescription,
};
use clearance::declaration::LegalBasis;
use clearance::fault::Fault;
use clearance::journey::{Cleared, Minimal, Outgoing};
use serde::Deserialize;

pub use self::instance::{NotAUid, Uid};
pub use self::reading::{ANSWER_PROFILE, Found, ReadFailure};

/// The purpose of one image.
pub const IMAGE: &str = "image";
/// The purpose of the images of a study.
pub const STUDY: &str = "study";
/// The purpose of reports: structured ones and encapsulated documents.
pub const REPORT: &str = "report";
/// The media type of a DICOM file.
pub(crate) const DICOM: &str = "application/dicom";
/// The media type of DICOM in JSON.
pub(crate) const DICOM_JSON: &str = "application/dicom+json";

/// Where the image bank is, and how much it takes at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The image bank's name in the configuration of peers.
    pub peer: String,
    /// The root of its DICOMweb services, without a slash at the end; `/studies` is below it.
    pub url: String,
    /// Instances of one request at most.
    #[serde(default = "Settings::batch_instances_max")]
    pub batch_instances_max: NonZeroU32,
    /// Bytes of the instances of one request at most; an instance above that has a request of its own.
    #[serde(default = "Settings::batch_bytes_max")]
    pub batch_bytes_max: NonZeroU64,
    /// Instances of one transfer at most.
    #[serde(default = "Settings::study_instances_max")]
    pub study_instances_max: NonZeroU32,
    /// Bytes of one transfer at most, as received.
    #[serde(default = "Settings::study_bytes_max")]
    pub study_bytes_max: NonZeroU64,
    /// Bytes of an instance at most that is read back; it is held in memory.
    #[serde(default = "Settings::read_bytes_max")]
    pub read_bytes_max: NonZeroU32,
}

impl Settings {
    const fn batch_instances_max() -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(99)
    }

    const fn batch_bytes_max() -> NonZeroU64 {
        NonZeroU64::MIN.saturating_add((64 << 20) - 1)
    }

    const fn study_instances_max() -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(1999)
    }

    const fn study_bytes_max() -> NonZeroU64 {
        NonZeroU64::MIN.saturating_add((2 << 30) - 1)
    }

    const fn read_bytes_max() -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add((64 << 20) - 1)
    }
}

/// The image bank, as a destination.
#[derive(Debug)]
pub struct ImageBank {
    description: Description,
    settings: Settings,
}

impl ImageBank {
    /// The image bank at the address in `settings`.
    pub fn new(settings: Settings) -> Self {
        let description = Description {
            summary: "the image bank: images and reports of the care of a patient",
            policies: include_str!("../policy.cedar"),
            never: &["contact", "insurance", "note", "occupation", "religion"],
            purposes: purposes(&settings),
        };
        Self { description, settings }
    }
}

impl Adapter for ImageBank {
    fn description(&self) -> &Description {
        &self.description
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let listed = batch::Listed::of(minimal.parts())?;
        Ok(minimal.shaped(listed.payload()))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move { deliver::deliver(&self.settings, &cleared, means).await })
    }
}

fn purposes(settings: &Settings) -> Vec<PurposeDescription> {
    let images = include_str!("../profiles/image.toml");
    let several = usize::try_from(settings.study_instances_max.get()).unwrap_or(usize::MAX);
    let purpose = |name, summary, max, profile| PurposeDescription {
        name,
        summary,
        act_reason: "TREAT",
        direction: Direction::Sends,
        bases: bases(),
        documents: Documents::Streamed { max, bytes_max: settings.study_bytes_max.get() },
        media_types: &[DICOM],
        profile,
        needs_recipient: false,
        onward_recipient: None,
    };
    vec![
        purpose(IMAGE, "store one image", 1, images),
        purpose(STUDY, "store the images of a study", several, images),
        purpose(REPORT, "store reports of a study", several, include_str!("../profiles/report.toml")),
    ]
}

/// The legal bases of `policy.cedar`.
fn bases() -> Vec<LegalBasis> {
    let acts = [("TTKS", "59²"), ("138/2016", "3(3)")];
    let basis = |(act, section): (&str, &str)| LegalBasis {
        gdpr6: "6(1)(c)".into(),
        gdpr9: "9(2)(h)".into(),
        act: act.into(),
        section: section.into(),
    };
    acts.into_iter().map(basis).collect()
}
