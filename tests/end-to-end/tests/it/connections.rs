//! When the gateway closes a connection of its own accord.

use std::time::Duration;

use end_to_end::{TestGateway, answer, to_employer};
use gateway::playground::Choices;
use http::Method;
use identity::example::ExampleClient;

use crate::BINARY;

const LIST: &str = "GET /v1/destinations HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// More than the second in which a connection is looked at, on a loaded machine.
const SOON: Duration = Duration::from_secs(5);

async fn with_limits(limits: &str) -> TestGateway {
    let settings = format!("[limits]\n{limits}\n");
    TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await
}

async fn closed_for(gateway: &TestGateway, reason: &str) -> bool {
    let line = format!(r#"clearance_connections_closed_total{{listener="intake",reason="{reason}"}}"#);
    gateway.ask_admin("/metrics").await.1.contains(&line)
}

#[tokio::test]
async fn one_that_says_nothing_is_closed() {
    let gateway = with_limits("headers_ms = 300").await;
    let mut silent = gateway.dial(ExampleClient::Ehr).await;
    assert!(silent.is_closed(SOON).await);
    assert!(closed_for(&gateway, "silent").await);
    let mut slow = gateway.dial(ExampleClient::Ehr).await;
    slow.send("GET /v1/destinations HTTP/1.1\r\nx-slow: ").await;
    assert!(slow.is_closed(SOON).await, "a head that never ends");
    gateway.rests().await;
}

#[tokio::test]
async fn one_that_has_nothing_under_way_is_closed_and_one_that_waits_is_not() {
    let gateway = with_limits("idle_seconds = 1").await;
    let mut idle = gateway.dial(ExampleClient::Ehr).await;
    idle.send(LIST).await;
    let heard = idle.hear(SOON).await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    assert!(closed_for(&gateway, "idle").await);

    gateway.playground.employer.told(
        gateway::playground::employer_stand_in::FaultPlan::none()
            .once(gateway::playground::employer_stand_in::Fault::Delay(Duration::from_secs(3))),
    );
    let waited = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!((waited.status, waited.text("/state")), (200, "delivered"), "{}", waited.body);
    gateway.rests().await;
}

#[tokio::test]
async fn one_of_nobody_registered_is_told_so_and_closed() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let mut other = gateway.dial(ExampleClient::OtherEhr).await;
    other.send(LIST).await;
    let heard = other.hear(SOON).await;
    assert!(heard.starts_with("HTTP/1.1 403 ") && heard.contains("client-unregistered"), "{heard}");
    assert!(closed_for(&gateway, "refused").await);
    gateway.rests().await;
}

#[tokio::test]
async fn one_whose_client_was_taken_off_the_list_is_closed_without_a_request() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (mut ehr, mut pacs) =
        (gateway.dial(ExampleClient::Ehr).await, gateway.dial(ExampleClient::Pacs).await);
    for connection in [&mut ehr, &mut pacs] {
        connection.send(LIST).await;
    }
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    let (before, clients) = text.split_once("\n[[clients]]").unwrap();
    let (_, without_ehr) = clients.split_once("\n[[clients]]").unwrap();
    std::fs::write(&settings, format!("{before}\n[[clients]]{without_ehr}")).unwrap();
    gateway.hangup();
    assert!(ehr.is_closed(SOON).await);
    assert!(closed_for(&gateway, "not-admitted").await);
    assert!(!pacs.is_closed(Duration::from_secs(2)).await, "the other client's stays");
    gateway.rests().await;
}

#[tokio::test]
async fn a_client_with_too_many_is_told_so_and_others_still_come_in() {
    let gateway = with_limits("client_connections_max = 2").await;
    let (mut first, mut second) =
        (gateway.dial(ExampleClient::Ehr).await, gateway.dial(ExampleClient::Ehr).await);
    // A client ends its handshake before the gateway does: only one that was answered surely has a place.
    for connection in [&mut first, &mut second] {
        connection.send(LIST).await;
        connection.hear(SOON).await;
    }
    let refused = answer(gateway.ehr().request(Method::GET, "/v1/destinations")).await;
    assert_eq!((refused.status, refused.text("/type")), (429, "/problems/rate-limited"));
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(gateway.client(ExampleClient::Pacs).connects().await);
    drop(second);
    let again = end_to_end::eventually(|| async {
        (gateway.ehr().get("/v1/destinations").await.status == 200).then_some(())
    });
    assert!(again.await.is_some(), "a place that was given back is free");
    gateway.rests().await;
}
