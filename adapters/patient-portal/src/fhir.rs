//! Health certificates by the FHIR service of TIS: the patient's id, what TIS already has, then the one call that carries the
//! certificate. What is changed or cancelled is looked at first, whosever id was declared.

use bytes::Bytes;
use clearance::adapter::{Acknowledgement, DestinationRefusal, Means, Outcome, Reply, Setback};
use clearance::declaration::{Declaration, EvidenceKind};
use clearance::fault::Fault;
use clearance::journey::{Cleared, Payload};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use x_road::request::Resource;
use x_road::tis::members::Members;
use x_road::tis::outcome::{Objection, no_success, objection, still_unknown};
use x_road::tis::{Errand, FHIR_JSON, FhirRequest, Tis};
use x_road::trouble::Trouble;

/// FHIR makes a title mandatory; a document's own could say anything.
const TITLE: &str = "Töötervishoiu tervisekontrolli otsus";
const NUMBER_SYSTEM: &str = "https://fhir.ee/hcert/health-certificate-number";
/// What a certificate that has arrived must repeat of ours.
const CONTENT: [&str; 5] = ["status", "date", "event", "contained", "section"];
const CREATE: &str = "create";
const UPDATE: &str = "update";
const CANCEL: &str = "cancel";

/// The certificate to file: the title is ours, and the patient is put in when it is delivered.
pub(crate) fn certificate(document: &[u8]) -> Result<Payload, Vec<Fault>> {
    let shaped = || {
        let mut members = Members::parse(document)?;
        members.set("title", to_raw_value(TITLE).ok()?);
        let operation = if members.get("id").is_some() { UPDATE } else { CREATE };
        Some(payload(operation, members.to_json()?))
    };
    shaped().ok_or_else(|| vec![unreadable()])
}

/// The cancellation of the certificate that the evidence names.
pub(crate) fn cancellation(declaration: &Declaration) -> Result<Payload, Vec<Fault>> {
    let named = declaration.evidence.iter().find(|evidence| evidence.kind == EvidenceKind::Certificate);
    if named.and_then(|evidence| certificate_id(evidence.reference.expose())).is_none() {
        return Err(vec![Fault::new(
            "certificate-reference",
            "/evidence",
            "the evidence does not say which certificate is meant",
            "add evidence of kind `certificate` whose `ref` is `Composition/` and the id that TIS gave it",
        )]);
    }
    let reason = declaration.reason.expose();
    let parameters =
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "reason", "valueString": reason }] });
    Ok(payload(CANCEL, parameters.to_string().into_bytes()))
}

fn payload(operation: &str, bytes: Vec<u8>) -> Payload {
    Payload { operation: operation.to_owned(), media_type: FHIR_JSON.to_owned(), bytes: Bytes::from(bytes) }
}

/// What the profile left has all that it requires, so that this is never seen.
fn unreadable() -> Fault {
    Fault::new(
        "document-unreadable",
        "",
        "the document is not a certificate of the known form",
        "send a FHIR R5 `Composition` of the profile EEHealthCertificateOccupational",
    )
}

/// The id in `Composition/<id>`.
fn certificate_id(reference: &str) -> Option<&str> {
    let id = reference.strip_prefix("Composition/")?;
    let is_id = (1..=64).contains(&id.len())
        && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'));
    is_id.then_some(id)
}

/// Hands a transfer to TIS.
pub(crate) async fn deliver(tis: &Tis, cleared: &Cleared, means: &Means<'_>) -> Outcome {
    let Some(filing) = Filing::of(tis, cleared, means) else {
        // What this adapter has shaped is always readable; a payload of another make is not guessed at.
        return refused("payload-unreadable");
    };
    match filing.prepare().await {
        Ok(Next::Reached(acknowledgement)) => Outcome::Delivered(acknowledgement),
        Ok(Next::Send(patient)) => filing.send(&patient).await,
        Err(outcome) if cleared.perhaps_delivered() => still_unknown(outcome),
        Err(outcome) => outcome,
    }
}

/// A certificate: ours, or as TIS has it.
struct Certificate(Value);

/// One attempt.
struct Filing<'a> {
    tis: &'a Tis,
    cleared: &'a Cleared,
    means: &'a Means<'a>,
    /// The id at TIS, unless the certificate is new.
    id: Option<String>,
    /// Ours; none where one is cancelled.
    certificate: Option<Certificate>,
}

