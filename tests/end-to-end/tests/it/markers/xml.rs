//! The same for documents in XML, whose profiles refuse where those in JSON drop: a marker in each text and attribute by itself is
//! refused without a word of it, or let through or dropped; then all of the latter at once.

use std::collections::BTreeSet;

use end_to_end::{Submission, TestGateway, to_health_insurance_fund, to_patient_portal};
use gateway::playground::Choices;
use serde_json::json;

use super::{MARKER, files, found, is_silent};
use crate::BINARY;
use crate::collector::Collector;

/// Where a text or an attribute's value stands in a document, and how one gets there.
struct Place {
    from: usize,
    to: usize,
    path: String,
}

/// The places of a document without comments, CDATA or processing instructions behind its first element.
fn places(xml: &str) -> Vec<Place> {
    let (mut places, mut open, mut at) = (Vec::new(), Vec::<&str>::new(), 0);
    while let Some(start) = xml[at..].find('<').map(|found| at + found) {
        if !xml[at..start].trim().is_empty() {
            places.push(Place { from: at, to: start, path: format!("{}/text()", open.join("/")) });
        }
        let end = start + xml[start..].find('>').unwrap();
        let tag = &xml[start + 1..end];
        at = end + 1;
        if tag.starts_with('?') {
            continue;
        }
        if tag.starts_with('/') {
            open.pop();
            continue;
        }
        open.push(tag.split([' ', '\n', '/']).next().unwrap());
        let mut quoted = start + 1;
        while let Some(equals) = xml[quoted..end].find("=\"").map(|found| quoted + found) {
            let from = equals + 2;
            let to = from + xml[from..].find('"').unwrap();
            let name = xml[..equals].rsplit([' ', '\n']).next().unwrap();
            if !name.starts_with("xmlns") {
                places.push(Place { from, to, path: format!("{}/@{name}", open.join("/")) });
            }
            quoted = to + 1;
        }
        if tag.ends_with('/') {
            open.pop();
        }
    }
    places
}

/// The document with a marker in each of these places.
fn marked(xml: &str, places: &[(&Place, &str)]) -> String {
    let mut text = xml.to_owned();
    for (place, marker) in places.iter().rev() {
        text.replace_range(place.from..place.to, marker);
    }
    text
}

#[tokio::test]
async fn of_xml_too_only_what_a_profile_names_arrives_and_nothing_else_is_anywhere() {
    let collector = Collector::start().await;
    let settings =
        collector.settings("info,gateway=trace,clearance=trace,minimise=trace,store=trace,ledger=trace");
    let mut gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let ehr = gateway.ehr();
    let (mut seen, mut all) = (Vec::new(), Vec::new());
    for submission in [to_patient_portal(), to_health_insurance_fund()] {
        let xml = submission.document.as_str().unwrap().to_owned();
        let places = places(&xml);
        let number = |index: usize| format!("{MARKER}{index:04}x");
        let markers: Vec<_> =
            (0..places.len()).map(|index| (number(index), places[index].path.clone())).collect();
        assert!(markers.len() > 30, "{}", markers.len());

        let (mut passed, mut refused) = (Vec::new(), BTreeSet::new());
        for (place, (marker, path)) in places.iter().zip(&markers) {
            let by_itself = submission.clone().with_xml(&marked(&xml, &[(place, marker)]));
            let checked = ehr.check(&by_itself, "").await;
            assert!(!checked.body.to_string().contains(MARKER), "{path}: {}", checked.body);
            match checked.status {
                200 => passed.push((place, marker.as_str())),
                403 | 422 => drop(refused.insert(path.as_str())),
                other => panic!("{path}: {other} {}", checked.body),
            }
        }
        let together = submission.clone().with_xml(&marked(&xml, &passed));
        let (sent, said) = delivered(&gateway, together).await;
        let arrived = found(&sent, &markers);
        let dropped: BTreeSet<_> = markers
            .iter()
            .filter(|(marker, path)| {
                passed.iter().any(|(_, passed)| passed == marker) && !arrived.contains(path.as_str())
            })
            .map(|(_, path)| path.as_str())
            .collect();
        let destination = &submission.declaration["destination"];
        seen.push(
            json!({ "destination": destination, "arrived": arrived, "dropped": dropped, "refused": refused }),
        );

        is_silent("said", said.as_bytes(), &markers);
        let told = format!("{}{}", gateway.log(), gateway.ask_admin("/metrics").await.1);
        is_silent("told", told.as_bytes(), &markers);
        let mut kept = Vec::new();
        files(&gateway.data(), &mut kept);
        is_silent("kept", &kept, &markers);
        all.extend(markers);
    }
    insta::assert_json_snapshot!("xml_markers_that_arrive", seen);
    assert_eq!(gateway.verify_ledger().await.0, Some(0));
    for (raw, decoded) in collector.bodies().iter().zip(collector.requests()) {
        is_silent("traced", raw, &all);
        is_silent("traced", format!("{decoded:?}").as_bytes(), &all);
    }
    is_silent("logged to the end", gateway.log().as_bytes(), &all);
}

/// What the destination was sent, and what the client was told.
async fn delivered(gateway: &TestGateway, submission: Submission) -> (Vec<u8>, String) {
    let playground = &gateway.playground;
    let before = (playground.portal.received().len(), playground.fund.received().len());
    let answer = gateway.ehr().submit(&submission).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let ended = gateway.ehr().ended(answer.transfer()).await;
    let sent = playground.portal.received().into_iter().skip(before.0);
    let sent = sent.chain(playground.fund.received().into_iter().skip(before.1));
    let sent: Vec<u8> = sent.flat_map(|request| request.body).collect();
    assert!(!sent.is_empty(), "{ended}");
    (sent, format!("{}{ended}", answer.body))
}
