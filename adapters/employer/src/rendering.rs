//! A [`HealthCheckDecision`] as FHIR: a `Composition` in the form of EEHealthCertificateOccupationalEmployer, but without what
//! that profile inherits and an employer must not get: reasons, notes, and the reference to the health declaration.
//!
//! It writes every member itself, with ids of its own: nothing of the doctor's document is copied.

use clearance::person::{ESTONIAN_PROFESSIONAL_CODE, ESTONIAN_REGISTRY_CODE};
use serde::Serialize;

use crate::decision::{HealthCheckDecision, Limit, Period, Restriction};
use crate::document::{
    CATEGORIES, CERTIFICATE, CONDITION, CONDITIONS, DECISION, EMPLOYMENT, HAZARD, HAZARDS, JOB, NUMBERS,
    OCCUPATIONS, PROFILE, RESTRICTION, RESTRICTIONS, SECTIONS, SNOMED, UNITS, WORKLOAD,
};

const TITLE: &str = "Töötervishoiu tervisekontrolli otsus";

impl HealthCheckDecision {
    /// The decision as FHIR R5 in JSON.
    pub fn to_fhir(&self) -> Vec<u8> {
        // Only text, numbers and lists are written, which cannot fail.
        serde_json::to_vec(&Composition::of(self)).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Composition<'a> {
    resource_type: &'static str,
    meta: Meta,
    contained: Vec<Contained<'a>>,
    identifier: [Identifier<'a>; 1],
    status: &'static str,
    r#type: Concept<'a>,
    category: [Concept<'a>; 1],
    subject: [Subject<'a>; 1],
    date: &'a str,
    author: [Local; 1],
    title: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    event: Vec<Event<'a>>,
    section: Vec<Section>,
}

#[derive(Serialize)]
struct Meta {
    profile: [&'static str; 1],
}

#[derive(Serialize)]
struct Identifier<'a> {
    system: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Concept<'a> {
    coding: [Coding<'a>; 1],
}

#[derive(Serialize)]
struct Coding<'a> {
    system: &'static str,
    code: &'a str,
}

/// The worker by identifier and name: an employer could not follow a reference into the patient index.
#[derive(Serialize)]
struct Subject<'a> {
    identifier: Identifier<'a>,
    display: String,
}

#[derive(Serialize)]
struct Local {
    reference: String,
}

#[derive(Serialize)]
struct Event<'a> {
    period: Span<'a>,
}

#[derive(Serialize)]
struct Span<'a> {
    start: &'a str,
    end: &'a str,
}

#[derive(Serialize)]
struct Section {
    code: Concept<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Narrative>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Local>,
}

#[derive(Serialize)]
struct Narrative {
    status: &'static str,
    div: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Contained<'a> {
    Role(Role<'a>),
    Observation(Box<Observation<'a>>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Role<'a> {
    resource_type: &'static str,
    id: &'static str,
    practitioner: Named<'a>,
    organization: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    identifier: Identifier<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Observation<'a> {
    resource_type: &'static str,
    id: String,
    status: &'static str,
    code: Concept<'static>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    performer: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_codeable_concept: Option<Concept<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    component: Vec<Component<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    code: Concept<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_codeable_concept: Option<Concept<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_quantity: Option<Quantity<'a>>,
}

#[derive(Serialize)]
struct Quantity<'a> {
    value: &'a serde_json::Number,
    system: &'static str,
    code: &'a str,
}

impl<'a> Composition<'a> {
    fn of(decision: &'a HealthCheckDecision) -> Self {
        let mut parts = Parts::default();
        parts.contained.push(Contained::Role(role(decision)));
        parts.employment(decision);
        let verdict = coded(SNOMED, decision.verdict.code());
        parts.observed("decision", DECISION, [Observed::Value(verdict)]);
        let restrictions =
            decision.restrictions.iter().map(|restriction| Observed::Component(restriction.component()));
        parts.observed("medical-restrictions", RESTRICTION, restrictions);
        let hazards = decision.hazards.iter().map(|hazard| Observed::Value(coded(HAZARDS, hazard.as_str())));
        parts.observed("risk-factors", HAZARD, hazards);
        let conditions = decision.conditions.iter();
        let conditions = conditions.map(|condition| Observed::Value(coded(CONDITIONS, condition.0.as_str())));
        parts.observed("work-additional-restrictions", CONDITION, conditions);
        parts.suggestion(decision);
        Self {
            resource_type: "Composition",
            meta: Meta { profile: [PROFILE] },
            contained: parts.contained,
            identifier: [Identifier { system: NUMBERS, value: decision.number.as_str() }],
            status: decision.status.code(),
            r#type: coded(SNOMED, CERTIFICATE),
            category: [coded(CATEGORIES, "occupational")],
            subject: [subject(decision)],
            date: decision.date.as_str(),
            author: [local("author")],
            title: TITLE,
            event: decision.period.iter().map(|period| Event { period: period.span() }).collect(),
            section: parts.sections,
        }
    }
}

/// What an observation says.
enum Observed<'a> {
    Value(Concept<'a>),
    Component(Component<'a>),
}

/// Sections, and the resources that they refer to.
#[derive(Default)]
struct Parts<'a> {
    contained: Vec<Contained<'a>>,
    sections: Vec<Section>,
}

impl<'a> Parts<'a> {
    fn employment(&mut self, decision: &'a HealthCheckDecision) {
        let employer = decision.employer.as_str();
        let job = decision.job.occupation.iter().map(|occupation| Component {
            code: coded(SNOMED, JOB),
            value_codeable_concept: Some(coded(OCCUPATIONS, occupation.as_str())),
            value_quantity: None,
        });
        let workload = decision.job.workload.iter().map(|value| Component {
            code: coded(SNOMED, WORKLOAD),
            value_codeable_concept: None,
            value_quantity: Some(Quantity { value, system: UNITS, code: "1" }),
        });
        let employment = Observation {
            performer: vec![Named {
                identifier: Identifier { system: ESTONIAN_REGISTRY_CODE, value: employer },
                // The profile wants a name; where none is known, the code is one.
                display: Some(decision.employer_name.as_ref().map_or(employer, |name| name.as_str())),
            }],
            component: job.chain(workload).collect(),
            ..observation("employment".to_owned(), EMPLOYMENT)
        };
        self.contained.push(Contained::Observation(Box::new(employment)));
        self.sections.push(Section {
            code: coded(SECTIONS, "employer"),
            text: Some(narrative(employer)),
            entry: vec![local("employment")],
        });
    }

    /// A section with one observation of the kind `code` for each of `all`; none without any.
    fn observed(
        &mut self,
        section: &'static str,
        code: &'static str,
        all: impl IntoIterator<Item = Observed<'a>>,
    ) {
        let mut entry = Vec::new();
        for (place, observed) in all.into_iter().enumerate() {
            let id = format!("{section}-{}", place + 1);
            entry.push(local(&id));
            let blank = observation(id, code);
            let observation = match observed {
                Observed::Value(value) => Observation { value_codeable_concept: Some(value), ..blank },
                Observed::Component(component) => Observation { component: vec![component], ..blank },
            };
            self.contained.push(Contained::Observation(Box::new(observation)));
        }
        if !entry.is_empty() {
            self.sections.push(Section { code: coded(SECTIONS, section), text: None, entry });
        }
    }

    fn suggestion(&mut self, decision: &HealthCheckDecision) {
        self.sections.extend(decision.suggestion.as_ref().map(|suggestion| Section {
            code: coded(SECTIONS, "employer-suggestions"),
            text: Some(narrative(suggestion.expose())),
            entry: Vec::new(),
        }));
    }
}

fn role(decision: &HealthCheckDecision) -> Role<'_> {
    let doctor = &decision.doctor;
    Role {
        resource_type: "PractitionerRole",
        id: "author",
        practitioner: Named {
            identifier: Identifier { system: ESTONIAN_PROFESSIONAL_CODE, value: doctor.code.expose() },
            display: doctor.name.as_ref().map(|name| name.as_str()),
        },
        organization: Named {
            identifier: Identifier { system: ESTONIAN_REGISTRY_CODE, value: doctor.provider.as_str() },
            display: None,
        },
    }
}

fn subject(decision: &HealthCheckDecision) -> Subject<'_> {
    let worker = &decision.worker;
    Subject {
        identifier: Identifier { system: &worker.identifier.system, value: worker.identifier.value.expose() },
        display: format!("{} {}", worker.given.expose(), worker.family.expose()),
    }
}

impl Restriction {
    fn component(&self) -> Component<'_> {
        let (hazard, quantity) = match &self.limit {
            None => (None, None),
            Some(Limit::Hazard(code)) => (Some(coded(HAZARDS, code.as_str())), None),
            Some(Limit::Quantity(value, unit)) => {
                (None, Some(Quantity { value, system: UNITS, code: unit.as_str() }))
            }
        };
        Component {
            code: coded(RESTRICTIONS, self.code.as_str()),
            value_codeable_concept: hazard,
            value_quantity: quantity,
        }
    }
}

impl Period {
    fn span(&self) -> Span<'_> {
        Span { start: self.start.as_str(), end: self.end.as_str() }
    }
}

fn observation<'a>(id: String, code: &'static str) -> Observation<'a> {
    Observation {
        resource_type: "Observation",
        id,
        status: "final",
        code: coded(SNOMED, code),
        performer: Vec::new(),
        value_codeable_concept: None,
        component: Vec::new(),
    }
}

const fn coded<'a>(system: &'static str, code: &'a str) -> Concept<'a> {
    Concept { coding: [Coding { system, code }] }
}

fn local(id: &str) -> Local {
    Local { reference: format!("#{id}") }
}

fn narrative(text: &str) -> Narrative {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Narrative {
        status: "additional",
        div: format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{escaped}</div>"),
    }
}