/// What is to be done after looking.
enum Next {
    /// Nothing: an earlier attempt has arrived.
    Reached(Acknowledgement),
    /// The call, for the patient with this id.
    Send(String),
}

impl<'a> Filing<'a> {
    fn of(tis: &'a Tis, cleared: &'a Cleared, means: &'a Means<'a>) -> Option<Self> {
        let payload = cleared.payload();
        let (id, certificate) = match payload.operation.as_str() {
            CANCEL => (Some(certificate_id(cleared.evidence("certificate")?.expose())?.to_owned()), None),
            CREATE | UPDATE => {
                let certificate = Certificate::read(&payload.bytes)?;
                (certificate.id().map(str::to_owned), Some(certificate))
            }
            _ => return None,
        };
        Some(Self { tis, cleared, means, id, certificate })
    }

    /// Everything before the document: nothing of it is sent here.
    async fn prepare(&self) -> Result<Next, Outcome> {
        let patient = self.patient().await?;
        let present = match &self.id {
            Some(id) => Some(self.present(id, &patient).await?),
            None if self.cleared.perhaps_delivered() => self.find(&patient).await?,
            None => None,
        };
        match present {
            Some((present, proof)) if self.cleared.perhaps_delivered() && self.is_done_in(&present) => {
                Ok(Next::Reached(present.acknowledgement(proof)))
            }
            Some(_) if self.id.is_none() => Err(refused("certificate-differs")),
            _ => Ok(Next::Send(patient)),
        }
    }

    async fn patient(&self) -> Result<String, Outcome> {
        if let Some(proved) = self.cleared.index_id() {
            return Ok(proved.to_owned());
        }
        let known = self.tis.patient(self.errand("index"), self.cleared.subject(), self.means).await;
        known.map_err(Trouble::before_the_document)?.ok_or_else(|| refused("subject-not-in-index"))
    }

    /// The certificate as TIS has it under `id`, if it is the patient's.
    async fn present(&self, id: &str, patient: &str) -> Result<(Certificate, Bytes), Outcome> {
        let reply = self.ask("present", Resource::root().at("Composition").item(id)).await?;
        if matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(refused("certificate-unknown"));
        }
        let certificate = readable(&reply, Certificate::read)?;
        if certificate.patient().as_deref() != Some(patient) {
            return Err(Outcome::AnotherSubject);
        }
        Ok((certificate, reply.body))
    }

    /// The certificate with our number, if TIS has one of this patient.
    async fn find(&self, patient: &str) -> Result<Option<(Certificate, Bytes)>, Outcome> {
        let Some(number) = self.certificate.as_ref().and_then(Certificate::number) else { return Ok(None) };
        let resource = Resource::root()
            .at("Composition")
            .query("subject", &format!("Patient/{patient}"))
            .query("identifier", &format!("{NUMBER_SYSTEM}|{number}"));
        let reply = self.ask("search", resource).await?;
        let found = readable(&reply, |body| Certificate::in_bundle(body, number))?;
        Ok(found.map(|certificate| (certificate, reply.body)))
    }

    async fn ask(&self, step: &str, resource: Resource) -> Result<Reply, Outcome> {
        let request = FhirRequest { method: Method::GET, resource, body: None };
        let reply = self.tis.fhir(self.errand(step), request, self.means).await;
        reply.map_err(Trouble::before_the_document)
    }

    async fn send(&self, patient: &str) -> Outcome {
        let Some(request) = self.request(patient) else { return refused("payload-unreadable") };
        let reply = match self.tis.fhir(self.errand("post"), request, self.means).await {
            Ok(reply) => reply,
            Err(trouble) => return trouble.with_the_document(),
        };
        if !reply.status.is_success() {
            return no_success(&reply, self.means.clock.now());
        }
        match objection(&reply.body) {
            Some(Objection::Refusal(refusal)) => return Outcome::Refused(refusal),
            Some(Objection::Setback) => return Outcome::Unknown(Setback::new("operation-outcome")),
            None => {}
        }
        // A status says nothing yet: the answer must be the certificate as we wanted it, of this patient.
        let confirmed = Certificate::read(&reply.body)
            .filter(|theirs| self.is_done_in(theirs) && theirs.patient().as_deref() == Some(patient));
        match confirmed {
            Some(theirs) => Outcome::Delivered(theirs.acknowledgement(reply.body)),
            None => Outcome::Unknown(Setback::new("answer-unreadable")),
        }
    }

    /// The call; the patient's reference is framing, put in here.
    fn request(&self, patient: &str) -> Option<FhirRequest> {
        let body = &self.cleared.payload().bytes;
        let compositions = Resource::root().at("Composition");
        if self.certificate.is_none() {
            let resource = compositions.item(self.id.as_deref()?).at("$cancel");
            return Some(FhirRequest { method: Method::POST, resource, body: Some(body.clone()) });
        }
        let mut members = Members::parse(body)?;
        members.set("subject", to_raw_value(&json!([{ "reference": format!("Patient/{patient}") }])).ok()?);
        let body = Some(Bytes::from(members.to_json()?));
        Some(match &self.id {
            Some(id) => FhirRequest { method: Method::PUT, resource: compositions.item(id), body },
            None => FhirRequest { method: Method::POST, resource: compositions, body },
        })
    }

    /// Whether what TIS has is what this transfer wants.
    fn is_done_in(&self, theirs: &Certificate) -> bool {
        let same_id = self.id.is_none() || self.id.as_deref() == theirs.id();
        same_id
            && theirs.id().is_some()
            && match &self.certificate {
                Some(ours) => {
                    ours.number() == theirs.number()
                        && CONTENT.iter().all(|name| ours.0.get(name) == theirs.0.get(name))
                }
                None => theirs.0.get("status").and_then(Value::as_str) == Some("entered-in-error"),
            }
    }

    fn errand(&self, step: &str) -> Errand<'a> {
        let (_, professional, role) = self.cleared.professional();
        Errand {
            professional,
            role,
            reason: self.cleared.reason(),
            message: self.cleared.transfer().message(step),
        }
    }
}

