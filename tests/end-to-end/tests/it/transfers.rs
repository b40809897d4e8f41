//! A transfer, from the EHR's first request to the destination's confirmation.

use std::collections::BTreeSet;

use end_to_end::{TestGateway, answer, eventually, to_employer, to_transport_administration};
use gateway::playground::Choices;
use http::Method;
use serde_json::{Value, json};

use crate::BINARY;

#[tokio::test]
async fn a_health_check_decision_reaches_the_employer_and_nothing_else_does() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let accepted = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!(accepted.status, 200, "{}", accepted.body);
    assert_eq!(accepted.text("/state"), "delivered");
    let decisions = gateway.playground.employer.decisions();
    assert_eq!(decisions.len(), 1);
    let document: Value = serde_json::from_slice(&decisions[0].document).unwrap();
    insta::assert_json_snapshot!("what_the_employer_receives", document);
    gateway.rests().await;
}

#[tokio::test]
async fn a_drivers_certificate_is_filed_in_tis_with_the_index_id_and_without_reasons() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let accepted = gateway.ehr().submit(&to_transport_administration().waiting(10)).await;
    assert_eq!(accepted.status, 200, "{}", accepted.body);
    assert_eq!(accepted.text("/subject"), "unproven", "a bare index id is proved before delivery");
    let filed = gateway.playground.tis.certificates();
    assert_eq!(filed.len(), 1);
    let text = filed[0].to_string();
    assert!(text.contains("HCERT-2026-0418") && text.contains("Patient/700002"));
    for kept_back in ["recognise colours", "amputated", "reject-reason"] {
        assert!(!text.contains(kept_back), "{kept_back}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn on_the_direct_route_the_register_gets_the_slim_record_and_tis_nothing() {
    let choices = Choices { direct: true, ..Choices::default() };
    let gateway = TestGateway::with(BINARY, choices).await;
    let ehr = gateway.ehr();
    let checked = ehr.check(&to_transport_administration(), "?document=true").await;
    assert_eq!(checked.status, 200, "{}", checked.body);
    let delivered = ehr.submit(&to_transport_administration().waiting(10)).await;
    assert_eq!((delivered.status, delivered.text("/state")), (200, "delivered"), "{}", delivered.body);
    let records = gateway.playground.tis.driver_records();
    assert_eq!(records.len(), 1);
    let shown: Value = serde_json::from_str(checked.text("/outgoing/document")).unwrap();
    assert_eq!(shown, records[0], "a check shows what leaves");
    insta::assert_json_snapshot!("what_the_register_receives", records[0]);
    assert!(gateway.playground.tis.certificates().is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn a_transfer_is_accepted_once_however_often_it_is_repeated() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, submission) = (gateway.ehr(), to_employer());
    let first = ehr.submit(&submission).await;
    assert_eq!(first.status, 202);
    ehr.ended(first.transfer()).await;
    for _ in 0..3 {
        let again = ehr.submit(&submission).await;
        assert_eq!((again.status, &again.body), (202, &first.body));
        assert_eq!(again.headers["idempotency-replayed"], "true");
    }
    let mut other = submission.clone();
    other.declaration["reason"] = json!("another reason");
    let refused = ehr.submit(&other).await;
    assert_eq!(
        (refused.status, refused.text("/title")),
        (422, "The idempotency key was used for another request")
    );
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
    gateway.rests().await;
}

#[tokio::test]
async fn eight_at_once_with_one_key_have_one_effect() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, submission) = (gateway.ehr(), to_employer());
    let submits: Vec<_> = (0..8)
        .map(|_| {
            let (ehr, submission) = (ehr.clone(), submission.clone());
            tokio::spawn(async move { ehr.submit(&submission).await })
        })
        .collect();
    let mut transfers = BTreeSet::new();
    for submit in submits {
        let answer = submit.await.unwrap();
        match answer.status {
            202 => {
                transfers.insert(answer.transfer().to_owned());
            }
            409 => {}
            status => panic!("{status}: {}", answer.body),
        }
    }
    assert_eq!(transfers.len(), 1);
    for transfer in transfers {
        ehr.ended(&transfer).await;
    }
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
    gateway.rests().await;
}

#[tokio::test]
async fn a_check_shows_what_would_leave_and_leaves_no_trace() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let checked = gateway.ehr().check(&to_employer(), "?document=true").await;
    assert_eq!(checked.status, 200, "{}", checked.body);
    assert!(checked.text("/outgoing/document").contains("HCERT-2026-0417"));
    assert!(checked.body["manifest"]["dropped"].as_array().is_some_and(|dropped| !dropped.is_empty()));
    assert!(gateway.playground.employer.received().is_empty());
    let entries = eventually(|| async {
        let (_, metrics) = gateway.ask_admin("/metrics").await;
        metrics.lines().find_map(|line| line.strip_prefix("clearance_ledger_entries ").map(str::to_owned))
    });
    assert_eq!(entries.await.as_deref(), Some("0"), "a check is counted, not recorded");
    gateway.rests().await;
}

