//! Destinations do not wait for each other: what one of them does is no other's delay.

use std::time::{Duration, Instant};

use end_to_end::{
    EhrClient, Submission, TestGateway, to_employer, to_health_insurance_fund, to_patient_portal,
    to_transport_administration,
};
use gateway::playground::{Choices, fund_stand_in, portal_stand_in, tis_stand_in};

use crate::BINARY;

/// Attempts that the gateway has under way for one destination.
const CONCURRENT: u32 = 8;
/// How long the slow destination thinks: longer than all that is measured here takes on a loaded machine.
const SLOWLY: Duration = Duration::from_secs(10);

/// How long each of `count` decisions takes from the request until the employer has it, sorted.
async fn to_employer_takes(ehr: &EhrClient, count: usize) -> Vec<Duration> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let since = Instant::now();
        let delivered = ehr.submit(&to_employer().waiting(10)).await;
        assert_eq!(delivered.text("/state"), "delivered", "{}", delivered.body);
        taken.push(since.elapsed());
    }
    taken.sort();
    taken
}

#[tokio::test]
async fn one_destination_that_is_dead_slow_or_lying_delays_no_other() {
    let settings = "[limits]\nclient_burst = 1000\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let ehr = gateway.ehr();
    let alone = to_employer_takes(&ehr, 30).await;

    let playground = &gateway.playground;
    playground.portal.told(portal_stand_in::FaultPlan::none().once(portal_stand_in::Fault::Down));
    let slow = tis_stand_in::Fault::Delay(SLOWLY);
    playground.tis.told(tis_stand_in::FaultPlan::none().then(slow, "", CONCURRENT));
    let lie = fund_stand_in::Fault::Garbage;
    playground.fund.told(fund_stand_in::FaultPlan::none().then(lie, "", 1000));
    for _ in 0..2 * CONCURRENT {
        let others: [fn() -> Submission; 3] =
            [to_patient_portal, to_transport_administration, to_health_insurance_fund];
        for other in others {
            let accepted = ehr.submit(&other()).await;
            assert_eq!(accepted.status, 202, "{}", accepted.body);
        }
    }
    let since = Instant::now();
    let beside = to_employer_takes(&ehr, 30).await;
    assert!(since.elapsed() < SLOWLY, "the slow destination was slow all the while");

    let shown = |taken: &[Duration]| format!("p50 {:?}, worst {:?}", taken[taken.len() / 2], taken[29]);
    eprintln!("accepted to delivered, alone: {}; beside the others: {}", shown(&alone), shown(&beside));
    // Waiting for one of the others would take seconds; a machine that does much else takes less than that.
    assert!(beside[29] < alone[29] + Duration::from_secs(2), "{} against {}", shown(&beside), shown(&alone));

    playground.portal.told(portal_stand_in::FaultPlan::none());
    playground.tis.told(tis_stand_in::FaultPlan::none());
    playground.fund.told(fund_stand_in::FaultPlan::none());
    gateway.rests().await;
}
