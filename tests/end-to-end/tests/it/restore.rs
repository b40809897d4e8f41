//! A backup that was taken while the gateway ran, put back: what is known again, and what is sent again.

use end_to_end::{TestGateway, eventually, to_employer};
use gateway::playground::employer_stand_in::{Fault, FaultPlan};

use crate::BINARY;

#[tokio::test]
async fn a_restored_record_verifies_and_sends_again_under_the_same_name_what_it_does_not_know_delivered() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let accepted = gateway.ehr().submit(&to_employer()).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let (database, backup) = (gateway.data().join("clearance.db"), gateway.folder().join("backup.db"));
    let running = rusqlite::Connection::open(&database).unwrap();
    running.execute("VACUUM INTO ?1", [backup.display().to_string()]).unwrap();
    drop(running);

    gateway.playground.employer.told(FaultPlan::none());
    gateway.ehr().ended(accepted.transfer()).await;
    assert_eq!(decisions(&gateway), [accepted.transfer()]);
    let later = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!(later.status, 200, "{}", later.body);

    // As deploy/README.md says: stopped, the write-ahead log removed, the backup in its place.
    gateway.stop().await;
    for log in ["clearance.db-wal", "clearance.db-shm"] {
        // A gateway that was stopped may have left none.
        let _absent = std::fs::remove_file(gateway.data().join(log));
    }
    std::fs::copy(&backup, &database).unwrap();
    assert_eq!(gateway.verify_ledger().await.0, Some(0));
    gateway.restart();

    let ended = gateway.ehr().ended(accepted.transfer()).await;
    assert_eq!(ended["state"], "delivered", "{ended}");
    let again = eventually(|| async { (decisions(&gateway).len() == 3).then(|| decisions(&gateway)) }).await;
    // By the same name the employer's system knows that it has the decision already.
    assert_eq!(again.unwrap(), [accepted.transfer(), later.transfer(), accepted.transfer()]);
    // What came after the backup is not known any more; its client may send it again.
    assert_eq!(gateway.ehr().get(&format!("/v1/transfers/{}", later.transfer())).await.status, 404);
    gateway.rests().await;
}

/// The names under which the employer was sent decisions that it took, in their order.
fn decisions(gateway: &TestGateway) -> Vec<String> {
    let received = gateway.playground.employer.received();
    let taken = received
        .iter()
        .filter(|request| request.method == "POST" && request.status.is_some_and(|of| of < 300));
    taken.filter_map(|request| request.header("idempotency-key").map(str::to_owned)).collect()
}
