//! The calls of TEHIK's own collections, with their placeholders filled, in their order.
//!
//! The collections leave out `x-road-id` and `x-road-issue`; both are added here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use stand_in::testing::Reply;

use super::{Bench, ISSUE, bench_for};

/// Whom the collection's official represents.
const OFFICIALS: &str = "70001969";
const CLIENT: &str = "ee-dev/GOV/70009770/tto-tis-klient";

fn collection(name: &str) -> Option<Value> {
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return None;
    };
    let path = PathBuf::from(samples).join("tehik").join(name);
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

struct Play {
    bench: Bench,
    variables: BTreeMap<String, String>,
}

impl Play {
    fn of(collection: &Value) -> Self {
        let variables = collection["variables"].as_object().unwrap();
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let employer = variables.get("EMPLOYER_CODE").map_or("", String::as_str);
        let bench = bench_for("ee-dev", CLIENT, "70009770", &[employer, OFFICIALS]);
        Self { bench, variables }
    }

    fn set(&mut self, name: &str, value: &Value) {
        self.variables.insert(name.into(), value.as_str().unwrap().into());
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..2 {
            for (name, value) in &self.variables {
                text = text.replace(&format!("{{{{{name}}}}}"), value);
            }
        }
        text
    }

    async fn send(&self, request: &Value) -> Reply {
        let url = self.filled(request["url"].as_str().unwrap());
        let path = url.trim_start_matches("https://").trim_start_matches(|c| c != '/');
        let body = match &request["body"] {
            Value::Null => String::new(),
            Value::String(text) => without_comments(text),
            body => body.to_string(),
        };
        let headers = request["headers"].as_object().unwrap();
        let sent: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), self.filled(value.as_str().unwrap())))
            .collect();
        let id = self.bench.next_id();
        let mut all = vec![("content-type", "application/json"), ("x-road-id", id.as_str()), ISSUE];
        all.extend(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let method = request["method"].as_str().unwrap();
        self.bench.caller.call(method, path, &all, self.filled(&body)).await.unwrap()
    }
}

/// The collection writes remarks into two of its bodies.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split(" // ").next().unwrap()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_health_certificate_collection_plays_through() {
    let Some(collection) = collection("hcert-requests.json") else { return };
    let mut play = Play::of(&collection);
    for request in collection["requests"].as_array().unwrap() {
        let name = request["name"].as_str().unwrap();
        let occupational = name.starts_with("1.");
        play.set("DOC_NUMBER", &Value::from(if occupational { "1" } else { "2" }));
        let reply = play.send(request).await;
        assert!(reply.status.is_success(), "{name}: {} {:?}", reply.status, reply.body);
        let body = reply.json();
        match request["url"].as_str().unwrap() {
            url if url.ends_with("/token") => {
                let holder = match name {
                    name if name.contains("employer") => "org_legal_rep_token",
                    name if name.contains("official") => "gov_off_token",
                    _ => "doctor_token",
                };
                play.set(holder, &body["accessToken"]);
            }
            url if url.contains("/Patient?") => {
                let patient = if occupational { "PATIENT_ID" } else { "PATIENT_ID2" };
                play.set(patient, &body["entry"][0]["resource"]["id"]);
            }
            url if url.ends_with("/Composition") => {
                let certificate = if occupational { "OCCUP_CERT_ID" } else { "CERTIFICATE_ID" };
                play.set(certificate, &body["id"]);
            }
            url if url.contains("/Composition?") => assert_eq!(body["total"], 1, "{name}"),
            _ => {}
        }
    }
    let statuses: Vec<Value> =
        play.bench.stand_in.certificates().iter().map(|certificate| certificate["status"].clone()).collect();
    assert_eq!(statuses, ["final", "entered-in-error"]);
}

#[tokio::test]
async fn the_patient_index_collection_gets_its_token_and_finds_by_identifier() {
    let Some(collection) = collection("mpi-requests.json") else { return };
    let mut play = Play::of(&collection);
    let requests = collection["requests"].as_array().unwrap();
    let called = |part: &str| {
        requests.iter().find(|request| request["name"].as_str().unwrap().contains(part)).unwrap()
    };
    let token = play.send(called("1.1 Get token")).await;
    assert_eq!(token.status, 200, "{:?}", token.body);
    play.set("token", &token.json()["accessToken"]);
    let mut search = called("2.6 Search Est Patient").clone();
    search["headers"]["authorization"] = "Bearer {{token}}".into();
    let reply = play.send(&search).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["total"]), (200, &Value::from(0)));
}
