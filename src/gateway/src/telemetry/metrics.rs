//! Metrics, in Prometheus names with units and bounded labels: names of routes, destinations, rules and states, never an
//! id or a value.
//!
//! Housekeeping sets every gauge at every round. One that is not set any more, such as that of a destination or
//! certificate that a reload has taken away, is no longer shown: it would lie.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clearance::words::{DestinationName, State};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use crate::health::HOUSEKEEPING_LATE;
use crate::listener::Door;

/// Every metric: its name, its type, and what it tells. `deploy/metrics.md` says the same; a test compares.
pub(crate) const ALL: &[(&str, &str, &str)] = &[
    ("http_server_request_duration_seconds", "histogram", "requests by method, route and status"),
    ("clearance_permitted_total", "counter", "accepted transfers by destination and rule"),
    ("clearance_refused_total", "counter", "refusals by destination, stage and rule"),
    ("clearance_checks_total", "counter", "checks by decision"),
    ("clearance_rate_limited_total", "counter", "requests over a rate, by what the rate is of"),
    (
        "clearance_not_accepting_total",
        "counter",
        "transfers refused because accepting was not safe, by reason",
    ),
    ("clearance_bodies_parsed_total", "counter", "parts of bodies parsed, by part"),
    ("clearance_handshakes_total", "counter", "TLS handshakes by listener and result"),
    (
        "clearance_connections_closed_total",
        "counter",
        "connections closed from our side, by listener and reason",
    ),
    (
        "clearance_key_not_pinned_total",
        "counter",
        "calls refused because the peer showed another key, by peer",
    ),
    ("clearance_connections_open", "gauge", "connections open, by listener"),
    ("clearance_attempt_duration_seconds", "histogram", "delivery attempts by destination and class"),
    (
        "clearance_transfer_duration_seconds",
        "histogram",
        "from acceptance to the final state, by destination and state",
    ),
    (
        "clearance_parked_total",
        "counter",
        "transfers that wait until somebody mends what stands in their way, by destination and reason",
    ),
    (
        "clearance_inquiry_duration_seconds",
        "histogram",
        "from the record of a question to that of its end, by destination and result",
    ),
    ("clearance_outbox_pending", "gauge", "transfers accepted and not ended, by destination"),
    ("clearance_outbox_unknown", "gauge", "transfers sent without a readable answer, by destination"),
    ("clearance_destination_paused", "gauge", "whether an operator has paused deliveries, by destination"),
    ("clearance_outbox_oldest_seconds", "gauge", "age of the oldest transfer not ended, by destination"),
    ("clearance_ledger_entries", "gauge", "entries of the ledger"),
    ("clearance_ledger_checkpoint_timestamp_seconds", "gauge", "when the last checkpoint was signed"),
    ("clearance_store_commits_total", "counter", "commits of the store, each synced once"),
    ("clearance_record_usable", "gauge", "1 while transfers can be recorded"),
    ("clearance_certificate_not_after_seconds", "gauge", "when a certificate expires, by name"),
    ("clearance_client_last_seen_seconds", "gauge", "when a client last came, by client"),
    (
        "clearance_trust_generation",
        "gauge",
        "changes of certificates, authorities, lists and clients since the start",
    ),
    ("clearance_reloads_total", "counter", "reloads by what and result"),
];

/// Starts collecting for the whole process.
pub(crate) fn start() -> Result<PrometheusHandle, BuildError> {
    let handle = builder(HOUSEKEEPING_LATE.unsigned_abs())?.install_recorder()?;
    for (name, kind, help) in ALL {
        match *kind {
            "histogram" => metrics::describe_histogram!(*name, *help),
            "gauge" => metrics::describe_gauge!(*name, *help),
            _ => metrics::describe_counter!(*name, *help),
        }
    }
    Ok(handle)
}

/// Gauges that nobody sets for `stale` are dropped.
fn builder(stale: Duration) -> Result<PrometheusBuilder, BuildError> {
    let seconds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0,
        3600.0,
    ];
    PrometheusBuilder::new()
        .idle_timeout(MetricKindMask::GAUGE, Some(stale))
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &seconds)
}

/// A request was answered.
pub(crate) fn served(method: &Method, route: &'static str, status: StatusCode, taken: SignedDuration) {
    let method = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    histogram!(
        "http_server_request_duration_seconds",
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => status.as_u16().to_string(),
    )
    .record(taken.as_secs_f64());
}

