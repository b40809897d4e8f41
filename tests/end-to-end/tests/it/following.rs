//! What a client can do about a transfer that is on its way: list, follow, withdraw.

use std::time::Duration;

use end_to_end::{
    Answer, EhrClient, TestGateway, answer, eventually, to_employer, to_transport_administration,
};
use gateway::playground::Choices;
use gateway::playground::employer_stand_in::{Fault, FaultPlan};
use http::Method;
use identity::example::ExampleClient;
use reqwest::Response;
use serde_json::{Value, json};

use crate::BINARY;

#[tokio::test]
async fn what_has_not_left_can_be_withdrawn_and_the_next_has_its_turn() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, pacs) = (gateway.ehr(), gateway.client(ExampleClient::Pacs));
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let first = ehr.submit(&to_employer()).await;
    let second = ehr.submit(&to_employer()).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(withdraw(&pacs, first.transfer()).await.status, 404, "another client's");

    let withdrawn = once_it_rests(&ehr, first.transfer()).await;
    assert_eq!((withdrawn.status, withdrawn.text("/state")), (200, "withdrawn"), "{}", withdrawn.body);
    assert_eq!(withdrawn.body["final"], true);
    let again = withdraw(&ehr, first.transfer()).await;
    assert_eq!((again.status, &again.body), (200, &withdrawn.body), "to withdraw again is no fault");

    gateway.playground.employer.told(FaultPlan::none());
    assert_eq!(ehr.ended(second.transfer()).await["state"], "delivered");
    assert_eq!(gateway.playground.employer.decisions().len(), 1);
    let late = withdraw(&ehr, second.transfer()).await;
    assert_eq!((late.status, late.text("/type")), (409, "/problems/transfer-ended"));
    assert_eq!(late.text("/detail"), "the transfer has ended as `delivered`");
    gateway.rests().await;
}

#[tokio::test]
async fn what_is_being_sent_or_has_perhaps_arrived_is_not_withdrawn() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    // Stored by the destination, whose answer is then lost, and again: the transfer stays `unknown` for a while.
    let lost = FaultPlan::none().once(Fault::Delay(Duration::from_millis(1500))).then(Fault::Garbage, "", 4);
    gateway.playground.employer.told(lost);
    let sent = ehr.submit(&to_employer()).await;
    let begun =
        eventually(|| async { (!gateway.playground.employer.received().is_empty()).then_some(()) }).await;
    assert!(begun.is_some());
    let refused = withdraw(&ehr, sent.transfer()).await;
    assert_eq!((refused.status, refused.text("/type")), (409, "/problems/transfer-under-way"));
    assert_eq!(
        (&refused.headers["retry-after"], &refused.body["retryable"]),
        (&"1".parse().unwrap(), &json!(true))
    );
    assert_eq!(ehr.ended(sent.transfer()).await["state"], "delivered");

    gateway.playground.employer.told(FaultPlan::none().then(Fault::Garbage, "", 3));
    let other = ehr.submit(&to_employer()).await;
    let unknown =
        eventually(|| async { (ehr.state(other.transfer()).await["state"] == "unknown").then_some(()) });
    assert!(unknown.await.is_some());
    let refused = once_it_rests(&ehr, other.transfer()).await;
    assert_eq!((refused.status, refused.text("/type")), (409, "/problems/transfer-perhaps-delivered"));
    assert_eq!(ehr.ended(other.transfer()).await["state"], "delivered");
    gateway.rests().await;
}

