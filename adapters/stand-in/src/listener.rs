//! The listener: TCP, TLS with a client certificate, HTTP/1.1 and HTTP/2, and the faults that need the connection itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use http::header::RETRY_AFTER;
use http::{HeaderName, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::answer::Answer;
use crate::faults::Fault;
use crate::tls::sha256_hex;
use crate::{Asked, Stand};

const CONNECTIONS_MAX: usize = 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// What a rate-limited client is told to wait.
const RATE_LIMIT_SECONDS: &str = "2";
/// Neither UTF-8 nor whole in any format.
const GARBAGE: &[u8] = b"{\"begun\":\"\xff\x00<html>";

/// Binds `address` for the running runtime.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Accepts connections until the task is aborted; their tasks end with it.
pub(crate) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, stand: Arc<Stand>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // It concerns that one connection, or the machine is out of something: the next call tells.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                if connections.len() < CONNECTIONS_MAX {
                    connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&stand)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What a request needs to know of its connection.
#[derive(Clone)]
struct Line {
    stand: Arc<Stand>,
    peer: Arc<str>,
    hang_up: Arc<Notify>,
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, stand: Arc<Stand>) {
    let mut down = stand.faults.watch_down();
    if *down.borrow_and_update() {
        // Closing with zero linger sends a reset: to the client the host is there and the service is not.
        let _ = stream.set_zero_linger();
        return;
    }
    // Otherwise each answer waits 40 ms for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await else {
        return;
    };
    let Some(peer) = fingerprint(&stream) else {
        return;
    };
    let hang_up = Arc::new(Notify::new());
    let router = Router::new().fallback(receive).with_state(Line {
        stand,
        peer: peer.into(),
        hang_up: Arc::clone(&hang_up),
    });
    let server = auto::Builder::new(TokioExecutor::new());
    // Whichever comes first; leaving here drops the socket, without a farewell.
    tokio::select! {
        _ = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)) => {}
        () = hang_up.notified() => {}
        () = gone(&mut down) => {}
    }
}

async fn gone(down: &mut watch::Receiver<bool>) {
    if down.wait_for(|down| *down).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn fingerprint(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, session) = stream.get_ref();
    session.peer_certificates()?.first().map(|leaf| sha256_hex(leaf))
}

async fn receive(State(line): State<Line>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, line.stand.role.body_bytes_max()).await else {
        return Answer::empty(StatusCode::PAYLOAD_TOO_LARGE).into();
    };
    let asked = Asked {
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body,
        peer: line.peer.to_string(),
    };
    let stand = &line.stand;
    let number = stand.journal.enter(&asked, (stand.now)());
    let fault = stand.faults.take(&asked.method, asked.uri.path());
    let Some(answer) = work(stand, &asked, fault).await else {
        line.hang_up.notify_one();
        return std::future::pending().await;
    };
    stand.journal.complete(number, Some(answer.status.as_u16()), &answer.remarks);
    answer.into()
}

/// The answer, or none when the connection is to be closed instead.
async fn work(stand: &Stand, asked: &Asked, fault: Option<Fault>) -> Option<Answer> {
    let honest = || stand.role.answer(asked, (stand.now)());
    match fault {
        None => Some(honest()),
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Some(honest())
        }
        Some(Fault::DropBefore | Fault::Down) => None,
        Some(Fault::DropAfter) => {
            honest();
            None
        }
        Some(Fault::DelayAfter(time)) => {
            let answer = honest();
            tokio::time::sleep(time).await;
            Some(answer)
        }
        Some(Fault::Status(status, retry_after)) => Some(failed(stand, asked, status, retry_after)),
        Some(Fault::Garbage) => Some(garbage(stand, asked)),
        Some(Fault::ErrorInside200) => Some(stand.role.failure(asked, StatusCode::OK)),
        Some(Fault::Item(number, code)) => Some(stand.role.answer_but(asked, (stand.now)(), number, &code)),
        Some(Fault::RateLimit) => Some(rate_limited(stand, asked)),
        Some(Fault::XRoadError(kind)) => Some(stand.role.x_road_error(asked, &kind)),
    }
}

fn failed(stand: &Stand, asked: &Asked, status: u16, retry_after_seconds: Option<u64>) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let answer = stand.role.failure(asked, status);
    match retry_after_seconds {
        Some(seconds) => answer.with(RETRY_AFTER, &seconds.to_string()),
        None => answer,
    }
}

fn garbage(stand: &Stand, asked: &Asked) -> Answer {
    let mut answer = stand.role.failure(asked, StatusCode::OK);
    answer.body = GARBAGE.to_vec();
    answer
}

fn rate_limited(stand: &Stand, asked: &Asked) -> Answer {
    stand
        .role
        .failure(asked, StatusCode::TOO_MANY_REQUESTS)
        .with(RETRY_AFTER, RATE_LIMIT_SECONDS)
        .with(HeaderName::from_static("ratelimit"), "\"default\";r=0;t=2")
        .with(HeaderName::from_static("ratelimit-policy"), "\"default\";q=10;w=2")
}