/// A transfer was accepted.
pub(crate) fn permitted(destination: &DestinationName, rules: &[String]) {
    let rule = rules.first().cloned().unwrap_or_default();
    counter!("clearance_permitted_total", "destination" => destination.to_string(), "rule" => rule)
        .increment(1);
}

/// A submission was refused by a rule.
pub(crate) fn refused_by_rule(destination: &str, stage: &'static str, rule: &str) {
    counter!(
        "clearance_refused_total",
        "destination" => destination.to_owned(),
        "stage" => stage,
        "rule" => rule.to_owned(),
    )
    .increment(1);
}

/// A request was refused before a rule was asked.
pub(crate) fn refused(stage: &'static str, kind: &'static str) {
    counter!("clearance_refused_total", "destination" => "-", "stage" => stage, "rule" => kind).increment(1);
}

/// A check was answered.
pub(crate) fn checked(permitted: bool) {
    let decision = if permitted { "permitted" } else { "refused" };
    counter!("clearance_checks_total", "decision" => decision).increment(1);
}

/// A request was over a rate.
pub(crate) fn rate_limited(of: &'static str) {
    counter!("clearance_rate_limited_total", "of" => of).increment(1);
}

/// A transfer was not accepted because it would not have been safe.
pub(crate) fn not_accepting(reason: &'static str) {
    counter!("clearance_not_accepting_total", "reason" => reason).increment(1);
}

/// A part of a body was parsed.
pub(crate) fn body_parsed(part: &'static str) {
    counter!("clearance_bodies_parsed_total", "part" => part).increment(1);
}

/// A TLS handshake ended.
pub(crate) fn handshake(listener: &'static str, result: &'static str) {
    counter!("clearance_handshakes_total", "listener" => listener, "result" => result).increment(1);
}

/// A call was refused because the peer showed a key that it is not pinned to.
pub(crate) fn not_pinned(peer: &str) {
    counter!("clearance_key_not_pinned_total", "peer" => peer.to_owned()).increment(1);
}

/// A connection was closed from our side.
pub(crate) fn connection_closed(listener: &'static str, reason: &'static str) {
    counter!("clearance_connections_closed_total", "listener" => listener, "reason" => reason).increment(1);
}

/// The connections that are open, by listener. Counted here, because a gauge that was dropped would begin anew at zero.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    intake: AtomicU64,
    tls_only: AtomicU64,
}

/// An open connection; dropping it says that it is closed.
#[derive(Debug)]
pub(crate) struct OpenConnection<'a> {
    of: &'a Connections,
    door: Door,
}

impl Connections {
    /// A connection was opened.
    pub(crate) fn open(&self, door: Door) -> OpenConnection<'_> {
        self.count(door).fetch_add(1, Ordering::Relaxed);
        self.show(door);
        OpenConnection { of: self, door }
    }

    /// Shows how many there are.
    pub(crate) fn show_all(&self) {
        [Door::Intake, Door::TlsOnly].into_iter().for_each(|door| self.show(door));
    }

    fn show(&self, door: Door) {
        let open = self.count(door).load(Ordering::Relaxed);
        gauge!("clearance_connections_open", "listener" => door.name()).set(count(open));
    }

    const fn count(&self, door: Door) -> &AtomicU64 {
        match door {
            Door::Intake => &self.intake,
            Door::TlsOnly => &self.tls_only,
        }
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.of.count(self.door).fetch_sub(1, Ordering::Relaxed);
        self.of.show(self.door);
    }
}

/// An attempt ended.
pub(crate) fn attempted(destination: &DestinationName, class: &'static str, taken: SignedDuration) {
    histogram!("clearance_attempt_duration_seconds", "destination" => destination.to_string(), "class" => class)
        .record(taken.as_secs_f64());
}

/// A transfer was carried one step; only the end of it is measured.
pub(crate) fn ended(destination: &DestinationName, state: State, since_accepted: SignedDuration) {
    if state.is_final() {
        histogram!(
            "clearance_transfer_duration_seconds",
            "destination" => destination.to_string(),
            "state" => state.code(),
        )
        .record(since_accepted.as_secs_f64());
    }
}

/// A question has its end on record.
pub(crate) fn inquired(destination: &DestinationName, result: &'static str, taken: SignedDuration) {
    histogram!("clearance_inquiry_duration_seconds", "destination" => destination.to_string(), "result" => result)
        .record(taken.as_secs_f64());
}

