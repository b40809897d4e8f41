//! Requests whose length two readers could see differently: they are refused, or the last on their connection, so that
//! whatever stands in front of the gateway, nobody slips in a request as somebody else.

use end_to_end::TestGateway;
use gateway::playground::Choices;
use identity::example::ExampleClient;
use serde_json::Value;

use crate::BINARY;
use crate::peers::{is_there, run};

const ASK: &str = include_str!("smuggling.py");

#[tokio::test]
async fn what_could_hide_a_request_is_refused_and_ends_the_connection() {
    if !is_there("python3", &["-c", "import yaml"]).await {
        return;
    }
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES").map(std::path::PathBuf::from) else {
        eprintln!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let settings = "[limits]\nclient_burst = 1000\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let files = gateway.playground.client(ExampleClient::Ehr);
    let mut command = tokio::process::Command::new("python3");
    command.args(["-c", ASK, &gateway.intake().port().to_string()]).args([&files.chain, &files.key]);
    command.arg(gateway.playground.authorities());
    command.args(
        ["ambiguous.yaml", "acceptable.yaml", "rfc-compliant.yaml"]
            .map(|file| samples.join("http").join(file)),
    );
    let said = run(&mut command).await;
    let said = String::from_utf8(said.stdout).unwrap();
    let cases: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() > 50, "{said}");
    for case in cases {
        let statuses: Vec<_> =
            case["statuses"].as_array().unwrap().iter().map(|of| of.as_str().unwrap()).collect();
        match case["tier"].as_str().unwrap() {
            // Only what is clear may be followed by another request.
            "Ambiguous" => assert!(statuses.len() == 1 && case["closed"] == true, "{case}"),
            // The path is nobody's: whoever says so has read the request.
            "Compliant" => assert!(statuses[0] == "404" || is_strict_about(&case), "{case}"),
            _ => assert!(!statuses.is_empty(), "{case}"),
        }
    }
    gateway.rests().await;
}

/// What RFC 9112 allows and nobody sends; to refuse it is safe.
fn is_strict_about(case: &Value) -> bool {
    ["Transfer-Encoding with a param", "Empty URI"]
        .iter()
        .any(|name| case["name"].as_str().unwrap().starts_with(name))
}
