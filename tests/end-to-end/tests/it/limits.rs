//! Limits, the drain, and the door for scanners.

use std::time::Duration;

use end_to_end::{TestGateway, answer, eventually, to_employer};
use gateway::playground::Choices;
use gateway::playground::employer_stand_in::{Fault, FaultPlan};
use http::Method;
use serde_json::{Value, json};

use crate::BINARY;

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_gateway_ends() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Delay(Duration::from_millis(700))));
    let ehr = gateway.ehr();
    let waiting = tokio::spawn({
        let ehr = ehr.clone();
        async move { ehr.submit(&to_employer().waiting(10)).await }
    });
    let begun =
        eventually(|| async { (!gateway.playground.employer.received().is_empty()).then_some(()) }).await;
    assert!(begun.is_some());
    let admin = gateway.admin();
    let health = tokio::spawn(async move {
        // Answered to the end of the drain: whoever balances loads has to hear that it is not ready any more.
        eventually(|| async {
            let answer = reqwest::get(format!("http://{admin}/readyz?verbose")).await.ok()?;
            (answer.status() == 503).then_some(answer.text().await.ok()?)
        })
        .await
    });
    assert_eq!(gateway.stop().await, Some(0));
    let answered = waiting.await.unwrap();
    let health = health.await.unwrap().expect("health was answered while requests were under way");
    assert!(health.contains(r#""check":"not-draining","ok":false"#), "{health}");
    assert_eq!((answered.status, answered.text("/state")), (200, "delivered"), "{}", answered.body);
    assert!(!ehr.connects().await, "a new request is not taken any more");
    assert_eq!(gateway.verify_ledger().await.0, Some(0));
}

#[tokio::test]
async fn a_client_over_its_rate_is_told_when_to_come_back() {
    let settings = "[limits]\nclient_per_second = 1\nclient_burst = 2\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let ehr = gateway.ehr();
    let first = ehr.get("/v1/destinations").await;
    assert_eq!(first.headers["ratelimit-policy"], "\"client\";q=2;w=2");
    assert_eq!(first.headers["ratelimit"], "\"client\";r=1;t=1");
    let mut limited = None;
    for _ in 0..4 {
        let checked = ehr.check(&to_employer(), "").await;
        if checked.status == 429 {
            limited = Some(checked);
        }
    }
    let limited = limited.expect("five at once are over a burst of two");
    assert_eq!(limited.headers["retry-after"], "1");
    assert_eq!(limited.headers["ratelimit"], "\"client\";r=0;t=2");
    assert_eq!(limited.body["retryable"], true);
    gateway.rests().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up_and_uses_no_key() {
    let settings = "[limits]\nbody_ms = 300\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let (ehr, submission) = (gateway.ehr(), to_employer());
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
    let body = reqwest::Body::wrap_stream(Trickle(receiver));
    sender.send(Ok(bytes::Bytes::from_static(b"{\"declaration\":"))).await.unwrap();
    let request = ehr
        .request(Method::POST, "/v1/transfers")
        .header("content-type", "application/json")
        .header("idempotency-key", &submission.key)
        .body(body);
    let given_up = answer(request).await;
    assert_eq!((given_up.status, given_up.text("/type")), (408, "/problems/timed-out"));
    drop(sender);
    let accepted = ehr.submit(&submission.waiting(10)).await;
    assert_eq!(accepted.status, 200, "{}", accepted.body);
    gateway.rests().await;
}

/// A body that comes as the test sends it.
pub(crate) struct Trickle(pub(crate) tokio::sync::mpsc::Receiver<Result<bytes::Bytes, std::io::Error>>);

impl futures_util::Stream for Trickle {
    type Item = Result<bytes::Bytes, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

#[tokio::test]
async fn waiting_is_a_preference_and_where_too_many_wait_the_answer_comes_at_once() {
    let settings = "[limits]\nwaiting_max = 0\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Delay(Duration::from_secs(1))));
    let accepted = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!((accepted.status, &accepted.body["final"]), (202, &json!(false)), "{}", accepted.body);
    gateway.rests().await;
}

#[tokio::test]
async fn the_door_for_scanners_shows_health_and_problem_pages_and_nothing_else() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let port = gateway.scanners().port();
    let roots = std::fs::read(gateway.playground.authorities()).unwrap();
    let roots = reqwest::Certificate::from_pem_bundle(&roots).unwrap();
    let scanner = reqwest::Client::builder().tls_certs_only(roots).no_proxy().build().unwrap();
    for (path, status) in [
        ("/readyz?verbose", 200),
        ("/livez", 200),
        ("/problems", 200),
        ("/v1/destinations", 404),
        ("/metrics", 404),
    ] {
        let answered = scanner.get(format!("https://localhost:{port}{path}")).send().await.unwrap();
        assert_eq!(answered.status().as_u16(), status, "{path}");
        assert!(
            !answered.text().await.unwrap().contains("pending"),
            "{path}: what waits is nobody's business here"
        );
    }
    gateway.rests().await;
}

#[tokio::test]
async fn transfers_about_one_person_keep_their_order() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Status(503, Some(1))));
    let ehr = gateway.ehr();
    let mut last = String::new();
    for number in 0..4 {
        let submission = to_employer().documenting("/identifier/0/value", json!(format!("HCERT-{number}")));
        let accepted = ehr.submit(&submission).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        last = accepted.transfer().to_owned();
    }
    assert_eq!(ehr.ended(&last).await["state"], "delivered");
    let decisions = gateway.playground.employer.decisions();
    let numbers: Vec<String> = decisions
        .iter()
        .map(|of| {
            serde_json::from_slice::<Value>(&of.document).unwrap()["identifier"][0]["value"]
                .as_str()
                .unwrap()
                .into()
        })
        .collect();
    assert_eq!(numbers, ["HCERT-0", "HCERT-1", "HCERT-2", "HCERT-3"]);
    gateway.rests().await;
}
