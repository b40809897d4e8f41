//! Who was told what about one person: for whom the settings let search, and each search on record.

use end_to_end::{Answer, EhrClient, TestGateway, answer, to_employer, to_transport_administration};
use gateway::playground::{DRIVER, WORKER};
use http::Method;
use identity::example::ExampleClient;
use serde_json::{Value, json};

use crate::BINARY;

/// A gateway whose client `pacs` may search, as the data protection officer's system would.
async fn gateway() -> TestGateway {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let_search(&mut gateway, ExampleClient::Pacs);
    gateway
}

/// Lets a client search, and starts the gateway anew.
pub(crate) fn let_search(gateway: &mut TestGateway, client: ExampleClient) {
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    let id = if client == ExampleClient::Ehr { "id = \"ehr\"\n" } else { "id = \"pacs\"\n" };
    assert!(text.contains(id));
    std::fs::write(&settings, text.replace(id, &format!("{id}may_search_disclosures = true\n"))).unwrap();
    gateway.restart();
}

#[tokio::test]
async fn one_persons_disclosures_are_found_and_nobody_elses() {
    let mut gateway = gateway().await;
    let (ehr, officer) = (gateway.ehr(), gateway.client(ExampleClient::Pacs));
    let mut sent = Vec::new();
    for submission in [to_employer(), to_transport_administration(), to_employer()] {
        let settled = ehr.submit(&submission.waiting(10)).await;
        assert_eq!(settled.status, 200, "{}", settled.body);
        sent.push(settled.transfer().to_owned());
    }
    let found = search(&officer, "", WORKER.code).await;
    assert_eq!(found.status, 200, "{}", found.body);
    let disclosures = found.body["disclosures"].as_array().unwrap();
    let transfers: Vec<_> = disclosures.iter().map(|of| of["transfer"].as_str().unwrap()).collect();
    assert_eq!(transfers, [&sent[2], &sent[0]], "the newest first");
    let newest = &disclosures[0];
    for (member, value) in [
        ("state", json!("delivered")),
        ("client", json!("ehr")),
        ("destination", json!("employer")),
        ("recipient", json!("16997774")),
        ("purpose", json!("health-check-decision")),
        ("legal_basis", to_employer().declaration["legal_basis"].clone()),
        ("categories", json!(["administrative", "decision", "identity"])),
    ] {
        assert_eq!(newest[member], value, "{member}: {newest}");
    }
    let page = search(&officer, "?limit=1", WORKER.code).await;
    let rest = search(&officer, &format!("?limit=1&before={}", page.body["next"]), WORKER.code).await;
    assert_eq!(
        (page.text("/disclosures/0/transfer"), rest.text("/disclosures/0/transfer")),
        (&*sent[2], &*sent[0])
    );
    assert_eq!(search(&officer, "", DRIVER.code).await.text("/disclosures/0/transfer"), sent[1]);
    assert_eq!(search(&officer, "", "37605030299").await.body["disclosures"], json!([]));

    let log = gateway.log();
    assert!(![WORKER.code, DRIVER.code].iter().any(|code| log.contains(code)));
    let (code, verified) = gateway.verify_ledger().await;
    assert_eq!(
        (code, &verified["entries"]["administration"]),
        (Some(0), &json!(5)),
        "each search is on record: {verified}"
    );
}

#[tokio::test]
async fn who_may_not_search_is_refused_and_that_is_on_record() {
    let mut gateway = gateway().await;
    let refused = search(&gateway.ehr(), "", WORKER.code).await;
    assert_eq!((refused.status, refused.text("/rule")), (403, "search-not-permitted"), "{}", refused.body);
    let officer = gateway.client(ExampleClient::Pacs);
    let request = officer.request(Method::POST, "/v1/disclosures/search?state=delivered");
    let faulty = answer(request.header("content-type", "application/json").body(r#"{"who":"x"}"#)).await;
    assert_eq!((faulty.status, faulty.text("/type")), (400, "/problems/parameters-invalid"));
    let request = officer.request(Method::POST, "/v1/disclosures/search");
    let faulty = answer(request.header("content-type", "application/json").body(r#"{"who":"x"}"#)).await;
    let faults: Vec<_> =
        faulty.body["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect();
    assert_eq!((faulty.status, faults), (400, vec![json!(""), json!("/subject")]), "{}", faulty.body);
    let (code, verified) = gateway.verify_ledger().await;
    assert_eq!((code, &verified["entries"]), (Some(0), &json!({ "refusal": 1 })), "{verified}");
}

async fn search(client: &EhrClient, query: &str, person: &str) -> Answer {
    let subject = json!({ "system": "https://fhir.ee/sid/pid/est/ni", "value": person });
    let body: Value = json!({ "subject": subject });
    let request = client.request(Method::POST, &format!("/v1/disclosures/search{query}"));
    answer(request.header("content-type", "application/json").body(body.to_string())).await
}
