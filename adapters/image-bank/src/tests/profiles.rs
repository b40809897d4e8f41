//! What leaves of an instance, and which instances do not leave at all.

use std::path::PathBuf;

use clearance::refusal::Refusal;
use serde_json::{Value, json};

use crate::testing::{
    ABSENT, CT, Element, Stage, answer, attempt, declaration, dicom, dicom_with, journey, released, sequence,
    shape, text,
};

const MARKER: &str = "MaRkEr";

/// A marker that ends in the tag it stands in, and so is no two elements' alike.
fn marked(tag: u32, vr: &'static str) -> Element {
    text(tag, vr, &format!("{MARKER}{tag:08X}"))
}

/// The tags whose markers are in `bytes`.
fn arrived(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut tags: Vec<String> =
        text.split(MARKER).skip(1).map(|rest| rest.chars().take(8).collect()).collect();
    tags.sort();
    tags
}

/// Texts that may leave, and texts that must not.
fn stuffing() -> (Vec<Element>, Vec<Element>) {
    let kept = [
        (0x0008_0050, "SH"),
        (0x0008_0080, "LO"),
        (0x0008_0090, "PN"),
        (0x0008_1030, "LO"),
        (0x0008_103e, "LO"),
        (0x0008_1050, "PN"),
        (0x0008_1060, "PN"),
        (0x0010_0010, "PN"),
        (0x0018_1030, "LO"),
        (0x0020_0010, "SH"),
        (0x0032_1032, "PN"),
    ];
    let dropped = [
        (0x0008_0014, "UI"),
        (0x0008_0081, "ST"),
        (0x0008_0092, "ST"),
        (0x0008_0094, "SH"),
        (0x0008_1010, "SH"),
        (0x0008_1048, "PN"),
        (0x0008_1070, "PN"),
        (0x0008_1080, "LO"),
        (0x0008_2111, "ST"),
        (0x0008_4000, "LT"),
        (0x0010_1000, "LO"),
        (0x0010_1001, "PN"),
        (0x0010_1005, "PN"),
        (0x0010_1040, "LO"),
        (0x0010_1050, "LO"),
        (0x0010_1060, "PN"),
        (0x0010_1080, "LO"),
        (0x0010_1081, "LO"),
        (0x0010_1090, "LO"),
        (0x0010_2000, "LO"),
        (0x0010_2110, "LO"),
        (0x0010_2150, "LO"),
        (0x0010_2152, "LO"),
        (0x0010_2154, "SH"),
        (0x0010_2160, "SH"),
        (0x0010_2180, "SH"),
        (0x0010_21b0, "LT"),
        (0x0010_21f0, "LO"),
        (0x0010_2297, "PN"),
        (0x0010_4000, "LT"),
        (0x0011_0010, "LO"),
        (0x0011_1001, "LO"),
        (0x0018_1000, "LO"),
        (0x0018_4000, "LT"),
        (0x0020_4000, "LT"),
        (0x0032_1060, "LO"),
        (0x0032_4000, "LT"),
        (0x0038_0300, "LO"),
        (0x0038_4000, "LT"),
        (0x0040_0254, "LO"),
        (0x0040_1400, "LT"),
        (0x4000_4000, "LT"),
        (0x4008_0115, "LT"),
        (0x5000_0040, "SH"),
        (0x6000_1500, "LO"),
        (0x6000_3000, "OB"),
        (0xfffc_fffc, "OB"),
    ];
    let marked = |(tag, vr): (u32, &'static str)| marked(tag, vr);
    let mut dropped: Vec<_> = dropped.into_iter().map(marked).collect();
    // In sequences too, in one that leaves in part as well.
    dropped.push(sequence(0x0008_1140, &[text(0x0010_4000, "LT", MARKER)]));
    dropped.push(sequence(0x0008_2218, &[text(0x0008_0104, "LO", "leg"), text(0x0008_4000, "LT", MARKER)]));
    (kept.into_iter().map(marked).collect(), dropped)
}

#[tokio::test]
async fn of_a_stuffed_instance_only_what_the_profile_names_leaves() {
    let (kept, dropped) = stuffing();
    let stuffing: Vec<_> = kept.iter().chain(&dropped).cloned().collect();
    let mut file = dicom_with(CT, "1.1", &stuffing);
    file[..MARKER.len()].copy_from_slice(MARKER.as_bytes());
    let (_, body) = attempt(&journey(1), &[file], false, answer(200, &["1.1"], &[])).await;
    let expected: Vec<_> = kept.iter().map(|(tag, ..)| format!("{tag:08X}")).collect();
    assert_eq!(arrived(&body), expected);
    assert!(body.windows(4).any(|bytes| bytes == b"leg "), "the code of the region stays");
    let pixels = [&[0xe0, 0x7f, 0x10, 0][..], b"OW\0\0", &[8, 0, 0, 0], &[1, 0, 2, 0, 3, 0, 4, 0]].concat();
    assert!(body.windows(pixels.len()).any(|bytes| bytes == pixels), "the pixels are as they were");
}

fn rules(refusal: &Refusal) -> Vec<(String, String)> {
    refusal.faults.iter().map(|fault| (fault.rule.to_string(), fault.pointer.clone())).collect()
}

fn refused(declaration: &Value, files: &[Vec<u8>]) -> Vec<(String, String)> {
    rules(&shape(&journey(100), declaration, files).map(|_| ()).unwrap_err())
}

#[test]
fn images_of_somebody_else_do_not_leave() {
    let other = text(0x0010_0020, "LO", "38507140418");
    let files = [dicom(CT, "1.1"), dicom_with(CT, "1.2", std::slice::from_ref(&other))];
    let found = refused(&declaration("study"), &files);
    let expected = ("wrong-patient".to_owned(), "document[2] PatientID".to_owned());
    assert!(!found.is_empty() && found.iter().all(|of| *of == expected), "{found:?}");
    let nobody = dicom_with(CT, "1.1", &[text(0x0010_0020, "LO", "")]);
    assert_eq!(refused(&declaration("image"), &[nobody])[0].0, "subject-missing");
}

#[test]
fn text_in_the_pixels_leaves_only_when_somebody_has_looked() {
    for said in ["YES", ""] {
        let file = [dicom_with(CT, "1.1", &[text(0x0028_0301, "CS", said)])];
        assert_eq!(refused(&declaration("image"), &file)[0].0, "burned-in-text", "`{said}`");
        assert!(shape(&journey(100), &released("image"), &file).is_ok(), "`{said}`");
    }
}

#[test]
fn the_same_instance_twice_is_refused() {
    let files = [dicom(CT, "1.1"), dicom(CT, "1.2"), dicom(CT, "1.1")];
    let expected = ("instance-repeated".to_owned(), "document[3] (0008,0018)".to_owned());
    assert_eq!(refused(&declaration("study"), &files), [expected]);
}

#[test]
fn one_image_is_one_image() {
    let files = ["1.1", "1.2"].map(|uid| dicom(CT, uid));
    assert_eq!(refused(&declaration("image"), &files)[0].0, "too-many-documents");
}

/// A basic text report with one finding.
fn report() -> Vec<u8> {
    const BASIC_TEXT: &str = "1.2.840.10008.5.1.4.1.1.88.11";
    let code = |meaning: &str| {
        [text(0x0008_0100, "SH", "121071"), text(0x0008_0102, "SH", "DCM"), text(0x0008_0104, "LO", meaning)]
    };
    let finding = [
        text(0x0040_a010, "CS", "CONTAINS"),
        text(0x0040_a040, "CS", "TEXT"),
        sequence(0x0040_a043, &code("Finding")),
        text(0x0040_a123, "PN", "Mets^Mari"),
        text(0x0040_a160, "UT", "kopsud puhtad"),
    ];
    let no_pixels = (0x7fe0_0010, ABSENT, Vec::new());
    let tree = [text(0x0040_a040, "CS", "CONTAINER"), sequence(0x0040_a730, &finding), no_pixels];
    dicom_with(BASIC_TEXT, "1.1", &tree)
}

#[tokio::test]
async fn a_report_leaves_as_a_report_and_as_nothing_else() {
    assert_eq!(refused(&declaration("image"), &[report()])[0].0, "required-missing");
    let journey = journey(1);
    assert_eq!(refused(&declaration("report"), &[dicom(CT, "1.1")])[0].0, "wrong-resource");
    let outgoing = shape(&journey, &declaration("report"), &[report()]).unwrap();
    let stage = Stage::answering([answer(200, &["1.1"], &[])]);
    let cleared = journey.clear(outgoing, false, None, &stage.means()).await.unwrap();
    journey.adapter().deliver(cleared, &stage.means()).await;
    let (_, body) = stage.calls().remove(0);
    let holds = |text: &str| body.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(holds("kopsud puhtad") && holds("Finding"));
    assert!(!holds("Mets^Mari"), "who is named within a report does not leave");
}

#[test]
fn each_basis_is_permitted_and_no_other() {
    let files = [dicom(CT, "1.1")];
    let with = |pointer: &str, value: &str| {
        let mut declaration = declaration("image");
        *declaration.pointer_mut(pointer).unwrap() = json!(value);
        shape(&journey(1), &declaration, &files).map(|_| ()).map_err(|refusal| refusal.rule.to_string())
    };
    assert_eq!(with("/purpose", "image"), Ok(()));
    assert_eq!(with("/purpose", "study"), Ok(()));
    for (pointer, value) in [
        ("/legal_basis/gdpr6", "6(1)(f)"),
        ("/legal_basis/gdpr6", "6(1)(a)"),
        ("/legal_basis/gdpr9", "9(2)(b)"),
        ("/legal_basis/act", "TTOS"),
        ("/legal_basis/section", "59³"),
        ("/legal_basis/section", "3(3)"),
    ] {
        assert!(with(pointer, value).is_err(), "{pointer} {value}");
    }
    let mut statute = declaration("study");
    statute["legal_basis"]["act"] = json!("138/2016");
    statute["legal_basis"]["section"] = json!("3(3)");
    assert!(shape(&journey(1), &statute, &files).is_ok());
}

/// A published file, about the subject of the declaration.
fn sample(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(std::env::var_os("CLEARANCE_SAMPLES")?);
    let file = std::fs::read(folder.join("dicom").join(name)).unwrap();
    // The patient's id is replaced by the subject's; it is explicit and little-endian.
    let at = file.windows(6).position(|bytes| bytes == [0x10, 0, 0x20, 0, b'L', b'O']).unwrap();
    let end = at + 8 + usize::from(u16::from_le_bytes([file[at + 6], file[at + 7]]));
    let own = [&file[at..at + 6], &[12, 0], b"37207279996 "].concat();
    Some([&file[..at], &own, &file[end..]].concat())
}

#[test]
fn published_files_go_through() {
    for (name, purpose) in [("CT_small.dcm", "image"), ("MR_small.dcm", "image"), ("reportsi.dcm", "report")]
    {
        let Some(file) = sample(name) else {
            println!("skipped: CLEARANCE_SAMPLES is not set");
            return;
        };
        match shape(&journey(1), &released(purpose), &[file]) {
            Ok(outgoing) => assert_eq!(outgoing.parts().len(), 1, "{name}"),
            Err(refusal) => panic!("{name}: {:?}", rules(&refusal)),
        }
    }
}

#[test]
fn the_answer_profile_names_what_the_image_profile_names() {
    let paths = |profile: &str| -> Vec<String> {
        let lines = profile.lines().filter(|line| line.starts_with("path = "));
        let mut paths: Vec<_> = lines.map(str::to_owned).collect();
        paths.dedup();
        paths
    };
    let image = include_str!("../../profiles/image.toml");
    assert_eq!(paths(crate::ANSWER_PROFILE), paths(image));
    assert!(minimise::Profile::parse("answer", crate::ANSWER_PROFILE).is_ok());
}
