//! What is remembered of clients' certificates.

use super::Folder;
use crate::conformance::{House, at};
use crate::{LedgerFile, Sighting};

fn sighting(number: u8, client: &str, first: i64, last: i64) -> Sighting {
    Sighting {
        certificate: [number; 32],
        key: [7; 32],
        client: client.parse().unwrap(),
        not_after: at(1000),
        first_seen_at: at(first),
        last_seen_at: at(last),
    }
}

#[tokio::test]
async fn the_first_and_the_last_sighting_are_kept_and_what_is_long_gone_is_forgotten() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    store.note_sightings(vec![sighting(1, "ehr", 1, 2), sighting(2, "ehr", 1, 4)]).await.unwrap();
    store.note_sightings(vec![sighting(1, "ehr", 3, 9), sighting(3, "billing", 3, 3)]).await.unwrap();
    // A clock that went back takes nothing back.
    store.note_sightings(vec![sighting(2, "ehr", 0, 0)]).await.unwrap();
    let seen = || LedgerFile::open(&folder.path()).unwrap().sightings().unwrap();
    assert_eq!(seen(), [sighting(3, "billing", 3, 3), sighting(1, "ehr", 1, 9), sighting(2, "ehr", 1, 4)]);
    let late = 401 * 24 * 60 * 60;
    store.note_sightings(vec![sighting(4, "ehr", late, late)]).await.unwrap();
    assert_eq!(seen(), [sighting(4, "ehr", late, late)]);
    store.shutdown().await;
}
