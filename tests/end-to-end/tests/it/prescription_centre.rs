//! Prescriptions, issued, changed and cancelled through the binary, and a centre that fails.

use end_to_end::{Submission, TestGateway, eventually, to_prescription_centre};
use gateway::playground::prescription_stand_in::{Fault, FaultPlan};
use serde_json::{Value, json};

use crate::BINARY;
use crate::markers::files;

const NUMBERS: &str = "https://fhir.ee/CodeSystem/tis-fhir-identifikaatorid/retseptikeskus-retsept";
const SERVICE: &str = "/uptis/fis-service/fhir/MedicationRequest";

/// The same prescription, as a transfer that acts on the one with this `number`.
fn on(number: &str, purpose: &str) -> Submission {
    to_prescription_centre()
        .declaring("/purpose", json!(purpose))
        .declaring("/evidence", json!([{ "kind": "prescription", "ref": number }]))
        .documenting("/identifier", json!([{ "system": NUMBERS, "value": number }]))
}

fn cancellation(number: &str) -> Submission {
    let code =
        json!({ "system": "https://fhir.ee/CodeSystem/retsepti-annulleerimise-pohjus", "code": "AN01" });
    on(number, "prescription-cancellation")
        .documenting("/status", json!("cancelled"))
        .documenting("/statusReason", json!({ "coding": [code] }))
}

fn change(number: &str) -> Submission {
    let author = json!({ "url": "changeAuthor", "valueReference": { "reference": "#requester" } });
    let url = "https://fhir.ee/StructureDefinition/ee-tis-prescription-change";
    let mut submission = on(number, "prescription-change")
        .documenting("/dosageInstruction/0/timing/repeat/frequency", json!(2));
    let extensions = submission.document["extension"].as_array_mut().unwrap();
    extensions.push(json!({ "url": url, "extension": [author] }));
    submission
}

fn statuses(gateway: &TestGateway) -> Vec<String> {
    let of = |prescription: &Value| prescription["status"].as_str().unwrap().to_owned();
    gateway.playground.prescriptions.prescriptions().iter().map(of).collect()
}

/// Issues a prescription; the answer is the number that the client was given.
async fn issued(gateway: &TestGateway) -> String {
    let answer = gateway.ehr().submit(&to_prescription_centre().waiting(10)).await;
    assert_eq!((answer.status, answer.text("/state")), (200, "delivered"), "{}", answer.body);
    let number = answer.text("/acknowledgement").to_owned();
    assert!(number.bytes().all(|c| c.is_ascii_digit()) && number.len() == 10, "{}", answer.body);
    number
}

