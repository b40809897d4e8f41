//! What must hold of an instance as a whole: its class and identifier are said twice and alike, its class is one the
//! profile is for, and no text is burned into pixels that leave.

use super::tag::Tag;
use super::value::Text;
use crate::excess::Faults;
use crate::fault::Fault;
use crate::profile::Instances;

pub(super) const SOP_CLASS: Tag = Tag::new(0x0008, 0x0016);
pub(super) const SOP_INSTANCE: Tag = Tag::new(0x0008, 0x0018);
pub(super) const BURNED_IN: Tag = Tag::new(0x0028, 0x0301);
const META_SOP_CLASS: Tag = Tag::new(0x0002, 0x0002);
const META_SOP_INSTANCE: Tag = Tag::new(0x0002, 0x0003);
/// Media Storage Directory Storage: a DICOMDIR.
const DIRECTORY_CLASS: &str = "1.2.840.10008.1.3.10";
/// Longer than any identifier (PS3.5 section 9.1).
const UID_BYTES_MAX: usize = 64;

/// What the document says of itself.
#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) class: Option<String>,
    pub(super) instance: Option<String>,
    repeats_class: bool,
    repeats_instance: bool,
    burned_in: BurnedIn,
    /// The first pixels that leave without evidence, and where they stand.
    pixels: Option<(u64, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum BurnedIn {
    #[default]
    Unknown,
    No,
    Yes,
}

/// Whether `text` has the form of a unique identifier.
pub(crate) fn is_uid(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= UID_BYTES_MAX && text.split('.').all(is_number)
}

impl Instance {
    /// An element of the file meta information.
    pub(super) fn meta(&mut self, tag: Tag, value: &[u8]) {
        let uid = || {
            let text = std::str::from_utf8(value).ok()?.trim_end_matches(['\0', ' ']);
            is_uid(text).then(|| text.to_owned())
        };
        match tag {
            META_SOP_CLASS => self.class = uid(),
            META_SOP_INSTANCE => self.instance = uid(),
            _ => {}
        }
    }

    /// The class and the identifier, if the profile is for such instances.
    ///
    /// # Errors
    /// When it is not, or the document does not say.
    pub(super) fn check(&self, profile: &Instances) -> Result<(&str, &str), Fault> {
        let (Some(class), Some(instance)) = (&self.class, &self.instance) else {
            return Err(contradicted(
                "the file meta information does not say which instance of which class it is",
            ));
        };
        let allows = |classes: &Vec<String>| classes.contains(class);
        if class == DIRECTORY_CLASS || !profile.sop_classes.as_ref().is_none_or(allows) {
            let detail = "the profile is not for instances of this class";
            return Err(Fault::new(
                "wrong-resource",
                "SOPClassUID",
                detail,
                "send an instance that the purpose is for",
            ));
        }
        Ok((class, instance))
    }

    /// Whether this element of the data set says something of it.
    pub(super) const fn asks(tag: Tag) -> bool {
        matches!(tag, SOP_CLASS | SOP_INSTANCE | BURNED_IN)
    }

    /// An element that it asked for.
    pub(super) fn see(&mut self, tag: Tag, text: Option<&Text<'_>>) {
        let text = text.map(Text::whole);
        match tag {
            SOP_CLASS => self.repeats_class = text == self.class.as_deref(),
            SOP_INSTANCE => self.repeats_instance = text == self.instance.as_deref(),
            BURNED_IN => {
                self.burned_in = match text {
                    Some("NO") => BurnedIn::No,
                    Some("YES") => BurnedIn::Yes,
                    _ => BurnedIn::Unknown,
                }
            }
            _ => {}
        }
    }

    /// Pixels leave, and the declaration carries no evidence that they may.
    pub(super) fn leave_pixels(&mut self, offset: u64, pointer: impl FnOnce() -> String) {
        self.pixels.get_or_insert_with(|| (offset, pointer()));
    }

    /// What is wrong with it, now that it was read.
    pub(super) fn end(self, profile: &Instances, faults: &mut Faults) {
        if !self.repeats_class || !self.repeats_instance {
            let Fault { rule: _, pointer, detail, remedy } = contradicted(
                "the data set does not repeat the class and instance of the file meta information",
            );
            faults.add(0, || pointer, INSTANCE_RULE, detail, remedy);
        }
        let Some((offset, pointer)) = self.pixels else { return };
        let detail = match self.burned_in {
            BurnedIn::No => return,
            BurnedIn::Unknown if profile.allows_unknown_burned_in => return,
            BurnedIn::Unknown => "the document does not say whether text is burned into its pixels",
            BurnedIn::Yes => "text is burned into the pixels",
        };
        let remedy = "send pixels without text, say so in `BurnedInAnnotation`, or declare the evidence that the profile asks for";
        faults.add(offset, || pointer, "burned-in-text", detail, remedy);
    }
}

const INSTANCE_RULE: &str = "dicom-instance";

fn contradicted(detail: &str) -> Fault {
    let remedy = "write (0002,0002) and (0002,0003) as `SOPClassUID` and `SOPInstanceUID`";
    Fault::new(INSTANCE_RULE, "SOPInstanceUID", detail, remedy)
}
