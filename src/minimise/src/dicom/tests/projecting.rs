//! Promises of projection, on made-up instances.

use std::collections::BTreeMap;

use super::build::{Build, DEFLATED, JPEG};
use super::tree::*;
use crate::dicom::{Limits, Source, Vr};
use crate::fault::Fault;
use crate::person::{Identifier, Private};
use crate::tests::{CANARY, SUBJECT, profile, rules, with_declared};
use crate::{Declared, Profile, Projection, Projector, SubjectProof, project};

/// A profile that keeps the subject's identifier and what `keeps` lists.
pub(super) fn keeping(head: &str, keeps: &[(&str, &str)]) -> Profile {
    let mut toml = format!(
        "profile = \"p\"\nversion = \"1\"\nformat = \"dicom\"\n{head}\n[subject]\npaths = [\"PatientID\"]\n\
         systems = {{ \"https://fhir.ee/sid/pid/est/ni\" = \"\" }}\n\
         [[keep]]\npath = \"PatientID\"\ncategory = \"identity\"\nground = \"x\"\n"
    );
    for (path, more) in keeps {
        toml.push_str(&format!("[[keep]]\npath = '{path}'\ncategory = \"c\"\nground = \"x\"\n{more}\n"));
    }
    profile(&toml)
}

pub(super) fn strip(keeps: &[(&str, &str)]) -> Profile {
    keeping("on_excess = \"strip\"\nburned_in_unknown = \"allow\"", keeps)
}

pub(super) fn run(profile: &Profile, document: &[u8]) -> Result<Projection, Vec<Fault>> {
    with_declared(|declared| project(profile, declared, document))
}

/// The tree of what leaves; nothing of that, nor what is said of it, holds a canary.
pub(super) fn cleared(profile: &Profile, document: &[u8]) -> Elements {
    let projection = run(profile, document).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert!(!String::from_utf8_lossy(&projection.document).contains(CANARY));
    assert_eq!(projection.document[..128], [0; 128]);
    let manifest = String::from_utf8(projection.manifest.to_bytes()).unwrap();
    assert!(!manifest.contains(CANARY), "{manifest}");
    tree(&projection.document)
}

pub(super) fn refused(profile: &Profile, document: &[u8]) -> Vec<String> {
    let faults = run(profile, document).map(|projection| projection.manifest).unwrap_err();
    rules(&faults).into_iter().map(str::to_owned).collect()
}

const PIXELS_KEPT: (&str, &str) = ("PixelData", "kind = \"pixels\"");
const BURNED_IN: (u16, u16) = (0x28, 0x301);

fn pixels() -> Node {
    Node::Value(Vr::OW, (0..40_000_u32).map(|at| ((at * at) >> 5) as u8).collect())
}

#[test]
fn what_is_not_named_goes_and_what_makes_a_valid_object_stays() {
    let all = instance([
        ((8, 5), text(Vr::CS, "ISO_IR 192")),
        ((8, 0x60), text(Vr::CS, "CT")),
        ((0x10, 0x10), text(Vr::PN, "J\u{f5}gi^Mari")),
        ((0x10, 0x1040), text(Vr::LO, CANARY)),
        (PIXELS, pixels()),
    ]);
    let document = explicit(&all);
    let mut left = all.clone();
    left.remove(&(0x10, 0x1040));
    let profile = strip(&[("Modality", ""), ("PatientName", ""), PIXELS_KEPT]);
    assert_eq!(cleared(&profile, &document), left);
    let projection = run(&profile, &document).unwrap();
    assert_eq!(projection.subject, SubjectProof::ByIdentifier);
    assert_eq!(projection.manifest.values(), (4, 3, 1));
    let dropped: Vec<_> = projection.manifest.dropped().iter().map(|dropped| dropped.path.as_str()).collect();
    assert_eq!(dropped, ["PatientAddress"]);
    assert_eq!(run(&profile, &projection.document).unwrap().document, projection.document);
}

