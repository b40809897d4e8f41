//! The fields an employer may get, one line each, with what each may hold.
//!
//! A field that has no line here is refused, whatever it is called. Paths are FHIR's element names; a contained resource and a
//! section stand under the name of what they are.

use crate::shapes::Shape::{
    self, After, Date, Is, Local, Name, Number, OneOf, Organisation, RegistryCodeText, Suggestion, Token,
    With,
};
use crate::shapes::{is_numeric, is_professional_code, is_registry_code, is_slug, is_system};

pub(crate) const SNOMED: &str = "http://snomed.info/sct";
const SECTIONS: &str = "https://fhir.ee/CodeSystem/tervisetoendi-sektsioon";
const RESTRICTIONS: &str = "https://fhir.ee/CodeSystem/tervisetoendi-piirangud";
const RISK_FACTORS: &str = "https://fhir.ee/CodeSystem/toolaadi-ja-tookeskkonnaga-seotud-ohutegurid";
const CONDITIONS: &str = "https://fhir.ee/CodeSystem/tootamiseks-vajalikud-lisatingimused";
const OCCUPATIONS: &str = "https://fhir.ee/CodeSystem/ametite-klassifikaator";
const UNITS: &str = "http://unitsofmeasure.org";
const ORGANISATIONS: &str = "https://fhir.ee/sid/org/est/br";
const PROFILES: &str = "https://fhir.ee/hcert/StructureDefinition/";

/// The decisions: fit, fit with conditions, not fit.
const DECISIONS: [&str; 3] = ["160926000", "225891002", "160910001"];

/// The fields of the decision itself.
pub(crate) const COMPOSITION: &[(&str, Shape)] = &[
    ("resourceType", Is("Composition")),
    ("meta.profile", After(PROFILES, is_slug)),
    ("identifier.system", Is("https://fhir.ee/hcert/health-certificate-number")),
    ("identifier.value", Token),
    ("status", OneOf(&["final", "cancelled", "entered-in-error"])),
    ("type.coding.system", Is(SNOMED)),
    ("type.coding.code", Is("772786005")),
    ("category.coding.system", Is("https://fhir.ee/CodeSystem/labivaatuse-tyyp")),
    ("category.coding.code", Is("occupational")),
    ("subject.identifier.system", After("https://fhir.ee/sid/pid/", is_system)),
    ("subject.identifier.value", Token),
    ("subject.display", Name),
    ("date", Date),
    ("author.reference", Local),
    ("title", Is("Töötervishoiu tervisekontrolli otsus")),
    ("event.period.start", Date),
    ("event.period.end", Date),
];

/// What a contained resource or a section is, and its fields.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// The SNOMED CT code of the observation, or the code of the section.
    pub(crate) code: &'static str,
    pub(crate) fields: &'static [(&'static str, Shape)],
}

/// The doctor and the provider.
pub(crate) const AUTHOR: Part = Part {
    name: "author",
    code: "",
    fields: &[
        ("resourceType", Is("PractitionerRole")),
        ("id", Token),
        ("practitioner.reference", After("Practitioner/", is_professional_code)),
        ("practitioner.identifier.system", Is("https://fhir.ee/sid/pro/est/pho")),
        ("practitioner.identifier.value", With(is_professional_code)),
        ("practitioner.display", Name),
        ("organization.reference", After("Organization/", is_registry_code)),
        ("organization.identifier.system", Is(ORGANISATIONS)),
        ("organization.identifier.value", With(is_registry_code)),
        ("organization.display", Organisation),
    ],
};

/// The observations.
pub(crate) const OBSERVATIONS: &[Part] = &[
    Part {
        name: "employment",
        code: "184104002",
        fields: &[
            ("performer.identifier.system", Is(ORGANISATIONS)),
            ("performer.identifier.value", With(is_registry_code)),
            ("performer.display", Organisation),
            ("component.code.coding.system", Is(SNOMED)),
            ("component.code.coding.code", OneOf(&["160922003", "224374003"])),
            ("component.valueCodeableConcept.coding.system", Is(OCCUPATIONS)),
            ("component.valueCodeableConcept.coding.code", With(is_numeric)),
            ("component.valueQuantity.value", Number),
            ("component.valueQuantity.system", Is(UNITS)),
            ("component.valueQuantity.code", Is("1")),
        ],
    },
    Part {
        name: "decision",
        code: "419183001",
        fields: &[
            ("valueCodeableConcept.coding.system", Is(SNOMED)),
            ("valueCodeableConcept.coding.code", OneOf(&DECISIONS)),
        ],
    },
    Part {
        name: "medical-restrictions",
        code: "146861000181105",
        fields: &[
            ("component.code.coding.system", Is(RESTRICTIONS)),
            ("component.code.coding.code", With(is_numeric)),
            ("component.valueCodeableConcept.coding.system", Is(RISK_FACTORS)),
            ("component.valueCodeableConcept.coding.code", With(is_numeric)),
            ("component.valueQuantity.value", Number),
            ("component.valueQuantity.unit", Is("kg")),
            ("component.valueQuantity.system", Is(UNITS)),
            ("component.valueQuantity.code", Is("kg")),
        ],
    },
    Part {
        name: "risk-factors",
        code: "80943009",
        fields: &[
            ("valueCodeableConcept.coding.system", Is(RISK_FACTORS)),
            ("valueCodeableConcept.coding.code", With(is_numeric)),
        ],
    },
    Part {
        name: "work-additional-restrictions",
        code: "225891002",
        fields: &[
            ("valueCodeableConcept.coding.system", Is(CONDITIONS)),
            ("valueCodeableConcept.coding.code", With(is_slug)),
        ],
    },
];

/// The fields every observation has.
pub(crate) const OBSERVATION: &[(&str, Shape)] = &[
    ("resourceType", Is("Observation")),
    ("id", Token),
    ("meta.profile", After(PROFILES, is_slug)),
    ("status", Is("final")),
    ("code.coding.system", Is(SNOMED)),
    ("code.coding.code", Token),
];

/// The sections; each names the observations of the same name.
pub(crate) const SECTION_PARTS: &[Part] = &[
    Part {
        name: "employer",
        code: "employer",
        fields: &[
            ("text.status", Is("additional")),
            ("text.div", RegistryCodeText),
            ("entry.reference", Local),
        ],
    },
    Part { name: "decision", code: "decision", fields: &[("entry.reference", Local)] },
    Part {
        name: "medical-restrictions",
        code: "medical-restrictions",
        fields: &[("entry.reference", Local)],
    },
    Part { name: "risk-factors", code: "risk-factors", fields: &[("entry.reference", Local)] },
    Part {
        name: "work-additional-restrictions",
        code: "work-additional-restrictions",
        fields: &[("entry.reference", Local)],
    },
    Part {
        name: "employer-suggestions",
        code: "employer-suggestions",
        fields: &[("text.status", Is("additional")), ("text.div", Suggestion)],
    },
];

/// The fields every section has.
pub(crate) const SECTION: &[(&str, Shape)] =
    &[("code.coding.system", Is(SECTIONS)), ("code.coding.code", Token)];

/// The elements that are lists; every other is a single value.
pub(crate) const LISTS: &[&str] = &[
    "meta.profile",
    "identifier",
    "type.coding",
    "category",
    "category.coding",
    "subject",
    "author",
    "event",
    "performer",
    "component",
    "component.code.coding",
    "component.valueCodeableConcept.coding",
    "valueCodeableConcept.coding",
    "code.coding",
    "entry",
];
