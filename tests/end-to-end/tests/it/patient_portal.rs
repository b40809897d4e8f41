//! CDA documents for the patient portal, from the EHR's request to the register of documents.

use end_to_end::{Submission, TestGateway, to_employer, to_patient_portal};
use gateway::playground::portal_stand_in::{Fault, FaultPlan, Status};
use serde_json::json;

use crate::BINARY;

fn second_version() -> Submission {
    let related = "<relatedDocument typeCode=\"RPLC\"><parentDocument>\
        <id root=\"2.999.10990009.2\" extension=\"E-2026-0001.1\"/></parentDocument></relatedDocument>";
    to_patient_portal()
        .rewording("E-2026-0001.1", "E-2026-0001.2")
        .rewording("<versionNumber value=\"1\"/>", "<versionNumber value=\"2\"/>")
        .rewording("<componentOf", &format!("{related}<componentOf"))
}

fn statuses(gateway: &TestGateway) -> Vec<Status> {
    gateway.playground.portal.documents().iter().map(|filed| filed.status).collect()
}

#[tokio::test]
async fn an_epicrisis_is_filed_replaced_and_nullified() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    for (submission, expected) in [
        (to_patient_portal(), vec![Status::Current]),
        (second_version(), vec![Status::Replaced, Status::Current]),
        (
            second_version().declaring("/purpose", json!("document-nullification")),
            vec![Status::Replaced, Status::Nullified],
        ),
    ] {
        let answer = ehr.submit(&submission.waiting(10)).await;
        assert_eq!((answer.status, answer.text("/state")), (200, "delivered"), "{}", answer.body);
        assert_eq!(statuses(&gateway), expected);
    }
    let filed = gateway.playground.portal.documents();
    for (kept, there) in
        [("eestkostjale suletud", true), ("J06.9", true), ("saata ka emale", false), ("+372", false)]
    {
        assert_eq!(filed[0].xml.contains(kept), there, "{kept}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn what_a_check_shows_is_what_is_filed() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let checked = ehr.check(&to_patient_portal(), "?document=true").await;
    assert_eq!(checked.status, 200, "{}", checked.body);
    assert!(gateway.playground.portal.received().is_empty());
    let delivered = ehr.submit(&to_patient_portal().waiting(10)).await;
    assert_eq!(delivered.text("/state"), "delivered", "{}", delivered.body);
    assert_eq!(checked.text("/outgoing/document"), gateway.playground.portal.documents()[0].xml);
    gateway.rests().await;
}

#[tokio::test]
async fn what_tis_refuses_is_told_by_its_codes_and_without_its_words() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    // A replacement of what is not on file; and an author whom the register knows under another code.
    let unknown = ehr.submit(&second_version().waiting(10)).await;
    assert_eq!(
        (unknown.text("/state"), unknown.text("/code")),
        ("refused-by-destination", "KEY204"),
        "{}",
        unknown.body
    );
    let stranger = to_patient_portal()
        .rewording("D01234", "D99999")
        .declaring("/professional/code", json!("D99999"))
        .rewording("1.3.6.1.4.1.28284.6.2.4.9", "1.3.6.1.4.1.28284.6.2.4.8");
    let refused = ehr.submit(&stranger.waiting(10)).await;
    assert_eq!(
        (refused.text("/state"), refused.text("/code")),
        ("refused-by-destination", "SYN104"),
        "{}",
        refused.body
    );
    assert!(gateway.playground.portal.documents().is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn whatever_tis_does_the_document_is_filed_once() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let faults = [
        Fault::Status(503, Some(1)),
        Fault::RateLimit,
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Garbage,
        Fault::XRoadError("Server.ServerProxy.NetworkError".to_owned()),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let said = format!("{fault:?}");
        gateway.playground.portal.told(FaultPlan::none().once(fault));
        let submission = to_patient_portal().rewording("E-2026-0001", &format!("E-2026-1{number}"));
        let ehr = gateway.ehr();
        let accepted = ehr.submit(&submission).await;
        assert_eq!(accepted.status, 202, "{said}");
        let ended = ehr.ended(accepted.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{said}: {ended}");
        assert!(ended["attempts"].as_u64() >= Some(2), "{said}: {ended}");
        assert_eq!(gateway.playground.portal.documents().len(), number + 1, "{said}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn an_error_inside_a_200_is_a_refusal_by_tis() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.portal.told(FaultPlan::none().once(Fault::ErrorInside200));
    let answer = gateway.ehr().submit(&to_patient_portal().waiting(10)).await;
    assert_eq!(answer.text("/state"), "refused-by-destination", "{}", answer.body);
    assert!(gateway.playground.portal.documents().is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn a_document_of_another_kind_is_told_its_purpose() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let submission = to_patient_portal().declaring("/purpose", json!("dental-card"));
    let refused = gateway.ehr().submit(&submission).await;
    assert_eq!((refused.status, refused.text("/rule")), (422, "document-kind"), "{}", refused.body);
    assert_eq!(refused.text("/errors/0/remedy"), "declare the purpose `ambulatory-epicrisis`");
    assert!(gateway.playground.portal.received().is_empty());
    gateway.rests().await;
}

/// Texts that nothing but the message to TIS may hold: of the document, kept or dropped, and of the declaration.
const SECRETS: [&str; 8] = [
    "49003120231",
    "Maasikas",
    "J06.9",
    "nohu",
    "E-2026-0001",
    "saata ka emale",
    "Näidislinn",
    "47605090025",
];

#[tokio::test]
async fn nothing_of_a_document_is_in_answers_log_metrics_or_files() {
    let settings =
        "[telemetry]\nlog = \"info,gateway=trace,clearance=trace,minimise=trace,store=trace\"\n".to_owned();
    let choices = gateway::playground::Choices { settings, ..Default::default() };
    let gateway = TestGateway::with(BINARY, choices).await;
    let ehr = gateway.ehr();
    let delivered = ehr.submit(&to_patient_portal().waiting(10)).await;
    assert_eq!(delivered.text("/state"), "delivered", "{}", delivered.body);
    // The stand-in repeats the patient's code in its refusal.
    let stranger = "37207279996";
    let unknown = to_patient_portal()
        .rewording("49003120231", stranger)
        .declaring("/subject/value", json!(stranger))
        .rewording("E-2026-0001", "E-2026-0009");
    let refused = ehr.submit(&unknown.waiting(10)).await;
    assert_eq!(refused.text("/state"), "refused-by-destination", "{}", refused.body);
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    let mut said = format!("{}{}{}{metrics}", delivered.body, refused.body, gateway.log());
    for entry in std::fs::read_dir(gateway.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            said.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
        }
    }
    for secret in SECRETS.into_iter().chain([stranger]) {
        assert!(!said.contains(secret), "{secret}");
    }
    let sent = gateway.playground.portal.received().remove(0);
    assert!(String::from_utf8_lossy(&sent.body).contains("49003120231"));
    gateway.rests().await;
}

/// The occupational certificate, for TIS.
fn certificate() -> Submission {
    to_employer()
        .declaring("/destination", json!("patient-portal"))
        .declaring("/purpose", json!("health-certificate"))
        .declaring(
            "/legal_basis",
            json!({ "gdpr6": "6(1)(c)", "gdpr9": "9(2)(h)", "act": "TTKS", "section": "59²" }),
        )
        .declaring("/recipient", json!(null))
        .declaring("/evidence", json!([]))
}

#[tokio::test]
async fn a_health_certificate_is_filed_changed_and_cancelled() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let preliminary = certificate().documenting("/status", json!("preliminary"));
    let filed = ehr.submit(&preliminary.waiting(10)).await;
    assert_eq!((filed.status, filed.text("/state")), (200, "delivered"), "{}", filed.body);
    let at_tis = filed.text("/acknowledgement").to_owned();
    let text = gateway.playground.tis.certificates()[0].to_string();
    assert!(text.contains("Patient/700001") && text.contains("height-adjustable"), "{text}");
    for kept_back in ["hypertension", "lumbar", "tinnitus"] {
        assert!(!text.contains(kept_back), "{kept_back}");
    }
    let id = at_tis.strip_prefix("Composition/").unwrap();
    let changed = ehr.submit(&certificate().documenting("/id", json!(id)).waiting(10)).await;
    assert_eq!(changed.text("/state"), "delivered", "{}", changed.body);
    assert_eq!(gateway.playground.tis.certificates()[0]["status"], "final");

    let mut cancellation = certificate()
        .declaring("/purpose", json!("health-certificate-cancellation"))
        .declaring("/evidence", json!([{ "kind": "certificate", "ref": at_tis }]));
    cancellation.document = json!({ "resourceType": "Parameters", "parameter": [{ "name": "reason", "valueString": "migraine" }] });
    let cancelled = ehr.submit(&cancellation.waiting(10)).await;
    assert_eq!(cancelled.text("/state"), "delivered", "{}", cancelled.body);
    assert_eq!(gateway.playground.tis.certificates()[0]["status"], "entered-in-error");
    let sent: Vec<u8> = gateway.playground.tis.received().into_iter().flat_map(|of| of.body).collect();
    assert!(!String::from_utf8_lossy(&sent).contains("migraine"));
    gateway.rests().await;
}

#[tokio::test]
async fn whatever_tis_does_the_health_certificate_is_filed_once() {
    use gateway::playground::tis_stand_in::{Fault, FaultPlan};
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    for (number, fault) in [Fault::DropBefore, Fault::DropAfter, Fault::Garbage].into_iter().enumerate() {
        let said = format!("{fault:?}");
        gateway.playground.tis.told(FaultPlan::none().then(fault, "/tis/fhir/Composition", 1));
        let submission = certificate().documenting("/identifier/0/value", json!(format!("HCERT-P{number}")));
        let ehr = gateway.ehr();
        let accepted = ehr.submit(&submission).await;
        assert_eq!(accepted.status, 202, "{said}: {}", accepted.body);
        let ended = ehr.ended(accepted.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{said}: {ended}");
        assert_eq!(gateway.playground.tis.certificates().len(), number + 1, "{said}");
    }
    gateway.rests().await;
}
