//! A certificate stuffed with a marker in every field that can hold text: only the allowed ones arrive, and none of the
//! others is found in what was sent, the answers, the log, the metrics, the traces, or any file, raw or encoded.

mod xml;

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use end_to_end::{Submission, TestGateway, to_employer, to_transport_administration};
use gateway::playground::Choices;
use serde_json::{Value, json};

use crate::BINARY;
use crate::collector::Collector;

/// How every marker begins.
const MARKER: &str = "MaRkEr";
/// What only the declaration holds; no marker is in it.
const DECLARED: [&str; 6] =
    ["MaRkErEvidence", "Maasikas", "49003120231", "38507140418", "47605090025", "D01234"];

/// Codes, systems and references decide what a document is; every other text becomes a marker.
const KEPT_AS_THEY_ARE: [&str; 11] =
    ["resourceType", "system", "code", "status", "reference", "id", "url", "start", "end", "date", "profile"];

/// Replaces texts by markers and adds a marker wherever a document may hold more text.
fn stuff(value: &mut Value, path: &str, markers: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let path = format!("{path}/{name}");
                let identity = path.ends_with("identifier/value") || path.contains("identifier/0/value");
                match member {
                    Value::String(text) if !KEPT_AS_THEY_ARE.contains(&name.as_str()) && !identity => {
                        let marker = mark(&path, markers);
                        *text = if name == "div" {
                            format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{marker}</div>")
                        } else {
                            marker
                        };
                    }
                    _ => stuff(member, &path, markers),
                }
            }
            for (name, extra) in [
                ("text", json!({ "status": "additional", "div": "?" })),
                ("note", json!([{ "text": "?" }])),
                ("extension", json!([{ "url": "http://example.org/x", "valueString": "?" }])),
                ("modifierExtension", json!([{ "url": "http://example.org/x", "valueString": "?" }])),
                ("_status", json!({ "extension": [{ "url": "http://example.org/x", "valueString": "?" }] })),
                ("display", json!("?")),
                ("valueString", json!("?")),
                ("language", json!("?")),
            ] {
                if !members.contains_key(name) {
                    let mut extra = extra;
                    fill(&mut extra, &format!("{path}/+{name}"), markers);
                    members.insert(name.to_owned(), extra);
                }
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                stuff(item, &format!("{path}/{place}"), markers);
            }
        }
        _ => {}
    }
}

fn fill(value: &mut Value, path: &str, markers: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if text == "?" => *text = mark(path, markers),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, path, markers)),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, path, markers)),
        _ => {}
    }
}

fn mark(path: &str, markers: &mut Vec<(String, String)>) -> String {
    let marker = format!("{MARKER}{:04}x", markers.len());
    markers.push((marker.clone(), path.to_owned()));
    marker
}

pub(crate) fn stuffed(mut submission: Submission) -> (Submission, Vec<(String, String)>) {
    let mut markers = Vec::new();
    stuff(&mut submission.document, "", &mut markers);
    let unreferenced = json!({ "resourceType": "Observation", "id": "loose", "status": "final",
        "valueString": mark("/contained/loose", &mut markers) });
    let meta = json!([{ "system": "http://example.org", "code": mark("/meta/tag", &mut markers) }]);
    submission.document["meta"]["tag"] = meta;
    if let Some(contained) = submission.document["contained"].as_array_mut() {
        contained.push(unreferenced);
    }
    // Members whose names are values.
    let name = mark("/(a member's name)", &mut markers);
    submission.document[name] = json!(1);
    (submission, markers)
}

pub(crate) fn found<'a>(text: &[u8], markers: &'a [(String, String)]) -> BTreeSet<&'a str> {
    let holds = |marker: &str| text.windows(marker.len()).any(|window| window == marker.as_bytes());
    markers.iter().filter(|(marker, _)| holds(marker)).map(|(_, path)| path.as_str()).collect()
}

