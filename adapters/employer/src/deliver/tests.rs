use clearance::adapter::CallFailure;
use serde_json::json;

use super::*;
use crate::testing::{Pen, Stage, TRANSFER, certificate, declaration, employer, journey_to, reply};

/// The receipt of an employer who has taken what was sent.
fn receipt(bytes: &[u8]) -> String {
    json!({ "receipt": "R-1", "sha256": hex::encode(digest(&SHA256, bytes).as_ref()) }).to_string()
}

async fn deliver(
    perhaps_delivered: bool,
    answer: impl FnOnce(&[u8]) -> Result<Reply, CallFailure>,
) -> (Outcome, clearance::adapter::Call) {
    let journey = journey_to(employer());
    let outgoing = journey.shape(&declaration(), &certificate()).unwrap();
    let peer = Stage::answering([answer(&outgoing.payload().bytes)]);
    let pen = Pen::new();
    let cleared = journey.clear(outgoing, perhaps_delivered, None, &peer.means(&pen)).await.unwrap();
    let outcome = journey.adapter().deliver(cleared, &peer.means(&pen)).await;
    (outcome, peer.calls().pop().unwrap())
}

#[tokio::test]
async fn a_decision_is_posted_signed_under_the_transfer_s_own_key() {
    let (outcome, call) = deliver(false, |sent| reply(201, &receipt(sent))).await;
    let Outcome::Delivered(acknowledgement) = outcome else { panic!("{outcome:?}") };
    assert_eq!(acknowledgement.reference.as_deref(), Some("R-1"));
    assert_eq!((call.peer.as_str(), call.url.expose()), ("tehas", "https://tehas.example/decisions"));
    assert_eq!(call.headers["content-type"], "application/fhir+json");
    assert_eq!(call.headers["idempotency-key"], TRANSFER.to_string());
    let signature = signature::detached(&call.body.in_memory().unwrap(), &Pen::new()).unwrap();
    assert_eq!(call.headers["x-jws-signature"], signature);
}

#[tokio::test]
async fn only_a_receipt_over_the_very_bytes_is_a_delivery() {
    for (status, body, expected) in [
        (200, receipt(b"something else"), "Unknown"),
        (200, "ok".to_owned(), "Unknown"),
        (200, "{}".to_owned(), "Unknown"),
        (204, String::new(), "Unknown"),
        (202, String::new(), "Unknown"),
        (409, String::new(), "Unknown"),
        (500, String::new(), "Unknown"),
        (503, String::new(), "Unknown"),
        (429, String::new(), "Failed"),
        (302, String::new(), "Failed"),
        (400, String::new(), "Refused"),
        (403, String::new(), "Refused"),
        (404, String::new(), "Refused"),
        (422, "Jaan Tamm".to_owned(), "Refused"),
    ] {
        let (outcome, _) = deliver(false, |_| reply(status, &body)).await;
        let printed = format!("{outcome:?}");
        assert!(printed.starts_with(expected), "{status}: {printed}");
        assert!(!printed.contains("Tamm"));
    }
}

#[tokio::test]
async fn a_repeat_carries_the_same_key_and_content_and_settles_what_was_unknown() {
    let (outcome, first) = deliver(false, |_| Err(CallFailure::Broken)).await;
    assert!(matches!(outcome, Outcome::Unknown(_)));
    let (outcome, unreached) = deliver(true, |_| Err(CallFailure::NotReached)).await;
    assert!(matches!(outcome, Outcome::Unknown(_)));
    let (outcome, settled) = deliver(true, |sent| reply(200, &receipt(sent))).await;
    assert!(matches!(outcome, Outcome::Delivered(_)));
    for repeat in [unreached, settled] {
        assert_eq!(repeat.headers["idempotency-key"], first.headers["idempotency-key"]);
        assert_eq!(repeat.body.in_memory(), first.body.in_memory());
    }
}

#[tokio::test]
async fn what_was_never_reached_has_failed_and_may_be_tried_again() {
    let (outcome, _) = deliver(false, |_| Err(CallFailure::NotReached)).await;
    assert!(matches!(outcome, Outcome::Failed(_)));
}

#[tokio::test]
async fn after_doubt_only_a_judgement_of_the_document_is_a_refusal() {
    for (status, expected) in [
        (401, "Unknown"),
        (403, "Unknown"),
        (404, "Unknown"),
        (410, "Unknown"),
        (400, "Refused"),
        (422, "Refused"),
    ] {
        let (outcome, _) = deliver(true, |_| reply(status, "")).await;
        let printed = format!("{outcome:?}");
        assert!(printed.starts_with(expected), "{status}: {printed}");
    }
}