#[tokio::test]
async fn a_prescription_is_issued_changed_and_cancelled_by_the_number_that_the_centre_gave() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let number = issued(&gateway).await;
    for (submission, status, frequency) in
        [(change(&number), "active", 2), (cancellation(&number), "cancelled", 2)]
    {
        let submission =
            submission.documenting("/dosageInstruction/0/timing/repeat/frequency", json!(frequency));
        let answer = gateway.ehr().submit(&submission.waiting(10)).await;
        assert_eq!((answer.status, answer.text("/state")), (200, "delivered"), "{}", answer.body);
        assert_eq!(answer.text("/acknowledgement"), number);
        let present = gateway.playground.prescriptions.prescriptions();
        assert_eq!(present.len(), 1);
        assert_eq!(present[0]["status"], status);
        assert_eq!(present[0]["dosageInstruction"][0]["timing"]["repeat"]["frequency"], frequency);
    }
    let present = &gateway.playground.prescriptions.prescriptions()[0];
    let text = present.to_string();
    for kept_back in ["hernia", "Kuusk", "5550", "tablett", "diabeet", "Maasikas"] {
        assert!(!text.contains(kept_back), "{kept_back}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn what_was_issued_is_read_back_by_its_patient_and_nobody_else_s_question() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let number = issued(&gateway).await;
    let about = to_prescription_centre().declaring("/purpose", json!("prescriptions")).declaration;
    let read = gateway.ehr().ask(&about, &json!({ "status": "active" })).await;
    assert_eq!((read.status, read.text("/decision")), (200, "released"), "{}", read.body);
    assert_eq!(read.text("/documents/0/document/identifier/0/value"), number);
    assert_eq!(read.body["documents"].as_array().unwrap().len(), 1);
    let document = read.body["documents"][0]["document"].to_string();
    for kept_back in ["statusChanged", "versionId"] {
        assert!(gateway.playground.prescriptions.prescriptions()[0].to_string().contains(kept_back));
        assert!(!document.contains(kept_back), "{kept_back}: {document}");
    }
    let of_another = to_prescription_centre()
        .declaring("/purpose", json!("prescriptions"))
        .declaring("/subject/value", json!("38507140418"));
    let nothing = gateway.ehr().ask(&of_another.declaration, &json!({})).await;
    assert_eq!((nothing.status, nothing.text("/rule")), (404, "nothing-found"), "{}", nothing.body);
    let (code, report) = gateway.verify_ledger().await;
    assert_eq!(
        (code, &report["entries"]["release"], &report["open_inquiries"]),
        (Some(0), &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn a_cancellation_waits_for_its_issue_however_long_that_takes() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    // Stored, the answer lost; then nobody answers for a while. The number is known from elsewhere.
    let plan = FaultPlan::none()
        .then(Fault::DropAfter, &format!("POST /r1/ee-test/GOV/70009770{SERVICE}"), 1)
        .then(Fault::Status(503, None), SERVICE, 4);
    gateway.playground.prescriptions.told(plan);
    let ehr = gateway.ehr();
    let issue = ehr.submit(&to_prescription_centre()).await;
    assert_eq!(issue.status, 202, "{}", issue.body);
    let number = eventually(|| async {
        let present = gateway.playground.prescriptions.prescriptions();
        present.first().and_then(|of| of["identifier"][0]["value"].as_str().map(str::to_owned))
    });
    let number = number.await.unwrap();
    let cancel = ehr.submit(&cancellation(&number)).await;
    assert_eq!(cancel.status, 202, "{}", cancel.body);
    let issued = eventually(|| async {
        // Looked at before the issue, so that whatever it is, it was so while that had not ended.
        let waiting = ehr.state(cancel.transfer()).await;
        let issued = ehr.state(issue.transfer()).await;
        if issued["final"] == json!(true) {
            return Some(issued);
        }
        assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("accepted"), &json!(0)), "{waiting}");
        None
    });
    let issued = issued.await.unwrap();
    assert_eq!(issued["state"], "delivered", "{issued}");
    assert_eq!(issued["acknowledgement"], number.as_str());
    assert_eq!(ehr.ended(cancel.transfer()).await["state"], "delivered");
    assert_eq!(statuses(&gateway), ["cancelled"]);
    let received = gateway.playground.prescriptions.received();
    let writes: Vec<_> =
        received.iter().filter(|of| of.path.contains(SERVICE) && of.method != "GET").collect();
    assert_eq!(writes.iter().map(|of| of.method.as_str()).collect::<Vec<_>>(), ["POST", "PUT"]);
    gateway.rests().await;
}

#[tokio::test]
async fn another_person_s_prescription_is_neither_changed_nor_cancelled() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let number = issued(&gateway).await;
    for submission in [change(&number), cancellation(&number)] {
        let submission = submission
            .declaring("/subject/value", json!("38507140418"))
            .documenting("/subject/reference", json!("Patient/700002"));
        let answer = gateway.ehr().submit(&submission).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let ended = gateway.ehr().ended(answer.transfer()).await;
        assert_eq!(
            (&ended["state"], &ended["code"]),
            (&json!("refused-by-destination"), &json!("prescription-unknown"))
        );
    }
    assert_eq!(statuses(&gateway), ["active"]);
    gateway.rests().await;
}

#[tokio::test]
async fn a_prescription_that_was_dispensed_is_not_cancelled_and_the_client_is_told() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let number = issued(&gateway).await;
    assert!(gateway.playground.prescriptions.dispense(&number));
    let answer = gateway.ehr().submit(&cancellation(&number)).await;
    let ended = gateway.ehr().ended(answer.transfer()).await;
    assert_eq!(
        (&ended["state"], &ended["code"]),
        (&json!("refused-by-destination"), &json!("conflict")),
        "{ended}"
    );
    assert_eq!(statuses(&gateway), ["completed"]);
    gateway.rests().await;
}

