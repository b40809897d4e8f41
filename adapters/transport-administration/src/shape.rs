//! What leaves for TIS: the certificate as the profile left it, without the patient reference, which delivery adds, and with
//! no free text but what the adapter writes itself; or the operation with the declaration's reason.

use bytes::Bytes;
use clearance::declaration::{Declaration, EvidenceKind};
use clearance::fault::Fault;
use clearance::journey::Payload;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use x_road::tis::FHIR_JSON;
use x_road::tis::members::Members;

use crate::certificate::Certificate;
use crate::filing::{self, Operation};

/// FHIR makes a title mandatory, and TIS wants it to repeat the kind. A document's own could say anything.
const TITLE: &str = "Mootorsõidukijuhi tervisetõend";
const CHANGE_REASON: &str = "change-reason";

/// The certificate to file.
pub(crate) fn certificate(document: &[u8], reason: &str) -> Result<Payload, Vec<Fault>> {
    let certificate = Certificate::read(document).ok_or_else(unreadable)?;
    if certificate.needs_period() && certificate.period.is_none() {
        return Err(vec![Fault::new(
            "period-missing",
            "/event/0/period",
            "a positive decision holds for a period, and there is none",
            "say from when and until when the decision holds",
        )]);
    }
    let mut members = Members::parse(document).ok_or_else(unreadable)?;
    members.remove("subject");
    members.set("title", to_raw_value(TITLE).map_err(|_| unreadable())?);
    give_reason(&mut members, reason).ok_or_else(unreadable)?;
    let operation = if certificate.id.is_some() { Operation::Update } else { Operation::Create };
    Ok(payload(operation, members.to_json().ok_or_else(unreadable)?))
}

/// The suspension or cancellation of the certificate that the evidence names.
pub(crate) fn operation(operation: Operation, declaration: &Declaration) -> Result<Payload, Vec<Fault>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters<'a> {
        resource_type: &'a str,
        parameter: [Parameter<'a>; 1],
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameter<'a> {
        name: &'a str,
        value_string: &'a str,
    }

    let named = declaration.evidence.iter().find(|evidence| evidence.kind == EvidenceKind::Certificate);
    if named.and_then(|evidence| filing::certificate_id(evidence.reference.expose())).is_none() {
        return Err(vec![Fault::new(
            "certificate-reference",
            "/evidence",
            "the evidence does not say which certificate is meant",
            "add evidence of kind `certificate` whose `ref` is `Composition/` and the id that TIS gave it",
        )]);
    }
    let parameter = [Parameter { name: "reason", value_string: declaration.reason.expose() }];
    let parameters = Parameters { resource_type: "Parameters", parameter };
    Ok(payload(operation, serde_json::to_vec(&parameters).map_err(|_| unreadable())?))
}

/// Where the document says that there is a reason for a change, the declaration's is written.
fn give_reason(members: &mut Members, reason: &str) -> Option<()> {
    let Some(sections) = members.get("section") else {
        return Some(());
    };
    let sections: Vec<Members> = serde_json::from_str(sections.get()).ok()?;
    let sections = sections
        .into_iter()
        .map(|mut section| {
            if is_change_reason(section.get("code")) {
                section.set("text", narrative(reason)?);
            }
            Some(section)
        })
        .collect::<Option<Vec<_>>>()?;
    members.set("section", to_raw_value(&sections).ok()?);
    Some(())
}

fn is_change_reason(code: Option<&RawValue>) -> bool {
    let code = code.and_then(|code| serde_json::from_str::<serde_json::Value>(code.get()).ok());
    let coded = code.as_ref().and_then(|code| code.pointer("/coding/0/code"));
    coded.and_then(serde_json::Value::as_str) == Some(CHANGE_REASON)
}

fn narrative(text: &str) -> Option<Box<RawValue>> {
    #[derive(Serialize)]
    struct Narrative {
        status: &'static str,
        div: String,
    }

    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{escaped}</div>");
    to_raw_value(&Narrative { status: "additional", div }).ok()
}

fn payload(operation: Operation, bytes: Vec<u8>) -> Payload {
    Payload {
        operation: operation.code().to_owned(),
        media_type: FHIR_JSON.to_owned(),
        bytes: Bytes::from(bytes),
    }
}

/// What the profile left has all that it requires, so that this is never seen.
fn unreadable() -> Vec<Fault> {
    vec![Fault::new(
        "certificate-unreadable",
        "",
        "the document is not a certificate of the known form",
        "send a FHIR R5 `Composition` of the profile EEHealthCertificateDriver",
    )]
}
