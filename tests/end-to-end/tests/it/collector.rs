//! A collector of traces that keeps what it is sent, and reads it with OpenTelemetry's published types.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

/// A collector.
pub(crate) struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    /// Begins to listen.
    pub(crate) async fn start() -> Self {
        let bodies: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let keep = {
            let bodies = Arc::clone(&bodies);
            async move |headers: HeaderMap, body: Bytes| {
                assert_eq!(headers["content-type"], "application/x-protobuf");
                bodies.lock().unwrap().push(body);
                StatusCode::OK
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(keep));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { address, bodies }
    }

    /// The settings of a gateway that sends its traces here and logs by `filter`.
    pub(crate) fn settings(&self, filter: &str) -> String {
        format!("[telemetry]\nlog = \"{filter}\"\notlp = \"http://{}/v1/traces\"\n", self.address)
    }

    /// What it was sent, as it came.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap().clone()
    }

    /// What it was sent, decoded.
    pub(crate) fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        self.bodies().into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap()).collect()
    }

    /// The spans in it.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let scopes = self
            .requests()
            .into_iter()
            .flat_map(|request| request.resource_spans)
            .flat_map(|of| of.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}
