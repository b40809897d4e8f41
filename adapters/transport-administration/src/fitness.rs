//! The slim record of the direct route, as a type that has no field for anything else.
//!
//! Its fields are those of `certificate` in the transport register's service (`digilugu.wsdl`, `certificateRequest`).

use bytes::Bytes;
use clearance::declaration::Declaration;
use clearance::fault::Fault;
use clearance::journey::Payload;
use clearance::person::ESTONIAN_PERSONAL_CODE;
use jiff::Timestamp;
use serde::Serialize;

use crate::certificate::Certificate;

/// The OID of Estonian personal codes.
const PERSONAL_CODE_OID: &str = "1.3.6.1.4.1.28284.6.2.2.1";
const ESTONIA: &str = "EST";

/// A person's fitness to drive, as the agency learns it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriverFitness {
    certificate_id: String,
    status: String,
    status_update_time: String,
    person_id: String,
    #[serde(rename = "personIdOID")]
    person_id_oid: &'static str,
    person_country: &'static str,
    person_name_given: String,
    person_name_family: String,
    person_birth_date: String,
    certificate_decisions: Vec<CertificateDecision>,
    issuer_organisation: String,
    issuer_doctor: String,
}

/// One decision: fit to drive or not, for a group of vehicles.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateDecision {
    /// The decision's place in the certificate, from 1: a document's own id for it could say anything.
    id: String,
    r#type: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    restrictions: Vec<RestrictionCode>,
}

/// A restriction of the right to drive, by its code.
#[derive(Serialize)]
pub struct RestrictionCode {
    code: String,
}

macro_rules! silent {
    ($($name:ident)+) => {$(
        impl std::fmt::Debug for $name {
            /// It is about a person, so that nothing of it prints.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}

silent! { DriverFitness CertificateDecision RestrictionCode }

/// The record that leaves for the agency.
pub(crate) fn shape(document: &[u8], declaration: &Declaration) -> Result<Payload, Vec<Fault>> {
    let certificate = Certificate::read(document).ok_or_else(unreadable)?;
    let fitness = DriverFitness::new(certificate, declaration)?;
    Ok(Payload {
        operation: "driver-fitness".to_owned(),
        media_type: "application/json".to_owned(),
        bytes: Bytes::from(serde_json::to_vec(&fitness).map_err(|_| unreadable())?),
    })
}

impl DriverFitness {
    fn new(certificate: Certificate, declaration: &Declaration) -> Result<Self, Vec<Fault>> {
        let subject = &declaration.subject;
        if subject.identifier.system != ESTONIAN_PERSONAL_CODE {
            return Err(vec![Fault::new(
                "subject-system",
                "/subject/system",
                "the record of the transport register knows persons by Estonian personal code",
                "file the certificate on the route `tis`",
            )]);
        }
        if certificate.date.parse::<Timestamp>().is_err() {
            return Err(vec![Fault::new(
                "certificate-date",
                "Composition.date",
                "the record of the transport register says at which instant the certificate was issued",
                "send the date of the certificate with its time and zone",
            )]);
        }
        let person_birth_date = birth_date(subject.identifier.value.expose()).ok_or_else(unreadable)?;
        let decisions = CertificateDecision::of(&certificate).ok_or_else(unreadable)?;
        Ok(Self {
            certificate_id: certificate.number,
            status: certificate.status,
            status_update_time: certificate.date,
            person_id: subject.identifier.value.expose().to_owned(),
            person_id_oid: PERSONAL_CODE_OID,
            person_country: ESTONIA,
            person_name_given: subject.given.expose().to_owned(),
            person_name_family: subject.family.expose().to_owned(),
            person_birth_date,
            certificate_decisions: decisions,
            issuer_organisation: certificate.organisation.ok_or_else(unreadable)?,
            issuer_doctor: declaration.professional.code.expose().to_owned(),
        })
    }
}

impl CertificateDecision {
    /// A certificate for both groups holds the decision for each.
    fn of(certificate: &Certificate) -> Option<Vec<Self>> {
        let code = certificate.decision.as_ref()?;
        let (from, until) = match &certificate.period {
            Some((start, end)) => (Some(day(start)?), Some(day(end)?)),
            None => (None, None),
        };
        let decisions = certificate.groups.iter().enumerate().map(|(place, group)| Self {
            id: (place + 1).to_string(),
            r#type: group.clone(),
            code: code.clone(),
            valid_from: from.clone(),
            valid_until: until.clone(),
            restrictions: certificate
                .restrictions
                .iter()
                .map(|(code, _)| RestrictionCode { code: code.clone() })
                .collect(),
        });
        Some(decisions.collect())
    }
}

/// The day of a FHIR date or time, in the zone of whoever wrote it: that is the day on the certificate.
fn day(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    day.parse::<jiff::civil::Date>().ok()?;
    Some(day.to_owned())
}

/// The date in an Estonian personal code: its first digit tells the century.
fn birth_date(code: &str) -> Option<String> {
    let mut digits = code.chars();
    let century = match digits.next()? {
        '1' | '2' => "18",
        '3' | '4' => "19",
        '5' | '6' => "20",
        '7' | '8' => "21",
        _ => return None,
    };
    let rest = digits.as_str();
    Some(format!("{century}{}-{}-{}", rest.get(..2)?, rest.get(2..4)?, rest.get(4..6)?))
}

fn unreadable() -> Vec<Fault> {
    vec![Fault::new(
        "certificate-unreadable",
        "",
        "the document is no certificate from which the agency's record can be made",
        "send a final driver's certificate with its decision",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_holds_from_day_to_day() {
        for text in ["2026-11-20", "2026-11-20T00:00:00.000+02:00", "2026-11-20T23:59:59Z"] {
            assert_eq!(day(text).as_deref(), Some("2026-11-20"));
        }
        for text in ["2026-11", "2026-13-20T00:00:00Z", "täna, varahommikul"] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn a_birth_date_is_read_from_the_personal_code() {
        for (code, date) in [("37207279996", "1972-07-27"), ("60001017869", "2000-01-01")] {
            assert_eq!(birth_date(code).as_deref(), Some(date));
        }
        assert_eq!(birth_date("x"), None);
    }
}
