//! The systems and codes of an occupational certificate, as the reader and the renderer both know them.
//!
//! From the profiles EEHealthCertificateOccupational and …Employer (TEHIK, ee.fhir.hcert 1.0.0).

/// The profile for employers.
pub(crate) const PROFILE: &str =
    "https://fhir.ee/hcert/StructureDefinition/ee-health-certificate-occupational-employer";
/// The identifier system of certificate numbers.
pub(crate) const NUMBERS: &str = "https://fhir.ee/hcert/health-certificate-number";
/// The code system of sections.
pub(crate) const SECTIONS: &str = "https://fhir.ee/CodeSystem/tervisetoendi-sektsioon";
/// The code system of categories.
pub(crate) const CATEGORIES: &str = "https://fhir.ee/CodeSystem/labivaatuse-tyyp";
/// SNOMED CT.
pub(crate) const SNOMED: &str = "http://snomed.info/sct";
/// UCUM.
pub(crate) const UNITS: &str = "http://unitsofmeasure.org";
/// The classification of occupations.
pub(crate) const OCCUPATIONS: &str = "https://fhir.ee/CodeSystem/ametite-klassifikaator";
/// Hazards of work and workplace.
pub(crate) const HAZARDS: &str = "https://fhir.ee/CodeSystem/toolaadi-ja-tookeskkonnaga-seotud-ohutegurid";
/// Restrictions.
pub(crate) const RESTRICTIONS: &str = "https://fhir.ee/CodeSystem/tervisetoendi-piirangud";
/// Conditions of work.
pub(crate) const CONDITIONS: &str = "https://fhir.ee/CodeSystem/tootamiseks-vajalikud-lisatingimused";

/// A medical certificate.
pub(crate) const CERTIFICATE: &str = "772786005";
/// The employment.
pub(crate) const EMPLOYMENT: &str = "184104002";
/// The job within the employment.
pub(crate) const JOB: &str = "160922003";
/// The workload within the employment.
pub(crate) const WORKLOAD: &str = "224374003";
/// The decision.
pub(crate) const DECISION: &str = "419183001";
/// A restriction.
pub(crate) const RESTRICTION: &str = "146861000181105";
/// A hazard that was examined.
pub(crate) const HAZARD: &str = "80943009";
/// A condition of work.
pub(crate) const CONDITION: &str = "225891002";
