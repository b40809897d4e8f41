//! Reading the settings. A file is laid over the defaults, so a fault is looked up in the file for its line.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::de::DeTable;
use toml::{Table, Value};

use super::Config;
use crate::telemetry;

/// The annotated defaults.
pub(crate) const DEFAULTS: &str = include_str!("../../../../deploy/clearance.toml");

/// Why the settings are not usable: every fault.
#[derive(Debug, thiserror::Error)]
#[error("{}", listed(faults))]
pub(crate) struct ConfigError {
    pub(crate) faults: Vec<ConfigFault>,
}

/// One fault of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigFault {
    /// The file.
    pub(crate) file: PathBuf,
    /// The line, when the fault is in the file rather than missing from it.
    pub(crate) line: Option<usize>,
    /// What is wrong.
    pub(crate) what: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

fn listed(faults: &[ConfigFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads the settings in `file` over the defaults.
pub(crate) fn load(file: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|error| ConfigError {
        faults: vec![ConfigFault {
            file: file.to_owned(),
            line: None,
            what: format!("{error}; `clearance config defaults` prints settings to begin with"),
        }],
    })?;
    parse(file, &text)
}

/// Reads settings from `text`, which stands in `file`.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let fault = |line, what| ConfigFault { file: file.to_owned(), line, what };
    let refuse = |faults| Err(ConfigError { faults });
    let own: Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map(|span| line_at(text, span.start));
            return refuse(vec![fault(line, error.message().to_owned())]);
        }
    };
    let mut whole: Table = toml::from_str(DEFAULTS).unwrap_or_default();
    lay_over(&mut whole, own);

    let mut unknown = Vec::new();
    let read = serde_ignored::deserialize(Value::Table(whole), |path| unknown.push(path.to_string()));
    let mut faults: Vec<_> = unknown
        .into_iter()
        .map(|path| fault(line_of(text, &path), format!("`{path}` is not a setting")))
        .collect();
    match read.and_then(|config: Config| check(config).map_err(serde::de::Error::custom)) {
        Ok(config) if faults.is_empty() => {
            let folder = file.parent().unwrap_or(Path::new("."));
            Ok(config.anchored(folder))
        }
        Ok(_) => refuse(faults),
        Err(error) if is_of_an_old_list(&error) => {
            faults.push(fault(line_of(text, "clients.professionals"), OLD_LIST.to_owned()));
            refuse(faults)
        }
        Err(error) => {
            faults.extend(
                error.message().lines().map(|what| fault(line_of_named(text, what), what.to_owned())),
            );
            refuse(faults)
        }
    }
}

/// What a list of codes alone is told: a code without the person behind it let a client act as anybody.
const OLD_LIST: &str = "an entry of `professionals` is a table: \
     { code = \"D00000\", personal_code = \"…\", roles = [\"doctor\"] }; `roles` left out: in any";

fn is_of_an_old_list(error: &toml::de::Error) -> bool {
    error.message().contains("struct Spelt")
}