/// Nothing of what must stay is in `text`, as it stands, in hex or in base64.
pub(crate) fn is_silent(place: &str, text: &[u8], markers: &[(String, String)]) {
    assert!(found(text, markers).is_empty(), "{place}: {:?}", found(text, markers));
    let holds = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    for word in DECLARED.into_iter().chain([MARKER]) {
        assert!(!holds(word.as_bytes()), "{place}: {word}");
        let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!holds(hex.as_bytes()) && !holds(hex.to_uppercase().as_bytes()), "{place}: {word} in hex");
        // A code may stand at any of three places of a group; the characters at the edges are shared with others.
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend(word.bytes());
            let whole = STANDARD_NO_PAD.encode(&bytes);
            let part = whole.get(before + 1..whole.len() - 1).unwrap();
            assert!(!holds(part.as_bytes()), "{place}: {word} in base64");
        }
    }
}

/// The bytes of all files in `folder`.
pub(crate) fn files(folder: &Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
}

#[tokio::test]
async fn only_what_a_profile_names_arrives_and_nothing_else_is_anywhere() {
    let collector = Collector::start().await;
    // Whatever an operator may turn on while looking for a fault.
    let settings =
        collector.settings("info,gateway=trace,clearance=trace,minimise=trace,store=trace,ledger=trace");
    let mut gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let (mut seen, mut all) = (Vec::new(), Vec::new());
    for submission in [to_employer(), to_transport_administration()] {
        let (mut submission, markers) = stuffed(submission);
        assert!(markers.len() > 80, "{}", markers.len());
        // A marker also in what only the declaration holds.
        submission.declaration["evidence"] = json!([{ "kind": "order", "ref": "MaRkErEvidence" }]);
        let ehr = gateway.ehr();
        let checked = ehr.check(&submission, "").await;
        assert_eq!(checked.status, 200, "{}", checked.body);
        let accepted = ehr.submit(&submission).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        let ended = ehr.ended(accepted.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{ended}");

        let destination = submission.declaration["destination"].as_str().unwrap().to_owned();
        let sent: Vec<u8> = match destination.as_str() {
            "employer" => {
                gateway.playground.employer.decisions().into_iter().flat_map(|of| of.document).collect()
            }
            _ => gateway.playground.tis.received().into_iter().flat_map(|of| of.body).collect(),
        };
        let arrived: Vec<_> = found(&sent, &markers).into_iter().map(str::to_owned).collect();
        seen.push(json!({ "destination": destination, "arrived": arrived }));

        let said = format!(
            "{}{}{ended}{}{}",
            checked.body,
            accepted.body,
            gateway.log(),
            gateway.ask_admin("/metrics").await.1
        );
        is_silent("said", said.as_bytes(), &markers);
        let mut kept = Vec::new();
        files(&gateway.data(), &mut kept);
        is_silent("kept", &kept, &markers);
        all.extend(markers);
    }
    insta::assert_json_snapshot!("markers_that_arrive", seen);
    // What has not been sent yet is sent at the end.
    assert_eq!(gateway.verify_ledger().await.0, Some(0));
    let deliveries = collector.spans().into_iter().filter(|span| span.name == "deliver").count();
    assert_eq!(deliveries, 2, "both are traced");
    for (raw, decoded) in collector.bodies().iter().zip(collector.requests()) {
        is_silent("traced", raw, &all);
        is_silent("traced", format!("{decoded:?}").as_bytes(), &all);
    }
    is_silent("logged to the end", gateway.log().as_bytes(), &all);
}

#[tokio::test]
async fn on_the_direct_route_nothing_arrives_but_the_slim_record() {
    let gateway = TestGateway::with(BINARY, Choices { direct: true, ..Choices::default() }).await;
    let (submission, markers) = stuffed(to_transport_administration());
    let delivered = gateway.ehr().submit(&submission.waiting(10)).await;
    assert_eq!((delivered.status, delivered.text("/state")), (200, "delivered"), "{}", delivered.body);
    assert_eq!(gateway.playground.tis.driver_records().len(), 1);
    let sent: Vec<u8> = gateway.playground.tis.received().into_iter().flat_map(|of| of.body).collect();
    assert!(found(&sent, &markers).is_empty(), "{:?}", found(&sent, &markers));
    let said = format!("{}{}{}", delivered.body, gateway.log(), gateway.ask_admin("/metrics").await.1);
    is_silent("said", said.as_bytes(), &markers);
    gateway.rests().await;
}