impl Certificate {
    fn read(json: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(json).ok()?;
        (value.get("resourceType")?.as_str()? == "Composition").then_some(Self(value))
    }

    /// The certificate with this number in a Bundle; an answer with further pages, and without it, says nothing.
    fn in_bundle(json: &[u8], number: &str) -> Option<Option<Self>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Bundle<'b> {
            resource_type: String,
            #[serde(default)]
            link: Vec<Link>,
            #[serde(default, borrow)]
            entry: Vec<Entry<'b>>,
        }

        #[derive(Deserialize)]
        struct Link {
            relation: String,
        }

        #[derive(Deserialize)]
        struct Entry<'b> {
            #[serde(borrow)]
            resource: Option<&'b RawValue>,
        }

        let bundle: Bundle<'_> = serde_json::from_slice(json).ok()?;
        if bundle.resource_type != "Bundle" {
            return None;
        }
        let resources = bundle.entry.iter().filter_map(|entry| entry.resource);
        let mut certificates = resources.filter_map(|resource| Self::read(resource.get().as_bytes()));
        match certificates.find(|certificate| certificate.number() == Some(number)) {
            Some(found) => Some(Some(found)),
            None if bundle.link.iter().any(|link| link.relation == "next") => None,
            None => Some(None),
        }
    }

    fn id(&self) -> Option<&str> {
        self.0.get("id")?.as_str()
    }

    fn number(&self) -> Option<&str> {
        let identifiers = self.0.get("identifier")?.as_array()?;
        let ours = identifiers
            .iter()
            .find(|identifier| identifier.get("system").and_then(Value::as_str) == Some(NUMBER_SYSTEM))?;
        ours.get("value")?.as_str()
    }

    /// The patient's id, without the version that TIS adds.
    fn patient(&self) -> Option<String> {
        let reference = self.0.pointer("/subject/0/reference")?.as_str()?.strip_prefix("Patient/")?;
        Some(reference.split('/').next()?.to_owned())
    }

    fn acknowledgement(&self, proof: Bytes) -> Acknowledgement {
        let reference = self.id().map(|id| format!("Composition/{id}"));
        Acknowledgement { reference: reference.filter(|it| certificate_id(it).is_some()), proof }
    }
}

/// What the body of an answer to a question says.
fn readable<T>(reply: &Reply, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, Outcome> {
    if reply.status == StatusCode::FORBIDDEN {
        return Err(refused("tis-professional-not-entitled"));
    }
    if reply.status != StatusCode::OK || objection(&reply.body).is_some() {
        return Err(Outcome::Failed(Setback::new(format!("http-{}", reply.status.as_u16()))));
    }
    read(&reply.body).ok_or_else(|| Outcome::Failed(Setback::new("answer-unreadable")))
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused(DestinationRefusal { code: code.to_owned(), faults: Vec::new() })
}
