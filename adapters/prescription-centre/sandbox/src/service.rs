//! The prescriptions, `uptis/fis-service/fhir/MedicationRequest`: issued under a number, changed, cancelled and dispensed, in versions.
//!
//! A repeated issue is a second prescription: the guide says of its `$confirm` that it is not idempotent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use http::header::{ETAG, LOCATION};
use jiff::Timestamp;
use serde_json::{Value, json};
use stand_in::json::{read, text};
use stand_in::tis::issue_text;
use stand_in::tis::outcome::{FHIR_JSON, Issues, refusal};
use stand_in::tis::patients::PatientIndex;
use stand_in::tis::security_server::{Behind, Call, Services};
use stand_in::tis::tokens::Token;
use stand_in::{Answer, Asked};

use crate::prescription::{canceller, changer, free_texts, number, numbered, requester, status, subject};
use crate::rules;
use crate::search::Search;

const PROVIDER: &str = "GOV/70009770/uptis";
const BASE: &str = "https://medin.invalid/fhir";
const FIRST_ID: usize = 3_001;
const FIRST_NUMBER: usize = 1_018_800_001;
/// The roles that may confirm a scheme (`medin.medicationstatement.confirm`), and so prescribe.
const PRESCRIBERS: [&str; 3] = ["doctor", "midwife", "nurse"];

/// A result, or the refusal to answer with.
type Checked<T> = Result<T, Box<Answer>>;

/// The service with all prescriptions.
#[derive(Default)]
pub(crate) struct Service(Mutex<Vec<Vec<Value>>>);

/// One call, by the holder of a token.
struct Request<'r> {
    asked: &'r Asked,
    token: &'r Token,
    patients: &'r PatientIndex,
    now: Timestamp,
}

impl Services for Service {
    fn provides(&self, provider: &str) -> bool {
        provider == PROVIDER
    }

    fn answer(&self, asked: &Asked, call: &Call, behind: &Behind, now: Timestamp) -> Option<Answer> {
        if (call.provider.as_str(), call.service_code.as_str()) != (PROVIDER, "fis-service") {
            return None;
        }
        Some(behind.by_token(asked, call, now, |token| {
            let request = Request { asked, token, patients: &behind.patients, now };
            self.routed(call, &request).unwrap_or_else(|refusal| *refusal)
        }))
    }
}

impl Service {
    /// Each prescription in its present version.
    pub(crate) fn present(&self) -> Vec<Value> {
        self.lock().iter().filter_map(|versions| versions.last().cloned()).collect()
    }

    /// Dispenses the prescription of this number, if it can be.
    pub(crate) fn dispense(&self, wanted: &str) -> bool {
        let mut all = self.lock();
        let mut found = all.iter_mut().filter(|of| of.last().and_then(number) == Some(wanted));
        let Some(versions) = found.next() else { return false };
        let mut next = versions.last().cloned().unwrap_or_default();
        let can_be = status(&next) == Some("active");
        if can_be {
            put(&mut next, "status", json!("completed"));
            versions.push(versioned(next, versions.len() + 1));
        }
        can_be
    }

    fn routed(&self, call: &Call, request: &Request<'_>) -> Checked<Answer> {
        let rest: Vec<&str> = call.rest.iter().map(String::as_str).collect();
        match (request.asked.method.as_str(), rest.as_slice()) {
            ("POST", ["fhir", "MedicationRequest"]) => self.issue(request),
            ("GET", ["fhir", "MedicationRequest"]) => self.search(request),
            ("PUT", ["fhir", "MedicationRequest", id]) => self.replace(request, id),
            _ => Err(no(StatusCode::NOT_FOUND, "not-found", "there are only prescriptions")),
        }
    }

    fn issue(&self, request: &Request<'_>) -> Checked<Answer> {
        let prescription = request.prescription()?;
        let mut issues = rules::check(&prescription);
        for name in ["id", "identifier", "informationSource"] {
            if prescription.get(name).is_some() {
                issues.add(
                    "business-rule",
                    format!("MedicationRequest.{name}"),
                    "a new prescription has none",
                );
            }
        }
        if status(&prescription) != Some("active") {
            issues.add("business-rule", "MedicationRequest.status", "a new prescription is active");
        }
        request.is_by_holder(requester(&prescription), "requester", &mut issues);
        request.judged(&prescription, issues)?;
        let mut all = self.lock();
        let (id, own) = ((FIRST_ID + all.len()).to_string(), (FIRST_NUMBER + all.len()).to_string());
        let stored = request.stored(prescription, &id, &own, 1);
        all.push(vec![stored.clone()]);
        let location = format!("{BASE}/MedicationRequest/{id}/_history/1");
        Ok(request.represented(StatusCode::CREATED, &stored).with(LOCATION, &location))
    }

    fn replace(&self, request: &Request<'_>, id: &str) -> Checked<Answer> {
        let prescription = request.prescription()?;
        let mut all = self.lock();
        let versions = all.iter_mut().find(|of| of.last().and_then(|of| text(of, &["id"])) == Some(id));
        let versions = versions.ok_or_else(unknown)?;
        let present = versions.last().cloned().unwrap_or_default();
        if request.asked.header("if-match") != Some(&etag(&present)) {
            let why = "the prescription has another version, or none is named";
            return Err(no(StatusCode::PRECONDITION_FAILED, "conflict", why));
        }
        request.judged(&prescription, successor(request, &prescription, &present))?;
        if !matches!(status(&present), Some("active" | "on-hold")) {
            let why = "a prescription that was dispensed, cancelled or has ended does not change";
            return Err(no(StatusCode::CONFLICT, "conflict", why));
        }
        let own = number(&present).unwrap_or_default();
        let stored = request.stored(prescription, id, own, versions.len() + 1);
        versions.push(stored.clone());
        Ok(request.represented(StatusCode::OK, &stored))
    }

