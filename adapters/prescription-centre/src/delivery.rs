//! One attempt: the patient's id, what the centre already has, then the one call that carries the prescription.
//!
//! A prescription that is changed or cancelled is looked at first, under the number and the patient, and written over only in the
//! version that was seen. One that may have been issued already is looked for by who wrote what for whom when.

use bytes::Bytes;
use clearance::adapter::{Acknowledgement, Means, Outcome, Reply, Setback};
use clearance::journey::Cleared;
use http::header::IF_MATCH;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::value::to_raw_value;
use x_road::tis::members::Members;
use x_road::tis::outcome::{Objection, no_success, objection, still_unknown};
use x_road::tis::{Errand, FhirRequest};
use x_road::trouble::Trouble;

use crate::centre::{Centre, prescriptions, refused};
use crate::prescription::{Likeness, NUMBER_SYSTEM, Page, Prescription};

/// More prescriptions than one professional writes for one patient in one second: a search answers on one page.
const SEARCH_COUNT: &str = "50";

/// What is done at the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Issue,
    Change,
    Cancel,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Issue, Self::Change, Self::Cancel];

    /// The code under which it rests with the payload.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Change => "change",
            Self::Cancel => "cancel",
        }
    }
}

/// Hands a transfer to the centre.
pub(crate) async fn deliver(centre: &Centre, cleared: &Cleared, means: &Means<'_>) -> Outcome {
    let Some(attempt) = Attempt::of(centre, cleared, means) else {
        // What this adapter has shaped is always readable; a payload of another make is not guessed at.
        return refused("payload-unreadable");
    };
    match attempt.prepare().await {
        Ok(Step::Reached(acknowledgement)) => Outcome::Delivered(acknowledgement),
        Ok(Step::Send { patient, over }) => attempt.send(&patient, over.as_ref()).await,
        Err(outcome) if cleared.perhaps_delivered() => still_unknown(outcome),
        Err(outcome) => outcome,
    }
}

struct Attempt<'a> {
    centre: &'a Centre,
    cleared: &'a Cleared,
    means: &'a Means<'a>,
    operation: Operation,
    ours: Prescription,
}

/// What is to be done after looking.
enum Step {
    /// Nothing: an earlier attempt has arrived.
    Reached(Acknowledgement),
    /// The call, for the patient with this id, over what is there.
    Send { patient: String, over: Option<Prescription> },
}

impl<'a> Attempt<'a> {
    fn of(centre: &'a Centre, cleared: &'a Cleared, means: &'a Means<'a>) -> Option<Self> {
        let payload = cleared.payload();
        let operation = Operation::ALL.into_iter().find(|known| known.code() == payload.operation)?;
        let ours = Prescription::read(&payload.bytes)?;
        Some(Self { centre, cleared, means, operation, ours })
    }

    /// Everything before the prescription: nothing of it is sent here.
    async fn prepare(&self) -> Result<Step, Outcome> {
        let patient = self.patient().await?;
        match self.operation {
            Operation::Issue if self.cleared.perhaps_delivered() => Ok(match self.issued(&patient).await? {
                Some(acknowledgement) => Step::Reached(acknowledgement),
                None => Step::Send { patient, over: None },
            }),
            Operation::Issue => Ok(Step::Send { patient, over: None }),
            Operation::Change | Operation::Cancel => {
                let (present, proof) = self.present(&patient).await?;
                Ok(if self.cleared.perhaps_delivered() && self.is_done_in(&present) {
                    Step::Reached(acknowledgement(&present, proof))
                } else {
                    Step::Send { patient, over: Some(present) }
                })
            }
        }
    }

    async fn patient(&self) -> Result<String, Outcome> {
        if let Some(proved) = self.cleared.index_id() {
            return Ok(proved.to_owned());
        }
        let known = self.centre.tis.patient(self.errand("index"), self.cleared.subject(), self.means).await;
        known.map_err(Trouble::before_the_document)?.ok_or_else(|| refused("subject-not-in-index"))
    }

    /// The prescription of our number, if it is the patient's. The patient narrows the search, so that the centre shows
    /// nobody else's, and is compared all the same.
    async fn present(&self, patient: &str) -> Result<(Prescription, Bytes), Outcome> {
        let number = self.ours.number().ok_or_else(|| refused("payload-unreadable"))?;
        let resource = prescriptions()
            .query("identifier", &format!("{NUMBER_SYSTEM}|{number}"))
            .query("subject", &format!("Patient/{patient}"));
        let reply = self.centre.ask(self.errand("present"), resource, self.means).await?;
        let page = Page::read(&reply.body).ok_or_else(unreadable)?;
        let mut found = page.prescriptions().map(|(theirs, _)| theirs);
        let present = match (found.next(), found.next()) {
            (Some(present), None) if present.number() == Some(number) => present,
            (None, _) => return Err(refused("prescription-unknown")),
            _ => return Err(unreadable()),
        };
        if present.patient() != Some(patient) {
            return Err(Outcome::AnotherSubject);
        }
        Ok((present, reply.body))
    }

