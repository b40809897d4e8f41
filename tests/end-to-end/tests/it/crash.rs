//! What a crash may cost: an attempt, never a record, never a second delivery.

use end_to_end::{TestGateway, eventually, to_employer};
use gateway::playground::employer_stand_in::{Fault, FaultPlan};

use crate::BINARY;

#[tokio::test]
async fn killed_between_acceptance_and_delivery_it_delivers_once_after_the_restart() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let accepted = gateway.ehr().submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    gateway.kill();
    gateway.playground.employer.told(FaultPlan::none());
    gateway.restart();
    let ended = gateway.ehr().ended(accepted.transfer()).await;
    assert_eq!(ended["state"], "delivered");
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
    gateway.rests().await;
}

#[tokio::test]
async fn killed_while_the_destination_thinks_it_delivers_once() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    // Stored, and the answer does not come before the kill.
    gateway.playground.employer.told(FaultPlan::none().then(Fault::DropAfter, "/health-check-decisions", 1));
    let accepted = gateway.ehr().submit(&to_employer()).await;
    let stored =
        eventually(|| async { (!gateway.playground.employer.decisions().is_empty()).then_some(()) }).await;
    assert!(stored.is_some());
    gateway.kill();
    gateway.restart();
    let ended = gateway.ehr().ended(accepted.transfer()).await;
    assert_eq!(ended["state"], "delivered");
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
    gateway.rests().await;
}

#[tokio::test]
async fn killed_under_load_it_loses_nothing_it_has_acknowledged() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let mut acknowledged = Vec::new();
    let load = tokio::spawn({
        let ehr = ehr.clone();
        async move {
            let mut accepted = Vec::new();
            for number in 0..200 {
                let mut submission = to_employer();
                submission.document["identifier"][0]["value"] = format!("HCERT-{number}").into();
                let request = ehr
                    .request(http::Method::POST, "/v1/transfers")
                    .header("content-type", "application/json")
                    .header("idempotency-key", &submission.key)
                    .body(submission.body());
                // The kill breaks one of them off; what was not answered counts for nothing.
                let Ok(response) = request.send().await else { break };
                if response.status() == 202
                    && let Ok(text) = response.text().await
                    && let Ok(body) = serde_json::from_str::<serde_json::Value>(&text)
                {
                    accepted.push(body["transfer"].as_str().unwrap_or_default().to_owned());
                }
            }
            accepted
        }
    });
    let some =
        eventually(|| async { (gateway.playground.employer.decisions().len() >= 5).then_some(()) }).await;
    assert!(some.is_some());
    gateway.kill();
    acknowledged.extend(load.await.unwrap());
    assert!(!acknowledged.is_empty());
    gateway.restart();
    let ehr = gateway.ehr();
    for transfer in &acknowledged {
        assert_eq!(ehr.ended(transfer).await["state"], "delivered");
    }
    gateway.rests().await;
}
