//! The answer to a request to store (PS3.18 §10.5.3, PS3.3 Store Instances Response Module): what became of each instance.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::dicom_json::{Attribute, Unreadable};
use crate::instance::{Instance, Uid};

/// What became of the instances of a request.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    referenced: BTreeMap<Uid, (Uid, Option<u16>)>,
    failed: BTreeMap<Uid, Option<u16>>,
    study: Option<Uid>,
}

/// What became of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is stored, perhaps with a warning (0008,1196).
    Stored { warning: Option<u16> },
    /// It is not stored, for this reason (0008,1197).
    Failed { reason: Option<u16> },
    /// The answer does not say, or says both.
    Unsaid,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "00081190")]
    retrieve_url: Option<Attribute<String>>,
    #[serde(rename = "00081198")]
    failed: Option<Attribute<Item>>,
    #[serde(rename = "00081199")]
    referenced: Option<Attribute<Item>>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "00081150")]
    class: Option<Attribute<Uid>>,
    #[serde(rename = "00081155")]
    uid: Attribute<Uid>,
    #[serde(rename = "00081196")]
    warning: Option<Attribute<u16>>,
    #[serde(rename = "00081197")]
    reason: Option<Attribute<u16>>,
}

impl Stored {
    /// Reads an answer.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let response: Response = serde_json::from_slice(body).map_err(|_| Unreadable)?;
        let mut stored = Self { study: response.retrieve_url.and_then(study), ..Self::default() };
        for item in items(response.referenced)? {
            let class = item.class.ok_or(Unreadable)?.one("UI")?;
            let said = (class, number(item.warning)?);
            if stored.referenced.insert(item.uid.one("UI")?, said).is_some() {
                return Err(Unreadable);
            }
        }
        for item in items(response.failed)? {
            if stored.failed.insert(item.uid.one("UI")?, number(item.reason)?).is_some() {
                return Err(Unreadable);
            }
        }
        Ok(stored)
    }

    /// Whether it says anything about any instance.
    pub(crate) fn says_something(&self) -> bool {
        !self.referenced.is_empty() || !self.failed.is_empty()
    }

    /// What became of `instance`.
    pub(crate) fn fate(&self, instance: &Instance) -> Fate {
        match (self.referenced.get(&instance.uid), self.failed.get(&instance.uid)) {
            (Some((class, warning)), None) if *class == instance.class => Fate::Stored { warning: *warning },
            (None, Some(reason)) => Fate::Failed { reason: *reason },
            _ => Fate::Unsaid,
        }
    }

    /// The study under which the image bank retrieves them, where it says so.
    pub(crate) const fn study(&self) -> Option<&Uid> {
        self.study.as_ref()
    }
}

fn items(sequence: Option<Attribute<Item>>) -> Result<Vec<Item>, Unreadable> {
    sequence.map_or_else(|| Ok(Vec::new()), |sequence| sequence.all("SQ"))
}

fn number(attribute: Option<Attribute<u16>>) -> Result<Option<u16>, Unreadable> {
    attribute.map(|attribute| attribute.one("US")).transpose()
}

/// Of the address only the study is taken, and only if it is a UID: the rest is the image bank's words.
fn study(url: Attribute<String>) -> Option<Uid> {
    let url = url.one("UR").ok()?;
    let (_, study) = url.rsplit_once("/studies/")?;
    Uid::try_from(study.split('/').next()?.to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{CT, failed, instance, referenced};

    fn read(body: &Value) -> Result<Stored, Unreadable> {
        Stored::read(body.to_string().as_bytes())
    }

    #[test]
    fn each_instance_has_its_fate() {
        let mut answer = json!({ "00081199": { "vr": "SQ", "Value": [ referenced("1.1"), referenced("1.4") ] },
            "00081198": { "vr": "SQ", "Value": [ failed("1.2", 0x0122), failed("1.4", 0x0110) ] },
            "00081190": { "vr": "UR", "Value": ["https://bank.example/dicom-web/studies/1.9"] } });
        answer["00081199"]["Value"][0]["00081196"] = json!({ "vr": "US", "Value": [0xb000] });
        let stored = read(&answer).unwrap();
        assert_eq!(stored.fate(&instance("1.1")), Fate::Stored { warning: Some(0xb000) });
        assert_eq!(stored.fate(&instance("1.2")), Fate::Failed { reason: Some(0x0122) });
        assert_eq!(stored.fate(&instance("1.3")), Fate::Unsaid);
        assert_eq!(stored.fate(&instance("1.4")), Fate::Unsaid, "both");
        assert_eq!(stored.study().map(Uid::as_str), Some("1.9"));
        let other = Instance { class: Uid::try_from(format!("{CT}.9")).unwrap(), ..instance("1.1") };
        assert_eq!(stored.fate(&other), Fate::Unsaid, "of another class");
    }

    #[test]
    fn what_is_not_such_an_answer_says_nothing() {
        let item = referenced("1.1");
        for bad in [
            json!([]),
            json!({ "00081199": [] }),
            json!({ "00081199": { "vr": "UI", "Value": [item] } }),
            json!({ "00081199": { "vr": "SQ", "Value": [item], "BulkDataURI": "https://bank.example" } }),
            json!({ "00081199": { "vr": "SQ", "Value": [item, item] } }),
            json!({ "00081199": { "vr": "SQ", "Value": [{ "00081155": { "vr": "UI", "Value": ["1.1"] } }] } }),
            json!({ "00081198": { "vr": "SQ", "Value": [{ "00081155": { "vr": "UI", "Value": ["1.1", "1.2"] } }] } }),
            json!({ "00081198": { "vr": "SQ", "Value": [{ "00081155": { "vr": "UI", "Value": ["../1"] } }] } }),
            json!({ "00081198": { "vr": "SQ", "Value": [failed("1.1", 70_000)] } }),
        ] {
            assert_eq!(read(&bad).unwrap_err(), Unreadable, "{bad}");
        }
        let twice = format!(r#"{{"00081198":{{"vr":"SQ"}},"00081198":{{"vr":"SQ","Value":[{item}]}}}}"#);
        assert_eq!(Stored::read(twice.as_bytes()).unwrap_err(), Unreadable);
        for empty in [json!({}), json!({ "error": "no" }), json!({ "00081199": { "vr": "SQ" } })] {
            assert!(!read(&empty).unwrap().says_something(), "{empty}");
        }
    }
}
