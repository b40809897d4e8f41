//! Consents and restrictions: withdrawing stops what waits.

use end_to_end::{Answer, EhrClient, TestGateway, answer, eventually, to_employer};
use gateway::playground::employer_stand_in::{Fault, FaultPlan};
use gateway::playground::{DRIVER, WORKER};
use http::Method;
use serde_json::{Value, json};

use crate::BINARY;

#[tokio::test]
async fn a_withdrawn_consent_stops_what_waits_and_keeps_out_what_comes() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let given = tell(&ehr, Method::PUT, "/v1/consents/c-1", WORKER.code).await;
    assert_eq!(
        (given.status, given.text("/consent"), given.text("/change")),
        (200, "given", "given"),
        "{}",
        given.body
    );

    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let resting = || {
        let order = json!({ "kind": "order", "ref": "tervisekontroll-2026-17" });
        to_employer().declaring("/evidence", json!([order, { "kind": "consent", "ref": "c-1" }]))
    };
    let waiting = ehr.submit(&resting()).await;
    assert_eq!(waiting.status, 202, "{}", waiting.body);

    let withdrawn = tell(&ehr, Method::DELETE, "/v1/consents/c-1", WORKER.code).await;
    assert_eq!((withdrawn.status, withdrawn.text("/consent")), (200, "withdrawn"), "{}", withdrawn.body);
    gateway.playground.employer.told(FaultPlan::none());
    let ended = ehr.ended(waiting.transfer()).await;
    assert_eq!(
        (&ended["state"], &ended["code"]),
        (&json!("withheld"), &json!("consent-withdrawn")),
        "{ended}"
    );
    assert!(gateway.playground.employer.decisions().is_empty());

    let refused = ehr.submit(&resting()).await;
    assert_eq!((refused.status, refused.text("/rule")), (403, "consent-withdrawn"));
    let without = ehr.submit(&to_employer().waiting(10)).await;
    assert_eq!(without.status, 200, "what does not rest on consent goes: {}", without.body);
    let (code, verified) = gateway.verify_ledger().await;
    assert_eq!((code, &verified["entries"]["standing"]), (Some(0), &json!(2)), "{verified}");
}

#[tokio::test]
async fn a_restriction_holds_until_every_one_is_lifted_and_for_one_person_only() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    for id in ["r-1", "r-2"] {
        let set = tell(&ehr, Method::PUT, &format!("/v1/restrictions/{id}"), WORKER.code).await;
        assert_eq!((set.status, &set.body["restricted"]), (200, &json!(true)), "{}", set.body);
    }
    let other = tell(&ehr, Method::DELETE, "/v1/restrictions/r-1", DRIVER.code).await;
    assert_eq!(other.body["restricted"], false, "another person's");
    let refused = ehr.submit(&to_employer()).await;
    assert_eq!((refused.status, refused.text("/rule")), (403, "processing-restricted"));
    for (id, left) in [("r-1", true), ("r-1", true), ("r-2", false)] {
        let lifted = tell(&ehr, Method::DELETE, &format!("/v1/restrictions/{id}"), WORKER.code).await;
        assert_eq!((lifted.status, &lifted.body["restricted"]), (200, &json!(left)), "{id}: {}", lifted.body);
    }
    assert_eq!(ehr.submit(&to_employer().waiting(10)).await.status, 200);
    gateway.rests().await;
}

#[tokio::test]
async fn a_withdrawal_names_the_attempts_that_had_begun() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Delay(std::time::Duration::from_secs(2))));
    let sent = ehr.submit(&to_employer()).await;
    let begun =
        eventually(|| async { (!gateway.playground.employer.received().is_empty()).then_some(()) }).await;
    assert!(begun.is_some());
    let set = tell(&ehr, Method::PUT, "/v1/restrictions/r-1", WORKER.code).await;
    assert_eq!(
        (&set.body["under_way"], &set.body["under_way_of_others"]),
        (&json!([sent.transfer()]), &json!(0))
    );
    assert_eq!(ehr.ended(sent.transfer()).await["state"], "delivered", "it had begun");
    gateway.rests().await;
}

#[tokio::test]
async fn no_person_is_named_in_an_url_and_a_notice_is_read_strictly() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let named = tell(&ehr, Method::PUT, &format!("/v1/consents/of-{}", WORKER.code), WORKER.code).await;
    assert_eq!((named.status, named.text("/errors/0/rule")), (400, "notice-id"));
    let pacs = gateway.client(identity::example::ExampleClient::Pacs);
    let elsewhere = tell(&pacs, Method::PUT, "/v1/consents/c-1", WORKER.code).await;
    assert_eq!((elsewhere.status, elsewhere.text("/type")), (422, "/problems/destination-unknown"));
    let body = json!({ "destination": "Employer", "subject": { "system": "x" }, "until": "2027" });
    let faulty = answer(
        ehr.request(Method::PUT, "/v1/restrictions/a%20b")
            .header("content-type", "application/json")
            .body(body.to_string()),
    )
    .await;
    let faults: Vec<_> = faulty.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    assert_eq!((faulty.status, faults), (400, vec!["", "", "/subject/value", "/destination"]));
    assert!(!gateway.log().contains(WORKER.code));
    gateway.rests().await;
}

async fn tell(client: &EhrClient, method: Method, path: &str, person: &str) -> Answer {
    let subject = json!({ "system": "https://fhir.ee/sid/pid/est/ni", "value": person });
    let body: Value = json!({ "subject": subject, "destination": "employer" });
    let request = client.request(method, path).header("content-type", "application/json");
    answer(request.body(body.to_string())).await
}
