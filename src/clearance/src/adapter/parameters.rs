//! The parameters of a question, read strictly: every fault at once, none with a value or a name of the client's making.

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::fault::Fault;

/// The parameters as received. An adapter takes what its purpose knows; whatever else is there is a fault.
#[derive(Debug)]
pub struct Parameters<'p> {
    members: &'p Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'p> Parameters<'p> {
    /// Those of a request.
    pub const fn of(members: &'p Map<String, Value>) -> Self {
        Self { members, known: Vec::new(), faults: Vec::new() }
    }

    /// The parameter `name`, where it is given: one of `choices`.
    pub fn one_of(&mut self, name: &'static str, choices: &[&'static str]) -> Option<&'static str> {
        self.known.push(name);
        let given = self.members.get(name)?;
        let chosen = choices.iter().copied().find(|choice| given.as_str() == Some(choice));
        if chosen.is_none() {
            self.refuse(name, "is not one of its values", &listed(choices));
        }
        chosen
    }

    /// The parameter `name`, where it is given: a day.
    pub fn day(&mut self, name: &'static str) -> Option<Date> {
        self.known.push(name);
        let given = self.members.get(name)?;
        // Ten characters: a time of day would be read and dropped.
        let day = given.as_str().filter(|text| text.len() == 10).and_then(|text| text.parse().ok());
        if day.is_none() {
            self.refuse(name, "is not a day", "a day like `2026-11-22`");
        }
        day
    }

    fn refuse(&mut self, name: &str, is_what: &str, instead: &str) {
        self.faults.push(Fault::new(
            "query-invalid",
            format!("/query/{name}"),
            format!("`{name}` {is_what}"),
            format!("send {instead}, or leave it out"),
        ));
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All faults; parameters that nobody has asked for are one.
    pub fn end(mut self) -> Result<(), Vec<Fault>> {
        let unknown = self.members.keys().filter(|name| !self.known.contains(&name.as_str())).count();
        if unknown > 0 {
            let remedy = match self.known.as_slice() {
                [] => "send `{}`: this purpose has no parameters".to_owned(),
                known => format!("only {} are known here", listed(known)),
            };
            let detail = format!("{unknown} parameter(s) that this purpose does not have");
            self.faults.push(Fault::new("query-unknown-parameter", "/query", detail, remedy));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_of_the_parameters_is_told_and_no_value() {
        let query = json!({ "status": "Jaan", "group": 1, "Tamm": true, "kind": "a" });
        let mut parameters = Parameters::of(query.as_object().unwrap());
        let read = ["status", "group", "kind"].map(|name| parameters.one_of(name, &["a", "b"]));
        assert_eq!(read, [None, None, Some("a")]);
        let faults = parameters.end().unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/query/status", "/query/group", "/query"]);
        let printed = format!("{faults:?}");
        assert!(!printed.contains("Jaan") && !printed.contains("Tamm"), "{printed}");
    }

    #[test]
    fn a_day_is_ten_characters_and_there_is_such_a_day() {
        for (text, day) in [
            ("2026-02-28", Some(jiff::civil::date(2026, 2, 28))),
            ("2026-02-30", None),
            ("2026-02-28T10:00", None),
            ("20260228", None),
        ] {
            let query = json!({ "from": text });
            let mut parameters = Parameters::of(query.as_object().unwrap());
            assert_eq!(parameters.day("from"), day, "{text}");
            assert_eq!(parameters.end().is_ok(), day.is_some(), "{text}");
        }
    }

    #[test]
    fn a_parameter_may_be_left_out() {
        let query = json!({});
        let mut parameters = Parameters::of(query.as_object().unwrap());
        assert_eq!(parameters.one_of("status", &["a"]), None);
        assert!(parameters.end().is_ok());
    }
}