/// Lays `own` over `whole`: tables are merged, everything else is replaced.
fn lay_over(whole: &mut Table, own: Table) {
    for (key, value) in own {
        match (whole.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

/// What the types cannot say. All of it at once, a line each.
fn check(config: Config) -> Result<Config, String> {
    let mut faults = Vec::new();
    for client in &config.clients {
        if !clearance::person::is_estonian_registry_code(&client.organisation) {
            faults.push(format!("the organisation of client `{}` is not a registry code", client.id));
        }
        if client.id.as_str().parse::<identity::ClientId>().is_err() {
            faults.push(format!(
                "the id of client `{}` may hold small letters, digits and hyphens only",
                client.id
            ));
        }
        if client.dangerous_any_professional && !client.professionals.is_empty() {
            faults.push(format!(
                "client `{}` has a list of `professionals` and may name anyone: leave out one of the two",
                client.id
            ));
        }
        for name in client.destinations.iter().filter(|name| !config.destinations.contains_key(*name)) {
            faults.push(format!("client `{}` may send to `{name}`, which is not a destination", client.id));
        }
    }
    for (name, peer) in &config.peers {
        let url = reqwest::Url::parse(&peer.origin).ok();
        if url.is_none_or(|url| url.scheme() != "https" || url.path() != "/") {
            faults.push(format!("`peers.{name}.origin` is not an `https` address without path"));
        }
    }
    if let Err(error) = config.ledger.origin.parse::<ledger::Origin>() {
        faults.push(format!("`ledger.origin` is not an origin: {error}"));
    }
    if let Err(error) = telemetry::filter(&config.telemetry.log) {
        faults.push(error.to_string());
    }
    let mut ids: Vec<_> = config.clients.iter().map(|client| &client.id).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
        faults.push(format!("client `{twice}` is there twice"));
    }
    if !(1.0..=100.0).contains(&config.delivery.retry_factor) {
        faults.push("`delivery.retry_factor` is not between 1 and 100".to_owned());
    }
    faults.extend(out_of_bounds(&config));
    if !config.admin.dangerous_plain_http && !on_loopback(&config.admin.listen) {
        faults.push(
            "`admin.listen` is not an address of this machine alone, and what it serves is not encrypted: take one of \
             127.0.0.0/8 or [::1], or set `admin.dangerous_plain_http` where the network keeps others out"
                .to_owned(),
        );
    }
    if !(0.0..=1.0).contains(&config.telemetry.trace_ratio) {
        faults.push("`telemetry.trace_ratio` is not between 0 and 1".to_owned());
    }
    if faults.is_empty() { Ok(config) } else { Err(faults.join("\n")) }
}

/// A name other than `localhost` may be any machine's.
fn on_loopback(address: &str) -> bool {
    let by_name = address.starts_with("localhost:");
    by_name || address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

/// Numbers with which nothing would be served or delivered, or time would overflow.
fn out_of_bounds(config: &Config) -> Vec<String> {
    const DAY_SECONDS: u64 = 86_400;
    let (limits, delivery) = (&config.limits, &config.delivery);
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let bounds = [
        ("limits.connections_max", wide(limits.connections_max), 1, 1_000_000),
        ("limits.client_connections_max", wide(limits.client_connections_max), 1, 1_000_000),
        ("limits.idle_seconds", limits.idle_seconds, 1, DAY_SECONDS),
        ("limits.http2_streams_max", limits.http2_streams_max.into(), 1, 10_000),
        ("limits.handshake_ms", limits.handshake_ms, 1, 1000 * DAY_SECONDS),
        ("limits.headers_ms", limits.headers_ms, 1, 1000 * DAY_SECONDS),
        ("limits.body_ms", limits.body_ms, 1, 1000 * DAY_SECONDS),
        ("limits.waiting_max", wide(limits.waiting_max), 0, 1_000_000),
        ("limits.wait_seconds_max", limits.wait_seconds_max, 0, DAY_SECONDS),
        ("limits.upload_bytes_per_second_min", limits.upload_bytes_per_second_min, 1, u64::MAX),
        ("limits.uploads_max", wide(limits.uploads_max), 1, 256),
        ("limits.bodies_bytes_max", wide(limits.bodies_bytes_max), wide(largest_body(limits)), 1 << 41),
        ("limits.bodies_wait_ms", limits.bodies_wait_ms, 0, 60_000),
        ("limits.drain_seconds", limits.drain_seconds, 0, DAY_SECONDS),
        ("delivery.attempt_seconds", delivery.attempt_seconds.into(), 1, DAY_SECONDS),
        ("delivery.bytes_per_second_min", delivery.bytes_per_second_min, 1, u64::MAX),
        ("delivery.not_after_hours", delivery.not_after_hours.into(), 1, 24 * 366),
        ("delivery.not_after_hours_max", delivery.not_after_hours_max.into(), 1, 24 * 366),
        ("delivery.concurrent", wide(delivery.concurrent), 1, 1000),
        ("delivery.retry_max_seconds", delivery.retry_max_seconds, 1, 30 * DAY_SECONDS),
        ("delivery.pending_max", delivery.pending_max, 1, u64::MAX),
        ("requests.deadline_seconds", config.requests.deadline_seconds.into(), 1, DAY_SECONDS),
        ("requests.answer_bytes_max", wide(config.requests.answer_bytes_max), 1, 1 << 32),
        ("requests.concurrent", wide(config.requests.concurrent), 1, 1000),
        ("ledger.checkpoint_seconds", config.ledger.checkpoint_seconds, 1, DAY_SECONDS),
    ];
    let outside = bounds.into_iter().filter(|(_, number, least, most)| !(least..=most).contains(&number));
    outside
        .map(|(name, number, least, most)| format!("`{name}` = {number} is not between {least} and {most}"))
        .collect()
}

/// What one body may take: with less for all of them, none that large would ever be read.
pub(crate) fn largest_body(limits: &super::Limits) -> usize {
    limits.json_body_bytes_max.max(limits.declaration_bytes_max.saturating_add(limits.document_bytes_max))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The line of the setting that a fault names first, in backticks.
fn line_of_named(text: &str, fault: &str) -> Option<usize> {
    line_of(text, fault.split('`').nth(1)?)
}

/// The line of the setting at `path`, such as `limits.body_ms`.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut offset = None;
    for part in path.split('.') {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == part)?;
        offset = Some(key.span().start);
        match value.get_ref().as_table() {
            Some(below) => table = below,
            None => break,
        }
    }
    offset.map(|offset| line_at(text, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        parse(Path::new("own.toml"), text)
            .err()
            .map(|error| error.faults)
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_defaults_are_usable_and_paths_start_at_the_file() {
        let config = parse(Path::new("/etc/clearance/own.toml"), "").unwrap();
        assert_eq!(config.paths.data, Path::new("/etc/clearance/data"));
        assert_eq!(config.limits.http2_streams_max, 100);
    }

    #[test]
    fn an_unknown_key_is_a_fault_with_its_line_and_all_are_found() {
        let text = "[limits]\nbody_ms = 1\nbody_sec = 2\n\n[delivery]\nretries = 3\n";
        assert_eq!(
            faults(text),
            [
                "own.toml:6: `delivery.retries` is not a setting",
                "own.toml:3: `limits.body_sec` is not a setting"
            ]
        );
    }

    #[test]
    fn what_is_not_toml_has_its_line() {
        assert!(faults("[limits]\nbody_ms = \n")[0].starts_with("own.toml:2: "));
    }

    #[test]
    fn numbers_with_which_nothing_would_work_are_faults() {
        let text = "[limits]\nconnections_max = 0\n[delivery]\nconcurrent = 0\nretry_factor = nan\n\
                    retry_max_seconds = 9000000000000000000\n";
        let faults = faults(text);
        for name in ["connections_max", "concurrent", "retry_factor", "retry_max_seconds"] {
            assert!(faults.iter().any(|fault| fault.contains(name)), "{name}: {faults:?}");
        }
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(
            faults.iter().any(|fault| fault.starts_with("own.toml:4: `delivery.concurrent`")),
            "{faults:?}"
        );
    }

    #[test]
    fn what_would_only_fail_at_the_start_is_a_fault() {
        let text = "[ledger]\norigin = \"\"\n[telemetry]\nlog = \"a=b=c\"\n\
                    [peers.x]\norigin = \"http://x\"\nca = \"\"\ncertificate = \"\"\nkey = \"\"\n";
        let faults = faults(text);
        for place in
            ["own.toml:2: `ledger.origin`", "own.toml:4: `telemetry.log`", "own.toml:6: `peers.x.origin`"]
        {
            assert!(faults.iter().any(|fault| fault.starts_with(place)), "{place}: {faults:?}");
        }
    }

    #[test]
    fn what_takes_effect_at_a_restart_only_is_named_and_nothing_else() {
        let read = |text| parse(Path::new("own.toml"), text).unwrap();
        let old = read("");
        let new = read(
            "[admin]\nlisten = \"127.0.0.1:1\"\n[limits]\nconnections_max = 9\nbody_ms = 9\nclient_burst = 9\n\
             [delivery]\nconcurrent = 9\n",
        );
        assert_eq!(old.at_restart(&new), ["admin.listen", "limits.connections_max"]);
        assert!(new.at_restart(&new).is_empty());
    }

    #[test]
    fn the_annotated_defaults_say_what_takes_effect_at_a_restart_only() {
        let mut other = parse(Path::new("own.toml"), "").unwrap();
        let elsewhere = || "elsewhere".to_owned();
        (other.paths.data, other.paths.keys) = ("elsewhere".into(), "elsewhere".into());
        (other.paths.keyring, other.paths.spool) = ("elsewhere".into(), "elsewhere".into());
        (other.limits.uploads_max, other.limits.bodies_bytes_max, other.limits.spool_bytes_max) = (1, 1, 1);
        (other.intake.listen, other.admin.listen, other.tls_only.listen) =
            (elsewhere(), elsewhere(), elsewhere());
        (other.ledger.origin, other.telemetry.otlp) = (elsewhere(), elsewhere());
        (other.limits.connections_max, other.telemetry.trace_ratio) = (1, 0.5);
        other.limits.disk_reserved_bytes = 1;
        other.process.sandbox = crate::config::SandboxChoice::Off;
        let named = parse(Path::new("own.toml"), "").unwrap().at_restart(&other);
        let marked = DEFAULTS.lines().filter(|line| line.ends_with(" at restart"));
        assert_eq!(named.len(), marked.count());
        let lines: Vec<_> = DEFAULTS.lines().collect();
        for name in named {
            let at = line_of(DEFAULTS, name).unwrap();
            assert!(lines[at - 1].ends_with(" at restart"), "{name}");
        }
    }

    const CLIENT: &str = "[destinations.employer]\nadapter = \"employer\"\n\
                          [[clients]]\nid = \"ehr\"\norganisation = \"10303948\"\ndestinations = [\"employer\"]\n";

    #[test]
    fn a_client_speaks_for_nobody_until_somebody_is_listed_and_one_that_may_name_anyone_is_reported() {
        let silent = parse(Path::new("own.toml"), CLIENT).unwrap();
        assert!(silent.clients[0].professionals.is_empty() && silent.dangerous().is_empty());
        let anyone = format!("{CLIENT}dangerous_any_professional = true\n");
        let anyone = parse(Path::new("own.toml"), &anyone).unwrap();
        assert_eq!(anyone.dangerous(), ["clients.ehr.dangerous_any_professional"]);
    }

    #[test]
    fn a_list_of_codes_alone_is_told_how_to_be_written_now() {
        let old = faults(&format!("{CLIENT}professionals = [\"D00000\"]\n"));
        assert_eq!(old.len(), 1, "{old:?}");
        assert!(old[0].contains("personal_code = "), "{old:?}");
        let both = "professionals = [{ code = \"D00000\", personal_code = \"60001017869\" }]\n\
                    dangerous_any_professional = true\n";
        assert!(faults(&format!("{CLIENT}{both}"))[0].contains("leave out one of the two"));
    }

    #[test]
    fn a_client_whose_id_certificates_cannot_have_is_a_fault_instead_of_vanishing() {
        let dotted = faults(&CLIENT.replace("\"ehr\"", "\"ehr.north\""));
        assert!(dotted[0].contains("the id of client `ehr.north`"), "{dotted:?}");
    }

    #[test]
    fn a_deadline_is_as_declared_but_no_later_than_the_settings_allow() {
        let delivery = parse(Path::new("own.toml"), "").unwrap().delivery;
        let at = |hours: i64| jiff::Timestamp::from_second(hours * 3600).unwrap();
        assert_eq!(delivery.not_after(None, at(1)), at(1 + 72));
        assert_eq!(delivery.not_after(Some(at(9)), at(1)), at(9));
        assert_eq!(delivery.not_after(Some(at(1_000_000)), at(1)), at(1 + 720));
    }

    #[test]
    fn a_client_that_could_never_send_is_a_fault() {
        let text = "[[clients]]\nid = \"ehr\"\norganisation = \"1\"\ndestinations = [\"moon\"]\n";
        assert_eq!(faults(text).len(), 2);
    }
}
