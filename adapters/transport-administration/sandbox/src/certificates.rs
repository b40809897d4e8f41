//! The certificates, `tis/fhir/Composition`: filed, changed, suspended and annulled by their authors, read by whoever has the
//! right, in versions.
//!
//! Not stood in for: the PDF, consents, paging beyond the first page.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;
use serde_json::Value;
use stand_in::json::{all, text};
use stand_in::{Answer, Asked, sha256_hex};

use crate::outcome::FHIR_JSON;
use crate::patients::PatientIndex;
use crate::query::parameters;
use crate::request::{Checked, Request, etag, refused, with_etag};
use crate::security_server::Call;
use crate::tokens::Token;
use crate::{certificate, issue_text};

/// What the service calls itself in `Location`: an address of the inside, which no client can reach.
const BASE: &str = "https://tis.invalid/hcert";
const FIRST_ID: usize = 20_001;
const PAGE: usize = 20;

/// The service with all it has filed.
#[derive(Default)]
pub(crate) struct Certificates(Mutex<Vec<Filed>>);

/// One certificate.
struct Filed {
    id: String,
    /// Oldest first; never empty.
    versions: Vec<Value>,
    organisation: String,
    x_road_id: String,
    body_sha256: String,
    first_answer: Answer,
    deleted: bool,
}

impl Certificates {
    /// Answers a call by the holder of `token`.
    pub(crate) fn answer(
        &self,
        asked: &Asked,
        call: &Call,
        token: &Token,
        patients: &PatientIndex,
        now: Timestamp,
    ) -> Answer {
        let request = Request { asked, call, token, patients, now };
        self.routed(&request).unwrap_or_else(|refusal| *refusal)
    }

    /// Each certificate that is not deleted, in its present version.
    pub(crate) fn present(&self) -> Vec<Value> {
        let filed = self.lock();
        let present = filed.iter().filter(|filed| !filed.deleted);
        present.filter_map(|filed| filed.versions.last().cloned()).collect()
    }

    /// Keeps what others have filed, as it stands: nothing is checked.
    pub(crate) fn hold(&self, certificates: Vec<Value>) {
        let mut filed = self.lock();
        for mut certificate in certificates {
            let id = (FIRST_ID + filed.len()).to_string();
            if let Some(members) = certificate.as_object_mut() {
                members.insert("id".into(), id.as_str().into());
            }
            filed.push(Filed {
                id,
                versions: vec![certificate],
                organisation: String::new(),
                x_road_id: String::new(),
                body_sha256: String::new(),
                first_answer: Answer::empty(StatusCode::CREATED),
                deleted: false,
            });
        }
    }

    fn routed(&self, request: &Request<'_>) -> Checked<Answer> {
        let rest: Vec<&str> = request.call.rest.iter().map(String::as_str).collect();
        match (request.asked.method.as_str(), rest.as_slice()) {
            ("POST", ["Composition"]) => self.file(request),
            ("GET", ["Composition"]) => self.search(request),
            ("GET", ["Composition", id]) => self.read(request, id, None),
            ("GET", ["Composition", id, "_history"]) => self.history(request, id),
            ("GET", ["Composition", id, "_history", version]) => self.read(request, id, Some(version)),
            ("PUT", ["Composition", id]) => self.change(request, id),
            ("DELETE", ["Composition", id]) => self.delete(request, id),
            ("POST", ["Composition", id, "$suspend"]) => {
                self.operate(request, id, &["final"], "cancelled", "suspend-reason")
            }
            ("POST", ["Composition", id, "$cancel"]) => {
                self.operate(request, id, &["final", "cancelled"], "entered-in-error", "cancel-reason")
            }
            _ => Err(refused(StatusCode::NOT_FOUND, "not-found", "there are only certificates")),
        }
    }

    fn file(&self, request: &Request<'_>) -> Checked<Answer> {
        let certificate = request.certificate()?;
        let body_sha256 = sha256_hex(&request.asked.body);
        let mut filed = self.lock();
        if let Some(before) = same_number(&filed, &certificate) {
            return if before.x_road_id == request.call.id && before.body_sha256 == body_sha256 {
                Ok(before.first_answer.clone().remarking("repeated with the same X-Road-Id"))
            } else {
                let why = "a certificate with this number is filed already";
                Err(refused(StatusCode::CONFLICT, "duplicate", why))
            };
        }
        request.acceptable(&certificate)?;
        let id = (FIRST_ID + filed.len()).to_string();
        let stored = request.stored(certificate, &id, 1);
        let answer = request
            .represented(StatusCode::CREATED, &stored)
            .with(LOCATION, &format!("{BASE}/Composition/{id}/_history/1"));
        filed.push(Filed {
            id,
            versions: vec![stored],
            organisation: request.token.organisation().to_owned(),
            x_road_id: request.call.id.clone(),
            body_sha256,
            first_answer: answer.clone(),
            deleted: false,
        });
        Ok(answer)
    }

