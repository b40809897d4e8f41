use super::*;
use crate::testing::{
    Answer, NUMBER, PATIENT, Stage, TRANSFER, cancellation, centre, change, declaration, document, filed,
    issue, journey, outcome, page, patient, reply, token,
};
use crate::{CANCELLATION, CHANGE, PRESCRIPTION};
use clearance::adapter::{Adapter, Call, CallFailure};
use serde_json::{Value, json};

/// Delivers the document of `purpose`: the answers are those after the token and the patient's id.
async fn deliver_again(purpose: &str, perhaps_delivered: bool, answers: Vec<Answer>) -> (Outcome, Vec<Call>) {
    let journey = journey();
    // The patient's id is proved before delivery, which is what fetches the token as well.
    let stage = Stage::answering([token(), patient(PATIENT)].into_iter().chain(answers));
    let centre = centre();
    let outgoing = journey.shape(&declaration(purpose), &document(purpose)).unwrap();
    let index = centre.tis();
    let cleared = journey.clear(outgoing, perhaps_delivered, Some(&**index), &stage.means()).await.unwrap();
    let outcome = centre.deliver(cleared, &stage.means()).await;
    (outcome, stage.calls().split_off(2))
}

async fn deliver(purpose: &str, answers: Vec<Answer>) -> (Outcome, Vec<Call>) {
    deliver_again(purpose, false, answers).await
}

fn stored(status: u16, prescription: &Value) -> Answer {
    reply(status, &filed(prescription).to_string())
}

