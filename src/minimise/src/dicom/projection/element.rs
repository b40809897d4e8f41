//! What becomes of one element.

use super::super::characters::CharacterSets;
use super::super::event::Header;
use super::super::instance::{Instance, SOP_CLASS, SOP_INSTANCE};
use super::super::tag::Tag;
use super::super::value::Text;
use super::super::writer::Writer;
use super::{Core, Next, pointer};
use crate::manifest::Place;
use crate::names::Symbol;
use crate::value::{Equals, Kind, Scalar};
use crate::walk::{Fate, Label};

/// The element whose value comes next. The walk has arrived at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub(super) header: Header,
    pub(super) offset: u64,
    sets: CharacterSets,
    place: Place,
    /// The `[[drop]]` that names it, by its place in the profile.
    drop: Option<usize>,
    is_led_to: bool,
    /// Whether it stays with what it stands in, named or not: without it there is no valid object.
    is_implied: bool,
}

impl Core<'_> {
    /// An element begins.
    pub(super) fn element(&mut self, header: Header, offset: u64, sets: CharacterSets) -> Next {
        let tag = header.tag;
        let here = self.arrive(header, offset, sets);
        let is_asked = self.path.is_empty() && (Instance::asks(tag) || self.subject.asks(tag));
        if here.goes() && !here.is_implied && !is_asked {
            self.gone(&here);
            return Next::Skip;
        }
        if !header.is_in_chunks {
            self.here = Some(here);
            return Next::Read;
        }
        if here.goes() {
            self.gone(&here);
            return Next::Skip;
        }
        if header.vr.is_bulk() {
            return self.bulk(&here, |writer| writer.element_in_chunks(&header));
        }
        self.too_long(&here);
        Next::Skip
    }

    /// Encapsulated pixel data begin.
    pub(super) fn fragments(&mut self, header: Header, offset: u64) -> Next {
        let here = self.arrive(header, offset, CharacterSets::DEFAULT);
        if here.goes() {
            self.gone(&here);
            return Next::Skip;
        }
        self.bulk(&here, |writer| writer.start_fragments(&header))
    }

    fn arrive(&mut self, header: Header, offset: u64, sets: CharacterSets) -> Here {
        let tag = header.tag;
        let arrival = self.walk.arrive(Symbol::of_tag(tag), |_| false);
        let is_instance = self.path.is_empty() && matches!(tag, SOP_CLASS | SOP_INSTANCE);
        // Text in characters that are not understood cannot be kept, so nothing needs to say that it is.
        let says_characters = tag == Tag::SPECIFIC_CHARACTER_SET && sets.are_supported();
        Here {
            header,
            offset,
            sets,
            place: if arrival.is_led_to { Place::at(arrival.shown) } else { self.place_under(tag) },
            drop: arrival.drop,
            is_led_to: arrival.is_led_to,
            is_implied: is_instance || says_characters,
        }
    }

    /// The whole value of the element that began.
    pub(super) fn value(&mut self, bytes: &[u8]) {
        let Some(here) = self.here.take() else { return };
        let Here { header, offset, sets, .. } = here;
        let (tag, vr) = (header.tag, header.vr);
        if vr.is_bulk() || (self.walk.expects(Kind::Pixels) && !vr.is_text()) {
            if here.goes() {
                self.gone(&here);
            } else {
                self.bulk(&here, |writer| writer.element(&header, bytes));
            }
            return;
        }
        let text = Text::of(&header, bytes, &sets);
        if self.path.is_empty() && Instance::asks(tag) {
            self.instance.see(tag, text.as_ref().ok());
        }
        if self.path.is_empty() && self.subject.asks(tag) {
            self.subject.see(tag, text.as_ref().map_err(|reason| *reason), offset);
        }
        match text {
            _ if here.goes() && !here.is_implied => self.gone(&here),
            Ok(text) => self.text(&here, &text, bytes),
            Err(_) if !self.walk.is_kept_here() => self.gone(&here),
            Err(reason) => {
                let remedy = "write it as its value representation and (0008,0005) say";
                let pointer = || pointer(&self.path, tag);
                self.walk.faults.add(offset, pointer, "dicom-text", reason.to_string(), remedy);
            }
        }
    }

    fn text(&mut self, here: &Here, text: &Text<'_>, bytes: &[u8]) {
        let tag = here.header.tag;
        // An element that must be there may be empty, and then says nothing that a condition could be about.
        if text.values().all(str::is_empty) {
            if here.is_implied || (self.walk.is_kept_here() && here.drop.is_none()) {
                let label = Label { owner: self.walk.element(), path: None, is_spelled: true };
                self.label(here, text, bytes, label);
            } else {
                self.gone(here);
            }
            return;
        }
        let (fate, differs) = if here.goes() { (Fate::Goes(None), None) } else { self.decide(text) };
        if let Some(equals) = differs {
            self.walk.differs(equals, here.offset, || pointer(&self.path, tag));
        }
        match fate {
            Fate::Stays { path } => self.stays(here, text, bytes, path),
            Fate::Goes(_) if here.is_implied => {
                let label = Label { owner: self.walk.element(), path: None, is_spelled: false };
                self.label(here, text, bytes, label);
            }
            Fate::Goes(None) => self.gone(here),
            Fate::Goes(Some(unmet)) => {
                self.walk.unmet(unmet, here.place, here.offset, || pointer(&self.path, tag));
            }
            Fate::Labels(label) => self.label(here, text, bytes, label),
        }
    }

    /// Every value decides; an element stays only if each of its values may.
    fn decide(&self, text: &Text<'_>) -> (Fate, Option<Equals>) {
        let mut all: Option<Fate> = None;
        let mut differs = None;
        for value in text.values().filter(|value| !value.is_empty()) {
            let (fate, own) = self.walk.decide(&Scalar::Untyped(value));
            differs = differs.or(own);
            all = Some(all.map_or(fate, |all| weaker(all, fate)));
        }
        (all.unwrap_or(Fate::Goes(None)), differs)
    }

    fn stays(&mut self, here: &Here, text: &Text<'_>, bytes: &[u8], path: usize) {
        if !self.expect_registered(&here.header, here.offset) {
            return;
        }
        let (kind, is_spelled) = (self.walk.kind(path), self.walk.spells_out(path));
        let findings = self.look(here, text, kind, is_spelled);
        self.write(|writer| writer.element(&here.header, bytes));
        self.walk.stay(path, findings);
    }

    fn label(&mut self, here: &Here, text: &Text<'_>, bytes: &[u8], label: Label) {
        if !self.expect_registered(&here.header, here.offset) {
            return;
        }
        let kind = label.path.map_or(Kind::String, |path| self.walk.kind(path));
        let findings = self.look(here, text, kind, label.is_spelled);
        self.write(|writer| writer.element(&here.header, bytes));
        self.walk.label(label, here.place, findings);
    }

    /// What nobody looks at.
    fn bulk(&mut self, here: &Here, write: impl FnOnce(&mut Writer)) -> Next {
        let tag = here.header.tag;
        match self.walk.decide(&Scalar::Bulk).0 {
            Fate::Stays { path } => {
                if !self.expect_registered(&here.header, here.offset) {
                    return Next::Skip;
                }
                if tag.is_pixels() && !self.walk.is_kept_by_evidence() {
                    self.instance.leave_pixels(here.offset, || pointer(&self.path, tag));
                }
                self.write(write);
                self.walk.stay(path, None);
                return Next::Read;
            }
            Fate::Goes(Some(unmet)) => {
                self.walk.unmet(unmet, here.place, here.offset, || pointer(&self.path, tag));
            }
            Fate::Goes(None) | Fate::Labels(_) => self.gone(here),
        }
        Next::Skip
    }

    /// A text that comes in chunks is not looked at, and so does not leave.
    fn too_long(&mut self, here: &Here) {
        if !self.walk.is_kept_here() {
            return self.gone(here);
        }
        let detail = "a value is too long to be looked at, and so may not be sent";
        let pointer = || pointer(&self.path, here.header.tag);
        let remedy = "send less, or ask for the limit to be raised";
        self.walk.faults.add(here.offset, pointer, "dicom-value-too-long", detail, remedy);
    }

    fn gone(&mut self, here: &Here) {
        let pointer = || pointer(&self.path, here.header.tag);
        match here.drop {
            Some(drop) => self.walk.named_drop(drop, here.place, 1, here.offset, pointer),
            None => self.walk.not_named(here.place, 1, here.offset, pointer),
        }
    }
}

impl Here {
    /// Whether it cannot stay, whatever its value is.
    const fn goes(&self) -> bool {
        self.drop.is_some() || !self.is_led_to
    }
}

/// Of two values' fates, that of an element which has both.
fn weaker(one: Fate, other: Fate) -> Fate {
    match (one, other) {
        (Fate::Goes(None), Fate::Goes(Some(_))) => other,
        (Fate::Goes(_), _) => one,
        (_, Fate::Goes(_)) => other,
        (Fate::Stays { .. }, Fate::Labels(_)) => other,
        _ => one,
    }
}
