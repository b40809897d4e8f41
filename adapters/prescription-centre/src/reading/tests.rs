use super::*;
use crate::testing::{
    Answer, PATIENT, SUBJECT, Stage, centre, filed, issue, outcome, page, patient, reply, token,
};
use clearance::adapter::{Call, CallFailure};
use clearance::person::ESTONIAN_PERSONAL_CODE;
use serde_json::{Value, json};

const NEXT: &str = "https://inside.invalid/fhir/MedicationRequest?subject=Patient%2F700001&_page=2";

async fn read_with(
    answers: Vec<Answer>,
    ask: impl FnOnce(Query<'_>) -> Query<'_>,
) -> (Result<Prescriptions, ReadFailure>, Vec<Call>) {
    let stage = Stage::answering([token()].into_iter().chain(answers));
    let subject = Identifier { system: ESTONIAN_PERSONAL_CODE.into(), value: Private::new(SUBJECT) };
    let professional = Private::new("47605090025");
    let message = Uuid::from_bytes([9; 16]);
    let errand = Errand { professional: &professional, role: "doctor", reason: "ravi", message };
    let read = centre().prescriptions(&ask(Query::of(&subject)), errand, &stage.means()).await;
    (read, stage.calls())
}

async fn read(answers: Vec<Answer>) -> (Result<Prescriptions, ReadFailure>, Vec<Call>) {
    read_with(answers, |query| Query { index_id: Some(PATIENT), ..query }).await
}

#[tokio::test]
async fn a_question_says_whose_prescriptions_in_which_states_and_from_when() {
    let answers = vec![patient(PATIENT), page(&[filed(&issue())], None)];
    let (read, calls) = read_with(answers, |query| Query {
        statuses: &[Status::Active, Status::OnHold],
        from: Some(jiff::civil::date(2026, 1, 1)),
        until: Some(jiff::civil::date(2026, 11, 22)),
        ..query
    })
    .await;
    let read = read.unwrap();
    assert_eq!((read.documents.len(), read.patient.expose()), (1, PATIENT));
    assert_eq!(serde_json::from_slice::<Value>(&read.documents[0]).unwrap(), filed(&issue()));
    let asked = "/uptis/fis-service/fhir/MedicationRequest?subject=Patient%2F700001&status=active%2Con-hold\
                 &authoredon=ge2026-01-01&authoredon=le2026-11-22&_sort=-authoredon&_count=100";
    assert!(calls[2].url.expose().ends_with(asked), "{}", calls[2].url.expose());
    assert!(!format!("{read:?} {:?}", calls[2]).contains(PATIENT));
}

#[tokio::test]
async fn pages_are_followed_to_the_end_by_their_query_alone_each_under_an_id_of_its_own() {
    let answers = vec![page(&[filed(&issue())], Some(NEXT)), page(&[filed(&issue())], None)];
    let (read, calls) = read(answers).await;
    assert_eq!(read.unwrap().documents.len(), 2);
    let second = "https://security.example/r1/ee-test/GOV/70009770/uptis/fis-service/fhir/MedicationRequest\
                  ?subject=Patient%2F700001&_page=2";
    assert_eq!(calls[2].url.expose(), second);
    assert_ne!(calls[1].headers["x-road-id"], calls[2].headers["x-road-id"]);
}

#[tokio::test]
async fn somebody_else_s_prescription_makes_the_whole_answer_worthless() {
    let mut other = filed(&issue());
    other["subject"] = json!({ "reference": "Patient/1" });
    let (read, _) = read(vec![page(&[filed(&issue()), other], None)]).await;
    assert_eq!(read.unwrap_err(), ReadFailure::AnotherSubject);
}

#[tokio::test]
async fn a_list_that_would_not_be_whole_is_no_answer() {
    let endless = (0..PAGES_MAX).map(|n| page(&[filed(&issue())], Some(&format!("{NEXT}&n={n}"))));
    assert_eq!(read(endless.collect()).await.0.unwrap_err(), ReadFailure::TooMany);
    let mut large = filed(&issue());
    large["note"] = json!([{ "text": "x".repeat(ANSWER_BYTES_MAX) }]);
    assert_eq!(read(vec![page(&[large], None)]).await.0.unwrap_err(), ReadFailure::TooMany);
}

#[tokio::test]
async fn a_page_that_comes_again_or_a_link_that_leads_nowhere_is_not_followed() {
    let again = vec![page(&[], Some(NEXT)), page(&[], Some(NEXT))];
    let nowhere = vec![page(&[], Some("https://inside.invalid/fhir"))];
    let split = vec![page(&[], Some("https://inside.invalid/?a=b c"))];
    for answers in [again, nowhere, split] {
        let (read, _) = read(answers).await;
        assert_eq!(read.unwrap_err(), unreadable());
    }
}

#[tokio::test]
async fn what_keeps_an_answer_away_is_told_without_a_word_of_the_centre() {
    let setback = |code: &str| ReadFailure::Setback(Setback::new(code));
    for (answer, expected) in [
        (reply(503, ""), setback("http-503")),
        (reply(200, "garbage"), setback("answer-unreadable")),
        (reply(200, r#"{"resourceType":"MedicationRequest"}"#), setback("answer-unreadable")),
        (Err(CallFailure::TimedOut), setback("timed-out")),
    ] {
        assert_eq!(read(vec![answer]).await.0.unwrap_err(), expected);
    }
    for answer in [outcome(400, "invalid"), reply(403, "")] {
        let failure = read(vec![answer]).await.0.unwrap_err();
        assert!(matches!(failure, ReadFailure::Refused(_)), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("Maasikas"));
    }
    let (read, _) = read_with(vec![reply(404, "")], |query| query).await;
    assert_eq!(read.unwrap_err(), ReadFailure::SubjectNotInIndex);
}
