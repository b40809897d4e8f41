//! Requests whose length two readers could see differently: they are refused, or the last on their connection, so that
//! whatever stands in front of the gateway, nobody slips in a request as somebody else.

use end_to_end::TestGateway;
use gateway::playground::Choices;
use identity::example::ExampleClient;
use serde_json::Value;

use crate::BINARY;
use crate::peers::{is_there, run};
use crate::promises::{asking, generous, published, told_by};

const ASK: &str = include_str!("smuggling.py");

#[tokio::test]
async fn what_could_hide_a_request_is_refused_and_ends_the_connection() {
    if !is_there("python3", &["-c", "import yaml"]).await {
        return;
    }
    let Some(files) = published() else { return };
    let settings = "[limits]\nclient_burst = 1000\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let shown = gateway.playground.client(ExampleClient::Ehr);
    let mut command = tokio::process::Command::new("python3");
    command.args(["-c", ASK, &gateway.intake().port().to_string()]).args([&shown.chain, &shown.key]);
    command.arg(gateway.playground.authorities()).args(files);
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
    ["Transfer-Encoding with a param", "Different Transfer-Encoding", "Empty URI"]
        .iter()
        .any(|name| case["name"].as_str().unwrap().starts_with(name))
}

#[tokio::test]
async fn behind_nginx_nobody_gets_anothers_answer_nor_slips_in_a_request() {
    if is_there("nginx", &["-v"]).await {
        nobody_is_smuggled_through("nginx").await;
    }
}

#[tokio::test]
async fn behind_haproxy_nobody_gets_anothers_answer_nor_slips_in_a_request() {
    if is_there("haproxy", &["-v"]).await {
        nobody_is_smuggled_through("haproxy").await;
    }
}

/// Front and gateway see the same requests: what hides in a body is served only where the front has seen it, too.
async fn nobody_is_smuggled_through(front: &str) {
    if !is_there("python3", &["-c", "import yaml"]).await {
        return;
    }
    let Some(files) = published() else { return };
    let gateway = generous().await;
    let mut cases = told_by(asking(&gateway, "fronts.py").arg(front).args(files)).await;
    let sum = cases.pop().unwrap();
    assert!(cases.len() > 50, "{cases:?}");
    for case in &cases {
        assert_eq!(case["others"], serde_json::json!(["405", "405", "405"]), "behind {front}: {case}");
    }
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    let served = |route: &str| -> u64 {
        let lines = metrics.lines().filter(|line| {
            line.starts_with("http_server_request_duration_seconds_count{") && line.contains(route)
        });
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    let (hidden, passed_on) =
        (served(r#"http_route="/v1/destinations""#), sum["passed_on"].as_u64().unwrap());
    assert!(hidden <= passed_on, "{hidden} hidden requests were served, and {front} passed on {passed_on}");
    // All others came through, so that the front did have connections to mix up.
    assert_eq!(served(r#"http_route="/openapi.json""#), 3 * cases.len() as u64, "behind {front}");
    eprintln!("{} cases behind {front}; {hidden} requests in bodies that the front saw as well", cases.len());
    gateway.rests().await;
}