    fn change(&self, request: &Request<'_>, id: &str) -> Checked<Answer> {
        let certificate = request.certificate()?;
        let mut filed = self.lock();
        let before = own(&mut filed, id, request)?;
        matches(before, request)?;
        let conflict = |why| Err(refused(StatusCode::CONFLICT, "conflict", why));
        let present = before.versions.last().unwrap_or(&Value::Null);
        if certificate.get("id").is_some_and(|sent| sent.as_str() != Some(id)) {
            return Err(refused(StatusCode::BAD_REQUEST, "invalid", "the body's id is not the path's"));
        }
        if certificate::number(&certificate) != certificate::number(present) {
            return conflict("the number of a certificate does not change");
        }
        match (certificate::status(present), certificate::status(&certificate)) {
            (Some("preliminary"), _) => {}
            (Some("final"), Some("final")) => {
                if certificate::section_text(&certificate, "change-reason").is_none_or(str::is_empty) {
                    let why = "a final certificate changes with a change-reason only";
                    return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "business-rule", why));
                }
            }
            (Some("final"), _) => return conflict("a final certificate stays final"),
            _ => return conflict("a suspended or annulled certificate does not change"),
        }
        request.acceptable(&certificate)?;
        let stored = request.stored(certificate, id, before.versions.len() + 1);
        before.versions.push(stored.clone());
        Ok(request.represented(StatusCode::OK, &stored))
    }

    fn delete(&self, request: &Request<'_>, id: &str) -> Checked<Answer> {
        request.may_manage()?;
        issue_text::check(request.asked, &[])?;
        let mut filed = self.lock();
        let before = own(&mut filed, id, request)?;
        if before.versions.last().and_then(certificate::status) != Some("preliminary") {
            let why = "only a draft is deleted";
            return Err(refused(StatusCode::CONFLICT, "conflict", why));
        }
        before.deleted = true;
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    fn operate(
        &self,
        request: &Request<'_>,
        id: &str,
        from: &[&str],
        to: &str,
        section: &str,
    ) -> Checked<Answer> {
        request.may_manage()?;
        request.takes_fhir()?;
        let body = request.body()?;
        let reason = reason(&body)?;
        // The reason of an operation is shown to the patient too, so that it may stand in the header as well.
        issue_text::check(request.asked, &[])?;
        let mut filed = self.lock();
        let before = own(&mut filed, id, request)?;
        matches(before, request)?;
        let mut next = before.versions.last().cloned().unwrap_or_default();
        if !certificate::status(&next).is_some_and(|status| from.contains(&status)) {
            let why = "the certificate's status does not allow it";
            return Err(refused(StatusCode::CONFLICT, "conflict", why));
        }
        if let Some(members) = next.as_object_mut() {
            members.insert("status".into(), to.into());
        }
        if let Some(sections) = next.get_mut("section").and_then(Value::as_array_mut) {
            sections.push(certificate::text_section(section, reason));
        }
        let stored = request.stored(next, id, before.versions.len() + 1);
        before.versions.push(stored.clone());
        Ok(request.represented(StatusCode::OK, &stored))
    }

    fn read(&self, request: &Request<'_>, id: &str, version: Option<&str>) -> Checked<Answer> {
        issue_text::check(request.asked, &[])?;
        let filed = self.lock();
        let found = visible(&filed, id, request)?;
        let stored = match version {
            None => found.versions.last(),
            Some(version) => {
                version.parse::<usize>().ok().and_then(|version| found.versions.get(version.checked_sub(1)?))
            }
        };
        let stored = stored.ok_or_else(unknown)?;
        Ok(with_etag(Answer::json(StatusCode::OK, FHIR_JSON, &request.shown(stored)), stored))
    }

    fn history(&self, request: &Request<'_>, id: &str) -> Checked<Answer> {
        issue_text::check(request.asked, &[])?;
        let filed = self.lock();
        let found = visible(&filed, id, request)?;
        let versions: Vec<&Value> = found.versions.iter().rev().collect();
        Ok(Answer::json(StatusCode::OK, FHIR_JSON, &request.bundle("history", &versions)))
    }

    fn search(&self, request: &Request<'_>) -> Checked<Answer> {
        issue_text::check(request.asked, &[])?;
        let unsuitable =
            || refused(StatusCode::BAD_REQUEST, "invalid", "a search parameter is not supported");
        let parameters = parameters(request.asked.uri.query()).ok_or_else(unsuitable)?;
        let mut count = PAGE;
        let mut wanted: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &parameters {
            match name.as_str() {
                "_count" => count = value.parse().map_err(|_| unsuitable())?,
                "identifier" | "subject" | "status" | "category" | "section-code-text" => {
                    wanted.push((name, value));
                }
                _ => return Err(unsuitable()),
            }
        }
        let filed = self.lock();
        let found: Vec<&Value> = filed
            .iter()
            .filter(|filed| !filed.deleted)
            .filter_map(|filed| filed.versions.last())
            .filter(|present| request.may_read(present))
            .filter(|present| wanted.iter().all(|(name, value)| fits(present, name, value)))
            .collect();
        let mut bundle = request.bundle("searchset", found.get(..count).unwrap_or(&found));
        if let Some(bundle) = bundle.as_object_mut() {
            bundle.insert("total".into(), found.len().into());
        }
        Ok(Answer::json(StatusCode::OK, FHIR_JSON, &bundle))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Filed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The certificate `id`, if the asking organisation filed it.
fn own<'f>(filed: &'f mut [Filed], id: &str, request: &Request<'_>) -> Checked<&'f mut Filed> {
    let found = filed.iter_mut().find(|filed| filed.id == id && !filed.deleted);
    let found = found.ok_or_else(unknown)?;
    if found.organisation == request.token.organisation() {
        Ok(found)
    } else {
        let why = "the certificate is another organization's";
        Err(refused(StatusCode::FORBIDDEN, "forbidden", why))
    }
}

/// The certificate `id`, if the asker may read it.
fn visible<'f>(filed: &'f [Filed], id: &str, request: &Request<'_>) -> Checked<&'f Filed> {
    filed
        .iter()
        .find(|filed| filed.id == id && !filed.deleted)
        .filter(|filed| filed.versions.last().is_some_and(|present| request.may_read(present)))
        .ok_or_else(unknown)
}

/// Whether `If-Match`, when sent, names the present version.
fn matches(filed: &Filed, request: &Request<'_>) -> Checked<()> {
    match request.asked.header("if-match") {
        Some(expected) if expected != etag(&filed.versions.len().to_string()) => {
            let why = "the certificate has another version by now";
            Err(refused(StatusCode::PRECONDITION_FAILED, "conflict", why))
        }
        _ => Ok(()),
    }
}

fn same_number<'f>(filed: &'f [Filed], certificate: &Value) -> Option<&'f Filed> {
    let number = certificate::number(certificate)?;
    filed
        .iter()
        .find(|filed| !filed.deleted && filed.versions.first().and_then(certificate::number) == Some(number))
}

