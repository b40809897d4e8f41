//! What of a health certificate tells whether two are the same: read from ours as it leaves and from theirs in answers.
//!
//! It does not validate: TIS does, against profiles that it may change.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

/// The identifier system of certificate numbers.
pub(crate) const NUMBER_SYSTEM: &str = "https://fhir.ee/hcert/health-certificate-number";
const SNOMED: &str = "http://snomed.info/sct";
const DECISION: &str = "419183001";
const RESTRICTION: &str = "146861000181105";
/// The positive decisions, for which EEHealthCertificateDriver demands a period.
const POSITIVE: [&str; 2] = ["171353001", "156861000181108"];

/// A health certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Its id in TIS.
    pub(crate) id: Option<String>,
    /// Its version in TIS.
    pub(crate) version: Option<String>,
    /// Its number.
    pub(crate) number: String,
    /// Its FHIR status.
    pub(crate) status: String,
    /// The index id of the person it is about.
    pub(crate) patient: Option<String>,
    /// When it was issued.
    pub(crate) date: String,
    /// The groups of vehicles it is for.
    pub(crate) groups: BTreeSet<String>,
    /// How long it holds: from and until.
    pub(crate) period: Option<(String, String)>,
    /// The code of the decision.
    pub(crate) decision: Option<String>,
    /// The codes of the restrictions, with their quantities as written.
    pub(crate) restrictions: BTreeSet<(String, Option<String>)>,
    /// The registry code of the organisation that issued it.
    pub(crate) organisation: Option<String>,
}

impl Certificate {
    /// The certificate that `json` is.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let composition: Composition = serde_json::from_slice(json).ok()?;
        composition.certificate()
    }

    /// Whether the decision is one that needs a period.
    pub(crate) fn needs_period(&self) -> bool {
        self.decision.as_deref().is_some_and(|code| POSITIVE.contains(&code))
    }

    /// Whether `other` says the same of the same person. TIS gives times in its own zone, so instants are compared.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        let same_period = match (&self.period, &other.period) {
            (None, None) => true,
            (Some((start, end)), Some((from, until))) => {
                is_same_time(start, from) && is_same_time(end, until)
            }
            _ => false,
        };
        same_period
            && self.number == other.number
            && self.status == other.status
            && self.groups == other.groups
            && self.decision == other.decision
            && self.restrictions == other.restrictions
    }
}

/// Two FHIR times: the same instant, or the same day where one of them has no zone.
fn is_same_time(one: &str, other: &str) -> bool {
    match (one.parse::<Timestamp>(), other.parse::<Timestamp>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.get(..10).is_some_and(|day| other.get(..10) == Some(day)),
    }
}

/// A search's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bundle {
    resource_type: String,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
}

#[derive(Deserialize)]
struct Entry {
    resource: Option<Composition>,
}

