//! What an attempt comes to, by what the image bank says of each instance.

use std::collections::BTreeSet;
use std::time::Duration;

use clearance::adapter::{CallFailure, Outcome, Reply, Setback};
use http::header::{HeaderValue, RETRY_AFTER};

use crate::testing::{CT, answer, attempt, dicom, journey, reply};

const THREE: [&str; 3] = ["1.1", "1.2", "1.3"];

/// What comes of three instances in one request, with this answer.
async fn outcome(in_doubt: bool, answer: Result<Reply, CallFailure>) -> Outcome {
    let files = THREE.map(|uid| dicom(CT, uid));
    attempt(&journey(100), &files, in_doubt, answer).await.0
}

fn partly(done: &[u32], code: Option<&str>) -> Outcome {
    Outcome::Partly { done: done.iter().copied().collect(), setback: code.map(Setback::new) }
}

#[tokio::test]
async fn delivered_is_what_is_referenced_and_not_failed_whatever_the_status() {
    for status in [200, 202, 409, 500] {
        let Outcome::Delivered(acknowledgement) = outcome(false, answer(status, &THREE, &[])).await else {
            panic!("{status}");
        };
        assert_eq!(acknowledgement.reference.as_deref(), Some("studies/1.9"));
    }
    let both = answer(200, &THREE, &[("1.2", 0x0110)]);
    assert_eq!(outcome(false, both).await, partly(&[1, 3], Some("instance-not-confirmed")));
    let silent = answer(200, &["1.1"], &[]);
    assert_eq!(outcome(false, silent).await, partly(&[1], Some("instance-not-confirmed")));
}

#[tokio::test]
async fn what_failed_is_told_apart_by_whether_it_may_work_later() {
    let busy = answer(202, &["1.1", "1.3"], &[("1.2", 0xa700)]);
    assert_eq!(outcome(false, busy).await, partly(&[1, 3], Some("instance-failed-a700")));
    let refused = answer(202, &["1.1", "1.3"], &[("1.2", 0x0122)]);
    assert_eq!(outcome(false, refused).await, partly(&[1, 3], None), "the other two are not lost with it");
    let mixed = answer(409, &[], &[("1.1", 0x0122), ("1.2", 0x0110), ("1.3", 0x0122)]);
    assert_eq!(outcome(false, mixed).await, Outcome::Failed(Setback::new("instance-failed-0110")));
    let all = answer(409, &[], &[("1.1", 0x0122), ("1.2", 0xc001), ("1.3", 0x9999)]);
    let Outcome::Refused(refusal) = outcome(false, all).await else { panic!("it is not refused") };
    assert_eq!(refusal.code, "instance-refused-0122");
    let said: Vec<_> = refusal.faults.iter().map(|of| (of.pointer.as_str(), of.detail.as_str())).collect();
    assert_eq!(
        said,
        [
            ("document[1]", "instances of its class are not taken (reason 0122)"),
            ("document[2]", "it was not understood (reason C001)"),
            ("document[3]", "the image bank did not store it (reason 9999)"),
        ]
    );
}

#[tokio::test]
async fn an_instance_that_is_there_already_is_ours_only_if_it_may_be() {
    let there = || answer(202, &["1.1", "1.3"], &[("1.2", 0x0111)]);
    assert_eq!(outcome(false, there()).await, partly(&[1, 3], None));
    assert!(matches!(outcome(true, there()).await, Outcome::Delivered(_)));
}

#[tokio::test]
async fn an_answer_that_says_nothing_of_any_instance_is_judged_by_its_status() {
    let unreadable = || Outcome::Unknown(Setback::new("answer-unreadable"));
    let json = "application/dicom+json";
    for body in ["", "{}", "<NativeDicomModel/>", "{\"error\":\"no\"}", "{\"00081199\":{\"vr\":\"SQ\"}}"] {
        assert_eq!(outcome(false, reply(200, json, body.as_bytes())).await, unreadable(), "{body}");
    }
    let of = |status| reply(status, "text/plain", b"no");
    for status in [400, 409, 415, 422] {
        let Outcome::Refused(refusal) = outcome(false, of(status)).await else { panic!("{status}") };
        assert_eq!(refusal.code, format!("http-{status}"));
    }
    for status in [301, 401, 403, 404, 405, 413, 429] {
        assert_eq!(outcome(false, of(status)).await, Outcome::Failed(Setback::new(format!("http-{status}"))));
    }
    for status in [408, 500, 502, 503] {
        assert_eq!(
            outcome(false, of(status)).await,
            Outcome::Unknown(Setback::new(format!("http-{status}")))
        );
    }
    let mut later = of(503).unwrap();
    later.headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
    let setback = Setback { code: "http-503".into(), retry_after: Some(Duration::from_secs(7)) };
    assert_eq!(outcome(false, Ok(later)).await, Outcome::Unknown(setback));
    let broken = outcome(false, Err(CallFailure::Broken)).await;
    assert_eq!(broken, Outcome::Unknown(Setback::new("connection-broken")));
    let away = outcome(false, Err(CallFailure::NotReached)).await;
    assert_eq!(away, Outcome::Failed(Setback::new("not-reached")));
}

#[tokio::test]
async fn only_what_is_missing_is_sent_batch_after_batch() {
    let files = ["1.1", "1.2", "1.3", "1.4"].map(|uid| dicom(CT, uid));
    let mut journey = journey(2);
    let sent = |body: &[u8]| {
        let holds = |uid: &&str| {
            let uid = format!("UI\u{4}\0{uid}\0");
            body.windows(uid.len()).any(|window| window == uid.as_bytes())
        };
        ["1.1", "1.2", "1.3", "1.4"].into_iter().filter(holds).collect::<Vec<_>>()
    };

    let (outcome, body) = attempt(&journey, &files, false, answer(202, &["1.1"], &[("1.2", 0xa700)])).await;
    assert_eq!(sent(&body), ["1.1", "1.2"]);
    assert_eq!(outcome, partly(&[1], Some("instance-failed-a700")));

    journey.parts_done = BTreeSet::from([1]);
    let (outcome, body) = attempt(&journey, &files, false, answer(200, &["1.2", "1.3"], &[])).await;
    assert_eq!(sent(&body), ["1.2", "1.3"]);
    assert_eq!(outcome, partly(&[2, 3], None), "and the next batch at once");

    journey.parts_done = BTreeSet::from([1, 2, 3]);
    let (outcome, body) = attempt(&journey, &files, false, answer(200, &["1.4"], &[])).await;
    assert_eq!(sent(&body), ["1.4"]);
    assert!(matches!(outcome, Outcome::Delivered(_)));
}

#[tokio::test]
async fn when_a_whole_batch_is_refused_the_transfer_ends_and_says_what_was_not_sent() {
    let files = THREE.map(|uid| dicom(CT, uid));
    let refused = answer(409, &[], &[("1.1", 0x0122), ("1.2", 0x0122)]);
    let (outcome, _) = attempt(&journey(2), &files, false, refused).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    let said: Vec<_> = refusal.faults.iter().map(|of| (of.rule.to_string(), of.pointer.as_str())).collect();
    let of = |rule: &str, place| (rule.to_owned(), place);
    assert_eq!(
        said,
        [
            of("instance-refused", "document[1]"),
            of("instance-refused", "document[2]"),
            of("instance-not-sent", "document[3]"),
        ]
    );
}
