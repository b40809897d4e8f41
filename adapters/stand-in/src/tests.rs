use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::testing::{Caller, Pki, Reply, plain};
use crate::{Answer, Asked, Endpoint, Fault, FaultPlan, Now, Role, Running, json};

const BODY_BYTES_MAX: usize = 64;

/// A partner that counts and agrees.
#[derive(Default)]
struct Agreeable(AtomicUsize);

impl Role for Agreeable {
    fn answer(&self, _asked: &Asked, _now: Timestamp) -> Answer {
        self.0.fetch_add(1, Ordering::SeqCst);
        Answer::json(StatusCode::CREATED, "application/json", &json!({ "ok": true }))
    }

    fn failure(&self, _asked: &Asked, status: StatusCode) -> Answer {
        Answer::json(status, "application/json", &json!({ "ok": false }))
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }
}

struct Bench {
    pki: Pki,
    running: Running,
    role: Arc<Agreeable>,
    caller: Caller,
}

fn noon() -> Now {
    Arc::new(|| "2026-11-22T12:00:00Z".parse().unwrap())
}

fn bench() -> Bench {
    let pki = Pki::made_up();
    let role = Arc::new(Agreeable::default());
    let running = Running::start(pki.endpoint(noon()), role.clone()).unwrap();
    let caller = pki.caller(running.address(), Some(&pki.client("gateway")));
    Bench { pki, running, role, caller }
}

impl Bench {
    fn told(&self, plan: FaultPlan) {
        self.running.told(plan);
    }

    fn stored(&self) -> usize {
        self.role.0.load(Ordering::SeqCst)
    }

    async fn post(&self) -> Result<Reply, String> {
        self.caller.call("POST", "/a/b?c=d", &[], "body").await
    }

    async fn admin(&self, method: &str, path: &str, body: Value) -> Reply {
        plain(self.running.admin_address().unwrap(), method, path, &body).await.unwrap()
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_not_let_in() {
    let bench = bench();
    let nobody = bench.pki.caller(bench.running.address(), None);
    assert!(nobody.call("GET", "/", &[], "").await.is_err());

    let strangers = Pki::made_up();
    let stranger = strangers.client("gateway");
    let stranger = bench.pki.caller(bench.running.address(), Some(&stranger));
    assert!(stranger.call("GET", "/", &[], "").await.is_err());

    assert!(bench.running.received().is_empty());
}

#[tokio::test]
async fn what_arrives_is_in_the_journal_whole_and_prints_without_its_content() {
    let bench = bench();
    let client = bench.pki.client("another");
    let caller = bench.pki.caller(bench.running.address(), Some(&client));
    let sent = [("x-note", "töö")];
    let reply = caller.call("POST", "/a?person=secret", &sent, "body");
    assert_eq!(reply.await.unwrap().status, 201);

    let entries = bench.running.received();
    let [entry] = entries.as_slice() else { panic!("one entry") };
    assert_eq!(entry.method, "POST");
    assert_eq!(entry.path, "/a?person=secret");
    assert_eq!(entry.header("x-note"), Some("töö"));
    assert_eq!(entry.body, b"body");
    assert_eq!(entry.peer_sha256, client.sha256());
    assert_eq!(entry.status, Some(201));
    let printed = format!("{entry:?}");
    assert!(!printed.contains("secret") && !printed.contains("töö"), "{printed}");
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let bench = bench();
    assert_eq!(bench.post().await.unwrap().status, 201);
    let reply = bench.caller.call_http2("GET", "/a?b=c").await.unwrap();
    assert_eq!(reply.status, 201);
    assert_eq!(bench.running.received()[1].path, "/a?b=c");
}

#[tokio::test]
async fn a_body_that_the_partner_would_not_read_is_not_taken() {
    let bench = bench();
    let reply = bench.caller.call("POST", "/", &[], vec![b'x'; BODY_BYTES_MAX + 1]).await.unwrap();
    assert_eq!((reply.status.as_u16(), bench.stored()), (413, 0));
    let reply = bench.caller.call("POST", "/", &[], vec![b'x'; BODY_BYTES_MAX]).await.unwrap();
    assert_eq!((reply.status.as_u16(), bench.stored()), (201, 1));
}

#[tokio::test]
async fn each_fault_happens_as_often_as_planned_and_then_no_more() {
    let bench = bench();
    let plan = FaultPlan::none()
        .then(Fault::Status(503, Some(7)), "POST /a", 2)
        .once(Fault::RateLimit)
        .once(Fault::Garbage)
        .once(Fault::ErrorInside200)
        .once(Fault::XRoadError("Server.ClientProxy.IOError".into()))
        .once(Fault::Delay(Duration::from_millis(30)));
    bench.told(plan);

    for _ in 0..2 {
        let reply = bench.post().await.unwrap();
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "7"));
    }
    let reply = bench.post().await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "2"));
    let reply = bench.post().await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    let reply = bench.post().await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json(), json!({ "ok": false }));
    let reply = bench.post().await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.json()), (500, json!({ "ok": false })));
    assert_eq!(bench.stored(), 0);

    let before = tokio::time::Instant::now();
    assert_eq!(bench.post().await.unwrap().status, 201);
    assert!(before.elapsed() >= Duration::from_millis(30));
    assert_eq!(bench.stored(), 1);
}