    /// What the centre has made of our prescription, if it has.
    async fn issued(&self, patient: &str) -> Result<Option<Acknowledgement>, Outcome> {
        let written = self.ours.authored_on().ok_or_else(|| refused("payload-unreadable"))?;
        let resource = prescriptions()
            .query("subject", &format!("Patient/{patient}"))
            .query("authoredon", written)
            .query("_count", SEARCH_COUNT);
        let reply = self.centre.ask(self.errand("search"), resource, self.means).await?;
        let page = Page::read(&reply.body).ok_or_else(unreadable)?;
        let of_patient = page.prescriptions().filter(|(theirs, _)| theirs.patient() == Some(patient));
        let alike: Vec<_> = of_patient
            .map(|(theirs, _)| (self.ours.became(&theirs), theirs))
            .filter(|(likeness, _)| *likeness != Likeness::Other)
            .collect();
        match alike.as_slice() {
            // A service that does not know `authoredon` answers with all: those not shown may hold ours.
            [] if page.next().is_some() => Err(Outcome::Failed(Setback::new("search-incomplete"))),
            [] => Ok(None),
            [(Likeness::Same, theirs)] if theirs.number().is_some() => {
                Ok(Some(acknowledgement(theirs, reply.body.clone())))
            }
            _ => Err(Outcome::Failed(Setback::new("prescription-ambiguous"))),
        }
    }

    /// Whether what the centre has is what this transfer wants.
    fn is_done_in(&self, present: &Prescription) -> bool {
        match self.operation {
            Operation::Cancel => {
                present.status() == self.ours.status() && present.status_reason() == self.ours.status_reason()
            }
            Operation::Issue | Operation::Change => self.ours.is_told_by(present),
        }
    }

    async fn send(&self, patient: &str, over: Option<&Prescription>) -> Outcome {
        let Some((request, headers)) = self.request(patient, over) else {
            return refused("payload-unreadable");
        };
        let reply = match self.centre.call(self.errand("post"), request, &headers, self.means).await {
            Ok(reply) => reply,
            Err(trouble) => return trouble.with_the_document(),
        };
        match reply.status {
            status if status.is_success() => self.confirmed(&reply, patient),
            // Somebody was quicker, and nothing was done: the next attempt looks anew.
            StatusCode::PRECONDITION_FAILED => {
                Outcome::Failed(Setback::new("prescription-changed-meanwhile"))
            }
            StatusCode::CONFLICT if self.operation == Operation::Issue => match self.issued(patient).await {
                Ok(Some(acknowledgement)) => Outcome::Delivered(acknowledgement),
                Ok(None) => no_success(&reply, self.means.clock.now()),
                Err(outcome) => still_unknown(outcome),
            },
            _ => no_success(&reply, self.means.clock.now()),
        }
    }

    /// The call. The patient's reference and the id at the centre are framing, put in here.
    fn request(&self, patient: &str, over: Option<&Prescription>) -> Option<(FhirRequest, HeaderMap)> {
        #[derive(Serialize)]
        struct Subject {
            reference: String,
        }

        let mut members = Members::parse(&self.cleared.payload().bytes)?;
        let subject = Subject { reference: format!("Patient/{patient}") };
        members.set("subject", to_raw_value(&subject).ok()?);
        let mut headers = HeaderMap::new();
        let (method, resource) = match over {
            None => (Method::POST, prescriptions()),
            Some(present) => {
                members.set("id", to_raw_value(present.id()?).ok()?);
                let seen = format!("W/\"{}\"", present.version()?);
                headers.insert(IF_MATCH, HeaderValue::from_str(&seen).ok()?);
                (Method::PUT, prescriptions().item(present.id()?))
            }
        };
        let body = Some(Bytes::from(members.to_json()?));
        Some((FhirRequest { method, resource, body }, headers))
    }

    /// A status says nothing yet: the answer must be the prescription as we wanted it, with its number.
    fn confirmed(&self, reply: &Reply, patient: &str) -> Outcome {
        match objection(&reply.body) {
            Some(Objection::Refusal(refusal)) => return Outcome::Refused(refusal),
            Some(Objection::Setback) => return Outcome::Unknown(Setback::new("operation-outcome")),
            None => {}
        }
        let confirms = |theirs: &Prescription| {
            theirs.number().is_some()
                && (self.operation == Operation::Issue || theirs.number() == self.ours.number())
                && theirs.status() == self.ours.status()
                && theirs.patient() == Some(patient)
        };
        match Prescription::read(&reply.body).filter(confirms) {
            Some(theirs) => Outcome::Delivered(acknowledgement(&theirs, reply.body.clone())),
            None => Outcome::Unknown(Setback::new("answer-unreadable")),
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

/// The number, by which changes and cancellations name the prescription.
fn acknowledgement(theirs: &Prescription, proof: Bytes) -> Acknowledgement {
    Acknowledgement { reference: theirs.number().map(str::to_owned), proof }
}

fn unreadable() -> Outcome {
    Outcome::Failed(Setback::new("answer-unreadable"))
}

#[cfg(test)]
mod tests;
