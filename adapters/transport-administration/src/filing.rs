//! Filing in TIS: the patient's id, what TIS already has, then the one call that carries the document.
//!
//! A certificate that is changed, suspended or cancelled is looked at first, whoever's id was declared: an id alone
//! would let one person's certificate be cancelled in the name of another.

use bytes::Bytes;
use clearance::adapter::{Acknowledgement, DestinationRefusal, Means, Outcome, Reply, Setback};
use clearance::journey::Cleared;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::value::to_raw_value;
use x_road::request::Resource;
use x_road::tis::members::Members;
use x_road::tis::outcome::{Objection, no_success, objection, still_unknown};
use x_road::tis::{Errand, FhirRequest, Tis};
use x_road::trouble::{Trouble, retry_after};

use crate::certificate::{Bundle, Certificate, NUMBER_SYSTEM};

/// More certificates than one person has: a search answers on one page.
const SEARCH_COUNT: &str = "50";

/// What is done to a certificate at TIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Suspend,
    Cancel,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Suspend, Self::Cancel];

    /// The code under which it rests with the payload.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Suspend => "suspend",
            Self::Cancel => "cancel",
        }
    }

    /// The FHIR status that a certificate has after it; `None` when the document says.
    const fn status_after(self) -> Option<&'static str> {
        match self {
            Self::Create | Self::Update => None,
            Self::Suspend => Some("cancelled"),
            Self::Cancel => Some("entered-in-error"),
        }
    }
}

/// The id in `Composition/<id>`.
pub(crate) fn certificate_id(reference: &str) -> Option<&str> {
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
    let target = match filing.prepare().await {
        Ok(target) => target,
        Err(outcome) if cleared.perhaps_delivered() => return still_unknown(outcome),
        Err(outcome) => return outcome,
    };
    match target {
        Target::Reached(acknowledgement) => Outcome::Delivered(acknowledgement),
        Target::AnotherIsThere => refused("certificate-differs"),
        Target::Patient(patient) => filing.send(&patient).await,
    }
}

/// One attempt.
struct Filing<'a> {
    tis: &'a Tis,
    cleared: &'a Cleared,
    means: &'a Means<'a>,
    operation: Operation,
    /// Ours, where a certificate is sent.
    certificate: Option<Certificate>,
    /// The id at TIS, unless the certificate is new.
    id: Option<String>,
}

/// What is to be done after looking.
enum Target {
    /// Nothing: an earlier attempt has arrived.
    Reached(Acknowledgement),
    /// Nothing: the number stands for something else.
    AnotherIsThere,
    /// The call, for the patient with this id.
    Patient(String),
}

impl<'a> Filing<'a> {
    fn of(tis: &'a Tis, cleared: &'a Cleared, means: &'a Means<'a>) -> Option<Self> {
        let payload = cleared.payload();
        let operation = Operation::ALL.into_iter().find(|known| known.code() == payload.operation)?;
        let (certificate, id) = match operation {
            Operation::Create => (Some(Certificate::read(&payload.bytes)?), None),
            Operation::Update => {
                let certificate = Certificate::read(&payload.bytes)?;
                let id = certificate.id.clone()?;
                (Some(certificate), Some(id))
            }
            Operation::Suspend | Operation::Cancel => {
                let named = cleared.evidence("certificate")?;
                (None, Some(certificate_id(named.expose())?.to_owned()))
            }
        };
        Some(Self { tis, cleared, means, operation, certificate, id })
    }

    /// Everything before the document: nothing of it is sent here.
    async fn prepare(&self) -> Result<Target, Outcome> {
        let patient = self.patient().await?;
        let present = match &self.id {
            Some(id) => Some(self.present(id, &patient).await?),
            None if self.cleared.perhaps_delivered() => self.find(&patient).await?,
            None => None,
        };
        Ok(match present {
            Some(present) if self.cleared.perhaps_delivered() && self.is_done_in(&present.certificate) => {
                Target::Reached(present.acknowledgement())
            }
            Some(_) if self.id.is_none() => Target::AnotherIsThere,
            _ => Target::Patient(patient),
        })
    }

    async fn patient(&self) -> Result<String, Outcome> {
        if let Some(proved) = self.cleared.index_id() {
            return Ok(proved.to_owned());
        }
        let known = self.tis.patient(self.errand("index"), self.cleared.subject(), self.means).await;
        known.map_err(Trouble::before_the_document)?.ok_or_else(|| refused("subject-not-in-index"))
    }