#[tokio::test]
async fn a_fault_waits_for_the_path_it_is_meant_for() {
    let bench = bench();
    bench.told(FaultPlan::none().then(Fault::Status(500, None), "GET /other", 1));
    assert_eq!(bench.post().await.unwrap().status, 201);
    let reply = bench.caller.call("GET", "/other", &[], "").await.unwrap();
    assert_eq!(reply.status, 500);
}

#[tokio::test]
async fn dropped_before_nothing_is_stored_dropped_after_it_is() {
    let bench = bench();
    bench.told(FaultPlan::none().once(Fault::DropBefore));
    assert!(bench.post().await.is_err());
    assert_eq!(bench.stored(), 0);

    bench.told(FaultPlan::none().once(Fault::DropAfter));
    assert!(bench.post().await.is_err());
    assert_eq!(bench.stored(), 1);

    bench.told(FaultPlan::none().once(Fault::DropAfter));
    assert!(bench.caller.call_http2("POST", "/").await.is_err());
    assert_eq!(bench.stored(), 2);

    let entries = bench.running.received();
    assert!(entries.iter().all(|entry| entry.status.is_none()));
}

#[tokio::test]
async fn down_is_down_for_open_connections_too_until_told_otherwise() {
    let bench = bench();
    let mut open = bench.caller.connect(b"http/1.1").await.unwrap();
    bench.told(FaultPlan::none().once(Fault::Down));
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut open, &mut byte).await;
    assert!(!matches!(read, Ok(1..)), "{read:?}");
    assert!(bench.post().await.is_err());

    bench.told(FaultPlan::none());
    assert_eq!(bench.post().await.unwrap().status, 201);
}

#[tokio::test]
async fn a_human_can_plan_faults_and_see_what_arrived() {
    let bench = bench();
    let told = json!({ "path": "/a", "fault": "delay", "delay_ms": 1, "count": 3 });
    let reply = bench.admin("POST", "/faults", told).await;
    assert_eq!(reply.json()["planned"][0]["count"], 3);
    assert_eq!(bench.post().await.unwrap().status, 201);
    let reply = bench.admin("GET", "/faults", Value::Null).await;
    assert_eq!(reply.json()["planned"][0]["count"], 2);

    let reply = bench.admin("GET", "/received", Value::Null).await.json();
    assert_eq!(reply["received"][0]["path"], "/a/b");
    assert_eq!(reply["received"][0]["body_bytes"], 4);

    let reply = bench.admin("DELETE", "/faults", Value::Null).await;
    assert_eq!(reply.json(), json!({ "down": false, "planned": [] }));

    for wrong in [
        json!({ "fault": "nonsense" }),
        json!({ "fault": "status" }),
        json!({ "fault": "delay" }),
        json!({ "fault": "delay", "delay_ms": 1, "extra": 1 }),
    ] {
        let reply = bench.admin("POST", "/faults", wrong).await;
        assert!(reply.status.is_client_error());
    }
}

#[tokio::test]
async fn the_administration_refuses_to_listen_beyond_loopback() {
    let pki = Pki::made_up();
    let mut endpoint = pki.endpoint(noon());
    endpoint.admin = Some("0.0.0.0:0".parse().unwrap());
    assert!(Running::start(endpoint, Arc::new(Agreeable::default())).is_err());
}

#[tokio::test]
async fn unusable_material_is_refused_at_the_start() {
    let pki = Pki::made_up();
    for spoil in [
        |endpoint: &mut Endpoint| endpoint.server_key_pem.clear(),
        |endpoint: &mut Endpoint| endpoint.server_certificate_pem.clear(),
        |endpoint: &mut Endpoint| endpoint.client_ca_pem.clear(),
    ] {
        let mut endpoint = pki.endpoint(noon());
        spoil(&mut endpoint);
        assert!(Running::start(endpoint, Arc::new(Agreeable::default())).is_err());
    }
}

#[tokio::test]
async fn after_shutdown_nobody_answers() {
    let bench = bench();
    let (caller, running) = (bench.caller, bench.running);
    assert!(caller.call("GET", "/", &[], "").await.is_ok());
    running.shutdown().await;
    assert!(caller.call("GET", "/", &[], "").await.is_err());
}

#[test]
fn the_same_name_twice_is_not_json_to_a_careful_receiver() {
    for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"\u0062":2}}"#, "{", "[1]2"] {
        assert!(json::read(text.as_bytes()).is_err(), "{text}");
    }
    let text = r#"{"a":[1,-2,0.75,true,null,"ö"]}"#;
    assert_eq!(json::read(text.as_bytes()).unwrap().to_string(), text);
}
