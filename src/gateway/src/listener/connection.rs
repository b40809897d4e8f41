//! One connection, from its handshake to its close.
//!
//! It is looked at once a second, because neither rustls nor hyper closes a connection that sends nothing, has nothing
//! under way, or belongs to a certificate that has been revoked meanwhile. Closing is graceful: an HTTP/2 client gets
//! GOAWAY, requests under way are answered (one not yet recorded with `certificate-revoked`, as every request is judged
//! anew before it is recorded).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http_body::{Frame, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::{ServiceExt, service_fn};

use super::Door;
use super::places::Place;
use crate::config::Limits;
use crate::gateway::Gateway;
use crate::intake::problem::{Kind, Problem};
use crate::intake::{Connection, not_admitted};
use crate::telemetry::metrics;

/// A connection that has been accepted, and what it holds while it is open.
pub(super) struct Incoming {
    pub(super) gateway: Arc<Gateway>,
    pub(super) door: Door,
    pub(super) from: SocketAddr,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) place: OwnedSemaphorePermit,
    pub(super) open: mpsc::Sender<Infallible>,
}

/// Why a connection is closed from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Close {
    /// No request has come.
    Silent,
    /// Nothing has been under way for long.
    Idle,
    /// Its certificate was good, and no client's that may come in; it has been told so.
    Refused,
    /// Its certificate is not good any more.
    NotAdmitted,
}

impl Close {
    const fn reason(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Idle => "idle",
            Self::Refused => "refused",
            Self::NotAdmitted => "not-admitted",
        }
    }
}

impl Incoming {
    /// Shakes hands and serves requests until the peer, a limit or the gateway's end closes the connection.
    pub(super) async fn serve(self, stream: TcpStream, routes: Router) {
        // A connection goes by the limits that are in force when it comes.
        let limits = self.gateway.config.load().limits.clone();
        let within = Duration::from_millis(limits.handshake_ms);
        let stream = match timeout(within, shake(&self.gateway, self.door, stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.refuse(&error.to_string()),
            Err(_) => return self.refuse("the handshake took too long"),
        };
        metrics::handshake(self.door.name(), "done");
        let (connection, _client_place) = self.decide(&stream, &limits);
        let _counted = self.gateway.connections.open(self.door);
        self.converse(stream, Arc::new(connection), &limits, routes).await;
        // Named here so that they last until here: the place among all, and our end of the drain.
        drop((self.place, self.open));
    }

    /// Identity is decided after every handshake, resumed or not: a resumed session does not pass rustls' verifier.
    fn decide(&self, stream: &TlsStream<TcpStream>, limits: &Limits) -> (Connection, Option<Place>) {
        let presented = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let admitted = self.gateway.trust.current().server().admit(presented, self.gateway.clock.now());
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(error) => return (Connection { admitted: Err(not_admitted(&error)) }, None),
        };
        match self.gateway.places.take(admitted.peer().client(), limits.client_connections_max) {
            Some(place) => (Connection { admitted: Ok(admitted) }, Some(place)),
            None => {
                let detail = "this client has as many connections open as it may have";
                let full = Problem::new(Kind::RateLimited, detail).retry_after(Duration::from_secs(1));
                (Connection { admitted: Err(full) }, None)
            }
        }
    }

    async fn converse(
        &self,
        stream: TlsStream<TcpStream>,
        connection: Arc<Connection>,
        limits: &Limits,
        routes: Router,
    ) {
        let traffic = Traffic::begin();
        let service = {
            let (connection, traffic) = (Arc::clone(&connection), traffic.clone());
            service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let under_way = traffic.request();
                let mut request: Request = request.map(Body::new);
                request.extensions_mut().insert(Arc::clone(&connection));
                let answered = routes.clone().oneshot(request);
                async move {
                    answered.await.map(|mut answer: Response| {
                        // Nobody is to guess from an answer's bytes what it might be.
                        answer
                            .headers_mut()
                            .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                        under_way.hold(answer)
                    })
                }
            })
        };
        let server = server(limits);
        let mut serving =
            pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
        let mut stop = self.stop.clone();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closing: Option<Instant> = None;
        loop {
            let why = tokio::select! {
                ended = serving.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(event.action = "connection-broke", error.message = %error, "a connection ended early");
                    }
                    return;
                }
                // Whether told to or orphaned, it is the end.
                _ = stop.changed(), if closing.is_none() => None,
                _ = look.tick() => match (closing, self.verdict(&connection, &traffic, limits)) {
                    (None, Some(why)) => Some(why),
                    // A peer that does not take its answers is not waited for.
                    (Some(since), _) if since.elapsed() > Duration::from_secs(limits.drain_seconds) => return,
                    _ => continue,
                },
            };
            if let Some(why) = why {
                metrics::connection_closed(self.door.name(), why.reason());
                tracing::debug!(
                    event.action = "connection-closed",
                    event.reason = why.reason(),
                    "a connection is closed"
                );
            }
            serving.as_mut().graceful_shutdown();
            closing = Some(Instant::now());
        }
    }

    /// Whether the connection is to be closed now.
    fn verdict(&self, connection: &Connection, traffic: &Traffic, limits: &Limits) -> Option<Close> {
        let seen = *traffic.seen();
        let quiet_for = |limit| seen.under_way == 0 && seen.since.elapsed() >= limit;
        if let (Door::Intake, Ok(admitted)) = (self.door, &connection.admitted)
            && self.gateway.trust.current().server().still_valid(admitted, self.gateway.clock.now()).is_err()
        {
            return Some(Close::NotAdmitted);
        }
        if seen.requests == 0 {
            return quiet_for(Duration::from_millis(limits.headers_ms)).then_some(Close::Silent);
        }
        if self.door == Door::Intake && connection.admitted.is_err() {
            return quiet_for(Duration::ZERO).then_some(Close::Refused);
        }
        quiet_for(Duration::from_secs(limits.idle_seconds)).then_some(Close::Idle)
    }

    fn refuse(&self, why: &str) {
        metrics::handshake(self.door.name(), "refused");
        tracing::info!(
            event.action = "handshake-refused",
            source.ip = %self.from.ip(),
            error.message = why,
            listener = self.door.name(),
            "a TLS handshake was refused"
        );
    }
}

/// How often an open connection is looked at.
const LOOK: Duration = Duration::from_secs(1);

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

/// What goes on on a connection.
#[derive(Debug, Clone)]
struct Traffic(Arc<Mutex<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    requests: u64,
    under_way: usize,
    /// Since when what is under way has been as it is.
    since: Instant,
}

impl Traffic {
    fn begin() -> Self {
        Self(Arc::new(Mutex::new(Seen { requests: 0, under_way: 0, since: Instant::now() })))
    }

    fn request(&self) -> UnderWay {
        let mut seen = self.seen();
        *seen = Seen { requests: seen.requests + 1, under_way: seen.under_way + 1, since: Instant::now() };
        UnderWay(self.clone())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Every change is one assignment: what a panicking holder leaves is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being served; it is over when this is dropped.
#[derive(Debug)]
struct UnderWay(Traffic);

impl UnderWay {
    /// Ties it to the answer, which is under way until its last byte has been taken.
    fn hold(self, answer: Response) -> Response {
        answer.map(|body| Body::new(Held { body, _under_way: self }))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut seen = self.0.seen();
        *seen = Seen { under_way: seen.under_way - 1, since: Instant::now(), ..*seen };
    }
}

/// The body of an answer that is under way.
struct Held {
    body: Body,
    _under_way: UnderWay,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
