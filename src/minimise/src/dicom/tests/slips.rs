//! The channels by which data could slip through an image, each tried (`docs/profiles.md`, "DICOM").

use super::projecting::{cleared, refused, run, strip};
use super::tree::*;
use crate::dicom::Vr;
use crate::tests::{CANARY, DOCTOR, STRANGER, SUBJECT};

const COMMENTS: (u16, u16) = (0x10, 0x4000);
const PIXELS_KEPT: (&str, &str) = ("PixelData", "kind = \"pixels\"");

fn canary(vr: Vr) -> Node {
    text(vr, CANARY)
}

#[test]
fn private_elements_overlays_curves_and_retired_groups_go() {
    let all = instance([
        ((0x0009, 0x0010), text(Vr::LO, CANARY)),
        ((0x0009, 0x1001), Node::Items(vec![elements([((0x10, 0x20), canary(Vr::LO))])])),
        ((0x0029, 0x0010), text(Vr::LO, "SIEMENS CSA HEADER")),
        ((0x0029, 0x1010), canary(Vr::OB)),
        ((0x4000, 0x4000), canary(Vr::LT)),
        ((0x5000, 0x3000), canary(Vr::OW)),
        ((0x6000, 0x0022), canary(Vr::LO)),
        ((0x6000, 0x3000), canary(Vr::OW)),
        ((0x6002, 0x4000), canary(Vr::LT)),
        (PIXELS, Node::Value(Vr::OW, vec![1; 8])),
        ((0xFFFC, 0xFFFC), canary(Vr::OB)),
    ]);
    let left = cleared(&strip(&[PIXELS_KEPT]), &explicit(&all));
    assert_eq!(left, instance([(PIXELS, Node::Value(Vr::OW, vec![1; 8]))]));
}

#[test]
fn the_preamble_and_the_file_meta_information_are_made_anew() {
    let mut document = explicit(&instance([]));
    document[..6].copy_from_slice(CANARY.as_bytes());
    // Who sent it, and private information, behind the transfer syntax.
    let mut meta = super::build::Build::default();
    meta.short((2, 0x16), b"AE", CANARY.as_bytes())
        .short((2, 0x100), b"UI", b"1.2.")
        .long((2, 0x102), b"OB", 6)
        .raw(CANARY.as_bytes());
    let length = u32::from_le_bytes(document[140..144].try_into().unwrap());
    let end = 144 + length as usize;
    document.splice(end..end, meta.0.iter().copied());
    let length = length + u32::try_from(meta.0.len()).unwrap();
    document[140..144].copy_from_slice(&length.to_le_bytes());
    cleared(&strip(&[]), &document);
}

#[test]
fn what_stands_beside_a_named_element_in_an_item_goes() {
    let inner = elements([
        ((8, 0x104), canary(Vr::LO)),
        ((0x0009, 0x0010), canary(Vr::LO)),
        ((8, 0x100), text(Vr::SH, "1")),
    ]);
    let step = elements([
        ((0x40, 7), canary(Vr::LO)),
        ((0x40, 8), Node::Items(vec![inner])),
        ((0x40, 9), text(Vr::SH, "1")),
    ]);
    let bare = elements([((0x40, 7), canary(Vr::LO))]);
    let all = instance([((0x40, 0x275), Node::Items(vec![bare.clone(), step, Default::default(), bare]))]);
    let profile = strip(&[(
        "RequestAttributesSequence.{ScheduledProcedureStepID,ScheduledProtocolCodeSequence.CodeValue}",
        "",
    )]);
    let inner = elements([((8, 0x100), text(Vr::SH, "1"))]);
    let step = elements([((0x40, 8), Node::Items(vec![inner])), ((0x40, 9), text(Vr::SH, "1"))]);
    assert_eq!(cleared(&profile, &explicit(&all)), instance([((0x40, 0x275), Node::Items(vec![step]))]));
}

#[test]
fn other_identifiers_of_the_subject_go_unless_named() {
    let other = elements([((0x10, 0x20), canary(Vr::LO)), ((0x10, 0x21), canary(Vr::LO))]);
    let all = instance([((0x10, 0x1000), canary(Vr::LO)), ((0x10, 0x1002), Node::Items(vec![other]))]);
    assert_eq!(cleared(&strip(&[]), &explicit(&all)), instance([]));
}

