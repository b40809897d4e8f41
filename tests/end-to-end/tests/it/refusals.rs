//! Every no says which rule, where, and what would change it. The snapshots are meant to be read.

use end_to_end::{Answer, TestGateway, answer, to_employer, to_transport_administration};
use http::Method;
use identity::example::ExampleClient;
use serde_json::{Value, json};

use crate::BINARY;

/// A problem document without what differs from run to run.
fn problem(mut answer: Answer) -> Value {
    assert!(answer.status >= 400, "{}: {}", answer.status, answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(answer.text("/instance").starts_with("urn:uuid:"));
    assert!(!answer.text("/rule").is_empty(), "no rule: {}", answer.body);
    for fault in answer.body["errors"].as_array().unwrap() {
        assert!(!fault["remedy"].as_str().unwrap().is_empty(), "no remedy: {fault}");
        assert!(fault["pointer"].is_string(), "no place: {fault}");
    }
    assert!(answer.body.pointer("/errors/0").is_some(), "no fault: {}", answer.body);
    answer.body["instance"] = json!("urn:uuid:…");
    answer.body
}

#[tokio::test]
async fn problems_read_well() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let raw = |path: &'static str, media_type: &'static str, body: String| {
        let request = ehr.request(Method::POST, path).header("content-type", media_type);
        answer(request.header("idempotency-key", "raw").body(body))
    };
    let good = to_employer();
    let mut problems = Vec::new();
    let mut add =
        |name: &str, answer: Answer| problems.push(json!({ "when": name, "problem": problem(answer) }));

    add("the idempotency key is missing", {
        let request = ehr.request(Method::POST, "/v1/transfers").header("content-type", "application/json");
        answer(request.body(good.body())).await
    });
    add("the body is no JSON", raw("/v1/transfers", "application/json", "{".into()).await);
    add("the body is text", raw("/v1/transfers", "text/plain", "hello".into()).await);
    add("the document comes first", {
        let body = format!(r#"{{"document":{},"declaration":{}}}"#, good.document, good.declaration);
        raw("/v1/transfers", "application/json", body).await
    });
    add("the declaration is full of faults", {
        let declaration = json!({
            "destination": "Employer", "legal_basis": { "gdpr6": "6(1)(c)", "act": "TTOS", "section": "13¹" },
            "subject": { "system": "https://fhir.ee/sid/pid/est/ni", "value": "", "given": "Mari", "family": "Maasikas" },
            "professional": { "code": "doctor", "personal_code": "47605090025", "role": "doctor" },
            "recipient": { "system": "https://fhir.ee/sid/org/est/br", "value": "16997775" },
            "evidence": [ { "kind": "hearsay", "ref": "x" } ],
            "reason": "because of J45.0", "colour": "magenta",
        });
        raw(
            "/v1/transfers",
            "application/json",
            format!(r#"{{"declaration":{declaration},"document":{{}}}}"#),
        )
        .await
    });
    add(
        "the destination is not there",
        ehr.submit(&to_employer().declaring("/destination", json!("moon"))).await,
    );
    add("a court asks", ehr.submit(&to_employer().declaring("/destination", json!("court"))).await);
    add(
        "the purpose is not there",
        ehr.submit(&to_employer().declaring("/purpose", json!("marketing"))).await,
    );
    add("the recipient is missing", ehr.submit(&to_employer().declaring("/recipient", Value::Null)).await);
    add("the legal basis does not hold", {
        let basis = json!({ "gdpr6": "6(1)(f)", "gdpr9": "9(2)(h)", "act": "VÕS", "section": "768" });
        ehr.submit(&to_employer().declaring("/legal_basis", basis)).await
    });
    add("the client is not entitled", gateway.client(ExampleClient::Pacs).submit(&to_employer()).await);
    add("the document is about another person", {
        ehr.submit(&to_employer().documenting("/subject/0/identifier/value", json!("38507140418"))).await
    });
    add("the document is for another employer", {
        let other = json!({ "system": "https://fhir.ee/sid/org/est/br", "value": "90990029" });
        ehr.submit(&to_employer().declaring("/recipient", other)).await
    });
    add("a member is there twice", {
        let twice = good.document.to_string().replacen('{', r#"{"status":"final","#, 1);
        raw(
            "/v1/transfers",
            "application/json",
            format!(r#"{{"declaration":{},"document":{twice}}}"#, good.declaration),
        )
        .await
    });
    add(
        "the document is empty",
        ehr.submit(&{
            let mut empty = to_employer();
            empty.document = json!({ "resourceType": "Composition" });
            empty
        })
        .await,
    );
    add(
        "a preliminary decision",
        ehr.submit(&to_employer().documenting("/status", json!("preliminary"))).await,
    );
    add("a sentence where a number belongs", {
        let number = json!("see the letter of the neurologist");
        ehr.submit(&to_transport_administration().documenting("/identifier/0/value", number)).await
    });
    add("the media type is not carried", {
        let body = format!(
            r#"{{"declaration":{},"document":{},"media_type":"application/pdf"}}"#,
            good.declaration, good.document
        );
        raw("/v1/transfers", "application/json", body).await
    });
    add("the body is too large", raw("/v1/transfers", "application/json", " ".repeat(1_048_577)).await);
    add("the multipart body begins with too much", {
        let request =
            ehr.request(Method::POST, "/v1/checks").header("content-type", "multipart/related; boundary=x");
        answer(request.body("preamble ".repeat(200_000))).await
    });
    add("there is no such path", ehr.get("/v1/nothing").await);
    add("there is no such method", answer(ehr.request(Method::DELETE, "/v1/destinations")).await);
    add("the list's parameters are none", ehr.get("/v1/transfers?state=gone&limit=0&colour=magenta").await);
    add("a consent is told of that names nobody and nothing", {
        let request = ehr.request(Method::PUT, "/v1/consents/49003120231");
        answer(request.header("content-type", "application/json").body(r#"{"colour":"magenta"}"#)).await
    });
    add("a client searches that may not", {
        let request = ehr.request(Method::POST, "/v1/disclosures/search");
        answer(request.header("content-type", "application/json").body("{}")).await
    });
    add("a transfer that has ended is withdrawn", {
        let ended = ehr.submit(&to_employer().waiting(10)).await;
        answer(ehr.request(Method::DELETE, &format!("/v1/transfers/{}", ended.transfer()))).await
    });
    add("there is no such transfer", ehr.get("/v1/transfers/0192f0c0-0000-7000-8000-000000000000").await);

    let printed = serde_json::to_string(&problems).unwrap();
    for value in ["Maasikas", "49003120231", "38507140418", "neurologist", "J45", "magenta", "hearsay"] {
        assert!(!printed.contains(value), "a problem shows a value: {value}");
    }
    insta::assert_json_snapshot!("problems", problems);
    gateway.rests().await;
}

#[tokio::test]
async fn a_fhir_caller_gets_an_operation_outcome() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let submission = to_employer().declaring("/legal_basis/gdpr6", json!("6(1)(f)"));
    let request = gateway
        .ehr()
        .request(Method::POST, "/v1/checks")
        .header("content-type", "application/json")
        .header("accept", "application/fhir+json")
        .body(submission.body());
    let refused = answer(request).await;
    assert_eq!(
        (refused.status, &refused.headers["content-type"]),
        (403, &"application/fhir+json".parse().unwrap())
    );
    insta::assert_json_snapshot!("operation_outcome", refused.body);
    gateway.rests().await;
}

#[tokio::test]
async fn every_problem_type_opens_a_page_without_a_certificate() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (status, index) = gateway.ask_admin("/problems").await;
    assert_eq!(status, 200);
    let slugs: Vec<_> =
        index.split("href=\"/problems/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(slugs.len() > 15, "{slugs:?}");
    for slug in slugs {
        let (status, page) = gateway.ask_admin(&format!("/problems/{slug}")).await;
        assert!(status == 200 && page.contains(slug), "{slug}");
    }
    assert_eq!(gateway.ask_admin("/problems/none").await.0, 404);
    gateway.rests().await;
}

#[tokio::test]
async fn a_refusal_is_on_record() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let refused =
        gateway.ehr().submit(&to_employer().declaring("/legal_basis/gdpr6", json!("6(1)(f)"))).await;
    assert_eq!(refused.status, 403);
    let (code, verified) = gateway.verify_ledger().await;
    assert_eq!((code, &verified["entries"]["refusal"]), (Some(0), &json!(1)), "{verified}");
}

#[tokio::test]
async fn openapi_names_every_path_and_health_tells_the_truth() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let document = gateway.ehr().get("/openapi.json").await.body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    let all = [
        "/v1/checks",
        "/v1/consents/{id}",
        "/v1/destinations",
        "/v1/disclosures/search",
        "/v1/requests",
        "/v1/restrictions/{id}",
        "/v1/transfers",
        "/v1/transfers/{id}",
        "/v1/transfers/{id}/events",
    ];
    assert_eq!(paths, all);
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/startupz", 200), ("/readyz?verbose", 200)] {
        assert_eq!(gateway.ask_admin(path).await.0, status, "{path}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn what_the_router_itself_refuses_is_a_problem_too() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let checked = ehr.check(&to_employer(), "?document=perhaps").await;
    assert_eq!((checked.status, checked.text("/type")), (400, "/problems/parameters-invalid"));
    for path in ["/v1/transfers/%ff", "/v1/transfers/no-id", "/v2/transfers"] {
        let asked = ehr.get(path).await;
        assert_eq!((asked.status, asked.text("/type")), (404, "/problems/not-found"), "{path}");
        assert_eq!(asked.headers["content-type"], "application/problem+json", "{path}");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn what_could_only_expire_is_not_taken() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let late = to_employer().declaring("/not_after", json!("2020-01-01T00:00:00Z"));
    let refused = gateway.ehr().submit(&late).await;
    assert_eq!((refused.status, refused.text("/errors/0/rule")), (400, "not-after-passed"));
    assert_eq!(refused.text("/errors/0/pointer"), "/not_after");
    gateway.rests().await;
}

#[tokio::test]
async fn a_refusal_of_a_route_is_on_record_too() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    for (name, status) in [("nowhere", 422), ("court", 403)] {
        let refused = gateway.ehr().submit(&to_employer().declaring("/destination", json!(name))).await;
        assert_eq!(refused.status, status, "{}", refused.body);
    }
    let (code, verified) = gateway.verify_ledger().await;
    assert_eq!((code, &verified["entries"]), (Some(0), &json!({ "refusal": 2 })), "{verified}");
}