#[tokio::test]
async fn multipart_and_json_say_the_same() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, submission) = (gateway.ehr(), to_employer());
    let boundary = "xXx";
    for (media_type, disposition) in [
        ("multipart/form-data; boundary=xXx", true),
        ("multipart/related; type=\"application/json\"; boundary=\"xXx\"", false),
    ] {
        let head = |name: &str, media: &str| {
            let named = if disposition {
                format!(
                    "Content-Disposition: form-data; name=\"{name}\"; filename=\"Mari Maasikas.json\"\r\n"
                )
            } else {
                String::new()
            };
            format!("--{boundary}\r\n{named}Content-Type: {media}\r\n\r\n")
        };
        let body = format!(
            "{}{}\r\n{}{}\r\n--{boundary}--\r\n",
            head("declaration", "application/json"),
            submission.declaration,
            head("document", "application/fhir+json"),
            submission.document,
        );
        let request = ehr.request(Method::POST, "/v1/checks").header("content-type", media_type).body(body);
        let multipart = answer(request).await;
        let json = ehr.check(&submission, "").await;
        assert_eq!((multipart.status, &multipart.body), (200, &json.body), "{media_type}");
    }
    assert!(!gateway.log().contains("Maasikas"), "file names are never logged");
    gateway.rests().await;
}

#[tokio::test]
async fn a_stated_digest_is_checked_over_the_whole_body() {
    use base64::Engine;
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, submission) = (gateway.ehr(), to_employer());
    for (digest, status) in [
        ("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:".to_owned(), 400),
        (
            format!(
                "sha-256=:{}:",
                base64::engine::general_purpose::STANDARD.encode(sha256(&submission.body()))
            ),
            200,
        ),
    ] {
        let request = ehr
            .request(Method::POST, "/v1/checks")
            .header("content-type", "application/json")
            .header("content-digest", digest)
            .body(submission.body());
        assert_eq!(answer(request).await.status, status);
    }
    // In multipart, what follows the last boundary counts too.
    let body = format!(
        "--x\r\nContent-Type: application/json\r\n\r\n{}\r\n--x\r\nContent-Type: application/fhir+json\r\n\r\n{}\r\n--x--\r\n{}",
        submission.declaration,
        submission.document,
        "epilogue ".repeat(20_000),
    );
    let digest = base64::engine::general_purpose::STANDARD.encode(sha256(&body));
    let request = ehr
        .request(Method::POST, "/v1/checks")
        .header("content-type", "multipart/related; boundary=x")
        .header("content-digest", format!("sha-256=:{digest}:"))
        .body(body);
    assert_eq!(answer(request).await.status, 200);
    gateway.rests().await;
}

fn sha256(text: &str) -> Vec<u8> {
    let hash = ledger::Hash::of(text.as_bytes());
    hash.as_bytes().to_vec()
}

#[tokio::test]
async fn a_client_sees_its_own_transfers_and_what_it_may_send_where() {
    use identity::example::ExampleClient;
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, pacs) = (gateway.ehr(), gateway.client(ExampleClient::Pacs));
    let accepted = ehr.submit(&to_employer().waiting(10)).await;
    let path = format!("/v1/transfers/{}", accepted.transfer());
    assert_eq!(ehr.get(&path).await.text("/state"), "delivered");
    assert_eq!(pacs.get(&path).await.status, 404);
    assert_eq!(ehr.get("/v1/transfers/none").await.status, 404);
    let names = |body: &Value| -> Vec<String> {
        let destinations = body["destinations"].as_array().unwrap();
        destinations.iter().map(|of| of["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(&ehr.get("/v1/destinations").await.body),
        [
            "employer",
            "health-insurance-fund",
            "image-bank",
            "patient-portal",
            "prescription-centre",
            "transport-administration"
        ]
    );
    assert!(names(&pacs.get("/v1/destinations").await.body).is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn what_is_delivered_is_erased() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let accepted = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!(accepted.status, 200);
    gateway.stop().await;
    let log = gateway.data().join("clearance.db-wal");
    assert!(std::fs::metadata(log).map_or(true, |log| log.len() == 0), "the write-ahead log is not empty");
    let database = std::fs::read(gateway.data().join("clearance.db")).unwrap();
    for text in ["HCERT-2026-0417", "Maasikas", "49003120231", "herniated"] {
        assert!(!database.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
    assert_eq!(gateway.verify_ledger().await.0, Some(0));
}