#[tokio::test]
async fn what_the_profile_lets_through_and_the_centre_does_not_is_refused_by_the_centre() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let submission =
        to_prescription_centre().documenting("/dispenseRequest/validityPeriod/end", json!("2026-11-19"));
    let answer = gateway.ehr().submit(&submission).await;
    let ended = gateway.ehr().ended(answer.transfer()).await;
    assert_eq!(
        (&ended["state"], &ended["code"]),
        (&json!("refused-by-destination"), &json!("value")),
        "{ended}"
    );
    assert!(statuses(&gateway).is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn whatever_the_centre_does_a_prescription_is_issued_once() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let faults = [
        Fault::Status(503, Some(1)),
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Garbage,
        Fault::RateLimit,
        Fault::XRoadError("Server.ServerProxy.NetworkError".to_owned()),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let said = format!("{fault:?}");
        gateway.playground.prescriptions.told(FaultPlan::none().then(fault, SERVICE, 1));
        let written = format!("2026-11-20T10:15:{:02}+02:00", number + 1);
        let ehr = gateway.ehr();
        let accepted = ehr.submit(&to_prescription_centre().documenting("/authoredOn", json!(written))).await;
        assert_eq!(accepted.status, 202, "{said}: {}", accepted.body);
        let ended = ehr.ended(accepted.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{said}: {ended}");
        assert_eq!(gateway.playground.prescriptions.prescriptions().len(), number + 1, "{said}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn what_says_too_much_is_refused_with_everything_that_has_to_go() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let marker = "MaRkErOfACause";
    let submission = to_prescription_centre()
        .documenting("/insurance", json!([{ "display": marker }]))
        .documenting("/encounter", json!({ "display": marker }))
        .documenting("/reason/0/concept/text", json!(marker))
        .documenting("/supportingInformation", json!([{ "display": marker }]));
    let answer = gateway.ehr().submit(&submission).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    let told: Vec<_> =
        answer.body["errors"].as_array().unwrap().iter().filter_map(|of| of["pointer"].as_str()).collect();
    for place in ["/insurance", "/encounter", "/reason/0/concept/text", "/supportingInformation"] {
        assert!(told.iter().any(|pointer| pointer.starts_with(place)), "{place}: {told:?}");
    }
    let said = format!("{}{}{}", answer.body, gateway.log(), gateway.ask_admin("/metrics").await.1);
    assert!(!said.contains(marker));
    assert!(gateway.playground.prescriptions.received().is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn what_is_delivered_is_nowhere_but_at_the_centre_and_a_label_not_even_there() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let mut submission = to_prescription_centre()
        .documenting("/note/0/text", json!("MaRkErComment"))
        .documenting("/contained/1/id", json!("MaRkErId"))
        .documenting("/medication/reference/reference", json!("#MaRkErId"));
    let labels = [
        "/subject/display",
        "/requester/display",
        "/category/0/coding/0/display",
        "/reason/0/concept/coding/0/display",
        "/dosageInstruction/0/doseAndRate/0/doseQuantity/unit",
        "/contained/0/practitioner/display",
        "/contained/1/doseForm/coding/0/display",
        "/extension/0/valueCodeableConcept/coding/0/display",
    ];
    for (number, pointer) in labels.into_iter().enumerate() {
        submission = submission.documenting(pointer, json!(format!("MaRkErLabel{number}")));
    }
    let ehr = gateway.ehr();
    let checked = ehr.check(&submission, "").await;
    let answer = ehr.submit(&submission.waiting(10)).await;
    assert_eq!((answer.status, answer.text("/state")), (200, "delivered"), "{}", answer.body);
    let received = gateway.playground.prescriptions.received();
    let sent: Vec<u8> = received.into_iter().flat_map(|of| of.body).collect();
    let sent = String::from_utf8(sent).unwrap();
    assert!(sent.contains("MaRkErComment") && sent.contains("MaRkErId") && !sent.contains("MaRkErLabel"));

    let said = format!("{}{}{}", checked.body, answer.body, gateway.ask_admin("/metrics").await.1);
    assert_eq!(gateway.verify_ledger().await.0, Some(0));
    let mut kept = Vec::new();
    files(&gateway.data(), &mut kept);
    kept.extend(format!("{said}{}", gateway.log()).bytes());
    for text in ["MaRkEr", "E11.9", "A10BA02", "49003120231", "47605090025", "Maasikas"] {
        assert!(!kept.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}
