//! Destinations that fail in every way, and what becomes of the transfer.

use end_to_end::{TestGateway, to_employer, to_transport_administration};
use gateway::playground::{employer_stand_in, tis_stand_in};
use serde_json::json;

use crate::BINARY;

#[tokio::test]
async fn whatever_the_employer_does_it_gets_the_decision_once() {
    use employer_stand_in::{Fault, FaultPlan};
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let faults = [
        Fault::Status(503, Some(1)),
        Fault::Status(500, None),
        Fault::RateLimit,
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Garbage,
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let said = format!("{fault:?}");
        gateway.playground.employer.told(FaultPlan::none().once(fault));
        let submission = to_employer().documenting("/identifier/0/value", json!(format!("HCERT-{number}")));
        let ehr = gateway.ehr();
        let accepted = ehr.submit(&submission).await;
        assert_eq!(accepted.status, 202, "{said}");
        let ended = ehr.ended(accepted.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{said}: {ended}");
        assert!(ended["attempts"].as_u64() >= Some(2), "{said}: {ended}");
        assert_eq!(gateway.playground.employer.decisions().len(), number + 1, "{said}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn whatever_tis_does_the_certificate_is_filed_once() {
    use tis_stand_in::{Fault, FaultPlan};
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let faults = [
        Fault::Status(503, Some(1)),
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Garbage,
        Fault::XRoadError("Server.ServerProxy.NetworkError".to_owned()),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let said = format!("{fault:?}");
        gateway.playground.tis.told(FaultPlan::none().then(fault, "/tis/fhir/Composition", 1));
        let submission = to_transport_administration()
            .documenting("/identifier/0/value", json!(format!("HCERT-D{number}")));
        let ehr = gateway.ehr();
        let accepted = ehr.submit(&submission).await;
        assert_eq!(accepted.status, 202, "{said}");
        let ended = ehr.ended(accepted.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{said}: {ended}");
        assert_eq!(gateway.playground.tis.certificates().len(), number + 1, "{said}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn an_error_inside_a_200_is_a_refusal_by_the_destination() {
    use tis_stand_in::{Fault, FaultPlan};
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.tis.told(FaultPlan::none().then(Fault::ErrorInside200, "/tis/fhir/Composition", 1));
    let ehr = gateway.ehr();
    let accepted = ehr.submit(&to_transport_administration()).await;
    let ended = ehr.ended(accepted.transfer()).await;
    assert_eq!(ended["state"], "refused-by-destination", "{ended}");
    gateway.rests().await;
}

#[tokio::test]
async fn an_index_id_of_another_person_is_withheld_before_it_leaves() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let submission =
        to_transport_administration().documenting("/subject/0/reference", json!("Patient/700001"));
    let accepted = ehr.submit(&submission).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let ended = ehr.ended(accepted.transfer()).await;
    assert_eq!((&ended["state"], &ended["code"]), (&json!("withheld"), &json!("wrong-patient")));
    assert!(gateway.playground.tis.certificates().is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn a_transfer_past_its_deadline_expires() {
    use employer_stand_in::{Fault, FaultPlan};
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let ehr = gateway.ehr();
    let accepted = ehr.submit(&to_employer().declaring("/not_after", json!(soon()))).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    assert_eq!(ehr.ended(accepted.transfer()).await["state"], "expired");
    gateway.rests().await;
}

/// Two seconds from now.
fn soon() -> String {
    use clearance::clock::{Clock, SystemClock};
    let soon = SystemClock.now().checked_add(jiff::SignedDuration::from_secs(2));
    soon.unwrap_or(jiff::Timestamp::MAX).to_string()
}

#[tokio::test]
async fn a_dead_destination_does_not_delay_another() {
    use employer_stand_in::{Fault, FaultPlan};
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let ehr = gateway.ehr();
    let stuck = ehr.submit(&to_employer()).await;
    let other = ehr.submit(&to_transport_administration().waiting(5)).await;
    assert_eq!((other.status, other.text("/state")), (200, "delivered"));
    gateway.playground.employer.told(FaultPlan::none());
    assert_eq!(ehr.ended(stuck.transfer()).await["state"], "delivered");
    gateway.rests().await;
}