    fn search(&self, request: &Request<'_>) -> Checked<Answer> {
        issue_text::check(request.asked, &[])?;
        if !request.token.manages() {
            return Err(no(StatusCode::FORBIDDEN, "forbidden", "the role may not read prescriptions"));
        }
        let unsuitable =
            || no(StatusCode::BAD_REQUEST, "invalid", "a search parameter is missing or not supported");
        let search = Search::read(request.asked).ok_or_else(unsuitable)?;
        Ok(Answer::json(StatusCode::OK, FHIR_JSON, &search.answer(self.present())))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with `next` in the place of `present`.
fn successor(request: &Request<'_>, next: &Value, present: &Value) -> Issues {
    let mut issues = rules::check(next);
    let mut unchanged = |same: bool, name: &str| {
        if !same {
            issues.add("business-rule", format!("MedicationRequest.{name}"), "does not change");
        }
    };
    unchanged(next.get("id") == present.get("id"), "id");
    unchanged(number(next) == number(present), "identifier");
    unchanged(subject(next) == subject(present), "subject");
    unchanged(requester(next) == requester(present), "requester");
    if status(next) == Some("cancelled") {
        for name in ["medication", "reason", "dosageInstruction", "authoredOn", "intent"] {
            unchanged(next.get(name) == present.get(name), name);
        }
        request.is_by_holder(canceller(next), "informationSource", &mut issues);
    } else {
        request.is_by_holder(changer(next), "extension", &mut issues);
        if !matches!(status(next), Some("active" | "on-hold")) {
            issues.add("business-rule", "MedicationRequest.status", "is what a change leads to");
        }
    }
    issues
}

impl Request<'_> {
    /// The prescription sent, by someone who may prescribe, with a reason that says nothing clinical.
    fn prescription(&self) -> Checked<Value> {
        if !PRESCRIBERS.contains(&self.token.role()) {
            return Err(no(StatusCode::FORBIDDEN, "forbidden", "the role may not prescribe"));
        }
        if self.asked.media_type().as_deref() != Some(FHIR_JSON) {
            let why = "only application/fhir+json is taken";
            return Err(no(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", why));
        }
        let body = read(&self.asked.body).map_err(|why| no(StatusCode::BAD_REQUEST, "structure", &why))?;
        issue_text::check(self.asked, &free_texts(&body))?;
        Ok(body)
    }

    fn is_by_holder(&self, actor: Option<(&str, &str)>, name: &str, issues: &mut Issues) {
        let is_holder = actor.is_some_and(|(professional, organisation)| {
            self.token.is_held_by(professional) && organisation == self.token.organisation()
        });
        if !is_holder {
            issues.add(
                "business-rule",
                format!("MedicationRequest.{name}"),
                "is not the holder of the token",
            );
        }
    }

    fn judged(&self, prescription: &Value, mut issues: Issues) -> Checked<()> {
        if !subject(prescription).is_some_and(|id| self.patients.knows(id)) {
            // Like the real services, it repeats what was sent: nothing of it may reach a log of ours.
            let id = subject(prescription).unwrap_or_default();
            issues.add(
                "invalid",
                "MedicationRequest.subject",
                format!("Could not find patient Patient/{id}"),
            );
        }
        issues.refuse(StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// `prescription` as stored: with id, version, number and when its status changed.
    fn stored(&self, mut prescription: Value, id: &str, own: &str, version: usize) -> Value {
        put(&mut prescription, "id", json!(id));
        put(&mut prescription, "identifier", numbered(own));
        put(&mut prescription, "statusChanged", json!(self.now.to_string()));
        versioned(prescription, version)
    }

    /// The answer to a change: the resource itself only when `Prefer` asks for it.
    fn represented(&self, status: StatusCode, stored: &Value) -> Answer {
        let preferences = self.asked.header("prefer").unwrap_or_default();
        let wanted = preferences.split(',').any(|preference| preference.trim() == "return=representation");
        let answer = if wanted { Answer::json(status, FHIR_JSON, stored) } else { Answer::empty(status) };
        answer.with(ETAG, &etag(stored))
    }
}

fn versioned(mut prescription: Value, version: usize) -> Value {
    if let Some(meta) = prescription.get_mut("meta") {
        put(meta, "versionId", json!(version.to_string()));
    }
    prescription
}

fn put(value: &mut Value, name: &str, new: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), new);
    }
}

fn etag(stored: &Value) -> String {
    format!("W/\"{}\"", text(stored, &["meta", "versionId"]).unwrap_or_default())
}

fn unknown() -> Box<Answer> {
    no(StatusCode::NOT_FOUND, "not-found", "there is no such prescription")
}

fn no(status: StatusCode, kind: &'static str, why: &str) -> Box<Answer> {
    Box::new(refusal(status, kind, why))
}
