//! Logs: one JSON object a line, with the field names of the Elastic Common Schema.

use std::io::Write;

use jiff::Timestamp;
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use clearance::clock::{Clock, SystemClock};

/// Writes events as ECS JSON.
pub(super) struct EcsLayer {
    _private: (),
}

impl EcsLayer {
    /// To standard error: standard output belongs to what a command answers.
    pub(super) const fn to_stderr() -> Self {
        Self { _private: () }
    }
}

impl<S> Layer<S> for EcsLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = line(event, SystemClock.now());
        // When standard error is gone there is nobody left to tell.
        let _gone = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn line(event: &Event<'_>, at: Timestamp) -> String {
    let metadata = event.metadata();
    let mut fields = Fields(Map::new());
    fields.0.insert("@timestamp".into(), format!("{at:.3}").into());
    fields.0.insert("log.level".into(), level(*metadata.level()).into());
    fields.0.insert("log.logger".into(), metadata.target().into());
    fields.0.insert("ecs.version".into(), "8.17".into());
    fields.0.insert("service.name".into(), "clearance".into());
    let span = tracing::Span::current().context();
    let span = span.span().span_context().clone();
    if span.is_valid() {
        fields.0.insert("trace.id".into(), span.trace_id().to_string().into());
        fields.0.insert("span.id".into(), span.span_id().to_string().into());
    }
    event.record(&mut fields);
    let mut line = Value::Object(fields.0).to_string();
    line.push('\n');
    line
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}
