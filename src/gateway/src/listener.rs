//! The listeners: TCP, TLS, HTTP/1.1 and HTTP/2, with a limit on everything, and a drain at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use crate::config::Limits;
use crate::gateway::Gateway;
use crate::intake::Connection;
use crate::telemetry::metrics;

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
    let open = GracefulShutdown::new();
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
        let (gateway, routes, watcher) = (Arc::clone(&gateway), routes.clone(), open.watcher());
        tokio::spawn(async move {
            let _place = place;
            // A connection goes by the limits that are in force when it comes.
            let limits = gateway.config.load().limits.clone();
            let handshake_limit = Duration::from_millis(limits.handshake_ms);
            let handshake = timeout(handshake_limit, shake(&gateway, door, stream)).await;
            let stream = match handshake {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return refused(door, from, &error.to_string()),
                Err(_) => return refused(door, from, "the handshake took too long"),
            };
            metrics::handshake(door.name(), "done");
            let _open = gateway.connections.open(door);
            let connection = Arc::new(connection(&gateway, &stream));
            let service = TowerToHyperService::new(routes.map_request(move |mut request: Request<_>| {
                request.extensions_mut().insert(Arc::clone(&connection));
                request.map(axum::body::Body::new)
            }));
            let server = server(&limits);
            let serving = server.serve_connection(TokioIo::new(stream), service).into_owned();
            if let Err(error) = watcher.watch(serving).await {
                tracing::debug!(event.action = "connection-broke", error.message = %error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let drain = Duration::from_secs(gateway.config.load().limits.drain_seconds);
    if timeout(drain, open.shutdown()).await.is_err() {
        tracing::warn!(
            event.action = "drain-incomplete",
            "requests were still under way when the time to drain was up"
        );
    }
}

fn server(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.headers_ms))
        .max_buf_size(usize::try_from(limits.header_bytes_max).unwrap_or(usize::MAX).max(8192));
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams_max)
        .max_header_list_size(limits.header_bytes_max)
        .max_pending_accept_reset_streams(limits.http2_resets_max)
        .max_local_error_reset_streams(limits.http2_resets_max)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    server
}

async fn shake(gateway: &Gateway, door: Door, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    let trust = gateway.trust.current();
    let config = match door {
        Door::Intake => trust.server().intake(),
        Door::TlsOnly => trust.server().tls_only(),
    };
    TlsAcceptor::from(config).accept(stream).await
}

/// Identity is decided after every handshake, resumed or not: a resumed session does not pass rustls' verifier.
fn connection(gateway: &Gateway, stream: &TlsStream<TcpStream>) -> Connection {
    let presented = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let admitted = gateway.trust.current().server().admit(presented, gateway.clock.now());
    Connection { admitted }
}

fn refused(door: Door, from: SocketAddr, why: &str) {
    metrics::handshake(door.name(), "refused");
    tracing::info!(
        event.action = "handshake-refused",
        source.ip = %from.ip(),
        error.message = why,
        listener = door.name(),
        "a TLS handshake was refused"
    );
}