impl Bundle {
    /// The certificate with `number`; `Err` when the answer does not tell whether there is one.
    pub(crate) fn certificate(json: &[u8], number: &str) -> Result<Option<Certificate>, ()> {
        let bundle: Self = serde_json::from_slice(json).map_err(drop)?;
        if bundle.resource_type != "Bundle" {
            return Err(());
        }
        let resources = bundle.entry.into_iter().filter_map(|entry| entry.resource);
        let mut found = resources.filter_map(Composition::certificate).filter(|found| found.number == number);
        match found.next() {
            None if bundle.link.iter().any(|link| link.relation == "next") => Err(()),
            found => Ok(found),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composition {
    resource_type: String,
    id: Option<String>,
    meta: Option<Meta>,
    #[serde(default)]
    identifier: Vec<Identifier>,
    status: Option<String>,
    #[serde(default)]
    category: Vec<Concept>,
    #[serde(default)]
    subject: Vec<Reference>,
    date: Option<String>,
    #[serde(default)]
    event: Vec<Event>,
    #[serde(default)]
    contained: Vec<Contained>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    version_id: Option<String>,
}

#[derive(Deserialize)]
struct Identifier {
    system: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    reference: Option<String>,
}

#[derive(Deserialize, Default)]
struct Concept {
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    system: Option<String>,
    code: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    period: Option<Period>,
}

#[derive(Deserialize)]
struct Period {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contained {
    resource_type: String,
    code: Option<Concept>,
    value_codeable_concept: Option<Concept>,
    #[serde(default)]
    component: Vec<Component>,
    organization: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(default)]
    code: Concept,
    value_quantity: Option<Quantity>,
}

#[derive(Deserialize)]
struct Quantity {
    value: Option<serde_json::Number>,
}

impl Composition {
    fn certificate(self) -> Option<Certificate> {
        if self.resource_type != "Composition" {
            return None;
        }
        let observations = |code: &'static str| {
            let is_observation = |resource: &&Contained| resource.resource_type == "Observation";
            let has_code = move |resource: &&Contained| {
                resource.code.as_ref().and_then(|concept| concept.code(Some(SNOMED))) == Some(code)
            };
            self.contained.iter().filter(is_observation).filter(has_code)
        };
        let decision = observations(DECISION)
            .find_map(|resource| resource.value_codeable_concept.as_ref()?.code(None).map(str::to_owned));
        let restrictions = observations(RESTRICTION)
            .flat_map(|resource| &resource.component)
            .filter_map(Component::restriction)
            .collect();
        let organisation = self
            .contained
            .iter()
            .filter(|resource| resource.resource_type == "PractitionerRole")
            .find_map(|role| role.organization.as_ref()?.id_of("Organization"));
        let is_number = |identifier: &Identifier| identifier.system.as_deref() == Some(NUMBER_SYSTEM);
        Some(Certificate {
            patient: self.subject.iter().find_map(|subject| subject.id_of("Patient")),
            groups: self.category.iter().filter_map(|group| group.code(None).map(str::to_owned)).collect(),
            period: self.event.iter().find_map(|event| {
                let period = event.period.as_ref()?;
                Some((period.start.clone()?, period.end.clone()?))
            }),
            decision,
            restrictions,
            organisation,
            id: self.id,
            version: self.meta.and_then(|meta| meta.version_id),
            number: self.identifier.into_iter().find(is_number)?.value?,
            status: self.status?,
            date: self.date.unwrap_or_default(),
        })
    }
}

impl Concept {
    /// The first code, of `system` if one is given.
    fn code(&self, system: Option<&str>) -> Option<&str> {
        let of_system = |coding: &&Coding| system.is_none() || coding.system.as_deref() == system;
        self.coding.iter().filter(of_system).find_map(|coding| coding.code.as_deref())
    }
}

impl Component {
    fn restriction(&self) -> Option<(String, Option<String>)> {
        let quantity = self.value_quantity.as_ref().and_then(|quantity| quantity.value.as_ref());
        // As numbers, since `10` may come back as `10.0`.
        let quantity = quantity
            .map(|number| number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()));
        Some((self.code.code(None)?.to_owned(), quantity))
    }
}

impl Reference {
    /// The id in a reference to a resource of `kind`, whichever version it names.
    fn id_of(&self, kind: &str) -> Option<String> {
        let rest = self.reference.as_deref()?.strip_prefix(kind)?.strip_prefix('/')?;
        rest.split('/').next().filter(|id| !id.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{filed, final_certificate};
    use serde_json::json;

    fn read(value: &serde_json::Value) -> Certificate {
        Certificate::read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_certificate_is_the_same_in_whichever_zone_its_times_are_given() {
        let ours = read(&final_certificate());
        let mut theirs = filed("500", &final_certificate());
        theirs["event"][0]["period"]["start"] = json!("2026-11-22T02:00:00.000+02:00");
        assert!(ours.says_the_same_as(&read(&theirs)));
        theirs["event"][0]["period"]["start"] = json!("2026-11-22T02:00:01.000+02:00");
        assert!(!ours.says_the_same_as(&read(&theirs)));
    }

    #[test]
    fn a_quantity_is_the_same_however_it_is_written() {
        let with_quantity = |value: &str| {
            let mut certificate = final_certificate();
            let value: serde_json::Number = serde_json::from_str(value).unwrap();
            certificate["contained"][2]["component"][0]["valueQuantity"] = json!({ "value": value });
            read(&certificate)
        };
        assert!(with_quantity("10").says_the_same_as(&with_quantity("10.0")));
        assert!(!with_quantity("10").says_the_same_as(&with_quantity("10.5")));
    }

    #[test]
    fn another_decision_restriction_status_or_number_is_another_certificate() {
        let ours = read(&final_certificate());
        for (pointer, value) in [
            ("/status", "preliminary"),
            ("/identifier/0/value", "HCERT-2"),
            ("/category/0/coding/0/code", "driver-group-II"),
            ("/contained/1/valueCodeableConcept/coding/0/code", "160910001"),
            ("/contained/2/component/0/code/coding/0/code", "00.99"),
        ] {
            let mut theirs = final_certificate();
            *theirs.pointer_mut(pointer).unwrap() = json!(value);
            assert!(!ours.says_the_same_as(&read(&theirs)), "{pointer}");
        }
    }

    #[test]
    fn a_search_with_more_pages_does_not_tell_that_there_is_none() {
        let bundle = |relation: &str| {
            json!({ "resourceType": "Bundle", "link": [ { "relation": relation } ],
                "entry": [ { "resource": filed("500", &final_certificate()) } ] })
            .to_string()
        };
        assert!(Bundle::certificate(bundle("self").as_bytes(), "HCERT-1").unwrap().is_some());
        assert_eq!(Bundle::certificate(bundle("self").as_bytes(), "HCERT-2"), Ok(None));
        assert!(Bundle::certificate(bundle("next").as_bytes(), "HCERT-2").is_err());
    }
}