#[tokio::test]
async fn a_transfer_is_followed_to_its_final_state() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, pacs) = (gateway.ehr(), gateway.client(ExampleClient::Pacs));
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let sent = ehr.submit(&to_employer()).await;
    let path = format!("/v1/transfers/{}/events", sent.transfer());
    assert_eq!(pacs.get(&path).await.status, 404, "another client's");
    let mut events = ehr.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(
        (events.status().as_u16(), &events.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let first = next(&mut events).await.unwrap();
    assert_eq!((&first["transfer"], &first["final"]), (&json!(sent.transfer()), &json!(false)));

    gateway.playground.employer.told(FaultPlan::none());
    let mut last = first;
    while let Some(event) = next(&mut events).await {
        assert_ne!(event, last, "nothing is told twice");
        last = event;
    }
    assert_eq!((&last["state"], &last["final"]), (&json!("delivered"), &json!(true)));
    assert_eq!(last, ehr.state(sent.transfer()).await);

    // Of one that has ended there is one event.
    let mut events = ehr.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(next(&mut events).await, Some(last));
    assert_eq!(next(&mut events).await, None);
    gateway.rests().await;
}

#[tokio::test]
async fn no_more_are_followed_than_may_be_and_the_drain_waits_for_none_of_them() {
    let settings = "[limits]\nwaiting_max = 1\ndrain_seconds = 20\n".to_owned();
    let mut gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let ehr = gateway.ehr();
    gateway.playground.employer.told(FaultPlan::none().once(Fault::Down));
    let [one, other] = [ehr.submit(&to_employer()).await, ehr.submit(&to_employer()).await];
    let follow = |transfer: &str| {
        let request = ehr.request(Method::GET, &format!("/v1/transfers/{transfer}/events"));
        async { request.send().await.unwrap() }
    };
    let mut events = follow(one.transfer()).await;
    assert!(next(&mut events).await.is_some());
    let refused = follow(other.transfer()).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"5".parse().unwrap()));

    let since = std::time::Instant::now();
    assert_eq!(gateway.stop().await, Some(0));
    assert!(since.elapsed() < Duration::from_secs(10), "the drain waited for a stream");
    while next(&mut events).await.is_some() {}
}

#[tokio::test]
async fn a_client_lists_its_own_transfers_page_by_page() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (ehr, pacs) = (gateway.ehr(), gateway.client(ExampleClient::Pacs));
    let mut sent = Vec::new();
    for submission in [to_employer(), to_transport_administration(), to_employer()] {
        let settled = ehr.submit(&submission.waiting(10)).await;
        assert_eq!(settled.status, 200, "{}", settled.body);
        sent.insert(0, settled.transfer().to_owned());
    }
    let listed = |query: &'static str| {
        let ehr = ehr.clone();
        async move {
            let page = ehr.get(&format!("/v1/transfers{query}")).await;
            assert_eq!(page.status, 200, "{}", page.body);
            let transfers = page.body["transfers"].as_array().unwrap().clone();
            let ids: Vec<_> =
                transfers.iter().map(|of| of["transfer"].as_str().unwrap().to_owned()).collect();
            (ids, page.body["next"].clone(), transfers)
        }
    };
    let (all, next, transfers) = listed("").await;
    assert_eq!((&all, &next), (&sent, &Value::Null));
    assert_eq!(transfers[0], ehr.state(&sent[0]).await, "a row is what the transfer itself says");
    let (first, next, _) = listed("?limit=2").await;
    assert_eq!(first, sent[..2]);
    let rest = ehr.get(&format!("/v1/transfers?limit=2&before={next}")).await;
    assert_eq!((rest.text("/transfers/0/transfer"), &rest.body["next"]), (sent[2].as_str(), &Value::Null));
    assert_eq!(listed("?destination=transport-administration&state=delivered").await.0, sent[1..2]);
    assert!(listed("?state=accepted").await.0.is_empty());
    assert_eq!(pacs.get("/v1/transfers").await.body, json!({ "transfers": [] }));
    gateway.rests().await;
}

async fn withdraw(client: &EhrClient, transfer: &str) -> Answer {
    answer(client.request(Method::DELETE, &format!("/v1/transfers/{transfer}"))).await
}

/// Withdraws as soon as no attempt is under way.
async fn once_it_rests(client: &EhrClient, transfer: &str) -> Answer {
    let rests = eventually(|| async {
        let answer = withdraw(client, transfer).await;
        (answer.text("/type") != "/problems/transfer-under-way").then_some(answer)
    });
    rests.await.unwrap()
}

/// The transfer that the next event tells of.
async fn next(events: &mut Response) -> Option<Value> {
    let mut event = String::new();
    while !event.ends_with("\n\n") {
        event.push_str(str::from_utf8(&events.chunk().await.unwrap()?).unwrap());
        // A comment is no event.
        if event.starts_with(':') {
            event.clear();
        }
    }
    assert!(event.contains("event: transfer\n"), "{event}");
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    Some(serde_json::from_str(data).unwrap())
}