/// The reason in the `Parameters` of an operation: one parameter, one string.
fn reason(body: &Value) -> Checked<&str> {
    let parameters = all(body, &["parameter"]);
    let reason = match parameters.as_slice() {
        [parameter] if text(parameter, &["name"]) == Some("reason") => text(parameter, &["valueString"]),
        _ => None,
    };
    reason
        .filter(|reason| !reason.trim().is_empty() && text(body, &["resourceType"]) == Some("Parameters"))
        .ok_or_else(|| {
            let why = "the body is Parameters with one `reason`";
            refused(StatusCode::BAD_REQUEST, "required", why)
        })
}

fn fits(certificate: &Value, name: &str, wanted: &str) -> bool {
    let one_of = |value: Option<&str>| wanted.split(',').any(|wanted| Some(wanted) == value);
    match name {
        "status" => one_of(certificate::status(certificate)),
        "category" => one_of(certificate::category(certificate)),
        "subject" => {
            certificate::subject(certificate) == Some(wanted.strip_prefix("Patient/").unwrap_or(wanted))
        }
        "section-code-text" => wanted
            .strip_prefix("employer$")
            .is_some_and(|code| certificate::section_text(certificate, "employer") == Some(code)),
        "identifier" => match wanted.split_once('|') {
            Some((system, value)) => {
                certificate::number(certificate) == Some(value)
                    && text(certificate, &["identifier", "system"]) == Some(system)
            }
            None => certificate::number(certificate) == Some(wanted),
        },
        _ => false,
    }
}

fn unknown() -> Box<Answer> {
    refused(StatusCode::NOT_FOUND, "not-found", "there is no such certificate")
}
