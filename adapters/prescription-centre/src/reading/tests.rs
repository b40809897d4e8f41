use clearance::adapter::{Call, CallFailure};
use clearance::journey::{Released, ReleasedDocument, Unreleased};
use clearance::testing::{ANSWER_BYTES_MAX, INQUIRY};
use serde_json::{Value, json};

use super::*;
use crate::PRESCRIPTIONS;
use crate::testing::{
    Answer, NUMBER, PATIENT, PROFESSIONAL, Stage, centre, declaration, filed, issue, journey, outcome, page,
    patient, reply, token,
};

const NEXT: &str = "https://inside.invalid/fhir/MedicationRequest?subject=Patient%2F700001&_page=2";

/// Asks with `query`; `answers` are those after the token and the patient's id.
async fn read(query: &Value, answers: Vec<Answer>) -> (Result<Vec<Value>, Unreleased>, Vec<Call>) {
    let stage = Stage::answering([token(), patient(PATIENT)].into_iter().chain(answers));
    let journey = journey();
    let asking = journey.ask(&declaration(PRESCRIPTIONS), query).unwrap();
    // The index that proves the subject has a token of its own.
    let centre = centre();
    let answer = journey.read(asking, Some(&**centre.tis()), &stage.means()).await;
    let documents = |released: Released| {
        let json = |document: &ReleasedDocument| serde_json::from_slice(document.bytes()).unwrap();
        released.documents().iter().map(json).collect()
    };
    (answer.map(documents), stage.calls())
}

/// The same, where the subject is proved after these pages.
async fn released(query: &Value, pages: Vec<Answer>) -> (Result<Vec<Value>, Unreleased>, Vec<Call>) {
    read(query, pages.into_iter().chain([token(), patient(PATIENT)]).collect()).await
}

/// The code of what stood in the way of `answers`.
async fn hindered(answers: Vec<Answer>) -> (String, Option<String>) {
    let unreleased = read(&json!({}), answers).await.0.unwrap_err();
    let printed = format!("{unreleased:?}");
    assert!(!printed.contains("Maasikas"), "{printed}");
    (unreleased.hindrance().code().to_owned(), unreleased.code().map(str::to_owned))
}

fn unreadable_as(code: &str) -> (String, Option<String>) {
    ("unreadable".to_owned(), Some(code.to_owned()))
}

#[tokio::test]
async fn a_question_says_whose_prescriptions_in_which_status_and_from_when() {
    let query = json!({ "status": "on-hold", "from": "2026-01-01", "until": "2026-11-22" });
    let (read, calls) = released(&query, vec![page(&[filed(&issue())], None)]).await;
    assert_eq!(read.unwrap().len(), 1);
    let asked = "/uptis/fis-service/fhir/MedicationRequest?subject=Patient%2F700001&status=on-hold\
                 &authoredon=ge2026-01-01&authoredon=le2026-11-22&_sort=-authoredon&_count=100";
    assert!(calls[2].url.expose().ends_with(asked), "{}", calls[2].url.expose());
    assert!(!format!("{:?}", calls[2]).contains(PATIENT));
    assert_eq!(calls[2].headers["x-road-id"], INQUIRY.message("page-1").to_string());
}

#[test]
fn what_cannot_be_asked_is_told_with_its_place() {
    let query = json!({ "status": "lost", "from": "yesterday", "patient": "38507140418" });
    let refused = journey().ask(&declaration(PRESCRIPTIONS), &query).unwrap_err();
    let places: Vec<_> = refused.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/query/status", "/query/from", "/query"]);
    assert!(!format!("{refused:?}").contains("38507140418"));
}

#[tokio::test]
async fn of_a_prescription_only_what_its_profile_names_is_released() {
    let mut prescription = filed(&issue());
    prescription["insurance"] = json!([{ "display": "MARKER" }]);
    prescription["encounter"] = json!({ "display": "MARKER" });
    prescription["note"].as_array_mut().unwrap().push(json!({ "text": "x".repeat(201) }));
    prescription["contained"][0]["contact"] = json!([{ "name": [{ "text": "MARKER" }] }]);
    let (read, _) = released(&json!({}), vec![page(&[prescription], None)]).await;
    let left = read.unwrap()[0].to_string();
    for kept in [NUMBER, "E11.9", "A10BA02", "koos toiduga", PROFESSIONAL, "Patient/700001"] {
        assert!(left.contains(kept), "{kept}");
    }
    for gone in ["MARKER", "hernia", "Kuusk", "display", "insurance", "xxxx"] {
        assert!(!left.contains(gone), "{gone}");
    }
}

