//! Instances as trees, for tests: to bytes without the writer, and back by the reader.

use std::collections::BTreeMap;

use super::build::{Build, EXPLICIT, UNDEFINED};
use crate::dicom::{Event, Header, Limits, Source, Vr};
use crate::tests::SUBJECT;

pub(super) const CLASS: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(super) const INSTANCE: &str = "1.2.3.4";
pub(super) const SOP_CLASS: (u16, u16) = (8, 0x16);
pub(super) const SOP_INSTANCE: (u16, u16) = (8, 0x18);
pub(super) const PATIENT_ID: (u16, u16) = (0x10, 0x20);
pub(super) const PIXELS: (u16, u16) = (0x7FE0, 0x10);

/// The elements of a data set or an item, as a tree.
pub(super) type Elements = BTreeMap<(u16, u16), Node>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Value(Vr, Vec<u8>),
    Items(Vec<Elements>),
    Fragments(Vec<Vec<u8>>),
}

/// A text, padded.
pub(super) fn text(vr: Vr, text: &str) -> Node {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(vr.padding());
    }
    Node::Value(vr, bytes)
}

pub(super) fn elements(all: impl IntoIterator<Item = ((u16, u16), Node)>) -> Elements {
    all.into_iter().collect()
}

/// An instance about the declared subject, with these elements besides.
pub(super) fn instance(more: impl IntoIterator<Item = ((u16, u16), Node)>) -> Elements {
    let mut all = elements([
        (SOP_CLASS, text(Vr::UI, CLASS)),
        (SOP_INSTANCE, text(Vr::UI, INSTANCE)),
        (PATIENT_ID, text(Vr::LO, SUBJECT)),
    ]);
    all.extend(more);
    all
}

pub(super) fn write(elements: &Elements, has_lengths: bool, into: &mut Build) {
    for (tag, node) in elements {
        match node {
            Node::Value(vr, value) if vr.has_long_length() => {
                into.long(
                    *tag,
                    vr.name().as_bytes().try_into().unwrap(),
                    u32::try_from(value.len()).unwrap(),
                )
                .raw(value);
            }
            Node::Value(vr, value) => {
                into.short(*tag, vr.name().as_bytes().try_into().unwrap(), value);
            }
            Node::Items(items) => {
                let mut inside = Build::default();
                for item in items {
                    let mut own = Build::default();
                    write(item, has_lengths, &mut own);
                    if has_lengths {
                        inside.item(u32::try_from(own.0.len()).unwrap()).raw(&own.0);
                    } else {
                        inside.item(UNDEFINED).raw(&own.0).item_end();
                    }
                }
                let length = if has_lengths { u32::try_from(inside.0.len()).unwrap() } else { UNDEFINED };
                into.long(*tag, b"SQ", length).raw(&inside.0);
                if !has_lengths {
                    into.sequence_end();
                }
            }
            Node::Fragments(fragments) => {
                into.long(*tag, b"OB", UNDEFINED);
                for fragment in fragments {
                    into.item(u32::try_from(fragment.len()).unwrap()).raw(fragment);
                }
                into.sequence_end();
            }
        }
    }
}

/// What stands before the data set.
pub(super) fn head(syntax: &str) -> Build {
    let mut meta = Build::default();
    for (element, uid) in [(2, CLASS), (3, INSTANCE), (0x10, syntax)] {
        let Node::Value(_, uid) = text(Vr::UI, uid) else { unreachable!() };
        meta.short((2, element), b"UI", &uid);
    }
    let mut file = Build(vec![0; 128]);
    file.raw(b"DICM").short((2, 0), b"UL", &u32::try_from(meta.0.len()).unwrap().to_le_bytes()).raw(&meta.0);
    file
}

pub(super) fn file(syntax: &str, elements: &Elements) -> Vec<u8> {
    let mut file = head(syntax);
    write(elements, false, &mut file);
    file.0
}

pub(super) fn explicit(elements: &Elements) -> Vec<u8> {
    file(EXPLICIT, elements)
}

/// The tree of a file.
pub(super) fn tree(document: &[u8]) -> Elements {
    let mut open = vec![(Elements::new(), (0, 0))];
    let mut items: Vec<Vec<Elements>> = Vec::new();
    let mut header: Option<Header> = None;
    let key = |header: &Header| (header.tag.group(), header.tag.element());
    super::read(Source::File, &Limits::default(), document, 512, |event| match event {
        Event::Preamble(_) | Event::Meta(..) => {}
        Event::Element(element) => {
            header = Some(element);
            let node = Node::Value(element.written_vr, Vec::new());
            open.last_mut().unwrap().0.insert(key(&element), node);
        }
        Event::Value(bytes) | Event::Chunk(bytes) => {
            match open.last_mut().unwrap().0.get_mut(&key(header.as_ref().unwrap())).unwrap() {
                Node::Value(_, value) => value.extend_from_slice(bytes),
                Node::Fragments(fragments) => fragments.last_mut().unwrap().extend_from_slice(bytes),
                Node::Items(_) => unreachable!(),
            }
        }
        Event::SequenceStart(sequence) => {
            open.last_mut().unwrap().1 = key(&sequence);
            items.push(Vec::new());
        }
        Event::ItemStart => open.push((Elements::new(), (0, 0))),
        Event::ItemEnd => items.last_mut().unwrap().push(open.pop().unwrap().0),
        Event::SequenceEnd => {
            let (elements, at) = open.last_mut().unwrap();
            elements.insert(*at, Node::Items(items.pop().unwrap()));
        }
        Event::FragmentsStart(fragments) => {
            header = Some(fragments);
            open.last_mut().unwrap().0.insert(key(&fragments), Node::Fragments(Vec::new()));
        }
        Event::Fragment(_) => {
            let Some(Node::Fragments(all)) = open.last_mut().unwrap().0.get_mut(&PIXELS) else {
                unreachable!()
            };
            all.push(Vec::new());
        }
        Event::FragmentsEnd => {}
    })
    .unwrap();
    open.pop().unwrap().0
}
