//! A second, slow projection over a tree, written without the walk; on random instances both must agree.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::tree::*;
use crate::dicom::{Tag, Vr};
use crate::tests::{profile, with_declared};
use crate::{Profile, Projector, project};

const TOKEN: &str = "CANARY";
/// Paths, and the values to which they are bound, if they are.
const KEEPS: [(&str, bool); 12] = [
    ("Modality", true),
    ("PatientName", false),
    ("CodeMeaning", true),
    ("RequestAttributesSequence.CodeValue", false),
    ("RequestAttributesSequence[CodeValue=a].CodeMeaning", false),
    ("ContentSequence[ConceptNameCodeSequence.CodeValue=a].TextValue", true),
    ("ContentSequence[CodeValue=b].ContentSequence.TextValue", false),
    ("ContentSequence.ContentSequence[CodeValue=a].ConceptNameCodeSequence.CodeMeaning", true),
    ("ContentSequence.ConceptNameCodeSequence.{CodeValue,CodeMeaning}", true),
    ("ContentSequence[CodeValue=a][CodeMeaning=b].ConceptNameCodeSequence[CodeValue=b].CodeMeaning", false),
    ("ConceptNameCodeSequence[CodeValue=a].ContentSequence.ContentSequence.TextValue", false),
    ("TextValue", false),
];
const LEAVES: [(u16, u16, Vr); 8] = [
    (0x0008, 0x0060, Vr::CS),
    (0x0008, 0x0100, Vr::SH),
    (0x0008, 0x0104, Vr::LO),
    (0x0009, 0x0010, Vr::LO),
    (0x0009, 0x1001, Vr::UT),
    (0x0010, 0x0010, Vr::PN),
    (0x0010, 0x4000, Vr::LT),
    (0x0040, 0xA160, Vr::UT),
];
const SEQUENCES: [(u16, u16); 3] = [(0x0040, 0x0275), (0x0040, 0xA043), (0x0040, 0xA730)];

fn leaves() -> impl Strategy<Value = Elements> {
    let value = prop_oneof![
        4 => Just("a"),
        2 => Just("b"),
        3 => select(&["a\\b", "", TOKEN][..]),
    ];
    let leaf = (select(&LEAVES[..]), value)
        .prop_map(|((group, element, vr), value)| ((group, element), text(vr, value)));
    prop::collection::vec(leaf, 1..7).prop_map(elements)
}

fn items() -> impl Strategy<Value = Elements> {
    leaves().prop_recursive(4, 150, 6, move |inside| {
        let sequence = (select(&SEQUENCES[..]), prop::collection::vec(inside, 1..4))
            .prop_map(|(tag, items)| (tag, Node::Items(items)));
        (leaves(), prop::collection::vec(sequence, 1..4))
            .prop_map(|(leaves, sequences)| leaves.into_iter().chain(sequences).collect())
    })
}

#[derive(Debug, Clone)]
struct Step {
    tag: (u16, u16),
    /// Paths of tags, and what every value there must be.
    tests: Vec<(Vec<(u16, u16)>, String)>,
}

fn tag(word: &str) -> (u16, u16) {
    let tag = Tag::of_keyword(word).unwrap();
    (tag.group(), tag.element())
}

/// The steps of a path without braces.
fn steps(path: &str) -> Vec<Step> {
    let mut depth = 0;
    let parts = path.split(|c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == '.' && depth == 0
    });
    let step = |part: &str| {
        let mut words = part.split(['[', ']']).filter(|word| !word.is_empty());
        let own = tag(words.next().unwrap());
        let test = |word: &str| {
            let (names, value) = word.split_once('=').unwrap();
            (names.split('.').map(tag).collect(), value.to_owned())
        };
        Step { tag: own, tests: words.map(test).collect() }
    };
    parts.map(step).collect()
}

fn value_of(node: &Node) -> &str {
    let Node::Value(_, bytes) = node else { unreachable!() };
    std::str::from_utf8(bytes).unwrap().trim_end()
}

/// Whether a backslash is a character of the value.
fn is_one_value(node: &Node) -> bool {
    matches!(node, Node::Value(Vr::LT | Vr::UT, _))
}

/// The values at `names` below `item`.
fn values<'e>(item: &'e Elements, names: &[(u16, u16)]) -> Vec<&'e str> {
    let Some((first, rest)) = names.split_first() else { return Vec::new() };
    match item.get(first) {
        Some(Node::Items(items)) => items.iter().flat_map(|item| values(item, rest)).collect(),
        Some(node) if rest.is_empty() => vec![value_of(node)],
        _ => Vec::new(),
    }
}

fn holds(step: &Step, item: &Elements) -> bool {
    step.tests.iter().all(|(names, value)| {
        let values = values(item, names);
        !values.is_empty() && values.iter().all(|own| own == value)
    })
}

/// What paths lead on from an item, and what was tested of the items around it.
#[derive(Default, Clone)]
struct Active {
    paths: Vec<(Vec<Step>, bool)>,
    labels: Vec<Tested>,
}

/// The rest of the way to a value that was tested, the value, and how deep the item stands that it picked.
type Tested = (Vec<(u16, u16)>, String, usize);

