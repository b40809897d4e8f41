//! What only a profile for DICOM says: which kinds of instances it is for, and what it makes of pixels that may show text.

use super::table::{Faults, Table};
use crate::dicom::Vr;
use crate::path::{self, Path};
use crate::value::{Conditions, Kind};

pub(super) const PROFILE_KEYS: [&str; 10] = [
    "profile",
    "version",
    "format",
    "media_type",
    "on_excess",
    "subject",
    "keep",
    "drop",
    "sop_classes",
    "burned_in_unknown",
];

/// What a profile says of instances.
#[derive(Debug, Clone, Default)]
pub(crate) struct Instances {
    /// The classes it is for; every one, unless it names some.
    pub(crate) sop_classes: Option<Vec<String>>,
    /// Whether pixels may leave of which the document does not say that no text is burned into them.
    pub(crate) allows_unknown_burned_in: bool,
}

impl Instances {
    pub(super) fn read(table: &Table<'_, '_>, faults: &mut Faults<'_>) -> Self {
        let classes = table.texts("sop_classes", faults);
        for (uid, at) in classes.iter().flatten() {
            if !crate::dicom::is_uid(uid) {
                faults.add(*at, format!("`{uid}` is no unique identifier: numbers parted by points"));
            }
        }
        let words = [("refuse", false), ("allow", true)];
        Self {
            sop_classes: classes.map(|all| all.into_iter().map(|(uid, _)| uid.to_owned()).collect()),
            allows_unknown_burned_in: table.word("burned_in_unknown", &words, faults).unwrap_or_default(),
        }
    }
}

/// Says which of `paths` can never keep anything under `conditions`.
pub(super) fn check_keep(conditions: &Conditions, paths: &[Path], at: usize, faults: &mut Faults<'_>) {
    if matches!(conditions.kind, Kind::Date | Kind::Instant) {
        faults.add(at, "DICOM has dates as `20261122`: write `kind = \"timestamp\"`");
    }
    let is_pixels = conditions.kind == Kind::Pixels;
    for path in paths {
        let tag = path.steps.last().and_then(path::dicom::tag_of);
        let Some(registered) = tag.and_then(crate::dicom::Tag::registered) else { continue };
        let (keyword, vr) = (registered.keyword, registered.implied_vr());
        if vr == Vr::SQ {
            faults.add(at, format!("`{keyword}` is a sequence; name what may stay in its items"));
        } else if vr.is_bulk() && !is_pixels {
            faults.add(at, format!("`{keyword}` is bytes, not text: write `kind = \"pixels\"`"));
        } else if vr.is_text() && is_pixels {
            faults.add(at, format!("`{keyword}` is text: `pixels` is for what nobody looks at"));
        }
    }
}

/// A path to the subject can only be this one.
pub(super) fn check_subject(paths: &[Path], at: usize, faults: &mut Faults<'_>) {
    if paths.iter().any(|path| path.to_string() != "PatientID") {
        faults.add(at, "DICOM names its subject in `PatientID`");
    }
}
