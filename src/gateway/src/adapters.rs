//! The adapters, by the names that settings use. A new destination is one line here and one folder in `adapters/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use clearance::adapter::{Adapter, SubjectIndex};
use clearance::words::DestinationName;
use employer::Employer;
use health_insurance_fund::HealthInsuranceFund;
use image_bank::ImageBank;
use patient_portal::PatientPortal;
use prescription_centre::PrescriptionCentre;
use serde::de::DeserializeOwned;
use transport_administration::TransportAdministration;
use x_road::tis::{Tis, TisSettings};

use crate::config::Config;

/// The adapters of the configured destinations, and the patient index.
pub(crate) struct Adapters {
    pub(crate) by_destination: BTreeMap<DestinationName, Arc<dyn Adapter>>,
    pub(crate) index: Option<Arc<dyn SubjectIndex>>,
}

/// Why an adapter cannot be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdapterError {
    #[error("`{at}`: {what}")]
    Settings { at: String, what: String },
    #[error(
        "destination `{name}`: there is no adapter `{adapter}`; there are `employer`, `health-insurance-fund`, \
         `image-bank`, `patient-portal`, `prescription-centre` and `transport-administration`"
    )]
    Unknown { name: DestinationName, adapter: String },
}

/// Builds them.
pub(crate) fn build(config: &Config) -> Result<Adapters, AdapterError> {
    let mut index: Option<Arc<dyn SubjectIndex>> = None;
    let mut by_destination: BTreeMap<_, Arc<dyn Adapter>> = BTreeMap::new();
    for (name, destination) in &config.destinations {
        let at = format!("destinations.{name}");
        let mut table = destination.settings.clone();
        let adapter: Arc<dyn Adapter> = match destination.adapter.as_str() {
            "employer" => Arc::new(Employer::new(settings(&at, &table)?)),
            "image-bank" => Arc::new(ImageBank::new(settings(&at, &table)?)),
            "patient-portal" => {
                if let Some(x_road) = &config.x_road {
                    table.entry("tis").or_insert_with(|| toml::Value::Table(x_road.clone()));
                }
                let adapter = PatientPortal::new(settings(&at, &table)?);
                let adapter = adapter.map_err(|error| wrong(&at, &error))?;
                index = index.or_else(|| adapter.tis().map(|tis| Arc::clone(tis) as _));
                Arc::new(adapter)
            }
            "prescription-centre" => {
                if let Some(x_road) = &config.x_road {
                    table.entry("tis").or_insert_with(|| toml::Value::Table(x_road.clone()));
                }
                let adapter = PrescriptionCentre::new(settings(&at, &table)?);
                let adapter = adapter.map_err(|error| wrong(&at, &error))?;
                index = index.or_else(|| Some(Arc::clone(adapter.tis()) as _));
                Arc::new(adapter)
            }
            "health-insurance-fund" => {
                through_the_security_server(&mut table, config.x_road.as_ref());
                Arc::new(HealthInsuranceFund::new(settings(&at, &table)?))
            }
            "transport-administration" => {
                if let Some(x_road) = &config.x_road {
                    table.entry("tis").or_insert_with(|| toml::Value::Table(x_road.clone()));
                }
                let adapter = TransportAdministration::new(settings(&at, &table)?);
                let adapter = adapter.map_err(|error| wrong(&at, &error))?;
                // One TIS for the adapter and the index, so that a professional's token is fetched once.
                index = adapter.tis().map(|tis| Arc::clone(tis) as _).or(index);
                Arc::new(adapter)
            }
            #[cfg(feature = "test-destination")]
            "shelf" => Arc::new(crate::shelf::Shelf::new(settings(&at, &table)?)),
            adapter => {
                return Err(AdapterError::Unknown { name: name.clone(), adapter: adapter.to_owned() });
            }
        };
        by_destination.insert(name.clone(), adapter);
    }
    if let (None, Some(x_road)) = (&index, &config.x_road) {
        let tis: TisSettings = settings("x_road", x_road)?;
        index = Some(Arc::new(Tis::new(tis).map_err(|error| wrong("x_road", &error))?));
    }
    Ok(Adapters { by_destination, index })
}

/// What `[x_road]` says of the clinic's Security Server holds for a destination that does not say otherwise.
fn through_the_security_server(table: &mut toml::Table, x_road: Option<&toml::Table>) {
    for key in ["peer", "url", "instance", "client"] {
        if let Some(value) = x_road.and_then(|x_road| x_road.get(key)) {
            table.entry(key).or_insert_with(|| value.clone());
        }
    }
}

fn settings<T: DeserializeOwned>(at: &str, table: &toml::Table) -> Result<T, AdapterError> {
    toml::Value::Table(table.clone()).try_into().map_err(|error: toml::de::Error| wrong(at, &error))
}

fn wrong(at: &str, error: &dyn std::error::Error) -> AdapterError {
    AdapterError::Settings { at: at.to_owned(), what: error.to_string() }
}
