//! The page for integrators says what is so.

use serde_json::Value;

use crate::testing::{Network, journey};

const PAGE: &str = include_str!("../../docs/transfers.md");

/// The first block of this language.
fn block(language: &str) -> &'static str {
    let rest = PAGE.split_once(&format!("```{language}\n")).unwrap().1;
    rest.split_once("\n```").unwrap().0
}

#[tokio::test]
async fn the_example_of_the_page_is_filed_as_it_stands() {
    let declaration: Value = serde_json::from_str(block("json")).unwrap();
    let (journey, network) = (journey(), Network::up());
    let outgoing = journey.shape_document(&declaration, "application/xml", block("xml")).unwrap();
    let cleared = journey.clear(outgoing, false, None, &network.means()).await.unwrap();
    let outcome = journey.adapter().deliver(cleared, &network.means()).await;
    assert!(format!("{outcome:?}").starts_with("Delivered"), "{outcome:?}");
    assert_eq!(network.service.documents()[0].code, "84");
}

#[test]
fn every_purpose_and_every_section_is_on_the_page() {
    for purpose in &journey().adapter().description().purposes {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{}` |", purpose.name)));
        let row = row.unwrap_or_else(|| panic!("`{}` is not on the page", purpose.name));
        for section in
            ["AMBS", "ANAM", "DGN", "DRUG", "ANA", "IMM", "PROC", "RG_PROC", "PAT_PROC", "DENTDISE"]
        {
            let listed = row.split(['|', ',']).any(|cell| cell.trim() == section);
            assert_eq!(
                purpose.profile.contains(&format!("'{section}'")),
                listed,
                "{section} of {}",
                purpose.name
            );
        }
    }
}
