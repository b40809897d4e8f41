//! The transport administration's own register, the direct route: takes the slim record of a driver's fitness and not one
//! field more.
//!
//! No such service is published; this one takes the fields of the record that the agency reads today
//! (`digilugu`, `certificateRequest`), so that a direct route has something strict to speak to.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use stand_in::json::{self, text};
use stand_in::{Answer, Asked};

use crate::codes::{day, is_number, is_personal_code, is_professional_code, is_registry_code, is_token};
use crate::issue_text;
use crate::outcome::{Issues, refusal};
use crate::security_server::Call;

const ESTONIAN_PERSONAL_CODE_OID: &str = "1.3.6.1.4.1.28284.6.2.2.1";
const DECISIONS_MAX: usize = 2;

/// What a field may hold.
type Fits = fn(&Value) -> bool;

const RECORD: [(&str, Fits); 12] = [
    ("certificateId", |v| holds(v, is_token)),
    ("status", |v| holds(v, |s| matches!(s, "final" | "cancelled" | "entered-in-error"))),
    ("statusUpdateTime", |v| holds(v, |s| s.parse::<Timestamp>().is_ok())),
    ("personId", |v| holds(v, is_token)),
    ("personIdOID", |v| holds(v, is_oid)),
    ("personCountry", |v| {
        holds(v, |s| (2..=3).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_uppercase()))
    }),
    ("personNameGiven", |v| holds(v, is_name)),
    ("personNameFamily", |v| holds(v, is_name)),
    ("personBirthDate", |v| holds(v, is_day)),
    ("certificateDecisions", |v| v.as_array().is_some_and(|list| list.len() <= DECISIONS_MAX)),
    ("issuerOrganisation", |v| holds(v, is_registry_code)),
    ("issuerDoctor", |v| holds(v, is_professional_code)),
];
/// The fields a decision may lack: who is not fit is so from no day to no day.
const OPTIONAL: [&str; 3] = ["validFrom", "validUntil", "restrictions"];
/// The decisions that need both days: fit, and fit with restrictions.
const POSITIVE: [&str; 2] = ["171353001", "156861000181108"];

const DECISION: [(&str, Fits); 6] = [
    ("id", |v| holds(v, is_token)),
    ("type", |v| holds(v, |s| matches!(s, "driver-group-I" | "driver-group-II"))),
    ("code", |v| holds(v, is_number)),
    ("validFrom", |v| holds(v, is_day)),
    ("validUntil", |v| holds(v, is_day)),
    ("restrictions", Value::is_array),
];

const RESTRICTION: [(&str, Fits); 1] =
    [("code", |v| holds(v, |s| s.split('.').count() <= 2 && s.split('.').all(is_number)))];

/// The register.
#[derive(Default)]
pub(crate) struct Register(Mutex<BTreeMap<String, Entry>>);

struct Entry {
    record: Value,
    body: Vec<u8>,
    answer: Answer,
}

impl Register {
    /// The records, by certificate number.
    pub(crate) fn records(&self) -> Vec<Value> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.values().map(|entry| entry.record.clone()).collect()
    }

    /// Answers a call to the service.
    pub(crate) fn answer(&self, asked: &Asked, call: &Call, now: Timestamp) -> Answer {
        if asked.method != Method::POST || !call.rest.is_empty() {
            return refusal(StatusCode::NOT_FOUND, "not-found", "there is only POST driver-fitness");
        }
        if asked.media_type().as_deref() != Some("application/json") {
            let why = "only application/json is taken";
            return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", why);
        }
        if let Err(refusal) = issue_text::check(asked, &[]) {
            return *refusal;
        }
        match json::read(&asked.body) {
            Ok(record) => self.enter(record, asked, now).unwrap_or_else(|refusal| *refusal),
            Err(why) => refusal(StatusCode::BAD_REQUEST, "structure", why),
        }
    }

    fn enter(&self, record: Value, asked: &Asked, now: Timestamp) -> Result<Answer, Box<Answer>> {
        check(&record).refuse(StatusCode::BAD_REQUEST)?;
        let number = text(&record, &["certificateId"]).unwrap_or_default().to_owned();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = entries.get(&number) {
            if before.body == asked.body {
                return Ok(before.answer.clone().remarking("repeated with the same content"));
            }
            if updated(&before.record) >= updated(&record) {
                let why = "a record as new or newer is registered already";
                return Err(Box::new(refusal(StatusCode::CONFLICT, "conflict", why)));
            }
        }
        let body = json!({ "certificateId": number, "registeredAt": now.to_string() });
        let answer = Answer::json(StatusCode::OK, "application/json", &body);
        entries.insert(number, Entry { record, body: asked.body.to_vec(), answer: answer.clone() });
        Ok(answer)
    }
}

fn updated(record: &Value) -> Option<Timestamp> {
    text(record, &["statusUpdateTime"])?.parse().ok()
}

fn check(record: &Value) -> Issues {
    let mut issues = Issues::default();
    exactly(record, "", &RECORD, &mut issues);
    let decisions = record.get("certificateDecisions").and_then(Value::as_array);
    for (place, decision) in decisions.into_iter().flatten().enumerate() {
        let at = format!("certificateDecisions[{place}].");
        exactly(decision, &at, &DECISION, &mut issues);
        let positive = text(decision, &["code"]).is_some_and(|code| POSITIVE.contains(&code));
        if positive && !["validFrom", "validUntil"].iter().all(|name| decision.get(*name).is_some()) {
            issues.add(
                "required",
                format!("{at}validUntil"),
                "a positive decision says from when until when",
            );
        }
        let restrictions = decision.get("restrictions").and_then(Value::as_array);
        for (place, restriction) in restrictions.into_iter().flatten().enumerate() {
            exactly(restriction, &format!("{at}restrictions[{place}]."), &RESTRICTION, &mut issues);
        }
    }
    let estonian = text(record, &["personIdOID"]) == Some(ESTONIAN_PERSONAL_CODE_OID);
    if estonian && !text(record, &["personId"]).is_some_and(is_personal_code) {
        issues.add("value", "personId", "is not a personal code");
    }
    issues
}

/// All of the fields, each holding what it may, and no other.
fn exactly(value: &Value, at: &str, fields: &[(&str, Fits)], issues: &mut Issues) {
    let Some(members) = value.as_object() else {
        issues.add("structure", at, "is an object");
        return;
    };
    if members.keys().any(|name| !fields.iter().any(|(known, _)| known == name)) {
        issues.add("structure", format!("{at}*"), "holds a member the register has no right to");
    }
    for (name, fits) in fields {
        match members.get(*name) {
            Some(value) if fits(value) => {}
            None if OPTIONAL.contains(name) => {}
            _ => issues.add("value", format!("{at}{name}"), "is missing or not what it may hold"),
        }
    }
}

fn holds(value: &Value, fits: impl Fn(&str) -> bool) -> bool {
    value.as_str().is_some_and(fits)
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && day(text).is_some()
}

fn is_oid(text: &str) -> bool {
    text.split('.').count() > 2 && text.split('.').all(is_number)
}

fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count())
        && text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | '.'))
}
