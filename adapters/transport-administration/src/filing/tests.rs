use super::*;
use crate::testing::{
    PATIENT, SUBJECT, Stage, TRANSFER, declaration, filed, final_certificate, journey_to, on_route_tis,
    parameters, reply,
};
use crate::{CANCELLATION, DRIVER_CERTIFICATE, SUSPENSION};
use clearance::adapter::{Adapter, CallFailure};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

type Answer = Result<Reply, CallFailure>;

fn token() -> Answer {
    reply(200, r#"{"accessToken":"t","expiresIn":300,"tokenType":"Bearer"}"#)
}

fn patient(id: &str) -> Answer {
    let patient = json!({ "resourceType": "Patient", "id": id,
        "identifier": [ { "system": clearance::person::ESTONIAN_PERSONAL_CODE, "value": SUBJECT } ] });
    reply(200, &json!({ "resourceType": "Bundle", "entry": [ { "resource": patient } ] }).to_string())
}

fn certificate(status: u16, value: &Value) -> Answer {
    reply(status, &value.to_string())
}

fn found(certificates: &[Value]) -> Answer {
    let entries: Vec<_> = certificates.iter().map(|resource| json!({ "resource": resource })).collect();
    reply(200, &json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries }).to_string())
}

fn outcome(status: u16, code: &str) -> Answer {
    let issue = json!({ "severity": "error", "code": code, "diagnostics": "Jaan Tamm" });
    reply(status, &json!({ "resourceType": "OperationOutcome", "issue": [issue] }).to_string())
}

/// A certificate as TIS has it, in another status.
fn in_status(status: &str) -> Value {
    let mut certificate = filed("500", &final_certificate());
    certificate["status"] = json!(status);
    certificate
}

fn with_id() -> Value {
    let mut certificate = final_certificate();
    certificate["id"] = json!("500");
    certificate
}

/// Delivers `document` for `purpose`: the answers are those after the token and the patient's id.
async fn deliver_again(
    purpose: &str,
    document: &Value,
    perhaps_delivered: bool,
    answers: Vec<Answer>,
) -> (Outcome, Vec<clearance::adapter::Call>) {
    let journey = journey_to(on_route_tis());
    // The patient's id is proved before delivery, which is what fetches the token as well.
    let stage = Stage::answering([token(), patient(PATIENT)].into_iter().chain(answers));
    let tis = on_route_tis();
    let index = tis.tis().unwrap();
    let outgoing = journey.shape(&declaration(purpose), document).unwrap();
    let cleared = journey.clear(outgoing, perhaps_delivered, Some(&**index), &stage.means()).await.unwrap();
    let outcome = tis.deliver(cleared, &stage.means()).await;
    (outcome, stage.calls().split_off(2))
}

async fn deliver(
    purpose: &str,
    document: &Value,
    answers: Vec<Answer>,
) -> (Outcome, Vec<clearance::adapter::Call>) {
    deliver_again(purpose, document, false, answers).await
}

fn delivered(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Delivered(acknowledgement) => acknowledgement.reference,
        other => panic!("{other:?}"),
    }
}

