//! The listeners: TCP, TLS, HTTP/1.1 and HTTP/2, with a limit on everything, and a drain at the end.

mod connection;
mod places;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use self::connection::Incoming;
use crate::gateway::Gateway;

pub(crate) use self::places::Places;

/// Which TLS a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// A client certificate is demanded.
    Intake,
    /// The same TLS without one.
    TlsOnly,
}

impl Door {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::TlsOnly => "tls-only",
        }
    }
}

/// Serves `routes` on `listener` until `stop` is set, then lets requests under way finish.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    door: Door,
    listener: TcpListener,
    routes: Router,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(gateway.config.load().limits.connections_max));
    // Nothing is sent on it: it closes when the last connection has let go of its end.
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    loop {
        // Beyond the limit, connections wait in the kernel's queue instead of in our memory.
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            _ = stop.changed() => break,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(event.action = "accept-failed", error.message = %error, "a connection could not be accepted");
                // Out of file descriptors, most likely: give others time to close.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let incoming = Incoming {
            gateway: Arc::clone(&gateway),
            door,
            from,
            stop: stop.clone(),
            place,
            open: open.clone(),
        };
        tokio::spawn(incoming.serve(stream, routes.clone()));
    }
    drop((listener, open));
    let drain = Duration::from_secs(gateway.config.load().limits.drain_seconds);
    if timeout(drain, all_closed.recv()).await.is_err() {
        tracing::warn!(
            event.action = "drain-incomplete",
            "requests were still under way when the time to drain was up"
        );
    }
}