    /// The certificate as TIS has it under `id`, if it is the patient's.
    async fn present(&self, id: &str, patient: &str) -> Result<Present, Outcome> {
        let resource = Resource::root().at("Composition").item(id);
        let reply = self.ask("present", resource).await?;
        if matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(refused("certificate-unknown"));
        }
        let certificate =
            self.readable(&reply).and_then(|body| Certificate::read(body).ok_or_else(unreadable))?;
        if certificate.patient.as_deref() != Some(patient) {
            return Err(Outcome::AnotherSubject);
        }
        Ok(Present { certificate, proof: reply.body })
    }

    /// The certificate with our number, if TIS has one. `identifier` is FHIR's parameter and none that TIS lists, so
    /// the subject, which it does, narrows the search as well and the number is compared here.
    async fn find(&self, patient: &str) -> Result<Option<Present>, Outcome> {
        let Some(ours) = &self.certificate else {
            return Ok(None);
        };
        let resource = Resource::root()
            .at("Composition")
            .query("subject", &format!("Patient/{patient}"))
            .query("identifier", &format!("{NUMBER_SYSTEM}|{}", ours.number))
            .query("_count", SEARCH_COUNT);
        let reply = self.ask("search", resource).await?;
        let found = Bundle::certificate(self.readable(&reply)?, &ours.number).map_err(|()| unreadable())?;
        Ok(found.map(|certificate| Present { certificate, proof: reply.body }))
    }

    async fn ask(&self, step: &str, resource: Resource) -> Result<Reply, Outcome> {
        let request = FhirRequest { method: Method::GET, resource, body: None };
        let reply = self.tis.fhir(self.errand(step), request, self.means).await;
        reply.map_err(Trouble::before_the_document)
    }

    /// The body of an answer to a question.
    fn readable<'r>(&self, reply: &'r Reply) -> Result<&'r [u8], Outcome> {
        if reply.status == StatusCode::OK && objection(&reply.body).is_none() {
            return Ok(&reply.body);
        }
        let retry_after = retry_after(&reply.headers, self.means.clock.now());
        Err(match reply.status {
            StatusCode::FORBIDDEN => refused("tis-professional-not-entitled"),
            status => Outcome::Failed(Setback { code: format!("http-{}", status.as_u16()), retry_after }),
        })
    }

    /// Whether what TIS has is what this transfer wants.
    fn is_done_in(&self, present: &Certificate) -> bool {
        match (&self.certificate, self.operation.status_after()) {
            (Some(ours), _) => ours.says_the_same_as(present),
            (None, status) => status == Some(present.status.as_str()),
        }
    }

    async fn send(&self, patient: &str) -> Outcome {
        let Some(request) = self.request(patient) else {
            return refused("payload-unreadable");
        };
        let reply = match self.tis.fhir(self.errand("post"), request, self.means).await {
            Ok(reply) => reply,
            Err(trouble) => return trouble.with_the_document(),
        };
        if reply.status.is_success() {
            return self.confirmed(&reply, patient);
        }
        let refusal = no_success(&reply, self.means.clock.now());
        if reply.status == StatusCode::CONFLICT && self.operation == Operation::Create {
            return match self.find(patient).await {
                Ok(Some(present)) if self.is_done_in(&present.certificate) => {
                    Outcome::Delivered(present.acknowledgement())
                }
                Ok(_) => refusal,
                Err(outcome) => still_unknown(outcome),
            };
        }
        refusal
    }

    /// The call; the patient's reference is framing, put in here.
    fn request(&self, patient: &str) -> Option<FhirRequest> {
        #[derive(Serialize)]
        struct Subject {
            reference: String,
        }

        let payload = &self.cleared.payload().bytes;
        let body = if self.certificate.is_some() {
            let mut members = Members::parse(payload)?;
            let subject = [Subject { reference: format!("Patient/{patient}") }];
            members.set("subject", to_raw_value(&subject).ok()?);
            Bytes::from(members.to_json()?)
        } else {
            payload.clone()
        };
        let compositions = Resource::root().at("Composition");
        let (method, resource) = match (self.operation, &self.id) {
            (Operation::Create, _) => (Method::POST, compositions),
            (Operation::Update, id) => (Method::PUT, compositions.item(id.as_deref()?)),
            (Operation::Suspend, id) => (Method::POST, compositions.item(id.as_deref()?).at("$suspend")),
            (Operation::Cancel, id) => (Method::POST, compositions.item(id.as_deref()?).at("$cancel")),
        };
        Some(FhirRequest { method, resource, body: Some(body) })
    }

    /// A status says nothing yet: the answer must be the certificate as we wanted it.
    fn confirmed(&self, reply: &Reply, patient: &str) -> Outcome {
        match objection(&reply.body) {
            Some(Objection::Refusal(refusal)) => return Outcome::Refused(refusal),
            Some(Objection::Setback) => return Outcome::Unknown(Setback::new("operation-outcome")),
            None => {}
        }
        let confirmed = Certificate::read(&reply.body).filter(|theirs| self.is_confirmed_by(theirs, patient));
        confirmed.map_or_else(
            || Outcome::Unknown(Setback::new("answer-unreadable")),
            |certificate| {
                Outcome::Delivered(Present { certificate, proof: reply.body.clone() }.acknowledgement())
            },
        )
    }

    fn is_confirmed_by(&self, theirs: &Certificate, patient: &str) -> bool {
        let same_certificate = match &self.certificate {
            Some(ours) => ours.number == theirs.number && ours.status == theirs.status,
            None => self.operation.status_after() == Some(theirs.status.as_str()),
        };
        same_certificate
            && theirs.id.is_some()
            && (self.id.is_none() || self.id == theirs.id)
            && theirs.patient.as_deref() == Some(patient)
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

/// A certificate as TIS has it, with the bytes that prove it.
struct Present {
    certificate: Certificate,
    proof: Bytes,
}

impl Present {
    fn acknowledgement(self) -> Acknowledgement {
        let id = self.certificate.id.filter(|id| certificate_id(&format!("Composition/{id}")).is_some());
        let version =
            self.certificate.version.filter(|version| version.bytes().all(|c| c.is_ascii_alphanumeric()));
        let reference = id.map(|id| match version {
            Some(version) => format!("Composition/{id}/_history/{version}"),
            None => format!("Composition/{id}"),
        });
        Acknowledgement { reference, proof: self.proof }
    }
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused(DestinationRefusal { code: code.to_owned(), faults: Vec::new() })
}

fn unreadable() -> Outcome {
    Outcome::Failed(Setback::new("answer-unreadable"))
}

#[cfg(test)]
mod tests;