#[tokio::test]
async fn pages_are_followed_to_the_end_by_their_query_alone_each_under_an_id_of_its_own() {
    let pages = vec![page(&[filed(&issue())], Some(NEXT)), page(&[filed(&issue())], None)];
    let (read, calls) = released(&json!({}), pages).await;
    assert_eq!(read.unwrap().len(), 2);
    let second = "https://security.example/r1/ee-test/GOV/70009770/uptis/fis-service/fhir/MedicationRequest\
                  ?subject=Patient%2F700001&_page=2";
    assert_eq!(calls[3].url.expose(), second);
    assert_ne!(calls[2].headers["x-road-id"], calls[3].headers["x-road-id"]);
}

#[tokio::test]
async fn somebody_else_s_prescription_keeps_back_all() {
    let mut other = filed(&issue());
    other["subject"] = json!({ "reference": "Patient/999999" });
    let (read, _) = released(&json!({}), vec![page(&[filed(&issue()), other], None)]).await;
    let unreleased = read.unwrap_err();
    assert!(matches!(unreleased, Unreleased::Withheld(_)), "{unreleased:?}");
    assert_eq!(unreleased.code(), Some("wrong-patient"));
    assert!(!format!("{unreleased:?}").contains("999999"));
}

#[tokio::test]
async fn a_list_that_would_not_be_whole_is_no_answer() {
    let endless = (0..PAGES_MAX).map(|n| page(&[filed(&issue())], Some(&format!("{NEXT}&n={n}"))));
    assert_eq!(hindered(endless.collect()).await, unreadable_as("answer-too-large"));
    let long = vec![filed(&issue()); ANSWER_BYTES_MAX / filed(&issue()).to_string().len() + 1];
    assert_eq!(hindered(vec![page(&long, None)]).await, unreadable_as("answer-too-large"));
    let something_else = json!({ "resourceType": "MedicationStatement" });
    assert_eq!(hindered(vec![page(&[something_else], None)]).await, unreadable_as("answer-unreadable"));
}

#[tokio::test]
async fn a_page_that_comes_again_or_a_link_that_leads_nowhere_is_not_followed() {
    let again = vec![page(&[], Some(NEXT)), page(&[], Some(NEXT))];
    let nowhere = vec![page(&[], Some("https://inside.invalid/fhir"))];
    let split = vec![page(&[], Some("https://inside.invalid/?a=b c"))];
    for answers in [again, nowhere, split] {
        assert_eq!(hindered(answers).await, unreadable_as("answer-unreadable"));
    }
}

#[tokio::test]
async fn what_keeps_an_answer_away_is_told_without_a_word_of_the_centre() {
    let twice = r#"{"resourceType":"Bundle","entry":[],"entry":[]}"#;
    for (answer, hindrance, code) in [
        (page(&[], None), "not-found", None),
        (reply(503, ""), "failed", Some("http-503")),
        (Err(CallFailure::TimedOut), "failed", Some("timed-out")),
        (reply(200, "garbage"), "unreadable", Some("answer-unreadable")),
        (reply(200, twice), "unreadable", Some("answer-unreadable")),
        (reply(200, r#"{"resourceType":"MedicationRequest"}"#), "unreadable", Some("answer-unreadable")),
        (outcome(400, "invalid"), "refused-by-destination", Some("invalid")),
        (reply(403, ""), "refused-by-destination", Some("tis-professional-not-entitled")),
    ] {
        assert_eq!(hindered(vec![answer]).await, (hindrance.to_owned(), code.map(str::to_owned)));
    }
}

#[tokio::test]
async fn nobody_whom_the_index_does_not_know_is_searched_for() {
    let stage = Stage::answering([token(), reply(404, "")]);
    let asking = journey().ask(&declaration(PRESCRIPTIONS), &json!({})).unwrap();
    let answer = journey().read(asking, None, &stage.means()).await;
    assert!(matches!(answer, Err(Unreleased::NotFound)), "{answer:?}");
    assert_eq!(stage.calls().len(), 2);
}
