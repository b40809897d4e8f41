//! Who gets in, and at which layer the others are stopped.

use end_to_end::{TestGateway, answer, to_employer};
use http::Method;
use identity::example::{BadCertificate, ExampleClient};

use crate::BINARY;

#[tokio::test]
async fn without_a_certificate_or_with_a_bad_one_there_is_no_connection() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    assert!(gateway.ehr().connects().await);
    assert!(!gateway.stranger().connects().await, "no certificate");
    for bad in BadCertificate::ALL {
        let client = gateway.client_with(&gateway.playground.bad(bad));
        assert!(!client.connects().await, "{}", bad.name());
    }
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    assert!(metrics.contains(r#"clearance_handshakes_total{listener="intake",result="refused"}"#));
    assert!(!metrics.contains(r#"clearance_bodies_parsed_total"#), "no byte of a body was parsed");
    gateway.rests().await;
}

#[tokio::test]
async fn a_good_certificate_that_is_not_registered_gets_an_answer_that_says_so() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let refused = gateway.client(ExampleClient::OtherEhr).submit(&to_employer()).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.text("/type"), "/problems/client-unregistered");
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    assert!(!metrics.contains("clearance_bodies_parsed_total"), "no byte of a body was parsed");
    gateway.rests().await;
}

#[tokio::test]
async fn a_registered_client_sends_only_where_it_may() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let refused = gateway.client(ExampleClient::Pacs).submit(&to_employer()).await;
    assert_eq!((refused.status, refused.text("/rule")), (403, "client-not-entitled"));
    assert!(gateway.playground.employer.received().is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn identity_headers_from_outside_have_no_effect() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let submission = to_employer();
    let forged = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-client-cert", "Subject=\"CN=ehr\""),
        ("x-ssl-client-verify", "SUCCESS"),
        ("x-ssl-client-s-dn", "CN=ehr"),
        ("client-cert", ":MIIB:"),
        ("x-road-client", "ee-test/COM/10990009/gateway"),
        ("x-road-userid", "EE60001017869"),
    ];
    let send = |client: end_to_end::EhrClient, wait: bool| {
        let mut request = client
            .request(Method::POST, "/v1/transfers")
            .header("content-type", "application/json")
            .header("idempotency-key", &submission.key)
            .body(submission.body());
        if wait {
            request = request.header("prefer", "wait=10");
        }
        for (name, value) in forged {
            request = request.header(name, value);
        }
        request
    };
    let refused = answer(send(gateway.client(ExampleClient::Pacs), false)).await;
    assert_eq!((refused.status, refused.text("/rule")), (403, "client-not-entitled"));
    let delivered = answer(send(gateway.ehr(), true)).await;
    assert_eq!(delivered.status, 200, "{}", delivered.body);
    for received in gateway.playground.employer.received() {
        for (name, _) in forged {
            assert!(!received.headers.contains_key(name), "{name} was passed on");
        }
    }
    gateway.rests().await;
}

#[tokio::test]
async fn a_certificate_taken_off_the_list_is_out_at_the_next_request() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    assert!(ehr.connects().await);
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    let (before, clients) = text.split_once("\n[[clients]]").unwrap();
    // The second client, the picture archive, stays.
    let (_, pacs) = clients.split_once("\n[[clients]]").unwrap();
    std::fs::write(&settings, format!("{before}\n[[clients]]{pacs}")).unwrap();
    gateway.hangup();
    let out = end_to_end::eventually(|| async {
        let answer = ehr.get("/v1/destinations").await;
        (answer.status == 403).then(|| answer.text("/type").to_owned())
    })
    .await;
    assert_eq!(out.as_deref(), Some("/problems/client-unregistered"));
    assert!(gateway.client(ExampleClient::Pacs).connects().await);
    gateway.rests().await;
}

#[tokio::test]
async fn settings_that_are_not_usable_leave_the_old_in_force() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{text}\n[limits]\nbody_seconds = 3\n")).unwrap();
    gateway.hangup();
    let said =
        end_to_end::eventually(|| async { gateway.log().contains("reload-failed").then_some(()) }).await;
    assert!(said.is_some() && gateway.log().contains("`limits.body_seconds` is not a setting"));
    assert!(gateway.ehr().connects().await);
    std::fs::write(&settings, text).unwrap();
    gateway.rests().await;
}

#[tokio::test]
async fn a_broken_certificate_on_disk_leaves_the_old_in_force() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let server = gateway.folder().join("certs/server/tls.crt");
    let text = std::fs::read(&server).unwrap();
    std::fs::write(&server, "not a certificate").unwrap();
    let refused =
        end_to_end::eventually(|| async { gateway.log().contains("rotation-refused").then_some(()) }).await;
    assert!(refused.is_some(), "broken material was not noticed");
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    assert!(metrics.contains(r#"clearance_reloads_total{what="certificates",result="kept-old"}"#));
    assert!(gateway.ehr().connects().await, "the old certificate stays");
    std::fs::write(&server, text).unwrap();
    gateway.rests().await;
}
