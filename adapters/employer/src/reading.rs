//! From what the profile left of a certificate to a [`HealthCheckDecision`]: what has no field there stays behind.

use clearance::declaration::Declaration;
use clearance::fault::Fault;
use serde::Deserialize;

use crate::decision::{
    Code, Condition, Doctor, HealthCheckDecision, Job, Limit, Period, RegistryCode, Restriction, Status,
    Verdict, Worker,
};
use crate::document::{CONDITION, DECISION, EMPLOYMENT, HAZARD, JOB, NUMBERS, RESTRICTION, SNOMED, WORKLOAD};
use crate::suggestion::{ReleasedSuggestion, Withheld};

impl HealthCheckDecision {
    /// The decision in `document`.
    ///
    /// # Errors
    /// Everything that keeps a decision from being made of it.
    pub(crate) fn read(document: &[u8], declaration: &Declaration) -> Result<Self, Vec<Fault>> {
        let composition: Composition = serde_json::from_slice(document).map_err(|_| vec![unreadable("")])?;
        let mut faults = Vec::new();
        match composition.decision(declaration, &mut faults) {
            Some(decision) if faults.is_empty() => Ok(decision),
            _ => Err(faults),
        }
    }
}

#[derive(Deserialize)]
struct Composition {
    #[serde(default)]
    identifier: Vec<Identifier>,
    status: Option<String>,
    date: Option<String>,
    #[serde(default)]
    event: Vec<Event>,
    #[serde(default)]
    contained: Vec<Contained>,
    #[serde(default)]
    section: Vec<Section>,
}

#[derive(Deserialize)]
struct Identifier {
    system: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    period: Option<Span>,
}

#[derive(Deserialize)]
struct Span {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
struct Section {
    code: Option<Concept>,
    text: Option<Narrative>,
}

#[derive(Deserialize)]
struct Narrative {
    div: Option<String>,
}

#[derive(Deserialize, Default)]
struct Concept {
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    system: Option<String>,
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contained {
    resource_type: String,
    code: Option<Concept>,
    value_codeable_concept: Option<Concept>,
    #[serde(default)]
    component: Vec<Component>,
    #[serde(default)]
    performer: Vec<Reference>,
    practitioner: Option<Reference>,
    organization: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    reference: Option<String>,
    identifier: Option<Identifier>,
    display: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    code: Option<Concept>,
    value_codeable_concept: Option<Concept>,
    value_quantity: Option<Quantity>,
}

#[derive(Deserialize)]
struct Quantity {
    value: Option<serde_json::Number>,
    code: Option<String>,
}

impl Composition {
    /// Every member is read before any `?`, so that all faults are found.
    fn decision(&self, declaration: &Declaration, faults: &mut Vec<Fault>) -> Option<HealthCheckDecision> {
        let number = found(self.number(), "/identifier", faults);
        let date = found(self.date.as_ref().and_then(|date| date.parse().ok()), "/date", faults);
        let status = found(self.status.as_deref().and_then(Status::of), "/status", faults);
        let verdict = found(self.verdict(), "/section", faults);
        let employment = found(self.one_observation(EMPLOYMENT), "/section", faults);
        let employer = found(employment.and_then(Contained::employer), "/section", faults);
        let provider = found(self.provider(), "/author", faults);
        let restrictions = found(self.restrictions(), "/contained", faults);
        let hazards = found(self.values(HAZARD), "/contained", faults);
        let conditions = found(self.values(CONDITION), "/contained", faults);
        let suggestion = self.suggestion(declaration, faults);
        let period = self.period();
        if verdict.is_some_and(Verdict::needs_period) && period.is_none() {
            faults.push(Fault::new(
                "period-missing",
                "/event/0/period",
                "a positive decision holds for a period, and there is none",
                "say from when and until when the decision holds",
            ));
        }
        self.is_for_the_recipient(employer.as_ref(), declaration, faults);
        Some(HealthCheckDecision {
            number: number?,
            date: date?,
            status: status?,
            worker: Worker {
                identifier: declaration.subject.identifier.clone(),
                given: declaration.subject.given.clone(),
                family: declaration.subject.family.clone(),
            },
            employer: employer?,
            employer_name: employment
                .and_then(|employment| employment.performer.first()?.display.as_ref()?.parse().ok()),
            job: employment.map(Contained::job).unwrap_or_default(),
            hazards: hazards?,
            verdict: verdict?,
            restrictions: restrictions?,
            conditions: conditions?.into_iter().map(Condition).collect(),
            suggestion,
            period,
            doctor: Doctor {
                code: declaration.professional.code.clone(),
                name: self.doctor_name(),
                provider: provider?,
            },
        })
    }

    fn number(&self) -> Option<Code> {
        let is_number = |identifier: &&Identifier| identifier.system.as_deref() == Some(NUMBERS);
        self.identifier.iter().find(is_number)?.value.as_ref()?.parse().ok()
    }

    fn verdict(&self) -> Option<Verdict> {
        Verdict::of(self.one_observation(DECISION)?.value_codeable_concept.as_ref()?.code()?)
    }

    fn observations(&self, code: &str) -> impl Iterator<Item = &Contained> {
        self.contained.iter().filter(move |resource| {
            resource.resource_type == "Observation"
                && resource.code.as_ref().is_some_and(|concept| concept.is(SNOMED, code))
        })
    }