#[test]
fn items_are_picked_by_what_stands_in_them() {
    let code = |value: &str, meaning: &str| {
        let name = elements([((8, 0x100), text(Vr::SH, value)), ((8, 0x104), text(Vr::LO, meaning))]);
        elements([((0x40, 0xA043), Node::Items(vec![name])), ((0x40, 0xA160), text(Vr::UT, meaning))])
    };
    let all = instance([(
        (0x40, 0xA730),
        Node::Items(vec![code("1", CANARY), code("2", "fine"), code("3", CANARY)]),
    )]);
    let profile = strip(&[("ContentSequence[ConceptNameCodeSequence.CodeValue=2].TextValue", "")]);
    let name = elements([((8, 0x100), text(Vr::SH, "2"))]);
    let item = elements([((0x40, 0xA043), Node::Items(vec![name])), ((0x40, 0xA160), text(Vr::UT, "fine"))]);
    let left = instance([((0x40, 0xA730), Node::Items(vec![item]))]);
    assert_eq!(cleared(&profile, &explicit(&all)), left);
}

#[test]
fn every_value_of_an_element_must_be_allowed() {
    let profile =
        strip(&[("ImageType", "one_of = [\"ORIGINAL\", \"PRIMARY\"]"), ("PatientSex", "one_of = [\"M\"]")]);
    let left = |value: &str| {
        let all = instance([((8, 8), text(Vr::CS, value)), ((0x10, 0x40), text(Vr::CS, ""))]);
        let left = cleared(&profile, &explicit(&all));
        assert!(left.contains_key(&(0x10, 0x40)), "what must be there may be empty");
        left.contains_key(&(8, 8))
    };
    assert!(left("ORIGINAL\\PRIMARY"));
    assert!(!left("ORIGINAL\\CANARY"));
    assert!(!left("CANARY"));
}

#[test]
fn encapsulated_and_deflated_files_are_projected_too() {
    let fragments = Node::Fragments(vec![Vec::new(), vec![7; 70_000], vec![8; 3_000]]);
    let all = instance([((8, 0x60), text(Vr::CS, CANARY)), (PIXELS, fragments.clone())]);
    let profile = strip(&[PIXELS_KEPT]);
    assert_eq!(cleared(&profile, &file(JPEG, &all)), instance([(PIXELS, fragments)]));
    let all = instance([((8, 0x60), text(Vr::CS, CANARY)), (PIXELS, pixels())]);
    let mut plain = Build::default();
    write(&all, true, &mut plain);
    use std::io::Write as _;
    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflater.write_all(&plain.0).unwrap();
    let document = [head(DEFLATED).0, deflater.finish().unwrap()].concat();
    assert_eq!(cleared(&profile, &document), instance([(PIXELS, pixels())]));
    let whole = run(&profile, &document).unwrap().document;
    let in_pieces = with_declared(|declared| {
        let (mut projector, mut out) = (Projector::new(&profile, declared), Vec::new());
        document.chunks(777).for_each(|piece| projector.feed(piece, &mut out).unwrap());
        projector.end(&mut out).map(|_| out).unwrap()
    });
    assert!(in_pieces == whole, "deflated otherwise");
}

#[test]
fn what_comes_in_pieces_leaves_the_same_and_pixels_do_not_gather() {
    let name = elements([((8, 0x100), text(Vr::SH, "2"))]);
    let item = elements([((0x40, 0xA043), Node::Items(vec![name])), ((0x40, 0xA160), text(Vr::UT, "fine"))]);
    let all = instance([((0x40, 0xA730), Node::Items(vec![item])), (PIXELS, pixels())]);
    let document = explicit(&all);
    let profile =
        strip(&[("ContentSequence[ConceptNameCodeSequence.CodeValue=2].TextValue", ""), PIXELS_KEPT]);
    let whole = run(&profile, &document).unwrap();
    for piece_bytes in [1, 7, 1000] {
        with_declared(|declared| {
            let mut projector = Projector::new(&profile, declared);
            let (mut out, mut held_max) = (Vec::new(), 0);
            for (fed, piece) in document.chunks(piece_bytes).enumerate() {
                projector.feed(piece, &mut out).unwrap();
                if fed * piece_bytes > 1000 {
                    held_max = held_max.max((fed * piece_bytes).saturating_sub(out.len()));
                }
            }
            let projected = projector.end(&mut out).unwrap();
            assert_eq!((out, projected.manifest), (whole.document.clone(), whole.manifest.clone()));
            assert!(held_max < 1000, "{held_max} bytes of pixels are held back");
        });
    }
}