fn refusal(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_certificate_is_posted_for_the_proved_patient_and_confirmed_by_its_number() {
    let answers = vec![certificate(201, &filed("500", &final_certificate()))];
    let (outcome, calls) = deliver(DRIVER_CERTIFICATE, &final_certificate(), answers).await;
    assert_eq!(delivered(outcome).as_deref(), Some("Composition/500/_history/1"));
    let [post] = &calls[..] else { panic!("one call carries the document") };
    assert_eq!(post.method, Method::POST);
    assert_eq!(post.url.expose(), "https://security.example/r1/ee-test/GOV/70009770/tis/fhir/Composition");
    assert_eq!(post.headers["prefer"], "return=representation");
    assert_eq!(post.headers["x-road-id"], TRANSFER.message("post").to_string());
    let body: Value = serde_json::from_slice(&post.body.in_memory().unwrap()).unwrap();
    assert_eq!(body["subject"], json!([ { "reference": "Patient/517685" } ]));
    assert_eq!(body["title"], "Mootorsõidukijuhi tervisetõend");
    assert!(body.get("id").is_none());
}

#[tokio::test]
async fn a_subject_named_by_identifier_is_looked_up_before_the_document_is_sent() {
    let mut document = final_certificate();
    document["subject"] = json!([ { "identifier": { "system": clearance::person::ESTONIAN_PERSONAL_CODE, "value": SUBJECT } } ]);
    let (outcome, calls) = {
        let journey = journey_to(on_route_tis());
        let stage = Stage::answering([
            token(),
            patient(PATIENT),
            certificate(201, &filed("500", &final_certificate())),
        ]);
        let outgoing = journey.shape(&declaration(DRIVER_CERTIFICATE), &document).unwrap();
        let cleared = journey.clear(outgoing, false, None, &stage.means()).await.unwrap();
        (journey.adapter().deliver(cleared, &stage.means()).await, stage.calls())
    };
    assert!(delivered(outcome).is_some());
    let ids: Vec<_> = calls.iter().map(|call| call.headers["x-road-id"].clone()).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    let body: Value = serde_json::from_slice(&calls[2].body.in_memory().unwrap()).unwrap();
    assert_eq!(body["subject"], json!([ { "reference": "Patient/517685" } ]));
}

#[tokio::test]
async fn success_is_read_from_the_answer_and_not_from_the_status() {
    let mut another = filed("500", &final_certificate());
    another["identifier"][0]["value"] = json!("HCERT-2");
    let mut of_another = filed("500", &final_certificate());
    of_another["subject"] = json!([ { "reference": "Patient/1" } ]);
    for (answer, expected) in [
        (certificate(201, &another), "Unknown"),
        (certificate(201, &of_another), "Unknown"),
        (certificate(201, &in_status("preliminary")), "Unknown"),
        (reply(201, ""), "Unknown"),
        (reply(200, "<html>ok</html>"), "Unknown"),
        (outcome(200, "invalid"), "Refused"),
        (outcome(200, "timeout"), "Unknown"),
        (outcome(422, "invalid"), "Refused"),
        (reply(403, ""), "Refused"),
        (reply(429, ""), "Failed"),
        (reply(503, ""), "Unknown"),
        (Err(CallFailure::NotReached), "Failed"),
        (Err(CallFailure::TimedOut), "Unknown"),
        (Err(CallFailure::Broken), "Unknown"),
    ] {
        let shown = format!("{answer:?}");
        let (outcome, _) = deliver(DRIVER_CERTIFICATE, &final_certificate(), vec![answer]).await;
        let printed = format!("{outcome:?}");
        assert!(printed.starts_with(expected), "{shown}: {printed}");
        assert!(!printed.contains("Tamm"));
    }
}

#[tokio::test]
async fn an_error_of_the_network_is_told_from_one_of_the_service() {
    let of_the_network = |error: &'static str| {
        let mut reply = reply(500, "").unwrap();
        reply.headers =
            HeaderMap::from_iter([(x_road::answer::X_ROAD_ERROR, HeaderValue::from_static(error))]);
        vec![Ok(reply)]
    };
    for (error, expected) in [
        ("Server.ServerProxy.AccessDenied", "Failed"),
        ("Server.ServerProxy.ServiceFailed.HttpError", "Unknown"),
        ("server.serverproxy.service_disabled", "Failed"),
    ] {
        let (outcome, _) = deliver(DRIVER_CERTIFICATE, &final_certificate(), of_the_network(error)).await;
        assert!(format!("{outcome:?}").starts_with(expected), "{error}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_looked_for_and_not_sent_again() {
    let answers = vec![found(&[filed("500", &final_certificate())])];
    let (outcome, calls) = deliver_again(DRIVER_CERTIFICATE, &final_certificate(), true, answers).await;
    assert_eq!(delivered(outcome).as_deref(), Some("Composition/500/_history/1"));
    assert!(calls.iter().all(|call| call.method == Method::GET));
    assert!(!calls[0].url_template.contains("HCERT-1") && !calls[0].url_template.contains(PATIENT));
}

#[tokio::test]
async fn what_did_not_arrive_after_all_is_sent() {
    let answers = vec![found(&[]), certificate(201, &filed("500", &final_certificate()))];
    let (outcome, calls) = deliver_again(DRIVER_CERTIFICATE, &final_certificate(), true, answers).await;
    assert!(delivered(outcome).is_some());
    assert_eq!(calls.len(), 2);
}

#[tokio::test]
async fn as_long_as_nobody_knows_it_stays_unknown() {
    for answer in [reply(503, ""), reply(403, ""), reply(200, "garbage"), Err(CallFailure::NotReached)] {
        let (outcome, _) = deliver_again(DRIVER_CERTIFICATE, &final_certificate(), true, vec![answer]).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_duplicate_counts_as_delivered_only_if_it_is_the_same() {
    let same = filed("500", &final_certificate());
    let mut other = same.clone();
    other["contained"][1]["valueCodeableConcept"]["coding"][0]["code"] = json!("160910001");
    for (present, is_delivered) in [(vec![same], true), (vec![other], false), (vec![], false)] {
        let answers = vec![outcome(409, "duplicate"), found(&present)];
        let (outcome, _) = deliver(DRIVER_CERTIFICATE, &final_certificate(), answers).await;
        assert_eq!(matches!(outcome, Outcome::Delivered(_)), is_delivered, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_certificate_with_an_id_is_put_in_the_place_of_the_one_it_changes() {
    let answers = vec![
        certificate(200, &in_status("preliminary")),
        certificate(200, &filed("500", &final_certificate())),
    ];
    let (outcome, calls) = deliver(DRIVER_CERTIFICATE, &with_id(), answers).await;
    assert!(delivered(outcome).is_some());
    assert_eq!(calls[1].method, Method::PUT);
    assert!(calls[1].url.expose().ends_with("/Composition/500"));
    assert!(calls[1].url_template.ends_with("/Composition/{item}"));
}

#[tokio::test]
async fn a_suspension_and_a_cancellation_carry_the_declared_reason_and_are_confirmed_by_the_status() {
    for (purpose, operation, status) in
        [(SUSPENSION, "$suspend", "cancelled"), (CANCELLATION, "$cancel", "entered-in-error")]
    {
        let answers = vec![certificate(200, &in_status("final")), certificate(200, &in_status(status))];
        let (outcome, calls) = deliver(purpose, &parameters(), answers).await;
        assert!(delivered(outcome).is_some());
        assert!(calls[1].url.expose().ends_with(&format!("/Composition/500/{operation}")));
        let body: Value = serde_json::from_slice(&calls[1].body.in_memory().unwrap()).unwrap();
        let expected = json!({ "resourceType": "Parameters",
            "parameter": [ { "name": "reason", "valueString": "juhi tervisetõend" } ] });
        assert_eq!(body, expected);
        let answers = vec![certificate(200, &in_status("final")), certificate(200, &in_status("final"))];
        let (outcome, _) = deliver(purpose, &parameters(), answers).await;
        assert!(matches!(outcome, Outcome::Unknown(_)));
    }
}

#[tokio::test]
async fn a_suspension_that_has_arrived_is_not_repeated() {
    let answers = vec![certificate(200, &in_status("cancelled"))];
    let (outcome, calls) = deliver_again(SUSPENSION, &parameters(), true, answers).await;
    assert!(delivered(outcome).is_some());
    assert_eq!(calls.len(), 1);
}

#[tokio::test]
async fn nobody_s_certificate_is_touched_in_the_name_of_another() {
    let mut of_another = in_status("final");
    of_another["subject"] = json!([ { "reference": "Patient/1" } ]);
    for (purpose, document) in
        [(SUSPENSION, parameters()), (CANCELLATION, parameters()), (DRIVER_CERTIFICATE, with_id())]
    {
        let (outcome, calls) = deliver(purpose, &document, vec![certificate(200, &of_another)]).await;
        assert_eq!(outcome, Outcome::AnotherSubject);
        assert_eq!(calls.len(), 1);
    }
    let (outcome, _) = deliver(SUSPENSION, &parameters(), vec![reply(404, "")]).await;
    assert_eq!(refusal(outcome), "certificate-unknown");
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_fetched_once_more_within_the_attempt() {
    let answers = vec![reply(401, ""), token(), certificate(201, &filed("500", &final_certificate()))];
    let (outcome, calls) = deliver(DRIVER_CERTIFICATE, &final_certificate(), answers).await;
    assert!(delivered(outcome).is_some());
    assert_eq!(calls.len(), 3);
}
