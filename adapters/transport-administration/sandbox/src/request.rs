//! One request about certificates: whether its sender may do what it asks, and how the answer looks to that sender.

use http::StatusCode;
use http::header::ETAG;
use jiff::Timestamp;
use serde_json::{Value, json};
use stand_in::json::{self, text};
use stand_in::{Answer, Asked};

use crate::certificate::{self, section_code, section_text, status};
use crate::outcome::{FHIR_JSON, refusal};
use crate::patients::{PatientIndex, coded};
use crate::security_server::Call;
use crate::tokens::Token;
use crate::{certificate_rules, issue_text};

/// A result, or the refusal to answer with.
pub(crate) type Checked<T> = Result<T, Box<Answer>>;

/// Who asks for what, checked as far as it concerns every call.
pub(crate) struct Request<'r> {
    pub(crate) asked: &'r Asked,
    pub(crate) call: &'r Call,
    pub(crate) token: &'r Token,
    pub(crate) patients: &'r PatientIndex,
    pub(crate) now: Timestamp,
}

impl Request<'_> {
    /// The certificate sent, from someone who may send one, with a reason that says nothing clinical.
    pub(crate) fn certificate(&self) -> Checked<Value> {
        self.may_manage()?;
        self.takes_fhir()?;
        let certificate = self.body()?;
        issue_text::check(self.asked, &certificate::free_texts(&certificate))?;
        Ok(certificate)
    }

    pub(crate) fn may_manage(&self) -> Checked<()> {
        if self.token.manages() {
            Ok(())
        } else {
            let why = "the role may not file or change certificates";
            Err(refused(StatusCode::FORBIDDEN, "forbidden", why))
        }
    }

    pub(crate) fn takes_fhir(&self) -> Checked<()> {
        match self.asked.media_type().as_deref() {
            Some(FHIR_JSON | "application/json") => Ok(()),
            _ => {
                let why = "only application/fhir+json is taken";
                Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", why))
            }
        }
    }

    pub(crate) fn body(&self) -> Checked<Value> {
        json::read(&self.asked.body).map_err(|why| refused(StatusCode::BAD_REQUEST, "structure", &why))
    }

    /// Whether the profile, the author and the subject are as they must be.
    pub(crate) fn acceptable(&self, certificate: &Value) -> Checked<()> {
        let mut issues = certificate_rules::check(certificate);
        let authored = certificate::author(certificate).is_some_and(|(practitioner, organisation)| {
            self.token.is_held_by(practitioner) && organisation == self.token.organisation()
        });
        if !authored {
            let why = "the author is not the holder of the token";
            issues.add("business-rule", "Composition.author", why);
        }
        issues.refuse(StatusCode::UNPROCESSABLE_ENTITY)?;
        let id = certificate::subject(certificate).unwrap_or_default();
        if self.patients.knows(id) {
            return Ok(());
        }
        // The real service repeats the reference, so the stand-in does: nothing of it may reach a log of ours.
        let why = format!("Could not find unique patient by Patient/{id}");
        Err(Box::new(coded(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "HCERT-008", why)))
    }

    /// Authors read all; an official and an employer's representative what is confirmed, the latter of their own workers.
    pub(crate) fn may_read(&self, certificate: &Value) -> bool {
        let confirmed = matches!(status(certificate), Some("final" | "cancelled"));
        match self.token.role() {
            "gov-official" => confirmed,
            "org-legal-representative" => {
                let employer = section_text(certificate, "employer");
                confirmed && employer.is_some() && employer == self.token.represented.as_deref()
            }
            _ => self.token.manages(),
        }
    }

    /// `certificate` as the holder of the token may see it: an employer is spared what is meant for the worker.
    pub(crate) fn shown(&self, certificate: &Value) -> Value {
        let mut shown = certificate.clone();
        if !self.token.manages()
            && let Some(sections) = shown.get_mut("section").and_then(Value::as_array_mut)
        {
            sections.retain(|section| section_code(section) != Some("employee-suggestions"));
        }
        shown
    }

    /// `certificate` as stored: with id and version, and with the version of the subject that was meant.
    pub(crate) fn stored(&self, mut certificate: Value, id: &str, version: usize) -> Value {
        let subject = certificate::subject(&certificate).map(|id| format!("Patient/{id}/_history/1"));
        if let Some(members) = certificate.as_object_mut() {
            members.insert("id".into(), id.into());
            if let Some(subject) = subject {
                members.insert("subject".into(), json!([{ "reference": subject }]));
            }
            let meta = members.entry("meta").or_insert_with(|| json!({}));
            if let Some(meta) = meta.as_object_mut() {
                meta.insert("versionId".into(), version.to_string().into());
                meta.insert("lastUpdated".into(), self.now.to_string().into());
            }
        }
        certificate
    }

    /// The answer to a change: the resource itself only when `Prefer` asks for it.
    pub(crate) fn represented(&self, status: StatusCode, stored: &Value) -> Answer {
        let preferences = self.asked.header("prefer").unwrap_or_default();
        let wanted = preferences.split(',').any(|preference| preference.trim() == "return=representation");
        let answer = if wanted { Answer::json(status, FHIR_JSON, stored) } else { Answer::empty(status) };
        with_etag(answer, stored)
    }

    pub(crate) fn bundle(&self, kind: &str, certificates: &[&Value]) -> Value {
        let entries: Vec<Value> = certificates
            .iter()
            .map(|certificate| {
                let url = format!("Composition/{}", text(certificate, &["id"]).unwrap_or_default());
                json!({ "fullUrl": url, "resource": self.shown(certificate) })
            })
            .collect();
        let mut bundle = json!({ "resourceType": "Bundle", "type": kind, "total": entries.len() });
        // FHIR has no empty lists.
        if let (false, Some(bundle)) = (entries.is_empty(), bundle.as_object_mut()) {
            bundle.insert("entry".into(), Value::Array(entries));
        }
        bundle
    }
}

/// `answer` with the version of `stored`.
pub(crate) fn with_etag(answer: Answer, stored: &Value) -> Answer {
    answer.with(ETAG, &etag(text(stored, &["meta", "versionId"]).unwrap_or_default()))
}

/// The entity tag of a version.
pub(crate) fn etag(version: &str) -> String {
    format!("W/\"{version}\"")
}

/// A refusal for one reason.
pub(crate) fn refused(status: StatusCode, kind: &'static str, why: &str) -> Box<Answer> {
    Box::new(refusal(status, kind, why))
}
