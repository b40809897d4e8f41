//! A certificate stuffed with a marker in every field that can hold text: only the allowed ones arrive, and none of the
//! others is found in what was sent, the answers, the log, the metrics, or any file.

use std::collections::BTreeSet;
use std::path::Path;

use end_to_end::{Submission, TestGateway, to_employer, to_transport_administration};
use serde_json::{Value, json};

use crate::BINARY;

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
    let marker = format!("MaRkEr{:04}x", markers.len());
    markers.push((marker.clone(), path.to_owned()));
    marker
}

fn stuffed(mut submission: Submission) -> (Submission, Vec<(String, String)>) {
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

fn found<'a>(text: &[u8], markers: &'a [(String, String)]) -> BTreeSet<&'a str> {
    let holds = |marker: &str| text.windows(marker.len()).any(|window| window == marker.as_bytes());
    markers.iter().filter(|(marker, _)| holds(marker)).map(|(_, path)| path.as_str()).collect()
}

fn files(folder: &Path, all: &mut Vec<u8>) {
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
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let mut seen = Vec::new();
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
        assert!(found(said.as_bytes(), &markers).is_empty(), "{:?}", found(said.as_bytes(), &markers));
        let mut kept = Vec::new();
        files(&gateway.data(), &mut kept);
        assert!(found(&kept, &markers).is_empty(), "{:?}", found(&kept, &markers));
        for text in ["MaRkErEvidence", "Maasikas", "49003120231", "38507140418", "47605090025", "D01234"] {
            assert!(!said.contains(text), "{text} was said");
            assert!(!kept.windows(text.len()).any(|window| window == text.as_bytes()), "{text} was kept");
        }
    }
    insta::assert_json_snapshot!("markers_that_arrive", seen);
    gateway.rests().await;
}