/// A transfer waits until somebody mends what stands in its way.
pub(crate) fn parked(destination: &DestinationName, reason: &'static str) {
    counter!("clearance_parked_total", "destination" => destination.to_string(), "reason" => reason)
        .increment(1);
}

/// Whether an operator has paused a destination.
pub(crate) fn paused(destination: &DestinationName, is_paused: bool) {
    gauge!("clearance_destination_paused", "destination" => destination.to_string()).set(u8::from(is_paused));
}

/// How much waits for a destination.
pub(crate) fn queue(destination: &DestinationName, pending: u64, unknown: u64, oldest: Duration) {
    let destination = destination.to_string();
    gauge!("clearance_outbox_pending", "destination" => destination.clone()).set(count(pending));
    gauge!("clearance_outbox_unknown", "destination" => destination.clone()).set(count(unknown));
    gauge!("clearance_outbox_oldest_seconds", "destination" => destination).set(oldest.as_secs_f64());
}

/// Where ledger and store stand.
pub(crate) fn record(entries: Option<u64>, commits: u64, usable: bool) {
    if let Some(entries) = entries {
        gauge!("clearance_ledger_entries").set(count(entries));
    }
    counter!("clearance_store_commits_total").absolute(commits);
    gauge!("clearance_record_usable").set(if usable { 1.0 } else { 0.0 });
}

/// The last checkpoint was signed at `seconds` since 1970.
pub(crate) fn checkpoint(seconds: i64) {
    gauge!("clearance_ledger_checkpoint_timestamp_seconds").set(seconds as f64);
}

/// When a certificate expires.
pub(crate) fn certificate(name: &str, not_after_seconds: i64) {
    gauge!("clearance_certificate_not_after_seconds", "name" => name.to_owned())
        .set(not_after_seconds as f64);
}

/// When a client was last seen, and when the certificate expires that it came with.
pub(crate) fn client(name: &str, last_seen_seconds: i64, not_after_seconds: i64) {
    gauge!("clearance_client_last_seen_seconds", "client" => name.to_owned()).set(last_seen_seconds as f64);
    certificate(&format!("client `{name}`"), not_after_seconds);
}

/// Which generation of trust is in force.
pub(crate) fn trust(generation: u64) {
    gauge!("clearance_trust_generation").set(count(generation));
}

/// Something was reloaded, or was not.
pub(crate) fn reloaded(what: &'static str, done: bool) {
    let result = if done { "done" } else { "kept-old" };
    counter!("clearance_reloads_total", "what" => what, "result" => result).increment(1);
}

/// Exact up to 2^53, beyond what a gauge will ever hold here.
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_a_reload_takes_away_is_no_longer_shown_and_what_stays_is() {
        let recorder = builder(Duration::from_millis(50)).unwrap().build_recorder();
        let shown = recorder.handle();
        let (stays, goes) = ("employer".parse().unwrap(), "archive".parse().unwrap());
        let deadline = Instant::now() + Duration::from_secs(10);
        metrics::with_local_recorder(&recorder, || {
            queue(&goes, 3, 0, Duration::ZERO);
            certificate("archive: own certificate", 1);
            permitted(&goes, &["a-rule".to_owned()]);
            loop {
                queue(&stays, 1, 0, Duration::ZERO);
                let text = shown.render();
                assert!(text.contains(r#"clearance_outbox_pending{destination="employer"} 1"#), "{text}");
                // What was counted has happened.
                assert!(text.contains(r#"clearance_permitted_total{destination="archive""#), "{text}");
                let gauges =
                    ["clearance_outbox_pending{destination=\"archive\"}", "archive: own certificate"];
                if !gauges.iter().any(|gauge| text.contains(gauge)) {
                    break;
                }
                assert!(Instant::now() < deadline, "{text}");
                std::thread::yield_now();
            }
        });
    }

    #[test]
    fn connections_are_counted_while_they_are_open() {
        let recorder = builder(Duration::from_secs(60)).unwrap().build_recorder();
        let connections = Connections::default();
        let shows = |count| {
            let line = format!("clearance_connections_open{{listener=\"intake\"}} {count}");
            assert!(recorder.handle().render().contains(&line), "{line}");
        };
        metrics::with_local_recorder(&recorder, || {
            let (one, other) = (connections.open(Door::Intake), connections.open(Door::Intake));
            shows(2);
            drop(one);
            shows(1);
            drop(other);
            shows(0);
        });
    }
}
