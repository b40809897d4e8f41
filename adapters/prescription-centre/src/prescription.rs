//! What of a prescription the adapter goes by: read from ours as it leaves and from theirs in answers.
//!
//! It does not validate: the centre does, against a profile that it may change.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The identifier system of the centre's numbers.
pub(crate) const NUMBER_SYSTEM: &str =
    "https://fhir.ee/CodeSystem/tis-fhir-identifikaatorid/retseptikeskus-retsept";
const PROFESSIONAL_SYSTEM: &str = "https://fhir.ee/sid/pro/est/pho";
const EXTENSION: &str = "https://fhir.ee/StructureDefinition/ee-tis-";
/// What the centre and the delivery say of a prescription, and not its author.
const NOT_THE_AUTHOR_S: [&str; 4] = ["id", "meta", "identifier", "subject"];

/// A prescription, as JSON.
#[derive(Clone, PartialEq)]
pub(crate) struct Prescription(Value);

/// Whether one prescription is another, as far as the two tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    Same,
    Other,
    /// All that can be compared is the same, and not all can.
    Unclear,
}

/// Whether `text` has the form of a number of the centre.
pub(crate) fn is_number(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

impl Prescription {
    /// The prescription that `json` is.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(json).ok()?;
        (value.get("resourceType")? == "MedicationRequest").then_some(Self(value))
    }

    /// Its id at the centre.
    pub(crate) fn id(&self) -> Option<&str> {
        let is_id = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'))
        };
        self.text("/id").filter(is_id)
    }

    /// Its version at the centre.
    pub(crate) fn version(&self) -> Option<&str> {
        self.text("/meta/versionId").filter(|text| is_number(text))
    }

    /// The centre's number.
    pub(crate) fn number(&self) -> Option<&str> {
        let of_the_centre = |identifier: &&Value| text(identifier, "/system") == Some(NUMBER_SYSTEM);
        let identifier = self.items("/identifier").find(of_the_centre)?;
        text(identifier, "/value").filter(|text| is_number(text))
    }

    /// Its FHIR status.
    pub(crate) fn status(&self) -> Option<&str> {
        self.text("/status")
    }

    /// The code of why it is cancelled.
    pub(crate) fn status_reason(&self) -> Option<&str> {
        self.text("/statusReason/coding/0/code")
    }

    /// When it was written, as it says.
    pub(crate) fn authored_on(&self) -> Option<&str> {
        self.text("/authoredOn")
    }

    /// The index id of the patient.
    pub(crate) fn patient(&self) -> Option<&str> {
        let rest = self.text("/subject/reference")?.strip_prefix("Patient/")?;
        rest.split('/').next().filter(|id| !id.is_empty())
    }

    /// Whether it is one for a medicine without marketing authorisation.
    pub(crate) fn is_proposal(&self) -> bool {
        self.text("/intent") == Some("proposal")
    }

    /// The professional's code of who has written it.
    pub(crate) fn requester(&self) -> Option<&str> {
        self.professional(self.0.pointer("/requester")?)
    }

    /// The professional's codes of who has cancelled it; `None` for one who is not told.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Option<&str>> {
        self.items("/informationSource").map(|reference| self.professional(reference))
    }

    /// The professional's codes of who has changed it; `None` for one who is not told.
    pub(crate) fn changers(&self) -> impl Iterator<Item = Option<&str>> {
        let authors = self.extensions("prescription-change").flat_map(|change| {
            items(change, "/extension").filter(|part| text(part, "/url") == Some("changeAuthor"))
        });
        authors.map(|author| self.professional(author.get("valueReference")?))
    }

    /// The extensions of this name.
    pub(crate) fn extensions<'p>(&'p self, name: &'static str) -> impl Iterator<Item = &'p Value> {
        let is_it = move |extension: &&Value| {
            text(extension, "/url").and_then(|url| url.strip_prefix(EXTENSION)) == Some(name)
        };
        self.items("/extension").filter(is_it)
    }

    /// The medicine, where it is contained.
    pub(crate) fn medicine(&self) -> Option<&Value> {
        let id = self.text("/medication/reference/reference")?.strip_prefix('#')?;
        self.contained(id).filter(|resource| text(resource, "/resourceType") == Some("Medication"))
    }

    /// How many items the list `name` has.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.items(&format!("/{name}")).count()
    }

    /// The codes of the diagnoses.
    pub(crate) fn diagnoses(&self) -> impl Iterator<Item = &str> {
        self.items("/reason")
            .flat_map(|reason| items(reason, "/concept/coding"))
            .filter_map(|of| text(of, "/code"))
    }

    /// Whether `theirs` is what the centre has made of this one. The number tells them apart and is the centre's, so that it is
    /// told by who wrote what for whom when: the time is known to the second.
    pub(crate) fn became(&self, theirs: &Self) -> Likeness {
        let written = |of: &Self| of.authored_on().and_then(|text| text.parse::<Timestamp>().ok());
        let same_act = written(self).is_some()
            && written(self) == written(theirs)
            && self.requester() == theirs.requester()
            && self.diagnoses().eq(theirs.diagnoses());
        match (same_act, self.substances(), theirs.substances()) {
            (false, ..) => Likeness::Other,
            (true, Some(ours), Some(theirs)) if ours == theirs => Likeness::Same,
            (true, Some(_), Some(_)) => Likeness::Other,
            (true, ..) => Likeness::Unclear,
        }
    }

    /// Whether `theirs` says all that this one says. TIS may add, and gives times in its own zone.
    pub(crate) fn is_told_by(&self, theirs: &Self) -> bool {
        let Value::Object(members) = &self.0 else { return false };
        let own = members.iter().filter(|(name, _)| !NOT_THE_AUTHOR_S.contains(&name.as_str()));
        own.into_iter().all(|(name, value)| theirs.0.get(name).is_some_and(|theirs| repeats(value, theirs)))
    }

    /// The pack, the form, and the codes or recipes of what is in it.
    fn substances(&self) -> Option<BTreeSet<&str>> {
        let medicine = self.medicine()?;
        let packs = items(medicine, "/identifier").filter_map(|of| text(of, "/value"));
        let forms = items(medicine, "/doseForm/coding").filter_map(|of| text(of, "/code"));
        let concepts = items(medicine, "/ingredient").filter_map(|of| of.pointer("/item/concept"));
        let told = concepts.flat_map(|of| {
            let codes = items(of, "/coding").filter_map(|coding| text(coding, "/code"));
            codes.chain(text(of, "/text"))
        });
        Some(packs.chain(forms).chain(told).collect())
    }

    /// The professional's code in the contained role that `reference` refers to.
    fn professional(&self, reference: &Value) -> Option<&str> {
        let role = self.contained(text(reference, "/reference")?.strip_prefix('#')?)?;
        let identifier = role.pointer("/practitioner/identifier")?;
        (text(identifier, "/system") == Some(PROFESSIONAL_SYSTEM)).then(|| text(identifier, "/value"))?
    }

    fn contained(&self, id: &str) -> Option<&Value> {
        self.items("/contained").find(|resource| text(resource, "/id") == Some(id))
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        text(&self.0, pointer)
    }

    fn items(&self, pointer: &str) -> impl Iterator<Item = &Value> {
        items(&self.0, pointer)
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Whether `theirs` holds all that `ours` does: members may have been added, items neither added nor lost.
fn repeats(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.iter().all(|(name, value)| theirs.get(name).is_some_and(|theirs| repeats(value, theirs)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|item| theirs.iter().any(|theirs| repeats(item, theirs)))
        }
        (Value::String(ours), Value::String(theirs)) => ours == theirs || is_same_time(ours, theirs),
        (Value::Number(ours), Value::Number(theirs)) => ours.as_f64() == theirs.as_f64(),
        _ => ours == theirs,
    }
}

