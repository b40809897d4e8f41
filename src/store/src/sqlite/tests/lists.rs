//! What operators and data protection officers look up.

use clearance::journey::{Ending, Recorder};
use clearance::words::State;
use ledger::{Hash, SigningKey};

use super::super::Sqlite;
use super::Folder;
use crate::conformance::{House, Sample, at, ending};
use crate::views::TransferFilter;

#[tokio::test]
async fn transfers_are_listed_by_client_destination_and_state_page_by_page() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    for number in 0..6 {
        let destination = if number == 5 { "image-bank" } else { "employer" };
        store.record(Sample { destination, ..Sample::new(number) }.acceptance()).await.unwrap();
    }
    for (number, state) in [(1, State::Delivered), (3, State::Expired)] {
        store.end(ending(Sample::new(number).transfer(), state, at(1))).await.unwrap();
    }
    let all = TransferFilter::default();
    let ehr = TransferFilter { client: Some("ehr".parse().unwrap()), ..all.clone() };
    let cases: [(TransferFilter, &[u64]); 7] = [
        (all.clone(), &[5, 4, 3, 2, 1, 0]),
        (TransferFilter { client: Some("pacs".parse().unwrap()), ..all.clone() }, &[]),
        (TransferFilter { destination: Some("image-bank".parse().unwrap()), ..ehr.clone() }, &[5]),
        (TransferFilter { state: Some(State::Delivered), ..all.clone() }, &[1]),
        (TransferFilter { state: Some(State::Expired), ..ehr.clone() }, &[3]),
        (TransferFilter { state: Some(State::Accepted), before: Some(4), ..ehr.clone() }, &[2, 0]),
        (TransferFilter { before: Some(2), ..all }, &[1, 0]),
    ];
    for (filter, expected) in cases {
        let found = store.transfers(filter.clone(), 100).await.unwrap();
        // The first six entries are the disclosures, so that number and index agree.
        assert_eq!(found.iter().map(|view| view.index).collect::<Vec<_>>(), expected, "{filter:?}");
        let first = store.transfers(filter.clone(), 1).await.unwrap();
        assert_eq!(first.first().map(|view| view.index), expected.first().copied());
        assert_eq!(paged(&store, filter, 2).await, expected);
    }
}

/// The indices of all that fit, page by page.
async fn paged(store: &Sqlite, filter: TransferFilter, limit: usize) -> Vec<u64> {
    let (mut found, mut filter) = (Vec::new(), filter);
    loop {
        let page = store.page(filter.clone(), limit).await.unwrap();
        assert!(page.transfers.len() <= limit);
        found.extend(page.transfers.iter().map(|view| view.index));
        match page.next {
            Some(next) => filter.before = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn a_subjects_disclosures_and_what_lies_beside_them_are_found() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    let samples = [Sample::new(0), Sample::new(1), Sample { about: 0, ..Sample::new(2) }];
    for sample in &samples {
        store.record(sample.acceptance()).await.unwrap();
    }
    let about = samples[0].subject();
    let found = store.disclosures(about, None, 10).await.unwrap();
    assert_eq!(found.iter().map(|entry| entry.index).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(found[0].leaf, samples[2].acceptance().leaf);
    let older = store.disclosures(about, Some(2), 10).await.unwrap();
    assert_eq!(older.iter().map(|entry| entry.index).collect::<Vec<_>>(), [0]);

    let proof = Some((Hash::of(b"proof"), b"salt, encrypted".to_vec()));
    let delivered = Ending { proof, ..ending(samples[0].transfer(), State::Delivered, at(1)) };
    store.end(delivered).await.unwrap();
    let asides = store.asides(samples[0].transfer()).await.unwrap();
    assert_eq!(asides, [(0, samples[0].acceptance().aside), (3, b"salt, encrypted".to_vec())]);
}

#[tokio::test]
async fn a_checkpoint_is_never_ahead_of_the_ledger_and_never_contradicts_another() {
    let folder = Folder::new();
    let store = folder.open(at(0)).await;
    store.record(Sample::new(0).acceptance()).await.unwrap();
    let head = store.head().await.unwrap();
    let key = SigningKey::from_seed("clinic.example/ledger".parse().unwrap(), [7; 32].into()).unwrap();
    let signed = key.sign(head.size(), head.root()).unwrap();
    store.keep_checkpoint(signed.clone()).await.unwrap();
    store.keep_checkpoint(signed.clone()).await.unwrap();
    assert_eq!(store.latest_checkpoint().await, Ok(Some(signed.to_string())));
    assert_eq!(store.checkpoints(0).await, Ok(vec![(1, signed.to_string())]));

    let ahead = key.sign(2, head.root()).unwrap();
    let contradicting = key.sign(1, Hash::of(b"another history")).unwrap();
    assert!(store.keep_checkpoint(ahead).await.is_err());
    assert!(store.keep_checkpoint(contradicting).await.is_err());
    assert_eq!(store.verify(vec![signed]).await.unwrap().unwrap().signed_size, 1);
}