#[test]
fn the_subject_is_the_declared_one_and_its_issuer_too() {
    let by_issuer = profile(
        "profile = \"p\"\nversion = \"1\"\nformat = \"dicom\"\non_excess = \"strip\"\n[subject]\npaths = [\"PatientID\"]\n\
         systems = { \"https://fhir.ee/sid/pid/est/ni\" = \"EE\" }\n\
         [[keep]]\npath = \"Modality\"\ncategory = \"c\"\nground = \"x\"\n",
    );
    let about = |more: Vec<((u16, u16), Node)>| {
        let all = instance([((8, 0x60), text(Vr::CS, "CT"))].into_iter().chain(more));
        run(&by_issuer, &explicit(&all))
            .map(|projection| projection.subject)
            .map_err(|faults| faults[0].rule.to_string())
    };
    let issuer = |issuer: &str| ((0x10, 0x21), text(Vr::LO, issuer));
    let qualifiers =
        |id: &str| ((0x10, 0x24), Node::Items(vec![elements([((0x40, 0x32), text(Vr::UT, id))])]));
    assert_eq!(about(vec![issuer("EE")]), Ok(SubjectProof::ByIdentifier));
    assert_eq!(about(vec![qualifiers("EE")]), Ok(SubjectProof::ByIdentifier));
    assert_eq!(about(vec![issuer("HOSPITAL"), qualifiers("EE")]), Ok(SubjectProof::ByIdentifier));
    assert_eq!(about(vec![issuer("LV")]), Err("wrong-patient".into()));
    assert_eq!(about(vec![qualifiers("LV")]), Err("wrong-patient".into()));
    assert_eq!(about(vec![]), Err("subject-missing".into()));
    let wrong = |id: &str| about(vec![issuer("EE"), (PATIENT_ID, text(Vr::LO, id))]);
    assert_eq!(wrong("39901012239"), Err("wrong-patient".into()));
    assert_eq!(wrong(""), Err("subject-missing".into()));
    assert_eq!(wrong(&format!("{SUBJECT}\\1")), Err("several-subjects".into()));
}

#[test]
fn text_burned_into_pixels_does_not_leave_without_evidence() {
    let image = |burned_in: &str| {
        let burned_in = Some((BURNED_IN, text(Vr::CS, burned_in))).filter(|_| !burned_in.is_empty());
        explicit(&instance([(PIXELS, pixels())].into_iter().chain(burned_in)))
    };
    let strict = keeping("on_excess = \"strip\"", &[PIXELS_KEPT]);
    assert!(run(&strict, &image("NO")).is_ok());
    assert_eq!(refused(&strict, &image("YES")), ["burned-in-text"]);
    assert_eq!(refused(&strict, &image("")), ["burned-in-text"]);
    let lenient = strip(&[PIXELS_KEPT]);
    assert!(run(&lenient, &image("")).is_ok());
    assert_eq!(refused(&lenient, &image("YES")), ["burned-in-text"]);
    let released = strip(&[PIXELS_KEPT, ("PixelData", "kind = \"pixels\"\nrequires_evidence = \"release\"")]);
    assert_eq!(refused(&released, &image("YES")), ["burned-in-text"]);
    with_declared(|declared| {
        let declared = Declared { evidence: ["release"].into(), ..declared.clone() };
        assert!(project(&released, &declared, &image("YES")).is_ok());
    });
    // Without pixels there is nothing to burn text into.
    assert!(run(&strip(&[]), &image("YES")).is_ok());
}

