//! What one sees of a running gateway: logs, metrics, traces. None of them ever holds a value from a document, a
//! person's identifier, or a URL that could hold one.

mod log;
pub(crate) mod metrics;
pub(crate) mod trace;

use std::sync::{Mutex, PoisonError};

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config;

/// Keeps telemetry going; dropping it sends what is left.
#[derive(Debug)]
pub(crate) struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    #[error("`telemetry.log` is not a filter: {0}")]
    Filter(String),
    #[error("`telemetry.otlp`: {0}")]
    Otlp(String),
    #[error("telemetry was started twice")]
    Twice,
    #[error("telemetry was not started")]
    NotStarted,
}

/// Starts logging and tracing for the whole process.
pub(crate) fn start(settings: &config::Telemetry) -> Result<Telemetry, TelemetryError> {
    let (filter, handle) = reload::Layer::new(filter(&settings.log)?);
    let provider = trace::provider(settings)?;
    let spans = provider.as_ref().map(trace::layer);
    let subscriber = Registry::default().with(filter).with(spans).with(log::EcsLayer::to_stderr());
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)?;
    *FILTER.lock().unwrap_or_else(PoisonError::into_inner) = Some((handle, settings.log.clone()));
    Ok(Telemetry { provider })
}

/// The filter of this process, and how it is spelt.
static FILTER: Mutex<Option<(reload::Handle<EnvFilter, Registry>, String)>> = Mutex::new(None);

/// What is logged now; empty where nothing is.
pub(crate) fn filter_in_force() -> String {
    let filter = FILTER.lock().unwrap_or_else(PoisonError::into_inner);
    filter.as_ref().map(|(_, text)| text.clone()).unwrap_or_default()
}

/// Changes what is logged, without a restart.
pub(crate) fn change_filter(text: &str) -> Result<(), TelemetryError> {
    let changed = filter(text)?;
    let mut filter = FILTER.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((handle, in_force)) = filter.as_mut() else { return Err(TelemetryError::NotStarted) };
    handle.reload(changed).map_err(|error| TelemetryError::Filter(error.to_string()))?;
    text.clone_into(in_force);
    Ok(())
}

/// What `telemetry.log` means.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(text).map_err(|error| TelemetryError::Filter(error.to_string()))
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(event.action = "traces-lost", error.message = %error, "the last traces were not sent");
        }
    }
}