fn number(outcome: Outcome) -> String {
    match outcome {
        Outcome::Delivered(acknowledgement) => acknowledgement.reference.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn code(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => refusal.code,
        Outcome::Failed(setback) | Outcome::Unknown(setback) => setback.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_prescription_is_posted_for_the_proved_patient_and_the_centre_s_number_is_the_reference() {
    let (outcome, calls) = deliver(PRESCRIPTION, vec![stored(201, &issue())]).await;
    assert_eq!(number(outcome), NUMBER);
    let [post] = &calls[..] else { panic!("one call carries the prescription") };
    let url = "https://security.example/r1/ee-test/GOV/70009770/uptis/fis-service/fhir/MedicationRequest";
    assert_eq!((&post.method, post.url.expose()), (&Method::POST, url));
    assert_eq!(post.headers["x-road-id"], TRANSFER.message("post").to_string());
    let body: Value = serde_json::from_slice(&post.body.in_memory().unwrap()).unwrap();
    assert_eq!(body["subject"], json!({ "reference": format!("Patient/{PATIENT}") }));
    assert!(body.get("id").is_none() && body.get("identifier").is_none());
}

#[tokio::test]
async fn success_is_read_from_the_answer_and_not_from_the_status() {
    let with = |pointer: &str, value: Value| {
        let mut filed = filed(&issue());
        *filed.pointer_mut(pointer).unwrap() = value;
        reply(201, &filed.to_string())
    };
    for (answer, expected) in [
        (with("/subject/reference", json!("Patient/1")), "Unknown"),
        (with("/status", json!("draft")), "Unknown"),
        (with("/identifier/0/value", json!("no number")), "Unknown"),
        (reply(201, ""), "Unknown"),
        (reply(200, "<html>ok</html>"), "Unknown"),
        (outcome(200, "invalid"), "Refused"),
        (outcome(200, "timeout"), "Unknown"),
        (outcome(422, "business-rule"), "Refused"),
        (reply(403, ""), "Refused"),
        (reply(429, ""), "Failed"),
        (reply(503, ""), "Unknown"),
        (Err(CallFailure::NotReached), "Failed"),
        (Err(CallFailure::TimedOut), "Unknown"),
    ] {
        let shown = format!("{answer:?}");
        let (outcome, _) = deliver(PRESCRIPTION, vec![answer]).await;
        let printed = format!("{outcome:?}");
        assert!(printed.starts_with(expected), "{shown}: {printed}");
        assert!(!printed.contains("Maasikas"));
    }
}

#[tokio::test]
async fn what_may_have_been_issued_is_looked_for_by_who_wrote_what_when_and_not_issued_again() {
    let mut in_its_own_zone = filed(&issue());
    in_its_own_zone["authoredOn"] = json!("2026-11-20T08:15:30Z");
    in_its_own_zone["status"] = json!("completed");
    let (outcome, calls) = deliver_again(PRESCRIPTION, true, vec![page(&[in_its_own_zone], None)]).await;
    assert_eq!(number(outcome), NUMBER);
    assert_eq!(calls.len(), 1);
    let template = "/MedicationRequest?subject={value}&authoredon={value}&_count={value}";
    assert!(calls[0].url_template.ends_with(template), "{}", calls[0].url_template);
}

#[tokio::test]
async fn another_prescription_is_not_taken_for_ours() {
    for (pointer, value) in [
        ("/authoredOn", "2026-11-20T10:15:31+02:00"),
        ("/contained/0/practitioner/identifier/value", "D09999"),
        ("/contained/1/identifier/0/value", "7654321"),
        ("/reason/0/concept/coding/0/code", "E11.8"),
        ("/subject/reference", "Patient/1"),
    ] {
        let mut other = filed(&issue());
        *other.pointer_mut(pointer).unwrap() = json!(value);
        let answers = vec![page(&[other], None), stored(201, &issue())];
        let (outcome, calls) = deliver_again(PRESCRIPTION, true, answers).await;
        assert_eq!((number(outcome).as_str(), calls.len()), (NUMBER, 2), "{pointer}");
    }
}

#[tokio::test]
async fn as_long_as_nobody_knows_it_stays_unknown_and_nothing_is_issued() {
    let twice = [filed(&issue()), filed(&issue())];
    let mut bare = filed(&issue());
    bare.as_object_mut().unwrap().remove("contained");
    bare["medication"] = json!({ "reference": { "reference": "Medication/9" } });
    bare["requester"] = json!({ "reference": "#requester" });
    bare["contained"] = json!([issue()["contained"][0]]);
    for (answer, expected) in [
        (reply(503, ""), "http-503"),
        (reply(403, ""), "tis-professional-not-entitled"),
        (reply(200, "garbage"), "answer-unreadable"),
        (Err(CallFailure::NotReached), "not-reached"),
        (page(&twice, None), "prescription-ambiguous"),
        (page(&[bare], None), "prescription-ambiguous"),
        (page(&[], Some("https://inside.invalid/?page=2")), "search-incomplete"),
    ] {
        let (outcome, calls) = deliver_again(PRESCRIPTION, true, vec![answer]).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{expected}: {outcome:?}");
        assert_eq!((code(outcome).as_str(), calls.len()), (expected, 1));
    }
}

#[tokio::test]
async fn a_change_and_a_cancellation_are_put_over_the_version_that_was_seen() {
    for (purpose, next) in [(CHANGE, change()), (CANCELLATION, cancellation())] {
        let answers = vec![page(&[filed(&issue())], None), stored(200, &next)];
        let (outcome, calls) = deliver(purpose, answers).await;
        assert_eq!(number(outcome), NUMBER);
        let [look, put] = &calls[..] else { panic!("looked at, then put") };
        assert!(look.url.expose().contains(&format!("retsept%7C{NUMBER}&subject=Patient%2F{PATIENT}")));
        assert!(!look.url_template.contains(NUMBER) && !put.url_template.contains("3001"));
        assert!(put.url.expose().ends_with("/fhir/MedicationRequest/3001"));
        assert_eq!((&put.method, put.headers["if-match"].to_str().unwrap()), (&Method::PUT, "W/\"1\""));
        let body: Value = serde_json::from_slice(&put.body.in_memory().unwrap()).unwrap();
        assert_eq!((&body["id"], &body["identifier"]), (&json!("3001"), &next["identifier"]));
    }
}

#[tokio::test]
async fn nobody_s_prescription_is_touched_in_the_name_of_another() {
    let mut of_another = filed(&issue());
    of_another["subject"] = json!({ "reference": "Patient/1" });
    for purpose in [CHANGE, CANCELLATION] {
        // A centre that heeds the patient in the question shows nothing; one that does not is not believed.
        let (outcome, calls) = deliver(purpose, vec![page(&[], None)]).await;
        assert_eq!((code(outcome).as_str(), calls.len()), ("prescription-unknown", 1));
        let (outcome, calls) = deliver(purpose, vec![page(&[of_another.clone()], None)]).await;
        assert_eq!((outcome, calls.len()), (Outcome::AnotherSubject, 1));
    }
}

#[tokio::test]
async fn a_change_or_cancellation_that_has_arrived_is_not_repeated_and_one_that_has_not_is() {
    for (purpose, done) in [(CHANGE, change()), (CANCELLATION, cancellation())] {
        let (outcome, calls) = deliver_again(purpose, true, vec![page(&[filed(&done)], None)]).await;
        assert_eq!((number(outcome).as_str(), calls.len()), (NUMBER, 1));
        let answers = vec![page(&[filed(&issue())], None), stored(200, &done)];
        let (outcome, calls) = deliver_again(purpose, true, answers).await;
        assert_eq!((number(outcome).as_str(), calls.len()), (NUMBER, 2));
    }
}

#[tokio::test]
async fn a_prescription_that_was_changed_meanwhile_is_looked_at_anew() {
    let answers = vec![page(&[filed(&issue())], None), outcome(412, "conflict")];
    let (outcome, _) = deliver(CHANGE, answers).await;
    assert!(matches!(&outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(code(outcome), "prescription-changed-meanwhile");
}

#[tokio::test]
async fn a_prescription_that_was_dispensed_is_the_centre_s_to_refuse() {
    let mut dispensed = filed(&issue());
    dispensed["status"] = json!("completed");
    let answers = vec![page(&[dispensed], None), outcome(409, "conflict")];
    let (outcome, _) = deliver(CANCELLATION, answers).await;
    assert!(matches!(&outcome, Outcome::Refused(_)), "{outcome:?}");
    assert_eq!(code(outcome), "conflict");
}

#[tokio::test]
async fn a_duplicate_counts_as_issued_only_if_it_is_ours() {
    let answers = vec![outcome(409, "duplicate"), page(&[filed(&issue())], None)];
    let (delivered, _) = deliver(PRESCRIPTION, answers).await;
    assert_eq!(number(delivered), NUMBER);
    let (refused, _) = deliver(PRESCRIPTION, vec![outcome(409, "duplicate"), page(&[], None)]).await;
    assert_eq!(code(refused), "duplicate");
}

#[tokio::test]
async fn a_subject_named_by_identifier_is_looked_up_and_one_that_nobody_knows_is_refused() {
    let mut document = issue();
    document["subject"] = json!({ "identifier": {
        "system": clearance::person::ESTONIAN_PERSONAL_CODE, "value": crate::testing::SUBJECT } });
    for (answer, expected) in [(patient(PATIENT), "Delivered"), (reply(404, ""), "Refused")] {
        let journey = journey();
        let stage = Stage::answering([token(), answer, stored(201, &issue())]);
        let outgoing = journey.shape(&declaration(PRESCRIPTION), &document).unwrap();
        let cleared = journey.clear(outgoing, false, None, &stage.means()).await.unwrap();
        let outcome = journey.adapter().deliver(cleared, &stage.means()).await;
        assert!(format!("{outcome:?}").starts_with(expected), "{outcome:?}");
    }
}
