//! Traces: one spans EHR, gateway and destination, by W3C `traceparent` in and out.

use axum::extract::Request;
use http::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::registry::LookupSpan;

use super::TelemetryError;
use crate::{config, intake};

pub(super) fn provider(settings: &config::Telemetry) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    if settings.otlp.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(&settings.otlp)
        .build()
        .map_err(|error| TelemetryError::Otlp(error.to_string()))?;
    // A caller's decision to sample is kept; for the others the configured share.
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.trace_ratio)));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(Resource::builder().with_service_name("clearance").build())
        .build();
    Ok(Some(provider))
}

pub(super) fn layer<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer().with_tracer(provider.tracer("clearance"))
}

/// The span of a request, below the caller's. The route stands in it as a template: a path may hold an id.
pub(crate) fn server_span(request: &Request, id: &str) -> Span {
    let route = intake::route_template(request);
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{} {route}", request.method()),
        otel.kind = "server",
        http.request.method = %request.method(),
        http.route = route,
        http.request.id = id,
    );
    adopt(&span, &Headers(request.headers()));
    span
}

/// The `traceparent` of the present span, for whoever continues it later.
pub(crate) fn traceparent() -> Option<String> {
    let mut carrier = Traceparent(None);
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.0
}

/// Hangs `span` below the span that `traceparent` names.
pub(crate) fn continue_from(span: &Span, traceparent: Option<&str>) {
    adopt(span, &Traceparent(traceparent.map(str::to_owned)));
}

fn adopt(span: &Span, carrier: &dyn Extractor) {
    let parent = TraceContextPropagator::new().extract(carrier);
    if let Err(error) = span.set_parent(parent) {
        tracing::debug!(event.action = "trace-not-adopted", error.message = %error, "a span keeps its own trace");
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct Traceparent(Option<String>);

impl Extractor for Traceparent {
    fn get(&self, key: &str) -> Option<&str> {
        if key == "traceparent" { self.0.as_deref() } else { None }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

impl Injector for Traceparent {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.0 = Some(value);
        }
    }
}