/// What is left of an item at `depth`, and of how outer an item it holds labels at least: 0 means that a value stays.
fn left(item: &Elements, active: &Active, depth: usize) -> (Elements, usize) {
    let (mut kept, mut life) = (Elements::new(), usize::MAX);
    for (tag, node) in item {
        if let Node::Items(items) = node {
            let mut stay = Vec::new();
            for inner in items {
                let mut below = Active::default();
                for (steps, bound) in &active.paths {
                    let Some((step, rest)) = steps.split_first() else { continue };
                    if step.tag == *tag && holds(step, inner) {
                        below.paths.push((rest.to_vec(), *bound));
                        let own =
                            |(names, value): &(Vec<_>, String)| (names.clone(), value.clone(), depth + 1);
                        below.labels.extend(step.tests.iter().map(own));
                    }
                }
                for (names, value, owner) in &active.labels {
                    if let Some((first, rest)) = names.split_first()
                        && first == tag
                    {
                        below.labels.push((rest.to_vec(), value.clone(), *owner));
                    }
                }
                let (inner, inner_life) = left(inner, &below, depth + 1);
                // Labels of an item do not keep that item.
                if inner_life <= depth + 1 {
                    stay.push(inner);
                    life = life.min(inner_life);
                }
            }
            if !stay.is_empty() {
                kept.insert(*tag, Node::Items(stay));
            }
            continue;
        }
        let value = value_of(node);
        let ends = active.paths.iter().filter(|(steps, _)| steps.len() == 1 && steps[0].tag == *tag);
        let mut ends = ends.peekable();
        let is_led_to = ends.peek().is_some();
        let parts = |c| c == '\\' && !is_one_value(node);
        let fits = |bound: bool| !bound || value.split(parts).all(|value| ["a", "b"].contains(&value));
        let stays = ends.any(|(_, bound)| fits(*bound));
        let label =
            active.labels.iter().filter(|(names, wanted, _)| names.as_slice() == [*tag] && wanted == value);
        let label = label.map(|(_, _, owner)| owner + 1).min();
        let own = match (value.is_empty(), stays, label) {
            (true, ..) if is_led_to => depth + 1,
            (true, ..) => continue,
            (_, true, _) => 0,
            (_, false, Some(life)) => life,
            _ => continue,
        };
        kept.insert(*tag, node.clone());
        life = life.min(own);
    }
    (kept, life)
}

fn profile_of(keeps: &[(&str, bool)]) -> Profile {
    let head = "profile = \"p\"\nversion = \"1\"\nformat = \"dicom\"\non_excess = \"strip\"\n[subject]\npaths = []\n";
    let keep = |(path, bound): &(&str, bool)| {
        let one_of = if *bound { "one_of = [\"a\", \"b\"]" } else { "" };
        format!("[[keep]]\npath = '{path}'\ncategory = \"c\"\nground = \"x\"\n{one_of}\n")
    };
    profile(&format!("{head}{}", keeps.iter().map(keep).collect::<String>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_projection_is_that_of_a_slow_reader(
        body in items(),
        keeps in subsequence(KEEPS.to_vec(), 3..=KEEPS.len()),
        has_lengths in any::<bool>(),
        piece_bytes in 1..200_usize,
    ) {
        let mut active = Active::default();
        for (path, bound) in &keeps {
            for path in crate::path::alternatives(path, "\"").unwrap() {
                active.paths.push((steps(&path), *bound));
            }
        }
        let profile = profile_of(&keeps);
        let (mut expected, life) = left(&body, &active, 0);
        let mut all = body;
        for (tag, uid) in [(SOP_CLASS, CLASS), (SOP_INSTANCE, INSTANCE)] {
            all.insert(tag, text(Vr::UI, uid));
            expected.insert(tag, text(Vr::UI, uid));
        }
        let mut document = head(super::build::EXPLICIT);
        write(&all, has_lengths, &mut document);
        let all_bound: Vec<_> = keeps.iter().map(|(path, _)| (*path, true)).collect();
        if let Ok(bound) = with_declared(|declared| project(&profile_of(&all_bound), declared, &document.0)) {
            prop_assert!(!String::from_utf8_lossy(&bound.document).contains(TOKEN));
        }
        let projected = with_declared(|declared| project(&profile, declared, &document.0));
        if life > 0 {
            prop_assert_eq!(&projected.map(|_| ()).unwrap_err()[0].rule, "nothing-left");
            return Ok(());
        }
        let projection = projected.unwrap();
        prop_assert_eq!(tree(&projection.document), expected);
        let again = with_declared(|declared| project(&profile, declared, &projection.document)).unwrap();
        prop_assert_eq!(&again.document, &projection.document);
        let out = with_declared(|declared| {
            let (mut projector, mut out) = (Projector::new(&profile, declared), Vec::new());
            document.0.chunks(piece_bytes).for_each(|piece| projector.feed(piece, &mut out).unwrap());
            assert_eq!(projector.end(&mut out).unwrap().manifest, projection.manifest);
            out
        });
        prop_assert_eq!(out, projection.document);
    }
}
