//! The same promise, told slowly: for every value alone, whether some path keeps it. It shares the reading of profiles and of
//! single values with the product, and nothing else: no tape, no automaton, no passes.

use std::collections::BTreeSet;

use super::*;
use crate::path::{self, Path, Predicate, Step};
use crate::value::Scalar;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Name(String),
    Index(usize),
}

type Place = Vec<Segment>;

/// An element on the way to a value: its name, and where it is.
struct Element {
    name: String,
    place: Place,
}

pub(super) struct Oracle<'o> {
    document: &'o Value,
    profile: &'o Profile,
    evidence: BTreeSet<&'o str>,
    paths: Vec<Path>,
    drops: Vec<Path>,
}

impl<'o> Oracle<'o> {
    pub(super) fn new(document: &'o Value, profile: &'o Profile, evidence: &[&'o str]) -> Self {
        Self {
            document,
            profile,
            evidence: evidence.iter().copied().collect(),
            paths: profile.paths.iter().map(|kept| path::parse(&kept.text).unwrap()).collect(),
            drops: profile.drops.iter().map(|drop| path::parse(&drop.text).unwrap()).collect(),
        }
    }

    /// What should leave.
    pub(super) fn output(&self) -> Value {
        let mut leaves = Vec::new();
        leaves_of(self.document, &mut Vec::new(), &mut leaves);
        let mut stays: BTreeSet<Place> = leaves.iter().filter(|leaf| self.stays(leaf)).cloned().collect();
        loop {
            let lost: Vec<Place> =
                stays.iter().filter(|leaf| !self.survives(leaf, &stays)).cloned().collect();
            if lost.is_empty() {
                break;
            }
            for leaf in lost {
                stays.remove(&leaf);
            }
        }
        self.unreached(&stays).iter().for_each(|leaf| {
            stays.remove(leaf);
        });
        let labels =
            leaves.iter().filter(|leaf| !stays.contains(*leaf) && self.labels_something(leaf, &stays));
        let alive: BTreeSet<Place> = stays.iter().cloned().chain(labels.cloned()).collect();
        self.only(self.document, &mut Vec::new(), &alive).unwrap_or(Value::Null)
    }

    fn stays(&self, leaf: &Place) -> bool {
        let Some(elements) = self.way(leaf) else { return false };
        if self.is_implied(&elements) {
            return false;
        }
        self.paths.iter().enumerate().any(|(index, path)| {
            self.leads(&path.steps, &elements)
                && self.accepts(index, leaf)
                && self.named_label(path).is_none()
        })
    }

    fn accepts(&self, index: usize, leaf: &Place) -> bool {
        let entry = self.profile.entry_of(index).unwrap();
        let value = match self.at(leaf) {
            Value::String(text) => Scalar::Text(text),
            Value::Number(number) => {
                let text = number.to_string();
                return entry.is_active(&self.evidence)
                    && entry.conditions.breach(&Scalar::Number(&text)).is_none();
            }
            Value::Bool(is) => Scalar::Boolean(*is),
            _ => Scalar::Null,
        };
        // The documents made here name only declared persons where `equals` asks.
        entry.is_active(&self.evidence) && entry.conditions.breach(&value).is_none()
    }

    /// Whether a reference still has its target, and a contained resource its content.
    fn survives(&self, leaf: &Place, stays: &BTreeSet<Place>) -> bool {
        let Some(id) =
            self.at(leaf).as_str().filter(|_| is_reference(leaf)).and_then(|text| text.strip_prefix('#'))
        else {
            return true;
        };
        id.is_empty()
            || self.contained(id).is_some_and(|target| stays.iter().any(|leaf| leaf.starts_with(&target)))
    }

    /// What stands in contained resources that nothing leads to.
    fn unreached(&self, stays: &BTreeSet<Place>) -> Vec<Place> {
        let inside = |leaf: &Place| matches!(leaf.first(), Some(Segment::Name(name)) if name == "contained");
        let mut reached: BTreeSet<Place> = BTreeSet::new();
        loop {
            let live = stays
                .iter()
                .filter(|leaf| !inside(leaf) || reached.iter().any(|target| leaf.starts_with(target)));
            let references = live.filter(|leaf| is_reference(leaf));
            let ids = references.filter_map(|leaf| self.at(leaf).as_str()?.strip_prefix('#'));
            let next: BTreeSet<Place> = ids.filter_map(|id| self.contained(id)).collect();
            if next == reached {
                break;
            }
            reached = next;
        }
        let gone = stays
            .iter()
            .filter(|leaf| inside(leaf) && !reached.iter().any(|target| leaf.starts_with(target)));
        gone.cloned().collect()
    }

    fn contained(&self, id: &str) -> Option<Place> {
        let mut place = vec![Segment::Name("contained".into())];
        let resources = match &self.document["contained"] {
            Value::Array(resources) => {
                resources.iter().enumerate().map(|(n, item)| (Some(n), item)).collect()
            }
            other => vec![(None, other)],
        };
        let (index, _) = resources.into_iter().find(|(_, item)| item["id"] == id)?;
        place.extend(index.map(Segment::Index));
        let way = self.way(&place)?;
        let is_led_to =
            self.paths.iter().any(|path| self.leads(path.steps.get(..1).unwrap_or_default(), &way));
        (is_led_to && !self.is_dropped(&way)).then_some(place)
    }

    fn labels_something(&self, leaf: &Place, stays: &BTreeSet<Place>) -> bool {
        let Some(elements) = self.way(leaf) else { return false };
        let owns = |owner: &[Segment]| stays.iter().any(|stay| stay.starts_with(owner));
        self.owners(leaf, &elements).iter().any(|owner| owns(owner))
    }

    /// The elements that this value would name.
    fn owners(&self, leaf: &Place, elements: &[Element]) -> Vec<Place> {
        let mut owners = Vec::new();
        if self.is_implied(elements) {
            let above = elements.len().checked_sub(2).map(|above| elements[above].place.clone());
            return vec![above.unwrap_or_default()];
        }
        for (index, path) in self.paths.iter().enumerate() {
            if let Some(depth) = self.named_label(path)
                && self.leads(&path.steps, elements)
                && self.accepts(index, leaf)
            {
                owners.push(elements[depth].place.clone());
            }
            for depth in 0..path.steps.len().min(elements.len() - 1) {
                let names: Vec<&str> =
                    elements[depth + 1..].iter().map(|element| element.name.as_str()).collect();
                let is_tested = |predicate: &Predicate| self.is_tested(predicate, &names, leaf);
                if self.leads(&path.steps[..=depth], &elements[..=depth])
                    && path.steps[depth].predicates.iter().any(is_tested)
                {
                    owners.push(elements[depth].place.clone());
                }
            }
        }
        owners
    }

    fn is_tested(&self, predicate: &Predicate, names: &[&str], leaf: &Place) -> bool {
        let is = |wanted: &str| scalar(self.at(leaf)).as_deref() == Some(wanted);
        match predicate {
            Predicate::Child { names: wanted, value } => names == wanted.as_slice() && is(value),
            Predicate::Code(code) => {
                let places =
                    [&["code"][..], &["coding", "code"], &["code", "code"], &["code", "coding", "code"]];
                places.contains(&names) && is(code)
            }
            Predicate::Token { system, code } => {
                let Some((last, above)) = names.split_last() else { return false };
                let coding = self.at(&leaf[..leaf.len() - 1]);
                let places = [&[][..], &["coding"], &["code"], &["code", "coding"]];
                places.contains(&above)
                    && ["system", "code"].contains(last)
                    && coding["system"] == system.as_str()
                    && coding["code"] == code.as_str()
            }
            Predicate::Node { .. } => false,
        }
    }

    /// The step whose element this path only names.
    fn named_label(&self, path: &Path) -> Option<usize> {
        (0..path.steps.len()).find(|depth| {
            let by_code = |predicate: &Predicate| !matches!(predicate, Predicate::Child { .. });
            let next = path.steps.get(depth + 1).is_some_and(|next| next.name == "code");
            let others =
                self.paths.iter().filter(|other| other.steps.get(..=*depth) == path.steps.get(..=*depth));
            path.steps[*depth].predicates.iter().any(by_code)
                && next
                && path.steps.len() > depth + 2
                && others.filter_map(|other| other.steps.get(depth + 1)).any(|step| step.name != "code")
        })
    }

    /// A resource type that the profile names, or the id of a contained resource.
    fn is_implied(&self, elements: &[Element]) -> bool {
        let Some((last, above)) = elements.split_last() else { return false };
        if !self.at(&last.place).is_string() || last.place.last() != Some(&Segment::Name(last.name.clone())) {
            return false;
        }
        let is_typed = above.is_empty()
            || self.paths.iter().any(|path| {
                let step = path.steps.get(above.len() - 1);
                step.is_some_and(|step| step.of_type.is_some())
                    && self.leads(&path.steps[..above.len()], above)
            });
        let is_contained = above.len() == 1 && above[0].name == "contained";
        (is_typed && last.name == "resourceType") || (is_contained && is_typed && last.name == "id")
    }

    fn leads(&self, steps: &[Step], elements: &[Element]) -> bool {
        steps.len() == elements.len()
            && steps
                .iter()
                .zip(elements)
                .all(|(step, element)| step.name == element.name && self.holds(step, &element.place))
    }

    fn holds(&self, step: &Step, place: &[Segment]) -> bool {
        let element = self.at(place);
        let is_typed =
            step.of_type.as_ref().is_none_or(|of_type| element["resourceType"] == of_type.as_str());
        is_typed
            && step.predicates.iter().all(|predicate| match predicate {
                Predicate::Child { names, value } => {
                    let found = below(element, names);
                    !found.is_empty() && found.iter().all(|found| scalar(found).as_deref() == Some(value))
                }
                Predicate::Code(code) => is_coded(element, None, code),
                Predicate::Token { system, code } => is_coded(element, Some(system), code),
                Predicate::Node { .. } => false,
            })
    }

    /// The elements down to a place; `None` where no path can lead.
    fn way(&self, place: &[Segment]) -> Option<Vec<Element>> {
        let mut elements: Vec<Element> = Vec::new();
        for (depth, segment) in place.iter().enumerate() {
            let here = place[..=depth].to_vec();
            match segment {
                Segment::Name(name) => elements.push(Element { name: name.clone(), place: here }),
                Segment::Index(_) => {
                    let last = elements.last_mut()?;
                    if last.name.starts_with('_') || matches!(last.place.last(), Some(Segment::Index(_))) {
                        return None;
                    }
                    last.place = here;
                }
            }
        }
        // What names a resource is settled before its own drops are asked.
        let asked = elements.len() - usize::from(self.is_implied(&elements));
        (!self.is_dropped(&elements[..asked])).then_some(elements)
    }

    fn is_dropped(&self, elements: &[Element]) -> bool {
        let upto = |depth: usize| &elements[..depth];
        self.drops.iter().any(|drop| (1..=elements.len()).any(|depth| self.leads(&drop.steps, upto(depth))))
    }

    fn at(&self, place: &[Segment]) -> &'o Value {
        place.iter().fold(self.document, |value, segment| match segment {
            Segment::Name(name) => &value[name.as_str()],
            Segment::Index(index) => &value[*index],
        })
    }