#[test]
fn instances_of_other_classes_and_such_as_contradict_themselves_are_refused() {
    let all = instance([]);
    let ct = keeping(&format!("sop_classes = [\"{CLASS}\"]\non_excess = \"strip\""), &[]);
    let mr = keeping("sop_classes = [\"1.2.840.10008.5.1.4.1.1.4\"]\non_excess = \"strip\"", &[]);
    assert!(run(&ct, &explicit(&all)).is_ok());
    assert_eq!(refused(&mr, &explicit(&all)), ["wrong-resource"]);
    for tag in [SOP_CLASS, SOP_INSTANCE] {
        let mut other = all.clone();
        other.insert(tag, text(Vr::UI, "1.2.3.5"));
        assert_eq!(refused(&ct, &explicit(&other)), ["dicom-instance"]);
        other.remove(&tag);
        assert_eq!(refused(&ct, &explicit(&other)), ["dicom-instance"]);
    }
    assert_eq!(refused(&ct, &super::build::explicit(|_| {})), ["dicom-instance"]);
}

#[test]
fn what_would_stay_must_be_what_its_representation_says() {
    let profile = strip(&[("Modality", ""), ("PatientName", ""), ("TextValue", ""), PIXELS_KEPT]);
    let with = |tag, node| refused(&profile, &explicit(&instance([(tag, node)])));
    assert_eq!(with((8, 0x60), text(Vr::LO, "CT")), ["dicom-vr"]);
    assert_eq!(with(PIXELS, Node::Items(vec![])), ["dicom-vr"]);
    assert_eq!(with((0x10, 0x10), Node::Value(Vr::PN, b"J\xF5gi".to_vec())), ["dicom-text"]);
    assert_eq!(with((0x40, 0xA160), Node::Value(Vr::UT, vec![b' '; 2 << 20])), ["dicom-value-too-long"]);
    // What goes may be anything.
    assert!(
        run(&strip(&[]), &explicit(&instance([((0x10, 0x10), Node::Value(Vr::PN, b"J\xF5gi".to_vec()))])))
            .is_ok()
    );
}

#[test]
fn a_strict_profile_refuses_what_it_does_not_name_all_at_once() {
    let profile = keeping("", &[("RequestAttributesSequence.ScheduledProcedureStepID", "")]);
    let step = elements([((0x40, 7), text(Vr::LO, CANARY)), ((0x40, 9), text(Vr::SH, "1"))]);
    let all = instance([((0x10, 0x4000), text(Vr::LT, CANARY)), ((0x40, 0x275), Node::Items(vec![step]))]);
    let faults = run(&profile, &explicit(&all)).map(|_| ()).unwrap_err();
    assert_eq!(rules(&faults), ["not-in-profile", "not-in-profile"]);
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["PatientComments", "RequestAttributesSequence.ScheduledProcedureStepDescription"]);
}

#[test]
fn drops_win_and_required_elements_are_missed() {
    let profile = crate::tests::profile(
        "profile = \"p\"\nversion = \"1\"\nformat = \"dicom\"\non_excess = \"strip\"\n[subject]\npaths = []\n\
         [[keep]]\npath = \"{Modality,PatientComments}\"\ncategory = \"c\"\nground = \"x\"\nrequired = true\n\
         [[drop]]\npath = \"PatientComments\"\nwhy = \"free text\"\n",
    );
    let all = instance([((8, 0x60), text(Vr::CS, "")), ((0x10, 0x4000), text(Vr::LT, CANARY))]);
    assert_eq!(refused(&profile, &explicit(&all)), ["required-missing", "required-missing", "nothing-left"]);
}

