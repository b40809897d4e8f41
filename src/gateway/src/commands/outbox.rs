//! `clearance outbox`: what waits, and steering it, by the admin API of a running gateway. Transfers are named by their ids, never
//! by a person.

use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Report, runtime};
use crate::serve::causes;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct Outbox {
    /// The admin listener of the gateway
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:9443",
        env = "CLEARANCE_ADMIN"
    )]
    admin: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The destinations: how each stands, and what waits for it
    Status,
    /// The newest transfers
    List {
        /// Those to this destination
        #[arg(long)]
        destination: Option<String>,
        /// Those in this state
        #[arg(long)]
        state: Option<String>,
    },
    /// One transfer, and what was done to it
    Show {
        /// Its id
        transfer: String,
    },
    /// Send nothing to a destination until it is resumed
    Pause {
        /// Which
        destination: String,
        /// Why; it is kept in the ledger, and names nobody
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        trial: Trial,
    },
    /// Send to a destination again
    Resume {
        /// Which
        destination: String,
        #[command(flatten)]
        trial: Trial,
    },
    /// Try now what waits for its next attempt
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        trial: Trial,
    },
    /// Give transfers up
    Discard {
        #[command(flatten)]
        which: Which,
        /// Why; it is kept in the ledger, and names nobody
        #[arg(long)]
        reason: String,
        /// It has been cleared up with the destination what became of attempts without a readable answer
        #[arg(long)]
        perhaps_delivered: bool,
        #[command(flatten)]
        trial: Trial,
    },
}

#[derive(Debug, Args)]
struct Trial {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
#[group(required = true)]
struct Which {
    /// The ids of transfers
    #[arg(conflicts_with = "destination")]
    transfers: Vec<String>,
    /// All that wait for this destination
    #[arg(long)]
    destination: Option<String>,
    /// Of those, the ones that say this code
    #[arg(long, requires = "destination")]
    code: Option<String>,
}

impl Which {
    fn body(&self) -> Value {
        match &self.destination {
            Some(destination) => json!({ "filter": { "destination": destination, "code": self.code } }),
            None => json!({ "transfers": self.transfers }),
        }
    }
}

impl Outbox {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        runtime()?.block_on(async {
            match &self.command {
                Command::Status => {
                    let seen = self.ask("destinations", &[]).await?;
                    show(report, &seen, "destinations", destination);
                }
                Command::List { destination, state } => {
                    let query = [("destination", destination.as_deref()), ("state", state.as_deref())];
                    let seen = self.ask("transfers", &query).await?;
                    show(report, &seen, "transfers", transfer);
                }
                Command::Show { transfer: id } => {
                    let seen = self.ask(&format!("transfers/{id}"), &[]).await?;
                    report.line(transfer(&seen));
                    show(report, &seen, "history", entry);
                }
                Command::Pause { destination, reason, trial } => {
                    let body = json!({ "reason": reason });
                    self.act(report, &format!("destinations/{destination}/pause"), body, trial).await?;
                }
                Command::Resume { destination, trial } => {
                    self.act(report, &format!("destinations/{destination}/resume"), json!({}), trial).await?;
                }
                Command::Retry { which, trial } => {
                    self.act(report, "transfers/retry", which.body(), trial).await?;
                }
                Command::Discard { which, reason, perhaps_delivered, trial } => {
                    let mut body = which.body();
                    put(&mut body, "reason", json!(reason));
                    put(&mut body, "perhaps_delivered", json!(perhaps_delivered));
                    self.act(report, "transfers/discard", body, trial).await?;
                }
            }
            Ok(())
        })
    }

    async fn ask(&self, path: &str, query: &[(&str, Option<&str>)]) -> Result<Value, Failure> {
        let query: Vec<_> =
            query.iter().filter_map(|(name, value)| value.map(|value| (*name, value))).collect();
        self.call(Method::GET, path, &query, |request| request).await
    }

    async fn act(&self, report: &Report, path: &str, mut body: Value, trial: &Trial) -> Result<(), Failure> {
        put(&mut body, "preview", json!(trial.dry_run));
        let done = self
            .call(Method::POST, path, &[], |request| {
                request.header("content-type", "application/json").body(body.to_string())
            })
            .await?;
        let verb = if trial.dry_run { "would affect" } else { "affects" };
        report.line(format_args!("{verb} {} transfers", number(&done, "affected")));
        for skipped in list(&done, "skipped") {
            report.line(format_args!("skipped {}: {}", number(skipped, "count"), text(skipped, "code")));
        }
        report.value(&done);
        Ok(())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        with: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Result<Value, Failure> {
        let unanswered = |error: reqwest::Error| {
            let why = causes(&error.without_url());
            Failure::Failed(format!(
                "`{}` did not answer: {why}; is it the gateway's `admin.listen`?",
                self.admin
            ))
        };
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().map_err(unanswered)?;
        let mut url: reqwest::Url =
            format!("{}/admin/v1/{path}", self.admin.trim_end_matches('/'))
                .parse()
                .map_err(|_| Failure::Failed(format!("`{}` is no address", self.admin)))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = with(client.request(method, url)).send().await.map_err(unanswered)?;
        let ok = answer.status().is_success();
        let body: Value = answer.json().await.map_err(unanswered)?;
        if ok {
            return Ok(body);
        }
        Err(Failure::Failed(format!("{}: {}", text(&body, "title"), text(&body, "detail"))))
    }
}

fn show(report: &Report, seen: &Value, name: &str, line: fn(&Value) -> String) {
    for item in list(seen, name) {
        report.line(line(item));
    }
    if let Some(next) = seen.get("next").and_then(Value::as_u64) {
        report.line(format_args!("there are older ones, before {next}"));
    }
    report.value(seen);
}

fn destination(of: &Value) -> String {
    let oldest = of.get("oldest_accepted_at").and_then(Value::as_str);
    let oldest = oldest.map_or_else(String::new, |at| format!(", the oldest since {at}"));
    let why = of.pointer("/paused/reason").or_else(|| of.pointer("/last_failure/code"));
    let why = why.and_then(Value::as_str).map_or_else(String::new, |why| format!(" ({why})"));
    format!(
        "{:<26} {:<11} {:>6} wait{oldest}{why}",
        text(of, "name"),
        text(of, "state"),
        number(of, "pending")
    )
}

fn transfer(of: &Value) -> String {
    format!(
        "{}  {:<26} {:<22} {} attempts, since {} {}",
        text(of, "transfer"),
        text(of, "destination"),
        text(of, "state"),
        number(of, "attempts"),
        text(of, "state_since"),
        text(of, "code"),
    )
}

fn entry(of: &Value) -> String {
    let what = [text(of, "action"), text(of, "state"), text(of, "rule"), text(of, "who")];
    let what: Vec<_> = what.into_iter().filter(|part| !part.is_empty()).collect();
    format!("  {} {:<14} {}", text(of, "at"), text(of, "kind"), what.join(" "))
}

fn put(body: &mut Value, name: &str, value: Value) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn list<'v>(of: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or_default()
}