    fn only(&self, value: &Value, place: &mut Place, alive: &BTreeSet<Place>) -> Option<Value> {
        let mut inside = |segment, value| {
            place.push(segment);
            let kept = self.only(value, place, alive);
            place.pop();
            kept
        };
        match value {
            Value::Object(members) => {
                let kept = members.iter().filter_map(|(name, value)| {
                    Some((name.clone(), inside(Segment::Name(name.clone()), value)?))
                });
                let kept: serde_json::Map<_, _> = kept.collect();
                (!kept.is_empty()).then_some(Value::Object(kept))
            }
            Value::Array(items) => {
                let kept =
                    items.iter().enumerate().filter_map(|(index, item)| inside(Segment::Index(index), item));
                let kept: Vec<_> = kept.collect();
                (!kept.is_empty()).then_some(Value::Array(kept))
            }
            scalar => alive.contains(place).then(|| scalar.clone()),
        }
    }
}

/// Whether the value is called `reference`, alone or as an item.
fn is_reference(leaf: &Place) -> bool {
    let name = leaf.iter().rev().find(|segment| matches!(segment, Segment::Name(_)));
    name == Some(&Segment::Name("reference".into()))
}

fn leaves_of(value: &Value, place: &mut Place, leaves: &mut Vec<Place>) {
    let mut inside = |segment, value| {
        place.push(segment);
        leaves_of(value, place, leaves);
        place.pop();
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| inside(Segment::Name(name.clone()), value))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| inside(Segment::Index(index), item))
        }
        _ => leaves.push(place.clone()),
    }
}

pub(super) fn count_leaves(document: &Value) -> usize {
    let mut leaves = Vec::new();
    leaves_of(document, &mut Vec::new(), &mut leaves);
    leaves.len()
}

fn items(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

fn below<'v>(value: &'v Value, names: &[String]) -> Vec<&'v Value> {
    names.iter().fold(vec![value], |found, name| {
        found.into_iter().filter_map(|value| value.as_object()?.get(name)).flat_map(items).collect()
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn is_coded(element: &Value, system: Option<&str>, code: &str) -> bool {
    let own = &element["code"];
    let codings = if own.is_object() {
        own.get("coding").map_or_else(|| vec![own], items)
    } else if element.as_object().is_some_and(|members| members.contains_key("code")) {
        vec![element]
    } else {
        items(&element["coding"])
    };
    let read = |coding: &Value| {
        Some((coding["system"].as_str().map(str::to_owned), coding["code"].as_str()?.to_owned()))
    };
    let codings: Vec<_> = codings.into_iter().filter_map(read).collect();
    let Some((of, _)) =
        codings.iter().find(|(of, its)| its == code && (system.is_none() || of.as_deref() == system))
    else {
        return false;
    };
    codings.iter().filter(|(other, _)| other == of).all(|(_, its)| its == code)
}