fn is_same_time(one: &str, other: &str) -> bool {
    matches!((one.parse::<Timestamp>(), other.parse::<Timestamp>()), (Ok(one), Ok(other)) if one == other)
}

/// One page of a search.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    resource_type: String,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
    url: String,
}

#[derive(Deserialize)]
struct Entry {
    resource: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    resource_type: String,
}

impl Page {
    /// The page that `json` is.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let page: Self = serde_json::from_slice(json).ok()?;
        (page.resource_type == "Bundle").then_some(page)
    }

    /// The prescriptions on it, each as it was written. What else is on it, such as an `OperationOutcome`, is none.
    pub(crate) fn prescriptions(&self) -> impl Iterator<Item = (Prescription, &RawValue)> {
        let resources = self.entry.iter().filter_map(|entry| entry.resource.as_deref());
        resources.filter_map(|raw| Some((Prescription::read(raw.get().as_bytes())?, raw)))
    }

    /// Whether there is nothing on it but prescriptions and what the search remarks on itself.
    pub(crate) fn is_whole(&self) -> bool {
        self.entry.iter().all(|entry| {
            let kind = entry.resource.as_ref().and_then(|raw| serde_json::from_str::<Kind>(raw.get()).ok());
            kind.is_some_and(|kind| ["MedicationRequest", "OperationOutcome"].contains(&&*kind.resource_type))
        })
    }

    /// The query of the next page, if there is one.
    pub(crate) fn next(&self) -> Option<&str> {
        let next = self.link.iter().find(|link| link.relation == "next")?;
        Some(next.url.split_once('?').map_or("", |(_, query)| query))
    }
}