    /// The observation of this kind, if there is exactly one: of two, nobody could say which holds.
    fn one_observation(&self, code: &str) -> Option<&Contained> {
        let mut observations = self.observations(code);
        observations.next().filter(|_| observations.next().is_none())
    }

    /// The coded values of all observations of this kind.
    fn values(&self, code: &str) -> Option<Vec<Code>> {
        let value =
            |observation: &Contained| observation.value_codeable_concept.as_ref()?.code()?.parse().ok();
        self.observations(code).map(value).collect()
    }

    fn restrictions(&self) -> Option<Vec<Restriction>> {
        let components = self.observations(RESTRICTION).flat_map(|observation| &observation.component);
        components.map(Component::restriction).collect()
    }

    fn role(&self) -> Option<&Contained> {
        self.contained.iter().find(|resource| resource.resource_type == "PractitionerRole")
    }

    fn provider(&self) -> Option<RegistryCode> {
        let reference = self.role()?.organization.as_ref()?.reference.as_deref()?;
        reference.strip_prefix("Organization/")?.parse().ok()
    }

    fn doctor_name(&self) -> Option<crate::decision::PersonName> {
        self.role()?.practitioner.as_ref()?.display.as_ref()?.parse().ok()
    }

    fn period(&self) -> Option<Period> {
        let span = self.event.iter().find_map(|event| event.period.as_ref())?;
        Some(Period { start: span.start.as_ref()?.parse().ok()?, end: span.end.as_ref()?.parse().ok()? })
    }

    fn suggestion(&self, declaration: &Declaration, faults: &mut Vec<Fault>) -> Option<ReleasedSuggestion> {
        let is_suggestion = |section: &&Section| {
            section.code.as_ref().is_some_and(|code| code.code() == Some("employer-suggestions"))
        };
        let section = self.section.iter().find(is_suggestion)?;
        let div = section.text.as_ref()?.div.as_deref()?;
        let (detail, remedy) = match ReleasedSuggestion::of(div, declaration) {
            Ok(suggestion) => return Some(suggestion),
            // Then the profile has not kept it; this is the second net.
            Err(Withheld::NotReleased) => return None,
            Err(Withheld::NotPlain) => (
                "the suggestion to the employer is not plain text of 1 to 1000 characters in one `div`",
                "send it without markup of its own",
            ),
            Err(Withheld::NamesDiagnosis) => (
                "the suggestion to the employer looks as if it named a diagnosis",
                "say what is to be done, not why",
            ),
        };
        faults.push(Fault::new("suggestion-not-releasable", "/section", detail, remedy));
        None
    }

    /// A decision goes to the employer it is about, and to no other.
    fn is_for_the_recipient(
        &self,
        employer: Option<&RegistryCode>,
        declaration: &Declaration,
        faults: &mut Vec<Fault>,
    ) {
        let recipient = declaration.recipient.as_ref().map(|recipient| recipient.value.expose());
        if employer.is_some() && employer.map(RegistryCode::as_str) != recipient {
            faults.push(Fault::new(
                "wrong-recipient",
                "/recipient",
                "the decision is for another employer than the declared recipient",
                "declare the employer that the document names",
            ));
        }
    }
}

impl Contained {
    fn employer(&self) -> Option<RegistryCode> {
        self.performer.first()?.identifier.as_ref()?.value.as_ref()?.parse().ok()
    }

    fn job(&self) -> Job {
        let component = |code: &str| {
            self.component
                .iter()
                .find(|component| component.code.as_ref().is_some_and(|concept| concept.is(SNOMED, code)))
        };
        let occupation =
            component(JOB).and_then(|job| job.value_codeable_concept.as_ref()?.code()?.parse().ok());
        let workload = component(WORKLOAD).and_then(|rate| rate.value_quantity.as_ref()?.value.clone());
        Job { occupation, workload: workload.filter(is_workload) }
    }
}

/// A workload is above 0 and at most 1 (EEHealthCertificateOccupationalEmployment).
fn is_workload(value: &serde_json::Number) -> bool {
    value.as_f64().is_some_and(|value| value > 0.0 && value <= 1.0)
}

impl Component {
    /// A restriction, whole or not at all: without its limit it would say something else.
    fn restriction(&self) -> Option<Restriction> {
        let limit = match (&self.value_quantity, &self.value_codeable_concept) {
            (Some(quantity), _) => {
                Some(Limit::Quantity(quantity.value.clone()?, quantity.code.as_ref()?.parse().ok()?))
            }
            (None, Some(hazard)) => Some(Limit::Hazard(hazard.code()?.parse().ok()?)),
            (None, None) => None,
        };
        Some(Restriction { code: self.code.as_ref()?.code()?.parse().ok()?, limit })
    }
}

impl Concept {
    fn code(&self) -> Option<&str> {
        self.coding.iter().find_map(|coding| coding.code.as_deref())
    }

    fn is(&self, system: &str, code: &str) -> bool {
        self.coding
            .iter()
            .any(|coding| coding.system.as_deref() == Some(system) && coding.code.as_deref() == Some(code))
    }
}

fn found<T>(value: Option<T>, pointer: &str, faults: &mut Vec<Fault>) -> Option<T> {
    if value.is_none() {
        faults.push(unreadable(pointer));
    }
    value
}

fn unreadable(pointer: &str) -> Fault {
    Fault::new(
        "decision-unreadable",
        pointer,
        "a part of the decision is missing, there twice, or not what the profile EEHealthCertificateOccupational says",
        "send the certificate as that profile describes it",
    )
}
