//! Calls to partners: each peer has its own trust anchors, pins, client certificate and one allowed origin.
//!
//! Redirects are not followed, no proxy from the environment is used, and a URL never reaches an error, a log or a span.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use clearance::adapter::{Call, CallBody, CallFailure, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::seal::PartFailure;
use futures_util::stream::{self, Stream};
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use identity::{NotPinned, Reloader, Trust};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tracing::Instrument;

use crate::config::Config;
use crate::telemetry::{metrics, trace};

/// The longest that a connection to a peer may take to come up.
const CONNECT: Duration = Duration::from_secs(5);

/// Makes the calls.
#[derive(Debug)]
pub(crate) struct Calls {
    peers: ArcSwap<BTreeMap<String, Peer>>,
    renewing: Mutex<()>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone)]
struct Peer {
    origin: Url,
    client: Client,
}

/// Why a peer cannot be called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    #[error("peer `{0}`: `origin` is not an `https` address without path")]
    Origin(String),
    #[error("peer `{0}`: its certificates are not usable")]
    Trust(String),
    #[error("peer `{0}`: no client could be built")]
    Client(String),
}

impl Calls {
    pub(crate) fn new(config: &Config, trust: &Trust, clock: Arc<dyn Clock>) -> Result<Self, PeerError> {
        Ok(Self { peers: ArcSwap::from_pointee(peers(config, trust)?), renewing: Mutex::default(), clock })
    }

    /// New calls go out on the present settings and trust; calls under way are untouched.
    pub(crate) fn renew(&self, config: &ArcSwap<Config>, trust: &Reloader) -> Result<(), PeerError> {
        // A reload and a change of files may come together: whoever is last has to have read last.
        let _last = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        self.peers.store(Arc::new(peers(&config.load(), &trust.current())?));
        Ok(())
    }

    async fn make(&self, call: Call) -> Result<Reply, CallFailure> {
        let peers = self.peers.load();
        let peer = peers.get(&call.peer).ok_or(CallFailure::NotAllowed)?;
        let url = Url::parse(call.url.expose()).map_err(|_| CallFailure::NotAllowed)?;
        if url.origin() != peer.origin.origin() {
            return Err(CallFailure::NotAllowed);
        }
        let left = Duration::try_from(call.deadline.duration_since(self.clock.now())).unwrap_or_default();
        if left.is_zero() {
            return Err(CallFailure::NotReached);
        }
        let mut headers = call.headers;
        if let Some(traceparent) = trace::traceparent()
            && let Ok(traceparent) = HeaderValue::from_str(&traceparent)
        {
            headers.insert("traceparent", traceparent);
        }
        let request = peer.client.request(call.method, url).timeout(left);
        let request = match call.body.in_memory() {
            Some(bytes) => request.headers(headers).body(bytes),
            None => {
                // Without it the body would go in chunks, which not every peer takes.
                headers.insert(CONTENT_LENGTH, HeaderValue::from(call.body.length()));
                request.headers(headers).body(reqwest::Body::wrap_stream(pieces(call.body)))
            }
        };
        let response = request.send().await.map_err(|error| failure(&call.peer, &error))?;
        read(response, call.answer_bytes_max).await
    }
}

impl Transport for Calls {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        let span = tracing::info_span!(
            "call",
            otel.name = format!("{} {}", call.method, call.url_template),
            otel.kind = "client",
            http.request.method = %call.method,
            url.template = call.url_template,
            peer.service = call.peer,
            http.response.status_code = tracing::field::Empty,
            error.r#type = tracing::field::Empty,
        );
        Box::pin(
            async move {
                let answer = self.make(call).await;
                let span = tracing::Span::current();
                match &answer {
                    Ok(reply) => span.record("http.response.status_code", reply.status.as_u16()),
                    Err(failure) => span.record("error.type", failure.code()),
                };
                answer
            }
            .instrument(span),
        )
    }
}

/// A body as it is sent; what cannot be read breaks the call off.
fn pieces(body: CallBody) -> impl Stream<Item = Result<Bytes, PartFailure>> {
    stream::try_unfold(body, |mut body| async { Ok(body.next().await?.map(|bytes| (bytes, body))) })
}

fn peers(config: &Config, trust: &Trust) -> Result<BTreeMap<String, Peer>, PeerError> {
    let mut peers = BTreeMap::new();
    for (name, settings) in &config.peers {
        let origin =
            Url::parse(&settings.origin).ok().filter(|url| url.scheme() == "https" && url.path() == "/");
        let origin = origin.ok_or_else(|| PeerError::Origin(name.clone()))?;
        let tls = trust.destination(name).ok_or_else(|| PeerError::Trust(name.clone()))?.config();
        let client = Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(&tls))
            .https_only(true)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .build()
            .map_err(|_| PeerError::Client(name.clone()))?;
        peers.insert(name.clone(), Peer { origin, client });
    }
    Ok(peers)
}

async fn read(mut response: reqwest::Response, limit: usize) -> Result<Reply, CallFailure> {
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| after_sending(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(CallFailure::AnswerTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body: Bytes::from(body) })
}

/// What matters is whether the peer may have seen the call.
fn failure(peer: &str, error: &reqwest::Error) -> CallFailure {
    if !error.is_connect() {
        return after_sending(error);
    }
    let Some(tls) = tls_error(error) else {
        return CallFailure::NotReached;
    };
    let Some(unpinned) = NotPinned::in_error(tls) else {
        return CallFailure::Handshake;
    };
    metrics::not_pinned(peer);
    tracing::error!(
        event.action = "key-not-pinned",
        peer.service = peer,
        tls.server.spki_sha256 = %unpinned.shown,
        "a partner's server showed a key that it is not pinned to, and was sent nothing"
    );
    CallFailure::NotPinned
}

fn after_sending(error: &reqwest::Error) -> CallFailure {
    if error.is_timeout() { CallFailure::TimedOut } else { CallFailure::Broken }
}

/// What rustls has against the connection, if it is rustls that refused it.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        // The source of an I/O error is that of the error it holds, which it passes over.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}
