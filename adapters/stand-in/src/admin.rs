//! The administration: plain HTTP on loopback, so that a human can make the partner fail and see what arrived.
//!
//! It shows no body, no header and no query: those may hold a person's data. A test asks the stand-in itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::get;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::faults::{Fault, FaultPlan, Planned};
use crate::tls::sha256_hex;
use crate::{Stand, listener};

/// Binds the administration's address, which must be loopback.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the administration listens on loopback only",
        ));
    }
    listener::bind(address)
}

/// Serves until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, stand: Arc<Stand>) {
    let router = Router::new()
        .route("/faults", get(pending).post(tell).delete(clear))
        .route("/received", get(received))
        .with_state(stand);
    // It returns only when the task is aborted.
    let _ = axum::serve(listener, router).await;
}

/// A fault as a human writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    fault: String,
    #[serde(default)]
    path: String,
    #[serde(default = "once")]
    count: u32,
    status: Option<u16>,
    retry_after_seconds: Option<u64>,
    delay_ms: Option<u64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    item: Option<u32>,
    code: Option<String>,
}

fn once() -> u32 {
    1
}

impl Told {
    fn delay(&self) -> Option<Duration> {
        self.delay_ms.map(Duration::from_millis)
    }

    fn fault(&self) -> Result<Fault, &'static str> {
        match self.fault.as_str() {
            "status" => self
                .status
                .filter(|status| (200..=599).contains(status))
                .map(|status| Fault::Status(status, self.retry_after_seconds))
                .ok_or("`status` needs `status` from 200 to 599"),
            "delay" => self.delay().map(Fault::Delay).ok_or("`delay` needs `delay_ms`"),
            "delay-after" => self.delay().map(Fault::DelayAfter).ok_or("`delay-after` needs `delay_ms`"),
            "x-road-error" => self.kind.clone().map(Fault::XRoadError).ok_or("`x-road-error` needs `type`"),
            "item" => {
                let item = self.item.zip(self.code.clone());
                item.map(|(number, code)| Fault::Item(number, code)).ok_or("`item` needs `item` and `code`")
            }
            "drop-before" => Ok(Fault::DropBefore),
            "drop-after" => Ok(Fault::DropAfter),
            "garbage" => Ok(Fault::Garbage),
            "error-inside-200" => Ok(Fault::ErrorInside200),
            "rate-limit" => Ok(Fault::RateLimit),
            "down" => Ok(Fault::Down),
            _ => Err(
                "`fault` is one of `status`, `delay`, `drop-before`, `drop-after`, `delay-after`, `garbage`, \
                 `error-inside-200`, `x-road-error`, `rate-limit`, `down`",
            ),
        }
    }
}

async fn tell(State(stand): State<Arc<Stand>>, Json(told): Json<Told>) -> (StatusCode, Json<Value>) {
    match told.fault() {
        Ok(fault) => {
            let plan = FaultPlan::none().then(fault, &told.path, told.count);
            stand.faults.extend(plan);
            (StatusCode::OK, Json(plan_of(&stand)))
        }
        Err(why) => (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))),
    }
}

async fn pending(State(stand): State<Arc<Stand>>) -> Json<Value> {
    Json(plan_of(&stand))
}

async fn clear(State(stand): State<Arc<Stand>>) -> Json<Value> {
    stand.faults.replace(FaultPlan::none());
    Json(plan_of(&stand))
}

fn plan_of(stand: &Stand) -> Value {
    let (planned, down) = stand.faults.pending();
    let planned: Vec<Value> = planned.iter().map(planned_as_json).collect();
    json!({ "down": down, "planned": planned })
}

fn planned_as_json(planned: &Planned) -> Value {
    let mut value = match &planned.fault {
        Fault::Status(status, retry_after) => {
            json!({ "fault": "status", "status": status, "retry_after_seconds": retry_after })
        }
        Fault::Delay(time) => json!({ "fault": "delay", "delay_ms": time.as_millis() as u64 }),
        Fault::DelayAfter(time) => json!({ "fault": "delay-after", "delay_ms": time.as_millis() as u64 }),
        Fault::DropBefore => json!({ "fault": "drop-before" }),
        Fault::DropAfter => json!({ "fault": "drop-after" }),
        Fault::Garbage => json!({ "fault": "garbage" }),
        Fault::ErrorInside200 => json!({ "fault": "error-inside-200" }),
        Fault::XRoadError(kind) => json!({ "fault": "x-road-error", "type": kind }),
        Fault::Item(number, code) => json!({ "fault": "item", "item": number, "code": code }),
        Fault::RateLimit => json!({ "fault": "rate-limit" }),
        Fault::Down => json!({ "fault": "down" }),
    };
    if let Some(value) = value.as_object_mut() {
        value.insert("path".into(), json!(planned.on));
        value.insert("count".into(), json!(planned.count));
    }
    value
}

async fn received(State(stand): State<Arc<Stand>>) -> Json<Value> {
    let entries: Vec<Value> = stand
        .journal
        .entries()
        .iter()
        .map(|entry| {
            json!({
                "at": entry.at.to_string(),
                "method": entry.method,
                "path": entry.path_only(),
                "peer_sha256": entry.peer_sha256,
                "body_bytes": entry.body.len(),
                "body_sha256": sha256_hex(&entry.body),
                "status": entry.status,
                "remarks": entry.remarks,
            })
        })
        .collect();
    Json(json!({ "received": entries }))
}
