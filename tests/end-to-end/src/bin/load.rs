//! A client for measurements: posts one body again and again over some connections, each waiting for its answer before
//! it asks again. It measures the server at the client's pace; it does not find out at which rate a queue begins to grow.
//!
//! `load URL CERTIFICATE KEY AUTHORITIES BODY CONNECTIONS SECONDS` prints one JSON object. In the body, [`NUMBER`] is
//! replaced by a number of the same width, another one each time; the idempotency key is that number too.

use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, Identity};
use serde_json::json;

/// What is replaced in the body.
const NUMBER: &str = "############";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What to post, and where.
#[derive(Debug, Clone)]
struct Load {
    url: String,
    identity: Identity,
    authorities: Vec<Certificate>,
    body: String,
    until: Instant,
}

/// What came of it.
#[derive(Debug, Default)]
struct Tally {
    took: Vec<Duration>,
    not_accepted: usize,
}

fn main() -> Result<(), Failure> {
    gateway::install_crypto();
    // One thread: the machine's other cores are the server's.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, certificate, key, authorities, body, connections, seconds] = &arguments[..] else {
        return Err("load URL CERTIFICATE KEY AUTHORITIES BODY CONNECTIONS SECONDS".into());
    };
    let mut pem = std::fs::read(certificate)?;
    pem.extend(std::fs::read(key)?);
    let started = Instant::now();
    let load = Load {
        url: url.clone(),
        identity: Identity::from_pem(&pem)?,
        authorities: Certificate::from_pem_bundle(&std::fs::read(authorities)?)?,
        body: std::fs::read_to_string(body)?,
        until: started + Duration::from_secs(seconds.parse()?),
    };
    let workers: Vec<_> =
        (0..connections.parse()?).map(|worker| tokio::spawn(load.clone().work(worker))).collect();
    let mut all = Tally::default();
    for worker in workers {
        let tally = worker.await??;
        all.took.extend(tally.took);
        all.not_accepted += tally.not_accepted;
    }
    report(all, started.elapsed())
}

impl Load {
    /// One connection; its numbers are nobody else's, in this run and in others.
    async fn work(self, worker: u32) -> Result<Tally, Failure> {
        let client = Client::builder()
            .tls_certs_only(self.authorities)
            .identity(self.identity)
            .no_proxy()
            .http1_only()
            .pool_max_idle_per_host(1)
            .build()?;
        let mut tally = Tally::default();
        for round in 0_u32.. {
            let number =
                format!("{:05}{:02}{:05}", std::process::id() % 100_000, worker % 100, round % 100_000);
            let begun = Instant::now();
            if begun >= self.until {
                break;
            }
            let request = client
                .post(&self.url)
                .header("content-type", "application/json")
                .header("idempotency-key", &number)
                .body(self.body.replace(NUMBER, &number));
            let answer = request.send().await?;
            let accepted = answer.status() == http::StatusCode::ACCEPTED;
            // The answer has been read when the connection is free again.
            answer.bytes().await?;
            tally.took.push(begun.elapsed());
            tally.not_accepted += usize::from(!accepted);
        }
        Ok(tally)
    }
}

fn report(mut all: Tally, elapsed: Duration) -> Result<(), Failure> {
    all.took.sort_unstable();
    let at = |percent: usize| {
        let took = all.took.get((all.took.len() * percent / 100).min(all.took.len().saturating_sub(1)));
        took.map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    };
    let answer = json!({
        "transfers": all.took.len(),
        "not_accepted": all.not_accepted,
        "seconds": elapsed.as_secs_f64(),
        "p50_ms": at(50),
        "p99_ms": at(99),
    });
    Ok(writeln!(std::io::stdout().lock(), "{answer}")?)
}
