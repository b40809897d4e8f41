//! Searching prescriptions: which parameters there are, what they find, and the pages of the answer.

use serde_json::{Value, json};
use stand_in::Asked;
use stand_in::json::text;
use stand_in::tis::query::parameters;

use crate::prescription::{number, status, subject};

/// What the service calls itself in links: an address of the inside, which no client can reach.
const BASE: &str = "https://medin.invalid/fhir";
const PAGE: usize = 20;
const PAGE_MAX: usize = 100;

/// A search that was understood.
pub(crate) struct Search {
    wanted: Vec<(String, String)>,
    count: usize,
    page: usize,
    newest_first: bool,
}

impl Search {
    /// The search that `asked` is; none when a parameter is not supported or no patient is named.
    pub(crate) fn read(asked: &Asked) -> Option<Self> {
        let mut search = Self { wanted: Vec::new(), count: PAGE, page: 1, newest_first: false };
        for (name, value) in parameters(asked.uri.query())? {
            match name.as_str() {
                "_count" => search.count = value.parse().ok().filter(|count| *count > 0)?,
                "_page" => search.page = value.parse().ok().filter(|page| *page > 0)?,
                "_sort" => search.newest_first = (value == "-authoredon").then_some(true)?,
                "subject" | "identifier" | "status" => search.wanted.push((name, value)),
                "authoredon" if date(&value).is_some() => search.wanted.push((name, value)),
                _ => return None,
            }
        }
        search.count = search.count.min(PAGE_MAX);
        search.wanted.iter().any(|(name, _)| name == "subject").then_some(search)
    }

    /// Its page of `present`.
    pub(crate) fn answer(&self, present: Vec<Value>) -> Value {
        let mut found: Vec<Value> = present
            .into_iter()
            .filter(|of| self.wanted.iter().all(|(name, value)| fits(of, name, value)))
            .collect();
        if self.newest_first {
            found.sort_by_key(|of| {
                std::cmp::Reverse(text(of, &["authoredOn"]).unwrap_or_default().to_owned())
            });
        }
        let from = self.count.saturating_mul(self.page - 1);
        let entries: Vec<Value> = found
            .iter()
            .skip(from)
            .take(self.count)
            .map(|of| json!({ "resource": of, "search": { "mode": "match" } }))
            .collect();
        let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "total": found.len() });
        if let Some(members) = bundle.as_object_mut() {
            if found.len() > from + entries.len() {
                members.insert("link".into(), json!([{ "relation": "next", "url": self.next() }]));
            }
            // FHIR has no empty lists.
            if !entries.is_empty() {
                members.insert("entry".into(), Value::Array(entries));
            }
        }
        bundle
    }

    fn next(&self) -> String {
        let mut query: Vec<String> =
            self.wanted.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        query.push(format!("_count={}", self.count));
        query.push(format!("_page={}", self.page + 1));
        if self.newest_first {
            query.push("_sort=-authoredon".to_owned());
        }
        format!("{BASE}/MedicationRequest?{}", query.join("&"))
    }
}

fn fits(prescription: &Value, name: &str, wanted: &str) -> bool {
    match name {
        "subject" => wanted.strip_prefix("Patient/") == subject(prescription),
        "identifier" => {
            let system = text(prescription, &["identifier", "system"]).unwrap_or_default();
            number(prescription).is_some_and(|number| wanted == format!("{system}|{number}"))
        }
        "status" => wanted.split(',').any(|wanted| Some(wanted) == status(prescription)),
        _ => text(prescription, &["authoredOn"]).is_some_and(|written| is_then(written, wanted)),
    }
}

/// Whether `written` is at, from or until the time in `wanted`, as precise as that is.
fn is_then(written: &str, wanted: &str) -> bool {
    let Some((prefix, time)) = date(wanted) else { return false };
    let order = match (written.parse::<jiff::Timestamp>(), time.parse::<jiff::Timestamp>()) {
        (Ok(written), Ok(time)) => written.cmp(&time),
        _ => written.get(..10).cmp(&time.get(..10)),
    };
    match prefix {
        "ge" => order.is_ge(),
        "le" => order.is_le(),
        _ => order.is_eq(),
    }
}

fn date(wanted: &str) -> Option<(&str, &str)> {
    let prefix = wanted.get(..2).filter(|prefix| ["ge", "le", "eq"].contains(prefix)).unwrap_or_default();
    let time = wanted.get(prefix.len()..)?;
    stand_in::tis::codes::day(time).map(|_| (prefix, time))
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}