#[test]
fn nobody_else_is_named() {
    let profile = strip(&[
        ("{PatientComments,StudyInstanceUID,RescaleSlope,AcquisitionDateTime,PatientName,SeriesNumber}", ""),
        ("OtherPatientIDsSequence.PatientID", ""),
    ]);
    let with = |tag, vr, value: &str| run(&profile, &explicit(&instance([(tag, text(vr, value))]))).is_ok();
    for known in [SUBJECT, DOCTOR] {
        assert!(with(COMMENTS, Vr::LT, &format!("see {known}.")));
    }
    assert!(!with(COMMENTS, Vr::LT, &format!("see {STRANGER}.")));
    assert!(!with((0x20, 0x0D), Vr::UI, &format!("1.2.{STRANGER}.1")));
    assert!(!with((0x28, 0x1053), Vr::DS, STRANGER));
    for disguised in ["3.9901012239e10", "39901012239.5", "39901012239.0", "no 39901012239.5"] {
        assert!(!with((0x28, 0x1053), Vr::DS, disguised), "{disguised}");
    }
    assert!(!with((0x10, 0x10), Vr::PN, &format!("Tamm^{STRANGER}")));
    assert!(!with((0x20, 0x11), Vr::IS, STRANGER));
    assert!(!with((8, 0x2A), Vr::DT, "198112189876"));
    // Numbers and moments that only look like codes.
    assert!(with((0x28, 0x1053), Vr::DS, "0.39901012239"));
    assert!(with((8, 0x2A), Vr::DT, "20261122101112.123456+0200"));
    let other = elements([((0x10, 0x20), text(Vr::LO, STRANGER))]);
    assert_eq!(
        refused(&profile, &explicit(&instance([((0x10, 0x1002), Node::Items(vec![other]))]))),
        ["other-person"]
    );
}

#[test]
fn control_characters_markup_and_attachments_do_not_leave() {
    let profile = strip(&[("PatientComments", "")]);
    let rule = |value: &str| refused(&profile, &explicit(&instance([(COMMENTS, text(Vr::LT, value))])));
    assert_eq!(rule(&format!("fine\0{CANARY}")), ["control-character"]);
    assert_eq!(rule("fine\u{7}"), ["control-character"]);
    assert_eq!(rule("<script>x</script>"), ["active-content"]);
    assert_eq!(rule(&"QUJD".repeat(100)), ["attachment"]);
    assert!(run(&profile, &explicit(&instance([(COMMENTS, text(Vr::LT, "one\r\ntwo"))]))).is_ok());
}

#[test]
fn encapsulated_documents_go_unless_named() {
    let all = instance([((0x42, 0x11), canary(Vr::OB)), ((0x42, 0x10), canary(Vr::ST))]);
    assert_eq!(cleared(&strip(&[]), &explicit(&all)), instance([]));
}

#[test]
fn a_text_in_another_character_set_is_looked_at_as_its_reader_sees_it() {
    // Fullwidth digits in a Japanese set: what they spell is found.
    let digits: Vec<u8> = STRANGER.bytes().flat_map(|digit| [0x23, digit]).collect();
    let name = [b"\x1B$B", digits.as_slice(), b"\x1B(B"].concat();
    let profile = strip(&[("PatientComments", "")]);
    let document = |sets: &str| {
        let comments =
            Node::Value(Vr::LT, [name.as_slice(), b" "].concat()[..name.len() + name.len() % 2].to_vec());
        explicit(&instance([((8, 5), text(Vr::CS, sets)), (COMMENTS, comments)]))
    };
    assert_eq!(refused(&profile, &document("\\ISO 2022 IR 87")), ["other-person"]);
    assert_eq!(refused(&profile, &document("ISO_IR 100")), ["dicom-text"]);
    // In characters that are not understood, nothing that stays can be read.
    assert!(refused(&profile, &document(CANARY)).contains(&"dicom-text".to_owned()));
}
