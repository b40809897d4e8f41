//! Whatever is rotated, and however often: not one request of a client that is not revoked fails.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clearance::clock::{Clock, SystemClock};
use end_to_end::{EhrClient, TestGateway, eventually, to_employer};
use gateway::playground::Choices;
use http::Method;
use identity::example::{BadCertificate, ExampleClient, ExamplePki, Holder};
use identity::{Material, MaterialFiles, Purpose};
use tokio::task::JoinSet;

use crate::BINARY;

/// Rotations of each kind. `CLEARANCE_ROTATIONS=200` is what the promise is measured with; it takes some minutes.
fn rotations() -> usize {
    std::env::var("CLEARANCE_ROTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(4)
}

/// Clients that never pause for long, and what went wrong with them.
struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    /// What each task has done so far.
    done: Vec<(&'static str, Arc<AtomicU64>)>,
    failed: Arc<Mutex<Vec<String>>>,
}

/// What a task shares with the test.
struct Worker {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    failed: Arc<Mutex<Vec<String>>>,
}

impl Worker {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    async fn count(&self, what: Result<(), String>) {
        match what {
            Ok(()) => drop(self.done.fetch_add(1, Ordering::Relaxed)),
            Err(why) => self.failed.lock().unwrap().push(why),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn asks(ehr: &EhrClient) -> Result<(), String> {
    let answer = ehr.request(Method::GET, "/v1/destinations").send().await;
    let status = answer.map_err(|error| format!("{error:?}"))?.status();
    (status == 200).then_some(()).ok_or_else(|| status.to_string())
}

/// The client's material as it is renewed, and how often that was.
type Shown = Arc<Mutex<(usize, MaterialFiles)>>;

impl Load {
    fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: Arc::default(), done: Vec::new(), failed: Arc::default() }
    }

    fn worker(&mut self, name: &'static str) -> Worker {
        let done = Arc::<AtomicU64>::default();
        self.done.push((name, Arc::clone(&done)));
        Worker { stop: Arc::clone(&self.stop), done, failed: Arc::clone(&self.failed) }
    }

    /// A new connection for every request.
    fn newcomers(&mut self, connect: impl Fn(&MaterialFiles) -> EhrClient + Send + 'static, shown: Shown) {
        let worker = self.worker("new connections");
        self.tasks.spawn(async move {
            while worker.goes_on() {
                let client = connect(&shown.lock().unwrap().1);
                worker.count(asks(&client).await.map_err(|why| format!("newcomer: {why}"))).await;
            }
        });
    }

    /// Connections that stay until their own client has a new certificate; every other request is a transfer that has to
    /// be delivered.
    fn regulars(&mut self, connect: impl Fn(&MaterialFiles) -> EhrClient + Send + 'static, shown: Shown) {
        let worker = self.worker("long-lived connections");
        self.tasks.spawn(async move {
            let (mut last, mut client) = {
                let shown = shown.lock().unwrap();
                (shown.0, connect(&shown.1))
            };
            while worker.goes_on() {
                {
                    let shown = shown.lock().unwrap();
                    if shown.0 != last {
                        (last, client) = (shown.0, connect(&shown.1));
                    }
                }
                worker.count(asks(&client).await.map_err(|why| format!("regular: {why}"))).await;
                let answer = client.submit(&to_employer().waiting(20)).await;
                let delivered = answer.text("/state") == "delivered";
                worker.count(delivered.then_some(()).ok_or_else(|| answer.body.to_string())).await;
            }
        });
    }

    /// Waits until every task has done something more.
    async fn goes_on(&self) {
        let before: Vec<_> = self.done.iter().map(|(_, done)| done.load(Ordering::Relaxed)).collect();
        let moved = eventually(|| async {
            let mut pairs = self.done.iter().zip(&before);
            pairs.all(|((_, done), before)| done.load(Ordering::Relaxed) > before + 2).then_some(())
        });
        assert!(moved.await.is_some(), "the load stands still: {:?}", self.failed.lock().unwrap());
    }

    async fn end(mut self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        let failed = self.failed.lock().unwrap();
        let all: u64 = self.done.iter().map(|(_, done)| done.load(Ordering::Relaxed)).sum();
        assert!(failed.is_empty(), "{} of {all} failed, the first: {:?}", failed.len(), failed.first());
        let each = self.done.iter().map(|(name, done)| format!("{name} {}", done.load(Ordering::Relaxed)));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// How often something was reloaded.
async fn reloads(gateway: &TestGateway, what: &str) -> u64 {
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    let line = format!(r#"clearance_reloads_total{{what="{what}",result="done"}} "#);
    metrics.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
}

/// Changes files, and waits until the gateway has taken them up of its own accord.
async fn taken_up(gateway: &TestGateway, what: &str, change: impl FnOnce()) {
    let before = reloads(gateway, what).await;
    change();
    if what == "settings" {
        gateway.hangup();
    }
    let after = eventually(|| async { (reloads(gateway, what).await > before).then_some(()) });
    assert!(after.await.is_some(), "it was not taken up: {}", gateway.log());
}

#[tokio::test]
async fn no_request_fails_while_everything_is_rotated() {
    let settings = "[limits]\nclient_burst = 100000\nclient_per_second = 10000\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let pki = ExamplePki::at(&gateway.folder().join("certs"));
    let (authorities, intake) = (gateway.playground.authorities(), gateway.intake());
    let shown: Shown = Arc::new(Mutex::new((0, pki.client(ExampleClient::Ehr))));
    let mut load = Load::new();
    let connect = move |files: &MaterialFiles| EhrClient::new(intake, Some(files), &authorities);
    load.newcomers(connect.clone(), Arc::clone(&shown));
    load.regulars(connect, Arc::clone(&shown));

    let now = || SystemClock.now();
    let issue = |holder: &str| drop(pki.issue(&holder.parse::<Holder>().unwrap(), &[], 30, now()).unwrap());
    let (clients, partners) = (pki.client_authorities(), pki.partner_authorities());
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    let (clients_alone, partners_alone) = (text(&clients), text(&partners));
    let gone = pki.bad(BadCertificate::Expired).chain;
    let settings = gateway.playground.settings();
    let mut pin = spki(&pki.client(ExampleClient::Ehr));
    for turn in 0..rotations() {
        for holder in ["server", "destinations/security-server/client", "destinations/employer/client"] {
            taken_up(&gateway, "certificates", || issue(holder)).await;
            load.goes_on().await;
        }
        taken_up(&gateway, "certificates", || pki.revoke(std::slice::from_ref(&gone), 30, now()).unwrap())
            .await;
        load.goes_on().await;
        for (file, alone, more) in
            [(&clients, &clients_alone, &partners_alone), (&partners, &partners_alone, &clients_alone)]
        {
            let bundle = if turn.is_multiple_of(2) { format!("{alone}{more}") } else { alone.clone() };
            taken_up(&gateway, "certificates", || put(file, &bundle)).await;
            load.goes_on().await;
        }
        // The client's own: the new key is registered beside the old one, then shown, then the old one taken off.
        let holder = format!("clients/ehr-{turn}").parse().unwrap();
        let next = pki.issue(&holder, &["ehr.clinic.example".to_owned()], 30, now()).unwrap();
        let (one, other) =
            (format!(r#"{{ sha256 = "{pin}" }}"#), format!(r#"{{ sha256 = "{}" }}"#, spki(&next)));
        pin = spki(&next);
        taken_up(&gateway, "settings", || {
            put(&settings, &text(&settings).replace(&one, &format!("{one}, {other}")))
        })
        .await;
        *shown.lock().unwrap() = (turn + 1, next);
        // A request with the old certificate may still be under way.
        load.goes_on().await;
        load.goes_on().await;
        taken_up(&gateway, "settings", || put(&settings, &text(&settings).replace(&format!("{one}, "), "")))
            .await;
        load.goes_on().await;
    }
    eprintln!("{} rotations of each kind, none failed of: {}", rotations(), load.end().await);
    gateway.rests().await;
}

fn spki(files: &MaterialFiles) -> String {
    let material = Material::load(files, Purpose::Client, SystemClock.now()).unwrap();
    material.certificate().spki.to_string()
}

/// Writes a file in one step.
fn put(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, file).unwrap();
}
