//! `clearance certs who`: what one has to know before a pin or an authority is taken away.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use store::{LedgerFile, Sighting};

use super::super::{Failure, Report};
use crate::config::Config;
use crate::serve::sources;

pub(super) fn who(report: &Report, config: &Config) -> Result<(), Failure> {
    let seen = LedgerFile::open(&config.paths.data.join("clearance.db"))?.sightings()?;
    let clients = sources(config).clients;
    let mut lines = Vec::new();
    for client in &clients {
        let of_client: Vec<_> =
            seen.iter().filter(|seen| seen.client.as_str() == client.id.as_str()).collect();
        if of_client.is_empty() {
            lines.push(json!({ "client": client.id.as_str(), "certificate_sha256": null }));
        }
        for (place, sighting) in of_client.into_iter().enumerate() {
            let pins =
                |pins: &[identity::Pin], is: [u8; 32]| pins.iter().any(|pin| *pin.sha256.as_bytes() == is);
            let is_pinned = pins(&client.spki_sha256, sighting.key)
                || pins(&client.certificate_sha256, sighting.certificate);
            lines.push(line(
                sighting,
                if !is_pinned {
                    "no longer let in"
                } else if place == 0 {
                    "in use"
                } else {
                    "older"
                },
            ));
        }
    }
    let registered: BTreeSet<_> = clients.iter().map(|client| client.id.as_str()).collect();
    let others = seen.iter().filter(|seen| !registered.contains(seen.client.as_str()));
    lines.extend(others.map(|sighting| line(sighting, "client no longer registered")));
    for line in &lines {
        report.line(shown(line));
    }
    report.value(&lines);
    Ok(())
}

fn line(seen: &Sighting, standing: &str) -> Value {
    json!({
        "client": seen.client.as_str(),
        "certificate_sha256": hex::encode(seen.certificate),
        "spki_sha256": hex::encode(seen.key),
        "not_after": seen.not_after,
        "first_seen_at": seen.first_seen_at,
        "last_seen_at": seen.last_seen_at,
        "standing": standing,
    })
}

fn shown(line: &Value) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    if line.get("certificate_sha256").is_some_and(Value::is_null) {
        return format!("{:<16} has not come yet", text("client"));
    }
    // To the second: more is of no use to who reads it.
    let moment = |name: &str| {
        let moment = text(name).parse::<Timestamp>().unwrap_or(Timestamp::UNIX_EPOCH);
        Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
    };
    let certificate = text("certificate_sha256").get(..16).unwrap_or_default();
    format!(
        "{:<16} {certificate}…  last seen {}, first {}; expires {}: {}",
        text("client"),
        moment("last_seen_at"),
        moment("first_seen_at"),
        moment("not_after"),
        text("standing"),
    )
}