#[test]
fn faults_of_profiles_say_where_and_what_was_meant() {
    let faults = Profile::parse(
        "p",
        "profile = \"p\"\nversion = \"1\"\nformat = \"dicom\"\nburned_in_unknown = \"alow\"\nsop_classes = [\"CT\"]\n[subject]\npaths = [\"PatientName\"]\n\
         [[keep]]\npath = \"{PatientNmae,PixelData}\"\ncategory = \"c\"\nground = \"x\"\n\
         [[keep]]\npath = \"ContentSequence\"\nkind = \"date\"\ncategory = \"c\"\nground = \"x\"\n",
    )
    .unwrap_err();
    let says: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        says,
        [
            "p, line 4, column 21: `burned_in_unknown` cannot be `alow`; did you mean `allow`?",
            "p, line 5, column 16: `CT` is no unique identifier: numbers parted by points",
            "p, line 7, column 10: DICOM names its subject in `PatientID`",
            "p, line 9, column 8: `PixelData` is bytes, not text: write `kind = \"pixels\"`",
            "p, line 9, column 8: in `PatientNmae`: `PatientNmae` is neither a keyword of DICOM nor a tag; did you mean `PatientName`?",
            "p, line 13, column 8: DICOM has dates as `20261122`: write `kind = \"timestamp\"`",
            "p, line 13, column 8: `ContentSequence` is a sequence; name what may stay in its items",
        ]
    );
}

/// Image files of others, through the profile of the image bank: who and what stay, the image to the bit.
#[test]
fn images_of_others_keep_their_pixels_and_lose_what_is_private() {
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES") else {
        return eprintln!("skipped: `CLEARANCE_SAMPLES` is not set");
    };
    let profile = profile(include_str!("../../../examples/image-bank.toml"));
    for (name, patient) in [("CT_small.dcm", "1CT1"), ("MR_small.dcm", "4MR1")] {
        let document = std::fs::read(std::path::Path::new(&samples).join("dicom").join(name)).unwrap();
        let subject =
            Identifier { system: crate::person::ESTONIAN_PERSONAL_CODE.into(), value: Private::new(patient) };
        let projection = with_declared(|declared| {
            let declared = Declared { subject: &subject, ..declared.clone() };
            project(&profile, &declared, &document).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"))
        });
        let (before, after) = (tree(&document), tree(&projection.document));
        assert_eq!(before[&PIXELS], after[&PIXELS]);
        for kept in [(0x10, 0x10), PATIENT_ID, (8, 0x60), (0x28, 0x10)] {
            assert_eq!(before.get(&kept), after.get(&kept), "{name} {kept:04X?}");
        }
        for (tag, node) in &after {
            assert_eq!(before.get(tag), Some(node));
            assert!(tag.0 % 2 == 0, "{name}: private {tag:04X?}");
        }
        for gone in [
            (0x10, 0x1040),
            (0x10, 0x21B0),
            (0x10, 0x4000),
            (0x10, 0x1000),
            (0x10, 0x2154),
            (0x10, 0x1050),
            (0x10, 0x21F0),
            (0x20, 0x4000),
        ] {
            assert!(!after.contains_key(&gone), "{name} {gone:04X?}");
        }
        assert!(after.len() < before.len());
    }
}

/// All files of `pydicom` that are read: what leaves is part of what came, with the same pixels, or the rule that
/// refuses them is known.
#[test]
fn whatever_is_read_is_projected_or_refused_by_a_rule() {
    let Some(folder) = std::env::var_os("CLEARANCE_PYDICOM") else {
        return println!("skipped: `CLEARANCE_PYDICOM` is not set");
    };
    let nobody =
        include_str!("../../../examples/image-bank.toml").replace("paths = [\"PatientID\"]", "paths = []");
    let profile = profile(&nobody);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for file in super::peers::files_below(std::path::Path::new(&folder)) {
        let document = std::fs::read(&file).unwrap();
        if super::read(Source::File, &Limits::default(), &document, 4096, |_| {}).is_err() {
            assert!(run(&profile, &document).is_err());
            continue;
        }
        let outcome = match run(&profile, &document) {
            Err(faults) => rules(&faults).join(" "),
            Ok(projection) => {
                let (before, after) = (tree(&document), tree(&projection.document));
                assert_eq!(before[&PIXELS], after[&PIXELS], "{}", file.display());
                for (tag, node) in &after {
                    let is_same = before.get(tag) == Some(node) || matches!(node, Node::Items(_));
                    assert!(is_same, "{}: {tag:04X?}", file.display());
                }
                let again = run(&profile, &projection.document).unwrap();
                assert!(again.document == projection.document, "{}", file.display());
                "leaves".to_owned()
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:#?}");
    assert!(outcomes["leaves"] > 60);
}
