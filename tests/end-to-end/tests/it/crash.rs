//! What a crash may cost: an attempt, never a record, never a second delivery.

use std::collections::BTreeSet;
use std::time::Duration;

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
    let late = Fault::DelayAfter(Duration::from_secs(60));
    gateway.playground.employer.told(FaultPlan::none().then(late, "/health-check-decisions", 1));
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
async fn a_transfer_whose_row_is_damaged_waits_alone() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let ehr = gateway.ehr();
    let damaged = ehr.submit(&to_employer()).await;
    let number = serde_json::json!("HCERT-2");
    let other = to_employer().declaring("/ordering_key", "another".into());
    let other = ehr.submit(&other.documenting("/identifier/0/value", number)).await;
    assert_eq!((damaged.status, other.status), (202, 202), "{}", other.body);
    gateway.kill();
    let database = rusqlite::Connection::open(gateway.data().join("clearance.db")).unwrap();
    let lost = "DELETE FROM body WHERE transfer = (SELECT min(transfer) FROM body)";
    assert_eq!(database.execute(lost, []).unwrap(), 1);
    drop(database);
    gateway.playground.employer.told(FaultPlan::none());
    gateway.restart();
    let ehr = gateway.ehr();
    assert_eq!(ehr.ended(other.transfer()).await["state"], "delivered");
    assert_eq!(ehr.state(damaged.transfer()).await["final"], false);
    let told = || gateway.log().matches("transfer-set-aside").count();
    assert!(eventually(|| async { (told() > 0).then_some(()) }).await.is_some());
    // Another passes it by, and it is not told of at every look.
    let third = to_employer().declaring("/ordering_key", "a-third".into()).waiting(10);
    let third = third.documenting("/identifier/0/value", serde_json::json!("HCERT-3"));
    assert_eq!(ehr.submit(&third).await.text("/state"), "delivered");
    assert_eq!(told(), 1, "{}", gateway.log());
    assert_eq!(gateway.playground.employer.decisions().len(), 2);
}

fn number(document: &[u8]) -> String {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    document["identifier"][0]["value"].as_str().unwrap().to_owned()
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
    // What was accepted without our hearing of it is delivered too, and nothing twice.
    let decisions = gateway.playground.employer.decisions();
    let numbers: BTreeSet<_> = decisions.iter().map(|decision| number(&decision.document)).collect();
    assert_eq!(numbers.len(), decisions.len());
    assert!(numbers.len() >= acknowledged.len());
    gateway.rests().await;
}
