//! TEHIK's own requests for health certificates, as its integrators play them.

use std::path::PathBuf;

use end_to_end::{Submission, TestGateway};
use gateway::playground::Choices;
use serde_json::{Value, json};

use crate::BINARY;

/// The doctor of the samples: personal code and organisation.
const DOCTOR: (&str, &str) = ("45007090928", "70009770");

/// The requests, with their placeholders filled; `None` when `CLEARANCE_SAMPLES` is not set.
fn requests() -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("CLEARANCE_SAMPLES") else {
        eprintln!("skipped: CLEARANCE_SAMPLES is not set");
        return None;
    };
    let file = PathBuf::from(folder).join("tehik/hcert-requests.json");
    let mut text = std::fs::read_to_string(file).unwrap();
    for (placeholder, value) in [
        ("PATIENT_ID2", "900002"),
        ("PATIENT_ID", "900001"),
        ("DOC_NUMBER", "2026-1"),
        ("EMPLOYER_CODE", "16978044"),
    ] {
        text = text.replace(&format!("{{{{{placeholder}}}}}"), value);
    }
    let all: Value = serde_json::from_str(&text).unwrap();
    Some(all["requests"].as_array().unwrap().clone())
}

fn body(requests: &[Value], name: &str) -> Value {
    let request = requests.iter().find(|of| of["name"].as_str().unwrap().contains(name));
    request.unwrap_or_else(|| panic!("there is no request `{name}`"))["body"].clone()
}

fn declaration(destination: &str, purpose: &str, basis: Value, subject: &str) -> Value {
    json!({
        "destination": destination, "purpose": purpose, "legal_basis": basis,
        "subject": { "system": "https://fhir.ee/sid/pid/est/ni", "value": subject, "given": "Test", "family": "Test" },
        "professional": { "code": "D00001", "personal_code": DOCTOR.0, "role": "doctor" },
        "reason": "tervisetõend",
    })
}

async fn gateway() -> TestGateway {
    let system = "https://fhir.ee/sid/pid/est/ni".to_owned();
    let choices = Choices {
        patients: vec![
            (system.clone(), "37207279996".into(), "900001".into()),
            (system, "36808088873".into(), "900002".into()),
        ],
        doctors: vec![(DOCTOR.0.into(), DOCTOR.1.into())],
        employer: Some("16978044".into()),
        organisation: Some(DOCTOR.1.into()),
        ..Choices::default()
    };
    TestGateway::with(BINARY, choices).await
}

#[tokio::test]
async fn of_the_occupational_certificate_the_employer_gets_the_decision_and_nothing_else() {
    let Some(requests) = requests() else { return };
    let gateway = gateway().await;
    let basis = json!({ "gdpr6": "6(1)(c)", "gdpr9": "9(2)(b)", "act": "TTOS", "section": "13¹" });
    let mut declaration = declaration("employer", "health-check-decision", basis, "37207279996");
    declaration["recipient"] = json!({ "system": "https://fhir.ee/sid/org/est/br", "value": "16978044" });
    let document = body(&requests, "1.3 Create final certificate");
    let submission = Submission::of(&declaration.to_string(), &document.to_string());
    let ehr = gateway.ehr();
    assert_eq!(ehr.check(&submission, "").await.status, 200, "{}", ehr.check(&submission, "").await.body);
    let delivered = ehr.submit(&submission.waiting(10)).await;
    assert_eq!(delivered.status, 200, "{}", delivered.body);
    let sent = String::from_utf8(gateway.playground.employer.decisions()[0].document.clone()).unwrap();
    for kept_back in
        ["some text", "p6hjus", "põhjus", "lisatingumusi", "Ettepanekud", "doc-12345", "45007090928"]
    {
        assert!(!sent.contains(kept_back), "{kept_back}");
    }
    for sent_on in ["HCERT-2026-1", "160910001", "586", "22220101", "16978044", "37207279996"] {
        assert!(sent.contains(sent_on), "{sent_on}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn the_drivers_certificate_is_filed_suspended_and_cancelled_as_tis_wants_it() {
    let Some(requests) = requests() else { return };
    let gateway = gateway().await;
    let ehr = gateway.ehr();
    let basis = json!({ "gdpr6": "6(1)(c)", "gdpr9": "9(2)(g)", "act": "LS", "section": "101" });
    let declaration =
        |purpose: &str| declaration("transport-administration", purpose, basis.clone(), "36808088873");
    let filed = |document: &Value| {
        let declaration = declaration("driver-certificate").to_string();
        Submission::of(&declaration, &document.to_string()).waiting(10)
    };
    let first = ehr.submit(&filed(&body(&requests, "4.3 Create preliminary"))).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let id = gateway.playground.tis.certificates()[0]["id"].as_str().unwrap().to_owned();

    let mut last = body(&requests, "4.7 Make certificate final");
    last["id"] = json!(id);
    let updated = ehr.submit(&filed(&last)).await;
    assert_eq!(updated.status, 200, "{}", updated.body);
    assert_eq!(gateway.playground.tis.certificates()[0]["status"], "final");

    for (purpose, name, status) in [
        ("driver-certificate-suspension", "4.8 Suspend", "cancelled"),
        ("driver-certificate-cancellation", "4.9 Cancel", "entered-in-error"),
    ] {
        let mut declaration = declaration(purpose);
        declaration["evidence"] = json!([{ "kind": "certificate", "ref": format!("Composition/{id}") }]);
        let document = body(&requests, name);
        let submission = Submission::of(&declaration.to_string(), &document.to_string()).waiting(10);
        let done = ehr.submit(&submission).await;
        assert_eq!(done.status, 200, "{purpose}: {}", done.body);
        let certificate = &gateway.playground.tis.certificates()[0];
        assert_eq!(certificate["status"], status);
    }
    let sent: Vec<u8> = gateway.playground.tis.received().into_iter().flat_map(|of| of.body).collect();
    let sent = String::from_utf8_lossy(&sent);
    assert!(!sent.contains("peatamise") && !sent.contains("tühistamise"), "a reason text left");
    gateway.rests().await;
}
